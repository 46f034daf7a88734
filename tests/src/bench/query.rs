//! What a caller wants of the rows: how fast they are filtered, grouped and sorted on one core, and what they cost a
//! model in each encoding.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use gadgetry_run::encode::{Encoding, encode};
use gadgetry_run::query::{Query, Shaper};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Figure, Table};

/// Rows in a batch: what the pump hands on at once.
const ROWS: u64 = 1000;
const MARK: f64 = 300_000.0;

/// Adds this part's figures.
pub fn measure(table: &mut Table) -> Result<()> {
    let rows = rows();
    let cases = [
        ("`pid > 4100 && comm == \"curl\"`", json!({"filter": "pid > 4100 && comm == \"curl\""})),
        (
            "a filter with `matches`, `in`, a duration, a network and a nested field",
            json!({"filter": "container.name in [\"web\", \"db\"] && latency_us > duration(\"1ms\") && \
                              (path.matches(\"^/usr/.*[.]so\") || src_addr.inCIDR(\"10.0.0.0/8\"))"}),
        ),
        ("`group_by` of one field, count", json!({"group_by": ["comm"]})),
        (
            "`group_by` of two fields, count, sum and p95",
            json!({"group_by": ["container.name", "path"], "aggregate": ["count", "sum(latency_us)", "p95(latency_us)"]}),
        ),
        (
            "filter, then `group_by`",
            json!({"filter": "latency_us > 100 && path.startsWith(\"/usr\")", "group_by": ["comm"]}),
        ),
        ("`sort` by a number, 1,000 kept", json!({"sort": ["-latency_us"]})),
        ("`fields`, three of them", json!({"fields": ["comm", "path", "container.name"]})),
    ];
    for (what, arguments) in cases {
        let measured = rate(&rows, &arguments)?;
        table.add(Figure {
            what: format!("rows through {what}, one core"),
            measured,
            unit: "/s",
            mark: "at least 300 k/s".into(),
            reached: Some(measured >= MARK),
            ..Figure::default()
        });
    }
    encodings(table, &rows)
}

fn rate(rows: &str, arguments: &Value) -> Result<f64> {
    let arguments = arguments.as_object().context("an object")?;
    let query = Arc::new(Query::new(arguments, &schema())?);
    let mut best: f64 = 0.0;
    for _ in 0..3 {
        let mut shaper = Shaper::new(query.clone(), None, 1000);
        let (start, mut count) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_millis(300) {
            std::hint::black_box(shaper.pass(rows.as_bytes(), ROWS));
            count += ROWS;
        }
        std::hint::black_box(shaper.finish());
        best = best.max(count as f64 / start.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// The cost of the same hundred rows in each encoding: bytes and tokens a row.
fn encodings(table: &mut Table, rows: &str) -> Result<()> {
    let rows: Vec<Box<RawValue>> =
        rows.lines().take(100).map(|it| RawValue::from_string(it.to_owned())).collect::<Result<_, _>>()?;
    let list = format!("[{}]", rows.iter().map(|it| it.get()).collect::<Vec<_>>().join(","));
    let texts = [
        ("a JSON list", list),
        ("JSON lines", encode(&rows, Encoding::JsonLines, usize::MAX).text),
        ("a table", encode(&rows, Encoding::PlainTable, usize::MAX).text),
        ("a table, constant columns once", encode(&rows, Encoding::Table, usize::MAX).text),
    ];
    let json = tokens(&texts[0].1);
    for (what, text) in texts {
        for (unit, measured, peer) in [("bytes", text.len(), None), ("tokens", tokens(&text), Some(json))] {
            table.add(Figure {
                what: format!("a row in {what}"),
                measured: measured as f64 / rows.len() as f64,
                unit,
                peer: peer.map(|it| it as f64 / rows.len() as f64),
                peer_name: "a JSON list".into(),
                ..Figure::default()
            });
        }
    }
    Ok(())
}

/// About how many tokens a text is: as the tokenizers of current models cut before they look words up. A word with the
/// space before it is a token for each six letters begun, digits go by threes, and marks by twos where they stand
/// together.
fn tokens(text: &str) -> usize {
    let kind = |it: char| match it {
        _ if it.is_alphabetic() => 0,
        _ if it.is_ascii_digit() => 1,
        _ if it.is_whitespace() => 2,
        _ => 3,
    };
    let mut tokens = 0;
    let mut chars = text.chars().peekable();
    while let Some(first) = chars.next() {
        let mut length = 1;
        while chars.next_if(|it| kind(*it) == kind(first)).is_some() {
            length += 1;
        }
        tokens += match kind(first) {
            0 => usize::div_ceil(length, 6),
            1 => usize::div_ceil(length, 3),
            // A single space belongs to the word behind it.
            2 if length == 1 && first == ' ' => 0,
            2 => 1,
            _ => usize::div_ceil(length, 2),
        };
    }
    tokens
}

fn schema() -> Value {
    let (text, integer) = (json!({"type": "string"}), json!({"type": "integer"}));
    json!({
        "type": "object", "additionalProperties": false,
        "properties": {
            "timestamp": text, "comm": text, "pid": integer, "tid": integer, "uid": integer, "gid": integer,
            "ppid": integer, "parent_comm": text,
            "container": {"type": "object", "properties": {"id": text, "name": text, "image": text}},
            "latency_us": integer, "error": text, "flags": {"type": "array", "items": text}, "path": text,
            "src_addr": text,
        },
    })
}

/// Rows as gadgets write them: the common fields, and some three hundred and fifty bytes in all.
fn rows() -> String {
    const COMMS: [&str; 5] = ["nginx", "postgres", "curl", "python3", "systemd-journal"];
    const CONTAINERS: [&str; 3] = ["web", "db", "batch"];
    let mut lines = String::new();
    for number in 0..ROWS {
        let at = usize::try_from(number).unwrap_or(0);
        let container = CONTAINERS[at / 7 % 3];
        let mut row = json!({
            "timestamp": format!("2026-11-21T05:{:02}:{:02}.{:09}Z", at / 60 % 60, at % 60, number * 7919 % 1_000_000_000),
            "comm": COMMS[at % 5], "pid": 4000 + number % 300, "tid": 4000 + number % 300, "uid": 0, "gid": 0,
            "ppid": 1, "parent_comm": "systemd",
            "container": {"id": format!("{:064x}", at / 7 % 3), "name": container, "image": format!("registry/{container}:1.2")},
            "latency_us": number * 31 % 5000, "flags": ["O_RDONLY", "O_CLOEXEC"],
            "path": format!("/usr/lib/x86_64-linux-gnu/module_{:03}.so", number % 200),
            "src_addr": format!("10.{}.3.{}", number % 4, number % 250),
        });
        if number % 9 == 0 {
            row["error"] = "ENOENT".into();
        }
        lines.push_str(&row.to_string());
        lines.push('\n');
    }
    lines
}
