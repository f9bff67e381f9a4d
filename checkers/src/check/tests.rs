//! Tests of checks of histories.

use super::*;
use crate::history::History;

fn checked(object: Object, text: &str) -> Result<CheckReport, CheckError> {
    let history = History::read(text.as_bytes()).expect("a history");
    check(object, &history, &Options::default())
}

/// Histories that nobody here wrote, where they are at hand.
fn verdict(path: &std::path::Path, object: Object, options: &Options) -> CheckReport {
    let bytes = std::fs::read(path).expect("reads");
    let history = History::read(&bytes).expect("a history");
    check(object, &history, options).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn foreign_histories_get_their_verdicts() {
    let Ok(root) = std::env::var("HIGHWATER_HISTORIES") else { return };
    let root = std::path::Path::new(&root);
    for failed_cas in [FailedCas::Differed, FailedCas::Nothing] {
        let options = Options { failed_cas, ..Options::default() };
        let mut ok = Vec::new();
        let mut steps = 0;
        for number in 0..30 {
            let path = root.join(format!("etcd/etcd_{number:03}.log"));
            let report = verdict(&path, Object::CasRegister, &options);
            steps += report.steps;
            if report.verdict == Verdict::Linearizable {
                ok.push(number);
            } else if let Some(finding) = report.finding {
                println!(
                    "{number} {} {:?} | {:?}",
                    finding.operations.len(),
                    finding.what,
                    finding.stuck.map(|s| s.1)
                );
            }
        }
        println!("{failed_cas:?} {steps} {ok:?}");
        for (initial, folder) in [0, 1].into_iter().flat_map(|i| ["good", "bad"].map(|f| (i, f))) {
            let initial = if initial == 0 { Datum::Int(0) } else { Datum::Nil };
            let options = Options { failed_cas, initial: initial.clone(), ..Options::default() };
            let mut files: Vec<_> = std::fs::read_dir(root.join("knossos").join(folder))
                .unwrap()
                .map(|e| e.unwrap().path())
                .collect();
            files.sort();
            for file in files {
                let report = verdict(&file, Object::CasRegister, &options);
                println!(
                    "{failed_cas:?} {initial:?} {} {:?} {} {:?}",
                    file.display(),
                    report.verdict,
                    report.steps,
                    report.finding.map(|f| f.what)
                );
            }
        }
    }
    for file in ["c01-ok", "c01-bad", "c10-ok", "c10-bad"] {
        let report = verdict(&root.join(format!("kv/{file}.txt")), Object::KeyValue, &Options::default());
        println!("{file} {:?} {} {:?}", report.verdict, report.steps, report.finding.map(|f| f.what));
    }
}
