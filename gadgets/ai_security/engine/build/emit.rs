//! The rules as the program's tables.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::automaton::KEY;
use super::rules::{Rule, Start};

/// Bits of the number of a key's bucket.
const BUCKET_BITS: u32 = 14;

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
    // Most rules begin where a word does, so most places need not be asked for them.
    let mut by_key = [BTreeMap::<u32, Vec<usize>>::new(), BTreeMap::new()];
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
                let set = usize::from(rule.start == Start::Word);
                by_key[set].entry(u32::from_le_bytes(*key)).or_default().push(count);
            }
            count += 1;
        }
    }
    let _ = writeln!(out, "];\nstatic AUTOMATA: [Automaton; {count}] = [\n{automata}];");
    let _ = writeln!(out, "const KEY: usize = {KEY};\nconst BUCKET_BITS: u32 = {BUCKET_BITS};");
    for (name, bits, keys) in [("ANYWHERE", 17, &by_key[0]), ("AT_WORDS", 19, &by_key[1])] {
        out.push_str(&key_set(name, bits, keys));
    }
    (out, tables.bytes)
}

/// The keys of the automata that may begin at such places: a filter of so many bits, and the keys by their hash.
fn key_set(name: &str, filter_bits: u32, by_key: &BTreeMap<u32, Vec<usize>>) -> String {
    let hash = |key: u32| key.wrapping_mul(0x9e37_79b1);
    let mut filter = vec![0_u8; 1 << (filter_bits - 3)];
    let mut sorted: Vec<_> = by_key.iter().collect();
    sorted.sort_by_key(|(key, _)| hash(**key));
    let mut buckets = vec![0_usize; (1 << BUCKET_BITS) + 1];
    let (mut keys, mut starts, mut candidates) = (Vec::new(), Vec::new(), Vec::<usize>::new());
    for (key, automata) in sorted {
        let bit = hash(*key) >> (32 - filter_bits);
        filter[(bit >> 3) as usize] |= 1 << (bit & 7);
        buckets[(hash(*key) >> (32 - BUCKET_BITS)) as usize + 1] += 1;
        keys.push(*key);
        starts.push(candidates.len());
        candidates.extend(automata);
    }
    starts.push(candidates.len());
    for at in 1..buckets.len() {
        buckets[at] += buckets[at - 1];
    }
    format!(
        "static {name}: Keys<{}> = Keys {{ filter: &{filter:?}, buckets: &{buckets:?}, keys: &{keys:?}, \
         starts: &{starts:?}, candidates: &{candidates:?} }};\n",
        filter.len(),
    )
}
