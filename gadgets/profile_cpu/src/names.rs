//! Stacks of addresses to stacks of names.

use std::collections::HashMap;

use gadget::symbols;

/// The kernel's addresses stand under this process id, which no process has.
const KERNEL: u32 = 0;
/// Names that are kept; when there are more, all are asked for anew.
const MOST: usize = 200_000;

/// What is known of addresses.
#[derive(Default)]
pub(crate) struct Names(HashMap<(u32, u64), String>);

impl Names {
    /// The names of both stacks' functions, the outermost first. Both are `u64`s, the innermost first: where that is, and
    /// where each of the others goes on, which may be behind the end of the function that called. `waits`: the stack was
    /// taken where a thread leaves the CPU.
    pub(crate) fn folded(&mut self, pid: u32, kernel: &[u8], user: &[u8], waits: bool) -> String {
        let (kernel, user) = (addresses(kernel), addresses(user));
        self.learn(pid, &user);
        self.learn(KERNEL, &kernel);
        let mut folded = String::new();
        for address in user.iter().rev() {
            self.push(&mut folded, pid, *address, "");
        }
        let kernel = if waits { self.without_the_tracer(&kernel) } else { &kernel };
        for address in kernel.iter().rev() {
            self.push(&mut folded, KERNEL, *address, "_[k]");
        }
        folded
    }

    fn learn(&mut self, pid: u32, stack: &[u64]) {
        if self.0.len() > MOST {
            self.0.clear();
        }
        let mut unknown: Vec<u64> =
            stack.iter().copied().filter(|address| !self.0.contains_key(&(pid, *address))).collect();
        unknown.sort_unstable();
        unknown.dedup();
        if unknown.is_empty() {
            return;
        }
        let names = symbols::resolve(pid, &unknown);
        self.0.extend(unknown.into_iter().zip(names).map(|(address, name)| ((pid, address), name)));
    }

    /// The stack from where the thread leaves the CPU on: inside of that is only what told us of it.
    fn without_the_tracer<'a>(&self, kernel: &'a [u64]) -> &'a [u64] {
        let is_scheduler =
            |address: &u64| self.0.get(&(KERNEL, *address)).is_some_and(|name| name == "__schedule");
        kernel.iter().position(is_scheduler).map_or(kernel, |at| &kernel[at..])
    }

    fn push(&self, folded: &mut String, pid: u32, address: u64, mark: &str) {
        let known = self.0.get(&(pid, address)).map_or("", String::as_str);
        if !folded.is_empty() {
            folded.push(';');
        }
        let name = if known.is_empty() { "[unknown]" } else { known };
        // What separates frames, and a frame from its count, must not stand in a name.
        folded.extend(name.chars().map(|letter| match letter {
            ';' => ':',
            '\n' => ' ',
            letter => letter,
        }));
        folded.push_str(mark);
    }
}

fn addresses(stack: &[u8]) -> Vec<u64> {
    let addresses = stack.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
    addresses
        .enumerate()
        .map(|(n, address)| if n == 0 { address } else { address.saturating_sub(1) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_of_a_switch_is_no_part_of_the_wait() {
        let mut names = Names::default();
        for (address, name) in [(0xb000, "bpf_prog"), (0xafff, "__schedule"), (0x9fff, "schedule")] {
            names.0.insert((KERNEL, address), name.to_owned());
        }
        let kernel: Vec<u8> = [0xb000_u64, 0xb000, 0xa000].iter().flat_map(|it| it.to_le_bytes()).collect();
        assert_eq!(names.folded(1, &kernel, &[], true), "schedule_[k];__schedule_[k]");
        assert_eq!(names.folded(1, &kernel, &[], false), "schedule_[k];__schedule_[k];bpf_prog_[k]");
    }
}
