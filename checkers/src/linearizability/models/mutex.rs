//! A lock that one holds at a time.

use crate::linearizability::model::Model;

/// A lock, free at first. Who holds it is not looked at: that a release is by the holder is for the history
/// to tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mutex;

/// What is done to a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MutexAction {
    /// Takes it; it must be free.
    Acquire,
    /// Gives it back; it must be held.
    Release,
}

/// Whether a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lock {
    /// By nobody.
    Free,
    /// By someone.
    Held,
}

impl Model for Mutex {
    type State = Lock;
    type Action = MutexAction;

    fn initial(&self) -> Lock {
        Lock::Free
    }

    fn step(&self, state: &Lock, action: &MutexAction, next: &mut Vec<Lock>) {
        match (state, action) {
            (Lock::Free, MutexAction::Acquire) => next.push(Lock::Held),
            (Lock::Held, MutexAction::Release) => next.push(Lock::Free),
            _ => {}
        }
    }

    fn state_after(&self, action: &MutexAction) -> Option<Lock> {
        Some(match action {
            MutexAction::Acquire => Lock::Held,
            MutexAction::Release => Lock::Free,
        })
    }

    fn describe(&self, action: &MutexAction) -> String {
        match action {
            MutexAction::Acquire => "acquire",
            MutexAction::Release => "release",
        }
        .to_owned()
    }

    fn describe_state(&self, state: &Lock) -> String {
        match state {
            Lock::Free => "free",
            Lock::Held => "held",
        }
        .to_owned()
    }
}
