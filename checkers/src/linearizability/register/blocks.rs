//! The blocks of operations that stand together, and whether they can follow each other.

use super::super::rule;
use super::super::timeline::Timeline;
use super::super::{Op, OpId, ValueId};
use super::RegisterAction;
use super::evidence::{At, Effect, Evidence, Trail};
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
    /// What wrote it; `None` for the block of the initial value.
    pub(super) write: Option<OpId>,
    /// What was written.
    pub(super) value: ValueId,
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
        let mut gathering = Gathering { timeline, evidence, replacements: 0 };
        let initial = gathering.block(None, evidence.initial)?;
        let mut blocks = Vec::new();
        for (trail, value) in evidence.trails.iter().zip(0..) {
            if let Some(write) = trail.writer()
                && trail.is_written()
                && evidence.needed[write.0 as usize]
            {
                blocks.push(gathering.block(Some(write), ValueId(value))?);
            }
        }
        if gathering.replacements < evidence.replacements && rule::applies("register: no circles") {
            return Err(Contradiction::Circle { operation: loose(ops, evidence, &blocks) });
        }
        sequence(initial, &blocks, timeline.len())
    }
}

/// Gathers blocks, each from its write on.
struct Gathering<'a> {
    timeline: &'a Timeline,
    evidence: &'a Evidence,
    /// How many compare-and-sets stand in blocks.
    replacements: usize,
}

impl Gathering<'_> {
    fn block(&mut self, write: Option<OpId>, value: ValueId) -> Result<Block, Contradiction> {
        let (mut writer, mut at) = (write, value);
        let mut block = Block { write, value, low: At::NEVER, high: At::BEFORE };
        loop {
            if let Some(operation) = writer {
                let interval = self.timeline.interval(operation);
                block.add(At { moment: interval.ret, operation }, At { moment: interval.call, operation })?;
            }
            let Some(trail) = self.evidence.of_value(at) else { break };
            if trail.is_read() {
                block.add(trail.first_read, trail.last_read)?;
            }
            let Some((operation, to)) = trail.replaced() else { break };
            self.replacements += 1;
            (writer, at) = (Some(operation), to);
        }
        Ok(block)
    }
}

/// A compare-and-set that took effect, and that stands in no block.
fn loose(ops: &[Op<RegisterAction>], evidence: &Evidence, blocks: &[Block]) -> OpId {
    let mut chained = vec![false; ops.len()];
    for begin in blocks.iter().map(|block| block.value).chain([evidence.initial]) {
        let mut value = begin;
        while let Some((replacer, to)) = evidence.of_value(value).and_then(Trail::replaced) {
            chained[replacer.0 as usize] = true;
            value = to;
        }
    }
    let loose = |(place, op): (usize, &Op<RegisterAction>)| {
        matches!(Effect::of(op.action), Effect::Cas { .. }) && evidence.needed[place] && !chained[place]
    };
    OpId(ops.iter().enumerate().position(loose).unwrap_or_default() as u32)
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
    // No two begin at one moment.
    let mut beginning = vec![u32::MAX; moments];
    for (block, place) in blocks.iter().zip(0..) {
        beginning[block.begin().0 as usize] = place;
    }
    let mut order = Vec::with_capacity(blocks.len() + 1);
    order.push(initial);
    let mut latest: Option<&Block> = None;
    for block in beginning.into_iter().filter_map(|place| blocks.get(place as usize)) {
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
