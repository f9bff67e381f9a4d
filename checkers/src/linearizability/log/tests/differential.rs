//! The check against brute force, on random histories.
//!
//! `HIGHWATER_LONG=10000000 cargo test --release -p highwater-checkers --lib linearizability::log` takes ten million
//! histories of each kind instead of some thousands.

use proptest::prelude::*;

use super::generator::{self, PROFILES, Profile};
use super::oracle;
use crate::linearizability::Answer;
use crate::linearizability::log::history::Fate;
use crate::linearizability::log::{Level, LogHistory, check, ladder, replay};
use crate::random::histories;

/// What the check says, held against the certificate; `None` if it is unknown.
pub(super) fn verdict(history: &LogHistory, profile: &Profile) -> Result<Option<bool>, String> {
    match check(history, profile.settings()) {
        Answer::Linearizable(certificate) => {
            replay(history, profile.settings(), &certificate)?;
            Ok(Some(true))
        }
        Answer::Violation(witness) => {
            let some = !witness.operations.is_empty();
            let known = witness.operations.iter().all(|op| (op.0 as usize) < history.ops.len());
            if some && known { Ok(Some(false)) } else { Err(format!("a witness of nothing: {witness:?}")) }
        }
        Answer::Unknown(_) => Ok(None),
    }
}

/// Why the check and brute force do not agree.
pub(super) fn mismatch(history: &LogHistory, profile: &Profile) -> Option<String> {
    match verdict(history, profile) {
        Err(error) => Some(error),
        Ok(None) => None,
        Ok(Some(says)) => {
            let is = oracle::linearizable(history, profile.settings());
            (says != is).then(|| format!("the check says {says}, brute force {is}"))
        }
    }
}

/// Why the ladder and brute force do not agree.
pub(super) fn ladder_mismatch(history: &LogHistory, profile: &Profile) -> Option<String> {
    let rung = ladder(history, profile.settings()).ok()?;
    // Of an append of unknown place, the level with stale reads asks for less: see there.
    let unplaced = history.ops.iter().any(|op| {
        let append = history.arena.appended(&op.action);
        append.is_some_and(|append| append.fate == Fate::Acknowledged && append.base.is_none())
    });
    let levels = [Level::Linearizable, Level::LinearizableWrites, Level::Sequential, Level::ConsistentPrefix];
    let skipped = |level: &Level| unplaced && *level == Level::LinearizableWrites;
    if rung.level == Level::LinearizableWrites && unplaced {
        return None;
    }
    let satisfies = |level: &Level| oracle::satisfies(history, profile.settings(), *level);
    let is = levels.into_iter().filter(|level| !skipped(level)).find(satisfies).unwrap_or(Level::Diverged);
    let broken = rung.broken.is_some() == (rung.level != Level::Linearizable);
    (rung.level != is || !broken).then(|| format!("the ladder says {rung:?}, brute force {is:?}"))
}

#[test]
fn agrees_with_brute_force() {
    let count = histories(3_000);
    for profile in &PROFILES {
        let (mut violations, mut indeterminate, mut unknown) = (0, 0, 0);
        for seed in 0..count {
            let history = generator::history(profile, seed);
            if let Some(why) = mismatch(&history, profile) {
                panic!("{}, seed {seed}: {why}\n{}", profile.name, generator::show(&history));
            }
            let says = verdict(&history, profile).expect("was right before");
            violations += u64::from(says == Some(false));
            unknown += u64::from(says.is_none());
            let info = |append: &_| {
                matches!(
                    append,
                    crate::linearizability::log::history::Append { fate: Fate::Indeterminate, .. }
                )
            };
            indeterminate += u64::from(
                history
                    .ops
                    .iter()
                    .any(|op| history.arena.appended(&op.action).is_some_and(|append| info(&append))),
            );
        }
        let name = profile.name;
        println!(
            "{name}: {count} histories, {violations} violations, {indeterminate} with info, {unknown} unknown"
        );
        assert!(violations * 10 >= count && violations * 10 <= count * 9, "{name}: {violations} violations");
        assert!(indeterminate * 10 >= count * 3, "{name}: {indeterminate} with an indeterminate append");
        assert!(unknown * 6 <= count, "{name}: {unknown} unknown");
    }
}

#[test]
fn the_ladder_agrees_with_brute_force() {
    let count = histories(1_500);
    for profile in PROFILES.iter().filter(|profile| !profile.duplicates) {
        let mut levels = std::collections::BTreeMap::new();
        for seed in 0..count {
            let history = generator::history(profile, seed);
            if let Some(why) = ladder_mismatch(&history, profile) {
                panic!("{}, seed {seed}: {why}\n{}", profile.name, generator::show(&history));
            }
            let level = ladder(&history, profile.settings()).map(|rung| rung.level).ok();
            *levels.entry(level).or_insert(0) += 1;
        }
        println!("{}: {levels:?}", profile.name);
        if profile.name == "plain" {
            assert_eq!(levels.len(), 5, "every level is there: {levels:?}");
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_brute_force_and_shrinks(seed in 1_000_000_000_u64.., ops in 2_u64..8, kind in 0..8_usize) {
        let profile = Profile { ops, ..PROFILES[kind] };
        let history = generator::history(&profile, seed);
        prop_assert_eq!(mismatch(&history, &profile), None, "{}", generator::show(&history));
    }
}
