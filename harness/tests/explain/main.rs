//! `highwater explain`: what it says of caught mutants is held against their recordings, which are read here by other
//! means than those of the explanation.

mod claims;
mod command;
mod facts;
mod runs;
mod torn;

use highwater_checkers::verdict::Anomaly;
use highwater_reports::explain::explain;
use highwater_reports::html;

use claims::check;
use runs::{caught, run_of};

/// A test for each of these mutants. Their caught runs lose or wrongly hand out records, each by another way or under
/// other faults.
macro_rules! sentences {
    ($( $test:ident of $mutant:literal; )+) => {
        mod sentences {
            $(
                #[test]
                fn $test() {
                    super::names_the_record_the_moment_and_the_fault($mutant);
                }
            )+
        }
    };
}

sentences! {
    a_truncation_to_the_high_watermark of "trunc-to-hw";
    a_follower_that_missed_epochs of "skip-missed-epochs";
    an_epoch_that_recovery_forgot of "epoch0-lost";
    an_acknowledgement_before_replication of "ack-before-hw";
    an_uncommitted_record_handed_out of "expose-uncommitted";
    a_follower_that_joined_too_early of "isr-join-no-epoch-start";
    an_empty_disk_that_was_let_in of "isr-retry-reincarnated";
    an_unclean_election of "unclean-default";
    a_batch_that_was_not_written of "disk-full-partial";
    batches_that_were_not_synced of "no-fsync-correlated";
}

fn names_the_record_the_moment_and_the_fault(mutant: &str) {
    let (recording, summary) = caught(mutant);
    let first = summary.first_violation().expect(mutant);
    assert!(matches!(first.anomaly, Anomaly::Unseen | Anomaly::ReadThenLost), "{first:?}");
    let told = explain(&recording, &summary);
    let sentence = &told.sentence;
    assert_eq!(check(sentence, &recording), Ok(()), "{sentence}");
    assert!(sentence.chars().count() <= 300, "{sentence}");
    let (partition, offset) = told.record.as_ref().expect("it is about a record");
    assert!(sentence.starts_with(&format!("{partition}@{offset} ")), "{sentence}");
    assert!((2..=4).contains(&told.operations.len()), "{:?}", told.operations);
    // The page of the run begins with it.
    let page = html::run(&recording, &summary);
    assert_eq!(&page.sentence, sentence);
    assert!(
        page.render().contains("<p class=\"sentence\" id=\"sentence\">"),
        "it stands on the first screen"
    );
}

#[test]
fn a_leader_that_had_been_replaced_when_it_wrote_is_named() {
    let (recording, summary) = run_of("quick", 4, "expose-uncommitted");
    let sentence = explain(&recording, &summary).sentence;
    assert!(sentence.contains(": b2 wrote it though b1 led since "), "{sentence}");
    assert_eq!(check(&sentence, &recording), Ok(()), "{sentence}");
}

#[test]
fn a_sentence_that_is_wrong_in_any_part_is_found_to_be() {
    let (recording, summary) = caught("isr-join-no-epoch-start");
    let sentence = explain(&recording, &summary).sentence;
    assert_eq!(check(&sentence, &recording), Ok(()), "{sentence}");
    let words: Vec<&str> = sentence.split(' ').collect();
    let mut changed = 0;
    for (index, word) in words.iter().enumerate() {
        // Whatever has a number in it is a claim: where, which, when, who, how many.
        let Some(at) = word.rfind(|c: char| c.is_ascii_digit()) else { continue };
        let other = if word.as_bytes()[at] == b'9' { "8" } else { "9" };
        let mut wrong = words.clone();
        let replaced = format!("{}{other}{}", &word[..at], &word[at + 1..]);
        wrong[index] = &replaced;
        let wrong = wrong.join(" ");
        assert!(check(&wrong, &recording).is_err(), "{wrong}");
        changed += 1;
    }
    assert!(changed >= 12, "{changed} claims in {sentence}");
    let other_fault = sentence.replace("power-loss", "process-pause");
    assert!(check(&other_fault, &recording).is_err(), "{other_fault}");
}

#[test]
fn the_story_tells_the_whole_life_in_the_order_of_time() {
    let (recording, summary) = caught("trunc-to-hw");
    let story = explain(&recording, &summary).story;
    let timed: Vec<_> = story.iter().filter_map(|told| told.time).collect();
    assert!(timed.is_sorted(), "{story:#?}");
    let mut rest = story.iter();
    let steps = [
        "sends record",
        ", which leads in epoch 0, appends it",
        "replicates it",
        "which leads, passes it",
        "acknowledges it (acks=all)",
        "the producer is told that it is safe",
        "fault: process-kill",
        "the leader of orders/0 in epoch 1",
        "fault: process-kill",
        "truncates its log",
        "the first broken invariant",
        "begins to lead in epoch 2, and does not have it",
        "no log has it any more",
        "puts another record",
        "at the end orders/0@",
    ];
    for step in steps {
        assert!(rest.any(|told| told.text.contains(step)), "{step} is not told in its turn: {story:#?}");
    }
}
