//! Amounts as a scenario writes them: rates such as `100/s`, and bounds such as `< 15s`.

use std::fmt;
use std::time::Duration;

use rand::Rng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::duration;
use crate::randomness::below;

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

/// How likely something is; written `0.25` or `25%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probability {
    /// In millionths, from 0 to 1,000,000: whole numbers, so that a draw is the same on every machine.
    millionths: u32,
}

impl Probability {
    /// It happens.
    pub const CERTAIN: Self = Self { millionths: 1_000_000 };

    /// Reads `0.25` or `25%`, with at most six digits behind the point.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (number, whole) = match text.strip_suffix('%') {
            Some(percent) => (percent.trim_end(), 10_000),
            None => (text, 1_000_000),
        };
        let (units, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| (1..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(units) || !digits(decimals) {
            return None;
        }
        let fraction: u64 = format!("{decimals:0<6}").parse().ok()?;
        let millionths = units.parse::<u64>().ok()? * whole + fraction * whole / 1_000_000;
        u32::try_from(millionths).ok().filter(|m| *m <= 1_000_000).map(|millionths| Self { millionths })
    }

    /// Whether it happens this time.
    pub fn draw(self, rng: &mut impl Rng) -> bool {
        below(rng, 1_000_000) < u64::from(self.millionths)
    }

    /// Whether it can never happen.
    #[must_use]
    pub fn is_never(self) -> bool {
        self.millionths == 0
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, fraction) = (self.millionths / 1_000_000, self.millionths % 1_000_000);
        let fraction = format!("{fraction:06}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{units}"),
            fraction => write!(f, "{units}.{fraction}"),
        }
    }
}

impl Serialize for Probability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Probability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no probability")))
    }
}

/// Reads an amount of data: `4096`, `64KiB`, `2MiB`, in bytes.
#[must_use]
pub fn parse_bytes(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
    let unit = UNITS.iter().find_map(|(name, factor)| Some((text.strip_suffix(name)?, *factor)));
    let (number, factor) = unit.unwrap_or((text, 1));
    let number = number.trim_end();
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if digits { number.parse::<u64>().ok()?.checked_mul(factor) } else { None }
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
    fn probabilities_are_numbers_or_percentages() {
        for (text, shown) in [
            ("0", "0"),
            ("1", "1"),
            ("0.25", "0.25"),
            ("25%", "0.25"),
            ("12.5 %", "0.125"),
            ("100%", "1"),
            ("0.000001", "0.000001"),
        ] {
            let probability = Probability::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(probability.to_string(), shown, "{text}");
            assert_eq!(Probability::parse(shown), Some(probability));
        }
        for text in ["", "1.1", "101%", "-1", ".5", "5.", "1e-3", "0.0000001", "+1", "half"] {
            assert_eq!(Probability::parse(text), None, "{text}");
        }
        let mut rng = crate::randomness::stream(1, "test", "probability");
        let mut hits = |text| {
            let probability = Probability::parse(text).unwrap();
            (0..4_000).filter(|_| probability.draw(&mut rng)).count()
        };
        assert_eq!((hits("0"), hits("1")), (0, 4_000));
        assert!((900..1_100).contains(&hits("25%")));
    }

    #[test]
    fn amounts_of_data_are_bytes_or_have_a_unit() {
        for (text, bytes) in [("0", 0), ("4096", 4096), ("7B", 7), ("64KiB", 65_536), ("2 MiB", 2 << 20)] {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "KiB", "1KB", "1.5MiB", "-1", "99999999999GiB"] {
            assert_eq!(parse_bytes(text), None, "{text}");
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
