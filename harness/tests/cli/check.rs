//! `highwater check`: what is told of histories of others, and what is refused.

use super::{folder, highwater};

/// A register that forgets a write, as Jepsen has it.
const STALE: &str = "\
{:process 0, :type :invoke, :f :write, :value 3}
{:process 0, :type :ok, :f :write, :value 3}
{:process 1, :type :invoke, :f :read, :value nil}
{:process 1, :type :ok, :f :read, :value nil}
";

#[test]
fn a_foreign_history_is_judged() {
    let good = STALE.replace(":ok, :f :read, :value nil", ":ok, :f :read, :value 3");
    let folder = folder(&[("stale.edn", STALE), ("good.edn", &good)]);
    let check =
        |words: &[&str]| highwater(folder.path(), &[&["check", "--model", "register"], words].concat());

    let (code, stdout, stderr) = check(&["good.edn"]);
    assert_eq!((code, &*stderr), (0, ""));
    assert!(
        stdout.starts_with("good.edn: linearizable  2 operations of a register: 2 ok, 0 failed, "),
        "{stdout}"
    );

    let (code, stdout, _) = check(&["good.edn", "stale.edn"]);
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(code, 1, "{stdout}");
    assert!(lines[1].starts_with("stale.edn: not linearizable"), "{stdout}");
    let both = ["line 1 to line 2: process 0, ", "line 3 to line 4: process 1, "];
    assert!(both.iter().all(|told| stdout.contains(told)), "{stdout}");
    let [.., violation, reproduce] = &lines[..] else { panic!("{stdout}") };
    assert!(violation.starts_with("violation: ") && violation.ends_with(" (stale.edn)"), "{stdout}");
    assert_eq!(*reproduce, "reproduce: highwater check stale.edn --model register");

    let (code, stdout, _) = check(&["stale.edn", "--format", "json"]);
    let line: serde_json::Value = serde_json::from_str(&stdout).expect("one object");
    assert_eq!(
        (code, &line["verdict"], &line["steps"].is_u64()),
        (1, &"violation".into(), &true),
        "{stdout}"
    );
    assert_eq!(line["finding"]["operations"].as_array().map(Vec::len), Some(2), "{stdout}");

    // A read of nil says nothing where the register held something at first.
    assert_eq!(check(&["stale.edn", "--initial", "0"]).0, 0);
}

#[test]
fn what_reproduces_a_violation_names_all_that_led_to_it() {
    let failed = "\
{:process 0, :type :invoke, :f :write, :value 1}
{:process 0, :type :ok, :f :write, :value 1}
{:process 0, :type :invoke, :f :cas, :value [1 2]}
{:process 0, :type :fail, :f :cas, :value [1 2]}
";
    let folder = folder(&[("a failed cas.edn", failed)]);
    let words = [
        "check",
        "a failed cas.edn",
        "--model",
        "cas-register",
        "--initial",
        "0",
        "--failed-cas",
        "differed",
        "--steps-max",
        "1000",
        "--input-format",
        "edn",
    ];
    let (code, stdout, _) = highwater(folder.path(), &words);
    let reproduce = stdout.lines().last().expect("lines");
    assert_eq!(
        (code, reproduce),
        (
            1,
            &*format!(
                "reproduce: highwater {}",
                words.join(" ").replace("a failed cas.edn", "'a failed cas.edn'")
            )
        )
    );
    let others = ["--model", "cas-register", "a failed cas.edn"];
    assert_eq!(highwater(folder.path(), &[&["check"][..], &others].concat()).0, 0);
}

