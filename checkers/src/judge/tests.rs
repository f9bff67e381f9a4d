//! Whole runs, judged: outcomes, expectations, and what makes a run say nothing.

use super::*;
use crate::consistency::Ends;
use crate::ids::{OperationIndex, Time};
use crate::linearizability::log::Level;
use crate::recording::{Footer, Header, RecordingWriter, TraceHash, VERSION};
use crate::script::Script;
use crate::verdict::{Consistency, Severity};

/// Two sends, both read in the end.
const GOOD: &str = "p0 S x:0=a ; p0 S x:1=b ; p1 AF x:0 ; p1 RR x:0=a x:1=b ; p1 E x:2";
/// The second is lost.
const LOSING: &str = "p0 S x:0=a ; p0 S x:1=b ; p1 AF x:0 ; p1 RR x:0=a ; p1 E x:1";

fn judged(text: &str) -> RunVerdict {
    judged_by(&JudgeConfig::default(), &Script::of(text))
}

fn judged_by(config: &JudgeConfig, script: &Script) -> RunVerdict {
    Judge::new(config).fold(&script.events)
}

fn expecting(expect: Expectations) -> JudgeConfig {
    JudgeConfig { expect, ..JudgeConfig::default() }
}

fn recording(script: &Script, ending: Ending) -> Recording {
    let header = Header {
        version: VERSION,
        scenario: "tiny".into(),
        scenario_hash: String::new(),
        seed: 1,
        build: String::new(),
        plan: serde_json::Value::Null,
    };
    Recording { header, events: script.events.clone(), ending }
}

#[test]
fn a_good_run_passes() {
    let verdict = judged(GOOD);
    assert_eq!(verdict.outcome, RunOutcome::Pass, "{verdict:?}");
    assert!(verdict.checkers.values().all(|verdict| *verdict == Verdict::Pass));
    assert_eq!((verdict.counts.acknowledged, verdict.counts.read, verdict.counts.lost), (2, 2, 0));
    assert_eq!((verdict.counts.ok, verdict.counts.info), (5, 0));
}

#[test]
fn a_lost_record_is_a_violation_with_its_evidence() {
    let verdict = judged(LOSING);
    assert_eq!((verdict.outcome, verdict.counts.lost), (RunOutcome::Violation, 1));
    assert_eq!(verdict.checkers["unseen"], Verdict::Violation);
    let finding = &verdict.findings[0];
    assert_eq!(finding.what, "x/0 lost value 98: acknowledged at offset 1 (#3), absent from the final read");
    assert_eq!(finding.evidence[0].operations, [2, 3, 9].map(OperationIndex));
    assert_eq!(verdict.outcome.exit_code(), 1);
}

#[test]
fn a_violation_counts_though_another_partition_is_unknown() {
    let verdict = judged(&format!("p3 S y:0=c ; {LOSING}"));
    assert_eq!(verdict.checkers["unseen"], Verdict::Violation);
    assert!(matches!(&verdict.checkers["lost-write"], Verdict::Unknown(why) if why.starts_with("y/0")));
    assert_eq!(verdict.outcome, RunOutcome::Violation);
}

#[test]
fn what_follows_from_contradicting_offsets_is_marked_secondary() {
    let verdict = judged("p0 S x:0=a ; p1 S x:0=b ; p2 I x=c ; p3 R x:1=c ; p3 R x:1=c");
    let secondary =
        |anomaly| verdict.findings.iter().find(|f| f.anomaly == anomaly).expect("found").secondary;
    assert!(secondary(Anomaly::NonmonotonicPoll));
    assert!(!secondary(Anomaly::InconsistentOffsets));
}

#[test]
fn permitted_losses_pass_and_are_counted() {
    let mut script = Script::default();
    script.decide(1, 1, &[1], &[1]).lost(1, "x-0/0.log").run(LOSING);
    let verdict = judged_by(&JudgeConfig::default(), &script);
    assert_eq!(verdict.outcome, RunOutcome::Pass);
    assert_eq!(verdict.checkers["unseen"], Verdict::Permitted);
    assert_eq!((verdict.counts.lost, verdict.counts.lost_permitted), (1, 1));
    assert!(matches!(&verdict.findings[0].severity, Severity::Permitted(why) if why.contains("forfeit")));
}

