//! DNS' numbers by name.

use gadget::{Schema, Value};

/// Type of a record: in a row its name, or `"TYPE99"` (RFC 3597).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordType(pub u16);

/// Code of an answer: in a row its name, or `"RCODE12"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rcode(pub u8);

const TYPES: [(u16, &str); 23] = [
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (13, "HINFO"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (33, "SRV"),
    (35, "NAPTR"),
    (39, "DNAME"),
    (43, "DS"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (52, "TLSA"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (257, "CAA"),
];

const RCODES: [&str; 11] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
    "NOTAUTH", "NOTZONE",
];

impl Value for RecordType {
    const WIDTH: u16 = 6;

    fn write(&self, out: &mut Vec<u8>) {
        match TYPES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => name.write(out),
            None => format!("TYPE{}", self.0).write(out),
        }
    }

    fn schema() -> Schema {
        Schema::of("string")
    }
}

impl Value for Rcode {
    const WIDTH: u16 = 10;

    fn write(&self, out: &mut Vec<u8>) {
        match RCODES.get(usize::from(self.0)) {
            Some(name) => name.write(out),
            None => format!("RCODE{}", self.0).write(out),
        }
    }

    fn schema() -> Schema {
        Schema::of("string")
    }
}
