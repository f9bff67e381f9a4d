//! How events are judged: a monitor takes one at a time, and judging a recording is a fold.

use crate::recording::Event;

/// Watches a run, event by event, live or from a recording.
///
/// A monitor never panics, whatever it is shown: foreign histories are malformed in every way.
pub trait Monitor {
    /// What it has to say at the end.
    type Report;

    /// Takes the next event.
    fn observe(&mut self, event: &Event);

    /// Takes the end of the run.
    fn finish(self) -> Self::Report;

    /// Watches all of these events, and the end.
    fn fold<'a>(mut self, events: impl IntoIterator<Item = &'a Event>) -> Self::Report
    where
        Self: Sized,
    {
        for event in events {
            self.observe(event);
        }
        self.finish()
    }
}
