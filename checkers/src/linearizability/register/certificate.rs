//! Puts the operations of a linearizable history in an order: block after block.

use super::super::{Certificate, Op};
use super::RegisterAction;
use super::blocks::Blocks;
use super::evidence::{Evidence, Trail};

pub(super) fn certificate(ops: &[Op<RegisterAction>], evidence: &Evidence, blocks: &Blocks) -> Certificate {
    let mut order = Vec::with_capacity(ops.len());
    for block in &blocks.order {
        order.extend(block.write);
        let mut value = block.value;
        loop {
            order.extend(evidence.reads(value));
            let Some((replacer, to)) = evidence.of_value(value).and_then(Trail::replaced) else { break };
            order.push(replacer);
            value = to;
        }
    }
    Certificate { order }
}
