//! Arguments as text, each the way it reads best.

use gadget::{
    Text,
    linux::{Argument, Signal, Syscall},
};

use crate::{event::TEXTS, ring::KeptText};

const AT_FDCWD: i32 = -100;

/// `name=value` for each argument of `call`; of a call not known here all six in hexadecimal.
pub fn arguments(call: Option<Syscall>, values: [u64; 6], texts: &[Option<KeptText>; TEXTS]) -> Vec<String> {
    let Some(call) = call else {
        return values.iter().enumerate().map(|(at, value)| format!("arg{at}={value:#x}")).collect();
    };
    let one = |(at, (name, kind)): (usize, (&str, Argument))| {
        let text = texts.get(at).and_then(Option::as_ref);
        format!("{name}={}", value(kind, values[at], text))
    };
    call.arguments().take(values.len()).enumerate().map(one).collect()
}

fn value(kind: Argument, value: u64, text: Option<&KeptText>) -> String {
    // Most are an int, whose upper half means nothing.
    let int = value as i32;
    match kind {
        Argument::Signed if value > u64::from(u32::MAX) => value.cast_signed().to_string(),
        Argument::Signed => int.to_string(),
        Argument::Unsigned => value.to_string(),
        Argument::Octal => format!("{value:#o}"),
        Argument::Descriptor if int == AT_FDCWD => "AT_FDCWD".to_owned(),
        Argument::Descriptor => int.to_string(),
        Argument::Signal => match Signal(value as u32).name() {
            Some(name) => name.to_owned(),
            None => int.to_string(),
        },
        Argument::Text => match text {
            _ if value == 0 => "NULL".to_owned(),
            Some(KeptText { bytes, cut }) => {
                format!("{:?}{}", Text(bytes).to_string(), if *cut { "..." } else { "" })
            }
            // Its page was not in memory, or the call has not returned.
            None => format!("{value:#x}"),
        },
        Argument::Hex if value == 0 => "0".to_owned(),
        Argument::Hex => format!("{value:#x}"),
    }
}
