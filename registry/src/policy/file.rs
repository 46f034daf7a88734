//! Reading the policy file. Strict on purpose: an unknown field, a rule without a proof or with two, an empty list of
//! repositories are all errors with a line number, because a policy that means less than its author thinks is worse
//! than none.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::{
    BUILT_IN, Granted, Grants, Keyless, Matcher, Pattern, Policy, PolicyError, Proof, Rule, SYSTEM_FILE,
    Source, TrustRoot,
};
use crate::descriptor::{StorePermission, is_setting};
use crate::digest::Digest;
use crate::key::PublicKey;

/// The shape of the file this version reads.
const VERSION: i64 = 1;
const MAX_POLICY: u64 = 1 << 20;
const MAX_KEY: u64 = 64 << 10;
const MAX_ROOT: u64 = 4 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: Spanned<i64>,
    #[serde(default, rename = "rule")]
    rules: Vec<Spanned<RawRule>>,
    #[serde(default, rename = "grant")]
    granted: Vec<Spanned<RawGrant>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGrant {
    gadget: Spanned<String>,
    #[serde(default)]
    helpers: Vec<String>,
    #[serde(default)]
    imports: Vec<String>,
    #[serde(default)]
    http: Vec<String>,
    #[serde(default)]
    http_private: Vec<String>,
    store: Option<StorePermission>,
    #[serde(default)]
    config: BTreeMap<Spanned<String>, Source>,
    #[serde(default)]
    everything: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    name: Spanned<String>,
    repositories: Spanned<Vec<Spanned<String>>>,
    key: Option<Spanned<RawKey>>,
    keyless: Option<Spanned<RawKeyless>>,
    digest: Option<Spanned<String>>,
    #[serde(default)]
    grants: Grants,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    file: Option<PathBuf>,
    pem: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKeyless {
    issuer: Option<Spanned<String>>,
    issuer_regex: Option<Spanned<String>>,
    subject: Option<Spanned<String>>,
    subject_regex: Option<Spanned<String>>,
    trusted_root: Spanned<PathBuf>,
}

impl Policy {
    /// Reads a policy file and every key and trust root it names; relative names start at the file's folder.
    pub fn load(path: &Path) -> Result<Self, PolicyError> {
        let text = read(path, MAX_POLICY)?;
        Self::parse(&text, path)
    }

    /// Reads [`SYSTEM_FILE`]; without that file only built-ins run.
    pub fn load_system() -> Result<Self, PolicyError> {
        match Self::load(Path::new(SYSTEM_FILE)) {
            Err(PolicyError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self::built_ins_only())
            }
            other => other,
        }
    }

    /// As [`Policy::load`], from text; `path` is for messages and relative names.
    pub fn parse(text: &str, path: &Path) -> Result<Self, PolicyError> {
        let reader = Reader { text, path };
        let document: Document = toml::from_str(text)
            .map_err(|e| PolicyError::Syntax { path: path.to_owned(), source: Box::new(e) })?;
        if *document.version.get_ref() != VERSION {
            let found = document.version.get_ref();
            let reason =
                format!("this is a policy of version {found}, and this program reads version {VERSION}");
            return Err(reader.wrong(document.version.span(), reason));
        }
        let mut names = HashSet::new();
        let mut rules = Vec::new();
        for raw in document.rules {
            let name = raw.get_ref().name.clone();
            let rule = reader.rule(raw)?;
            if !names.insert(rule.name.clone()) {
                return Err(reader.wrong(name.span(), format!("there are two rules named `{}`", rule.name)));
            }
            rules.push(rule);
        }
        let granted: Vec<_> =
            document.granted.into_iter().map(|raw| reader.granted(raw)).collect::<Result<_, _>>()?;
        Ok(Self::new(rules).granting(granted))
    }
}

struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Reader<'_> {
    fn rule(&self, raw: Spanned<RawRule>) -> Result<Rule, PolicyError> {
        let whole = raw.span();
        let RawRule { name, repositories, key, keyless, digest, grants } = raw.into_inner();
        let at = name.span();
        let name = name.into_inner();
        if name.is_empty() || name == BUILT_IN || name.chars().any(char::is_control) {
            return Err(self.wrong(at, format!("`{}` can't be a rule's name", name.escape_debug())));
        }
        if repositories.get_ref().is_empty() {
            let reason = format!("rule `{name}` covers no repository; list some, or remove the rule");
            return Err(self.wrong(repositories.span(), reason));
        }
        let repositories = repositories
            .into_inner()
            .into_iter()
            .map(|text| Pattern::new(text.get_ref()).map_err(|reason| self.wrong(text.span(), reason)))
            .collect::<Result<_, _>>()?;
        let proof = match (key, keyless, digest) {
            (Some(key), None, None) => Proof::Key(self.key(key)?),
            (None, Some(keyless), None) => Proof::Keyless(self.keyless(keyless)?),
            (None, None, Some(digest)) => Proof::Digest(
                digest.get_ref().parse::<Digest>().map_err(|e| self.wrong(digest.span(), e.to_string()))?,
            ),
            (None, None, None) => {
                let reason = format!(
                    "rule `{name}` says nothing of who must have signed; give it a `key`, a `keyless` identity or a `digest`"
                );
                return Err(self.wrong(whole, reason));
            }
            _ => {
                let reason = format!(
                    "rule `{name}` has more than one of `key`, `keyless` and `digest`; any one of several is several rules"
                );
                return Err(self.wrong(whole, reason));
            }
        };
        grants.check().map_err(|reason| self.wrong(whole, reason))?;
        Ok(Rule { name, repositories, proof, grants })
    }

    fn granted(&self, raw: Spanned<RawGrant>) -> Result<Granted, PolicyError> {
        let whole = raw.span();
        let RawGrant { gadget, helpers, imports, http, http_private, store, config, everything } =
            raw.into_inner();
        let to = Granted::to(gadget.get_ref()).map_err(|reason| self.wrong(gadget.span(), reason))?;
        let grants = Grants { helpers, imports, http, http_private, store };
        grants.check().map_err(|reason| self.wrong(whole, reason))?;
        let mut bound = BTreeMap::new();
        for (name, source) in config {
            if !is_setting(name.get_ref()) {
                let reason = format!("`{}` can't be a setting's name", name.get_ref().escape_debug());
                return Err(self.wrong(name.span(), reason));
            }
            let source = match source {
                Source::File(file) => Source::File(self.beside(&file)),
                other => other,
            };
            bound.insert(name.into_inner(), source);
        }
        Ok(Granted { grants, config: bound, everything, ..to })
    }

    fn key(&self, raw: Spanned<RawKey>) -> Result<PublicKey, PolicyError> {
        let at = raw.span();
        let pem = match raw.into_inner() {
            RawKey { file: Some(file), pem: None } => read(&self.beside(&file), MAX_KEY)?,
            RawKey { file: None, pem: Some(pem) } => pem,
            _ => return Err(self.wrong(at, "a key is either a `file` or a `pem`".into())),
        };
        PublicKey::from_pem(&pem).map_err(|source| PolicyError::Key {
            path: self.path.to_owned(),
            line: self.line(at),
            source,
        })
    }

    fn keyless(&self, raw: Spanned<RawKeyless>) -> Result<Keyless, PolicyError> {
        let at = raw.span();
        let RawKeyless { issuer, issuer_regex, subject, subject_regex, trusted_root } = raw.into_inner();
        let issuer = self.matcher("issuer", issuer, issuer_regex, &at)?;
        let subject = self.matcher("subject", subject, subject_regex, &at)?;
        let file = self.beside(trusted_root.get_ref());
        let root = TrustRoot::from_json(&read(&file, MAX_ROOT)?).map_err(|reason| {
            self.wrong(trusted_root.span(), format!("{} is no usable trust root: {reason}", file.display()))
        })?;
        Ok(Keyless { issuer, subject, root })
    }

    fn matcher(
        &self,
        what: &str,
        exact: Option<Spanned<String>>,
        regex: Option<Spanned<String>>,
        whole: &Range<usize>,
    ) -> Result<Matcher, PolicyError> {
        let (made, at) = match (exact, regex) {
            (Some(text), None) => (Matcher::exact(text.get_ref()), text.span()),
            (None, Some(text)) => (Matcher::regex(text.get_ref()), text.span()),
            _ => {
                let reason = format!("a keyless identity has either `{what}` or `{what}_regex`");
                return Err(self.wrong(whole.clone(), reason));
            }
        };
        made.map_err(|reason| self.wrong(at, format!("{what}: {reason}")))
    }

    fn beside(&self, file: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(file)
    }

    fn wrong(&self, at: Range<usize>, reason: String) -> PolicyError {
        PolicyError::Rule { path: self.path.to_owned(), line: self.line(at), reason }
    }

    fn line(&self, at: Range<usize>) -> usize {
        self.text.bytes().take(at.start).filter(|byte| *byte == b'\n').count() + 1
    }
}

/// Reads a file that decides what runs: refused when others may write to it.
fn read(path: &Path, cap: u64) -> Result<String, PolicyError> {
    let io = |source| PolicyError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    let mode = meta.mode() & 0o777;
    if mode & 0o022 != 0 {
        return Err(PolicyError::Unsafe { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.take(cap + 1).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > cap {
        return Err(PolicyError::TooLarge { path: path.to_owned(), size: meta.len(), cap });
    }
    Ok(text)
}
