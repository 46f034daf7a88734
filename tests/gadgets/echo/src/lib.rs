//! Two tools without any capability: one returns what it is given, one does nothing.

use gadget::{Failure, log};

/// What to return.
#[derive(gadget::Params)]
pub struct Echo {
    /// Text to return.
    #[param(required)]
    pub text: String,
    /// How often to repeat it.
    #[param(default = 1, min = 1, max = 10)]
    pub times: u32,
    /// In which letters.
    #[param(default = Letters::AsGiven)]
    pub letters: Letters,
    /// Put between repetitions.
    pub between: Option<String>,
}

/// Letters of the answer.
#[derive(Clone, Copy, gadget::Choice)]
pub enum Letters {
    /// Unchanged.
    AsGiven,
    /// All capital.
    Upper,
    /// All small.
    Lower,
}

/// What was returned.
#[derive(gadget::Row)]
pub struct Echoed {
    /// The text, repeated.
    text: String,
    /// Its length in characters.
    characters: usize,
    /// The letters that were asked for.
    letters: Letters,
}

/// Returns its text, repeated. For testing that a call reaches a gadget and comes back.
#[gadget::tool]
fn echo(args: Echo) -> Result<Echoed, Failure> {
    let Echo { text, times, letters, between } = args;
    let text = match letters {
        Letters::AsGiven => text,
        Letters::Upper => text.to_uppercase(),
        Letters::Lower => text.to_lowercase(),
    };
    let text = vec![text; times as usize].join(&between.unwrap_or_default());
    log::info(format_args!("echoed {} bytes", text.len()));
    Ok(Echoed { characters: text.chars().count(), text, letters })
}

/// Does nothing. For measuring what a call costs.
#[gadget::tool]
fn nothing() -> Result<(), Failure> {
    Ok(())
}

gadget::export!(tool echo, nothing);

#[cfg(test)]
mod tests {
    use super::*;

    fn call<T: gadget::Tool>(arguments: &str) -> Result<String, Failure> {
        gadget::run::call::<T>(arguments.as_bytes())
            .map(|answer| String::from_utf8(answer).expect("rows are UTF-8"))
    }

    #[test]
    fn answers() {
        let cases = [
            (r#"{"text":"a\"b"}"#, r#"{"text":"a\"b","characters":3,"letters":"as_given"}"#),
            (
                r#"{"text":"ä","times":3,"letters":"upper","between":"-"}"#,
                r#"{"text":"Ä-Ä-Ä","characters":5,"letters":"upper"}"#,
            ),
        ];
        for (arguments, answer) in cases {
            assert_eq!(call::<echo>(arguments).unwrap(), answer);
        }
        assert_eq!(call::<nothing>("{}").unwrap(), "{}");
    }

    #[test]
    fn failures_name_the_field() {
        let cases = [
            ("{}", "text", "must be given"),
            (r#"{"text":1}"#, "text", "wanted a string, found 1"),
            (r#"{"text":"a","times":0}"#, "times", "wanted at least 1, found 0"),
            (r#"{"text":"a","times":11}"#, "times", "wanted at most 10, found 11"),
            (r#"{"text":"a","times":-1}"#, "times", "wanted at least 1, found -1"),
            (
                r#"{"text":"a","letters":"odd"}"#,
                "letters",
                "wanted one of as_given, upper, lower, found \"odd\"",
            ),
            (r#"{"text":"a","tims":2}"#, "tims", "is unknown; parameters are text, times, letters, between"),
        ];
        for (arguments, field, message) in cases {
            assert_eq!(call::<echo>(arguments).unwrap_err(), Failure::of(field, message), "{arguments}");
        }
        assert_eq!(
            call::<nothing>(r#"{"a":1}"#).unwrap_err(),
            Failure::of("a", "is unknown; there are no parameters")
        );
        assert_eq!(call::<nothing>("no JSON").unwrap_err().field, None);
    }
}
