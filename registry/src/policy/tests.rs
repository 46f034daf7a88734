use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;
use crate::key::PrivateKey;

const ROOT: &str = sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
const PINNED: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A folder with the files that the policies below name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    };
    write("ours.pub", include_str!("../../tests/data/cosign.pub"));
    write("other.pub", &PrivateKey::generate().unwrap().public().to_pem());
    write("root.json", ROOT);
    write("empty.json", r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#);
    write("open.pub", include_str!("../../tests/data/cosign.pub"));
    let open = folder.path().join("open.pub");
    std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o666)).unwrap();
    folder
}

fn parse(folder: &Path, text: &str) -> Result<Policy, PolicyError> {
    Policy::parse(text, &folder.join("policy.toml"))
}

fn grant(fields: &str) -> String {
    format!("version = 1\n\n[[grant]]\n{fields}\n")
}

fn rule(proof: &str) -> String {
    format!("version = 1\n\n[[rule]]\nname = \"a\"\nrepositories = [\"r.example/a/*\"]\n{proof}\n")
}

#[test]
fn the_example_in_the_documentation_is_a_policy() {
    let folder = folder();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policy.example.toml");
    let text = std::fs::read_to_string(docs).unwrap();
    std::fs::copy(folder.path().join("ours.pub"), folder.path().join("gadgets.pub")).unwrap();
    std::fs::copy(folder.path().join("root.json"), folder.path().join("trusted_root.json")).unwrap();
    let policy = parse(folder.path(), &text).unwrap();
    let kinds: Vec<_> = policy
        .rules()
        .iter()
        .map(|rule| match rule.proof {
            Proof::Key(_) => "key",
            Proof::Keyless(_) => "keyless",
            Proof::Digest(_) => "digest",
        })
        .collect();
    assert_eq!(kinds, ["key", "keyless", "digest"]);
    assert!(policy.rules().iter().any(|rule| rule.grants != Grants::default()));
    let [granted] = policy.granted() else { panic!("{:?}", policy.granted()) };
    assert_eq!((granted.gadget.as_str(), granted.grants.http.len()), ("registry.example/gadgets/scanner", 2));
    assert_eq!(granted.config["API_KEY"], Source::File("/run/secrets/api-key".into()));
}

