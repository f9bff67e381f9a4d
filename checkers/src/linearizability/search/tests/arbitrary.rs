//! The search against trying all orders, on arbitrary histories, which are shrunk where the two disagree.

use proptest::collection::vec;
use proptest::prelude::*;

use super::differential::checked;
use crate::linearizability::fuzz::{listing, woven};
use crate::linearizability::models::{Mutex, MutexAction, Queue, QueueAction, Register, RegisterAction};
use crate::linearizability::search::Search;

/// Steps of `kinds` kinds, with few values, so that they collide.
fn steps(kinds: u8) -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    vec((0..kinds, 0u8..3, 0u8..8), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_register(steps in steps(4)) {
        let ops = woven(&steps, |kind, value| {
            let value = value as u8;
            let action = match kind {
                0 => RegisterAction::Read(value),
                1 => RegisterAction::Write(value),
                2 => RegisterAction::CompareAndSet { from: value, to: (value + 1) % 3 },
                _ => RegisterAction::Differs(value),
            };
            (action.clone(), action)
        });
        let agreed = checked::<Register<u8>>(&Search::default(), &ops);
        prop_assert!(agreed.is_ok(), "{}\n{}", agreed.unwrap_err(), listing(&ops));
    }

    #[test]
    fn an_unordered_queue(steps in steps(4)) {
        let ops = woven(&steps, |kind, value| {
            let value = value as u8;
            match kind {
                0 | 1 => (QueueAction::Enqueue(value), QueueAction::Enqueue(value)),
                2 => (QueueAction::Dequeue(value), QueueAction::DequeueAny),
                _ => (QueueAction::Empty, QueueAction::DequeueAny),
            }
        });
        let agreed = checked::<Queue<u8>>(&Search::default(), &ops);
        prop_assert!(agreed.is_ok(), "{}\n{}", agreed.unwrap_err(), listing(&ops));
    }

    #[test]
    fn a_lock(steps in steps(2)) {
        let ops = woven(&steps, |kind, _| {
            let action = if kind == 0 { MutexAction::Acquire } else { MutexAction::Release };
            (action, action)
        });
        let agreed = checked::<Mutex>(&Search::default(), &ops);
        prop_assert!(agreed.is_ok(), "{}\n{}", agreed.unwrap_err(), listing(&ops));
    }
}
