//! docs/deploy.md says what is so.

use std::fmt::Write;

use gadgetry_deploy::{KNOWN, overlays};

use crate::repository;

const BEGIN: &str = "<!-- values: written by `UPDATE=1 cargo test --release --workspace --test deploy` -->\n";
const END: &str = "<!-- end of values -->\n";

fn table() -> String {
    let mut text = String::from("\n| value | | what it does |\n|---|---|---|\n");
    for value in &KNOWN {
        writeln!(text, "| `{}` | {} | {} |", value.key, value.shape, value.about).unwrap();
    }
    text.push('\n');
    text
}

#[test]
fn the_table_of_values_is_the_code_s() {
    let path = repository().join("docs/deploy.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the table's beginning is marked");
    let (found, after) = rest.split_once(END).expect("and its end");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
        return;
    }
    assert_eq!(found, table(), "run the tests with UPDATE=1 and read the difference");
}

#[test]
fn every_overlay_is_told_of() {
    let text = std::fs::read_to_string(repository().join("docs/deploy.md")).unwrap();
    for overlay in overlays() {
        assert!(text.contains(&format!("`{overlay}`")), "{overlay}");
    }
}
