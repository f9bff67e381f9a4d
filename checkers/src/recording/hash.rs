//! The rolling hash of a run's events.

use std::fmt;
use std::str::FromStr;

use crate::ids::{ParseIdError, serde_as_text};

/// A rolling 64-bit hash over lines: equal runs have equal hashes, and it tells accidents apart, not
/// adversaries. Shown as 16 hexadecimal digits.
///
/// Each line is taken in words of eight bytes, little-endian, the last one filled up with zeros, and then
/// its length; a word is mixed in by a folded 128-bit multiplication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceHash(u64);

impl Default for TraceHash {
    fn default() -> Self {
        Self(0x243f_6a88_85a3_08d3) // the first digits of pi
    }
}

impl TraceHash {
    /// The hash after one more line.
    #[must_use]
    pub fn with(self, line: &[u8]) -> Self {
        let (words, rest) = line.as_chunks::<8>();
        let mut hash = self;
        for word in words {
            hash = hash.mixed(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        hash.mixed(u64::from_le_bytes(last)).mixed(line.len() as u64)
    }

    /// The hash after one more word.
    #[must_use]
    pub(crate) fn mixed(self, word: u64) -> Self {
        const MULTIPLIER: u128 = 0x9e37_79b9_7f4a_7c15;
        let product = u128::from(self.0.rotate_left(23) ^ word) * MULTIPLIER;
        Self((product >> 64) as u64 ^ product as u64)
    }
}

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for TraceHash {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let digits =
            Some(text).filter(|text| text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit()));
        let hash = digits.and_then(|text| u64::from_str_radix(text, 16).ok());
        hash.map(Self).ok_or_else(|| ParseIdError::new(text, "hash of 16 hexadecimal digits"))
    }
}

serde_as_text!(TraceHash, "a hash of 16 hexadecimal digits");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_order_and_boundary_counts() {
        let hash =
            |lines: &[&str]| lines.iter().fold(TraceHash::default(), |hash, line| hash.with(line.as_bytes()));
        let all = [
            hash(&[]),
            hash(&[""]),
            hash(&["a"]),
            hash(&["a\0"]),
            hash(&["a", "b"]),
            hash(&["b", "a"]),
            hash(&["ab"]),
            hash(&["abcdefgh", "i"]),
            hash(&["abcdefghi"]),
            hash(&["abcdefgh"]),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{one} twice");
            assert_eq!(one.to_string().parse(), Ok(*one));
        }
    }

    #[test]
    fn the_hash_stays_the_same_across_builds() {
        assert_eq!(TraceHash::default().with(b"highwater").to_string(), "7156d860f4b48071");
    }
}
