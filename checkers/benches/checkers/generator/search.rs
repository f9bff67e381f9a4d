//! Histories like those that Jepsen takes of etcd and Porcupine of its key-value store: linearizable, but for
//! what is spoiled on purpose.

use highwater_checkers::linearizability::Op;
use highwater_checkers::linearizability::models::{KeyValueAction, RegisterAction};

use super::{Random, Size, run};

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
