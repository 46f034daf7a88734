//! How often the kernel passed a program by: it does not run one that would interrupt itself on the same CPU (and no
//! program of a tracepoint within another). No ring or map tells of these events, only the program's own account.

use std::os::fd::{AsFd, AsRawFd};

use aya::programs::Program;

/// The count so far; 0 for a program that is not loaded, and on kernels before 5.12, which keep none.
pub(crate) fn skipped(program: &Program) -> u64 {
    let Ok(fd) = program.fd() else { return 0 };
    let path = format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd());
    std::fs::read_to_string(path).map_or(0, |text| count(&text))
}

fn count(text: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix("recursion_misses:"));
    value.and_then(|it| it.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn the_count_is_found() {
        assert_eq!(count("pos:\t0\nprog_type:\t5\nrecursion_misses:\t17\nverified_insns:\t9\n"), 17);
        assert_eq!(count("pos:\t0\n"), 0);
    }
}
