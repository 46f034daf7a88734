//! The rules as the program's tables.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::automaton::KEY;
use super::rules::Rule;

/// Bits of the first filter, which asks of four bytes whether any rule begins so.
const FILTER_BITS: u32 = 16;

/// All tables, one after the other; those that are alike once.
#[derive(Default)]
struct Tables {
    bytes: Vec<u8>,
    places: BTreeMap<Vec<u8>, usize>,
}

impl Tables {
    fn place(&mut self, table: &[u8]) -> usize {
        *self.places.entry(table.to_vec()).or_insert_with(|| {
            self.bytes.extend(table);
            self.bytes.len() - table.len()
        })
    }
}

/// The rules, where their automata are, and by which four bytes each is found.
pub(crate) fn rules(rules: &[Rule]) -> (String, Vec<u8>) {
    let mut tables = Tables::default();
    let mut out =
        String::from("static TABLES: &[u8] = include_bytes!(concat!(env!(\"OUT_DIR\"), \"/tables.bin\"));\n");
    let (mut automata, mut count) = (String::new(), 0);
    let mut by_key = BTreeMap::<u32, Vec<usize>>::new();
    let _ = writeln!(out, "/// All rules.\npub static RULES: [Rule; {}] = [", rules.len());
    for (number, rule) in rules.iter().enumerate() {
        let _ = writeln!(
            out,
            "Rule {{ id: {:?}, category: Category::{:?}, family: {:?}, description: {:?}, score: {}, \
             language: {:?}, fold: {:?}, start: Start::{:?}, end: End::{:?}, check: Check::{:?}, entropy: {:?}, \
             scanner: {}, decode: {} }},",
            rule.id,
            rule.category,
            rule.family,
            rule.description,
            rule.score,
            rule.language,
            !rule.case,
            rule.start,
            rule.end,
            rule.check,
            rule.entropy,
            rule.scanner.map_or("None".into(), |it| format!("Some(Scanner::{it:?})")),
            rule.decode.map_or("None".into(), |it| format!("Some(Decode::{it:?})")),
        );
        for automaton in &rule.automata {
            let parts: String = automaton
                .parts
                .iter()
                .map(|part| {
                    let start = tables.place(&part.table);
                    format!(
                        "Part {{ start: {start}, end: {}, gap: {} }}, ",
                        start + part.table.len(),
                        part.gap
                    )
                })
                .collect();
            let value = automaton.value;
            let _ = writeln!(automata, "Automaton {{ rule: {number}, value: {value}, parts: &[{parts}] }},");
            for key in &automaton.keys {
                by_key.entry(u32::from_le_bytes(*key)).or_default().push(count);
            }
            count += 1;
        }
    }
    let _ = writeln!(out, "];\nstatic AUTOMATA: [Automaton; {count}] = [\n{automata}];");
    let mut filter = vec![0_u8; 1 << (FILTER_BITS - 3)];
    let (mut keys, mut starts, mut candidates) = (Vec::new(), Vec::new(), Vec::new());
    for (key, automata) in by_key {
        let hash = key.wrapping_mul(0x9e37_79b1) >> (32 - FILTER_BITS);
        filter[(hash >> 3) as usize] |= 1 << (hash & 7);
        keys.push(key);
        starts.push(candidates.len());
        candidates.extend(automata);
    }
    starts.push(candidates.len());
    let _ = writeln!(out, "const KEY: usize = {KEY};\nconst FILTER_BITS: u32 = {FILTER_BITS};");
    let _ = writeln!(out, "static FILTER: [u8; {}] = {filter:?};", filter.len());
    let _ = writeln!(out, "static KEYS: [u32; {}] = {keys:?};", keys.len());
    let _ = writeln!(out, "static STARTS: [u32; {}] = {starts:?};", starts.len());
    let _ = writeln!(out, "static CANDIDATES: [u16; {}] = {candidates:?};", candidates.len());
    (out, tables.bytes)
}
