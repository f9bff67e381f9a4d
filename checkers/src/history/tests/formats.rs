//! One history in every format, and what is particular to each.

use super::*;

/// The blocks of the document, each with its format.
fn documented() -> Vec<(Format, &'static str)> {
    let document = include_str!("../../../../docs/histories.md");
    let mut parts = document.split("```");
    let mut blocks = Vec::new();
    // What is outside of blocks and what is inside alternate.
    while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
        let (name, text) = block.split_once('\n').expect("a block has lines");
        blocks.push((name.parse().expect("a block names its format"), text));
    }
    blocks
}

#[test]
fn the_documented_history_is_the_same_in_every_format() {
    let expected = [
        (Actor::Process(0), Outcome::Invoke, "write".into(), Datum::Int(3)),
        (Actor::Process(1), Outcome::Invoke, "read".into(), Datum::Nil),
        (nemesis(), Outcome::Info, "start".into(), string("cut off n1")),
        (Actor::Process(1), Outcome::Ok, "read".into(), Datum::Int(0)),
        (Actor::Process(0), Outcome::Info, "write".into(), Datum::Int(3)),
    ];
    let documented = documented();
    assert_eq!(documented.iter().map(|(format, _)| *format).collect::<Vec<_>>(), Format::ALL);
    for (format, text) in documented {
        assert_eq!(Format::recognise(text.as_bytes()), Ok(format));
        let events = read(format, text).events;
        assert_eq!(events.iter().map(told).collect::<Vec<_>>(), expected, "{format}");
        assert_eq!(events.iter().map(|event| event.line).collect::<Vec<_>>(), [1, 2, 3, 4, 5], "{format}");
        assert_eq!(events.iter().map(|event| event.index).collect::<Vec<_>>(), [0, 1, 2, 3, 4], "{format}");
        let error = if format == Format::Json { string("timed-out") } else { keyword("timed-out") };
        assert_eq!(events[4].error, Some(error), "{format}");
        let time = matches!(format, Format::Edn | Format::Json).then_some(13);
        assert_eq!(events[3].time, time, "{format}");
    }
}

#[test]
fn a_format_is_known_by_its_name() {
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let error = "csv".parse::<Format>().expect_err("is none");
    assert_eq!(
        error.to_string(),
        "`csv` is no format of histories; known are edn, json, jepsen-log, knossos"
    );
}

#[test]
fn an_empty_input_is_the_empty_history() {
    for text in ["", " \n\n", "\u{FEFF}", "; nothing\n", "[]", "[\n]\n", "()", "#_{:a 1}"] {
        assert_eq!(History::read(text.as_bytes()), Ok(History::default()), "{text:?}");
    }
    for format in Format::ALL {
        assert_eq!(format.read(b""), Ok(History::default()));
        assert_eq!(format.read(b"\n \n"), Ok(History::default()));
    }
}

