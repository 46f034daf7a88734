//! A schema as the walk reads it: nodes in one vector, each saying which types it allows and what each type must
//! satisfy. Constraints of different types never meet, which is what makes `anyOf` of distinct types a plain union.

use std::ops::{BitAnd, BitOr};

/// Index of a node in its table.
pub(super) type NodeId = usize;

/// A compiled schema.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
}

impl Table {
    /// Index of the node that allows everything: the first one of every table.
    pub(super) const ANY: NodeId = 0;

    /// A table that allows everything.
    pub(super) const fn any() -> Self {
        Self { nodes: Vec::new(), root: Self::ANY }
    }

    #[inline]
    pub(super) fn node(&self, id: NodeId) -> &Node {
        // A table without nodes allows everything.
        self.nodes.get(id).unwrap_or(&Node::ANY)
    }
}

/// A set of JSON types. Integers and other numbers are told apart; a schema's `number` is both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOL: Self = Self(2);
    pub(super) const INTEGER: Self = Self(4);
    pub(super) const FRACTION: Self = Self(8);
    pub(super) const STRING: Self = Self(16);
    pub(super) const ARRAY: Self = Self(32);
    pub(super) const OBJECT: Self = Self(64);
    pub(super) const NUMBER: Self = Self(4 | 8);
    pub(super) const ALL: Self = Self(127);

    #[inline]
    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// For messages: `a string or null`.
    pub(super) fn describe(self) -> String {
        if self == Self::ALL {
            return "any value".into();
        }
        let names = [
            (Self::STRING, "a string"),
            (Self::NUMBER, "a number"),
            (Self::INTEGER, "an integer"),
            (Self::BOOL, "a boolean"),
            (Self::OBJECT, "an object"),
            (Self::ARRAY, "an array"),
            (Self::NULL, "null"),
        ];
        let mut words: Vec<&str> =
            names.iter().filter(|(types, _)| self.has(*types)).map(|it| it.1).collect();
        if self.has(Self::NUMBER) {
            words.retain(|word| *word != "an integer");
        }
        if words.is_empty() { "no such field".into() } else { words.join(" or ") }
    }
}

impl BitOr for Types {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Types {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// What a value may be.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) types: Types,
    /// For numbers.
    pub(super) range: Option<Range>,
    /// For strings: the only ones allowed.
    pub(super) strings: Option<Box<[Box<str>]>>,
    /// For arrays.
    pub(super) array: Option<Array>,
    /// For objects.
    pub(super) object: Option<Box<Object>>,
}

impl Node {
    pub(super) const ANY: Self =
        Self { types: Types::ALL, range: None, strings: None, array: None, object: None };
    pub(super) const NEVER: Self = Self { types: Types::NONE, ..Self::ANY };
}

/// Limits of a number: exact for integers, as doubles for the rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) low: i128,
    pub(super) high: i128,
    pub(super) low_real: f64,
    pub(super) high_real: f64,
}

impl Range {
    pub(super) const ALL: Self =
        Self { low: i128::MIN, high: i128::MAX, low_real: f64::NEG_INFINITY, high_real: f64::INFINITY };

    /// Whether a number that was not written as an integer is inside.
    pub(super) fn holds(&self, value: f64) -> bool {
        // Close to the limits of 64 bits, doubles are too coarse to compare integers with; 128 bits are not.
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and then the doubles decide")]
        let exact = || (self.low..=self.high).contains(&(value as i128));
        (self.low_real..=self.high_real).contains(&value) && (value.fract() != 0.0 || exact())
    }

    /// For messages: `0 to 255`, `at least 0`.
    pub(super) fn describe(&self) -> String {
        match (self.low_real.is_finite(), self.high_real.is_finite()) {
            (true, true) => format!("{} to {}", self.low_text(), self.high_text()),
            (true, false) => format!("at least {}", self.low_text()),
            (false, _) => format!("at most {}", self.high_text()),
        }
    }

    fn low_text(&self) -> String {
        if self.low_real.fract() == 0.0 { self.low.to_string() } else { self.low_real.to_string() }
    }

    fn high_text(&self) -> String {
        if self.high_real.fract() == 0.0 { self.high.to_string() } else { self.high_real.to_string() }
    }
}

/// What an array holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Array {
    pub(super) items: NodeId,
    pub(super) least: usize,
    pub(super) most: usize,
}

/// What an object holds.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// In declared order, in which rows are expected to have them. At most 64: [`Self::required`] and the walk keep
    /// one bit for each.
    pub(super) fields: Vec<Field>,
    /// Bits of the fields that must be there.
    pub(super) required: u64,
    /// What fields that are not declared must be; `None`: they are refused.
    pub(super) rest: Option<NodeId>,
}

/// A declared field.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// As rows have it: `"comm":`.
    pub(super) key: Box<[u8]>,
    pub(super) name: Box<str>,
    pub(super) node: NodeId,
}
