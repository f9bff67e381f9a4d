//! Histories of a FIFO queue: clients that enqueue and dequeue at random.

use std::collections::VecDeque;

use highwater_checkers::linearizability::queue::QueueAction;
use highwater_checkers::linearizability::{Op, ValueId};

use super::{Random, Size, run};

/// One half enqueues. A dequeue that never returned does not tell what it took.
pub(crate) fn history(size: Size) -> Vec<Op<QueueAction>> {
    let mut queue = VecDeque::new();
    let mut enqueued = 0;
    let mut ops = run(&mut Random(1), size, |random| {
        if random.below(2) == 0 {
            enqueued += 1;
            queue.push_back(ValueId(enqueued - 1));
            QueueAction::Enqueue(ValueId(enqueued - 1))
        } else {
            queue.pop_front().map_or(QueueAction::DequeueEmpty, QueueAction::Dequeue)
        }
    });
    for op in ops.iter_mut().filter(|op| !op.interval.ret.is_some()) {
        if !matches!(op.action, QueueAction::Enqueue(_)) {
            op.action = QueueAction::DequeueUnknown;
        }
    }
    ops
}
