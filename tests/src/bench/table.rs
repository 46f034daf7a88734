//! The figures, as a table for people and as JSON for whoever compares runs.

use comfy_table::presets::ASCII_MARKDOWN;
use serde::Serialize;

/// One line of the table.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// What came out, in `unit`.
    pub measured: f64,
    /// Unit of `measured` and `peer`.
    pub unit: &'static str,
    /// What it must reach, in words; empty when it is only shown.
    pub mark: String,
    /// Whether it does.
    pub reached: Option<bool>,
    /// The peer's figure in the same run.
    pub peer: Option<f64>,
    /// The peer's name.
    pub peer_name: String,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub struct Table(Vec<Figure>);

impl Table {
    /// Adds a figure.
    pub fn add(&mut self, figure: Figure) {
        eprintln!("  {}: {} {}", figure.what, number(figure.measured), figure.unit);
        self.0.push(figure);
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_preset(ASCII_MARKDOWN);
        table.set_header(["figure", "measured", "mark", "reached", "peer", "ratio to peer"]);
        for figure in &self.0 {
            let Figure { what, measured, unit, mark, reached, peer, peer_name } = figure;
            let reached = match reached {
                Some(true) => "yes",
                Some(false) => "NO",
                None => "",
            };
            table.add_row([
                what.clone(),
                format!("{} {unit}", number(*measured)),
                mark.clone(),
                reached.to_owned(),
                peer.map(|it| format!("{} {unit} ({peer_name})", number(it))).unwrap_or_default(),
                peer.map(|it| format!("{:.2}", measured / it)).unwrap_or_default(),
            ]);
        }
        table.to_string()
    }

    /// For programs.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(&self.0).unwrap_or_default()
    }
}

fn number(value: f64) -> String {
    match value {
        _ if value >= 10_000.0 => format!("{:.0} k", value / 1000.0),
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}
