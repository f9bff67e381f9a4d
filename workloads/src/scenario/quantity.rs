//! Amounts as a scenario writes them: rates such as `100/s`, and bounds such as `< 15s`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::duration;

/// So many in a time span; written `100/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many, at least 1.
    pub count: u32,
    /// In what time.
    pub per: Duration,
}

impl Rate {
    /// The highest rate: one a microsecond would drown a run.
    pub const PER_SECOND_MAX: u32 = 100_000;

    /// Reads `100/s`: a count and one of the units s, m, h.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (count, unit) = text.split_once('/')?;
        let count: u32 = count.trim().parse().ok()?;
        let seconds = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return None,
        };
        let in_range = count > 0 && u64::from(count) <= seconds * u64::from(Self::PER_SECOND_MAX);
        in_range.then_some(Self { count, per: Duration::from_secs(seconds) })
    }

    /// The time from one to the next where `share` take turns.
    #[must_use]
    pub fn interval(&self, share: u32) -> Duration {
        let nanos = self.per.as_nanos() * u128::from(share) / u128::from(self.count.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// A comparison with a fixed amount; written `< 15s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound<T> {
    /// How what was measured must compare with `value`.
    pub comparison: Comparison,
    /// The amount.
    pub value: T,
}

/// How two amounts compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `>`
    Greater,
}

/// The operators; those of two characters first, since `<` begins `<=`.
const OPERATORS: [(&str, Comparison); 5] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
    ("=", Comparison::Equal),
];

/// What a bound can be about.
pub trait Amount: Copy + PartialOrd {
    /// Reads one; on failure says what was expected.
    ///
    /// # Errors
    /// The text is none.
    fn read(text: &str) -> Result<Self, String>;
    /// Writes one so that it is read again.
    fn write(&self) -> String;
}

impl Amount for u64 {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("`{text}` is no whole number"))
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Amount for Duration {
    fn read(text: &str) -> Result<Self, String> {
        duration::parse(text).map_err(|error| error.to_string())
    }

    fn write(&self) -> String {
        duration::format(*self)
    }
}

impl<T: Amount> Bound<T> {
    /// Reads `< 15s`; an amount alone is compared by `otherwise`.
    ///
    /// # Errors
    /// What follows the operator is no amount.
    pub fn parse(text: &str, otherwise: Comparison) -> Result<Self, String> {
        let operator =
            OPERATORS.iter().find_map(|(sign, comparison)| Some((text.strip_prefix(sign)?, *comparison)));
        let (amount, comparison) = operator.unwrap_or((text, otherwise));
        Ok(Self { comparison, value: T::read(amount.trim())? })
    }

    /// Whether what was measured keeps to it.
    pub fn holds(&self, measured: T) -> bool {
        match self.comparison {
            Comparison::Less => measured < self.value,
            Comparison::AtMost => measured <= self.value,
            Comparison::Equal => measured == self.value,
            Comparison::AtLeast => measured >= self.value,
            Comparison::Greater => measured > self.value,
        }
    }
}

impl<T: Amount> fmt::Display for Bound<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = OPERATORS
            .iter()
            .find(|(_, comparison)| *comparison == self.comparison)
            .map_or("", |(sign, _)| sign);
        write!(f, "{sign} {}", self.value.write())
    }
}

impl<T: Amount> Serialize for Bound<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: Amount> Deserialize<'de> for Bound<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?, Comparison::Equal).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_shared() {
        let rate = Rate::parse("100/s").unwrap();
        assert_eq!(rate.interval(1), Duration::from_millis(10));
        assert_eq!(rate.interval(4), Duration::from_millis(40));
        assert_eq!(Rate::parse("90 / m").unwrap().interval(3), Duration::from_secs(2));
        for text in ["100", "0/s", "-1/s", "1/day", "1.5/s", "100001/s", "/s"] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn bounds_compare_as_they_are_written() {
        for (text, holds_at_14, holds_at_15, holds_at_16) in [
            ("< 15", true, false, false),
            ("<=15", true, true, false),
            ("= 15", false, true, false),
            (">= 15", false, true, true),
            ("> 15", false, false, true),
            ("15", false, true, true),
        ] {
            let bound: Bound<u64> = Bound::parse(text, Comparison::AtLeast).unwrap();
            let held = (bound.holds(14), bound.holds(15), bound.holds(16));
            assert_eq!(held, (holds_at_14, holds_at_15, holds_at_16), "{text}");
            assert_eq!(Bound::parse(&bound.to_string(), Comparison::Equal), Ok(bound));
        }
        assert!(Bound::<u64>::parse("< many", Comparison::Less).is_err());
        assert!(Bound::<Duration>::parse("< 15", Comparison::Less).is_err());
    }
}
