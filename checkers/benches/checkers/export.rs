//! Writes the histories that are measured, for other checkers to be measured on.
//!
//! `HIGHWATER_EXPORT=DIR cargo bench -p highwater-checkers` writes them and measures nothing; what is in the files
//! is told in `docs/benchmarks.md`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use highwater_checkers::history::{Actor, Datum, Event, History, Outcome, write_json};
use highwater_checkers::linearizability::log::{LogAction, LogHistory, ReadMode};
use highwater_checkers::linearizability::models::{KeyValueAction, RegisterAction};
use highwater_checkers::linearizability::queue::QueueAction;
use highwater_checkers::linearizability::{Op, register};
use highwater_checkers::recording;

use crate::generator::anomalies::{self, Fault};
use crate::generator::log::LogShape;
use crate::generator::{self, Size, log, queue, search};

/// What an operation is in a history: its function, the key that it is about, what it was asked with, and what
/// came out, if it returned.
struct Told {
    function: &'static str,
    key: Option<u32>,
    asked: Datum,
    result: Result<Datum, Datum>,
}

/// Writes every history that is measured into a folder. Those with more operations than `operations_max` are left
/// out.
pub(crate) fn all(folder: &Path, operations_max: usize) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let write = |name: String, history: &dyn Fn() -> History, operations: usize| {
        if operations > operations_max {
            return Ok(());
        }
        let file = File::create(folder.join(name))?;
        write_json(&history(), BufWriter::new(file))
    };
    for (place, ops) in search::etcd_like().iter().enumerate() {
        write(format!("etcd-like-{place:03}.jsonl"), &|| events(ops, cas_register), ops.len())?;
    }
    for size in search::REGISTERS {
        let Size { operations, clients, pending_percent } = size;
        let name = format!("cas-register-{clients}-clients-{operations}-pending-{pending_percent}.jsonl");
        write(name, &|| events(&search::register(search::SEED, size), cas_register), operations)?;
    }
    for size in search::KEY_VALUES {
        let Size { operations, clients, .. } = size;
        let good = || events(&search::key_value(search::SEED, size), key_value);
        write(format!("key-value-{clients}-clients-ok.jsonl"), &good, operations)?;
        let bad = || events(&search::spoiled(search::key_value(search::SEED, size)), key_value);
        write(format!("key-value-{clients}-clients-bad.jsonl"), &bad, operations)?;
    }
    for size in generator::exact() {
        let Size { operations, clients, pending_percent } = size;
        let name =
            |object| format!("{object}-{clients}-clients-{operations}-pending-{pending_percent}.jsonl");
        write(name("queue"), &|| events(&queue::history(size), fifo_queue), operations)?;
        write(
            name("register"),
            &|| events(&generator::register::history(size), unique_register),
            operations,
        )?;
    }
    for shape in LogShape::measured() {
        let LogShape { ops, clients, indeterminate, stale_end, .. } = shape;
        let kind = if stale_end { "stale-end" } else { "ok" };
        let name = format!("log-{clients}-clients-{ops}-indeterminate-{}-{kind}.jsonl", indeterminate / 10);
        write(name, &|| log_events(&log::history(&shape)), ops as usize)?;
    }
    for (count, fault) in anomalies::measured() {
        if count as usize <= operations_max {
            let kind = if fault == Fault::None { "ok" } else { "truncated" };
            let mut out = BufWriter::new(File::create(folder.join(format!("kafka-{count}-{kind}.jsonl")))?);
            for event in &anomalies::history(count, fault) {
                let recording::Event::Operation(operation) = event else { continue };
                serde_json::to_writer(&mut out, operation)?;
                out.write_all(b"\n")?;
            }
            out.flush()?;
        }
    }
    Ok(())
}

/// The calls and returns, each operation by a process that has nothing else outstanding. What never returned
/// ends in `info` at the end.
fn events<A>(ops: &[Op<A>], told: impl Fn(&A) -> Told) -> History {
    let mut happenings: Vec<_> = ops
        .iter()
        .enumerate()
        .flat_map(|(place, op)| [(op.interval.call, false, place), (op.interval.ret, true, place)])
        .collect();
    happenings.sort_unstable();
    let mut idle: Vec<i64> = Vec::new();
    let mut processes = vec![0; ops.len()];
    let mut next = 0;
    let mut history = History::default();
    for (moment, returns, place) in happenings {
        let Told { function, key, asked, result } = told(&ops[place].action);
        if !returns {
            processes[place] = idle.pop().unwrap_or_else(|| {
                next += 1;
                next - 1
            });
        }
        let process = processes[place];
        let (outcome, value) = match (returns, result) {
            (false, _) => (Outcome::Invoke, asked),
            (true, _) if !moment.is_some() => (Outcome::Info, asked),
            (true, Ok(value)) => (Outcome::Ok, value),
            (true, Err(value)) => (Outcome::Fail, value),
        };
        if returns && moment.is_some() {
            idle.push(process);
        }
        history.events.push(Event {
            index: history.events.len() as u64,
            line: 0,
            time: None,
            process: Actor::Process(process),
            outcome,
            function: function.into(),
            key: key.map(|key| Datum::String(key.to_string().into())),
            value,
            error: None,
            extra: Vec::new(),
        });
    }
    history
}

