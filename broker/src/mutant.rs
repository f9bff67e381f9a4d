//! The mutants: defects that can be seeded, each a guard removed that a real broker once lacked.
//!
//! They prove that the checks bite: a broker with one of them must be caught. A mutant is a value of
//! [`crate::config::BrokerConfig`], so that clusters with and without it run side by side in one process. With
//! none on, every question for one is a bit test on a constant, and nothing goes another way.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

macro_rules! mutants {
    ($( $variant:ident = $id:literal, $origin:literal, $removes:literal; )+) => {
        /// A seeded defect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutant {
            $(
                #[doc = concat!($origin, ": ", $removes, ".")]
                $variant,
            )+
        }

        impl Mutant {
            /// All of them, truncation first, then what is committed, who leads, what is on the disk.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name, as configurations write it.
            pub fn id(self) -> &'static str {
                match self { $( Self::$variant => $id, )+ }
            }

            /// The real defect that it repeats, or the rule that it breaks.
            pub fn origin(self) -> &'static str {
                match self { $( Self::$variant => $origin, )+ }
            }

            /// The guard that is not there, as a sentence without its stop.
            pub fn removes(self) -> &'static str {
                match self { $( Self::$variant => $removes, )+ }
            }
        }
    };
}

mutants! {
    TruncToHw = "trunc-to-hw", "KIP-101",
        "A replica that becomes a follower cuts its log to its own high watermark, before it asks where its epoch ends";
    TruncToHwDiverge = "trunc-to-hw-diverge", "KIP-101",
        "A follower cuts its log to its own high watermark, and never asks where its epoch ends";
    No279Loop = "no-279-loop", "KIP-279, KAFKA-6361",
        "A follower that does not know the epoch of the leader's answer cuts its log there, and does not ask again";
    SkipMissedEpochs = "skip-missed-epochs", "KAFKA-7164",
        "A follower whose leader is the same broker in a later epoch goes on fetching, and does not ask where its own ends";
    NoPersistEpoch = "no-persist-epoch", "KAFKA-7415",
        "A new leader does not note where its epoch begins before it appends";
    NoFetchFencing = "no-fetch-fencing", "KIP-320, KAFKA-7395",
        "A leader answers fetches that are meant for another leader epoch";
    Epoch0Lost = "epoch0-lost", "KAFKA-10432",
        "Recovery does not note the epoch 0";
    EpochCacheNotTruncated = "epoch-cache-not-truncated", "KAFKA-10706",
        "A truncation leaves the epochs that began behind it in the epoch cache";
    HwBeforeTruncate = "hw-before-truncate", "KAFKA-14704",
        "A follower takes over the leader's high watermark before it cuts what diverges";
    AckBeforeHw = "ack-before-hw", "KAFKA-955",
        "A send with acks=all is acknowledged as soon as the leader has appended it";
    ExposeUncommitted = "expose-uncommitted", "KAFKA-727",
        "Consumers are handed records above the high watermark";
    MinIsrIgnored = "min-isr-ignored", "min.insync.replicas",
        "One replica in sync is always enough: for an append, for its acknowledgement and for the high watermark";
    HwUnderMinIsr = "hw-under-min-isr", "KAFKA-15583",
        "The high watermark moves with fewer replicas in sync than min.insync.replicas";
    HwMinOfIsrOnly = "hw-min-of-isr-only", "KIP-497",
        "The high watermark waits for the committed ISR alone, not for members that may have been let in meanwhile";
    ShrinkOptimistic = "shrink-optimistic", "KIP-497, KAFKA-8836",
        "A leader counts without a follower that it wants out of the ISR before the controller has agreed";
    IsrJoinNoEpochStart = "isr-join-no-epoch-start", "KAFKA-7128",
        "A follower joins the ISR at the high watermark, though its log ends before the leader's epoch begins";
    BrokerEpochUnchecked = "broker-epoch-unchecked", "KIP-903, KAFKA-14139",
        "The controller lets a broker into an ISR by the request for its former incarnation";
    IsrRetryAsReincarnated = "isr-retry-reincarnated", "KIP-903; found here",
        "A question to the controller, repeated, lets in whoever has fetched in a member's name since";
    UncleanDefault = "unclean-default", "KIP-106, KAFKA-4623",
        "A replica outside the ISR may lead, whatever unclean.leader.election.enable says";
    PreferredNotInIsr = "preferred-not-in-isr", "KAFKA-9866",
        "The preferred replica is elected when it is alive, in the ISR or not";
    StaleLeaderIsr = "stale-leader-isr", "KAFKA-1188",
        "A leader applies an answer about its ISR over newer metadata";
    ZombieController = "zombie-controller", "KAFKA-6082",
        "A controller applies, answers and serves a command before the quorum has decided it";
    TwoFetchers = "two-fetchers", "KIP-320",
        "A broker whose leader changes goes on asking the former one";
    AppendAfterIoError = "append-after-io-error", "KAFKA-10778",
        "A broker goes on with a log after a write to it failed";
    DiskFullPartial = "disk-full-partial", "ENOSPC",
        "A batch counts though only a part of it found room on the disk";
    CrcSkip = "crc-skip", "KIP-98",
        "Batches are not held against their CRC, neither by recovery, nor when read, nor when fetched";
    NoFsyncCorrelated = "no-fsync-correlated", "flush: every-batch",
        "Batches count before they are synced, whatever the flush policy says";
    CleanShutdownFlag = "clean-shutdown-flag", "KAFKA-10471",
        "Recovery does not cut the torn end that a crash has left in the log's file";
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// There is no mutant of this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no mutant `{0}`")]
pub struct UnknownMutant(pub String);

impl FromStr for Mutant {
    type Err = UnknownMutant;

    fn from_str(text: &str) -> Result<Self, UnknownMutant> {
        let known = Self::ALL.iter().find(|mutant| mutant.id() == text);
        known.copied().ok_or_else(|| UnknownMutant(text.to_owned()))
    }
}

/// The mutants that are switched on.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Mutants(u64);

impl Mutants {
    /// A broker as it should be.
    pub const NONE: Self = Self(0);

    /// Whether `mutant` is switched on.
    pub const fn has(self, mutant: Mutant) -> bool {
        self.0 & (1 << mutant as u32) != 0
    }

    /// These and `mutant`.
    #[must_use]
    pub const fn with(self, mutant: Mutant) -> Self {
        Self(self.0 | (1 << mutant as u32))
    }

    /// Those that are switched on.
    pub fn iter(self) -> impl Iterator<Item = Mutant> {
        Mutant::ALL.iter().copied().filter(move |mutant| self.has(*mutant))
    }
}

impl FromIterator<Mutant> for Mutants {
    fn from_iter<I: IntoIterator<Item = Mutant>>(mutants: I) -> Self {
        mutants.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Mutants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromStr for Mutants {
    type Err = UnknownMutant;

    /// Reads ids with commas between them; `none` is none.
    fn from_str(text: &str) -> Result<Self, UnknownMutant> {
        if text == "none" { Ok(Self::NONE) } else { text.split(',').map(|id| id.trim().parse()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_id_is_read_back_and_is_that_of_one_mutant() {
        let ids: BTreeSet<_> = Mutant::ALL.iter().map(|mutant| mutant.id()).collect();
        assert_eq!(ids.len(), Mutant::ALL.len());
        for mutant in Mutant::ALL {
            assert_eq!(mutant.id().parse(), Ok(*mutant));
            assert!(mutant.id().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
            assert!(!mutant.removes().ends_with('.') && !mutant.origin().is_empty(), "{mutant}");
        }
        assert_eq!("ack-before-lw".parse::<Mutant>(), Err(UnknownMutant("ack-before-lw".into())));
    }

    #[test]
    fn a_set_has_what_was_put_into_it_and_nothing_else() {
        assert!(Mutant::ALL.len() <= 64, "a set is 64 bits");
        for on in Mutant::ALL {
            let set = Mutants::NONE.with(*on);
            for mutant in Mutant::ALL {
                assert_eq!(set.has(*mutant), mutant == on);
            }
        }
        let set: Mutants = "crc-skip, trunc-to-hw".parse().expect("both are known");
        assert_eq!(set.iter().collect::<Vec<_>>(), [Mutant::TruncToHw, Mutant::CrcSkip]);
        assert_eq!("none".parse(), Ok(Mutants::NONE));
        assert_eq!("crc-skip,none".parse::<Mutants>(), Err(UnknownMutant("none".into())));
    }
}
