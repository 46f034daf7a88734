//! From the parsed expression to the one that is evaluated: names are resolved, types are held against each other,
//! and what cannot be evaluated is refused with a remedy.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::eval::{Comparison, Node, Operation};
use super::units;
use crate::query::cell::Cell;
use crate::query::extract::Plan;
use crate::query::fields::{RowFields, Type};

/// Checks `tree`, which must be a test.
pub(super) fn check(tree: &IdedExpr, fields: &RowFields) -> Result<(Node, Plan), String> {
    let mut checker = Checker { fields, plan: Plan::default(), items: Vec::new() };
    let test = checker.test(tree)?;
    Ok((test, checker.plan))
}

/// A checked part: what it evaluates to, and what errors call it.
pub(super) struct Typed {
    pub(super) node: Node,
    pub(super) kind: Type,
    /// The field's name, or the constant as written; empty for what is computed.
    pub(super) name: String,
}

impl Typed {
    pub(super) fn new(node: Node, kind: Type) -> Self {
        Self { node, kind, name: String::new() }
    }

    pub(super) fn constant(cell: Cell<'static>, kind: Type, name: String) -> Self {
        Self { node: Node::Constant(cell), kind, name }
    }

    /// `pid` is an integer.
    pub(super) fn is(&self) -> String {
        let name = if self.name.is_empty() { "a part".to_owned() } else { format!("`{}`", self.name) };
        format!("{name} is {}", self.kind.name())
    }
}

pub(super) type Checked = Result<Typed, String>;

pub(super) struct Checker<'a> {
    pub(super) fields: &'a RowFields,
    pub(super) plan: Plan,
    /// Names that `exists` and `all` give to items, with the items' type; the innermost last.
    pub(super) items: Vec<(String, Type)>,
}

