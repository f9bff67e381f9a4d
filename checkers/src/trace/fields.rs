//! The plain fields of a trace event: numbers, truths and texts, as `tracing` carries them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::ids::{
    BrokerEpoch, BrokerId, ControllerEpoch, LeaderEpoch, Offset, PartitionEpoch, TopicPartition,
};
use crate::operation::Acks;

/// The value of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// A signed number.
    Int(i64),
    /// An unsigned number.
    Uint(u64),
    /// A truth.
    Bool(bool),
    /// A text.
    Str(Cow<'a, str>),
}

impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Uint(number) => write!(f, "{number}"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Str(text) => write!(f, "`{text}`"),
        }
    }
}

/// Why fields make no trace event.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TraceError {
    /// No event has this name.
    #[error("unknown trace event `{0}`; docs/trace-events.md lists the known ones")]
    UnknownEvent(String),
    /// The event has no such field.
    #[error("trace event `{event}` has no field `{field}`")]
    UnknownField {
        /// The event's name.
        event: &'static str,
        /// The field that it does not have.
        field: String,
    },
    /// A field of the event was not given.
    #[error("trace event `{event}` lacks its field `{field}`")]
    MissingField {
        /// The event's name.
        event: &'static str,
        /// The field that is missing.
        field: &'static str,
    },
    /// A field's value is of another kind or out of range.
    #[error("trace event `{event}`: field `{field}` is {value}, not {wanted}")]
    WrongValue {
        /// The event's name.
        event: &'static str,
        /// The field.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What it should hold.
        wanted: &'static str,
    },
}

/// The fields of one event while it is taken apart; each is taken once.
pub(super) struct Fields<'a> {
    event: &'static str,
    left: Vec<(&'a str, FieldValue<'a>)>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(event: &'static str, fields: Vec<(&'a str, FieldValue<'a>)>) -> Self {
        Self { event, left: fields }
    }

    pub(super) fn take<F: Field>(&mut self, name: &'static str) -> Result<F, TraceError> {
        F::take(self, name)
    }

    /// Refuses what nobody took.
    pub(super) fn finish(self) -> Result<(), TraceError> {
        match self.left.first() {
            None => Ok(()),
            Some((field, _)) => {
                Err(TraceError::UnknownField { event: self.event, field: (*field).to_owned() })
            }
        }
    }

    fn value(&mut self, field: &'static str) -> Result<FieldValue<'a>, TraceError> {
        match self.left.iter().position(|(name, _)| *name == field) {
            Some(index) => Ok(self.left.swap_remove(index).1),
            None => Err(TraceError::MissingField { event: self.event, field }),
        }
    }

    pub(super) fn wrong(
        &self,
        field: &'static str,
        value: &FieldValue<'_>,
        wanted: &'static str,
    ) -> TraceError {
        TraceError::WrongValue { event: self.event, field, value: value.to_string(), wanted }
    }

    fn number<N: TryFrom<i64> + TryFrom<u64>>(&mut self, field: &'static str) -> Result<N, TraceError> {
        let value = self.value(field)?;
        let number = match &value {
            FieldValue::Int(number) => N::try_from(*number).ok(),
            FieldValue::Uint(number) => N::try_from(*number).ok(),
            FieldValue::Bool(_) | FieldValue::Str(_) => None,
        };
        number.ok_or_else(|| self.wrong(field, &value, "a number in range"))
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<Cow<'a, str>, TraceError> {
        match self.value(field)? {
            FieldValue::Str(text) => Ok(text),
            value => Err(self.wrong(field, &value, "a text")),
        }
    }
}

/// What a field of a trace event may be: how it is read from plain fields, and written as them.
pub(super) trait Field: Sized {
    fn take(fields: &mut Fields<'_>, name: &'static str) -> Result<Self, TraceError>;
    fn put<'a>(&'a self, name: &'static str, fields: &mut Vec<(&'static str, FieldValue<'a>)>);
}

macro_rules! number_field {
    ($($number:ty => $variant:ident),+) => {$(
        impl Field for $number {
            fn take(fields: &mut Fields<'_>, name: &'static str) -> Result<Self, TraceError> {
                fields.number(name)
            }

            fn put<'a>(&'a self, name: &'static str, fields: &mut Vec<(&'static str, FieldValue<'a>)>) {
                fields.push((name, FieldValue::$variant((*self).into())));
            }
        }
    )+};
}

