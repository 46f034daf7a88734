//! Secrets: of each well-known format samples as its issuer makes them, check sums included, and the source code of the
//! crates that this repository is built from, in which there are none.
//!
//! A file counts once, however much is found in it, and so does a line: a person looks at files. Real private keys,
//! which crates have for their tests, are told apart: they are secrets.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use ai_security_engine::{Category, Engine, Options, Side};
use anyhow::{Context, Result};

use crate::injection::Share;

/// Samples of each format.
const SAMPLES: usize = 300;

const DIGITS: &str = "0123456789";
const HEX: &str = "0123456789abcdef";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BECH32: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE62: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A part of a token.
enum Part {
    /// As it stands.
    Is(&'static str),
    /// So many of these.
    Of(&'static str, usize),
    /// Thirty of base 62, and six that are their CRC-32.
    Checked,
}

use Part::{Checked, Is, Of};

/// The formats: a name, and what a token is made of.
#[rustfmt::skip]
fn formats() -> Vec<(&'static str, Vec<Part>)> {
    vec![
        ("Amazon access key", vec![Is("AKIA"), Of(BASE32, 16)]),
        ("Amazon temporary key", vec![Is("ASIA"), Of(BASE32, 16)]),
        ("Amazon secret key", vec![Is("aws_secret_access_key = "), Of(BASE64, 40)]),
        ("Google API key", vec![Is("AIza"), Of(URL64, 35)]),
        ("Google client secret", vec![Is("GOCSPX-"), Of(URL64, 28)]),
        ("Google OAuth token", vec![Is("ya29."), Of(URL64, 120)]),
        ("Azure storage key", vec![Is("AccountName=a;AccountKey="), Of(BASE64, 86), Is("==")]),
        ("Azure client secret", vec![Of(BASE62, 3), Is("8Q~"), Of(URL64, 34)]),
        ("GitHub personal token", vec![Is("ghp_"), Checked]),
        ("GitHub OAuth token", vec![Is("gho_"), Checked]),
        ("GitHub server token", vec![Is("ghs_"), Checked]),
        ("GitHub refresh token", vec![Is("ghr_"), Checked]),
        ("GitHub fine-grained token", vec![Is("github_pat_"), Of(BASE62, 22), Is("_"), Of(BASE62, 59)]),
        ("GitLab token", vec![Is("glpat-"), Of(URL64, 20)]),
        ("Slack bot token", vec![Is("xoxb-"), Of(DIGITS, 12), Is("-"), Of(DIGITS, 12), Is("-"), Of(BASE62, 24)]),
        ("Slack webhook", vec![Is("https://hooks.slack.com/services/T"), Of(UPPER, 8), Is("/B"), Of(UPPER, 8), Is("/"), Of(BASE62, 24)]),
        ("Stripe key", vec![Is("sk_live_"), Of(BASE62, 24)]),
        ("Stripe restricted key", vec![Is("rk_live_"), Of(BASE62, 99)]),
        ("Stripe webhook secret", vec![Is("whsec_"), Of(BASE62, 32)]),
        ("OpenAI key", vec![Is("sk-"), Of(BASE62, 20), Is("T3BlbkFJ"), Of(BASE62, 20)]),
        ("OpenAI project key", vec![Is("sk-proj-"), Of(URL64, 74), Is("T3BlbkFJ"), Of(URL64, 74)]),
        ("Anthropic key", vec![Is("sk-ant-api03-"), Of(URL64, 93), Is("AA")]),
        ("npm token", vec![Is("npm_"), Checked]),
        ("PyPI token", vec![Is("pypi-AgEIcHlwaS5vcmc"), Of(URL64, 150)]),
        ("crates.io token", vec![Is("cio"), Of(BASE62, 32)]),
        ("Telegram token", vec![Of(DIGITS, 10), Is(":AA"), Of(URL64, 33)]),
        ("Twilio key", vec![Is("SK"), Of(HEX, 32)]),
        ("SendGrid key", vec![Is("SG."), Of(URL64, 22), Is("."), Of(URL64, 43)]),
        ("Mailgun key", vec![Is("key-"), Of(HEX, 32)]),
        ("Hugging Face token", vec![Is("hf_"), Of(LETTERS, 34)]),
        ("DigitalOcean token", vec![Is("dop_v1_"), Of(HEX, 64)]),
        ("Databricks token", vec![Is("dapi"), Of(HEX, 32)]),
        ("Shopify token", vec![Is("shpat_"), Of(HEX, 32)]),
        ("Vault token", vec![Is("hvs."), Of(URL64, 90)]),
        ("Docker token", vec![Is("dckr_pat_"), Of(URL64, 27)]),
        ("Grafana token", vec![Is("glsa_"), Of(BASE62, 32), Is("_"), Of(HEX, 8)]),
        ("Linear key", vec![Is("lin_api_"), Of(BASE62, 40)]),
        ("Square token", vec![Is("sq0atp-"), Of(URL64, 22)]),
        ("New Relic key", vec![Is("NRAK-"), Of(UPPER, 27)]),
        ("age key", vec![Is("AGE-SECRET-KEY-1"), Of(BECH32, 58)]),
        ("JSON web token", vec![Is("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0."), Of(URL64, 43)]),
        ("private key", vec![Is("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC"), Of(BASE64, 32), Is("\n"), Of(BASE64, 64), Is("\n-----END PRIVATE KEY-----")]),
        ("connection string", vec![Is("postgres://app:"), Of(BASE62, 14), Is("@db.internal:5432/app")]),
        ("basic authorization", vec![Is("Authorization: Basic "), Of(BASE62, 28)]),
        ("bearer authorization", vec![Is("Authorization: Bearer "), Of(URL64, 43)]),
    ]
}

/// Where tokens stand.
const AROUND: [(&str, &str); 4] = [
    ("export TOKEN=", "\n"),
    ("please use ", " for the upload, it is valid until Friday"),
    ("{\"value\": \"", "\", \"next\": 1}"),
    ("", ""),
];

/// Numbers by chance, the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }

    fn of(&mut self, letters: &str, count: usize) -> String {
        (0..count).map(|_| char::from(letters.as_bytes()[self.below(letters.len())])).collect()
    }
}

fn token(parts: &[Part], chance: &mut Chance) -> String {
    let mut token = String::new();
    for part in parts {
        match part {
            Is(text) => token.push_str(text),
            Of(letters, count) => token.push_str(&chance.of(letters, *count)),
            Checked => {
                let random = chance.of(BASE62, 30);
                let mut sum = crc32(random.as_bytes());
                let mut digits = [0; 6];
                for digit in digits.iter_mut().rev() {
                    *digit = BASE62.as_bytes()[sum as usize % 62];
                    sum /= 62;
                }
                let _ = write!(token, "{random}{}", String::from_utf8_lossy(&digits));
            }
        }
    }
    token
}

/// CRC-32 as of gzip, of a table made on the way.
fn crc32(bytes: &[u8]) -> u32 {
    let entry = |byte: u32| (0..8).fold(byte, |it, _| (it >> 1) ^ (0xedb8_8320 * (it & 1)));
    !bytes.iter().fold(!0_u32, |sum, byte| (sum >> 8) ^ entry((sum ^ u32::from(*byte)) & 0xff))
}

/// The rules of secrets that find something in a text, and where.
fn found(text: &[u8]) -> Vec<(&'static str, usize)> {
    // Files beyond the limit are left out.
    let Ok(findings) = Engine::new().scan_bytes(text, Side::Prompt, &Options::only(&[Category::Dlp])) else {
        return Vec::new();
    };
    let secrets = findings.of(Category::Dlp).filter(|it| ["secret", "credential"].contains(&it.family));
    secrets.map(|it| (it.rule, it.start)).collect()
}

/// Of each format, how many samples are found.
pub fn samples() -> Vec<(&'static str, Share)> {
    let mut chance = Chance(0x5eed_cafe_f00d_1234);
    let mut measure = |parts: Vec<Part>| {
        let mut share = Share::default();
        for number in 0..SAMPLES {
            let (before, after) = AROUND[number % AROUND.len()];
            let text = format!("{before}{}{after}", token(&parts, &mut chance));
            share.add(!found(text.as_bytes()).is_empty());
        }
        share
    };
    formats().into_iter().map(|(name, parts)| (name, measure(parts))).collect()
}

/// What is found in source code.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Files with something that is no secret.
    pub files: Share,
    /// Lines.
    pub lines: Share,
    /// Files with a private key.
    pub keys: usize,
    /// By rule: how often, and one place.
    pub rules: BTreeMap<&'static str, (usize, String)>,
}

