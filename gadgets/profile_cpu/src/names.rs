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
    /// where each of the others goes on, which may be behind the end of the function that called.
    pub(crate) fn folded(&mut self, pid: u32, kernel: &[u8], user: &[u8]) -> String {
        let (kernel, user) = (addresses(kernel), addresses(user));
        self.learn(pid, &user);
        self.learn(KERNEL, &kernel);
        let mut folded = String::new();
        for address in user.iter().rev() {
            self.push(&mut folded, pid, *address, "");
        }
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
