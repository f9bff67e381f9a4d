//! What becomes of lost records, by name.

use std::fmt;
use std::str::FromStr;

use crate::ids::ParseIdError;

macro_rules! fates {
    ($( $variant:ident = $name:literal, $meaning:literal; )+) => {
        /// What became of a record that was acknowledged and lost.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fate {
            $( #[doc = $meaning] $variant, )+
        }

        impl Fate {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name, as scenarios and reports write it.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// What it means, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $( Self::$variant => $meaning, )+ }
            }
        }
    };
}

fates! {
    Truncated = "truncated", "It was cut from the last log that held it, on the word of a leader.";
    OnNoReplica = "on-no-replica", "It is in no log: the last one that held it lost it with its disk's bytes.";
    AboveHighWatermark = "above-high-watermark", "It is in the leader's log, at or above the high watermark.";
    Undelivered = "undelivered", "It is in the leader's log, below the high watermark, and was not delivered.";
    OnFollower = "on-follower", "It is in the log of a replica that does not lead, and not in the leader's.";
    Unknown = "unknown", "It cannot be found: its broker told nothing of it.";
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fate {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let known = Self::ALL.iter().find(|fate| fate.name() == text);
        known.copied().ok_or_else(|| ParseIdError::new(text, "fate of a lost record"))
    }
}

crate::ids::serde_as_text!(Fate, "the name of a fate");