#[test]
fn objects_that_are_counted_are_judged() {
    let set = "\
{:process 0, :type :invoke, :f :add, :value 1}
{:process 0, :type :ok, :f :add, :value 1}
{:process 0, :type :invoke, :f :add, :value 2}
{:process 0, :type :ok, :f :add, :value 2}
";
    let read = |elements: &str| {
        format!(
            "{set}{{:process 1, :type :invoke, :f :read}}\n{{:process 1, :type :ok, :f :read, :value {elements}}}\n"
        )
    };
    let keyed = "\
{:process 0, :type :invoke, :f :add, :value [:a 1]}
{:process 0, :type :ok, :f :add, :value [:a 1]}
{:process 0, :type :invoke, :f :read, :value [:a nil]}
{:process 0, :type :ok, :f :read, :value [:a 5]}
{:process 0, :type :invoke, :f :read, :value [:b nil]}
{:process 0, :type :ok, :f :read, :value [:b 0]}
";
    let files = [
        ("good.edn", &*read("#{1 2}")),
        ("lost.edn", &read("#{1}")),
        ("never.edn", set),
        ("keyed.edn", keyed),
    ];
    let folder = folder(&files);
    let check = |words: &[&str]| highwater(folder.path(), &[&["check"], words].concat());

    let (code, stdout, stderr) = check(&["good.edn", "--model", "set"]);
    assert_eq!((code, &*stderr), (0, ""), "{stdout}");
    let begins = "good.edn: valid  3 operations of a set: 3 ok, 0 failed, 0 indeterminate; ";
    assert!(stdout.starts_with(begins), "{stdout}");

    let (code, stdout, _) = check(&["lost.edn", "--model", "set"]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.lines().any(|line| line == "  lost 1: 2"), "{stdout}");
    let last = "violation: invalid: 1 acknowledged and not in the last read (2) (lost.edn)\n\
                reproduce: highwater check lost.edn --model set\n";
    assert!(stdout.ends_with(last), "{stdout}");

    // Nothing is known of what was never read.
    let (code, stdout, _) = check(&["never.edn", "--model", "set"]);
    assert_eq!(code, 3, "{stdout}");
    assert!(stdout.contains("unknown: the set was never read"), "{stdout}");

    let (code, stdout, _) = check(&["keyed.edn", "--model", "counter", "--independent", "--format", "json"]);
    let line: serde_json::Value = serde_json::from_str(&stdout).expect("one object");
    assert_eq!(
        (code, &line["finding"]["key"], &line["finding"]["kind"]),
        (1, &":a".into(), &"invalid".into())
    );
    let verdicts: Vec<_> = line["keys"].as_array().expect("keys").iter().map(|key| &key["verdict"]).collect();
    assert_eq!(verdicts, ["violation", "valid"]);
    let out_of_bounds = serde_json::json!({ "name": "out of bounds", "count": 1 });
    assert!(line["details"].as_array().expect("details").contains(&out_of_bounds), "{stdout}");

    let (code, stdout, _) = highwater(folder.path(), &["list", "models"]);
    let names: Vec<_> = stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let counted = ["set", "set-full", "total-queue", "counter"];
    assert!(
        code == 0 && counted.iter().chain(&["log", "fifo-queue"]).all(|name| names.contains(name)),
        "{stdout}"
    );
}

/// A queue as Jepsen's kafka workload has it: a record is acknowledged, and the final polls lack it.
const LOG: &str = "\
{:process 0, :type :invoke, :f :send, :value [[:send 0 1]]}
{:process 0, :type :ok, :f :send, :value [[:send 0 [0 1]]]}
{:process 0, :type :invoke, :f :send, :value [[:send 0 2] [:send 0 3]]}
{:process 0, :type :ok, :f :send, :value [[:send 0 [1 2]] [:send 0 [2 3]]]}
{:process 1, :type :invoke, :f :assign, :value [0], :seek-to-beginning? true}
{:process 1, :type :ok, :f :assign, :value [0], :seek-to-beginning? true}
{:process 1, :type :invoke, :f :poll, :value [[:poll]]}
{:process 1, :type :ok, :f :poll, :value [[:poll {0 [[0 1] [1 2] [2 3]]}]]}
";

