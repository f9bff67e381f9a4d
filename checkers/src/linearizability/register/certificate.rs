//! Puts the operations of a linearizable history in an order: block after block.

use super::super::timeline::Timeline;
use super::super::{Certificate, Op, OpId};
use super::RegisterAction;
use super::blocks::Blocks;
use super::evidence::{Effect, Evidence};

pub(super) fn certificate(
    ops: &[Op<RegisterAction>],
    timeline: &Timeline,
    evidence: &Evidence,
    blocks: &Blocks,
) -> Certificate {
    let reads = Reads::of(ops, timeline, evidence);
    let mut order = Vec::with_capacity(ops.len());
    for block in &blocks.order {
        let mut writer = block.write;
        let mut value = evidence.initial;
        loop {
            if let Some(operation) = writer {
                order.push(operation);
                match Effect::of(ops[operation.0 as usize].action) {
                    Effect::Write(to) | Effect::Cas { to, .. } => value = to,
                    Effect::Read(_) => {}
                }
            }
            order.extend_from_slice(reads.of_value(value.0 as usize));
            writer = evidence.of_value(value).and_then(|trail| trail.replacer());
            if writer.is_none() {
                break;
            }
        }
    }
    Certificate { order }
}

/// The reads of each value, by their calls.
struct Reads {
    operations: Vec<OpId>,
    /// Where those of each value begin, and where the last end.
    bounds: Vec<usize>,
}

impl Reads {
    fn of(ops: &[Op<RegisterAction>], timeline: &Timeline, evidence: &Evidence) -> Self {
        let mut bounds = Vec::with_capacity(evidence.trails.len() + 1);
        let mut sum = 0;
        bounds.push(0);
        for trail in &evidence.trails {
            sum += trail.reads as usize;
            bounds.push(sum);
        }
        let mut next = bounds.clone();
        let mut operations = vec![OpId::default(); sum];
        for (_, happening) in timeline.iter().filter(|(_, happening)| !happening.is_return()) {
            let operation = happening.operation();
            let op = &ops[operation.0 as usize];
            if let Effect::Read(value) = Effect::of(op.action)
                && op.interval.ret.is_some()
            {
                let place = &mut next[value.0 as usize];
                operations[*place] = operation;
                *place += 1;
            }
        }
        Self { operations, bounds }
    }

    fn of_value(&self, value: usize) -> &[OpId] {
        match self.bounds.get(value..value + 2) {
            Some([from, to]) => &self.operations[*from..*to],
            _ => &[],
        }
    }
}
