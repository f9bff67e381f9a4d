//! A circular list over numbered nodes, from which nodes are taken and put back in reverse order.

/// Nodes `1..=count` in their order; node 0 is both ends.
#[derive(Debug)]
pub(super) struct Links {
    next: Vec<u32>,
    prev: Vec<u32>,
}

/// The node that is both ends.
pub(super) const HEAD: u32 = 0;

impl Links {
    pub(super) fn new(count: u32) -> Self {
        let nodes = count + 1;
        Self { next: (1..nodes).chain([HEAD]).collect(), prev: [count].into_iter().chain(0..count).collect() }
    }

    pub(super) fn next(&self, node: u32) -> u32 {
        self.next[node as usize]
    }

    /// Takes a node out. It keeps its own links, so that a walk that stands on it can go on.
    pub(super) fn unlink(&mut self, node: u32) {
        let (prev, next) = (self.prev[node as usize], self.next[node as usize]);
        self.next[prev as usize] = next;
        self.prev[next as usize] = prev;
    }

    /// Puts back the node that was taken out last.
    pub(super) fn relink(&mut self, node: u32) {
        let (prev, next) = (self.prev[node as usize], self.next[node as usize]);
        self.next[prev as usize] = node;
        self.prev[next as usize] = node;
    }
}