#[test]
fn how_consistent_partitions_are_is_told_beside_the_findings() {
    let level =
        |verdict: &RunVerdict| -> Consistency { verdict.consistency[&TopicPartition::new("x", 0)].clone() };
    assert!(level(&judged(GOOD)).is_linearizable());
    let lost = level(&judged(LOSING));
    assert_eq!((lost.level, lost.uncounted), (Some(Level::Diverged), None));

    let mut script = Script::default();
    script.decide(1, 1, &[1], &[1]).lost(1, "x-0/0.log").run(LOSING);
    let forfeit = level(&judged_by(&JudgeConfig::default(), &script));
    assert!(forfeit.is_linearizable(), "{forfeit:?}");
    let uncounted = forfeit.uncounted.expect("acknowledgements promise nothing");
    assert!(uncounted.acknowledgements == 2 && uncounted.reason.contains("forfeit"), "{uncounted:?}");

    let lagging = Script::of(&format!("{GOOD} ; p7 R x^1"));
    let verdict = judged_by(&JudgeConfig::default(), &lagging);
    assert_eq!(verdict.outcome, RunOutcome::Pass, "it is no finding");
    assert_eq!(level(&verdict).level, Some(Level::LinearizableWrites));
    let tolerant = JudgeConfig { ends: Ends::AtLeast, ..JudgeConfig::default() };
    assert!(level(&judged_by(&tolerant, &lagging)).is_linearizable());

    let twice = level(&judged("p0 S x:0=a ; p0 S x:1=a"));
    assert!(twice.unknown.is_some_and(|reason| reason.contains("was sent to x/0 twice")));
}

#[test]
fn findings_are_grouped_by_what_permits_them() {
    let verdict =
        judged("p0 S x:0=a ; p0 S1 x:1=b ; p0 S1 x:2=c ; p0 S x:3=d ; p1 AF x:0 ; p1 RR ; p1 E x:0");
    let groups: Vec<_> =
        verdict.findings.iter().map(|f| (f.is_violation(), f.count, f.evidence.len())).collect();
    assert_eq!(groups, [(true, 2, 2), (false, 2, 2)]);
    let more = "(and 1 more; 2 at the beginning of what their producers sent there)";
    assert!(verdict.findings[0].what.ends_with(more), "{}", verdict.findings[0].what);
}

#[test]
fn evidence_is_capped_and_counts_are_not() {
    let sends: String = (0..100).map(|n| format!("p0 S x:{n}={} ;", n + 1000)).collect();
    let verdict = judged(&format!("{sends} p1 AF x:0 ; p1 RR ; p1 E x:0"));
    assert_eq!(verdict.counts.lost, 100);
    assert_eq!((verdict.findings[0].count, verdict.findings[0].evidence.len()), (100, Finding::EVIDENCE_MAX));
}

#[test]
fn all_evidence_is_shown_where_that_is_asked_for() {
    let sends: String = (0..100).map(|n| format!("p0 S x:{n}={} ;", n + 1000)).collect();
    let script = Script::of(&format!("{sends} p1 AF x:0 ; p1 RR ; p1 E x:0"));
    let config = JudgeConfig { shown: Shown::All, ..JudgeConfig::default() };
    assert_eq!(judged_by(&config, &script).findings[0].evidence.len(), 100);
}

#[test]
fn the_order_of_sends_in_flight_is_a_matter_of_the_guarantee() {
    let swapped = format!("{GOOD} ; p0 O x=c ; p0.1 S x:2=d ; p0 X x:3=c");
    for (guarantee, found) in [
        (None, Verdict::Pass),
        (Some(Guarantee::AtMostOnce), Verdict::Pass),
        (Some(Guarantee::AtLeastOnce), Verdict::Pass),
        (Some(Guarantee::ExactlyOnce), Verdict::Violation),
    ] {
        let config = JudgeConfig { guarantee, ..JudgeConfig::default() };
        let verdict = judged_by(&config, &Script::of(&swapped));
        assert_eq!(verdict.checkers["nonmonotonic-send"], found, "{guarantee:?}");
    }
}

#[test]
fn what_is_legal_is_permitted_and_what_is_not_told_is_not_judged() {
    let verdict = judged(&format!("{GOOD} ; p7 R x^9 ; p7 R x^8"));
    assert_eq!(verdict.outcome, RunOutcome::Pass, "{:?}", verdict.findings);
    assert_eq!(verdict.checkers["end-offset-regression"], Verdict::Permitted);
    for (name, telling) in [
        ("end-offset-regression", "p7 R x^9"),
        ("divergent-replica", "p7 R x:0=a@b1"),
        ("committed-offset-regression", "p7 C g x:1"),
        ("two-owners", "p7 J g:1 x"),
    ] {
        assert!(!judged(GOOD).checkers.contains_key(name), "{name}");
        assert_eq!(judged(&format!("{GOOD} ; {telling}")).checkers[name], Verdict::Pass);
    }
    // Without a final read nobody knows what is left of a transaction.
    let torn = |text: &str| judged(text).checkers["torn-txn"].clone();
    assert_eq!(torn("p0 S x:0=a"), Verdict::Pass);
    assert!(matches!(torn("p0 S x:0=a y:0=b"), Verdict::Unknown(_)));
}

