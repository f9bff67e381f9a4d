//! Numbers that look random and are the same for the same seed, everywhere: Vigna's splitmix64.
//!
//! And how many random histories tests try with them.

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A number that looks random, another one for every `number`.
pub(crate) fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(STEP);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// A stream of them, for tests.
#[cfg(test)]
#[derive(Clone, Debug)]
pub(crate) struct Stream(pub(crate) u64);

#[cfg(test)]
impl Stream {
    /// The next one.
    pub(crate) fn next(&mut self) -> u64 {
        let next = mixed(self.0);
        self.0 = self.0.wrapping_add(STEP);
        next
    }
}

/// How many histories a test tries: few, or as many as `HIGHWATER_LONG` says.
///
/// # Panics
/// If that is no number.
#[cfg(test)]
pub(crate) fn histories(few: u64) -> u64 {
    match std::env::var("HIGHWATER_LONG") {
        Ok(count) => count.parse().expect("HIGHWATER_LONG is a number of histories"),
        Err(_) => few,
    }
}
