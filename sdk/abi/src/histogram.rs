//! Histograms whose buckets double: the kernel half counts by the logarithm, the post-processor tells the buckets.

/// Slots of a histogram: slot 0 counts what is less than 2, slot n what is from 2^n to less than 2^(n+1); the last also
/// what is more.
pub const SLOTS: usize = 32;

/// The logarithm, rounded down; 0 of 0, and 32 of all that is too large for 32 bits. By halves, since the machine has no
/// instruction for it.
#[inline(always)]
pub fn log2(value: u64) -> u64 {
    let mut value = value;
    let mut log = 0;
    if value >= 1 << 32 {
        return 32;
    }
    if value >= 1 << 16 {
        value >>= 16;
        log += 16;
    }
    if value >= 1 << 8 {
        value >>= 8;
        log += 8;
    }
    if value >= 1 << 4 {
        value >>= 4;
        log += 4;
    }
    if value >= 1 << 2 {
        value >>= 2;
        log += 2;
    }
    if value >= 1 << 1 {
        log += 1;
    }
    log
}

#[cfg(test)]
mod tests {
    use super::log2;

    #[test]
    fn logarithms() {
        for (value, log) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (1023, 9), (1024, 10), (u64::MAX, 32)] {
            assert_eq!(log2(value), log, "{value}");
        }
        for log in 0..32 {
            assert_eq!((log2(1 << log), log2((2 << log) - 1)), (log, log));
        }
    }
}
