//! A path told in two parts.

use crate::{Schema, Text, Value, json};

/// A directory and a path that starts there: in a row one path. Nothing is resolved: `..` and links stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinedPath<'a> {
    base: Text<'a>,
    path: Text<'a>,
}

impl<'a> JoinedPath<'a> {
    /// A path that needs no base.
    pub const fn whole(path: Text<'a>) -> Self {
        Self { base: Text(b""), path }
    }

    /// `path` seen from the directory `base`.
    pub fn new(base: Text<'a>, path: Text<'a>) -> Self {
        if path.0.starts_with(b"/") { Self::whole(path) } else { Self { base, path } }
    }
}

impl Value for JoinedPath<'_> {
    const WIDTH: u16 = 40;

    fn write(&self, out: &mut Vec<u8>) {
        let (base, path) = (self.base, self.path);
        if base.is_empty() || path.is_empty() {
            return json::lossy(out, if base.is_empty() { path.0 } else { base.0 });
        }
        json::lossy(out, base.0);
        out.pop();
        if !base.0.ends_with(b"/") {
            out.push(b'/');
        }
        // The quote that opens the second part gives way to what stands before it.
        let joint = out.len();
        json::lossy(out, path.0);
        out.remove(joint);
    }

    fn schema() -> Schema {
        Schema::of("string")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_once() {
        let cases = [
            ("/srv", "a", "/srv/a"),
            ("/", "a", "/a"),
            ("/srv", "../a \"b\"", "/srv/../a \"b\""),
            ("/srv", "/etc/passwd", "/etc/passwd"),
            ("/srv", "", "/srv"),
            ("", "a", "a"),
        ];
        for (base, path, joined) in cases {
            let mut out = Vec::new();
            JoinedPath::new(base.into(), path.into()).write(&mut out);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), joined);
        }
    }
}
