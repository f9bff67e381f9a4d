//! Histories for fuzz tests: made up from a seed, whole in form, and then changed a little.
//!
//! [`history`] yields one in which every process behaves, though what it is told need not be possible;
//! [`mutate`] changes its events, [`splice`] the bytes of a text, [`input`] does all of it. The same seed yields
//! the same bytes anywhere.

use std::sync::Arc;

use super::edn::edn_text;
use super::{Actor, Datum, Event, Float, Format, History, Outcome, write_edn, write_json};
use crate::random::Stream;

/// How long an input is at most, in bytes.
pub(crate) const INPUT_MAX: usize = 4096;

/// How many events a history has at most.
const EVENTS_MAX: usize = 40;

/// What histories are made up from.
pub(crate) struct Random(Stream);

impl Random {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Stream(seed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.next()
    }

    /// A number from 0, below `limit`; 0 if that is 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    pub(crate) fn int(&mut self, limit: usize) -> i64 {
        self.below(limit) as i64
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// The object that a history is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// `read`, `write`, `cas`.
    Register,
    /// `get`, `put`, `append`, each with a key.
    KeyValue,
    /// `acquire`, `release`.
    Mutex,
    /// `enqueue`, `dequeue`.
    Queue,
    /// `add`, and a `read` of all.
    Set,
    /// `send` and `poll`.
    Log,
}

impl Object {
    pub(crate) const ALL: [Self; 6] =
        [Self::Register, Self::KeyValue, Self::Mutex, Self::Queue, Self::Set, Self::Log];

    fn functions(self) -> &'static [&'static str] {
        match self {
            Self::Register => &["read", "write", "cas"],
            Self::KeyValue => &["get", "put", "append"],
            Self::Mutex => &["acquire", "release"],
            Self::Queue => &["enqueue", "dequeue"],
            Self::Set => &["add", "add", "read"],
            Self::Log => &["send", "poll", "txn"],
        }
    }

    /// What is asked.
    fn argument(self, function: &str, fresh: i64, random: &mut Random) -> Datum {
        match function {
            "write" => Datum::Int(random.int(5)),
            "cas" => vector([Datum::Int(random.int(5)), Datum::Int(random.int(5))]),
            "put" | "append" => Datum::String(format!("x {fresh} y").into()),
            "enqueue" | "add" => Datum::Int(fresh),
            "send" => vector([send(fresh, random)]),
            "poll" => vector([vector([keyword("poll")])]),
            "txn" => vector([send(fresh, random), vector([keyword("poll")])]),
            _ => Datum::Nil,
        }
    }

    /// What comes back.
    fn result(self, function: &str, argument: &Datum, fresh: i64, random: &mut Random) -> Datum {
        let known = |random: &mut Random| random.int(usize::try_from(fresh).unwrap_or(0) + 1);
        match (self, function) {
            (Self::Register, "read") => Datum::Int(random.int(5)),
            (Self::Set, "read") => {
                vector((0..random.below(6)).map(|_| Datum::Int(known(random))).collect::<Vec<_>>())
            }
            (_, "get") => Datum::String(format!("x {} y", known(random)).into()),
            (_, "dequeue") => Datum::Int(known(random)),
            (Self::Log, _) => match argument {
                Datum::Vector(steps) => {
                    let steps: Vec<Datum> = steps.iter().map(|step| done(step, fresh, random)).collect();
                    vector(steps)
                }
                other => other.clone(),
            },
            _ => argument.clone(),
        }
    }
}

fn vector(elements: impl Into<Arc<[Datum]>>) -> Datum {
    Datum::Vector(elements.into())
}

fn keyword(name: &str) -> Datum {
    Datum::Keyword(name.into())
}

fn partition(random: &mut Random) -> Datum {
    keyword(random.pick(&["x", "y"]))
}

fn send(value: i64, random: &mut Random) -> Datum {
    vector([keyword("send"), partition(random), Datum::Int(value)])
}

/// A step of a log's operation, with what came back.
fn done(step: &Datum, fresh: i64, random: &mut Random) -> Datum {
    let Datum::Vector(step) = step else { return step.clone() };
    match &**step {
        [send, partition, value] => {
            let sent = vector([Datum::Int(random.int(8)), value.clone()]);
            vector([send.clone(), partition.clone(), sent])
        }
        _ => {
            let records: Vec<Datum> = (0..random.int(4))
                .map(|offset| vector([Datum::Int(offset), Datum::Int(random.int(fresh as usize + 1))]))
                .collect();
            let reads = [(partition(random), vector(records))];
            vector([keyword("poll"), Datum::Map(reads.into())])
        }
    }
}

