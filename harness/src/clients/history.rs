//! The history: every operation at its invocation and at its completion, handed on as it happens.

use std::sync::{Arc, Mutex};

use highwater_checkers::ids::{ClientId, OperationIndex, Process, Time};
use highwater_checkers::operation::{Body, Operation, Outcome, Phase};

/// Numbers operations, stamps them with the time, and hands them to the run. All clones are one history.
#[derive(Clone)]
pub struct History {
    clock: Arc<dyn Fn() -> Time + Send + Sync>,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    next: u64,
    sink: Box<dyn FnMut(Operation) + Send>,
}

impl History {
    /// A history whose times are the `clock`'s, and whose operations go to `sink` in their order.
    pub fn new(
        clock: impl Fn() -> Time + Send + Sync + 'static,
        sink: impl FnMut(Operation) + Send + 'static,
    ) -> Self {
        let inner = Inner { next: 0, sink: Box::new(sink) };
        Self { clock: Arc::new(clock), inner: Arc::new(Mutex::new(inner)) }
    }

    /// The time now.
    pub fn now(&self) -> Time {
        (self.clock)()
    }

    fn record(&self, lane: &Lane, phase: Phase, outcome: Outcome, body: Body, error: Option<Arc<str>>) {
        let mut inner = self.inner.lock().expect("the sink does not panic");
        let index = OperationIndex(inner.next);
        inner.next += 1;
        let (process, client) = (lane.process, lane.client);
        (inner.sink)(Operation { index, time: self.now(), process, client, outcome, phase, body, error });
    }
}

/// One lane of a client: at any time one process, with one outstanding operation at most.
pub(super) struct Lane {
    history: History,
    client: ClientId,
    process: Process,
    /// How far a process is from its successor: no two lanes ever share a process.
    stride: u64,
    outstanding: Option<Phase>,
}

impl Lane {
    /// The lane of `client` whose first process is `process`; each successor's number is `stride` higher.
    pub(super) fn new(history: History, client: ClientId, process: Process, stride: u64) -> Self {
        assert!(process.0 < stride, "{process} would be the successor of another lane's process");
        Self { history, client, process, stride, outstanding: None }
    }

    /// The time now.
    pub(super) fn now(&self) -> Time {
        self.history.now()
    }

    /// Records that an operation begins.
    pub(super) fn invoke(&mut self, phase: Phase, body: Body) {
        assert!(self.outstanding.is_none(), "{} has an operation outstanding", self.process);
        self.outstanding = Some(phase);
        self.history.record(self, phase, Outcome::Invoke, body, None);
    }

    /// Records how the outstanding operation ended. An indeterminate one closes the process.
    pub(super) fn complete(&mut self, outcome: Outcome, body: Body, error: Option<Arc<str>>) {
        assert!(outcome != Outcome::Invoke, "an invocation completes nothing");
        let phase = self.outstanding.take().expect("an operation is outstanding");
        self.history.record(self, phase, outcome, body, error);
        if outcome == Outcome::Info {
            self.process = Process(self.process.0 + self.stride);
        }
    }

    /// Records an operation that takes no time and cannot fail.
    pub(super) fn note(&mut self, phase: Phase, body: Body) {
        self.invoke(phase, body.clone());
        self.complete(Outcome::Ok, body, None);
    }
}