#[test]
fn a_run_without_evidence_is_inconclusive() {
    let reasons = |script: &Script| {
        let verdict = judged_by(&JudgeConfig::default(), script);
        assert_eq!(verdict.outcome, RunOutcome::Inconclusive);
        verdict.inconclusive.join("; ")
    };
    assert_eq!(reasons(&Script::default()), "nothing was acknowledged");
    assert_eq!(
        reasons(&Script::of("p0 S x:0=a")),
        "lost-write, read-then-lost, unseen unknown: x/0: the final read never ran"
    );
    assert_eq!(reasons(Script::of(GOOD).mark(Stage::NotSteady)), "the steady state was not reached");
    assert_eq!(reasons(Script::of(GOOD).mark(Stage::Stopped)), "the run was stopped");
    let broken = format!("{GOOD} ; p8 S x:7=a");
    assert!(reasons(&Script::of(&broken)).contains("not checkable: value 97 was sent to x/0 twice"));
}

#[test]
fn a_node_that_ended_by_itself_is_a_violation() {
    let mut script = Script::of(GOOD);
    script.mark(Stage::Crashed);
    let verdict = Judge::new(&JudgeConfig::default()).fold(&script.events);
    let [finding] = &verdict.findings[..] else { panic!("{:#?}", verdict.findings) };
    assert_eq!((finding.anomaly, verdict.outcome), (Anomaly::Crashed, RunOutcome::Violation));
    assert!(finding.is_violation() && finding.what.starts_with("a node ended by itself, at "), "{finding:?}");
    assert_eq!(verdict.checkers["crashed"], Verdict::Violation);
}

#[test]
fn every_fault_of_the_scenario_has_to_bite() {
    let run = |bit: bool, may_miss: bool| {
        let mut script = Script::of(GOOD);
        script.planned(0, "process-kill", may_miss).injected(0, &["b1"]).effect(0, bit);
        judged_by(&JudgeConfig::default(), &script)
    };
    assert_eq!(run(true, false).outcome, RunOutcome::Pass);
    assert_eq!(run(false, true).outcome, RunOutcome::Pass);
    let missed = run(false, false);
    assert_eq!(missed.outcome, RunOutcome::Inconclusive);
    assert_eq!(missed.inconclusive, ["the fault process-kill of line 10 never bit"]);
    assert_eq!((missed.counts.faults_planned, missed.counts.faults_injected), (1, 1));
}

#[test]
fn a_recording_that_breaks_off_is_at_most_inconclusive() {
    let config = JudgeConfig::default();
    let torn = Ending::Incomplete { line: 12 };
    let verdict = judge(&recording(&Script::of(GOOD), torn.clone()), &config);
    assert_eq!(verdict.outcome, RunOutcome::Inconclusive);
    assert_eq!(verdict.inconclusive, ["the recording breaks off at line 12"]);
    assert_eq!(judge(&recording(&Script::of(LOSING), torn), &config).outcome, RunOutcome::Violation);
    let footer = Footer { end: Time(0), events: 0, hash: TraceHash::default(), counters: BTreeMap::new() };
    assert_eq!(
        judge(&recording(&Script::of(GOOD), Ending::Complete(footer)), &config).outcome,
        RunOutcome::Pass
    );
}

#[test]
fn a_stored_run_is_judged_as_the_live_one() {
    let mut script = Script::default();
    script.decide(1, 1, &[1, 2], &[1, 2]).planned(0, "process-kill", false).run(LOSING).effect(0, true);
    let live = recording(&script, Ending::Incomplete { line: 0 });
    let mut writer = RecordingWriter::new(Vec::new(), &live.header).expect("a vector takes all");
    for event in &live.events {
        writer.event(event).expect("a vector takes all");
    }
    let (bytes, _) = writer.finish(Time(1), BTreeMap::new()).expect("a vector takes all");
    let stored = Recording::read(&*bytes).expect("is whole");
    assert_eq!(stored.events, live.events);
    let config = JudgeConfig::default();
    assert_eq!(judge(&stored, &config), Judge::new(&config).fold(&script.events));
}

