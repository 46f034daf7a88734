//! Spans of time and sizes as people write them, and the unit that a field's name ends with.

/// Nanoseconds of a duration such as `5ms` or `1m30s`.
pub(super) fn duration(text: &str) -> Result<i128, String> {
    let wrong = || format!("`{text}` is no duration; write `5ms`, `1.5s` or `1m30s`");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut sum = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !it.is_ascii_digit() && it != '.').ok_or_else(wrong)?;
        let (number, behind) = rest.split_at(digits);
        let unit = behind.find(|it: char| it.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let scale = match unit.trim() {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" | "min" => 60e9,
            "h" => 3600e9,
            _ => return Err(wrong()),
        };
        sum += number * scale;
        rest = behind;
    }
    whole(sum).ok_or_else(wrong)
}

/// Bytes of a size such as `10MB` or `4KiB`.
pub(super) fn bytes(text: &str) -> Result<i128, String> {
    let wrong = || format!("`{text}` is no size; write `512`, `10MB` (10^6) or `4KiB` (2^10)");
    let text = text.trim();
    let digits = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let scale = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    whole(number * scale).ok_or_else(wrong)
}

fn whole(value: f64) -> Option<i128> {
    (value.is_finite() && value < 1e27).then_some(value.round() as i128)
}

/// Nanoseconds in the unit that `field` is named after: 1,000 for `latency_us`.
pub(super) fn unit_of(field: &str) -> Option<i128> {
    let (_, unit) = field.rsplit_once('_')?;
    match unit {
        "ns" => Some(1),
        "us" => Some(1_000),
        "ms" => Some(1_000_000),
        "s" | "seconds" => Some(1_000_000_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read() {
        for (text, value) in
            [("5ms", 5_000_000), ("1.5s", 1_500_000_000), ("1m30s", 90_000_000_000), ("2us", 2_000)]
        {
            assert_eq!(duration(text), Ok(value), "{text}");
        }
        for (text, value) in [("10MB", 10_000_000), ("4KiB", 4096), ("512", 512), ("1.5 kB", 1500)] {
            assert_eq!(bytes(text), Ok(value), "{text}");
        }
        for text in ["", "5", "ms", "5 parsecs", "1e400s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["", "MB", "5 XB", "1.2.3"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
