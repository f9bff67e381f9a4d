//! A map from keys to texts that are put, appended to and got: Porcupine's key-value store.

use crate::linearizability::model::{Model, Part};
use crate::linearizability::{Op, OpId};

/// A map from numbered keys to texts, all empty at first. Each key is a part of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyValue;

/// What is done to a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyValueAction {
    /// A get that returned this.
    Get {
        /// Of which key.
        key: u32,
        /// The text.
        text: Box<str>,
    },
    /// Replaces the text.
    Put {
        /// Of which key.
        key: u32,
        /// The text.
        text: Box<str>,
    },
    /// Adds to the end of the text.
    Append {
        /// Of which key.
        key: u32,
        /// What is added.
        text: Box<str>,
    },
}

impl KeyValueAction {
    fn key(&self) -> u32 {
        let (Self::Get { key, .. } | Self::Put { key, .. } | Self::Append { key, .. }) = self;
        *key
    }

    fn text(&self) -> &str {
        let (Self::Get { text, .. } | Self::Put { text, .. } | Self::Append { text, .. }) = self;
        text
    }
}

impl Model for KeyValue {
    type State = Box<str>;
    type Action = KeyValueAction;

    fn initial(&self) -> Box<str> {
        Box::default()
    }

    fn step(&self, state: &Box<str>, action: &KeyValueAction, next: &mut Vec<Box<str>>) {
        match action {
            KeyValueAction::Get { text, .. } if text != state => {}
            KeyValueAction::Get { text, .. } | KeyValueAction::Put { text, .. } => next.push(text.clone()),
            KeyValueAction::Append { text, .. } => {
                let mut longer = String::with_capacity(state.len() + text.len());
                longer.push_str(state);
                longer.push_str(text);
                next.push(longer.into_boxed_str());
            }
        }
    }

    fn is_pure(&self, action: &KeyValueAction) -> bool {
        matches!(action, KeyValueAction::Get { .. })
    }

    fn part(&self, action: &KeyValueAction) -> Part {
        Part(u64::from(action.key()))
    }

    fn state_after(&self, action: &KeyValueAction) -> Option<Box<str>> {
        match action {
            KeyValueAction::Get { text, .. } | KeyValueAction::Put { text, .. } => Some(text.clone()),
            KeyValueAction::Append { .. } => None,
        }
    }

    fn unobserved(&self, ops: &[Op<&KeyValueAction>]) -> Vec<OpId> {
        let got = |op: &&Op<&KeyValueAction>| matches!(op.action, KeyValueAction::Get { .. });
        let gets: Vec<&str> = ops.iter().filter(got).map(|op| op.action.text()).collect();
        let pending = || ops.iter().enumerate().filter(|(_, op)| !op.interval.ret.is_some());
        let bytes: usize = gets.iter().map(|text| text.len()).sum();
        if bytes.saturating_mul(pending().count()) > LOOK_BYTES_MAX {
            return Vec::new();
        }
        // Until the next put every get returns what was put or appended.
        let unseen = |text: &str| !gets.iter().any(|got| got.contains(text));
        let unseen = pending().filter(|(_, op)| unseen(op.action.text()));
        unseen.map(|(place, _)| OpId(place as u32)).collect()
    }

    fn heap_bytes(&self, state: &Box<str>) -> usize {
        state.len()
    }

    fn describe(&self, action: &KeyValueAction) -> String {
        match action {
            KeyValueAction::Get { text, .. } => format!("get {text:?}"),
            KeyValueAction::Put { text, .. } => format!("put {text:?}"),
            KeyValueAction::Append { text, .. } => format!("append {text:?}"),
        }
    }
}

/// Pending texts are looked for in the gets only while that is so little work.
const LOOK_BYTES_MAX: usize = 1 << 28;
