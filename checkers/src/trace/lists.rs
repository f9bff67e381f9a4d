//! The lists that a trace event holds in one text field: batches of a log, and entries of its epoch cache.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::str::FromStr;

use super::fields::{Field, FieldValue, Fields, TraceError};
use crate::ids::{LeaderEpoch, Offset, ParseIdError};

/// A batch of records, as a log holds it; in a text `base:count:epoch:crc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The first record's offset.
    pub base: Offset,
    /// How many records.
    pub count: u32,
    /// The leader epoch in the batch.
    pub epoch: LeaderEpoch,
    /// CRC-32C over its bytes, not the one in the header.
    pub crc: u32,
}

/// An entry of a leader-epoch cache; in a text `epoch:start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochStart {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// The first offset in it.
    pub start: Offset,
}

impl Batch {
    /// The offset after the last record's.
    pub fn end(&self) -> Offset {
        self.base.plus(self.count.into())
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.base, self.count, self.epoch, self.crc)
    }
}

impl fmt::Display for EpochStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.start)
    }
}

impl FromStr for Batch {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let parsed = Self::parse(text.split(':'));
        parsed.ok_or_else(|| ParseIdError::new(text, "batch like `0:2:0:4157704578`"))
    }
}

impl Batch {
    fn parse<'a>(mut parts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let batch = Self {
            base: Offset(number(parts.next())?),
            count: number(parts.next())?,
            epoch: LeaderEpoch(number(parts.next())?),
            crc: number(parts.next())?,
        };
        parts.next().is_none().then_some(batch)
    }
}

impl FromStr for EpochStart {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let parsed = Self::parse(text.split(':'));
        parsed.ok_or_else(|| ParseIdError::new(text, "epoch and its start like `0:0`"))
    }
}

impl EpochStart {
    fn parse<'a>(mut parts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let entry = Self { epoch: LeaderEpoch(number(parts.next())?), start: Offset(number(parts.next())?) };
        parts.next().is_none().then_some(entry)
    }
}

fn number<N: FromStr>(text: Option<&str>) -> Option<N> {
    text?.parse().ok()
}

macro_rules! list_field {
    ($($item:ty, $wanted:literal;)+) => {$(
        impl Field for Box<[$item]> {
            fn take(fields: &mut Fields<'_>, name: &'static str) -> Result<Self, TraceError> {
                let text = fields.text(name)?;
                let items = text.split(',').filter(|item| !item.is_empty()).map(str::parse);
                let items: Result<Self, ParseIdError> = items.collect();
                items.map_err(|_| fields.wrong(name, &FieldValue::Str(text.clone()), $wanted))
            }

            fn put<'a>(&'a self, name: &'static str, fields: &mut Vec<(&'static str, FieldValue<'a>)>) {
                let mut text = String::with_capacity(self.len() * 24);
                for item in self {
                    if !text.is_empty() {
                        text.push(',');
                    }
                    let _ = write!(text, "{item}");
                }
                fields.push((name, FieldValue::Str(Cow::Owned(text))));
            }
        }
    )+};
}

list_field! {
    Batch, "batches like `0:2:0:4157704578` joined by commas";
    EpochStart, "epochs and their starts like `0:0` joined by commas";
}
