//! What can be wrong with a replicated log, by name.

use std::fmt;
use std::str::FromStr;

use crate::ids::ParseIdError;

macro_rules! anomalies {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, $meaning:literal; )+) => {
        /// The name of what can be wrong with a replicated log; Jepsen's name where it has one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Anomaly {
            $( #[doc = $meaning] $variant, )+
        }

        impl Anomaly {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name, as scenarios and reports write it.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// What it is, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $( Self::$variant => $meaning, )+ }
            }
        }
    };
}

anomalies! {
    Unseen = "unseen", "An acknowledged record is absent from the final read.";
    LostWrite = "lost-write", "A committed record at or below the highest offset ever read was never read.";
    ReadThenLost = "read-then-lost", "A consumer was given a record that the final read lacks, or has elsewhere.";
    Phantom = "phantom", "A record was read that nobody ever sent.";
    AbortedRead = "G1a", "A record was read whose send certainly failed.";
    InconsistentOffsets = "inconsistent-offsets", "One offset was seen with two records.";
    Duplicate = "duplicate", "One record lies at two offsets.";
    PollSkip = "poll-skip", "Two successive polls of a consumer skip a known record.";
    NonmonotonicPoll = "nonmonotonic-poll", "A consumer's poll steps back behind its previous one.";
    IntPollSkip = "int-poll-skip", "One poll skips a known record.";
    IntNonmonotonicPoll = "int-nonmonotonic-poll", "One poll steps back.";
    NonmonotonicSend = "nonmonotonic-send",
        "A producer's later send lies before an earlier one, though their order is promised.";
    IntNonmonotonicSend = "int-nonmonotonic-send", "One operation's later send lies before an earlier one.";
    IntSendSkip = "int-send-skip", "Another's record lies between two sends of one operation.";
    PrecommittedRead = "precommitted-read", "A transaction polled what it sent itself.";
    TornTxn = "torn-txn", "Some sends of a transaction are visible, and others never.";
    CircularInformation = "G1c", "Transactions read from each other in a circle.";
    CircularInformationProcess = "G1c-process",
        "Transactions read from each other in a circle, given the order of each process.";
    CircularInformationRealtime = "G1c-realtime",
        "Transactions read from each other in a circle, given the order of time.";
    WriteCycle = "G0", "Transactions wrote over each other in a circle.";
    WriteCycleProcess = "G0-process",
        "Transactions wrote over each other in a circle, given the order of each process.";
    WriteCycleRealtime = "G0-realtime",
        "Transactions wrote over each other in a circle, given the order of time.";
    DivergentReplica = "divergent-replica",
        "Consumers of one broker saw a record that those of another were never given.";
    EndOffsetRegression = "end-offset-regression",
        "The end of a partition, or its high watermark, stepped back before a reader's eyes.";
    CommittedOffsetRegression = "committed-offset-regression", "A group's committed offset stepped back.";
    TwoOwners = "two-owners", "Two members of a group owned a partition in one generation.";
    Stuck = "stuck", "After the heal a partition made no progress within the bound.";
    Crashed = "crashed", "A node ended by itself, with an error or a panic that no fault excuses.";
    LeaderCompleteness = "W1",
        "LeaderCompleteness: the leader lacks a record that was committed, or acknowledged to acks=all.";
    CandidateCompleteness = "W2",
        "CandidateCompleteness: an in-sync replica ends below the true high watermark.";
    QuorumSuperset = "W3",
        "QuorumSuperset: a leader reckons with fewer replicas than the controllers count as in sync.";
    LogMatching = "W4", "LogMatching: two replicas differ below both their high watermarks.";
    EpochLogMatching = "W5",
        "EpochLogMatching: two logs have one offset in one epoch, and differ there or before it.";
    StrongIsr = "W6",
        "StrongIsr: an in-sync replica lacks what a presumed leader has below its high watermark.";
    WeakIsr = "W7",
        "WeakIsr: a presumed leader has below its high watermark what a replica that it counts as in sync lacks.";
    LeaderInIsr = "W8", "LeaderInIsr: the controllers have a leader that is not in sync.";
    ValidHighWatermark = "W9",
        "ValidHighWatermark: an in-sync replica's log ends below the leader's high watermark.";
    MonotonicHighWatermark = "W10",
        "MonotonicHighWatermark: a leader's high watermark steps back in its epoch, or leaves its log.";
    VerifiedHighWatermark = "W11",
        "VerifiedHighWatermark: a follower's high watermark passes what it shares with its leader's log.";
    OneLeaderPerEpoch = "W12", "OneLeaderPerEpoch: two replicas lead a partition in one epoch.";
    MonotonicEpochs = "W13",
        "MonotonicEpochs: an epoch (of leader, partition, broker or controller) steps back.";
    IsrWithinReplicas = "W14", "IsrWithinReplicas: a broker is in sync that is assigned no replica.";
    IsrNotEmpty = "W16", "IsrNotEmpty: a partition has no replica in sync.";
    ConsistentRead = "W17",
        "ConsistentRead: a leader lacks a record that a consumer was given, or has another in its place.";
    NoCommitLostGlobally = "W18",
        "NoCommitLostGlobally: a record acknowledged to acks=all is on no replica's disk.";
    FetcherValidity = "W21",
        "FetcherValidity: a replica has two fetchers, or one though it leads, or none though all is calm.";
    LogIntegrity = "W22",
        "LogIntegrity: a log has a gap or steps back in epoch, or its epoch cache says other than the log.";
    MinIsrHighWatermark = "W27",
        "MinIsrHighWatermark: the high watermark advances while fewer than min ISR replicas count.";
    AckBelowMinIsr = "ack-below-min-isr",
        "AckBelowMinIsr: a write was acknowledged to acks=all while fewer than min ISR replicas had it.";
}

impl Anomaly {
    /// The name of an invariant in words, like `LeaderCompleteness`; its meaning begins with it.
    pub fn title(self) -> &'static str {
        self.meaning().split(':').next().unwrap_or_default()
    }

    /// Whether it is about the inside of the cluster, and not about what clients saw.
    pub fn is_invariant(self) -> bool {
        self >= Self::LeaderCompleteness
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Anomaly {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let known = Self::ALL.iter().find(|anomaly| anomaly.name() == text);
        known.copied().ok_or_else(|| ParseIdError::new(text, "anomaly"))
    }
}

crate::ids::serde_as_text!(Anomaly, "the name of an anomaly");
