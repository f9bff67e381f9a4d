//! Plans: what is drawn of a scenario, that it stays the same, and that it goes through JSON.

mod vocabulary;

use std::time::Duration;

use highwater_workloads::Plan;
use highwater_workloads::plan::{Cut, Effect, Load, Occurrence, Start};
use highwater_workloads::scenario::{self, Scenario, Who};

const HEAD: &str = "
version: 1
name: planned
topics:
  - { name: orders, partitions: 6 }
  - { name: payments, partitions: 2 }
clients:
  - producer: { count: 4, topic: orders, rate: 100/s }
  - consumer: { topic: orders }
run: { duration: 60s }
faults:
";

const FAULTS: [&str; 9] = [
    "- { kind: process-kill, every: 10s, jitter: 5s, selector: { role: leader }, restart_after: 1s }",
    "- { kind: network-partition, every: 7s, jitter: 2s, duration: 3s, preset: halves }",
    "- { kind: network-partition, at: 5s, jitter: 2s, duration: 3s, selector: { role: leader, topic: payments }, target: { role: follower } }",
    "- { kind: process-kill, when: { event: leader-elected }, times: 3, jitter: 1s, selector: { role: leader } }",
    "- { kind: process-pause, when: { event: controller-elected }, duration: 1s, selector: { role: leader } }",
    "- { kind: power-loss, at: 9s, selector: { role: any, mode: all } }",
    "- { kind: disk-error, at: 3s, jitter: 1s, selector: { role: leader }, probability: 12.5%, restart_after: 1s }",
    "- { kind: disk-full, at: 3s, selector: { role: any }, capacity: 64KiB, path: '{topic}-*/*.log' }",
    "- { kind: disk-bitflip, when: { event: truncated }, selector: { role: leader } }",
];

fn scenario(faults: &[&str]) -> Scenario {
    let text = format!("{HEAD}  {}\n", faults.join("\n  "));
    scenario::parse("planned.yaml", &text, &vocabulary::kafka()).unwrap_or_else(|error| panic!("{error}"))
}

/// What of an occurrence does not depend on where its entry stands in the file.
fn substance(occurrence: &Occurrence) -> (Start, Effect, String) {
    (occurrence.start.clone(), occurrence.effect.clone(), occurrence.stream.clone())
}

fn of_entry(plan: &Plan, entry: u32) -> Vec<&Occurrence> {
    plan.faults.iter().filter(|occurrence| occurrence.id.entry == entry).collect()
}

#[test]
fn the_same_seed_gives_the_same_plan_and_another_seed_another() {
    let scenario = scenario(&FAULTS);
    assert_eq!(Plan::new(&scenario, 7), Plan::new(&scenario, 7));
    let (one, other) = (Plan::new(&scenario, 7), Plan::new(&scenario, 8));
    assert_ne!(one.faults, other.faults);
    assert_ne!(one.clients, other.clients);
}

/// What a seed draws stays the same in later builds; so does what names the streams, whatever the layout.
#[test]
fn draws_are_stable_for_ever() {
    let golden = |plan: &Plan| {
        let first = of_entry(plan, 0)[0];
        (first.stream.clone(), serde_json::to_string(&first.start).unwrap())
    };
    let expected =
        ("process-kill-c67bcaf7cf1b0a6b-0.0".to_owned(), r#"{"at":"11s107ms204us10ns"}"#.to_owned());
    assert_eq!(golden(&Plan::new(&scenario(&FAULTS), 1)), expected);
    let other_layout = "- selector: {role: 'leader'}
    # The order and the style of the fields say nothing.
    restart_after: 1s
    every: \"10s\"
    jitter: 5s
    kind: process-kill";
    assert_eq!(golden(&Plan::new(&scenario(&[other_layout]), 1)), expected);
}

#[test]
fn a_plan_goes_through_json() {
    let plan = Plan::new(&scenario(&FAULTS), 3);
    let stored = serde_json::to_string_pretty(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&stored).unwrap(), plan);
    let wrong = stored.replacen("\"format\"", "\"fromat\"", 1);
    assert!(serde_json::from_str::<Plan>(&wrong).is_err());
}

