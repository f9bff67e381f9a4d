//! Histories that nobody here wrote, in the folder that `HIGHWATER_HISTORIES` names: each gets the verdict that
//! its owners state. The tests beside this one need no such folder.

use std::path::Path;

use super::*;

fn report(path: &Path, object: Object, options: &Options) -> CheckReport {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let history = History::read(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    check(object, &history, options).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn histories_get_the_verdicts_that_others_state() {
    let Some(root) = std::env::var_os("HIGHWATER_HISTORIES") else { return };
    let root = Path::new(&root);
    let verdict = |linearizable| if linearizable { Verdict::Holds } else { Verdict::Violation };
    for exact in [false, true] {
        let search = Search { exact, ..Search::default() };
        let etcd = Options { failed_cas: FailedCas::Differed, search, ..Options::default() };
        for number in 0..30 {
            let path = root.join(format!("etcd/etcd_{number:03}.log"));
            let expected = verdict([2, 5, 7, 18, 25].contains(&number));
            assert_eq!(report(&path, Object::CasRegister, &etcd).verdict, expected, "{}", path.display());
        }
        let knossos = Options { initial: Datum::Int(0), search, ..Options::default() };
        let mut files = 0;
        for folder in ["good", "bad"] {
            let entries = std::fs::read_dir(root.join("knossos").join(folder)).expect("is there");
            for path in entries.map(|entry| entry.expect("can be listed").path()) {
                let expected = verdict(folder == "good");
                assert_eq!(
                    report(&path, Object::CasRegister, &knossos).verdict,
                    expected,
                    "{}",
                    path.display()
                );
                files += 1;
            }
        }
        assert!(files >= 14, "only {files} files of Knossos");
        for name in ["c01-ok", "c01-bad", "c10-ok", "c10-bad"] {
            let options = Options { search, ..Options::default() };
            let path = root.join(format!("kv/{name}.txt"));
            let expected = verdict(name.ends_with("ok"));
            assert_eq!(report(&path, Object::KeyValue, &options).verdict, expected, "{name}");
        }
    }
}