/// Scans the sources of the crates that the lock file names, as Cargo has fetched them.
pub fn sources(repository: &Path) -> Result<Sources> {
    let lock = std::fs::read_to_string(repository.join("Cargo.lock")).context("Cargo.lock")?;
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))
        .context("no CARGO_HOME")?;
    let mut sources = Sources::default();
    for registry in std::fs::read_dir(home.join("registry/src")).context("run `cargo fetch` first")? {
        let registry = registry?.path();
        for package in lock.split("[[package]]").filter(|it| it.contains("source = \"registry")) {
            let field = |name: &str| package.lines().find_map(|it| it.strip_prefix(name)?.strip_suffix('"'));
            let (Some(name), Some(version)) = (field("name = \""), field("version = \"")) else { continue };
            walk(&registry.join(format!("{name}-{version}")), &mut sources);
        }
    }
    Ok(sources)
}

fn walk(path: &Path, sources: &mut Sources) {
    if let Ok(entries) = std::fs::read_dir(path) {
        let mut paths: Vec<_> = entries.filter_map(|it| Some(it.ok()?.path())).collect();
        paths.sort();
        return paths.iter().for_each(|path| walk(path, sources));
    }
    let Ok(bytes) = std::fs::read(path) else { return };
    if bytes.contains(&0) || std::str::from_utf8(&bytes).is_err() {
        return;
    }
    let findings = found(&bytes);
    if findings.iter().any(|it| it.0 == "private-key") {
        sources.keys += 1;
    }
    let others: Vec<_> = findings.into_iter().filter(|it| it.0 != "private-key").collect();
    sources.files.add(!others.is_empty());
    let line = |at: usize| bytes[..at].iter().filter(|it| **it == b'\n').count();
    let mut lines: Vec<_> = others.iter().map(|it| line(it.1)).collect();
    lines.dedup();
    sources.lines.found += lines.len();
    sources.lines.of += bytes.split(|it| *it == b'\n').count();
    for (rule, at) in others {
        let place = format!("{}:{}", path.display(), line(at) + 1);
        sources.rules.entry(rule).or_insert((0, place)).0 += 1;
    }
}
