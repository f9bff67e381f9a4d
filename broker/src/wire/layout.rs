//! The shapes of the requests, walked before anything is decoded.
//!
//! The generated decoders allocate what an array's length says before they read its elements, so that a
//! corrupt length aborts the process. The walk here follows every length and refuses one that the frame
//! cannot hold.

/// One field of a flexible version.
enum Field {
    /// A number, a boolean or an id, by its size in bytes.
    Fixed(usize),
    /// A compact string or compact bytes, nullable or not.
    Text,
    /// A compact array of structures.
    Array(&'static Shape),
    /// A compact array of numbers or ids.
    Numbers(usize),
    /// A structure in place.
    Struct(&'static Shape),
}

use Field::{Array, Fixed, Numbers, Struct, Text};

/// A structure: its fields, and those of its tagged fields that the decoder knows.
pub(super) struct Shape {
    fields: &'static [Field],
    tags: &'static [(u32, Field)],
}

const fn shape(fields: &'static [Field]) -> Shape {
    Shape { fields, tags: &[] }
}

/// The shape of a request of the API `key`, or `None` for an API that the broker does not answer.
pub(super) fn of(key: i16) -> Option<&'static Shape> {
    Some(match key {
        0 => &PRODUCE,
        1 => &FETCH,
        2 => &LIST_OFFSETS,
        3 => &METADATA,
        18 => &API_VERSIONS,
        19 => &CREATE_TOPICS,
        20 => &DELETE_TOPICS,
        23 => &OFFSET_FOR_LEADER_EPOCH,
        56 => &ALTER_PARTITION,
        62 => &BROKER_REGISTRATION,
        63 => &BROKER_HEARTBEAT,
        _ => return None,
    })
}

static PRODUCE: Shape = shape(&[Text, Fixed(2), Fixed(4), Array(&PRODUCE_TOPIC)]);
static PRODUCE_TOPIC: Shape = shape(&[Text, Array(&PRODUCE_PARTITION)]);
static PRODUCE_PARTITION: Shape = shape(&[Fixed(4), Text]);

static FETCH: Shape = Shape {
    fields: &[Fixed(4 + 4 + 4 + 1 + 4 + 4), Array(&FETCH_TOPIC), Array(&FORGOTTEN_TOPIC), Text],
    tags: &[(0, Text), (1, Struct(&REPLICA_STATE))],
};
static FETCH_TOPIC: Shape = shape(&[Fixed(16), Array(&FETCH_PARTITION)]);
static FETCH_PARTITION: Shape = shape(&[Fixed(4 + 4 + 8 + 4 + 8 + 4)]);
static FORGOTTEN_TOPIC: Shape = shape(&[Fixed(16), Numbers(4)]);
static REPLICA_STATE: Shape = shape(&[Fixed(4 + 8)]);

static LIST_OFFSETS: Shape = shape(&[Fixed(4 + 1), Array(&LIST_OFFSETS_TOPIC)]);
static LIST_OFFSETS_TOPIC: Shape = shape(&[Text, Array(&LIST_OFFSETS_PARTITION)]);
static LIST_OFFSETS_PARTITION: Shape = shape(&[Fixed(4 + 4 + 8)]);

static METADATA: Shape = shape(&[Array(&METADATA_TOPIC), Fixed(1 + 1)]);
static METADATA_TOPIC: Shape = shape(&[Fixed(16), Text]);

static API_VERSIONS: Shape = shape(&[Text, Text]);

static CREATE_TOPICS: Shape = shape(&[Array(&CREATABLE_TOPIC), Fixed(4 + 1)]);
static CREATABLE_TOPIC: Shape =
    shape(&[Text, Fixed(4 + 2), Array(&CREATABLE_ASSIGNMENT), Array(&CREATABLE_CONFIG)]);
static CREATABLE_ASSIGNMENT: Shape = shape(&[Fixed(4), Numbers(4)]);
static CREATABLE_CONFIG: Shape = shape(&[Text, Text]);

static DELETE_TOPICS: Shape = shape(&[Array(&DELETABLE_TOPIC), Fixed(4)]);
static DELETABLE_TOPIC: Shape = shape(&[Text, Fixed(16)]);

static OFFSET_FOR_LEADER_EPOCH: Shape = shape(&[Fixed(4), Array(&EPOCH_TOPIC)]);
static EPOCH_TOPIC: Shape = shape(&[Text, Array(&EPOCH_PARTITION)]);
static EPOCH_PARTITION: Shape = shape(&[Fixed(4 + 4 + 4)]);

static ALTER_PARTITION: Shape = shape(&[Fixed(4 + 8), Array(&ALTER_TOPIC)]);
static ALTER_TOPIC: Shape = shape(&[Fixed(16), Array(&ALTER_PARTITION_DATA)]);
static ALTER_PARTITION_DATA: Shape = shape(&[Fixed(4 + 4), Array(&ISR_MEMBER), Fixed(1 + 4)]);
static ISR_MEMBER: Shape = shape(&[Fixed(4 + 8)]);

static BROKER_REGISTRATION: Shape = shape(&[
    Fixed(4),
    Text,
    Fixed(16),
    Array(&LISTENER),
    Array(&FEATURE),
    Text,
    Fixed(1),
    Numbers(16),
    Fixed(8),
]);
static LISTENER: Shape = shape(&[Text, Text, Fixed(2 + 2)]);
static FEATURE: Shape = shape(&[Text, Fixed(2 + 2)]);

static BROKER_HEARTBEAT: Shape = Shape { fields: &[Fixed(4 + 8 + 8 + 1 + 1)], tags: &[(0, Numbers(16))] };

/// Bytes that are left to walk.
pub(super) struct Walk<'a>(pub(super) &'a [u8]);

impl Walk<'_> {
    /// Walks one structure; `None` when the bytes do not hold what their lengths say.
    pub(super) fn structure(&mut self, shape: &Shape) -> Option<()> {
        for field in shape.fields {
            self.field(field)?;
        }
        let tags = self.varint()?;
        for _ in 0..tags {
            let (tag, size) = (self.varint()?, self.varint()? as usize);
            let mut value = Walk(self.0.get(..size)?);
            self.skip(size)?;
            if let Some((_, field)) = shape.tags.iter().find(|(known, _)| *known == tag) {
                value.field(field)?;
            }
        }
        Some(())
    }

    fn field(&mut self, field: &Field) -> Option<()> {
        match field {
            Fixed(size) => self.skip(*size),
            // Both kinds of compact length are one more than the length, and zero for null.
            Text => {
                let length = self.varint()?.saturating_sub(1);
                self.skip(length as usize)
            }
            Numbers(size) => {
                let count = self.varint()?.saturating_sub(1);
                self.skip((count as usize).checked_mul(*size)?)
            }
            Array(shape) => {
                let count = self.varint()?.saturating_sub(1) as usize;
                // Every structure takes at least the byte that counts its tagged fields.
                if count > self.0.len() {
                    return None;
                }
                (0..count).try_for_each(|_| self.structure(shape))
            }
            Struct(shape) => self.structure(shape),
        }
    }

    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    pub(super) fn varint(&mut self) -> Option<u32> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            if shift == 28 && byte > 0x0f {
                return None;
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}
