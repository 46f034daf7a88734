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
    let whose = if parts(other) > parts(own) { "this end's gadgetry" } else { "its gadgetry" };
    (!near).then(|| {
        format!(
            "it is of version {other} and this end of {own}, which do not speak with each other: of one major version, at most one minor version apart do; upgrade {whose}"
        )
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

    #[test]
    fn a_refusal_names_both_and_which_to_upgrade() {
        for (own, other, which) in [
            ("1.4.0", "1.6.0", "upgrade this end's"),
            ("1.6.0", "1.4.0", "upgrade its"),
            ("1.4.0", "2.0.0", "upgrade this end's"),
            ("1.4.0", "", "upgrade its"),
        ] {
            let why = refused(own, other).unwrap();
            assert!(why.contains(own) && why.contains(other) && why.contains(which), "{why}");
        }
    }
}
