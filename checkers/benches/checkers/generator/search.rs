//! Histories like those that Jepsen takes of etcd and Porcupine of its key-value store: linearizable, but for
//! what is spoiled on purpose.

use highwater_checkers::linearizability::Op;
use highwater_checkers::linearizability::models::{KeyValueAction, RegisterAction};

use super::{Random, Size, run};

/// The seed of the longer histories.
pub(crate) const SEED: u64 = 7;

/// The registers that are measured, beside those like etcd's.
pub(crate) const REGISTERS: [Size; 4] = [
    Size { operations: 10_000, clients: 10, pending_percent: 0 },
    Size { operations: 10_000, clients: 10, pending_percent: 2 },
    Size { operations: 10_000, clients: 50, pending_percent: 0 },
    Size { operations: 100_000, clients: 10, pending_percent: 0 },
];

/// The key-value stores that are measured.
pub(crate) const KEY_VALUES: [Size; 2] = [
    Size { operations: 340, clients: 10, pending_percent: 0 },
    Size { operations: 3_500, clients: 50, pending_percent: 0 },
];

/// As many histories as Jepsen has of etcd, about as long.
pub(crate) fn etcd_like() -> Vec<Vec<Op<RegisterAction<u64>>>> {
    let size = Size { operations: 85, clients: 5, pending_percent: 10 };
    (0..102).map(|seed| register(seed, size)).collect()
}

/// A register of five values, read, written and compared.
pub(crate) fn register(seed: u64, size: Size) -> Vec<Op<RegisterAction<u64>>> {
    let mut state = 0;
    run(&mut Random(seed), size, |random| match random.below(3) {
        0 => RegisterAction::Read(state),
        1 => {
            state = random.below(5);
            RegisterAction::Write(state)
        }
        _ => {
            let (from, to) = (random.below(5), random.below(5));
            if from == state {
                state = to;
                RegisterAction::CompareAndSet { from, to }
            } else {
                RegisterAction::Differs(from)
            }
        }
    })
}

/// Texts of ten keys, half of the operations appending what nobody else appends.
pub(crate) fn key_value(seed: u64, size: Size) -> Vec<Op<KeyValueAction>> {
    let mut texts = vec![String::new(); 10];
    let mut count = 0;
    run(&mut Random(seed), size, |random| {
        let key = random.below(10) as u32;
        let text = &mut texts[key as usize];
        match random.below(10) {
            0..5 => {
                count += 1;
                let piece = format!("x {count} y");
                text.push_str(&piece);
                KeyValueAction::Append { key, text: piece.into() }
            }
            5 => {
                count += 1;
                *text = format!("x {count} y");
                KeyValueAction::Put { key, text: text.as_str().into() }
            }
            _ => KeyValueAction::Get { key, text: text.as_str().into() },
        }
    })
}

/// The same with the result of one get, in the middle, cut short.
pub(crate) fn spoiled(mut ops: Vec<Op<KeyValueAction>>) -> Vec<Op<KeyValueAction>> {
    let middle = ops.len() / 2;
    let get = ops[middle..].iter_mut().find_map(|op| match &mut op.action {
        KeyValueAction::Get { text, .. } if text.len() > 12 => Some(text),
        _ => None,
    });
    if let Some(text) = get {
        *text = text[..text.len() / 2].into();
    }
    ops
}