impl Checker<'_> {
    /// A part that must be true or false.
    pub(super) fn test(&mut self, tree: &IdedExpr) -> Result<Node, String> {
        let typed = self.part(tree)?;
        match typed.kind {
            Type::Bool | Type::Any => Ok(typed.node),
            _ => Err(format!("{}, where something true or false is wanted", typed.is())),
        }
    }

    pub(super) fn part(&mut self, tree: &IdedExpr) -> Checked {
        match &tree.expr {
            Expr::Ident(_) | Expr::Select(_) => self.field(tree),
            Expr::Literal(value) => literal(value),
            Expr::Call(call) => self.call(call),
            Expr::List(_) => Err("a list can only stand to the right of `in`".into()),
            Expr::Map(_) | Expr::Struct(_) => Err("maps and messages have no use in a filter".into()),
            Expr::Comprehension(_) | Expr::Unspecified => Err("this cannot be used in a filter".into()),
        }
    }

    /// The dotted name that `tree` spells.
    fn name(tree: &IdedExpr) -> Option<String> {
        match &tree.expr {
            Expr::Ident(name) => Some(name.clone()),
            Expr::Select(select) => Some(format!("{}.{}", Self::name(&select.operand)?, select.field)),
            _ => None,
        }
    }

    fn field(&mut self, tree: &IdedExpr) -> Checked {
        let Some(name) = Self::name(tree) else {
            return Err("only a field of the row has fields: write `container.name`".into());
        };
        if let Some(at) = self.items.iter().rposition(|(item, _)| *item == name) {
            let kind = self.items[at].1.clone();
            return Ok(Typed { node: Node::Item(self.items.len() - 1 - at), kind, name });
        }
        self.named(&name)
    }

    fn named(&mut self, name: &str) -> Checked {
        let field = self.fields.find(name)?;
        let slot = self.plan.slot(&field.path);
        Ok(Typed { node: Node::Field(slot), kind: field.kind, name: field.name })
    }

    fn call(&mut self, call: &CallExpr) -> Checked {
        let comparison = match call.func_name.as_str() {
            operators::EQUALS => Some(Comparison::Equal),
            operators::NOT_EQUALS => Some(Comparison::Unequal),
            operators::LESS => Some(Comparison::Less),
            operators::LESS_EQUALS => Some(Comparison::LessOrEqual),
            operators::GREATER => Some(Comparison::Greater),
            operators::GREATER_EQUALS => Some(Comparison::GreaterOrEqual),
            _ => None,
        };
        let operation = match call.func_name.as_str() {
            operators::ADD => Some(Operation::Add),
            operators::SUBSTRACT => Some(Operation::Subtract),
            operators::MULTIPLY => Some(Operation::Multiply),
            operators::DIVIDE => Some(Operation::Divide),
            operators::MODULO => Some(Operation::Remainder),
            _ => None,
        };
        match (call.func_name.as_str(), call.args.as_slice()) {
            (_, [a, b]) if comparison.is_some() => {
                let comparison = comparison.unwrap_or(Comparison::Equal);
                self.comparison(comparison, a, b)
            }
            (_, [a, b]) if operation.is_some() => {
                let operation = operation.unwrap_or(Operation::Add);
                let (a, b) = (self.part(a)?, self.part(b)?);
                compute(operation, a, b)
            }
            (operators::LOGICAL_AND, all) => Ok(Typed::new(Node::And(self.tests(all)?), Type::Bool)),
            (operators::LOGICAL_OR, all) => Ok(Typed::new(Node::Or(self.tests(all)?), Type::Bool)),
            (operators::LOGICAL_NOT, [inner]) => {
                Ok(Typed::new(Node::Not(Box::new(self.test(inner)?)), Type::Bool))
            }
            (operators::NEGATE, [inner]) => {
                let zero = Typed::constant(Cell::Int(0), Type::Int, "0".into());
                let inner = self.part(inner)?;
                compute(Operation::Subtract, zero, inner)
            }
            (operators::CONDITIONAL, [test, yes, no]) => {
                let (test, yes, no) = (self.test(test)?, self.part(yes)?, self.part(no)?);
                let kind = if yes.kind == no.kind { yes.kind } else { Type::Any };
                Ok(Typed::new(Node::Choose(Box::new([test, yes.node, no.node])), kind))
            }
            (operators::IN, [value, list]) => self.among(value, list),
            (operators::INDEX, [inner, index]) => self.index(inner, index),
            (name, args) => self.function(name, call.target.as_deref(), args),
        }
    }

    fn tests(&mut self, all: &[IdedExpr]) -> Result<Vec<Node>, String> {
        all.iter().map(|it| self.test(it)).collect()
    }

    fn comparison(&mut self, how: Comparison, a: &IdedExpr, b: &IdedExpr) -> Checked {
        // A row leaves out what has no value, so nothing is ever null in it.
        for (this, other) in [(a, b), (b, a)] {
            if matches!(this.expr, Expr::Literal(LiteralValue::Null)) {
                let has = Node::Has(Box::new(self.part(other)?.node));
                return match how {
                    Comparison::Equal => Ok(Typed::new(Node::Not(Box::new(has)), Type::Bool)),
                    Comparison::Unequal => Ok(Typed::new(has, Type::Bool)),
                    _ => Err("nothing is less or greater than null; use `has(field)`".into()),
                };
            }
        }
        let (a, b) = (self.part(a)?, self.part(b)?);
        let (a, b) = alike(a, b)?;
        if matches!(a.kind, Type::List(_) | Type::Object)
            && !matches!(how, Comparison::Equal | Comparison::Unequal)
        {
            return Err(format!("{}, which has no order", a.is()));
        }
        Ok(Typed::new(Node::Compare(how, Box::new([a.node, b.node])), Type::Bool))
    }

    fn among(&mut self, value: &IdedExpr, list: &IdedExpr) -> Checked {
        let value = self.part(value)?;
        let Expr::List(list) = &list.expr else {
            let list = self.part(list)?;
            return match &list.kind {
                Type::List(item) if comparable(&value.kind, item) => {
                    Ok(Typed::new(Node::InList(Box::new([value.node, list.node])), Type::Bool))
                }
                Type::Any => Ok(Typed::new(Node::InList(Box::new([value.node, list.node])), Type::Bool)),
                Type::List(item) => Err(format!(
                    "{}, and `{}` holds none: each item is {}",
                    value.is(),
                    list.name,
                    item.name()
                )),
                _ => {
                    Err(format!("{}, not a list; `in` wants a list: `comm in [\"sh\", \"bash\"]`", list.is()))
                }
            };
        };
        let mut value = value;
        let mut items = Vec::with_capacity(list.elements.len());
        for item in &list.elements {
            let (left, item) = alike(value, self.part(item)?)?;
            value = left;
            items.push(item.node);
        }
        Ok(Typed::new(Node::Among(Box::new(value.node), items), Type::Bool))
    }

    fn index(&mut self, inner: &IdedExpr, index: &IdedExpr) -> Checked {
        match (&index.expr, Self::name(inner)) {
            (Expr::Literal(LiteralValue::String(key)), Some(name)) => {
                self.named(&format!("{name}.{}", key.inner()))
            }
            (Expr::Literal(LiteralValue::Int(at)), _) => {
                let list = self.part(inner)?;
                let kind = match &list.kind {
                    Type::List(item) => item.as_ref().clone(),
                    Type::Any => Type::Any,
                    _ => return Err(format!("{}, and only lists have items", list.is())),
                };
                let at = usize::try_from(*at.inner()).map_err(|_| "an item is counted from 0".to_owned())?;
                Ok(Typed::new(Node::At(Box::new(list.node), at), kind))
            }
            _ => Err("an index is a number, `args[0]`, or a field's name".into()),
        }
    }
}

