//! Training of the classifier: which words tell an attack, and from which sum on.
//!
//! What is trained is what is computed: the passage of a text whose weights sum to the most stands for the text, and
//! its weights are moved so that the sums of attacks come above a threshold and those of harmless texts below. The
//! weights begin as the logarithm of how much more often a term stands in attacks. Thresholds are chosen from sums of
//! texts that the weights of their fold have not seen. Everything is in a fixed order, so the same texts give the same
//! weights.

use std::collections::{BTreeMap, HashMap};

use ai_security_engine::likeness::{LONGEST, STEP, Terms, slot};

use crate::corpus::{Label, Text};

/// A term must stand in so many groups of attacks.
const GROUPS: usize = 3;
/// Slots of the table; less than half of them hold a term.
const SLOTS: usize = 1 << 15;
const FOLDS: usize = 5;
const ROUNDS: usize = 60;
/// What each word takes off the sum.
const DRIFT: f32 = 0.35;
/// Harmless texts weigh more: one false alarm is worse than one attack missed.
const CARE: f32 = 12.0;
const RATE: f32 = 0.15;
const DECAY: f32 = 0.0005;
/// How far a threshold is above the sum of such a text.
const MARGIN: f32 = 0.6;
/// Most of harmless texts that may reach the threshold of a verdict, and of a sign.
const SURE: f64 = 0.0006;
const SIGN: f64 = 0.03;

/// A text as the classifier sees it.
struct Sample {
    attack: bool,
    fold: usize,
    /// For each word its terms, by number; unknown ones are left out.
    words: Vec<[Option<u32>; 3]>,
}

/// The trained model, and what it was chosen by.
pub struct Trained {
    /// As the engine reads it.
    pub bytes: Vec<u8>,
    /// What was found out, for who trains.
    pub told: String,
}

/// Trains on `texts`, which are those for training.
pub fn train(texts: &[&Text]) -> Trained {
    let hashes = vocabulary(texts);
    let numbers: HashMap<u32, u32> = (0..).zip(&hashes).map(|(number, hash)| (*hash, number)).collect();
    let samples: Vec<Sample> = texts.iter().map(|text| sample(text, &numbers)).collect();
    // Sums of each text by weights that have not seen it.
    let mut sums = vec![0.0; samples.len()];
    for fold in 0..FOLDS {
        let weights = fit(samples.iter().filter(|it| it.fold != fold), hashes.len());
        for (sum, sample) in sums.iter_mut().zip(&samples).filter(|(_, it)| it.fold == fold) {
            *sum = best(&sample.words, &weights).0;
        }
    }
    let of = |attack: bool| {
        let mut all: Vec<f32> =
            sums.iter().zip(&samples).filter(|(_, it)| it.attack == attack).map(|(sum, _)| *sum).collect();
        all.sort_by(|one, other| other.total_cmp(one));
        all
    };
    let (attacks, benign) = (of(true), of(false));
    let threshold = |share: f64| benign[(benign.len() as f64 * share) as usize];
    let (sure, sign) = (threshold(SURE) + MARGIN, threshold(SIGN));
    let above =
        |sum: f32| 100.0 * attacks.iter().filter(|it| **it >= sum).count() as f64 / attacks.len() as f64;
    let told = format!(
        "{} terms; a verdict from {sure:.2} on finds {:.1} %, a sign from {sign:.2} on {:.1} % of {} attacks; sums of harmless texts: {:.1?}",
        hashes.len(),
        above(sure),
        above(sign),
        attacks.len(),
        &benign[..12],
    );
    let weights = fit(samples.iter(), hashes.len());
    Trained { bytes: table(&hashes, &weights, [DRIFT, sure, sign]), told }
}

/// The terms that stand in enough groups of attacks, in a fixed order.
fn vocabulary(texts: &[&Text]) -> Vec<u32> {
    let mut groups: HashMap<u32, Vec<usize>> = HashMap::new();
    for text in texts.iter().filter(|it| it.label == Label::Attack) {
        for hash in Terms::of(&folded(&text.text)).flat_map(|it| it.hashes) {
            let groups = groups.entry(hash).or_default();
            if groups.len() < GROUPS && !groups.contains(&text.group) {
                groups.push(text.group);
            }
        }
    }
    let mut hashes: Vec<u32> =
        groups.into_iter().filter(|(_, groups)| groups.len() >= GROUPS).map(|(hash, _)| hash).collect();
    hashes.sort_unstable();
    hashes
}

fn folded(text: &str) -> String {
    ai_security_engine::fold(text).into_owned()
}

