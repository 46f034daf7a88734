//! From a regular expression to the table that is searched at run time.
//!
//! The automaton is anchored: it is started where a rule may begin, which its first four bytes tell. A table is a list
//! of states, each the ranges of bytes that lead on and where to; every other byte ends the search. There is no
//! backtracking to be had, and a pattern whose table would be large is refused.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};

/// States are named by their place in the table, in two bytes.
const MAX_TABLE: usize = 48 * 1024;
/// What the automaton may take while it is made.
const MAX_WORK: usize = 8 << 20;
/// The first bytes by which a rule is found.
pub(crate) const KEY: usize = 4;
/// A rule that begins with nearly anything would be tried nearly everywhere.
const MAX_KEYS: usize = 8000;

/// A state: what leads on from it, and whether a match may end at it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    accepts: bool,
    ranges: Vec<(u8, u8, usize)>,
}

/// An anchored automaton.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    states: Vec<State>,
}

impl Table {
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        let nfa = thompson::Compiler::new()
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .configure(thompson::Config::new().utf8(false).nfa_size_limit(Some(MAX_WORK)))
            .build(pattern)
            .map_err(|e| reasons(&e))?;
        // Whether a match may end is asked of a state alone, not of what comes after it.
        if !nfa.look_set_any().is_empty() {
            return Err(
                "the pattern has an anchor or a word boundary; say that with `start` and `end`".into()
            );
        }
        let dfa = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Anchored)
                    // The longest match: which alternative comes first does not matter.
                    .match_kind(MatchKind::All)
                    .accelerate(false)
                    .dfa_size_limit(Some(MAX_WORK))
                    .determinize_size_limit(Some(MAX_WORK)),
            )
            .build_from_nfa(&nfa)
            .map_err(|e| reasons(&e))?;
        let start =
            dfa.start_state(&start::Config::new().anchored(Anchored::Yes)).map_err(|e| e.to_string())?;
        Ok(Self { states: minimal(&useful(explore(&dfa, start))) })
    }

    /// The lower-case forms of the first four bytes of all that matches. If more `follows`, one byte of it may be among
    /// them.
    pub(crate) fn keys(&self, follows: bool) -> Result<BTreeSet<[u8; KEY]>, String> {
        let mut open = vec![(0, Vec::new())];
        let mut keys = BTreeSet::new();
        while let Some((state, bytes)) = open.pop() {
            let it: &State = &self.states[state];
            if let Ok(key) = <[u8; KEY]>::try_from(bytes.as_slice()) {
                keys.insert(key);
                if keys.len() > MAX_KEYS {
                    return Err(format!(
                        "the pattern may begin in more than {MAX_KEYS} ways; begin it with what is rarer"
                    ));
                }
                continue;
            }
            if it.accepts && follows && bytes.len() + 1 == KEY {
                let any = (0..=u8::MAX).map(|byte| byte.to_ascii_lowercase());
                keys.extend(any.map(|byte| [bytes[0], bytes[1], bytes[2], byte]));
            } else if it.accepts {
                return Err(format!("the pattern matches fewer than {KEY} bytes"));
            }
            let mut seen = BTreeSet::new();
            for &(low, high, next) in &it.ranges {
                for byte in (low..=high).map(|byte| byte.to_ascii_lowercase()) {
                    if seen.insert((byte, next)) {
                        open.push((next, [bytes.as_slice(), &[byte]].concat()));
                    }
                }
            }
        }
        Ok(keys)
    }

    /// The table: for each state a byte with the number of ranges and, as its highest bit, whether it accepts; then
    /// the ranges, each the lowest and the highest byte and the place of the next state.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, String> {
        let mut places = Vec::with_capacity(self.states.len());
        let mut size = 0;
        for state in &self.states {
            places.push(size);
            size += 1 + 4 * state.ranges.len();
        }
        if size > MAX_TABLE {
            return Err(format!(
                "the pattern makes an automaton of {size} bytes, and {MAX_TABLE} is the limit; bound its repetitions"
            ));
        }
        let mut bytes = Vec::with_capacity(size);
        for state in &self.states {
            let count = u8::try_from(state.ranges.len()).ok().filter(|count| *count < 0x80);
            bytes.push(count.ok_or("a state has too many ranges")? | u8::from(state.accepts) << 7);
            for &(low, high, next) in &state.ranges {
                let place = u16::try_from(places[next]).map_err(|e| e.to_string())?;
                bytes.extend([low, high]);
                bytes.extend(place.to_le_bytes());
            }
        }
        Ok(bytes)
    }
}

fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn explore(dfa: &dense::DFA<Vec<u32>>, start: StateID) -> Vec<State> {
    let mut numbers = BTreeMap::from([(start, 0)]);
    let mut states = Vec::new();
    let mut open = VecDeque::from([start]);
    while let Some(id) = open.pop_front() {
        // The automaton tells of a match one byte late; at the end of input it tells at once.
        let accepts = dfa.is_match_state(dfa.next_eoi_state(id));
        let mut ranges: Vec<(u8, u8, usize)> = Vec::new();
        for byte in 0..=u8::MAX {
            let next = dfa.next_state(id, byte);
            if dfa.is_dead_state(next) {
                continue;
            }
            let count = numbers.len();
            let number = *numbers.entry(next).or_insert_with(|| {
                open.push_back(next);
                count
            });
            match ranges.last_mut() {
                Some((_, high, last)) if *last == number && *high + 1 == byte => *high = byte,
                _ => ranges.push((byte, byte, number)),
            }
        }
        states.push(State { accepts, ranges });
    }
    states
}

/// Without the states from which no match is reached.
fn useful(mut states: Vec<State>) -> Vec<State> {
    let mut useful: Vec<bool> = states.iter().map(|state| state.accepts).collect();
    loop {
        let before = useful.iter().filter(|it| **it).count();
        for (number, state) in states.iter().enumerate().rev() {
            useful[number] |= state.ranges.iter().any(|range| useful[range.2]);
        }
        if useful.iter().filter(|it| **it).count() == before {
            break;
        }
    }
    for state in &mut states {
        state.ranges.retain(|range| useful[range.2]);
    }
    states
}

/// States that can't be told apart become one (Moore), and those not reached are left out. The first stays the first.
fn minimal(states: &[State]) -> Vec<State> {
    let mut groups: Vec<usize> = states.iter().map(|state| usize::from(state.accepts)).collect();
    let signature = |state: &State, groups: &[usize], own: usize| {
        let mut ranges: Vec<(u8, u8, usize)> = Vec::new();
        for &(low, high, next) in &state.ranges {
            match ranges.last_mut() {
                Some((_, end, group)) if *group == groups[next] && *end + 1 == low => *end = high,
                _ => ranges.push((low, high, groups[next])),
            }
        }
        (own, ranges)
    };
    let mut count = 0;
    loop {
        let mut known = BTreeMap::new();
        let next: Vec<usize> = states
            .iter()
            .enumerate()
            .map(|(number, state)| {
                let fresh = known.len();
                *known.entry(signature(state, &groups, groups[number])).or_insert(fresh)
            })
            .collect();
        groups = next;
        if known.len() == count {
            break;
        }
        count = known.len();
    }
    let mut first: BTreeMap<usize, usize> = BTreeMap::new();
    for (number, group) in groups.iter().enumerate() {
        first.entry(*group).or_insert(number);
    }
    let (mut order, mut places) = (vec![groups[0]], BTreeMap::from([(groups[0], 0)]));
    let mut out = Vec::new();
    while let Some(group) = order.get(out.len()).copied() {
        let state = &states[first[&group]];
        let mut ranges = signature(state, &groups, 0).1;
        for range in &mut ranges {
            let fresh = places.len();
            range.2 = *places.entry(range.2).or_insert_with(|| {
                order.push(range.2);
                fresh
            });
        }
        out.push(State { accepts: state.accepts, ranges });
    }
    out
}
