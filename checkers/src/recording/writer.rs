//! Writes a recording while its run goes on.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use serde::Serialize;

use super::{Event, Footer, Header, RecordingError, TraceHash};
use crate::ids::Time;

/// Streams a recording to `W`, line by line. Give it a buffered writer; nothing is kept but one line.
#[derive(Debug)]
pub struct RecordingWriter<W: Write> {
    output: W,
    line: Vec<u8>,
    checksum: u32,
    events: u64,
    hash: TraceHash,
}

/// The length and the checksum before each line's content: eight hexadecimal digits and a space, twice.
pub(super) const FRAME_LEN: usize = 18;

impl<W: Write> RecordingWriter<W> {
    /// Begins a recording with its first line.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn new(output: W, header: &Header) -> Result<Self, RecordingError> {
        let mut writer = Self {
            output,
            line: Vec::with_capacity(1024),
            checksum: 0,
            events: 0,
            hash: TraceHash::default(),
        };
        writer.put(header)?;
        Ok(writer)
    }

    /// Writes the next event.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn event(&mut self, event: &Event) -> Result<(), RecordingError> {
        match event {
            Event::Operation(operation) => self.put(operation)?,
            Event::Fault(fault) => self.put(fault)?,
            Event::Trace(trace) => self.put(trace)?,
            Event::Mark(mark) => self.put(mark)?,
            Event::Sample(sample) => self.put(sample)?,
        }
        self.events += 1;
        self.hash = self.hash.with(&self.line[FRAME_LEN..]);
        Ok(())
    }

    /// The hash of the events so far.
    pub fn hash(&self) -> TraceHash {
        self.hash
    }

    /// Hands on what the output holds back.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn flush(&mut self) -> Result<(), RecordingError> {
        Ok(self.output.flush()?)
    }

    /// Ends the recording with its last line.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(
        mut self,
        end: Time,
        counters: BTreeMap<Arc<str>, u64>,
    ) -> Result<(W, Footer), RecordingError> {
        let footer = Footer { end, events: self.events, hash: self.hash, counters };
        self.put(&footer)?;
        self.output.flush()?;
        Ok((self.output, footer))
    }

    pub(super) fn put(&mut self, content: &impl Serialize) -> Result<(), RecordingError> {
        self.line.clear();
        self.line.resize(FRAME_LEN, b' ');
        serde_json::to_writer(&mut self.line, content).map_err(std::io::Error::from)?;
        let (frame, content) = self.line.split_at_mut(FRAME_LEN);
        let length = u32::try_from(content.len()).map_err(|_| std::io::Error::other("a line over 4 GiB"))?;
        // The checksum runs on from line to line, so that no line can be removed, doubled or moved.
        self.checksum = crc32c::crc32c_append(self.checksum, content);
        frame[..8].copy_from_slice(&hex(length));
        frame[9..17].copy_from_slice(&hex(self.checksum));
        self.line.push(b'\n');
        self.output.write_all(&self.line)?;
        self.line.pop();
        Ok(())
    }
}

/// Eight hexadecimal digits.
fn hex(number: u32) -> [u8; 8] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|place| DIGITS[(number >> (28 - 4 * place) & 15) as usize])
}