fn sample(text: &Text, numbers: &HashMap<u32, u32>) -> Sample {
    let words =
        Terms::of(&folded(&text.text)).map(|it| it.hashes.map(|hash| numbers.get(&hash).copied())).collect();
    Sample { attack: text.label == Label::Attack, fold: text.group % FOLDS, words }
}

/// The largest sum of a passage, and the passage: as the engine finds it.
fn best(words: &[[Option<u32>; 3]], weights: &[f32]) -> (f32, usize, usize) {
    let (mut sum, mut start) = (0.0_f32, 0);
    let mut best = (f32::MIN, 0, 0);
    for (at, terms) in words.iter().enumerate() {
        if sum <= 0.0 || at - start >= LONGEST {
            (sum, start) = (0.0, at);
        }
        sum += terms.iter().flatten().map(|term| weights[*term as usize]).sum::<f32>() - DRIFT;
        if sum > best.0 {
            best = (sum, start, at + 1);
        }
    }
    best
}

fn fit<'s>(samples: impl Iterator<Item = &'s Sample>, terms: usize) -> Vec<f32> {
    let samples: Vec<&Sample> = samples.collect();
    let mut weights = first(&samples, terms);
    let mut squares = vec![0.01_f32; terms];
    // The sum that parts attacks from the rest while training.
    let (border, scale) = (6.0_f32, 0.6_f32);
    for round in 0..ROUNDS {
        let rate = RATE / (1.0 + 0.1 * round as f32);
        for at in 0..samples.len() {
            // Another order in each round, the same in each training.
            let sample = samples[(at * 7919 + round * 104_729) % samples.len()];
            let (sum, start, end) = best(&sample.words, &weights);
            let chance = 1.0 / (1.0 + (-(sum - border) * scale).exp());
            let slope = if sample.attack { chance - 1.0 } else { CARE * chance };
            if slope.abs() < 0.01 {
                continue;
            }
            let mut moved: BTreeMap<u32, f32> = BTreeMap::new();
            for term in sample.words[start..end].iter().flatten().flatten() {
                *moved.entry(*term).or_default() += 1.0;
            }
            for (term, count) in moved {
                let term = term as usize;
                let slope = slope * count.min(2.0) + DECAY * weights[term];
                squares[term] += slope * slope;
                weights[term] = (weights[term] - rate * slope / squares[term].sqrt()).clamp(-3.9, 3.9);
            }
        }
    }
    weights
}

/// How much more often a term stands in attacks than in harmless texts, as a logarithm.
fn first(samples: &[&Sample], terms: usize) -> Vec<f32> {
    let (mut counts, mut all) = (vec![[0.0_f32; 2]; terms], [0.0_f32; 2]);
    for sample in samples {
        let class = usize::from(sample.attack);
        all[class] += 1.0;
        let mut seen: Vec<u32> = sample.words.iter().flatten().flatten().copied().collect();
        seen.sort_unstable();
        seen.dedup();
        seen.iter().for_each(|term| counts[*term as usize][class] += 1.0);
    }
    counts
        .iter()
        .map(|[benign, attack]| {
            let odds = ((attack + 0.5) / (all[1] + 1.0)).ln() - ((benign + 0.5) / (all[0] + 1.0)).ln();
            (0.3 * odds).clamp(-1.0, 1.0)
        })
        .collect()
}

fn table(hashes: &[u32], weights: &[f32], head: [f32; 3]) -> Vec<u8> {
    let mut kept: Vec<(u32, i8)> = hashes
        .iter()
        .zip(weights)
        .map(|(hash, weight)| (*hash, (weight / STEP).round() as i8))
        .filter(|(_, weight)| *weight != 0)
        .collect();
    // The weightiest, if there are too many.
    kept.sort_by_key(|(hash, weight)| (std::cmp::Reverse(weight.unsigned_abs()), *hash));
    kept.truncate(SLOTS * 6 / 10);
    kept.sort_unstable();
    let mask = SLOTS as u32 - 1;
    let mut slots = vec![(0_u16, 0_i8); SLOTS];
    for (hash, weight) in kept {
        let (mut at, tag) = slot(hash, mask);
        while slots[at as usize].0 != 0 && slots[at as usize].0 != tag {
            at = (at + 1) & mask;
        }
        slots[at as usize] = (tag, weight);
    }
    let mut bytes: Vec<u8> = head.iter().flat_map(|it| it.to_le_bytes()).collect();
    for (tag, weight) in slots {
        bytes.extend(tag.to_le_bytes());
        bytes.push(weight.cast_unsigned());
    }
    bytes
}
