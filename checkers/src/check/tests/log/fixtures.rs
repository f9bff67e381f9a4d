//! The anomalies: each in the least history that shows it.

use super::*;

/// Checks what is found. Records that are read and sent nowhere in the script count as sent.
#[track_caller]
fn assert_found(script: &str, expected: &[&str]) -> CheckReport {
    let read: Vec<(String, String)> = script
        .split([';', '\n'])
        .filter(|statement| statement.split_whitespace().nth(1).is_some_and(|verb| verb.starts_with('R')))
        .flat_map(|statement| statement.split_whitespace().skip(2))
        .filter_map(|item| {
            let (place, value) = item.split_once('=')?;
            Some((place.split(':').next()?.to_owned(), value.to_owned()))
        })
        .collect();
    let mut senders = String::new();
    for (topic, value) in read {
        let is_sent = script
            .split([';', '\n'])
            .filter(|statement| {
                statement.split_whitespace().nth(1).is_some_and(|verb| "SIFOT".contains(&verb[..1]))
            })
            .flat_map(str::split_whitespace)
            .map(|item| item.trim_start_matches('+'))
            .any(|item| {
                item.split_once('=')
                    .is_some_and(|(place, sent)| sent == value && place.split(':').next() == Some(&*topic))
            });
        let sender = format!("p99 I {topic}={value};");
        if !is_sent && !senders.contains(&sender) {
            senders.push_str(&sender);
        }
    }
    assert_found_in(&format!("{senders}{script}"), expected)
}

#[track_caller]
fn assert_found_in(script: &str, expected: &[&str]) -> CheckReport {
    let report = report(&edn_of(script));
    assert_eq!(kinds(&report.findings), expected, "{script}\n{report:?}");
    assert_eq!(report.verdict == Verdict::Violation, !expected.is_empty(), "{script}");
    report
}

#[test]
fn contradicting_offsets() {
    assert_found("p0 S x:0=a ; p1 S x:0=b", &["inconsistent-offsets :x"]);
    assert_found("p0 I x:0=a y=a ; p1 S x:0=b", &[]);
    assert_found("p0 I x:0=a y=a ; p1 S x:0=b ; p2 R y:5=a", &["inconsistent-offsets :x"]);
    assert_found("p0 S x:1=a ; p2 R x:2=b x:3=a", &["duplicate :x"]);
    assert_found("p0 S x:1=0 ; p0 F x:2=1 ; p1 RF x:11=0 x:12=1", &["duplicate :x"]);
}

#[test]
fn what_should_not_be_there() {
    assert_found("p0 F x=a ; p1 R x:0=a", &["G1a :x"]);
    assert_found_in("p0 R x:0=z", &["phantom :x"]);
    assert_found("p0 T +x:0=a x:0=a", &["precommitted-read :x"]);
    assert_found("p0 T +x:0=a y:0=b ; p1 T +y:0=b x:0=a", &["G1c :x"]);
}

#[test]
fn lost_writes() {
    let report = assert_found("p0 S x:0=a ; p0 S x:1=b x:3=d ; p1 I x=c ; p0 R x:2=c", &["lost-write :x 2"]);
    let finding = &report.findings[0];
    assert_eq!(
        finding.what,
        "key :x lost value \"a\": committed at offset 0 (line 2), and never read, though offset 2 was"
    );
    let more: Vec<_> = finding.more.iter().map(|example| &*example.what).collect();
    let second =
        "key :x lost value \"b\": committed at offset 1 (line 4), and never read, though offset 2 was";
    assert_eq!(more, [second]);
    let atomic = "p0 I x=a y:0=b ; p1 I y=c ; p2 R x:0=a ; p3 R y:1=c";
    assert_found(atomic, &["lost-write :y"]);
    assert_found("p0 I x=a y:0=b ; p1 I y=c ; p3 R y:1=c", &[]);
}

#[test]
fn skips_and_steps_back() {
    assert_found("p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 R x:4=d", &["poll-skip :x"]);
    assert_found("p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 A y ; p0 R x:4=d", &[]);
    assert_found("p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 A x y ; p0 R x:4=d", &["poll-skip :x"]);
    let aborted = "p1 R x:0=a ; p1 RF x:1=b x:2=c ; p1 RF x:3=d x:4=e ; p1 R x:5=f";
    assert_found(aborted, &["poll-skip :x 2"]);
    assert_found("p1 R x:0=a ; p1 RF x:1=b x:2=c ; p1 RI x:1=b x:2=c ; p1 R x:1=b x:2=c", &[]);
    assert_found("p0 R x:1=a x:2=b x:3=c ; p0 R x:2=b x:3=c x:4=d", &["nonmonotonic-poll :x"]);
    assert_found("p0 S x:3=c x:4=d ; p0 S x:1=a x:2=b", &["nonmonotonic-send :x"]);
    assert_found("p0 R x:1=a x:4=d ; p1 R x:2=b", &["int-poll-skip :x"]);
}

