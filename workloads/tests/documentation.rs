//! `docs/scenarios.md` names every field of the language, and its examples are scenarios.

mod vocabulary;

use highwater_workloads::Plan;
use highwater_workloads::scenario::{self, ACCEPTED, KINDS};

const DOCUMENT: &str = include_str!("../../docs/scenarios.md");

/// The YAML examples, in the document's order.
fn examples() -> Vec<&'static str> {
    DOCUMENT.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The text under a heading, up to the next one.
fn section(name: &str) -> &'static str {
    let (_, rest) =
        DOCUMENT.split_once(&format!("\n### {name}\n")).unwrap_or_else(|| panic!("no section `{name}`"));
    rest.split("\n#").next().unwrap()
}

#[test]
fn every_field_has_a_row_in_its_section() {
    for accepted in ACCEPTED {
        let text = section(accepted.section);
        let documented: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` |").map(|(field, _)| field))
            .filter(|field| !(accepted.section == "cluster" && (field.contains('.') || is_config_key(field))))
            .collect();
        assert_eq!(documented, accepted.fields, "{}", accepted.section);
    }
}

fn is_config_key(name: &str) -> bool {
    name == "mutants" || vocabulary::kafka().broker_config.contains_key(name)
}

#[test]
fn every_word_of_the_vocabulary_is_named() {
    let vocabulary = vocabulary::kafka();
    let keys = vocabulary.broker_config.keys().chain(vocabulary.topic_config.keys());
    let words = keys
        .chain(vocabulary.roles.keys())
        .chain(vocabulary.events.keys())
        .chain(&vocabulary.probes)
        .chain(&vocabulary.fates);
    let kinds = KINDS.iter().map(|kind| kind.name);
    for word in words.map(String::as_str).chain(kinds) {
        assert!(DOCUMENT.contains(&format!("`{word}`")), "`{word}` is not documented");
    }
}

#[test]
fn the_examples_are_scenarios() {
    let examples = examples();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let scenario = scenario::parse("docs/scenarios.md", example, &vocabulary::kafka())
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(!Plan::new(&scenario, 0).faults.is_empty());
    }
}

#[test]
fn the_complete_example_uses_every_field() {
    let complete = examples().pop().unwrap();
    for accepted in ACCEPTED {
        for field in accepted.fields {
            assert!(
                complete.contains(&format!("{field}:")),
                "`{field}` of `{}` is not shown",
                accepted.section
            );
        }
    }
}
