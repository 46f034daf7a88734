//! The rules: every example in their files holds, and a file with an error is refused with its line.

use std::path::Path;

use ai_security_engine::{Category, Engine, Findings, Options, Side};

#[path = "../build/automaton.rs"]
mod automaton;
#[path = "../build/fold.rs"]
#[expect(dead_code, reason = "the table is made by the build script alone")]
mod fold;
#[path = "../build/pattern.rs"]
mod pattern;
#[path = "../build/rules.rs"]
#[expect(dead_code, reason = "the tables are written by the build script alone")]
mod rules;

fn scan(text: &str) -> Findings {
    let options = Options { thresholds: [Some(1); Category::ALL.len()] };
    Engine::new().scan(text, Side::Prompt, &options).expect("a short text")
}

#[test]
fn every_example_holds() {
    let rules =
        rules::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/rules"))).expect("rules without errors");
    let mut wrong = Vec::new();
    for rule in rules.iter().filter(|rule| rule.decode.is_none()) {
        let finds = |text: &str| scan(text).all.iter().any(|finding| finding.rule == rule.id);
        for text in rule.must_match.iter().filter(|text| !finds(text)) {
            wrong.push(format!("{}: {} does not find {text:?}", rule.place, rule.id));
        }
        for text in rule.must_not_match.iter().filter(|text| finds(text)) {
            wrong.push(format!("{}: {} finds {text:?}", rule.place, rule.id));
        }
    }
    assert!(wrong.is_empty(), "{} examples do not hold:\n{}", wrong.len(), wrong.join("\n"));
    assert!(rules.len() > 80);
}

#[test]
fn a_rule_with_an_error_is_refused_with_its_line() {
    let rule = |pattern: &str| {
        format!(
            "[[rule]]\nid = \"x\"\ncategory = \"dlp\"\ndescription = \"x\"\nscore = 50\npatterns = ['{pattern}']\n\
             must_match = [\"x\"]\n"
        )
    };
    for (text, expected) in [
        (rule("abcd("), "f.toml:6: rule x: error parsing regex"),
        (rule("{nothing}abcd"), "f.toml:6: rule x: `{nothing}` is not defined"),
        (rule("ab"), "f.toml:6: rule x: the pattern matches fewer than 4 bytes"),
        (rule("[a-z]{8}"), "f.toml:6: rule x: the pattern may begin in more than"),
        (rule("abcd[a-z]{20000}"), "f.toml:6: rule x: "),
        (rule("abcd(?:.{0,30}[ab].{0,30}c){3}"), "f.toml:6: rule x: "),
        (rule("^abcd"), "f.toml:6: rule x: the pattern has an anchor"),
        (rule("abcd ~x efgh"), "f.toml:6: rule x: `~x` is no number of words"),
        (rule("abcd").replace("50", "500"), "f.toml:5: "),
        (rule("abcd").replace("dlp", "other"), "f.toml:3: unknown variant `other`"),
        (
            rule("abcd").replace("[\"x\"]", "[]"),
            "f.toml:2: rule x: a rule has at least one text in must_match",
        ),
        ("[[rule]]\nid = \n".to_owned(), "f.toml:2: "),
    ] {
        let error = rules::Compiler::new().file("f.toml", &text).expect_err("an error").to_string();
        assert!(error.starts_with(expected), "{error:?} should begin with {expected:?}");
    }
}