#[test]
fn removing_or_moving_one_fault_re_rolls_no_other() {
    for seed in 0..20 {
        let all = Plan::new(&scenario(&FAULTS), seed);
        for removed in 0..FAULTS.len() {
            let mut rest = FAULTS.to_vec();
            rest.remove(removed);
            rest.reverse();
            let fewer = Plan::new(&scenario(&rest), seed);
            assert_eq!(fewer.clients, all.clients);
            for (entry, text) in rest.iter().enumerate() {
                let before = FAULTS.iter().position(|fault| fault == text).unwrap();
                let substances =
                    |plan, entry| of_entry(plan, entry).into_iter().map(substance).collect::<Vec<_>>();
                assert_eq!(
                    substances(&fewer, entry as u32),
                    substances(&all, before as u32),
                    "seed {seed}: {text}"
                );
            }
        }
    }
}

#[test]
fn entries_that_say_the_same_draw_differently() {
    let plan = Plan::new(&scenario(&[FAULTS[0], FAULTS[0]]), 1);
    let (first, second) = (of_entry(&plan, 0), of_entry(&plan, 1));
    assert_ne!(substance(first[0]), substance(second[0]));
}

#[test]
fn repeated_faults_begin_on_time_give_or_take_their_jitter() {
    for seed in 0..50 {
        let plan = Plan::new(&scenario(&FAULTS), seed);
        let kills = of_entry(&plan, 0);
        // At 10, 20, 30, 40 and 50 s of 60; not at 60 s, when the load has ended.
        assert_eq!(kills.len(), 5);
        for (occurrence, nominal) in kills.iter().zip([10, 20, 30, 40, 50]) {
            let Start::At(at) = occurrence.start else { panic!("{occurrence:?}") };
            let nominal = Duration::from_secs(nominal);
            assert!((nominal..nominal + Duration::from_secs(5)).contains(&at), "{at:?}");
        }
        assert_eq!(of_entry(&plan, 3).len(), 3);
        let starts: Vec<_> = plan
            .faults
            .iter()
            .map(|occurrence| match &occurrence.start {
                Start::At(at) => *at,
                Start::When(_) => Duration::MAX,
            })
            .collect();
        assert!(starts.is_sorted());
    }
}

#[test]
fn open_roles_get_a_partition_unless_an_event_names_it() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let plan = Plan::new(&scenario(&FAULTS), seed);
        let place = |who: &Who| match who {
            Who::PartitionRole { topic, partition, .. } => (topic.clone(), *partition),
            other => panic!("{other:?}"),
        };
        for occurrence in &plan.faults {
            match (occurrence.id.entry, &occurrence.effect) {
                (0, Effect::ProcessKill { selector, .. }) => {
                    let (topic, partition) = place(&selector.who);
                    seen.insert((topic.unwrap(), partition.unwrap()));
                }
                (2, Effect::NetworkPartition { cut: Cut::Between { selector, target }, .. }) => {
                    assert_eq!(place(&selector.who).0.as_deref(), Some("payments"));
                    assert_eq!(place(&target.as_ref().unwrap().who), place(&selector.who));
                }
                (3, Effect::ProcessKill { selector, .. }) => assert_eq!(place(&selector.who), (None, None)),
                (4, Effect::ProcessPause { selector }) => assert!(place(&selector.who).1.is_some()),
                _ => {}
            }
        }
    }
    assert_eq!(seen.len(), 8, "every partition is drawn at some seed: {seen:?}");
}

#[test]
fn producers_share_their_rate_and_start_apart() {
    let plan = Plan::new(&scenario(&FAULTS), 1);
    let names: Vec<_> = plan.clients.iter().map(|client| client.name.as_str()).collect();
    assert_eq!(names, ["p1", "p2", "p3", "p4", "c1"]);
    let mut starts = std::collections::BTreeSet::new();
    for client in &plan.clients[..4] {
        let Load::Produce { interval, first, .. } = &client.load else { panic!("{client:?}") };
        assert_eq!(*interval, Duration::from_millis(40));
        assert!(first < interval);
        starts.insert(*first);
    }
    assert_eq!(starts.len(), 4);
}