#[test]
fn a_foreign_log_is_judged() {
    let lost = LOG.replace("[0 1] [1 2] [2 3]", "[0 1] [2 3]");
    let unread: String = LOG.lines().take(4).map(|line| format!("{line}\n")).collect();
    let twice = LOG.replace("[:send 0 2] [:send 0 3]", "[:send 0 1] [:send 0 3]");
    let below = LOG.replace("[:send 0 [0 1]]", "[:send 0 [-1 1]]");
    let files = [
        ("good.edn", LOG),
        ("lost.edn", &*lost),
        ("unread.edn", &*unread),
        ("twice.edn", &*twice),
        ("below.edn", &*below),
    ];
    let folder = folder(&files);
    let check = |words: &[&str]| highwater(folder.path(), &[&["check", "--model", "log"], words].concat());

    let (code, stdout, stderr) = check(&["good.edn"]);
    assert_eq!((code, &*stderr), (0, ""), "{stdout}");
    assert!(stdout.starts_with("good.edn: valid  4 operations of a log: "), "{stdout}");
    let (code, stdout, _) = check(&["good.edn", "-v"]);
    assert!(code == 0 && stdout.contains("\n  key 0: valid, 3 operations; linearizable\n"), "{stdout}");

    let (code, stdout, _) = check(&["lost.edn"]);
    assert_eq!(code, 1, "{stdout}");
    for told in [
        "\n  unseen: key 0 lost value 2: acknowledged at offset 1 (line 4), absent from the final read\n",
        "\n    line 3 to line 4: process 0, send [[:send 0 [1 2]] [:send 0 [2 3]]]\n",
        "\n  key 0: invalid, 3 operations; diverged: skipped record\n    line 3 to line 4: ",
        "\nviolation: unseen: key 0 lost value 2: ",
        "\nreproduce: highwater check lost.edn --model log\n",
    ] {
        assert!(stdout.contains(told), "{told}{stdout}");
    }
    let (_, stdout, _) = check(&["lost.edn", "--format", "json"]);
    let line: serde_json::Value = serde_json::from_str(&stdout).expect("one object");
    let kinds: Vec<_> = line["more_findings"]
        .as_array()
        .expect("several")
        .iter()
        .map(|finding| finding["kind"].as_str().expect("a name"))
        .collect();
    assert_eq!(
        (&line["finding"]["kind"], kinds),
        (&"unseen".into(), vec!["lost-write", "int-poll-skip", "torn-txn"])
    );
    assert_eq!(line["keys"][0]["consistency"]["level"], "diverged", "{stdout}");

    let (code, stdout, _) = check(&["unread.edn"]);
    assert_eq!(code, 3, "{stdout}");
    let unknown =
        "unknown: lost and unseen records of key 0 are unknown: the final read never ran (unread.edn)";
    assert!(stdout.contains(unknown), "{stdout}");

    for (name, told) in [
        ("twice.edn", "twice.edn: not checkable: value 1 is sent to key 0 a second time, first at line 1"),
        ("below.edn", "below.edn: not checkable: the offset -1 of key 0 is below 0, at line 2"),
    ] {
        let (code, stdout, stderr) = check(&[name]);
        assert_eq!((code, &*stdout), (2, ""), "{stderr}");
        assert!(stderr.contains(told), "{stderr}");
    }
}

#[test]
fn what_is_no_history_is_refused_with_its_place() {
    let open = format!("{STALE}{{:process 0, :type :invoke");
    let twice = STALE.replace("{:process 1, :type :invoke", "{:process 0, :type :ok");
    let list = STALE.replace(":f :read", ":f :push");
    let folder =
        folder(&[("open.edn", &open), ("twice.edn", &twice), ("list.edn", &list), ("a.txt", "hello")]);
    for (words, parts) in [
        (&["open.edn"][..], &["open.edn: line 5, column 1: ", "never closed"][..]),
        (&["twice.edn"], &["twice.edn: not checkable: process 0 completes what it never began", "line 3"]),
        (&["list.edn"], &["list.edn: line 3: ", "`push`", "read"]),
        (&["a.txt"], &["a.txt: line 1", "`--input-format` names it: edn, json, jepsen-log, knossos"]),
        (&["open.edn", "--input-format", "xml"], &["`xml` is no format of histories"]),
        (&["open.edn", "--model", "stack"], &["`stack` is no object; known are register"]),
    ] {
        let model: &[&str] = if words.contains(&"--model") { &[] } else { &["--model", "register"] };
        let (code, stdout, stderr) = highwater(folder.path(), &[&["check"], model, words].concat());
        assert_eq!((code, &*stdout), (2, ""), "{stderr}");
        assert!(parts.iter().all(|part| stderr.contains(part)), "{stderr}");
    }
    let (code, _, stderr) = highwater(folder.path(), &["check", "--model", "register", "none.edn"]);
    assert_eq!(code, 74, "{stderr}");
}
