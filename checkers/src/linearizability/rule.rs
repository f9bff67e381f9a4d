//! Takes single rules out of the checkers, in tests alone: a rule whose absence nothing notices is not tested.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static REMOVED: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Whether the rule of this name applies: always, but in a test that removed it.
#[inline(always)]
pub(crate) fn applies(rule: &'static str) -> bool {
    #[cfg(test)]
    let applies = REMOVED.get() != Some(rule);
    #[cfg(not(test))]
    let applies = !rule.is_empty();
    applies
}

/// What comes out of `checking` on this thread without that rule.
#[cfg(test)]
pub(crate) fn without<R>(rule: &'static str, checking: impl FnOnce() -> R) -> R {
    REMOVED.set(Some(rule));
    let result = checking();
    REMOVED.set(None);
    result
}
