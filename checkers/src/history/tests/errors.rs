//! What cannot be read is refused with the place, what is wrong, and what was expected.

use super::*;

#[track_caller]
fn assert_refused(format: Format, text: &str, expected: &str) {
    let error = format.read(text.as_bytes()).expect_err(text);
    assert_eq!(error.to_string(), expected, "{format}: {text}");
}

#[test]
fn edn_is_refused_with_the_place() {
    let cases = [
        (
            "{:process 0 :f :read}",
            "line 1, column 1: an event without `type`; expected invoke, ok, fail or info",
        ),
        (
            "\n {:type :ok :f :read}",
            "line 2, column 2: an event without `process`; expected a whole number, or a name like nemesis",
        ),
        (
            "{:process 0 :type :ok}",
            "line 1, column 1: an event without `f`; expected the name of what is done, like read",
        ),
        (
            "{:process 0 :f :read\n :type :okay}",
            "line 2, column 2: `type` is :okay; expected invoke, ok, fail or info",
        ),
        (
            "{:process [1] :type :ok :f :a}",
            "line 1, column 2: `process` is [1]; expected a whole number, or a name like nemesis",
        ),
        (
            "{:time 1.5 :type :ok :f :a}",
            "line 1, column 2: `time` is 1.5; expected nanoseconds, a whole number",
        ),
        ("{:index -2}", "line 1, column 2: `index` is -2; expected the event's number, from 0"),
        ("{:type :ok :type :info}", "line 1, column 12: `type` stands twice in one event; expected it once"),
        (
            "{:a 1}\n{:b [1 2}",
            "line 1, column 1: an event without `process`; expected a whole number, or a name like nemesis",
        ),
        ("{:b [1 2}", "line 1, column 9: found `}`, expected `]`, which ends this vector"),
        ("{:b é 1 2 )", "line 1, column 11: found `)`, expected `}`, which ends this map"),
        ("{:a", "line 1, column 4: found the end, expected a value"),
        ("{:a 1\n\n", "line 1, column 1: this map is never closed; expected `}` before the end"),
        ("{:a\n [1 (2", "line 2, column 5: this list is never closed; expected `)` before the end"),
        ("{:a #{1", "line 1, column 5: this set is never closed; expected `}` before the end"),
        ("{:a \"x\\", "line 1, column 5: this string is never closed; expected `\"` before the end"),
        ("{:a \"x\\\"", "line 1, column 5: this string is never closed; expected `\"` before the end"),
        ("[", "line 1, column 1: this vector is never closed; expected `]` before the end"),
        ("{:a}", "line 1, column 4: found `}`, expected a value"),
        ("{:a #_}", "line 1, column 7: found `}`, expected a value"),
        ("{:a 1x2 :b 3}", "line 1, column 5: `1x2` is no number"),
        ("{:a 1.5.2}", "line 1, column 5: `1.5.2` is no number"),
        ("{:a 1_}", "line 1, column 5: `1_` is no number"),
        ("{:a ##Foo}", "line 1, column 5: `##Foo` is no number; known are ##Inf, ##-Inf and ##NaN"),
        ("{:a \\foo}", "line 1, column 5: `foo` is no character"),
        ("{:a \\ud800}", "line 1, column 5: `ud800` is no character"),
        ("{:a \\ b}", "line 1, column 5: found `\\ b}`, expected a character like `\\a`"),
        ("{:a \"\\q\"}", "line 1, column 6: `\\q\"}` is no escape in a string"),
        ("{: 1}", "line 1, column 2: found `: 1}`, expected a keyword like `:ok`"),
        ("{:a #\"x\"}", "line 1, column 5: found `#\"x\"}`, expected a tag like `#inst`"),
        ("{:a @x}", "line 1, column 5: found `@x}`, expected a value"),
        ("[nil]", "line 1, column 2: found `nil]`, expected an event like `{:process 0, :type :invoke, …}`"),
        (
            "[[0 :ok :read 1]]",
            "line 1, column 2: found `[0 :ok :read 1]]`, expected an event like `{:process 0, :type :invoke, …}`",
        ),
        ("{:a #:b[1]}", "line 1, column 8: found `[1]}`, expected a map, whose keys have this namespace"),
        ("{:a \u{1}}", "line 1, column 5: found `\u{1}}`, expected a value"),
    ];
    for (text, expected) in cases {
        assert_refused(Format::Edn, text, expected);
    }
}

#[test]
fn json_is_refused_with_the_place() {
    let cases = [
        (
            "{\"process\":0,\"f\":\"read\"}",
            "line 1, column 1: an event without `type`; expected invoke, ok, fail or info",
        ),
        ("{\"type\":\"no\"}", "line 1, column 2: `type` is \"no\"; expected invoke, ok, fail or info"),
        ("{\"a\":1", "line 1, column 1: this object is never closed; expected `}` before the end"),
        ("[{\"a\":[1,", "line 1, column 7: this array is never closed; expected `]` before the end"),
        (
            "[1]",
            "line 1, column 2: found `1]`, expected an event like `{\"process\": 0, \"type\": \"invoke\", …}`",
        ),
        ("{\"a\":[1,]}", "line 1, column 9: found `]}`, expected a value"),
        ("{\"a\":1,}", "line 1, column 8: found `}`, expected a name in quotes"),
        ("{\"a\" 1}", "line 1, column 6: found `1}`, expected `:` behind a name"),
        ("{\"a\":[1 2]}", "line 1, column 9: found `2]}`, expected `,` or `]`"),
        ("{\"a\":nul}", "line 1, column 6: found `nul}`, expected a value"),
        (
            "{\"a\":\"b\nc\"}",
            "line 1, column 8: found the end of the line, expected the end of a string, `\"`, or an escape like `\\n`",
        ),
        ("{\"a\":\"b", "line 1, column 6: this string is never closed; expected `\"` before the end"),
        ("{\"a\":\"\\u12\"}", "line 1, column 7: `\\u12\"}` is no escape in a string"),
    ];
    for (text, expected) in cases {
        assert_refused(Format::Json, text, expected);
    }
}

