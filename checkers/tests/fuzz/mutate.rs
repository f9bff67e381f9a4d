//! Changes texts of histories so that most of them stay histories: whole lines, and words within a line.

use highwater_checkers::history::Format;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::corpus::Corpus;

/// How long an input is at most, in bytes.
pub(crate) const INPUT_MAX: usize = 4096;

/// What changes are made up from.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number from 0, below `limit`; 0 if that is 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0.random_range(0..limit.max(1))
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}

/// What stands in a history in the place of anything else.
const WORDS: [&str; 36] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "4611686018427387904",
    "1e300",
    "nil",
    "null",
    "true",
    "[]",
    "{}",
    "[0 1]",
    "[1 [2 3]]",
    "\"\"",
    "\"x 0 0 y\"",
    ":ok",
    ":info",
    ":fail",
    ":invoke",
    ":read",
    ":write",
    ":cas",
    ":add",
    ":send",
    ":poll",
    ":txn",
    ":enqueue",
    ":dequeue",
    ":nemesis",
    "x",
    "#{1 2}",
    "\"ok\"",
];

/// A text of the corpus, changed a few times.
pub(crate) fn mutated(corpus: &Corpus, random: &mut Random) -> Vec<u8> {
    let format = *random.pick(&Format::ALL).expect("there are formats");
    let texts = corpus.texts(format);
    let lines_of = |random: &mut Random| -> Vec<Vec<u8>> {
        let text = random.pick(texts).map_or(&[][..], |text| &text[..]);
        text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    };
    let mut lines = lines_of(random);
    for _ in 0..random.below(4) {
        let (at, other) = (random.below(lines.len()), random.below(lines.len()));
        match random.below(24) {
            0 if !lines.is_empty() => drop(lines.remove(at)),
            1 if !lines.is_empty() => lines.swap(at, other),
            2 if !lines.is_empty() => lines.insert(other, lines[at].clone()),
            // Some of another history, at some place.
            3 => {
                let others = lines_of(random);
                let from = random.below(others.len());
                let some = others.into_iter().skip(from).take(1 + random.below(8));
                lines.splice(at..at, some);
            }
            // All over again, so that there is much of it.
            4 => lines.extend_from_within(..),
            5 => lines.truncate(at),
            // What mostly keeps each process in order.
            6..10 if at + 1 < lines.len() => lines.swap(at, at + 1),
            _ => {
                if let Some(line) = lines.get_mut(at) {
                    change_word(line, random);
                }
            }
        }
    }
    let mut input: Vec<u8> = Vec::new();
    for line in lines {
        if input.len() + line.len() > INPUT_MAX {
            break;
        }
        input.extend(line);
    }
    if random.one_in(12) {
        splice(&mut input, random);
    }
    input.truncate(INPUT_MAX);
    input
}

/// Puts some other word in the place of one: mostly one of its kind, else of the same line, or any.
fn change_word(line: &mut Vec<u8>, random: &mut Random) {
    let words = words(line);
    // The value stands behind; before it is who did what, of which a change mostly makes no history.
    let from = if random.one_in(4) { 0 } else { words.len() / 2 };
    let Some(range) = random.pick(&words[from..]).cloned() else { return };
    let old = &line[range.clone()];
    let new = if random.one_in(16) {
        let any = random.pick(&WORDS).map(|word| word.as_bytes());
        let own = random.pick(&words).map(|range| &line[range.clone()]);
        if random.one_in(2) { any } else { own }.unwrap_or_default().to_vec()
    } else if old.iter().all(u8::is_ascii_digit) {
        random.below(6).to_string().into_bytes()
    } else if let Some(prefix) = old.strip_suffix(b"ok").or_else(|| old.strip_suffix(b"info")) {
        let outcome = random.pick(&["ok", "fail", "info"]).map_or("ok", |outcome| *outcome);
        [prefix, outcome.as_bytes()].concat()
    } else {
        return;
    };
    line.splice(range, new);
}

/// Where the words of a line are: what stands between brackets, quotes and blanks.
fn words(line: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut words = Vec::new();
    let (mut begin, mut before) = (None, b' ');
    for (place, byte) in line.iter().copied().chain([b' ']).enumerate() {
        // A colon after a quote is one of JSON's.
        let ends = b" \t\r\n,[](){}\"#".contains(&byte) || byte == b':' && before == b'"';
        before = byte;
        match (!ends, begin) {
            (true, None) => begin = Some(place),
            (false, Some(from)) => {
                words.push(from..place);
                begin = None;
            }
            _ => {}
        }
    }
    words
}

/// Changes bytes without regard for what they mean.
fn splice(input: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let from = random.below(input.len() + 1);
        let until = (from + random.below(8)).min(input.len());
        let bytes: Vec<u8> = (0..random.below(4)).map(|_| random.below(256) as u8).collect();
        input.splice(from..until, bytes);
    }
}
