//! Every rule is noticed when it is removed.

use super::differential::{ladder_mismatch, mismatch};
use super::generator::{self, PROFILES};
use crate::linearizability::rule;

/// Each rule, and the kind of histories that needs it.
const RULES: [(&str, &str); 18] = [
    ("real time", "plain"),
    ("append upper", "plain"),
    ("append lower", "plain"),
    ("observed upper", "plain"),
    ("observed lower", "plain"),
    ("exact read", "plain"),
    ("phantom", "plain"),
    ("aborted", "plain"),
    ("divergent", "plain"),
    ("moved", "plain"),
    ("gap", "skips"),
    ("hole", "unplaced"),
    ("lost", "unplaced"),
    ("block", "batches"),
    ("whole blocks", "batches"),
    ("torn", "batches"),
    ("internal", "gaps"),
    ("skipped", "gaps"),
];

#[test]
fn every_rule_is_needed() {
    for (rule, kind) in RULES {
        let profile = PROFILES.iter().find(|profile| profile.name == kind).expect("a known kind");
        let noticed = (0..1_000).find(|seed| {
            let history = generator::history(profile, *seed);
            assert_eq!(mismatch(&history, profile), None, "with all rules");
            rule::without(rule, || mismatch(&history, profile)).is_some()
        });
        println!("{rule}: {noticed:?}");
        assert!(noticed.is_some(), "nothing notices that `{rule}` is missing");
    }
}

#[test]
fn the_ladder_needs_its_rules() {
    for (rule, kind) in
        [("session", "plain"), ("whole is firm", "whole"), ("whole is firm", "whole with gaps")]
    {
        let profile = PROFILES.iter().find(|profile| profile.name == kind).expect("a known kind");
        let noticed = (0..1_000).find(|seed| {
            let history = generator::history(profile, *seed);
            rule::without(rule, || ladder_mismatch(&history, profile)).is_some()
        });
        println!("{rule}: {noticed:?}");
        assert!(noticed.is_some(), "nothing notices that `{rule}` is missing");
    }
}
