//! The checked expression, and its value for one row.

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;
use regex::Regex;

use crate::query::cell::Cell;
use crate::query::extract::items;

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// An operation on numbers; [`Self::Add`] also joins texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A test of a text with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextTest {
    Starts,
    Ends,
    Contains,
}

/// A part of an expression.
#[derive(Debug)]
pub(super) enum Node {
    Constant(Cell<'static>),
    /// A field of the row, by its slot.
    Field(usize),
    /// The item that the `depth`th enclosing `exists` or `all` is at, from the inside.
    Item(usize),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
    Choose(Box<[Self; 3]>),
    Has(Box<Self>),
    Compare(Comparison, Box<[Self; 2]>),
    Compute(Operation, Box<[Self; 2]>),
    Among(Box<Self>, Vec<Self>),
    InList(Box<[Self; 2]>),
    Matches(Box<Self>, Box<Regex>),
    Text(TextTest, Box<[Self; 2]>),
    Size(Box<Self>),
    At(Box<Self>, usize),
    InNet(Box<Self>, IpNet),
    /// Whether the test holds for some item of the list, or for every one.
    Each {
        list: Box<Self>,
        every: bool,
        test: Box<Self>,
    },
}

/// The items that enclosing `exists` and `all` are at, the innermost first.
#[derive(Clone, Copy)]
pub(super) struct Items<'s, 'a> {
    item: &'a [u8],
    outer: Option<&'s Items<'s, 'a>>,
}

impl Node {
    /// Its value as a test; what is absent is false.
    pub(super) fn test<'a>(&'a self, row: &[&'a [u8]], at: Option<&Items<'_, 'a>>) -> bool {
        match self {
            Self::Not(inner) => !inner.test(row, at),
            Self::And(all) => all.iter().all(|it| it.test(row, at)),
            Self::Or(all) => all.iter().any(|it| it.test(row, at)),
            Self::Has(inner) => inner.value(row, at) != Cell::Absent,
            Self::Compare(how, sides) => {
                let order = sides[0].value(row, at).compare(&sides[1].value(row, at));
                order.is_some_and(|order| how.holds(order))
            }
            Self::Among(inner, list) => {
                let value = inner.value(row, at);
                list.iter().any(|it| same(&value, &it.value(row, at)))
            }
            Self::InList(sides) => {
                let (value, list) = (sides[0].value(row, at), sides[1].value(row, at));
                match list {
                    Cell::Json(list) => items(list).any(|item| same(&value, &Cell::read(item))),
                    _ => false,
                }
            }
            Self::Matches(inner, regex) => match inner.value(row, at) {
                Cell::Text(text) => regex.is_match(&text),
                _ => false,
            },
            Self::Text(how, sides) => match (sides[0].value(row, at), sides[1].value(row, at)) {
                (Cell::Text(text), Cell::Text(part)) => match how {
                    TextTest::Starts => text.starts_with(part.as_ref()),
                    TextTest::Ends => text.ends_with(part.as_ref()),
                    TextTest::Contains => text.contains(part.as_ref()),
                },
                _ => false,
            },
            Self::InNet(inner, net) => match inner.value(row, at) {
                Cell::Text(text) => text.parse::<IpAddr>().is_ok_and(|ip| net.contains(&ip.to_canonical())),
                _ => false,
            },
            Self::Each { list, every, test } => match list.value(row, at) {
                Cell::Json(list) => {
                    let mut tests = items(list).map(|item| test.test(row, Some(&Items { item, outer: at })));
                    if *every { tests.all(|it| it) } else { tests.any(|it| it) }
                }
                _ => false,
            },
            Self::Constant(_)
            | Self::Field(_)
            | Self::Item(_)
            | Self::Choose(_)
            | Self::Compute(..)
            | Self::Size(_)
            | Self::At(..) => self.value(row, at) == Cell::Bool(true),
        }
    }

    /// Its value.
    fn value<'a>(&'a self, row: &[&'a [u8]], at: Option<&Items<'_, 'a>>) -> Cell<'a> {
        match self {
            Self::Constant(cell) => cell.borrowed(),
            Self::Field(slot) => row.get(*slot).map_or(Cell::Absent, |json| Cell::read(json)),
            Self::Item(depth) => {
                let mut items = at;
                for _ in 0..*depth {
                    items = items.and_then(|it| it.outer);
                }
                items.map_or(Cell::Absent, |it| Cell::read(it.item))
            }
            Self::Choose(parts) => {
                let [test, yes, no] = parts.as_ref();
                if test.test(row, at) { yes.value(row, at) } else { no.value(row, at) }
            }
            Self::Compute(what, sides) => what.compute(sides[0].value(row, at), sides[1].value(row, at)),
            Self::Size(inner) => match inner.value(row, at) {
                Cell::Text(text) => Cell::Int(text.chars().count() as i128),
                Cell::Json(list) => Cell::Int(items(list).count() as i128),
                _ => Cell::Absent,
            },
            Self::At(inner, index) => match inner.value(row, at) {
                Cell::Json(list) => items(list).nth(*index).map_or(Cell::Absent, Cell::read),
                _ => Cell::Absent,
            },
            _ => Cell::Bool(self.test(row, at)),
        }
    }
}

fn same(a: &Cell<'_>, b: &Cell<'_>) -> bool {
    a.compare(b) == Some(Ordering::Equal)
}

impl Comparison {
    const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Operation {
    /// Absent where there is no result: a side is absent, a division by zero, a number beyond all bounds.
    fn compute<'a>(self, a: Cell<'a>, b: Cell<'a>) -> Cell<'a> {
        match (a, b) {
            (Cell::Int(a), Cell::Int(b)) => {
                let result = match self {
                    Self::Add => a.checked_add(b),
                    Self::Subtract => a.checked_sub(b),
                    Self::Multiply => a.checked_mul(b),
                    Self::Divide => a.checked_div(b),
                    Self::Remainder => a.checked_rem(b),
                };
                result.map_or(Cell::Absent, Cell::Int)
            }
            (Cell::Text(a), Cell::Text(b)) if self == Self::Add => Cell::Text(a + b),
            (a, b) => {
                let (Some(a), Some(b)) = (a.number(), b.number()) else { return Cell::Absent };
                let result = match self {
                    Self::Add => a + b,
                    Self::Subtract => a - b,
                    Self::Multiply => a * b,
                    Self::Divide => a / b,
                    Self::Remainder => a % b,
                };
                if result.is_finite() { Cell::Float(result) } else { Cell::Absent }
            }
        }
    }
}
