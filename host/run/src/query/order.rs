//! `sort`: the rows a caller wants are the first of all rows in its order, so only these are kept while the run lasts.

use std::cmp::Ordering;

use super::cell::Cell;
use super::extract::Plan;
use super::fields::{RowFields, Type};

/// Fields that rows may be sorted by.
pub(crate) const MAX_KEYS: usize = 8;
/// Bytes of rows kept; what comes later in the order is dropped and counted.
const MAX_BYTES: usize = 64 << 20;

/// By which fields, and which way.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    plan: Plan,
    /// For each slot whether it descends.
    descending: Vec<bool>,
}

impl Order {
    /// Reads `field` (ascending) and `-field` (descending), the most significant first.
    pub(crate) fn compile(keys: &[String], fields: &RowFields) -> Result<Self, String> {
        let mut order = Self { plan: Plan::default(), descending: Vec::new() };
        for key in keys {
            let (name, descending) = match key.trim().strip_prefix('-') {
                Some(name) => (name, true),
                None => (key.trim(), false),
            };
            let field = fields.find(name)?;
            if matches!(field.kind, Type::List(_) | Type::Object) {
                return Err(format!("`{name}` is {}, which has no order", field.kind.name()));
            }
            if order.plan.slot(&field.path) < order.descending.len() {
                return Err(format!("`{name}` is named twice"));
            }
            order.descending.push(descending);
        }
        Ok(order)
    }

    fn compare(&self, a: &Kept, b: &Kept) -> Ordering {
        let keys = a.keys.iter().zip(&b.keys).zip(&self.descending);
        let mut orders = keys.map(|((a, b), descending)| a.sort_order(b, *descending));
        // Rows that the order does not tell apart stay as they came.
        orders.find(|it| it.is_ne()).unwrap_or_else(|| a.number.cmp(&b.number))
    }
}

#[derive(Debug)]
struct Kept {
    keys: Vec<Cell<'static>>,
    number: u64,
    row: Box<[u8]>,
}

/// The first rows of a run, in an [`Order`].
#[derive(Debug)]
pub(crate) struct Sorted {
    most: usize,
    rows: Vec<Kept>,
    bytes: usize,
    number: u64,
    /// Rows that are not among the first.
    pub(crate) dropped: u64,
}

impl Sorted {
    /// Keeps the first `most` rows.
    pub(crate) const fn new(most: usize) -> Self {
        Self { most, rows: Vec::new(), bytes: 0, number: 0, dropped: 0 }
    }

    /// How many rows are wanted.
    pub(crate) const fn most(&self) -> usize {
        self.most
    }

    /// Takes a row in, without its newline. `slots` is scratch space.
    pub(crate) fn add<'a>(&mut self, order: &Order, row: &'a [u8], slots: &mut Vec<&'a [u8]>) {
        order.plan.read(row, slots);
        let keys = slots.iter().map(|json| Cell::read(json).into_owned()).collect();
        self.bytes += row.len();
        self.rows.push(Kept { keys, number: self.number, row: row.into() });
        self.number += 1;
        // Sorted now and then, not for each row: twice the room makes that cheap.
        if self.rows.len() >= self.most.saturating_mul(2).max(64) {
            self.cut(order, self.most, usize::MAX);
        }
        if self.bytes > MAX_BYTES {
            self.cut(order, self.most, MAX_BYTES / 2);
        }
    }

    fn cut(&mut self, order: &Order, most: usize, bytes: usize) {
        self.rows.sort_unstable_by(|a, b| order.compare(a, b));
        let mut kept = 0;
        let fits = self.rows.iter().take(most).take_while(|it| {
            kept += it.row.len();
            kept <= bytes
        });
        let keep = fits.count();
        self.dropped += (self.rows.len() - keep) as u64;
        self.rows.truncate(keep);
        self.bytes = self.rows.iter().map(|it| it.row.len()).sum();
    }

    /// The rows in order, each ended by a newline, and how many.
    pub(crate) fn finish(mut self, order: &Order) -> (Vec<u8>, u64, u64) {
        self.cut(order, self.most, usize::MAX);
        let mut out = Vec::with_capacity(self.bytes + self.rows.len());
        for kept in &self.rows {
            out.extend_from_slice(&kept.row);
            out.push(b'\n');
        }
        (out, self.rows.len() as u64, self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields() -> RowFields {
        RowFields::of_schema(&json!({"additionalProperties": false, "properties": {
            "n": {"type": "integer"}, "comm": {"type": "string"}, "args": {"type": "array"}}}))
    }

    fn sorted(keys: &[&str], most: usize, rows: &[&str]) -> (String, u64) {
        let keys: Vec<String> = keys.iter().map(|it| (*it).to_owned()).collect();
        let order = Order::compile(&keys, &fields()).unwrap();
        let mut sorted = Sorted::new(most);
        for row in rows {
            sorted.add(&order, row.as_bytes(), &mut Vec::new());
        }
        let (lines, count, dropped) = sorted.finish(&order);
        assert_eq!(count + dropped, rows.len() as u64);
        (String::from_utf8(lines).unwrap(), dropped)
    }

    #[test]
    fn rows_are_ordered_and_the_first_kept() {
        let rows =
            [r#"{"n":2,"comm":"b"}"#, r#"{"n":10,"comm":"a"}"#, r#"{"comm":"x"}"#, r#"{"n":2,"comm":"a"}"#];
        let (lines, _) = sorted(&["n", "-comm"], 9, &rows);
        assert_eq!(lines, [rows[0], rows[3], rows[1], rows[2], ""].join("\n"));
        let (lines, dropped) = sorted(&["-n"], 2, &rows);
        assert_eq!((lines, dropped), ([rows[1], rows[0], ""].join("\n"), 2));
    }

    #[test]
    fn the_first_of_many_are_the_same_as_when_all_are_sorted() {
        let rows: Vec<String> = (0..5000_u64).map(|it| format!("{{\"n\":{}}}", (it * 7919) % 5000)).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let (lines, dropped) = sorted(&["-n"], 10, &rows);
        let wanted: String = (4990..5000).rev().map(|it| format!("{{\"n\":{it}}}\n")).collect();
        assert_eq!((lines, dropped), (wanted, 4990));
    }

    #[test]
    fn mistakes_are_told() {
        for (key, part) in
            [("nn", "did you mean"), ("-com", "`comm`"), ("args", "no order"), ("", "they have")]
        {
            let error = Order::compile(&[key.to_owned()], &fields()).unwrap_err();
            assert!(error.contains(part), "{key}: {error}");
        }
        assert!(Order::compile(&["n".into(), "-n".into()], &fields()).unwrap_err().contains("twice"));
    }
}
