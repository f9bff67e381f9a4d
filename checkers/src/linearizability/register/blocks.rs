//! The blocks of operations that stand together, and whether they can follow each other.

use super::super::rule;
use super::super::timeline::Timeline;
use super::super::{Op, OpId, ValueId};
use super::RegisterAction;
use super::evidence::{At, Effect, Evidence};
use crate::ids::Moment;

/// Why a history is not linearizable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contradiction {
    /// Nobody wrote what was seen.
    Phantom { observer: OpId, value: ValueId },
    /// Two compare-and-sets replaced one value.
    Forked { first: OpId, second: OpId, value: ValueId },
    /// Compare-and-sets replaced each other's values in a circle, into which no write leads.
    Circle { operation: OpId },
    /// An operation returned before one was called that stands before it.
    Within { early: OpId, late: OpId },
    /// Each of two blocks has an operation that returned before one of the other was called.
    Between { one: Block, other: Block },
    /// Something was called that sees the initial value, after something returned that does not.
    Initial { block: Block, observer: OpId },
}

/// Operations that stand together: a write, compare-and-sets, and reads of all their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// What was written; `None` for the block of the initial value.
    pub(super) write: Option<OpId>,
    /// The operation that returned first.
    pub(super) low: At,
    /// The operation that was called last.
    pub(super) high: At,
}

/// Blocks in an order in which they can follow each other; the initial value's is the first.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) order: Vec<Block>,
}

impl Blocks {
    pub(super) fn of(
        ops: &[Op<RegisterAction>],
        timeline: &Timeline,
        evidence: &Evidence,
    ) -> Result<Self, Contradiction> {
        let mut gathering = Gathering { ops, timeline, evidence, chained: vec![false; ops.len()] };
        let initial = gathering.block(None, evidence.initial)?;
        let mut blocks = Vec::new();
        for (place, op) in ops.iter().enumerate() {
            if let Effect::Write(value) = Effect::of(op.action)
                && evidence.needed[place]
            {
                blocks.push(gathering.block(Some(OpId(place as u32)), value)?);
            }
        }
        gathering.all_chained()?;
        sequence(initial, &blocks, timeline.len())
    }
}

/// Gathers blocks, each from its write on.
struct Gathering<'a> {
    ops: &'a [Op<RegisterAction>],
    timeline: &'a Timeline,
    evidence: &'a Evidence,
    /// By operation: whether it is a compare-and-set of a block.
    chained: Vec<bool>,
}

impl Gathering<'_> {
    fn block(&mut self, write: Option<OpId>, value: ValueId) -> Result<Block, Contradiction> {
        let (mut writer, mut value) = (write, value);
        let mut block = Block { write, low: At::NEVER, high: At::BEFORE };
        loop {
            if let Some(operation) = writer {
                let interval = self.timeline.interval(operation);
                block.add(At { moment: interval.ret, operation }, At { moment: interval.call, operation })?;
            }
            let Some(trail) = self.evidence.of_value(value) else { break };
            if trail.reads > 0 {
                block.add(trail.first_read, trail.last_read)?;
            }
            let Some(operation) = trail.replacer() else { break };
            let Effect::Cas { to, .. } = Effect::of(self.ops[operation.0 as usize].action) else { break };
            self.chained[operation.0 as usize] = true;
            (writer, value) = (Some(operation), to);
        }
        Ok(block)
    }

    /// Whether every compare-and-set has a write behind it.
    fn all_chained(&self) -> Result<(), Contradiction> {
        let loose = |(place, op): (usize, &Op<RegisterAction>)| {
            let cas = matches!(Effect::of(op.action), Effect::Cas { .. });
            cas && self.evidence.needed[place] && !self.chained[place]
        };
        match self.ops.iter().enumerate().position(loose) {
            Some(place) if rule::applies("register: no circles") => {
                Err(Contradiction::Circle { operation: OpId(place as u32) })
            }
            _ => Ok(()),
        }
    }
}

impl Block {
    /// Adds operations that stand after all that is there: the one that returned first, and the one that was
    /// called last.
    fn add(&mut self, first_return: At, last_call: At) -> Result<(), Contradiction> {
        if first_return.moment < self.high.moment && rule::applies("register: order within a block") {
            return Err(Contradiction::Within { early: first_return.operation, late: self.high.operation });
        }
        if first_return.moment < self.low.moment {
            self.low = first_return;
        }
        if self.high == At::BEFORE || last_call.moment > self.high.moment {
            self.high = last_call;
        }
        Ok(())
    }

    fn begin(&self) -> Moment {
        self.low.moment.min(self.high.moment)
    }
}

/// Puts the blocks in an order, the initial value's first.
fn sequence(initial: Block, blocks: &[Block], moments: usize) -> Result<Blocks, Contradiction> {
    let mut beginning: Vec<Option<&Block>> = vec![None; moments];
    for block in blocks {
        beginning[block.begin().0 as usize] = Some(block);
    }
    let mut order = Vec::with_capacity(blocks.len() + 1);
    order.push(initial);
    let mut latest: Option<&Block> = None;
    for block in beginning.into_iter().flatten() {
        if block.low.moment < initial.high.moment && rule::applies("register: initial value first") {
            let observer = initial.high.operation;
            return Err(Contradiction::Initial { block: *block, observer });
        }
        match latest {
            Some(latest)
                if block.low.moment < latest.high.moment && rule::applies("register: order of blocks") =>
            {
                return Err(Contradiction::Between { one: *latest, other: *block });
            }
            Some(latest) if block.high.moment < latest.high.moment => {}
            _ => latest = Some(block),
        }
        order.push(*block);
    }
    Ok(Blocks { order })
}
