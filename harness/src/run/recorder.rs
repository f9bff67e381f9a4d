//! The recording as it grows: on disk line by line, and in memory for the checkers and the nemesis.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufWriter;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use highwater_checkers::ids::Time;
use highwater_checkers::invariants::InvariantMonitor;
use highwater_checkers::monitor::Monitor;
use highwater_checkers::recording::{
    Ending, Event, Footer, Header, Mark, Recording, RecordingError, RecordingWriter, Stage,
};
use highwater_checkers::trace::{FieldValue, TraceEvent};
use highwater_checkers::verdict::Anomaly;

use crate::view::{Happening, View};

/// Everything that happens in a run goes through here, in its order.
///
/// The time of an event is that of the tick in which it happened: hosts take their turns within a tick, and
/// only the order in which events come in is the same for all of them.
pub(super) struct Recorder(Mutex<State>);

struct State {
    now: Time,
    writer: RecordingWriter<BufWriter<File>>,
    header: Header,
    events: Vec<Event>,
    view: View,
    happened: Vec<Happening>,
    /// Judges what is recorded, where the run is to end at the first violation.
    watch: Option<InvariantMonitor>,
    /// The first thing that went wrong; the run ends with it.
    error: Option<RecorderError>,
}

/// Why a recording cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecorderError {
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// A broker emitted an event that the vocabulary does not know.
    #[error("a trace event is not of the documented vocabulary: {0}")]
    Vocabulary(String),
}

impl Recorder {
    /// Begins a recording in `file`, which `watch` judges as it grows.
    pub(super) fn new(
        file: File,
        header: Header,
        watch: Option<InvariantMonitor>,
    ) -> Result<Self, RecordingError> {
        let writer = RecordingWriter::new(BufWriter::with_capacity(1 << 16, file), &header)?;
        Ok(Self(Mutex::new(State {
            now: Time(0),
            writer,
            header,
            events: Vec::new(),
            view: View::default(),
            happened: Vec::new(),
            watch,
            error: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A broker's panic is caught by its host's gate, perhaps while it told something.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time of what is recorded now.
    pub(super) fn now(&self) -> Time {
        self.state().now
    }

    /// A tick began.
    pub(super) fn set_now(&self, now: Time) {
        self.state().now = now;
    }

    /// Records an event.
    pub(super) fn event(&self, event: Event) {
        self.state().put(event);
    }

    /// Records that the run entered another part.
    pub(super) fn mark(&self, stage: Stage, note: Option<Arc<str>>) {
        let mut state = self.state();
        let time = state.now;
        state.put(Event::Mark(Mark { stage, time, note }));
    }

    /// Records what a broker or a disk told.
    pub(super) fn trace(&self, name: &str, fields: Vec<(&'static str, FieldValue<'static>)>) {
        let mut state = self.state();
        match TraceEvent::from_fields(state.now, name, fields) {
            Ok(event) => {
                let happened = state.view.observe(&event);
                state.happened.extend(happened);
                state.put(Event::Trace(event));
            }
            Err(error) => {
                state.error.get_or_insert(RecorderError::Vocabulary(error.to_string()));
            }
        }
    }

    /// What happened since the last call, in the words of scenarios.
    pub(super) fn take_happened(&self) -> Vec<Happening> {
        std::mem::take(&mut self.state().happened)
    }

    /// The cluster as the trace has told it so far.
    pub(super) fn view(&self) -> View {
        self.state().view.clone()
    }

    /// Asks something of the view without copying it.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&View) -> T) -> T {
        question(&self.state().view)
    }

    /// The first invariant that was broken, but for the `expected` ones; `None` also where nobody watches.
    pub(super) fn violation(&self, expected: &BTreeSet<String>) -> Option<Anomaly> {
        let state = self.state();
        let broken = state.watch.iter().flat_map(InvariantMonitor::findings);
        broken.map(|finding| finding.anomaly).find(|anomaly| !expected.contains(anomaly.name()))
    }

    /// What went wrong, once.
    pub(super) fn take_error(&self) -> Option<RecorderError> {
        self.state().error.take()
    }

    /// Ends the recording; with `totals` it is complete.
    pub(super) fn finish(self, totals: Option<BTreeMap<Arc<str>, u64>>) -> Result<Recording, RecorderError> {
        let State { now, mut writer, header, events, error, .. } =
            self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = error {
            return Err(error);
        }
        let ending = match totals {
            Some(totals) => Ending::Complete(end(writer, now, totals)?),
            None => {
                writer.flush()?;
                Ending::Incomplete { line: events.len() as u64 + 2 }
            }
        };
        Ok(Recording { header, events, ending })
    }
}

fn end(
    writer: RecordingWriter<BufWriter<File>>,
    now: Time,
    totals: BTreeMap<Arc<str>, u64>,
) -> Result<Footer, RecordingError> {
    let (_, footer) = writer.finish(now, totals)?;
    Ok(footer)
}

impl State {
    fn put(&mut self, event: Event) {
        if let Err(error) = self.writer.event(&event) {
            self.error.get_or_insert(error.into());
        }
        if let Some(watch) = &mut self.watch {
            watch.observe(&event);
        }
        self.events.push(event);
    }
}
