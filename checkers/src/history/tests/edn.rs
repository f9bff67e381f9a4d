//! Every form of EDN.

use std::sync::Arc;

use super::*;
use crate::history::Float;

/// The value that the text stands for.
#[track_caller]
fn value(text: &str) -> Datum {
    let text = format!("{{:process 0 :type :ok :f :read :value {text}\n}}");
    read(Format::Edn, &text).events.remove(0).value
}

fn number(digits: &str) -> Datum {
    Datum::Number(digits.into())
}

fn symbol(name: &str) -> Datum {
    Datum::Symbol(name.into())
}

fn tagged(tag: &str, value: Datum) -> Datum {
    Datum::Tagged(tag.into(), Arc::new(value))
}

#[test]
fn numbers_that_fit_are_numbers_and_others_keep_their_digits() {
    assert_eq!(value("-9223372036854775808"), Datum::Int(i64::MIN));
    assert_eq!(value("9223372036854775807"), Datum::Int(i64::MAX));
    assert_eq!(value("+7"), Datum::Int(7));
    assert_eq!(value("-0"), Datum::Int(0));
    for digits in
        ["9223372036854775808", "-9223372036854775809", "12N", "1.5M", "3M", "1/3", "-22/7", "1e999"]
    {
        assert_eq!(value(digits), number(digits));
    }
    for digits in ["0x1F", "2r101", "36rZZ", "017", "-08"] {
        assert_eq!(value(digits), number(digits));
    }
    assert_eq!(value("1.5"), Datum::Float(Float(1.5)));
    assert_eq!(value("-2.5e-3"), Datum::Float(Float(-0.0025)));
    assert_eq!(value("1E6"), Datum::Float(Float(1e6)));
    assert_eq!(value("2."), Datum::Float(Float(2.0)));
    assert_eq!(value("##Inf"), Datum::Float(Float(f64::INFINITY)));
    assert_eq!(value("##-Inf"), Datum::Float(Float(f64::NEG_INFINITY)));
    assert_eq!(value("##NaN"), Datum::Float(Float(f64::NAN)));
}

#[test]
fn words() {
    assert_eq!(value("nil"), Datum::Nil);
    assert_eq!(value("true"), Datum::Bool(true));
    assert_eq!(value("false"), Datum::Bool(false));
    for name in ["-", "+a", "nil?", "a.b/c", "fn--12", "->x", "jepsen.core$run_BANG_", "é", "*a*", ".5", "a'"]
    {
        assert_eq!(value(name), symbol(name));
    }
    assert_eq!(value(":timed-out"), keyword("timed-out"));
    assert_eq!(value(":jepsen.nemesis/start"), keyword("jepsen.nemesis/start"));
    assert_eq!(value("::a"), keyword(":a"));
    assert_eq!(value(":3"), keyword("3"));
}

#[test]
fn characters() {
    let cases = [
        ("\\a", 'a'),
        ("\\newline", '\n'),
        ("\\space", ' '),
        ("\\tab", '\t'),
        ("\\return", '\r'),
        ("\\backspace", '\u{8}'),
        ("\\formfeed", '\u{C}'),
        ("\\u00e9", 'é'),
        ("\\u", 'u'),
        ("\\o101", 'A'),
        ("\\o", 'o'),
        ("\\}", '}'),
        ("\\\\", '\\'),
        ("\\\"", '"'),
        ("\\,", ','),
        ("\\😀", '😀'),
    ];
    for (text, char) in cases {
        assert_eq!(value(text), Datum::Char(char), "{text}");
    }
    assert_eq!(value("[\\a\\b \\]]"), Datum::Vector(['a', 'b', ']'].map(Datum::Char).into()));
}

