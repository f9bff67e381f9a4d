//! Recordings come back as they were written, and no damage to one goes unnoticed.

use super::*;
use crate::fault::{FaultPhase, Occurrence, YamlPosition};
use crate::ids::{BrokerId, ClientId, OperationIndex, Process, TopicPartition, Value};
use crate::operation::{Acks, Body, Outcome, Phase, Send};
use crate::trace::Change;

fn header() -> Header {
    Header {
        version: VERSION,
        scenario: "tiny".into(),
        scenario_hash: "00ff".into(),
        seed: u64::MAX,
        build: "0.1.0".into(),
        plan: serde_json::json!({ "faults": [] }),
    }
}

fn events() -> Vec<Event> {
    let send =
        Send { partition: TopicPartition::new("t", 0), value: Value(1), offset: None, acks: Acks::All };
    vec![
        Event::Mark(Mark { stage: Stage::Steady, time: Time(1), note: None }),
        Event::Operation(Operation {
            index: OperationIndex(0),
            time: Time(2),
            process: Process(0),
            client: ClientId(0),
            outcome: Outcome::Invoke,
            phase: Phase::Load,
            body: Body::Send(send),
            error: None,
        }),
        Event::Fault(FaultEvent {
            occurrence: Occurrence { entry: 0, repetition: 0 },
            time: Time(3),
            phase: FaultPhase::Planned {
                kind: "process-kill".into(),
                yaml: YamlPosition { line: 4, column: 5 },
                at: None,
                may_miss: false,
            },
        }),
        Event::Trace(TraceEvent {
            time: Time(4),
            broker: BrokerId(1),
            change: Change::BrokerStopped { why: "line\nbreak".into() },
        }),
        Event::Sample(Sample { counters: [("frames".into(), 5)].into(), time: Time(5) }),
    ]
}

fn written() -> Vec<u8> {
    let mut writer = RecordingWriter::new(Vec::new(), &header()).expect("a vector takes all");
    for event in events() {
        writer.event(&event).expect("a vector takes all");
    }
    writer.finish(Time(6), [("frames".into(), 9)].into()).expect("a vector takes all").0
}

fn line_at(bytes: &[u8], position: usize) -> u64 {
    1 + bytes[..position].iter().filter(|byte| **byte == b'\n').count() as u64
}

#[test]
fn a_recording_comes_back_as_it_was_written() {
    let recording = Recording::read(&*written()).expect("is whole");
    assert_eq!((&recording.header, &recording.events), (&header(), &events()));
    let footer = recording.footer().expect("is complete");
    assert_eq!((footer.end, footer.events, footer.counters["frames"]), (Time(6), 5, 9));
    assert_eq!(written(), written(), "equal input makes equal bytes");
    assert_eq!((recording.operations().count(), recording.faults().records().count()), (1, 1));
}

#[test]
fn no_single_byte_can_be_removed_or_changed_unnoticed() {
    let whole = written();
    for position in 0..whole.len() {
        let mut removed = whole.clone();
        removed.remove(position);
        assert_noticed(&whole, &removed, position);
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[position] ^= 1 << bit;
            assert_noticed(&whole, &flipped, position);
        }
    }
}

/// Damage is an error that names the damaged line. Only where the file's last newline is gone does it look
/// like a recording that breaks off.
#[track_caller]
fn assert_noticed(whole: &[u8], damaged: &[u8], position: usize) {
    match Recording::read(damaged) {
        Err(RecordingError::Damaged { line, .. }) => {
            // A line break put into or taken from a line shows in that line or in the next.
            assert_eq!(line, line_at(whole, position), "byte {position}");
        }
        Ok(Recording { ending: Ending::Incomplete { .. }, .. }) => {
            assert_eq!(position, whole.len() - 1, "looks torn, but is damaged");
        }
        other => panic!("byte {position}: {other:?}"),
    }
}