#[test]
fn what_is_legal_is_told_apart() {
    let report = assert_found("p0 S x:1=a x=c ; p1 I x=b ; p2 R x:1=a x:2=b x:3=c", &[]);
    assert_eq!(kinds(&report.legal), ["int-send-skip :x", "G0 :x"]);
    assert!(report.legal[0].what.ends_with("; legal: writes are not isolated from each other"), "{report:?}");
    // Under subscribe partitions come and go.
    let report = assert_found("p0 U x ; p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 R x:4=d", &[]);
    assert_eq!(kinds(&report.legal), ["poll-skip :x"]);
}

#[test]
fn final_reads_tell_what_is_lost() {
    let sends = "p0 S x:0=a ; p0 S x:1=b ; p1 AF x:0 ;";
    assert_found(&format!("{sends} p1 RR x:0=a ; p1 E x:1"), &["unseen :x"]);
    let report = assert_found(&format!("{sends} p1 RR x:0=a ; p1 RR x:1=b ; p1 E x:2"), &[]);
    assert_eq!((report.verdict, report.unknown), (Verdict::Holds, None));
    assert_found("p0 R x:7=a ; p1 AF x:0 ; p1 RR x:0=b ; p1 E x:1", &["read-then-lost :x"]);
    let torn = "p0 I x=a y=b ; p1 R x:0=a ; p2 AF x:0 y:0 ; p2 RR x:0=a ; p2 E x:1 y:0";
    assert_found(torn, &["torn-txn :y"]);
}

#[test]
fn without_a_final_read_nothing_is_fine() {
    let report = assert_found("p0 S x:0=a ; p1 R x:0=a ; p0 S y:0=b ; p0 I z=c", &[]);
    assert_eq!(report.verdict, Verdict::Unknown);
    let unknown = "lost and unseen records of key :x, key :y are unknown: the final read never ran";
    assert_eq!(report.unknown.as_deref(), Some(unknown));
    let verdicts: Vec<_> = report.keys.iter().map(|key| key.verdict).collect();
    assert_eq!(verdicts, [Verdict::Unknown, Verdict::Unknown, Verdict::Holds], "of z nothing can be lost");
    // It is said of a violation too.
    let report = assert_found(
        "p0 S x:0=a ; p1 R x:0=a x:0=b",
        &["inconsistent-offsets :x", "int-nonmonotonic-poll :x"],
    );
    assert!(report.unknown.is_some());
    let report = assert_found("p0 S x:0=a ; p1 AF x:0 ; p1 EF x", &[]);
    let unknown =
        "lost and unseen records of key :x are unknown: the final read could not run: no reason given";
    assert_eq!(report.unknown.as_deref(), Some(unknown));
}

#[test]
fn order_is_secondary_where_offsets_contradict_each_other() {
    let script = "p0 S x:0=a ; p1 S x:0=b ; p2 R x:1=c ; p2 R x:1=c";
    let report =
        assert_found(script, &["lost-write :x 2", "inconsistent-offsets :x", "nonmonotonic-poll :x"]);
    assert!(!report.findings[1].what.contains("secondary"), "{report:?}");
    assert!(
        report.findings[2].what.ends_with("; secondary, since the partition's offsets contradict each other")
    );
}

#[test]
fn what_must_not_trip() {
    for script in [
        "",
        "p0 R x",
        "p0 I x=a ; p1 I x=b ; p3 O x=d",
        "p0 S x:0=a ; p1 S y:0=a ; p2 R x:0=a y:0=a",
        "p0 S x:4611686018427387903=a ; p0 S x:4611686018427387904=b
         p1 R x:4611686018427387903=a x:4611686018427387904=b",
        "p0 S x:9223372036854775807=a ; p1 R x:9223372036854775807=a",
    ] {
        assert_found(script, &[]);
    }
    let nemesis = "{:process :nemesis, :type :info, :f :start, :value :random-halves}\n";
    let report = report(&format!("{nemesis}{}", edn_of("p0 S x:0=a")));
    assert_eq!((report.findings.len(), report.counts.operations), (0, 1));
}
