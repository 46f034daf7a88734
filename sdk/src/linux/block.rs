//! Kinds of requests to disks.

/// The kernel's `REQ_OP_*` by name: `"write"`; one that has none here by its number: `"operation_77"`.
pub fn block_operation(op: u32) -> String {
    let name = match op {
        0 => "read",
        1 => "write",
        2 => "flush",
        3 => "discard",
        5 => "secure_erase",
        7 => "zone_append",
        9 => "write_zeroes",
        34 => "driver_in",
        35 => "driver_out",
        other => return format!("operation_{other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let cases = [(0, "read"), (2, "flush"), (3, "discard"), (9, "write_zeroes"), (77, "operation_77")];
        for (op, name) in cases {
            assert_eq!(block_operation(op), name);
        }
    }
}
