//! Device numbers.

use crate::{Schema, Value, json};

/// A device as the kernel numbers it inside (`major << 20 | minor`): in a row `"8:1"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device(pub u32);

impl Device {
    /// The device that a row tells as `text`; 0 when that is no device.
    pub fn from_text(text: &str) -> Self {
        let number = |part: &str| part.parse::<u32>().unwrap_or(0);
        Self(text.split_once(':').map_or(0, |(major, minor)| number(major) << 20 | number(minor) & 0xf_ffff))
    }
}

impl Value for Device {
    const WIDTH: u16 = 8;

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        json::integer(out, self.0 >> 20);
        out.push(b':');
        json::integer(out, self.0 & 0xf_ffff);
        out.push(b'"');
    }

    fn schema() -> Schema {
        Schema::of("string")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_and_minor() {
        for (number, json) in [(0, "\"0:0\""), (8 << 20 | 1, "\"8:1\""), (u32::MAX, "\"4095:1048575\"")] {
            let mut out = Vec::new();
            Device(number).write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), json);
            assert_eq!(Device::from_text(json.trim_matches('"')), Device(number));
        }
    }
}
