//! Stacks as a tree: each function below the one that called it, with all that was counted in it.

use std::collections::HashMap;

/// Most functions of a tree. What is beyond counts only in those that called it, which [`Tree::cut`] tells.
const MOST: usize = 200_000;
/// Most functions on top of each other.
const DEEPEST: usize = 320;

/// A function at one place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) weight: u64,
    pub(super) depth: usize,
    /// Numbers of the functions it called, in the order they came.
    pub(super) children: Vec<usize>,
}

/// All stacks; number 0 stands for all of them.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Numbers by caller and name.
    numbers: HashMap<(usize, String), usize>,
    /// Stacks of which not every function has a place.
    pub(super) cut: usize,
}

impl Default for Tree {
    fn default() -> Self {
        let all = Node { name: "all".into(), weight: 0, depth: 0, children: Vec::new() };
        Self { nodes: vec![all], numbers: HashMap::new(), cut: 0 }
    }
}

impl Tree {
    /// Adds a stack, its functions separated by `;`.
    pub(super) fn add(&mut self, stack: &str, weight: u64) {
        let mut at = 0;
        self.count(at, weight);
        for name in stack.split(';').filter(|name| !name.is_empty()) {
            let Some(next) = self.child(at, name) else {
                self.cut += 1;
                return;
            };
            at = next;
            self.count(at, weight);
        }
    }

    fn count(&mut self, at: usize, weight: u64) {
        let sum = &mut self.nodes[at].weight;
        *sum = sum.saturating_add(weight);
    }

    /// The number of `name` as called by `caller`; `None` when there is no room for it.
    fn child(&mut self, caller: usize, name: &str) -> Option<usize> {
        let key = (caller, name.to_owned());
        if let Some(number) = self.numbers.get(&key) {
            return Some(*number);
        }
        let (number, depth) = (self.nodes.len(), self.nodes[caller].depth + 1);
        if number >= MOST || depth > DEEPEST {
            return None;
        }
        self.nodes.push(Node { name: name.to_owned(), weight: 0, depth, children: Vec::new() });
        self.nodes[caller].children.push(number);
        self.numbers.insert(key, number);
        Some(number)
    }
}