#[test]
fn logs_and_tuples_are_refused_with_the_place() {
    assert_refused(
        Format::JepsenLog,
        "INFO  jepsen.util - 4\t:invoke\t:read\tnil\nINFO  jepsen.util - 4\t:wat\t:read\t3",
        "line 2, column 23: `type` is :wat; expected invoke, ok, fail or info",
    );
    assert_refused(
        Format::JepsenLog,
        "4\t:invoke",
        "line 1, column 1: an event without `f`; expected the name of what is done, like read",
    );
    assert_refused(
        Format::JepsenLog,
        "4\t:invoke\t:write\t[1\n4\t:ok\t:write\t1",
        "line 1, column 18: this vector is never closed; expected `]` before the end",
    );
    assert_refused(
        Format::JepsenLog,
        "4\t:invoke\t:write\t[1] 2\tnil",
        "line 1, column 22: found `2`, expected a tab before the next column",
    );
    assert_refused(
        Format::JepsenLog,
        "nothing\nhere",
        "line 1, column 1: no line of this log tells an operation; expected some like \
         `INFO  jepsen.util - 4<TAB>:invoke<TAB>:write<TAB>3`, but it begins with `nothing`",
    );
    assert_refused(
        Format::Knossos,
        "[0 :invoke :read nil nil 5]",
        "line 1, column 26: found `5]`, expected the tuple's end: it has five elements already",
    );
    assert_refused(
        Format::Knossos,
        "[0]",
        "line 1, column 1: an event without `type`; expected invoke, ok, fail or info",
    );
    assert_refused(
        Format::Knossos,
        "[[0 :invoke :read nil] 7]",
        "line 1, column 24: found `7]`, expected a tuple like `[0 :invoke :read nil]`",
    );
}

#[test]
fn what_is_no_history_at_all_is_refused() {
    let refused = |input: &[u8]| History::read(input).expect_err("is none").to_string();
    let text = refused(b"\n%PDF-1.4 and more");
    assert!(text.starts_with("line 2, column 1: `%PDF-1.4 and more` begins no history; expected"), "{text}");
    let text = refused(b"a,b,c\n1,2,3\n");
    assert!(text.starts_with("line 1, column 1: `a,b,c` begins no history"), "{text}");
    let text = refused("x".repeat(1000).as_bytes());
    assert!(text.starts_with(&format!("line 1, column 1: `{}…` begins", "x".repeat(40))), "{text}");
    let expected = "this is not UTF-8; expected a text file: is it compressed, or binary?";
    assert_eq!(refused(b"{:a 1}\n\x1F\x8B\x08"), format!("line 2, column 2: {expected}"));
    for format in Format::ALL {
        let error = format.read(b"\xEF\xBB\xBF{\xFF").expect_err("is no text");
        assert_eq!(error.to_string(), format!("line 1, column 2: {expected}"));
    }
}

#[test]
fn nesting_has_a_limit() {
    let nested = |open: &str, depth: usize, close: &str, inside: &str| {
        format!("{}{inside}{}", open.repeat(depth), close.repeat(depth))
    };
    let edn = |value: &str| format!("{{:process 0 :type :ok :f :read :value {value}}}");
    let json = |value: &str| format!(r#"{{"process":0,"type":"ok","f":"read","value":{value}}}"#);
    for (open, close) in
        [("[", "]"), ("(", ")"), ("#{", "}"), ("{1 ", "}"), ("#a ", ""), ("^a ", ""), ("#:n{:b ", "}")]
    {
        read(Format::Edn, &edn(&nested(open, 128, close, "1")));
        for depth in [129, 100_000] {
            let error =
                Format::Edn.read(edn(&nested(open, depth, close, "1")).as_bytes()).expect_err("too deep");
            let expected = "nested more than 128 levels deep; expected fewer: is something never closed?";
            assert_eq!(error.problem.to_string(), expected, "{open}");
        }
    }
    for discards in ["#_".repeat(100_000), "#_[".repeat(100_000), "^".repeat(100_000)] {
        for format in Format::ALL {
            assert!(format.read(discards.as_bytes()).is_err());
        }
        assert!(History::read(discards.as_bytes()).is_err());
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        read(Format::Json, &json(&nested(open, 128, close, "1")));
        for depth in [129, 100_000] {
            assert!(Format::Json.read(json(&nested(open, depth, close, "1")).as_bytes()).is_err());
        }
    }
    let tags = format!("{}{}", "#a ".repeat(100_000), edn("1"));
    assert_eq!(read(Format::Edn, &tags).events.len(), 1);
}