#[test]
fn no_line_can_be_removed_doubled_or_moved_unnoticed() {
    let whole = written();
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let assert_damaged = |lines: Vec<&[u8]>| match Recording::read(&*lines.concat()) {
        Err(RecordingError::Damaged { .. }) => {}
        other => panic!("{other:?}"),
    };
    for index in 0..lines.len() - 1 {
        let mut removed = lines.clone();
        removed.remove(index);
        assert_damaged(removed);
        let mut doubled = lines.clone();
        doubled.insert(index, lines[index]);
        assert_damaged(doubled);
        let mut moved = lines.clone();
        moved.swap(index, index + 1);
        assert_damaged(moved);
    }
    let mut appended = lines.clone();
    appended.push(lines[1]);
    assert_damaged(appended);
}

#[test]
fn a_recording_that_breaks_off_is_incomplete_wherever_it_does() {
    let whole = written();
    let header_len = whole.iter().position(|byte| *byte == b'\n').expect("has lines") + 1;
    for length in 0..whole.len() {
        match Recording::read(&whole[..length]) {
            Err(RecordingError::NoHeader) => assert!(length < header_len),
            Ok(Recording { ending: Ending::Incomplete { line }, events, .. }) => {
                assert_eq!((line, events.len() as u64), (line_at(&whole, length), line - 2));
            }
            other => panic!("{length} bytes: {other:?}"),
        }
    }
}

#[test]
fn another_version_is_told_apart_from_damage() {
    let other = Header { version: 9, ..header() };
    let writer = RecordingWriter::new(Vec::new(), &other).expect("a vector takes all");
    let bytes = writer.finish(Time(0), BTreeMap::new()).expect("a vector takes all").0;
    let error = Recording::read(&*bytes).expect_err("is newer");
    assert_eq!(error.to_string(), "the recording has version 9, and this build reads version 1");
}

#[test]
fn unknown_content_is_told_with_its_line() {
    let mut writer = RecordingWriter::new(Vec::new(), &header()).expect("a vector takes all");
    writer.put(&serde_json::json!({ "dream": 1 })).expect("a vector takes all");
    let bytes = writer.finish(Time(0), BTreeMap::new()).expect("a vector takes all").0;
    let error = Recording::read(&*bytes).expect_err("knows no dreams");
    assert_eq!(error.to_string(), "the recording is damaged at line 2: no event begins with the key `dream`");
}

#[test]
fn totals_that_do_not_match_the_events_are_damage() {
    let mut writer = RecordingWriter::new(Vec::new(), &header()).expect("a vector takes all");
    let footer = Footer { end: Time(0), events: 1, hash: TraceHash::default(), counters: BTreeMap::new() };
    writer.put(&footer).expect("a vector takes all");
    let bytes = writer.finish(Time(0), BTreeMap::new()).expect("a vector takes all").0;
    let error = Recording::read(&*bytes).expect_err("there is no event");
    assert_eq!(error.to_string(), "the recording is damaged at line 2: its totals do not match the events");
}

/// The example of the document: one record is sent.
fn example() -> String {
    let mut script = crate::script::Script::default();
    script.run("p0 S orders:0=a").planned(0, "process-kill", false).injected(0, &["b1"]).mark(Stage::Calm);
    let header = Header { seed: 7, scenario_hash: "5f3a".into(), ..header() };
    let mut writer = RecordingWriter::new(Vec::new(), &header).expect("a vector takes all");
    for event in &script.events {
        writer.event(event).expect("a vector takes all");
    }
    let end = Time::from_millis(6);
    let bytes = writer.finish(end, [("frames".into(), 12)].into()).expect("a vector takes all").0;
    String::from_utf8(bytes).expect("is a text")
}

#[test]
fn the_documents_example_is_a_recording() {
    let document = include_str!("../../../docs/recording.md");
    let block = document.split("```recording\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(block, Some(&*example()));
    for stage in ["steady", "not-steady", "calm", "final-read", "no-final-read", "stopped"] {
        assert!(document.contains(&format!("`{stage}`")), "{stage} is documented");
    }
}
