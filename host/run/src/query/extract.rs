//! Finds the wanted fields of a row in one pass over its bytes. Nothing is parsed that no one asked for, and the pass
//! ends with the last field wanted: a filter costs what its expression reads, not what the row holds.
//!
//! Rows come from the row checker, so they are JSON on one line. What is not is read as absent; nothing here panics.

use memchr::memchr2;

/// Which fields are wanted, as a tree of their keys, and in which slot each belongs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    root: Vec<Key>,
    paths: Vec<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Key {
    name: Box<[u8]>,
    slot: Option<usize>,
    inner: Vec<Key>,
}

impl Plan {
    /// The slot of the field at `path`, which is wanted from now on.
    pub(crate) fn slot(&mut self, path: &[String]) -> usize {
        if let Some(slot) = self.paths.iter().position(|it| it == path) {
            return slot;
        }
        let slot = self.paths.len();
        self.paths.push(path.to_vec());
        let mut keys = &mut self.root;
        for (at, part) in path.iter().enumerate() {
            let found = keys.iter().position(|it| *it.name == *part.as_bytes());
            let index = found.unwrap_or_else(|| {
                keys.push(Key { name: part.as_bytes().into(), slot: None, inner: Vec::new() });
                keys.len() - 1
            });
            let key = &mut keys[index];
            if at + 1 == path.len() {
                key.slot = Some(slot);
            }
            keys = &mut key.inner;
        }
        slot
    }

    /// Puts the JSON text of each wanted field of `row` in its slot; an empty one is absent.
    pub(crate) fn read<'a>(&self, row: &'a [u8], slots: &mut Vec<&'a [u8]>) {
        slots.clear();
        slots.resize(self.paths.len(), b"");
        let start = space(row, 0);
        if row.get(start) == Some(&b'{') {
            let mut left = self.paths.len();
            object(&self.root, row, start + 1, slots, &mut left);
        }
    }
}

/// Reads the object whose brace is before `at`; where it ended.
fn object<'a>(keys: &[Key], row: &'a [u8], mut at: usize, slots: &mut [&'a [u8]], left: &mut usize) -> usize {
    while *left > 0 {
        at = space(row, at);
        match row.get(at) {
            Some(b'"') => {}
            Some(b',') => {
                at += 1;
                continue;
            }
            Some(b'}') => return at + 1,
            _ => return row.len(),
        }
        let end = string_end(row, at);
        let name = row.get(at + 1..end - 1).unwrap_or_default();
        let start = space(row, space(row, end) + 1);
        let Some(key) = find(keys, name) else {
            at = skip(row, start);
            continue;
        };
        let nested = !key.inner.is_empty() && row.get(start) == Some(&b'{');
        at = if nested { object(&key.inner, row, start + 1, slots, left) } else { skip(row, start) };
        if let Some(slot) = key.slot {
            // An object that was left early, because nothing more is wanted, has to be read to its end.
            let end = if nested { skip(row, start) } else { at };
            slots[slot] = row.get(start..end).unwrap_or_default();
            *left = left.saturating_sub(1);
        }
    }
    row.len()
}

fn find<'k>(keys: &'k [Key], name: &[u8]) -> Option<&'k Key> {
    if let Some(key) = keys.iter().find(|it| *it.name == *name) {
        return Some(key);
    }
    if !name.contains(&b'\\') {
        return None;
    }
    let name = text(name)?;
    keys.iter().find(|it| *it.name == *name.as_bytes())
}

/// What the inside of a JSON string with escapes means.
fn text(inside: &[u8]) -> Option<String> {
    let token = [b"\"", inside, b"\""].concat();
    serde_json::from_slice(&token).ok()
}

/// The items of a list's JSON text.
pub(crate) fn items(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = if list.first() == Some(&b'[') { 1 } else { list.len() };
    std::iter::from_fn(move || {
        loop {
            at = space(list, at);
            match list.get(at) {
                Some(b',') => at += 1,
                None | Some(b']') => return None,
                Some(_) => break,
            }
        }
        let start = at;
        at = skip(list, start).max(start + 1);
        list.get(start..at)
    })
}

fn space(row: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = row.get(at) {
        at += 1;
    }
    at
}