#[test]
fn a_format_is_recognised_behind_whatever_comes_first() {
    let cases = [
        ("[main] INFO jepsen.util - 0\t:ok\t:read\t1", Format::JepsenLog),
        ("[2021-01-01 10:00] jepsen.util 0\t:ok\t:read\t1", Format::JepsenLog),
        ("# a log\n{started}\n0\t:ok\t:read\t1", Format::JepsenLog),
        (" \n [ {\"process\": 1", Format::Json),
        ("\u{FEFF}{\n\"process\": 1", Format::Json),
        ("; said\n#_[1 2] [#jepsen.history.Op{", Format::Edn),
        ("^:m {:process", Format::Edn),
        ("{}", Format::Edn),
        ("[:nemesis :info", Format::Knossos),
        ("; said\n([-1 :info", Format::Knossos),
    ];
    for (text, format) in cases {
        assert_eq!(Format::recognise(text.as_bytes()), Ok(format), "{text}");
    }
    for text in ["[1 2 3]", "[\"a\"]", "x", "#", "# x", "]", "12", "\"{\"", "#_"] {
        assert!(Format::recognise(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn an_event_without_an_index_has_its_place() {
    let text = "{:process 0 :type :invoke :f :read} {:process 0 :type :ok :f :read :index -1}
        {:process 0 :type :ok :f :read :index 7} {:process 0 :type :ok :f :read :index 18446744073709551615}";
    let indices: Vec<u64> = events(text).iter().map(|event| event.index).collect();
    assert_eq!(indices, [0, 1, 7, u64::MAX]);
}

#[test]
fn porcupines_lines_have_a_key() {
    let events = events(r#"{:process 0, :type :invoke, :f :append, :key "0", :value "x 0 0 y"}"#);
    assert_eq!(events[0].key, Some(string("0")));
    assert_eq!(events[0].value, string("x 0 0 y"));
}

#[test]
fn every_other_key_is_kept_in_its_order() {
    let edn = "{:node \"n1\" :process 0 :op-index 7 :type :ok 5 [6] :f :read :a/b nil}";
    let events = events(edn);
    let extra = [
        (keyword("node"), string("n1")),
        (keyword("op-index"), Datum::Int(7)),
        (Datum::Int(5), vector([6])),
        (keyword("a/b"), Datum::Nil),
    ];
    assert_eq!(events[0].extra, extra);
}

#[test]
fn json_may_be_one_array_with_an_object_a_line() {
    let text = "[{\"process\":0,\"type\":\"invoke\",\"f\":\"add\",\"value\":[0,1.5,null]},\n\
                {\"process\":0,\"type\":\"ok\",\"f\":\"add\",\"value\":{\"a\":{},\"b\":[]}}]\n";
    assert_eq!(Format::recognise(text.as_bytes()), Ok(Format::Json));
    let events = events(text);
    assert_eq!(events[1].line, 2);
    let map = [(string("a"), Datum::Map([].into())), (string("b"), Datum::Vector([].into()))];
    assert_eq!(events[1].value, Datum::Map(map.into()));
}

#[test]
fn numbers_of_json_keep_what_others_lose() {
    let value = |number: &str| {
        let text = format!(r#"{{"process":0,"type":"ok","f":"read","value":{number}}}"#);
        read(Format::Json, &text).events.remove(0).value
    };
    let float = |number| Datum::Float(crate::history::Float(number));
    assert_eq!(value("9223372036854775807"), Datum::Int(i64::MAX));
    assert_eq!(value("-9223372036854775808"), Datum::Int(i64::MIN));
    assert_eq!(value("9223372036854775808"), Datum::Number("9223372036854775808".into()));
    assert_eq!(value("1.0"), float(1.0));
    assert_eq!(value("-0.0"), float(-0.0));
    assert_eq!(value("25E-1"), float(2.5));
    assert_eq!(value("1e400"), Datum::Number("1e400".into()));
    for wrong in ["01", "1.", ".5", "-", "+1", "0x1", "1e", "NaN", "Infinity", "1_0"] {
        let text = format!(r#"{{"process":0,"type":"ok","f":"read","value":{wrong}}}"#);
        assert!(Format::Json.read(text.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn strings_of_json_resolve_their_escapes() {
    let text = r#"{"process":0,"type":"ok","f":"read","value":"a\"\\\/\n\t\r\b\f\u00e9\ud83d\ude00z"}"#;
    assert_eq!(events(text)[0].value, string("a\"\\/\n\t\r\u{8}\u{C}é😀z"));
    for wrong in [r"\x", r"\u12", r"\ud83d", r"\ud83d\u0041", r"\ude00", r"\u+123", "\n", "\t"] {
        let text = format!(r#"{{"process":0,"type":"ok","f":"read","value":"{wrong}"}}"#);
        assert!(Format::Json.read(text.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn doubles_that_are_whole_stand_for_whole_numbers() {
    let events = events(r#"{"process":3.0,"type":"ok","f":"read","time":1e9,"index":5.0}"#);
    assert_eq!(events[0].process, Actor::Process(3));
    assert_eq!((events[0].time, events[0].index), (Some(1_000_000_000), 5));
}

#[test]
fn a_process_in_quotes_is_a_number_all_the_same() {
    let events = events(r#"{"process":"3","type":"ok","f":"read"}"#);
    assert_eq!(events[0].process, Actor::Process(3));
}

#[test]
fn other_lines_of_a_log_are_skipped_and_counted() {
    let text = "INFO  jepsen.core - Running test\n\
                0\t:invoke\t:read\tnil\r\n\
                \n\
                2019-02-18 16:15:29,234\tINFO\t[jepsen worker 3] jepsen.util: 3\t:fail\t:cas\t[1 2]\n\
                INFO [2021-01-01 10:00:00,001] jepsen worker 1 - jepsen.util 1\t:ok\t:txn\t[[:r 1 nil]]\n\
                WARN  jepsen.core - took 3\t:seconds\n\
                INFO  jepsen.util - :nemesis\t:info\t:start\tCut off {:n1 #{:n2}} for <now>\n\
                INFO  jepsen.util - 4\t:info\t:write\t:timed-out\n\
                INFO  jepsen.util - 5\t:info\t:write\t4\tjava.net.SocketTimeoutException: Read timed out (";
    assert_eq!(Format::recognise(text.as_bytes()), Ok(Format::JepsenLog));
    let history = read(Format::JepsenLog, text);
    assert_eq!(history.skipped, 2);
    let lines: Vec<u32> = history.events.iter().map(|event| event.line).collect();
    assert_eq!(lines, [2, 4, 5, 7, 8, 9]);
    assert_eq!(told(&history.events[1]), (Actor::Process(3), Outcome::Fail, "cas".into(), vector([1, 2])));
    assert_eq!(history.events[3].value, string("Cut off {:n1 #{:n2}} for <now>"));
    assert_eq!(history.events[4].value, keyword("timed-out"));
    let error = string("java.net.SocketTimeoutException: Read timed out (");
    assert_eq!(history.events[5].error, Some(error));
}

#[test]
fn tuples_may_stand_in_one_vector_and_lack_a_value() {
    for text in [
        "[[0 :invoke :read nil]\n [0 :ok :read 4]]",
        "([0 :invoke :read], [0 :ok :read 4])",
        "; two\n(0 :invoke :read) #_[9] [0 :ok :read 4]",
    ] {
        assert_eq!(Format::recognise(text.as_bytes()), Ok(Format::Knossos), "{text}");
        let told: Vec<Told> = events(text).iter().map(told).collect();
        let expected = [
            (Actor::Process(0), Outcome::Invoke, "read".into(), Datum::Nil),
            (Actor::Process(0), Outcome::Ok, "read".into(), Datum::Int(4)),
        ];
        assert_eq!(told, expected, "{text}");
    }
}

#[test]
fn our_own_operations_are_such_a_history() {
    let lines = concat!(
        r#"{"index":0,"time":0,"process":0,"client":1,"type":"invoke","phase":"final","f":"send","value":[["send","orders/0",97]]}"#,
        "\n",
        r#"{"index":1,"time":10,"process":0,"client":1,"type":"ok","f":"poll","value":[["poll",{"orders/0":[[0,97]]}]],"at":[null]}"#,
        "\n",
    );
    let ours: Vec<crate::operation::Operation> =
        lines.lines().map(|line| serde_json::from_str(line).expect("is an operation")).collect();
    let events = events(lines);
    for (ours, event) in ours.iter().zip(&events) {
        assert_eq!(event.index, ours.index.0);
        assert_eq!(event.process, Actor::Process(i64::try_from(ours.process.0).expect("fits")));
        assert_eq!(event.outcome, ours.outcome);
        assert_eq!(&*event.function, ours.body.function());
    }
    assert_eq!(events[0].extra, [(string("client"), Datum::Int(1)), (string("phase"), string("final"))]);
    let record = Datum::Vector([vector([0, 97])].into());
    let reads = Datum::Map([(string("orders/0"), record)].into());
    let step = Datum::Vector([string("poll"), reads].into());
    assert_eq!(events[1].value, Datum::Vector([step].into()));
}
