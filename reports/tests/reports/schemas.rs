//! What machines read is valid by the schema of its format; `tests/schemas/README.md` says where these are from.

use std::sync::OnceLock;

use highwater_checkers::verdict::RunOutcome;
use highwater_reports::junit::Junit;
use highwater_reports::location::Root;
use highwater_reports::sarif::Sarif;
use highwater_reports::summary::{RunEnding, StopReason};
use highwater_reports::{Event, RunSummary};
use jsonschema::Validator;
use serde_json::Value;
use uppsala::XsdValidator;

use super::fabricated::{campaign, inconclusive, panic, pass, summary, verdict, violation, written};

/// What is wrong with a SARIF log by the schema of the standard.
pub(crate) fn sarif_mistakes(log: &Value) -> Vec<String> {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    let validator = VALIDATOR.get_or_init(|| {
        let schema = include_str!("../schemas/sarif-2.1.0.json");
        // One pattern, that of a language which is never written here, has a bracket too many: the validator refuses it.
        let sound = schema.replace("-[a-zA-Z]{2}]?$", "-[a-zA-Z]{2}?$");
        assert_ne!(sound, schema);
        let schema = serde_json::from_str(&sound).expect("it is JSON");
        jsonschema::validator_for(&schema).expect("it is a schema")
    });
    validator.iter_errors(log).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// What is wrong with a JUnit report: that it is not well-formed, or against Jenkins' schema.
pub(crate) fn junit_mistakes(text: &str) -> Vec<String> {
    let document = match uppsala::parse(text) {
        Ok(document) => document,
        Err(error) => return vec![error.to_string()],
    };
    let schema = uppsala::parse(include_str!("../schemas/junit-10.xsd")).expect("it is XML");
    let validator = XsdValidator::from_schema(&schema).expect("it is a schema");
    validator.validate(&document).into_iter().map(|error| error.message).collect()
}

/// Everything that a campaign can tell.
fn everything() -> Vec<Event> {
    let mut runs =
        vec![pass(0), inconclusive(1), violation("quick", 2, "orders/0 lost [4](records)."), panic(3)];
    for (seed, outcome) in (4..).zip([RunOutcome::Nondeterministic, RunOutcome::ExpectationMissed]) {
        runs.push(summary("quick", seed, RunEnding::Judged(Box::new(verdict(outcome)))));
    }
    runs.push(RunSummary { interrupted: true, ..inconclusive(6) });
    campaign(runs, &["sometimes: truncated"], Some(StopReason::TimedOut))
}

#[test]
fn sarif_is_valid_by_the_standards_schema() {
    for events in [everything(), campaign(vec![pass(0)], &[], None)] {
        let text = written(|target| Box::new(Sarif::new(target, Root::default())), &events);
        let log: Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(sarif_mistakes(&log), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn junit_is_valid_by_jenkins_schema() {
    for events in [everything(), campaign(vec![pass(0)], &[], None)] {
        let text = written(|target| Box::new(Junit::new(target)), &events);
        assert_eq!(junit_mistakes(&text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_schemas_bite() {
    let text = written(|target| Box::new(Sarif::new(target, Root::default())), &everything());
    let mut log: Value = serde_json::from_str(&text).expect("it is JSON");
    log["runs"][0]["results"][0]["message"] = Value::from("no object");
    log["runs"][0]["results"][1]["unknown"] = Value::from(1);
    assert_eq!(sarif_mistakes(&log).len(), 2);

    let text = written(|target| Box::new(Junit::new(target)), &everything());
    let wrong = [
        text.replacen("<testsuites", "<testsuites skipped=\"1\"", 1),
        text.replacen(" time=\"1.", " time=\"never", 1),
        text.replacen("<testcase name=\"seed 0\"", "<testcase ", 1),
        text.replacen("&lt;", "<", 1).replacen("<failure", "<fails", 1),
    ];
    for wrong in wrong {
        assert_ne!(wrong, text);
        assert!(!junit_mistakes(&wrong).is_empty(), "{wrong}");
    }
}
