//! The functions an expression can call.

use std::net::IpAddr;

use cel::common::ast::{Expr, IdedExpr, LiteralValue};
use ipnet::IpNet;
use regex::RegexBuilder;

use super::check::{Checked, Checker, Typed};
use super::eval::{Node, TextTest};
use super::units;
use crate::arguments::nearest;
use crate::query::cell::Cell;
use crate::query::fields::Type;

/// What a compiled regular expression may take.
const REGEX_BYTES: usize = 1 << 20;

/// All of them, as a caller writes them.
const NAMES: [&str; 16] = [
    "all",
    "bytes",
    "cidr",
    "contains",
    "duration",
    "endsWith",
    "exists",
    "has",
    "inCIDR",
    "matches",
    "ms",
    "ns",
    "s",
    "size",
    "startsWith",
    "us",
];

impl Checker<'_> {
    /// `target.name(args)`, or `name(args)`. A text function may be written either way, as in CEL.
    pub(super) fn function(&mut self, name: &str, target: Option<&IdedExpr>, args: &[IdedExpr]) -> Checked {
        let all: Vec<&IdedExpr> = target.into_iter().chain(args).collect();
        match (name, all.as_slice()) {
            ("has", [inner]) => Ok(Typed::new(Node::Has(Box::new(self.part(inner)?.node)), Type::Bool)),
            ("size", [inner]) => {
                let inner = self.part(inner)?;
                match inner.kind {
                    Type::Text | Type::List(_) | Type::Any => {
                        Ok(Typed::new(Node::Size(Box::new(inner.node)), Type::Int))
                    }
                    _ => Err(format!("{}, and only texts and lists have a size", inner.is())),
                }
            }
            ("startsWith", [text, part]) => self.text(TextTest::Starts, text, part),
            ("endsWith", [text, part]) => self.text(TextTest::Ends, text, part),
            ("contains", [text, part]) => self.text(TextTest::Contains, text, part),
            ("matches", [inner, pattern]) => {
                let inner = self.wanted_text(inner)?;
                let pattern = text_of(pattern).ok_or("`matches` wants its pattern as a text in quotes")?;
                let regex = RegexBuilder::new(pattern).size_limit(REGEX_BYTES).build();
                let regex = regex.map_err(|error| format!("`matches`: {}", clip(&error.to_string())))?;
                Ok(Typed::new(Node::Matches(Box::new(inner), Box::new(regex)), Type::Bool))
            }
            ("inCIDR", [address, net]) | ("cidr", [net, address]) => {
                let net =
                    text_of(net).ok_or("a network is a text in quotes: cidr(\"10.0.0.0/8\", src_addr)")?;
                let address = self.wanted_text(address)?;
                Ok(Typed::new(Node::InNet(Box::new(address), network(net)?), Type::Bool))
            }
            ("duration", [span]) => {
                let text = text_of(span).ok_or("a duration is a text in quotes: duration(\"5ms\")")?;
                Ok(Typed::constant(Cell::Int(units::duration(text)?), Type::Duration, text.to_owned()))
            }
            ("bytes", [size]) => {
                let text = text_of(size).ok_or("a size is a text in quotes: bytes(\"10MB\")")?;
                Ok(Typed::constant(Cell::Int(units::bytes(text)?), Type::Int, text.to_owned()))
            }
            ("ns", [number]) => span(name, number, 1),
            ("us", [number]) => span(name, number, 1_000),
            ("ms", [number]) => span(name, number, 1_000_000),
            ("s", [number]) => span(name, number, 1_000_000_000),
            ("exists", [list, item, test]) => self.each(false, list, item, test),
            ("all", [list, item, test]) => self.each(true, list, item, test),
            _ if NAMES.contains(&name) => Err(format!(
                "`{name}` is called with {} values, which is not how; see the docs on filters",
                all.len()
            )),
            _ => Err(match nearest(name, NAMES.into_iter()) {
                Some(like) => format!("there is no function `{name}`; did you mean `{like}`?"),
                None => format!("there is no function `{name}`; there are: {}", NAMES.join(", ")),
            }),
        }
    }

    fn wanted_text(&mut self, tree: &IdedExpr) -> Result<Node, String> {
        let typed = self.part(tree)?;
        match typed.kind {
            Type::Text | Type::Any => Ok(typed.node),
            _ => Err(format!("{}, where a text is wanted", typed.is())),
        }
    }

    fn text(&mut self, how: TextTest, text: &IdedExpr, part: &IdedExpr) -> Checked {
        let sides = [self.wanted_text(text)?, self.wanted_text(part)?];
        Ok(Typed::new(Node::Text(how, Box::new(sides)), Type::Bool))
    }

    fn each(&mut self, every: bool, list: &IdedExpr, item: &IdedExpr, test: &IdedExpr) -> Checked {
        let list = self.part(list)?;
        let kind = match &list.kind {
            Type::List(item) => item.as_ref().clone(),
            Type::Any => Type::Any,
            _ => return Err(format!("{}, and only lists have items", list.is())),
        };
        let Expr::Ident(name) = &item.expr else {
            return Err("an item is named before its test: args.exists(arg, arg == \"-c\")".into());
        };
        self.items.push((name.clone(), kind));
        let test = self.test(test);
        self.items.pop();
        let node = Node::Each { list: Box::new(list.node), every, test: Box::new(test?) };
        Ok(Typed::new(node, Type::Bool))
    }
}

fn text_of(tree: &IdedExpr) -> Option<&str> {
    match &tree.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

fn span(unit: &str, number: &IdedExpr, scale: i64) -> Checked {
    let nanoseconds = match &number.expr {
        Expr::Literal(LiteralValue::Int(value)) => i128::from(*value.inner()) * i128::from(scale),
        Expr::Literal(LiteralValue::Double(value)) => (value.inner() * scale as f64) as i128,
        _ => return Err(format!("`{unit}` wants a number: {unit}(5)")),
    };
    Ok(Typed::constant(Cell::Int(nanoseconds), Type::Duration, format!("{unit}(..)")))
}

/// A network, or a single address as the smallest one.
fn network(text: &str) -> Result<IpNet, String> {
    let single = text.parse::<IpAddr>().ok().map(IpNet::from);
    let net = text.parse::<IpNet>().ok().or(single);
    net.ok_or_else(|| format!("`{text}` is no network; write 10.0.0.0/8 or fd00::/8"))
}

fn clip(text: &str) -> String {
    text.replace('\n', " ").chars().take(200).collect()
}