macro_rules! id_field {
    ($($id:ident),+) => {$(
        impl Field for $id {
            fn take(fields: &mut Fields<'_>, name: &'static str) -> Result<Self, TraceError> {
                fields.number(name).map($id)
            }

            fn put<'a>(&'a self, name: &'static str, fields: &mut Vec<(&'static str, FieldValue<'a>)>) {
                fields.push((name, FieldValue::Int(self.0.into())));
            }
        }
    )+};
}

number_field!(i64 => Int, u32 => Uint, u64 => Uint);
id_field!(BrokerId, BrokerEpoch, ControllerEpoch, LeaderEpoch, Offset, PartitionEpoch);

impl Field for bool {
    fn take(fields: &mut Fields<'_>, name: &'static str) -> Result<Self, TraceError> {
        match fields.value(name)? {
            FieldValue::Bool(truth) => Ok(truth),
            value => Err(fields.wrong(name, &value, "true or false")),
        }
    }

    fn put<'a>(&'a self, name: &'static str, fields: &mut Vec<(&'static str, FieldValue<'a>)>) {
        fields.push((name, FieldValue::Bool(*self)));
    }
}

impl Field for Arc<str> {
    fn take(fields: &mut Fields<'_>, name: &'static str) -> Result<Self, TraceError> {
        fields.text(name).map(Self::from)
    }

    fn put<'a>(&'a self, name: &'static str, fields: &mut Vec<(&'static str, FieldValue<'a>)>) {
        fields.push((name, FieldValue::Str(Cow::Borrowed(self))));
    }
}

/// A broker that may be none: -1.
impl Field for Option<BrokerId> {
    fn take(fields: &mut Fields<'_>, name: &'static str) -> Result<Self, TraceError> {
        let id: i32 = fields.number(name)?;
        Ok((id != -1).then_some(BrokerId(id)))
    }

    fn put<'a>(&'a self, name: &'static str, fields: &mut Vec<(&'static str, FieldValue<'a>)>) {
        fields.push((name, FieldValue::Int(self.map_or(-1, |id| id.0.into()))));
    }
}

/// A set of brokers: their numbers joined by commas.
impl Field for Box<[BrokerId]> {
    fn take(fields: &mut Fields<'_>, name: &'static str) -> Result<Self, TraceError> {
        let text = fields.text(name)?;
        let ids =
            text.split(',').map(str::trim).filter(|id| !id.is_empty()).map(|id| id.parse().map(BrokerId));
        let wrong = |_| fields.wrong(name, &FieldValue::Str(text.clone()), "numbers joined by commas");
        ids.collect::<Result<Self, _>>().map_err(wrong)
    }

    fn put<'a>(&'a self, name: &'static str, fields: &mut Vec<(&'static str, FieldValue<'a>)>) {
        let ids: Vec<String> = self.iter().map(|id| id.0.to_string()).collect();
        fields.push((name, FieldValue::Str(Cow::Owned(ids.join(",")))));
    }
}

/// Acks: the protocol's number.
impl Field for Acks {
    fn take(fields: &mut Fields<'_>, name: &'static str) -> Result<Self, TraceError> {
        let number = fields.number(name)?;
        Self::from_number(number).ok_or_else(|| fields.wrong(name, &FieldValue::Int(number), "0, 1 or -1"))
    }

    fn put<'a>(&'a self, name: &'static str, fields: &mut Vec<(&'static str, FieldValue<'a>)>) {
        fields.push((name, FieldValue::Int(self.number().into())));
    }
}

/// A partition: the two fields `topic` and `partition`.
impl Field for TopicPartition {
    fn take(fields: &mut Fields<'_>, _: &'static str) -> Result<Self, TraceError> {
        Ok(Self { topic: fields.take("topic")?, partition: fields.number("partition")? })
    }

    fn put<'a>(&'a self, _: &'static str, fields: &mut Vec<(&'static str, FieldValue<'a>)>) {
        fields.push(("topic", FieldValue::Str(Cow::Borrowed(&self.topic))));
        fields.push(("partition", FieldValue::Int(self.partition.into())));
    }
}
