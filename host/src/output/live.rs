//! The live view of a gadget that merges: on a terminal, the rows of each interval in place of those before, no more
//! than fit; when the run ends it is taken away, and the result is printed. Elsewhere there is only the result.

use std::io::{IsTerminal, Write};

use console::Term;
use serde_json::Value;

use super::columns::Columns;
use super::text::fit;

/// What is drawn.
#[derive(Default)]
pub(crate) struct Live {
    drawn: bool,
}

impl Live {
    /// Draws `lines` in place of what was drawn before.
    pub(crate) fn draw(&mut self, columns: &Columns, lines: &[u8]) -> std::io::Result<()> {
        if !std::io::stdout().is_terminal() {
            return Ok(());
        }
        let (height, width) = Term::stdout().size();
        let view = view(columns, lines, usize::from(height), usize::from(width))?;
        // The first time, the headings that every run begins with.
        Term::stdout().clear_screen()?;
        self.drawn = true;
        let mut out = std::io::stdout().lock();
        out.write_all(view.as_bytes())?;
        out.flush()
    }

    /// Takes the view away; whether there was one.
    pub(crate) fn clear(&mut self) -> std::io::Result<bool> {
        if self.drawn {
            Term::stdout().clear_screen()?;
        }
        Ok(std::mem::take(&mut self.drawn))
    }
}

/// Headings and the first rows, in `height` lines of which the last stays free for the cursor, none of them so long that
/// it would take two.
fn view(columns: &Columns, lines: &[u8], height: usize, width: usize) -> std::io::Result<String> {
    let mut view = fit(&columns.header(), width).into_owned();
    view.push('\n');
    let rows = lines.split(|it| *it == b'\n').filter(|line| !line.is_empty());
    let mut free = height.saturating_sub(2);
    for line in rows {
        let row: Value = serde_json::from_slice(line)?;
        for line in columns.row(&row).split('\n') {
            if free == 0 {
                return Ok(view);
            }
            view.push_str(&fit(line, width));
            view.push('\n');
            free -= 1;
        }
    }
    Ok(view)
}

#[cfg(test)]
mod tests {
    use gadget_registry::descriptor::Column;

    use super::*;

    #[test]
    fn a_view_is_no_higher_than_the_terminal() {
        let column = Column { field: "n".into(), title: "N".into(), width: 3, right: true, hidden: false };
        let columns = Columns::new(&[column], &[], true);
        let rows: String = (0..10).map(|n| format!("{{\"n\":{n}}}\n")).collect();
        assert_eq!(view(&columns, rows.as_bytes(), 5, 80).unwrap(), "  N\n  0\n  1\n  2\n");
        assert_eq!(view(&columns, rows.as_bytes(), 1, 80).unwrap(), "  N\n");
        assert_eq!(view(&columns, b"", 5, 80).unwrap(), "  N\n");
        assert_eq!(view(&columns, b"{\"n\":1234}\n", 5, 3).unwrap(), "  N\n12…\n");
        let fields = ["n".to_owned(), "picture".to_owned()];
        let columns = Columns::new(&[], &fields, false);
        let row = b"{\"n\":\"1\",\"picture\":\"a\\nb\\n\"}\n";
        assert_eq!(view(&columns, row, 9, 80).unwrap(), "N\n1\na\nb\n");
        assert_eq!(view(&columns, row, 4, 80).unwrap(), "N\n1\na\n");
    }
}