/// Behind the string whose opening quote is at `at`.
fn string_end(row: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    loop {
        let rest = row.get(at..).unwrap_or_default();
        match memchr2(b'"', b'\\', rest) {
            None => return row.len().max(at + 1),
            Some(found) if rest[found] == b'"' => return at + found + 1,
            Some(found) => at += found + 2,
        }
    }
}

/// Behind the value that starts at `at`.
fn skip(row: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    loop {
        match row.get(at) {
            None => return row.len(),
            Some(b'"') => at = string_end(row, at),
            Some(b'{' | b'[') => {
                depth += 1;
                at += 1;
            }
            Some(b'}' | b']') => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            Some(b',' | b':' | b' ' | b'\t' | b'\r' | b'\n') => at += 1,
            Some(_) => {
                while row.get(at).is_some_and(|it| !b",:]}\" \t\r\n".contains(it)) {
                    at += 1;
                }
            }
        }
        if depth == 0 {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn read(row: &str, names: &[&str]) -> Vec<String> {
        let mut plan = Plan::default();
        for name in names {
            plan.slot(&name.split('.').map(str::to_owned).collect::<Vec<_>>());
        }
        let mut slots = Vec::new();
        plan.read(row.as_bytes(), &mut slots);
        slots.iter().map(|it| String::from_utf8_lossy(it).into_owned()).collect()
    }

    #[test]
    fn wanted_fields_are_found_wherever_they_stand() {
        let row = r#"{"a":1,"t":"x\"},{\\","c":{"id":"77","name":"web","in":{"a":[1,{"a":2}]}},"l":[1,"]",[2]],"z":null}"#;
        let cases: [(&[&str], &[&str]); 8] = [
            (&["a"], &["1"]),
            (&["z", "a"], &["null", "1"]),
            (&["t"], &[r#""x\"},{\\""#]),
            (&["c.name"], &["\"web\""]),
            (&["c.name", "c"], &["\"web\"", r#"{"id":"77","name":"web","in":{"a":[1,{"a":2}]}}"#]),
            (&["c", "c.id"], &[r#"{"id":"77","name":"web","in":{"a":[1,{"a":2}]}}"#, "\"77\""]),
            (&["c.in.a", "l"], &["[1,{\"a\":2}]", r#"[1,"]",[2]]"#]),
            (&["no", "a.b", "c.no", "z"], &["", "", "", "null"]),
        ];
        for (names, values) in cases {
            assert_eq!(read(row, names), values, "{names:?}");
        }
        assert_eq!(read(r#" { "a" : 1 , "\u0062" : [ 1 , 2 ] } "#, &["a", "b"]), ["1", "[ 1 , 2 ]"]);
    }

    #[test]
    fn items_are_those_of_the_list() {
        let list = br#"[ 1 , "a,b" ,[2,3],{"x":"]"},null]"#;
        let found: Vec<_> = items(list).map(|it| String::from_utf8_lossy(it).into_owned()).collect();
        assert_eq!(found, ["1", "\"a,b\"", "[2,3]", r#"{"x":"]"}"#, "null"]);
        assert_eq!(items(b"7").count() + items(b"[]").count() + items(b"").count(), 0);
    }

    /// Every cut of a row, and every byte of it replaced: found values may be wrong, but nothing panics or hangs.
    #[test]
    fn broken_rows_do_no_harm() {
        let row = r#"{"a":1,"t":"x\"}","c":{"id":"77"},"l":[1,"]",[2]]}"#;
        let mut whole = 0;
        for cut in 0..=row.len() {
            let found = read(&row[..cut], &["a", "t", "c.id", "l", "no"]);
            whole += usize::from(serde_json::from_str::<Value>(&found[3]).is_ok());
            for byte in *b"\"\\{}[],: \xff" {
                let mut broken = row.as_bytes().to_vec();
                if let Some(it) = broken.get_mut(cut) {
                    *it = byte;
                }
                let mut plan = Plan::default();
                plan.slot(&["l".to_owned()]);
                plan.read(&broken, &mut Vec::new());
                items(&broken).for_each(drop);
            }
        }
        assert!(whole >= 1);
    }
}
