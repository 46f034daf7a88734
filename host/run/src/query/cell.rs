//! One value of a row, read from its JSON text when it is looked at.

use std::borrow::Cow;
use std::cmp::Ordering;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    /// The row has no such field, or an expression had nothing to compute with.
    Absent,
    Bool(bool),
    /// Wide enough for sums of any 64-bit field.
    Int(i128),
    Float(f64),
    Text(Cow<'a, str>),
    /// A list or an object, as its JSON text.
    Json(&'a [u8]),
}

impl<'a> Cell<'a> {
    /// The value of a JSON text; an empty one is absent, as is `null`.
    #[inline]
    pub(crate) fn read(json: &'a [u8]) -> Self {
        match json {
            [] | [b'n', ..] => Self::Absent,
            [b't', ..] => Self::Bool(true),
            [b'f', ..] => Self::Bool(false),
            [b'{' | b'[', ..] => Self::Json(json),
            [b'"', inside @ .., b'"'] => match (memchr::memchr(b'\\', inside), std::str::from_utf8(inside)) {
                (None, Ok(text)) => Self::Text(Cow::Borrowed(text)),
                _ => serde_json::from_slice(json).map_or(Self::Absent, |text| Self::Text(Cow::Owned(text))),
            },
            _ => number(json),
        }
    }

    /// Order of two values of one type; `None` where there is none.
    #[inline]
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.as_ref().cmp(b.as_ref())),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Json(a), Self::Json(b)) => (a == b).then_some(Ordering::Equal),
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }

    /// The value of a number.
    pub(crate) const fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// An order of all values, for sorting: what cannot be compared goes by its type, what is absent comes last.
    pub(crate) fn sort_order(&self, other: &Self, descending: bool) -> Ordering {
        match self.rank().cmp(&other.rank()) {
            Ordering::Equal => {
                let order = self.compare(other).unwrap_or(Ordering::Equal);
                if descending { order.reverse() } else { order }
            }
            order => order,
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Int(_) | Self::Float(_) => 0,
            Self::Text(_) => 1,
            Self::Bool(_) => 2,
            Self::Json(_) => 3,
            Self::Absent => 4,
        }
    }

    /// The same, without a copy of its text.
    pub(crate) fn borrowed(&self) -> Cell<'_> {
        match self {
            Self::Absent => Cell::Absent,
            Self::Bool(value) => Cell::Bool(*value),
            Self::Int(value) => Cell::Int(*value),
            Self::Float(value) => Cell::Float(*value),
            Self::Text(text) => Cell::Text(Cow::Borrowed(text)),
            Self::Json(json) => Cell::Json(json),
        }
    }

    /// The same, with a text of its own; lists and objects, which have no order, become absent.
    pub(crate) fn into_owned(self) -> Cell<'static> {
        match self {
            Self::Absent | Self::Json(_) => Cell::Absent,
            Self::Bool(value) => Cell::Bool(value),
            Self::Int(value) => Cell::Int(value),
            Self::Float(value) => Cell::Float(value),
            Self::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
        }
    }

    /// Appends its JSON text; nothing for what is absent.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let text = match self {
            Self::Absent => return,
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => serde_json::Value::from(*value).to_string(),
            Self::Text(text) => serde_json::Value::from(text.as_ref()).to_string(),
            Self::Json(json) => return out.extend_from_slice(json),
        };
        out.extend_from_slice(text.as_bytes());
    }
}

#[inline]
fn number(json: &[u8]) -> Cell<'static> {
    let (negative, digits) = match json {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, json),
    };
    if digits.len() <= 18 && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
        let value = digits.iter().fold(0_i64, |value, digit| value * 10 + i64::from(digit - b'0'));
        return Cell::Int(i128::from(if negative { -value } else { value }));
    }
    let Ok(text) = std::str::from_utf8(json) else { return Cell::Absent };
    match (text.parse::<i128>(), text.parse::<f64>()) {
        (Ok(value), _) => Cell::Int(value),
        (_, Ok(value)) => Cell::Float(value),
        _ => Cell::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_and_written() {
        let cases: [(&str, Cell<'_>); 11] = [
            ("true", Cell::Bool(true)),
            ("-5", Cell::Int(-5)),
            ("0", Cell::Int(0)),
            ("18446744073709551615", Cell::Int(u64::MAX.into())),
            ("1.5", Cell::Float(1.5)),
            ("\"a\"", Cell::Text("a".into())),
            ("\"\"", Cell::Text("".into())),
            ("\"a\\n\\u00e4\"", Cell::Text("a\nä".into())),
            ("[1,2]", Cell::Json(b"[1,2]")),
            ("null", Cell::Absent),
            ("", Cell::Absent),
        ];
        for (json, cell) in cases {
            assert_eq!(Cell::read(json.as_bytes()), cell, "{json}");
            let mut out = Vec::new();
            cell.write(&mut out);
            assert_eq!(Cell::read(&out), cell, "{json}");
        }
    }

    #[test]
    fn absent_comes_last_either_way() {
        let mut cells = [Cell::Absent, Cell::Int(1), Cell::Float(2.5), Cell::Int(3)];
        cells.sort_by(|a, b| a.sort_order(b, true));
        assert_eq!(cells, [Cell::Int(3), Cell::Float(2.5), Cell::Int(1), Cell::Absent]);
        cells.sort_by(|a, b| a.sort_order(b, false));
        assert_eq!(cells, [Cell::Int(1), Cell::Float(2.5), Cell::Int(3), Cell::Absent]);
    }
}
