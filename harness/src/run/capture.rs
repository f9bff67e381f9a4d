//! Turns the `tracing` events of brokers and disks into the recording's trace events.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use highwater_checkers::trace::{DISK_TARGET, FieldValue, REPLICA_TARGET};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use highwater_workloads::scenario::Cluster;

use super::recorder::Recorder;
use crate::system::broker_id;

/// The subscriber of one run. It refuses every target but ours: a world may open a span for each host and tick.
pub(super) struct Capture {
    pub(super) recorder: Arc<Recorder>,
    pub(super) cluster: Cluster,
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && [REPLICA_TARGET, DISK_TARGET].contains(&metadata.target())
}

impl Subscriber for Capture {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_ours(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_ours(metadata)
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields { name: None, rest: Vec::with_capacity(12) };
        event.record(&mut fields);
        if event.metadata().target() == DISK_TARGET {
            fields.number_host(&self.cluster);
        }
        self.recorder.trace(fields.name.as_deref().unwrap_or("no event"), fields.rest);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        unreachable!("spans are not enabled")
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Fields {
    /// What the field `event` says.
    name: Option<String>,
    rest: Vec<(&'static str, FieldValue<'static>)>,
}

impl Fields {
    /// A disk knows its host by name, where a broker gives its id.
    fn number_host(&mut self, cluster: &Cluster) {
        for (name, value) in &mut self.rest {
            if *name == "broker"
                && let FieldValue::Str(host) = value
                && let Some(id) = host.parse().ok().and_then(|host| broker_id(cluster, host))
            {
                *value = FieldValue::Int(id.0.into());
            }
        }
    }

    fn text(&mut self, field: &Field, text: String) {
        match field.name() {
            "event" => self.name = Some(text),
            name => self.rest.push((name, FieldValue::Str(Cow::Owned(text)))),
        }
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.rest.push((field.name(), FieldValue::Int(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.rest.push((field.name(), FieldValue::Uint(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.rest.push((field.name(), FieldValue::Bool(value)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format!("{value:?}"));
    }
}