fn literal(value: &LiteralValue) -> Checked {
    let (cell, kind) = match value {
        LiteralValue::Boolean(value) => (Cell::Bool(*value.inner()), Type::Bool),
        LiteralValue::Int(value) => (Cell::Int((*value.inner()).into()), Type::Int),
        LiteralValue::UInt(value) => (Cell::Int((*value.inner()).into()), Type::Int),
        LiteralValue::Double(value) => (Cell::Float(*value.inner()), Type::Number),
        LiteralValue::String(value) => (Cell::Text(value.inner().to_owned().into()), Type::Text),
        LiteralValue::Bytes(_) => return Err("rows hold no bytes; write a text in plain quotes".into()),
        LiteralValue::Null => {
            return Err("null can only be compared: `error == null`, or use `has(error)`".into());
        }
    };
    let mut name = Vec::new();
    cell.write(&mut name);
    let name = String::from_utf8_lossy(&name).chars().take(60).collect();
    Ok(Typed::constant(cell, kind, name))
}

/// Whether values of the two types can be compared.
fn comparable(a: &Type, b: &Type) -> bool {
    *a == Type::Any || *b == Type::Any || a == b || (a.is_number() && b.is_number())
}

/// Two parts made comparable: a number named after a unit of time becomes a duration beside one.
pub(super) fn alike(a: Typed, b: Typed) -> Result<(Typed, Typed), String> {
    let (a, b) = match (&a.kind, &b.kind) {
        (Type::Duration, other) if *other != Type::Duration => (a, timed(b)?),
        (other, Type::Duration) if *other != Type::Duration => (timed(a)?, b),
        _ => (a, b),
    };
    if comparable(&a.kind, &b.kind) {
        return Ok((a, b));
    }
    let hint = match (&a.kind, &b.kind) {
        (Type::Int | Type::Number, Type::Text) | (Type::Text, Type::Int | Type::Number) => {
            "; numbers stand without quotes, sizes as bytes(\"10MB\"), spans of time as duration(\"5ms\")"
        }
        (Type::List(_), _) | (_, Type::List(_)) => {
            "; write `\"x\" in list` or `list.exists(item, item == \"x\")`"
        }
        _ => "",
    };
    Err(format!("{} and {}: they cannot be compared{hint}", a.is(), b.is()))
}

/// A number as nanoseconds, by the unit its name ends with.
fn timed(typed: Typed) -> Checked {
    match units::unit_of(&typed.name) {
        Some(scale) if typed.kind.is_number() => {
            let scale = Node::Constant(Cell::Int(scale));
            let node = Node::Compute(Operation::Multiply, Box::new([typed.node, scale]));
            Ok(Typed { node, kind: Type::Duration, name: typed.name })
        }
        _ => Err(format!(
            "{}: only a field whose name ends in _ns, _us, _ms or _s can be compared with a duration",
            typed.is()
        )),
    }
}

fn compute(what: Operation, a: Typed, b: Typed) -> Checked {
    let kind = match (what, &a.kind, &b.kind) {
        (Operation::Add, Type::Text, Type::Text) => Type::Text,
        (Operation::Multiply | Operation::Divide, Type::Duration, kind) if kind.is_number() => Type::Duration,
        (Operation::Multiply, kind, Type::Duration) if kind.is_number() => Type::Duration,
        (Operation::Add | Operation::Subtract, Type::Duration, _)
        | (Operation::Add | Operation::Subtract, _, Type::Duration) => {
            let (a, b) = alike(a, b)?;
            return Ok(Typed::new(Node::Compute(what, Box::new([a.node, b.node])), Type::Duration));
        }
        (_, Type::Int, Type::Int) => Type::Int,
        (_, x, y) if x.is_number() && y.is_number() => Type::Number,
        _ => return Err(format!("{} and {}: there is no such computation", a.is(), b.is())),
    };
    Ok(Typed::new(Node::Compute(what, Box::new([a.node, b.node])), kind))
}
