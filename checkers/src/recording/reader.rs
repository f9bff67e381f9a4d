//! Reads a recording back, and notices any byte that is not as it was written.

use std::io::{BufRead, Read};

use serde_json::from_str;

use super::writer::FRAME_LEN;
use super::{Damage, Ending, Event, Footer, Header, RecordingError, TraceHash, VERSION};

/// The longest line that is read; longer ones are damage, not content.
const LINE_MAX: u64 = 256 << 20;

/// Reads a recording event by event.
#[derive(Debug)]
pub struct RecordingReader<R> {
    header: Header,
    lines: Lines<R>,
    events: u64,
    hash: TraceHash,
    ending: Option<Ending>,
}

impl<R: BufRead> RecordingReader<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or of another version.
    pub fn new(input: R) -> Result<Self, RecordingError> {
        let mut lines = Lines { input, buffer: Vec::new(), number: 0, checksum: 0 };
        let Some(content) = lines.next()? else { return Err(RecordingError::NoHeader) };
        let version = Probe::of(content).and_then(|probe| probe.highwater);
        if let Some(found) = version.filter(|version| *version != VERSION) {
            return Err(RecordingError::Version { found });
        }
        let header = from_str(content).map_err(|error| damaged(1, Damage::Content(error.to_string())))?;
        Ok(Self { header, lines, events: 0, hash: TraceHash::default(), ending: None })
    }

    /// What was run.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next event; `None` at the end, of which [`RecordingReader::into_parts`] then tells.
    ///
    /// # Errors
    /// If the file cannot be read, or is damaged.
    pub fn next_event(&mut self) -> Result<Option<Event>, RecordingError> {
        if self.ending.is_some() {
            return Ok(None);
        }
        let line = self.lines.number + 1;
        let Some(content) = self.lines.next()? else {
            self.ending = Some(Ending::Incomplete { line });
            return Ok(None);
        };
        if content.starts_with(r#"{"end":"#) {
            let footer: Footer =
                from_str(content).map_err(|error| damaged(line, Damage::Content(error.to_string())))?;
            if (footer.events, footer.hash) != (self.events, self.hash) {
                return Err(damaged(line, Damage::Totals));
            }
            if self.lines.more()? {
                return Err(damaged(line + 1, Damage::AfterEnd));
            }
            self.ending = Some(Ending::Complete(footer));
            return Ok(None);
        }
        self.events += 1;
        self.hash = self.hash.with(content.as_bytes());
        parse_event(content).map(Some).map_err(|reason| damaged(line, Damage::Content(reason)))
    }

    /// The first line, and how the recording ends as far as it was read.
    pub fn into_parts(self) -> (Header, Ending) {
        let line = self.lines.number + 1;
        (self.header, self.ending.unwrap_or(Ending::Incomplete { line }))
    }
}

/// The version, without a claim on the rest of the header.
#[derive(serde::Deserialize)]
struct Probe {
    highwater: Option<u32>,
}

impl Probe {
    fn of(content: &str) -> Option<Self> {
        from_str(content).ok()
    }
}

/// What an event is shows in its first key.
fn parse_event(content: &str) -> Result<Event, String> {
    let key = content.strip_prefix("{\"").and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let event = match key {
        "index" => from_str(content).map(Event::Operation),
        "fault" => from_str(content).map(Event::Fault),
        "event" => from_str(content).map(Event::Trace),
        "mark" => from_str(content).map(Event::Mark),
        "sample" => from_str(content).map(Event::Sample),
        other => return Err(format!("no event begins with the key `{other}`")),
    };
    event.map_err(|error| error.to_string())
}

fn damaged(line: u64, damage: Damage) -> RecordingError {
    RecordingError::Damaged { line, damage }
}

/// The verified contents of the lines.
#[derive(Debug)]
struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    number: u64,
    checksum: u32,
}

impl<R: BufRead> Lines<R> {
    /// The next line's content; `None` where the file ends, or breaks off within the line.
    fn next(&mut self) -> Result<Option<&str>, RecordingError> {
        self.buffer.clear();
        self.input.by_ref().take(LINE_MAX).read_until(b'\n', &mut self.buffer)?;
        let number = self.number + 1;
        if self.buffer.last() != Some(&b'\n') {
            let torn = (self.buffer.len() as u64) < LINE_MAX;
            return if torn { Ok(None) } else { Err(damaged(number, Damage::Length)) };
        }
        self.buffer.pop();
        let (length, checksum) = frame(&self.buffer).ok_or(damaged(number, Damage::Frame))?;
        let content = &self.buffer[FRAME_LEN..];
        if content.len() != length as usize {
            return Err(damaged(number, Damage::Length));
        }
        if crc32c::crc32c_append(self.checksum, content) != checksum {
            return Err(damaged(number, Damage::Checksum));
        }
        (self.number, self.checksum) = (number, checksum);
        let text =
            std::str::from_utf8(content).map_err(|e| damaged(number, Damage::Content(e.to_string())))?;
        Ok(Some(text))
    }

    /// Whether anything is left.
    fn more(&mut self) -> Result<bool, RecordingError> {
        Ok(!self.input.fill_buf()?.is_empty())
    }
}

/// A line's length and checksum.
fn frame(line: &[u8]) -> Option<(u32, u32)> {
    let number = |digits: &[u8]| {
        // `from_str_radix` would take a sign and capitals, which are never written.
        let plain = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        plain.then(|| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())?
    };
    let frame = line.get(..FRAME_LEN)?;
    (frame[8] == b' ' && frame[17] == b' ').then_some(())?;
    Some((number(&frame[..8])?, number(&frame[9..17])?))
}
