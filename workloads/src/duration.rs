//! Time spans as a scenario writes them: `250ms`, `10s`, `1m30s`.

use std::time::Duration;

/// The units, largest first, with their nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// The longest time span that is accepted: a simulated run of days is a mistake in the unit.
pub const LONGEST: Duration = Duration::from_secs(100 * 3_600);

/// Why a text is no time span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// A number alone.
    #[error("`{0}` has no unit")]
    NoUnit(String),
    /// A number and something that is no unit.
    #[error("`{0}` is no unit of time")]
    UnknownUnit(String),
    /// Neither numbers nor units.
    #[error("`{0}` is no duration")]
    Malformed(String),
    /// Over [`LONGEST`].
    #[error("`{0}` is longer than the {limit} that a duration may last", limit = format(LONGEST))]
    TooLong(String),
}

/// Reads numbers with their units, one after the other: `1m30s`, `1.5s`.
///
/// # Errors
/// The text has no or an unknown unit, is no time span at all, or is longer than [`LONGEST`].
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let mut rest = text;
    let mut nanos: u128 = 0;
    loop {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let (number, tail) = rest.split_at(rest.find(|c| !is_number(c)).unwrap_or(rest.len()));
        let (unit, tail) = tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
            return Err(DurationError::Malformed(text.to_owned()));
        }
        if unit.is_empty() {
            return Err(DurationError::NoUnit(text.to_owned()));
        }
        let size_of = |unit: &str| UNITS.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size);
        let Some(size) = size_of(unit) else {
            // With a known unit, the blank beside it is what is wrong.
            return Err(match size_of(unit.trim()) {
                Some(_) => DurationError::Malformed(text.to_owned()),
                None => DurationError::UnknownUnit(unit.trim().to_owned()),
            });
        };
        let too_long = || DurationError::TooLong(text.to_owned());
        // Nanoseconds are the finest that there is: digits after the ninth change nothing.
        let fraction = &fraction[..fraction.len().min(9)];
        let scale = 10_u128.pow(fraction.len() as u32);
        let whole: u64 = whole.parse().map_err(|_| too_long())?;
        let fraction: u64 = fraction.parse().map_err(|_| too_long())?;
        nanos += u128::from(whole) * u128::from(size) + u128::from(fraction) * u128::from(size) / scale;
        if nanos > LONGEST.as_nanos() {
            return Err(too_long());
        }
        rest = tail;
        if rest.is_empty() {
            return Ok(Duration::from_nanos(nanos as u64));
        }
    }
}

/// Writes a time span exactly, so that [`parse`] gives it back: `1m30s`.
#[must_use]
pub fn format(duration: Duration) -> String {
    let mut nanos = duration.as_nanos();
    let mut text = String::new();
    for (unit, size) in UNITS {
        let count = nanos / u128::from(size);
        nanos %= u128::from(size);
        if count > 0 {
            text += &format!("{count}{unit}");
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Stores a time span as its text: `#[serde(with = "duration::text")]`.
pub mod text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes `1m30s`.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format(*duration))
    }

    /// Reads `1m30s`.
    ///
    /// # Errors
    /// Those of the deserializer, and texts that are no time span.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        super::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Stores a time span that may be absent as its text: `#[serde(with = "duration::optional_text")]`.
pub mod optional_text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    /// Writes `1m30s` or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(super::format).serialize(serializer)
    }

    /// Reads `1m30s` or null.
    ///
    /// # Errors
    /// Those of the deserializer, and texts that are no time span.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| super::parse(&text).map_err(D::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_unit_and_compounds_are_read() {
        let cases = [
            ("10s", 10_000_000_000),
            ("1m30s", 90_000_000_000),
            ("250ms", 250_000_000),
            ("2h", 7_200_000_000_000),
            ("3us", 3_000),
            ("4ns", 4),
            ("1.5s", 1_500_000_000),
            ("0s", 0),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_span_says_why() {
        use DurationError as E;
        assert_eq!(parse("10"), Err(E::NoUnit("10".into())));
        assert_eq!(parse("5 parsecs"), Err(E::UnknownUnit("parsecs".into())));
        for text in ["", "s", "-5s", ".s", "1.s", "1.2.3s", "soon", "5 s"] {
            assert_eq!(parse(text), Err(E::Malformed(text.into())), "{text}");
        }
        for text in ["101h", "99999999999999999999s", "100h1ns"] {
            assert_eq!(parse(text), Err(E::TooLong(text.into())), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(nanos in 0..LONGEST.as_nanos() as u64) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }
    }
}