fn cas_register(action: &RegisterAction<u64>) -> Told {
    let int = |value: u64| Datum::Int(value as i64);
    match *action {
        RegisterAction::Read(value) => told("read", Datum::Nil, Ok(int(value))),
        RegisterAction::Write(value) => told("write", int(value), Ok(int(value))),
        RegisterAction::CompareAndSet { from, to } => {
            let pair = vector([int(from), int(to)]);
            told("cas", pair.clone(), Ok(pair))
        }
        // The new value is not kept of one that failed.
        RegisterAction::Differs(from) => {
            let pair = vector([int(from), int(0)]);
            told("cas", pair.clone(), Err(pair))
        }
    }
}

fn unique_register(action: &register::RegisterAction) -> Told {
    let int = |value: highwater_checkers::linearizability::ValueId| Datum::Int(value.0.into());
    match *action {
        register::RegisterAction::Read(value) => told("read", Datum::Nil, Ok(int(value))),
        register::RegisterAction::Write(value) => told("write", int(value), Ok(int(value))),
        register::RegisterAction::Cas { from, to } => {
            let pair = vector([int(from), int(to)]);
            told("cas", pair.clone(), Ok(pair))
        }
        register::RegisterAction::CasFailed { from, to } => {
            let pair = vector([int(from), int(to)]);
            told("cas", pair.clone(), Err(pair))
        }
    }
}

fn key_value(action: &KeyValueAction) -> Told {
    let text = |text: &str| Datum::String(text.into());
    let (key, told) = match action {
        KeyValueAction::Get { key, text: found } => (*key, told("get", Datum::Nil, Ok(text(found)))),
        KeyValueAction::Put { key, text: new } => (*key, told("put", text(new), Ok(text(new)))),
        KeyValueAction::Append { key, text: new } => (*key, told("append", text(new), Ok(text(new)))),
    };
    Told { key: Some(key), ..told }
}

fn fifo_queue(action: &QueueAction) -> Told {
    match *action {
        QueueAction::Enqueue(value) => {
            let value = Datum::Int(value.0.into());
            told("enqueue", value.clone(), Ok(value))
        }
        QueueAction::Dequeue(value) => told("dequeue", Datum::Nil, Ok(Datum::Int(value.0.into()))),
        QueueAction::DequeueEmpty => told("dequeue", Datum::Nil, Ok(Datum::Nil)),
        QueueAction::DequeueUnknown => told("dequeue", Datum::Nil, Ok(Datum::Nil)),
    }
}

/// `append`: the value, and then `[offset value]`; `read`: the offset, and then `[offset [values] whether that is
/// all there was]`; `end`: the end.
fn log_events(history: &LogHistory) -> History {
    let int = |value: i64| Datum::Int(value);
    events(&history.ops, |action| match *action {
        LogAction::AppendOk { value, offset } => {
            let place = offset.map_or(Datum::Nil, |offset| int(offset.0));
            told("append", int(value.0.into()), Ok(vector([place, int(value.0.into())])))
        }
        LogAction::AppendInfo { value } => told("append", int(value.0.into()), Ok(Datum::Nil)),
        LogAction::Read { from, values, mode } => {
            let values: Vec<_> =
                history.arena.values(values).iter().map(|value| int(value.0.into())).collect();
            let all = Datum::Bool(mode == ReadMode::Exact);
            told("read", int(from.0), Ok(vector([int(from.0), vector(values), all])))
        }
        LogAction::End(end) => told("end", Datum::Nil, Ok(int(end.0))),
        ref other => unreachable!("no history that is measured has {other:?}"),
    })
}

fn told(function: &'static str, asked: Datum, result: Result<Datum, Datum>) -> Told {
    Told { function, key: None, asked, result }
}

fn vector(elements: impl Into<Arc<[Datum]>>) -> Datum {
    Datum::Vector(elements.into())
}