#[test]
fn refuses_what_is_no_policy_and_says_where() {
    let folder = folder();
    let pin = &format!("digest = \"{PINNED}\"");
    let keyless = |fields: &str| rule(&format!("keyless = {{ {fields} }}"));
    let twice = format!("{}\n[[rule]]\nname = \"a\"\nrepositories = [\"r.example/b\"]\n{pin}", rule(pin));
    let whole = r#"issuer = "https://i.example", subject = "s", trusted_root = "root.json""#;
    assert!(parse(folder.path(), &keyless(whole)).is_ok());
    let cases: &[(String, &str)] = &[
        (String::new(), "missing field `version`"),
        ("version = 2".into(), "line 1: this is a policy of version 2"),
        ("version = 1\nallow_unsigned = true".into(), "line 2, column 1"),
        // Nothing left out turns into "anyone".
        (rule(""), "line 3: rule `a` says nothing of who must have signed"),
        (rule("grants = { helpers = [\"bpf_send_signal\"] }"), "line 3: rule `a` says nothing"),
        (rule(&format!("{pin}\nkey = {{ file = \"ours.pub\" }}")), "line 3: rule `a` has more than one"),
        (rule("key = {}"), "line 6: a key is either"),
        (
            keyless(r#"issuer = "i", trusted_root = "root.json""#),
            "line 6: a keyless identity has either `subject`",
        ),
        (
            keyless(r#"subject = "s", trusted_root = "root.json""#),
            "line 6: a keyless identity has either `issuer`",
        ),
        (keyless(r#"issuer = "i", subject = "s""#), "missing field `trusted_root`"),
        (keyless(r#"issuer = "i", subject = "", trusted_root = "root.json""#), "subject: it is empty"),
        (
            keyless(r#"issuer = "i", subject = "s", subject_regex = "s", trusted_root = "root.json""#),
            "either `subject` or `subject_regex`",
        ),
        (
            keyless(r#"issuer = "i", subject_regex = ".*", trusted_root = "root.json""#),
            "line 6: subject: `.*` matches even nothing",
        ),
        (keyless(r#"issuer = "i", subject_regex = "a)|(b", trusted_root = "root.json""#), "subject: regex"),
        (keyless(r#"issuer = "i", subject = "s", trusted_root = "empty.json""#), "no certificate authority"),
        (keyless(r#"issuer = "i", subject = "s", trusted_root = "none.json""#), "none.json: No such file"),
        // Unknown words, wherever they stand.
        (rule(&format!("{pin}\ndigests = []")), "line 7, column 1"),
        (rule(&format!("{pin}\ngrants = {{ helper = [] }}")), "unknown field `helper`"),
        (rule("key = { file = \"ours.pub\", fingerprint = \"x\" }"), "unknown field `fingerprint`"),
        (rule("digest = \"sha256:12\""), "line 6: `sha256:12` is no digest"),
        (rule("key = { pem = \"hello\" }"), "line 6: no key in PEM"),
        (rule("key = { file = \"absent.pub\" }"), "absent.pub: No such file"),
        (rule("key = { file = \"open.pub\" }"), "open.pub may be written to by others"),
        (twice, "line 9: there are two rules named `a`"),
        (rule(pin).replace("\"a\"", "\"built-in\""), "line 4: `built-in` can't be a rule's name"),
        (rule(pin).replace("[\"r.example/a/*\"]", "[]"), "line 5: rule `a` covers no repository"),
        (rule(pin).replace("r.example/a/*", "*/a"), "line 5: `*/a` leaves the host open"),
        (rule(pin).replace("r.example/a/*", "r.example"), "line 5: `r.example` is no repository"),
        (rule(pin).replace("r.example/a/*", "r.example/a:v1"), "names a tag"),
        (rule(pin).replace("r.example/a/*", "r.example/a@sha256"), "has `@`"),
        (rule(pin).replace("r.example/a/*", "r.example/a**"), "`**` beside"),
        (rule(pin).replace("r.example/a/*", "r.example//a"), "empty segment"),
        // Grants.
        (rule(&format!("{pin}\ngrants = {{ http = [\"*\"] }}")), "line 3: `*` is no host"),
        (grant("gadget = \"a/b\""), "line 4: `a/b` names no image"),
        (grant("gadget = \"r.example/a:v1\""), "line 4: `r.example/a:v1` names a tag"),
        (grant("gadget = \"r.example/*\""), "names no image"),
        (grant("gadget = \"a\"\nhttp_private = [\"ftp://b\"]"), "another scheme"),
        (grant("gadget = \"a\"\nconfig = { K = { shell = \"x\" } }"), "unknown variant `shell`"),
        (
            grant("gadget = \"a\"\nconfig = { \"k k\" = { env = \"x\" } }"),
            "line 5: `k k` can't be a setting's name",
        ),
        (grant("gadget = \"a\"\nhosts = []"), "unknown field `hosts`"),
    ];
    for (text, reason) in cases {
        let error = parse(folder.path(), text).map(|_| text).unwrap_err().to_string();
        assert!(error.contains(reason), "wanted {reason}\nin {error}");
        assert!(
            error.contains("policy.toml")
                || error.contains("open.pub")
                || error.contains("none.json")
                || error.contains("absent.pub"),
            "{error}"
        );
    }
}

#[test]
fn patterns_match_whole_repositories() {
    let cases = [
        ("r.example/a/b", "r.example/a/b", true),
        ("r.example/a/b", "r.example/a/b/c", false),
        ("r.example/a/b", "r.example/a/bc", false),
        ("r.example/a/*", "r.example/a/b", true),
        ("r.example/a/*", "r.example/a/b/c", false),
        ("r.example/a/*", "r.example/a", false),
        ("r.example/a/t*e", "r.example/a/trace", true),
        ("r.example/a/**", "r.example/a/b/c", true),
        ("r.example/**/c", "r.example/a/b/c", true),
        ("r.example/a/*", "rxexample/a/b", false),
        ("r.example/a/*", "evil.example/r.example/a/b", false),
        ("r.example:5000/a", "r.example:5000/a", true),
        ("r.example:5000/a", "r.example/a", false),
        ("**", "anywhere.example/x/y", true),
    ];
    for (pattern, repository, wanted) in cases {
        assert_eq!(Pattern::new(pattern).unwrap().matches(repository), wanted, "{pattern} {repository}");
    }
}

#[test]
fn expressions_match_from_beginning_to_end() {
    let repo = Matcher::regex("https://github.com/me/[^/]+/.*@refs/tags/v.*").unwrap();
    assert!(repo.matches("https://github.com/me/a/.github/workflows/r.yml@refs/tags/v1"));
    assert!(!repo.matches("https://evil.example/?https://github.com/me/a/b@refs/tags/v1"));
    let either = Matcher::regex("a@x|b@x").unwrap();
    assert!(either.matches("b@x") && !either.matches("a@xb") && !either.matches("evil b@x"));
    assert!(!Matcher::regex("a").unwrap().matches("a\n"));
}

#[test]
fn the_id_follows_what_decides_and_nothing_else() {
    let folder = folder();
    let parse = |text: &str| parse(folder.path(), text).unwrap();
    let text = rule("key = { file = \"ours.pub\" }");
    let id = parse(&text).id();
    let pem = include_str!("../../tests/data/cosign.pub");
    let same = [
        text.replace("\n\n", "\n# a comment\n"),
        rule(&format!("key = {{ pem = \"\"\"{pem}\"\"\" }}")),
        text.replace("[\"r.example/a/*\"]", "[\"r.example/a/*\", \"r.example/a/*\"]"),
    ];
    for text in same {
        assert_eq!(parse(&text).id(), id, "{text}");
    }
    let mut ids = vec![
        id,
        parse(&text.replace("ours.pub", "other.pub")).id(),
        parse(&text.replace("a/*", "b/*")).id(),
        parse(&text.replace("\"a\"", "\"b\"")).id(),
        parse(&rule("key = { file = \"ours.pub\" }\ngrants = { imports = [\"http\"] }")).id(),
        parse(&rule(&format!("digest = \"{PINNED}\""))).id(),
        parse(&rule(r#"keyless = { issuer = "i", subject = "s", trusted_root = "root.json" }"#)).id(),
        parse(&rule(r#"keyless = { issuer = "i", subject_regex = "s", trusted_root = "root.json" }"#)).id(),
        parse(&text).with_built_in(Digest::of(b"x"), Grants::default()).id(),
        parse("version = 1").id(),
    ];
    std::fs::write(folder.path().join("root.json"), format!("{ROOT}\n")).unwrap();
    ids.push(parse(&rule(r#"keyless = { issuer = "i", subject = "s", trusted_root = "root.json" }"#)).id());
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
    assert_eq!(parse("version = 1").id(), Policy::built_ins_only().id());
    let policy = parse(&text);
    assert_ne!(policy.id_for("r.example/a/x"), policy.id_for("r.example/a/y"));
}
