//! Which versions understand each other: those of one major version, at most one minor version apart.

/// This program's.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why a program of version `other` is not spoken with, if it is not.
pub(crate) fn refused(own: &str, other: &str) -> Option<String> {
    let parts = |text: &str| -> Option<(u64, u64)> {
        let mut parts = text.split(['.', '-', '+']).map(str::parse::<u64>);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    };
    let near = match (parts(own), parts(other)) {
        (Some((major, minor)), Some((other_major, other_minor))) => {
            major == other_major && minor.abs_diff(other_minor) <= 1
        }
        _ => false,
    };
    (!near).then(|| {
        format!("it is of version {other}, which this one ({own}) does not speak with: upgrade to one minor version apart at most")
    })
}

#[cfg(test)]
mod tests {
    use super::refused;

    #[test]
    fn one_minor_version_apart() {
        for (own, other, near) in [
            ("1.4.0", "1.4.9", true),
            ("1.4.0", "1.5.0-rc.1", true),
            ("1.4.0", "1.3.0", true),
            ("1.4.0", "1.6.0", false),
            ("1.4.0", "2.4.0", false),
            ("1.4.0", "", false),
            ("1.4.0", "x", false),
        ] {
            assert_eq!(refused(own, other).is_none(), near, "{own} {other}");
        }
    }
}
