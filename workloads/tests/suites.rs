//! The shipped suites: each file is embedded, parses, and says which timers it sets.

mod vocabulary;

use std::path::Path;
use std::time::Duration;

use highwater_workloads::Plan;
use highwater_workloads::scenario::{self, Scenario};
use highwater_workloads::suites;

fn shipped() -> Vec<Scenario> {
    let parse = |(name, text): &(&str, &str)| {
        scenario::parse(&format!("{name}.yaml"), text, &vocabulary::kafka())
            .unwrap_or_else(|error| panic!("{error}"))
    };
    suites::embedded().iter().map(parse).collect()
}

#[test]
fn every_file_is_embedded_and_named_after_its_scenario() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites");
    let mut files: Vec<String> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let embedded: Vec<String> = suites::embedded().iter().map(|(name, _)| format!("{name}.yaml")).collect();
    assert_eq!(files, embedded);
    for (scenario, (name, text)) in shipped().iter().zip(suites::embedded()) {
        assert_eq!(scenario.name, *name);
        assert_eq!(suites::find(name), Some(*text));
    }
    assert_eq!(suites::find("nothing"), None);
}

#[test]
fn every_suite_sets_timers_that_short_faults_can_beat() {
    for scenario in shipped() {
        let millis = |key: &str| scenario.cluster.config.duration(key).map(|duration| duration.as_millis());
        let timers = [
            ("replica.lag.time.max.ms", 3_000),
            ("broker.heartbeat.interval.ms", 500),
            ("broker.session.timeout.ms", 2_000),
            ("replica.high.watermark.checkpoint.interval.ms", 1_000),
        ];
        for (key, expected) in timers {
            assert_eq!(millis(key), Some(expected), "{}: {key}", scenario.name);
        }
        assert!(scenario.run.duration <= Duration::from_secs(60), "{}", scenario.name);
    }
}

#[test]
fn every_suite_makes_the_same_plan_of_the_same_seed() {
    for scenario in shipped() {
        for seed in [0, 1, u64::MAX] {
            let plan = Plan::new(&scenario, seed);
            assert_eq!(plan, Plan::new(&scenario, seed));
            let stored = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<Plan>(&stored).unwrap(), plan, "{}", scenario.name);
            let entries: std::collections::BTreeSet<u32> =
                plan.faults.iter().map(|fault| fault.id.entry).collect();
            assert_eq!(entries.len(), scenario.faults.len(), "{}: a fault never happens", scenario.name);
        }
    }
}