#[test]
fn an_expected_violation_is_not_red_and_a_missing_one_is() {
    let lossy = expecting(Expectations { violation: vec![Anomaly::Unseen], ..Expectations::default() });
    assert_eq!(judged_by(&lossy, &Script::of(LOSING)).outcome, RunOutcome::Pass);
    let missed = judged_by(&lossy, &Script::of(GOOD));
    assert_eq!(missed.outcome, RunOutcome::ExpectationMissed);
    assert_eq!(missed.expectations[0].expectation, "violation: unseen");
    // What is not listed stays red.
    let other = expecting(Expectations { violation: vec![Anomaly::Duplicate], ..Expectations::default() });
    assert_eq!(judged_by(&other, &Script::of(LOSING)).outcome, RunOutcome::Violation);
    // Of some seed of many it is asked elsewhere.
    let mut some = lossy;
    some.expect.seen = Seen::SomeSeed;
    let verdict = judged_by(&some, &Script::of(GOOD));
    assert_eq!((verdict.outcome, verdict.expectations[0].met), (RunOutcome::Pass, false));
}

#[test]
fn an_expected_permitted_anomaly_has_to_show_as_permitted() {
    let expected = expecting(Expectations { permitted: vec![Anomaly::Unseen], ..Expectations::default() });
    assert_eq!(judged_by(&expected, &Script::of(GOOD)).outcome, RunOutcome::ExpectationMissed);
    assert_eq!(judged_by(&expected, &Script::of(LOSING)).outcome, RunOutcome::Violation);
    let mut permitted = Script::default();
    permitted.decide(1, 1, &[1], &[1]).lost(1, "x-0/0.log").run(LOSING);
    assert_eq!(judged_by(&expected, &permitted).outcome, RunOutcome::Pass);
}

#[test]
fn what_happens_inside_the_cluster_is_counted_and_can_be_expected() {
    let mut script = Script::of(GOOD);
    script.decide(1, 1, &[1, 2], &[1, 2]).decide(2, -1, &[2], &[1, 2]).decide(3, 2, &[2], &[1, 2]);
    script.decide(4, 2, &[1, 2], &[1, 2]);
    // Another node tells the same entries.
    script.decide(2, -1, &[2], &[1, 2]).decide(4, 2, &[1, 2], &[1, 2]);
    let quiet = Script::of(GOOD);
    for (feature, happens) in [
        (Feature::LeaderChanged, true),
        (Feature::IsrShrunk, true),
        (Feature::IsrExpanded, true),
        (Feature::Truncated, false),
        (Feature::UncleanElection, false),
        (Feature::InfoRead, false),
    ] {
        let config = expecting(Expectations { sometimes: vec![feature], ..Expectations::default() });
        let verdict = judged_by(&config, &script);
        assert_eq!(feature.count(&verdict.counts), u64::from(happens), "{feature}");
        assert_eq!(verdict.expectations[0].met, happens, "{feature}");
        // Over many seeds one is enough, so that a single run is not judged by it.
        let missed = judged_by(&config, &quiet);
        let asked = &missed.expectations[0];
        assert_eq!(
            (missed.outcome, asked.met, asked.every_seed),
            (RunOutcome::Pass, false, false),
            "{feature}"
        );
        assert_eq!(feature.name().parse(), Ok(feature));
    }
}

#[test]
fn truncations_unclean_elections_and_info_reads_are_counted() {
    let mut script = Script::of("p0 I x=a ; p1 R x:0=a");
    let partition = TopicPartition::new("x", 0);
    let cut = |from, to| crate::trace::Change::Truncated {
        partition: partition.clone(),
        from: crate::ids::Offset(from),
        to: crate::ids::Offset(to),
        why: "diverging epoch".into(),
        epochs: [].into(),
    };
    script.trace(2, cut(5, 3)).trace(2, cut(3, 3));
    script.decide(1, 1, &[1], &[1, 2]).decide(2, 2, &[2], &[1, 2]);
    let counts = judged_by(&JudgeConfig::default(), &script).counts;
    assert_eq!((counts.truncations, counts.unclean_elections, counts.info_read), (1, 1, 1));
}

#[test]
fn bounds_on_gaps_and_duplicates_are_kept() {
    let mut script = Script::of(GOOD);
    script.at(1000).run("p0 S x:2=c").at(3000).run("p0 I x=d").at(5000).run("p0 S x:3=e");
    let max = |seconds| {
        expecting(Expectations {
            unavailability_max: Some(Duration::from_millis(seconds)),
            ..Expectations::default()
        })
    };
    assert!(judged_by(&max(2001), &script).expectations[0].met);
    let missed = judged_by(&max(1999), &script);
    assert!(!missed.expectations[0].met, "{:?}", missed.worst_unavailability);
    let duplicated = Script::of("p0 S x:0=a ; p1 R x:1=a");
    for (max, met) in [(0, false), (1, true)] {
        let config = expecting(Expectations { duplicates_max: Some(max), ..Expectations::default() });
        assert_eq!(judged_by(&config, &duplicated).expectations[0].met, met);
    }
}