#[test]
fn strings() {
    assert_eq!(value(r#""""#), string(""));
    assert_eq!(value(r#""a ; b, {""#), string("a ; b, {"));
    assert_eq!(
        value(r#""\"\\\n\t\r\b\f\u00e9\ud83d\ude00\7\101\0""#),
        string("\"\\\n\t\r\u{8}\u{C}é😀\u{7}A\0")
    );
    assert_eq!(value("\"two\nlines\""), string("two\nlines"));
}

#[test]
fn collections() {
    assert_eq!(value("[1, [2 3],,]"), Datum::Vector([Datum::Int(1), vector([2, 3])].into()));
    assert_eq!(value("(1 :a)"), Datum::List([Datum::Int(1), keyword("a")].into()));
    assert_eq!(value("#{3 1}"), Datum::Set([Datum::Int(3), Datum::Int(1)].into()));
    assert_eq!(
        value("{1 [2], :a nil}"),
        Datum::Map([(Datum::Int(1), vector([2])), (keyword("a"), Datum::Nil)].into())
    );
    assert_eq!(value("[]"), vector([]));
    assert_eq!(value("#{}"), Datum::Set([].into()));
    let namespaced =
        [(keyword("n/a"), Datum::Int(1)), (keyword("b"), Datum::Int(2)), (keyword("c/d"), Datum::Int(3))];
    assert_eq!(value("#:n{:a 1 :_/b 2 :c/d 3}"), Datum::Map(namespaced.into()));
}

#[test]
fn tags_and_metadata() {
    assert_eq!(value("#inst \"2020\""), tagged("inst", string("2020")));
    assert_eq!(value("#a #b/c[1]"), tagged("a", tagged("b/c", vector([1]))));
    let object = [symbol("java.lang.Object"), number("0x2f"), string("x")];
    assert_eq!(value("#object[java.lang.Object 0x2f \"x\"]"), tagged("object", Datum::Vector(object.into())));
    assert_eq!(value("^{:line 3} [1]"), vector([1]));
    assert_eq!(value("^:a ^b [1 ^c 2]"), vector([1, 2]));
}

#[test]
fn what_is_discarded_and_commented_leaves_nothing() {
    assert_eq!(value("#_9 4"), Datum::Int(4));
    assert_eq!(value("#_ #_ 8 9 4"), Datum::Int(4));
    assert_eq!(value("[1 #_[2 #_3] #_#a 4]"), vector([1]));
    assert_eq!(value("[1 ; ] 2\n 3]"), vector([1, 3]));
    assert_eq!(value("{1 #_2 3 #_4}"), Datum::Map([(Datum::Int(1), Datum::Int(3))].into()));
}

#[test]
fn events_may_be_tagged_enclosed_spread_over_lines_and_several_a_line() {
    let one = "{:process 0 :type :ok :f :read :value 1}";
    let texts = [
        format!("{one}{one}"),
        format!("[{one}\n{one}]"),
        format!("({one},{one})"),
        format!("#jepsen.history.Op{one}\n#jepsen.history.Op {one}"),
        format!("[#a #b {one} ^{{:m 1}} {one}]"),
        format!("; said\n [ ; {{}}\n#_{one} {one} #_#_1 2 {one} #_ {{}} ]  ; end"),
        one.replace(' ', "\n").repeat(2),
        one.replace(' ', ",").repeat(2),
        one.replace(' ', "\r\n").repeat(2),
        format!("\u{FEFF}{one}{one}"),
        one.replace(":type", "^:m #_4 :type").repeat(2),
    ];
    for text in texts {
        let events = events(&text);
        assert_eq!(events.len(), 2, "{text}");
        for event in &events {
            assert_eq!(told(event), (Actor::Process(0), Outcome::Ok, "read".into(), Datum::Int(1)), "{text}");
        }
    }
}

#[test]
fn keys_stand_in_any_order_and_nil_is_absence() {
    let text = "{:value 1 :f :read :error nil :key nil :time nil :index nil :type :ok :process 0}";
    let event = events(text).remove(0);
    assert_eq!((event.index, event.time, event.key, event.error), (0, None, None, None));
}

#[test]
fn a_function_may_be_anything() {
    for (text, function) in
        [(":a/b", "a/b"), ("\"two words\"", "two words"), ("sym", "sym"), ("[:a 1]", "[:a 1]")]
    {
        let events = events(&format!("{{:process :nemesis :type :info :f {text}}}"));
        assert_eq!(&*events[0].function, function);
    }
}
