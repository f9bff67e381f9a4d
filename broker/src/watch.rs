//! A value that tasks can wait for a change of: `tokio::sync::watch`, but woken in the order of waiting.
//!
//! tokio's own spreads its waiters over eight queues by an unseeded random number, so that the order in which
//! several are woken differs from run to run. One queue costs nothing here and is deterministic.

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A channel that begins with `value`.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(value);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// Sets the value. The receivers learn when it is dropped.
#[derive(Debug)]
pub struct Sender<T>(Arc<Shared<T>>);

/// Sees the value, and waits for newer ones.
#[derive(Debug)]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The version that was seen last.
    seen: u64,
}

/// The sender is gone: the value will not change any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sender is gone")]
pub struct Closed;

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<T> {
    value: T,
    version: u64,
    closed: bool,
}

/// The value, locked: to be let go of before anything is waited for.
pub struct Ref<'a, T>(MutexGuard<'a, State<T>>);

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Sender<T> {
    /// A sender without receivers yet.
    pub fn new(value: T) -> Self {
        let state = Mutex::new(State { value, version: 0, closed: false });
        Self(Arc::new(Shared { state, changed: Notify::new() }))
    }

    /// A further receiver. What the value is now counts as seen.
    pub fn subscribe(&self) -> Receiver<T> {
        let seen = self.0.lock().version;
        Receiver { shared: Arc::clone(&self.0), seen }
    }

    /// Sets the value.
    pub fn send_replace(&self, value: T) -> T {
        let mut old = None;
        self.send_modify(|current| old = Some(std::mem::replace(current, value)));
        old.expect("the closure was called")
    }

    /// Changes the value in place.
    pub fn send_modify(&self, change: impl FnOnce(&mut T)) {
        self.send_if_modified(|value| {
            change(value);
            true
        });
    }

    /// Changes the value in place; the receivers hear of it if `change` says that it did something.
    pub fn send_if_modified(&self, change: impl FnOnce(&mut T) -> bool) -> bool {
        let mut state = self.0.lock();
        let changed = change(&mut state.value);
        if changed {
            state.version += 1;
            drop(state);
            self.0.changed.notify_waiters();
        }
        changed
    }

    /// The value.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref(self.0.lock())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_waiters();
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), seen: self.seen }
    }
}

impl<T> Receiver<T> {
    /// The value, which does not count as seen by this.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref(self.shared.lock())
    }

    /// The value, which counts as seen.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let state = self.shared.lock();
        self.seen = state.version;
        Ref(state)
    }

    /// Waits for a value that was not seen yet, which then counts as seen.
    pub async fn changed(&mut self) -> Result<(), Closed> {
        loop {
            // Made before the look, so that no change falls between the two.
            let notified = self.shared.changed.notified();
            {
                let state = self.shared.lock();
                if state.version != self.seen {
                    self.seen = state.version;
                    return Ok(());
                }
                if state.closed {
                    return Err(Closed);
                }
            }
            notified.await;
        }
    }

    /// Waits until the value is as wanted; that value counts as seen.
    pub async fn wait_for(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, Closed> {
        loop {
            if wanted(&self.borrow_and_update()) {
                return Ok(self.borrow());
            }
            self.changed().await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn waiters_are_woken_in_the_order_in_which_they_waited() {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let order = runtime.block_on(async {
            let sender = Sender::new(0);
            let order = Arc::new(Mutex::new(Vec::new()));
            let local = tokio::task::LocalSet::new();
            for waiter in 0..32 {
                let (mut receiver, order) = (sender.subscribe(), Arc::clone(&order));
                local.spawn_local(async move {
                    receiver.changed().await.expect("the sender lives");
                    order.lock().expect("unpoisoned").push(waiter);
                });
            }
            local
                .run_until(async {
                    tokio::task::yield_now().await;
                    sender.send_replace(1);
                })
                .await;
            local.await;
            Arc::into_inner(order).expect("all have ended").into_inner().expect("unpoisoned")
        });
        assert_eq!(order, (0..32).collect::<Vec<_>>());
    }

    #[test]
    fn a_change_before_the_wait_is_not_missed_and_an_end_is_told() {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let (sender, mut receiver) = channel(0);
            sender.send_replace(7);
            assert_eq!(receiver.changed().await, Ok(()));
            assert_eq!(*receiver.borrow(), 7);
            assert_eq!(*receiver.wait_for(|value| *value == 7).await.expect("it is so already"), 7);
            drop(sender);
            assert_eq!(receiver.changed().await, Err(Closed));
            assert!(receiver.wait_for(|value| *value == 8).await.is_err());
        });
    }
}