/// A history in which every process behaves.
pub(crate) fn history(random: &mut Random, object: Object) -> History {
    let lanes = 1 + random.below(5);
    let mut processes: Vec<i64> = (0..).take(lanes).collect();
    let mut open: Vec<Option<Event>> = vec![None; lanes];
    let mut history = History::default();
    for place in 0..random.below(EVENTS_MAX) {
        let lane = random.below(lanes);
        let (time, fresh) = (Some(place as i64 * 1_000), place as i64);
        let event = if random.one_in(20) {
            event(Actor::Named("nemesis".into()), Outcome::Info, "start", Datum::Nil)
        } else if let Some(mut event) = open[lane].take() {
            let outcomes = [Outcome::Ok, Outcome::Ok, Outcome::Ok, Outcome::Fail, Outcome::Info];
            event.outcome = random.pick(&outcomes);
            if event.outcome == Outcome::Ok {
                event.value = object.result(&event.function, &event.value, fresh, random);
            } else {
                event.error = Some(keyword("timed-out"));
            }
            if event.outcome == Outcome::Info {
                processes[lane] += lanes as i64;
            }
            event
        } else {
            let function = random.pick(object.functions());
            let argument = object.argument(function, fresh, random);
            let mut event = event(Actor::Process(processes[lane]), Outcome::Invoke, function, argument);
            if object == Object::KeyValue {
                event.key = Some(Datum::String(random.pick(&["0", "1"]).into()));
            }
            open[lane] = Some(event.clone());
            event
        };
        history.events.push(Event { index: place as u64, time, ..event });
    }
    history
}

fn event(process: Actor, outcome: Outcome, function: &str, value: Datum) -> Event {
    Event {
        index: 0,
        line: 0,
        time: None,
        process,
        outcome,
        function: function.into(),
        key: None,
        value,
        error: None,
        extra: Vec::new(),
    }
}

/// Changes one thing about the events.
pub(crate) fn mutate(random: &mut Random, history: &mut History) {
    let events = &mut history.events;
    if events.is_empty() {
        return;
    }
    let (at, other) = (random.below(events.len()), random.below(events.len()));
    match random.below(12) {
        0 => drop(events.remove(at)),
        1 => events.insert(other, events[at].clone()),
        2 => events.swap(at, other),
        3 => {
            events[at].outcome = random.pick(&[Outcome::Invoke, Outcome::Ok, Outcome::Fail, Outcome::Info]);
        }
        4 => events[at].process = events[other].process.clone(),
        5 => events[at].value = events[other].value.clone(),
        6 => events[at].value = datum(random, 3),
        7 => events[at].function = Arc::clone(&events[other].function),
        8 => events[at].key = events[other].key.clone(),
        9 => events[at].index = random.pick(&[0, other as u64, u64::MAX]),
        10 => {
            let process = random.pick(&[0, -1, i64::MAX, i64::MIN]);
            events[at].process = Actor::Process(process);
        }
        _ => events.truncate(at),
    }
}

/// Any value that EDN can write.
pub(crate) fn datum(random: &mut Random, depth: usize) -> Datum {
    let elements = |random: &mut Random| -> Arc<[Datum]> {
        (0..random.below(4)).map(|_| datum(random, depth - 1)).collect()
    };
    match random.below(if depth == 0 { 9 } else { 14 }) {
        0 => Datum::Nil,
        1 => Datum::Bool(random.one_in(2)),
        2 => Datum::Int(random.int(6)),
        3 => Datum::Int(random.pick(&[-1, i64::MAX, i64::MIN, 1 << 62])),
        4 => Datum::Number(random.pick(&["1/3", "12N", "1.5M", "9223372036854775808"]).into()),
        5 => Datum::Float(Float(random.pick(&[0.0, -0.0, 1.5, 1e300, f64::INFINITY, f64::NAN]))),
        6 => Datum::String(random.pick(&["", "a", "x 1 y", "\"\\\n", "é😀\u{0}"]).into()),
        7 => keyword(random.pick(&["timed-out", "a/b", "send", "poll"])),
        8 => Datum::Char(random.pick(&['a', '\n', '}', 'é'])),
        9 => Datum::Symbol(random.pick(&["x", "->y"]).into()),
        10 => Datum::Vector(elements(random)),
        11 => Datum::List(elements(random)),
        12 => Datum::Set(elements(random)),
        _ => {
            let entries = (0..random.below(3)).map(|_| (datum(random, depth - 1), datum(random, depth - 1)));
            let map = Datum::Map(entries.collect());
            if random.one_in(3) { Datum::Tagged("a/tag".into(), Arc::new(map)) } else { map }
        }
    }
}

