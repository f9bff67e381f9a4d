//! The histories that the benches export are what their names say, by our own verdict on the files.

#[path = "../benches/checkers/export.rs"]
mod export;
#[path = "../benches/checkers/generator/mod.rs"]
mod generator;

use std::fs;

use highwater_checkers::check::{FailedCas, Object, Options, Verdict, check};
use highwater_checkers::history::{Datum, History, spans};

#[test]
fn what_is_exported_reads_back_with_its_verdict() {
    let folder = tempfile::tempdir().expect("a folder");
    export::all(folder.path(), 10_000).expect("is written");
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .expect("is read")
        .map(|entry| entry.expect("is read").file_name().into_string().expect("plain names"))
        .collect();
    names.sort_unstable();
    let mut checked = 0;
    for name in &names {
        let history = History::read(&fs::read(folder.path().join(name)).expect("is read"));
        let history = history.unwrap_or_else(|error| panic!("{name}: {error}"));
        // The register holds 0 at first in all of them.
        let options =
            Options { initial: Datum::Int(0), failed_cas: FailedCas::Differed, ..Options::default() };
        let object = match name.split_once('-').expect("names have parts").0 {
            // Those of 50 clients take seconds where nothing is optimised.
            "cas" | "key" if name.contains("-50-") => continue,
            "etcd" | "cas" | "register" => Object::CasRegister,
            "key" => Object::KeyValue,
            "queue" => Object::FifoQueue,
            "log" => {
                // And the read of all at the end.
                let operations = spans(&history.events).expect("pairs").len();
                assert_eq!(operations, 10_001, "{name}");
                continue;
            }
            _ => panic!("{name} is of no object"),
        };
        let report = check(object, &history, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected = if name.contains("-bad") { Verdict::Violation } else { Verdict::Holds };
        assert_eq!(report.verdict, expected, "{name}: {:?}", report.findings);
        checked += 1;
    }
    // Of etcd 102, of registers 2 and 1, of key-value stores 2, of queues 1.
    assert_eq!(checked, 108, "{names:?}");
}
