//! The controllers' consensus under faults, in a seeded event loop: every apply is checked against one
//! global log, and after the heal a new entry must soon be everywhere.
//!
//! `HIGHWATER_QUORUM_SEEDS=30000 cargo test --release -p highwater-broker --test quorum -- --nocapture` is
//! the long way; it prints what struck and how fast it went.

mod cluster;
mod nemesis;
mod node;
mod oracle;

use std::panic::{AssertUnwindSafe, catch_unwind};

use highwater_broker::env::Rng;
use highwater_broker::quorum::Defects;
use rand::SeedableRng;
use tokio::time::Instant;

use crate::cluster::{Cluster, Counts};
use crate::nemesis::{Fault, Mix};
use crate::oracle::Violation;

/// Seeds of each test in a plain `cargo test`.
const SEEDS: u64 = 500;
/// Seeds of a negative control, and how many must show it.
const CONTROL_SEEDS: u64 = 300;
const CONTROL_FOUND_MIN: usize = 100;

fn seeds() -> u64 {
    match std::env::var("HIGHWATER_QUORUM_SEEDS") {
        Ok(count) => count.parse().expect("HIGHWATER_QUORUM_SEEDS is a number of seeds"),
        Err(_) => SEEDS,
    }
}

/// One run. A failed assertion of the quorum is a finding like any other.
fn run(seed: u64, mix: Mix) -> Result<Counts, Violation> {
    catch_unwind(AssertUnwindSafe(|| Cluster::new(seed, mix)?.run())).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(Violation::Unsafe(format!("a voter panics: {}", text.unwrap_or_default())))
    })
}

#[test]
fn agrees_and_recovers_under_every_fault() {
    let seeds = seeds();
    let mut total = Counts::default();
    let mut recoveries_us = Vec::new();
    let begun = Instant::now();
    for seed in 0..seeds {
        for voters in [3, 5] {
            let mix = Mix::everything(voters, &mut Rng::seed_from_u64(seed));
            match run(seed, mix) {
                Ok(counts) => {
                    recoveries_us.push(counts.recovery_us);
                    total.add(&counts);
                }
                Err(violation) => panic!("seed {seed}, {voters} voters: {violation}"),
            }
        }
    }
    println!(
        "{seeds} seeds, each with 3 and with 5 voters: {:.0} seeds/s",
        seeds as f64 / begun.elapsed().as_secs_f64()
    );
    println!("{total:#?}");
    recoveries_us.sort_unstable();
    let [median, most, worst] =
        [50, 95, 100].map(|percent| recoveries_us[(recoveries_us.len() - 1) * percent / 100]);
    println!("recovery: median {median} us, 95 % within {most} us, worst {worst} us");
    assert!(most <= 1_000_000, "a new entry should be everywhere within a second of the heal");
    assert_eq!(total.faults.len(), Fault::COUNT, "every fault strikes");
    assert!(total.snapshots_restored > 0 && total.writes_lost > 0, "snapshots are sent, and writes lost");
    assert!(total.applied_in_chaos > 50 * seeds, "the faults leave room for too little");
}

/// Another leader must serve within `ticks_max` ticks in nearly all seeds; rivals may tie, and try again.
fn re_elects(fault: Fault, ticks_max: u64) {
    let mut ticks = Vec::new();
    for seed in 0..200 {
        for voters in [3, 5] {
            let run = Cluster::new(seed, Mix::calm(voters)).and_then(|it| it.ticks_to_re_election(fault));
            ticks.push(run.unwrap_or_else(|violation| panic!("seed {seed}, {voters} voters: {violation}")));
        }
    }
    ticks.sort_unstable();
    let within = ticks.iter().filter(|&&count| count <= ticks_max).count();
    let worst = ticks[ticks.len() - 1];
    println!("{fault:?}: {within} of {} within {ticks_max} ticks, the worst after {worst}", ticks.len());
    assert!(within * 100 >= ticks.len() * 95 && worst <= 2 * ticks_max, "re-elections are slow: {ticks:?}");
}

#[test]
fn replaces_a_dead_leader_within_two_election_time_outs() {
    re_elects(Fault::KillLeader, 40);
}

#[test]
fn replaces_a_leader_that_nobody_hears() {
    re_elects(Fault::Mute, 40);
}

/// The leader's heartbeats still come, until it notices that no answers do.
#[test]
fn replaces_a_leader_that_hears_nobody() {
    re_elects(Fault::Deaf, 60);
}

/// The defect of `mix` must be found in many seeds, and nothing without it.
fn control(name: &str, mix: fn(i32) -> Mix) {
    let mut findings = Vec::new();
    for seed in 0..CONTROL_SEEDS {
        let mix = mix(if seed % 2 == 0 { 3 } else { 5 });
        if let Err(Violation::Unsafe(what)) = run(seed, mix.clone()) {
            findings.push(format!("seed {seed}: {what}"));
        }
        if let Err(violation) = run(seed, Mix { defects: Defects::default(), ..mix }) {
            panic!("{name}, seed {seed}: without the defect {violation}");
        }
    }
    println!("{name}: found in {} of {CONTROL_SEEDS} seeds, such as {:?}", findings.len(), findings.first());
    assert!(findings.len() >= CONTROL_FOUND_MIN, "{name}: found in {} seeds only", findings.len());
}

#[test]
fn finds_messages_sent_before_sync() {
    control("send before sync", Mix::send_before_sync);
}

#[test]
fn finds_votes_that_are_not_persisted() {
    control("no vote persisted", Mix::no_vote_persisted);
}

#[test]
fn finds_a_missing_epoch_check() {
    control("no epoch check", Mix::no_epoch_check);
}
