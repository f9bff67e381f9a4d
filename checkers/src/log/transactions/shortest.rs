//! Short circles in a graph of operations and barriers of time.

use std::collections::VecDeque;

use super::edges::Kind;

/// One thing comes before another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arc {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) kind: Kind,
}

/// How many operations of a group are tried as the first of a circle.
const STARTS_MAX: usize = 8;

/// The graph, and what a search notes of its nodes.
pub(super) struct Paths<'a> {
    /// By the node that comes first.
    arcs: Vec<&'a Arc>,
    starts: Vec<u32>,
    /// Whether a node is in the group at hand.
    here: Vec<bool>,
    /// The distance from the start of the search, and the arc by which it was reached.
    reached: Vec<Option<(u32, &'a Arc)>>,
}

impl<'a> Paths<'a> {
    pub(super) fn new(nodes: usize, arcs: &'a [Arc]) -> Self {
        let mut sorted: Vec<&Arc> = arcs.iter().collect();
        sorted.sort_by_key(|arc| arc.from);
        let mut starts = vec![0; nodes + 1];
        for arc in arcs {
            starts[arc.from as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        Self { arcs: sorted, starts, here: vec![false; nodes], reached: vec![None; nodes] }
    }

    /// A short circle within a group of nodes each of which reaches each: operations, each with why it comes
    /// before the next one. Nodes from `barriers` on are barriers of time.
    pub(super) fn circle(&mut self, group: &[u32], barriers: u32) -> Option<Vec<(u32, Kind)>> {
        for node in group {
            self.here[*node as usize] = true;
        }
        let mut best: Option<Vec<(u32, Kind)>> = None;
        for start in group.iter().filter(|node| **node < barriers).take(STARTS_MAX) {
            let circle = self.through(*start, barriers);
            if circle.as_ref().is_some_and(|it| best.as_ref().is_none_or(|best| it.len() < best.len())) {
                best = circle;
            }
            for node in group {
                self.reached[*node as usize] = None;
            }
        }
        for node in group {
            self.here[*node as usize] = false;
        }
        best
    }

    /// The shortest circle through one operation. Barriers cost nothing: a way through them is one step.
    fn through(&mut self, start: u32, barriers: u32) -> Option<Vec<(u32, Kind)>> {
        let mut queue = VecDeque::from([(0, start)]);
        let mut back: Option<(u32, &Arc)> = None;
        while let Some((distance, node)) = queue.pop_front() {
            if back.is_some_and(|(best, _)| best <= distance) {
                break;
            }
            let known = self.reached[node as usize].map_or(0, |(known, _)| known);
            if known < distance {
                continue;
            }
            let (from, to) = (self.starts[node as usize] as usize, self.starts[node as usize + 1] as usize);
            for arc in &self.arcs[from..to] {
                if !self.here[arc.to as usize] {
                    continue;
                }
                // A step ends where an operation's own arc ends.
                let cost = u32::from(node < barriers);
                let length = distance + cost;
                if arc.to == start {
                    if back.is_none_or(|(best, _)| length < best) {
                        back = Some((length, arc));
                    }
                } else if self.reached[arc.to as usize].is_none_or(|(known, _)| length < known) {
                    self.reached[arc.to as usize] = Some((length, arc));
                    if cost == 0 {
                        queue.push_front((length, arc.to));
                    } else {
                        queue.push_back((length, arc.to));
                    }
                }
            }
        }
        let mut arc = back?.1;
        let mut circle = Vec::new();
        loop {
            if arc.from < barriers {
                circle.push((arc.from, arc.kind));
            }
            if arc.from == start {
                break;
            }
            arc = self.reached[arc.from as usize]?.1;
        }
        circle.reverse();
        Some(circle)
    }
}
