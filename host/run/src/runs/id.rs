//! Names of runs, and places within them. Whoever has the name of a run and is its owner may read it, so a name is
//! drawn at random; and as models copy it from call to call, it is short.

/// Letters that are not mistaken for one another; 32 of them, so that five bits choose one.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A fresh name: 80 random bits.
pub(super) fn fresh() -> Result<String, getrandom::Error> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random)?;
    Ok(random.iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect())
}

/// A place in a run: behind its first `row` rows.
pub(super) fn cursor(id: &str, row: u64) -> String {
    format!("{id}.{row}")
}

/// The run and the row that a cursor names.
pub(super) fn parse(cursor: &str) -> Option<(&str, u64)> {
    let (id, row) = cursor.split_once('.')?;
    Some((id, row.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_cursors_are_read_back() {
        let (a, b) = (fresh().unwrap(), fresh().unwrap());
        assert!(a != b && a.len() == 16);
        assert_eq!(parse(&cursor(&a, 7)), Some((a.as_str(), 7)));
        for wrong in ["", "a", "a.", "a.x", "a.-1"] {
            assert_eq!(parse(wrong), None);
        }
    }
}