#[test]
fn what_was_acknowledged_and_lost_under_load_is_expected_in_amounts() {
    let lossy = Script::of("p0 S x:0=a ; p0 S1 x:1=b ; p0 S1 x:2=c ; p3 AF x:0 ; p3 RR x:0=a ; p3 E x");
    let results = |acknowledged, lost| {
        let amount = |(least, most)| Some(Amount { least, most });
        let (acknowledged, lost) = (amount(acknowledged), amount(lost));
        let config = expecting(Expectations { acknowledged, lost, ..Expectations::default() });
        let verdict = judged_by(&config, &lossy);
        let results = verdict.expectations.iter().map(|result| (result.expectation.clone(), result.met));
        (verdict.outcome, results.collect::<Vec<_>>())
    };
    let (outcome, met) = results((3, u64::MAX), (2, 2));
    assert_eq!(outcome, RunOutcome::Pass);
    assert_eq!(met, [("acknowledged: >= 3".to_owned(), true), ("lost: 2".to_owned(), true)]);
    let (outcome, missed) = results((4, 9), (0, 1));
    assert_eq!(outcome, RunOutcome::ExpectationMissed);
    assert_eq!(missed, [("acknowledged: 4 to 9".to_owned(), false), ("lost: <= 1".to_owned(), false)]);
}

#[test]
fn a_bound_on_unavailability_is_told_as_it_was_written() {
    let told = |max| {
        let expect = Expectations { unavailability_max: Some(max), ..Expectations::default() };
        judged_by(&expecting(expect), &Script::of(GOOD)).expectations.remove(0).expectation
    };
    assert_eq!(told(Duration::from_secs(2) - Duration::from_nanos(1)), "unavailability.max: < 2s");
    assert_eq!(told(Duration::from_millis(1_500)), "unavailability.max: <= 1.5s");
}

#[test]
fn availability_is_what_clients_could_do_after_the_last_fault() {
    let expect = Expectations {
        unavailable: [TopicPartition::new("x", 0)].into(),
        available: [TopicPartition::new("y", 0)].into(),
        ..Expectations::default()
    };
    let config = expecting(expect);
    let run = |text: &str| {
        let mut script = Script::of("p0 S x:0=a ; p1 S y:0=a");
        // This send is on its way when the broker dies, and comes back acknowledged.
        script.operation(7, crate::operation::Outcome::Invoke, Default::default(), sending("x=q"));
        script.planned(0, "process-kill", false).injected(0, &["b2"]).effect(0, true);
        script.operation(7, crate::operation::Outcome::Ok, Default::default(), sending("x:1=q"));
        // And so does what a later poll is given.
        script.at(900).run("p8 R x:0=a x:1=q").at(2_000);
        script.run(text).run("p9 AF y:0 ; p9 RR y:0=a y:1=b ; p9 E y:2");
        judged_by(&config, &script)
    };
    let good = run("p0 I x=b ; p1 S y:1=b");
    assert_eq!(good.outcome, RunOutcome::Pass, "{:?}", good.expectations);
    assert_eq!(run("p0 S x:2=b ; p1 S y:1=b").outcome, RunOutcome::ExpectationMissed, "x can be written");
    assert_eq!(run("p0 I x=b ; p3 R x:0=a ; p1 S y:1=b").outcome, RunOutcome::ExpectationMissed, "and read");
    assert_eq!(run("p1 S y:1=b").outcome, RunOutcome::ExpectationMissed, "nobody tried x");
    assert_eq!(run("p0 I x=b ; p1 I y=b").outcome, RunOutcome::ExpectationMissed, "y cannot be written");
}

fn sending(item: &str) -> crate::operation::Body {
    match Script::of(&format!("p0 S {item}")).events.pop() {
        Some(Event::Operation(operation)) => operation.body,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn outcomes_are_ordered_from_best_to_worst() {
    use RunOutcome::{ExpectationMissed, Inconclusive, Nondeterministic, Pass, Violation};
    assert!(Pass < Inconclusive && Inconclusive < ExpectationMissed);
    assert!(ExpectationMissed < Violation && Violation < Nondeterministic);
    let codes =
        [Pass, Inconclusive, ExpectationMissed, Violation, Nondeterministic].map(RunOutcome::exit_code);
    assert_eq!(codes, [0, 3, 1, 1, 4]);
}