/// The history as a text; of what the format has no place for nothing is left.
pub(crate) fn text(history: &History, format: Format) -> Vec<u8> {
    let mut text = Vec::new();
    let written = match format {
        Format::Edn => write_edn(history, &mut text),
        Format::Json => write_json(history, &mut text),
        Format::JepsenLog | Format::Knossos => {
            for event in &history.events {
                let process = match &event.process {
                    Actor::Process(process) => process.to_string(),
                    Actor::Named(name) => format!(":{name}"),
                };
                let (outcome, function, value) =
                    (event.outcome.name(), &event.function, edn_text(&event.value));
                let error = event.error.as_ref().map(edn_text).unwrap_or_default();
                let line = if format == Format::Knossos {
                    format!("[{process} :{outcome} :{function} {value} {error}]\n")
                } else {
                    format!("INFO  jepsen.util - {process}\t:{outcome}\t:{function}\t{value}\t{error}\n")
                };
                text.extend_from_slice(line.as_bytes());
            }
            Ok(())
        }
    };
    written.expect("these histories can be written");
    text
}

/// What the texts of a format consist of.
pub(crate) fn alphabet(format: Format) -> &'static [&'static str] {
    match format {
        Format::Edn | Format::Knossos => &[
            "{",
            "}",
            "[",
            "]",
            "(",
            ")",
            "#{",
            "#_",
            "#",
            "^",
            ":",
            "\"",
            "\\",
            ";",
            "\n",
            " ",
            ",",
            "/",
            "-",
            "0",
            "1",
            "7",
            "N",
            "M",
            ".",
            "e",
            "##Inf",
            "nil",
            "true",
            ":type",
            ":invoke",
            ":ok",
            ":process",
            ":f",
            ":read",
            ":value",
            "#inst",
            "#:a",
            "a",
            "\\u00e9",
            "é",
            "\0",
            "{:process 0 :type :ok :f :a}",
            "[0 :ok :a 1]",
        ],
        Format::Json => &[
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "\\",
            "\n",
            " ",
            "-",
            "0",
            "1",
            "7",
            ".",
            "e",
            "+",
            "null",
            "true",
            "false",
            "\"type\":",
            "\"ok\"",
            "\"process\":",
            "\"f\":",
            "\"value\":",
            "a",
            "\\u00e9",
            "\\ud83d",
            "é",
            "\0",
            "{\"process\":0,\"type\":\"ok\",\"f\":\"a\"}",
        ],
        Format::JepsenLog => &[
            "\t",
            "\n",
            "\r",
            " ",
            "INFO  jepsen.util - ",
            "0",
            "7",
            "-",
            ":",
            ":invoke",
            ":ok",
            ":info",
            ":nemesis",
            ":read",
            "nil",
            "[",
            "]",
            "\"",
            "{",
            "}",
            ";",
            "#_",
            "é",
            "\0",
            "0\t:ok\t:read\t1\n",
        ],
    }
}

/// Changes the bytes in one place.
pub(crate) fn splice(random: &mut Random, bytes: &mut Vec<u8>, format: Format) {
    let from = random.below(bytes.len() + 1);
    let until = (from + random.below(12)).min(bytes.len());
    match random.below(6) {
        0 => drop(bytes.drain(from..until)),
        1 => bytes.truncate(from),
        2 => {
            let copy = bytes[from..until].to_vec();
            let to = random.below(bytes.len() + 1);
            bytes.splice(to..to, copy);
        }
        3 => bytes[from..until].reverse(),
        4 => {
            let byte = random.next() as u8;
            bytes.splice(from..until.min(from + 1), [byte]);
        }
        _ => {
            let word = random.pick(alphabet(format));
            bytes.splice(from..until.min(from + random.below(2)), word.bytes());
        }
    }
}

/// A text of at most [`INPUT_MAX`] bytes: a whole history that was changed here and there. In half of them the
/// changes leave the form whole.
pub(crate) fn input(random: &mut Random, format: Format) -> Vec<u8> {
    let object = random.pick(&Object::ALL);
    let mut history = history(random, object);
    for _ in 0..random.below(5) {
        mutate(random, &mut history);
    }
    let mut bytes = text(&history, format);
    while bytes.len() > INPUT_MAX {
        history.events.pop();
        bytes = text(&history, format);
    }
    if random.one_in(2) {
        for _ in 0..=random.below(3) {
            splice(random, &mut bytes, format);
        }
    }
    bytes.truncate(INPUT_MAX);
    bytes
}
