//! Of each invariant, traces that trip it, and near misses that do not.

use crate::verdict::Anomaly;

/// A trace after the settled one, and whether it trips the invariant.
pub(super) struct Case {
    pub(super) invariant: Anomaly,
    pub(super) trips: &'static [&'static str],
    pub(super) holds: &'static [&'static str],
}

pub(super) const CASES: &[Case] = &[
    Case {
        invariant: Anomaly::LeaderCompleteness,
        trips: &[
            // Acknowledged before it was replicated.
            "b1 + c@0 ; b1 acks 2-2 ; c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3",
            // Another record is there.
            "b1 + c@0 ; b1 acks 2-2 ; b2 + x@0 ; c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3",
            // Nothing was acknowledged, and yet the high watermark passed it.
            "b1 + c@0 ; b1 hw 3 ; c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3",
            // The leader itself does not have it.
            "b1 acks 2-2",
            // One that was deposed acknowledges what its successor lacks.
            "b1 + c@0 ; c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3 ; b1 acks 2-2",
            // It had it, and cut it.
            "b1 cut 1",
            // It knows of its election before anybody tells the decision.
            "b1 + c@0 ; b1 acks 2-2 ; b2 leads e1 p1 isr=2,3 ; c 2 e1 p1 isr=2,3",
        ],
        holds: &[
            "b1 + c@0 ; c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3",
            "b1 + c@0 ; b1 acks 2-2 acks=1 ; c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3",
            "b1 + c@0 ; b2 + c@0 ; b1 acks 2-2 ; c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3",
            // Elected, and not yet aware of it.
            "b1 + c@0 ; b1 acks 2-2 ; c 2 e1 p1 isr=2,3",
            // A high watermark in an epoch that is over does not count.
            "c 2 e1 p1 isr=2,3 ; b1 + c@0 ; b1 hw 3 ; b2 leads e1 p1 isr=2,3",
        ],
    },
    Case {
        invariant: Anomaly::CandidateCompleteness,
        trips: &[
            "b1 + c@0 ; b2 + c@0 ; b1 hw 3",
            "b1 + c@0 ; b2 + c@0 ; c 1 e0 p1 isr=1,2 ; b1 hw 3 ; c 1 e0 p2",
            "b1 + c@0 ; b2 + c@0 ; b3 fence ; b1 hw 3 ; b3 unfence",
            "b3 cut 1",
            "b3 found a@0",
        ],
        holds: &[
            "b1 + c@0 ; b2 + c@0 ; b3 + c@0 ; b1 hw 3",
            "b1 + c@0 ; b2 + c@0 ; b3 fence ; b1 hw 3",
            "b1 + c@0 ; b2 + c@0 ; b3 start ; b1 hw 3",
            "b1 + c@0 ; b2 + c@0 ; c 1 e0 p1 isr=1,2 ; b1 hw 3",
        ],
    },
    Case {
        invariant: Anomaly::QuorumSuperset,
        trips: &[
            // It drops a member before the controllers have.
            "b1 asks isr=1,2 max=1,2",
            "b1 applies isr=1,2 p0",
            // It was given another set.
            "c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2",
            // It goes on with more than was decided, although it knows.
            "c 1 e0 p1 isr=1,2 ; b1 applies isr=1,2,3 p1",
            // The controllers take in one for whom it never asked.
            "c 1 e0 p1 isr=1,2 ; b1 applies isr=1,2 p1 ; c 1 e0 p2",
        ],
        holds: &[
            "b1 asks isr=1,2 max=1,2,3 ; c 1 e0 p1 isr=1,2 ; b1 applies isr=1,2 p1",
            // It has not applied the decision yet.
            "c 1 e0 p1 isr=1,2",
            // A stale leader may believe what it likes.
            "c 2 e1 p1 isr=2,3 ; b1 asks isr=1 max=1",
        ],
    },
    Case {
        invariant: Anomaly::LogMatching,
        trips: &[
            "b1 + c@0 ; b2 + x@0 ; b1 hw 3 ; b2 hw 3",
            "b1 + c@0 ; b2 + c@1 ; b2 hw 3 ; b1 hw 3",
            "b2 found a@0 x@0 hw=2",
        ],
        holds: &[
            "b1 + c@0 ; b2 + x@0 ; b1 hw 3",
            "b1 + c@0 ; b2 + x@1 ; b2 hw 3",
            "b1 + c@0 ; b2 + x@1 ; b2 hw 3 ; b2 cut 2 ; b2 + c@0 ; b1 hw 3 ; b2 hw 3",
            "b2 found a@0 x@0 hw=1",
        ],
    },
    Case {
        invariant: Anomaly::EpochLogMatching,
        trips: &["b1 + c@0 ; b2 + x@0", "b3 found x@0 b@0", "b1 + c@0 d@0 ; b2 + cd@0"],
        holds: &["b1 + c@0 ; b2 + x@1", "b1 + c@0 ; b2 + c@0 d@0", "b3 found a@0 b@0", "b3 found a@0 x@1"],
    },
    Case {
        invariant: Anomaly::StrongIsr,
        trips: &[
            "b1 + c@0 ; b2 + c@0 ; b1 hw 3",
            // Also one that is stale; and it is the record that counts.
            "b1 + c@0 ; b2 + c@0 ; b3 + x@0 ; c 2 e1 p1 isr=2,3 ; b1 hw 3",
            "b1 + c@0 ; b2 + c@0 ; c 1 e0 p1 isr=1,2 ; b1 hw 3 ; c 1 e0 p2",
            // It brings its high watermark with it.
            "b1 + c@0 ; b2 + c@0 ; b2 hw 3 ; c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3",
        ],
        holds: &[
            "b1 + c@0 ; b2 + c@0 ; b3 + c@0 ; b1 hw 3",
            "b1 + c@0 ; b2 + c@0 ; c 2 e1 p1 isr=2 ; b1 hw 3",
            "b1 + c@0 ; b2 + c@0 ; b3 fence ; b1 hw 3",
            // It believes nothing any more.
            "b1 + c@0 ; b2 + c@0 ; c 2 e1 p1 isr=2,3 ; b1 follows 2 e1 p1 ; b1 hw 3",
        ],
    },
    Case {
        invariant: Anomaly::WeakIsr,
        trips: &[
            "b1 + c@0 ; b2 + c@0 ; b1 hw 3",
            // The controllers count on fewer, and it does not know.
            "c 1 e0 p1 isr=1 ; b1 + c@0 ; b1 hw 3",
            // It takes one in that is behind.
            "c 1 e0 p1 isr=1 ; b1 applies isr=1 p1 ; b1 + c@0 ; b1 hw 3 ; b1 applies isr=1,2 p1",
        ],
        holds: &[
            "b1 + c@0 ; b2 + c@0 ; b3 + c@0 ; b1 hw 3",
            "c 1 e0 p1 isr=1 ; b1 applies isr=1 p1 ; b1 + c@0 ; b1 hw 3",
            "c 1 e0 p1 isr=1 ; b1 + c@0 ; b2 fence ; b3 fence ; b1 hw 3",
        ],
    },
    Case {
        invariant: Anomaly::LeaderInIsr,
        trips: &["c 1 e0 p1 isr=2,3"],
        holds: &["c - e1 p1 isr=2", "c 2 e1 p1 isr=2,3"],
    },
    Case {
        invariant: Anomaly::ValidHighWatermark,
        trips: &[
            "b1 + c@0 ; b2 + c@0 ; b1 hw 3",
            // It reckons with fewer than the controllers.
            "b1 asks isr=1,2 max=1,2,3 ; b1 + c@0 ; b2 + c@0 ; b1 hw 3",
        ],
        holds: &[
            "b1 + c@0 ; b2 + c@0 ; b3 + x@0 ; b1 hw 3",
            "b1 + c@0 ; b2 + c@0 ; b3 fence ; b1 hw 3",
            // Of a stale leader it is not asked.
            "b1 + c@0 ; b2 + c@0 ; c 2 e1 p1 isr=2,3 ; b1 hw 3",
        ],
    },
    Case {
        invariant: Anomaly::MonotonicHighWatermark,
        trips: &["b1 hw 1", "b1 hw 3", "b2 hw 3 ; c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3"],
        holds: &[
            "b1 hw 2",
            "b2 cut 1",
            "b2 hw 3",
            "c 2 e1 p1 isr=2,3 ; b1 follows 2 e1 p1 ; b1 hw 1",
            "c 2 e1 p1 isr=2,3 ; b1 follows 2 e1 p1 ; b1 hw 1 ; c 1 e2 p2 ; b1 leads e2 p2 ; b1 hw 2",
        ],
    },
    Case {
        invariant: Anomaly::VerifiedHighWatermark,
        trips: &[
            "b2 hw 3",
            // A suffix that was never held against the leader's log.
            "b2 + y@0 ; c 1 e1 p1 ; b1 leads e1 p1 ; b2 follows 1 e1 p1 ; b1 + c@1 ; b2 hw 3",
            "b2 cut 1 ; b2 hw 2",
            "b1 hw 3 ; c 2 e1 p1 isr=2,3 ; b1 follows 2 e1 p1",
            "b2 found a@0 hw=2",
        ],
        holds: &[
            "b2 + y@0 ; c 1 e1 p1 ; b1 leads e1 p1 ; b2 follows 1 e1 p1 ; b1 + c@1 ; b2 cut 2 ; b2 + c@1 ; b2 hw 3",
            "b2 + y@0 ; c 1 e1 p1 ; b1 leads e1 p1 ; b2 follows 1 e1 p1 ; b1 + c@1 ; b2 hw 2",
            // The leader was replaced, and may have truncated since.
            "b1 + c@0 ; b2 + c@0 ; c 3 e1 p1 ; b1 follows 3 e1 p1 ; b1 cut 2 ; b2 hw 3",
            "b2 found a@0 hw=1",
        ],
    },
    Case {
        invariant: Anomaly::OneLeaderPerEpoch,
        trips: &["b2 leads e0 p0", "c 2 e0 p1", "c 2 e1 p1 ; b3 leads e1 p1"],
        holds: &["c 2 e1 p1 ; b2 leads e1 p1", "c - e1 p1 isr=1 ; c 1 e2 p2 isr=1 ; b1 leads e2 p2"],
    },
    Case {
        invariant: Anomaly::MonotonicEpochs,
        trips: &[
            "c 1 e0 p0",
            "c 1 e1 p1 ; c 1 e0 p2",
            "c 1 e0 p1 ; c 1 e0 p1",
            "c 1 e0 p1 ce=2 ; c 1 e0 p2 ce=1",
            // As one node sees them.
            "c 1 e1 p1 ; c 1 e1 p1 by=2 at=8 ; c 1 e0 p1 by=2 at=7",
            "c 1 e0 p1 ; c 1 e0 p1 by=2 at=8 ; c 1 e0 p0 by=2 at=7",
            "c 1 e0 p1 ce=2 ; c 1 e0 p1 ce=2 by=2 at=8 ; c 1 e0 p1 ce=1 by=2 at=7",
            // As they were decided, each told by another node.
            "c 1 e0 p1 ce=2 ; c 1 e0 p2 ce=1 by=2",
            "b1 controls 3 at=9 ; b2 controls 2 at=10",
            // An older answer is applied over newer metadata.
            "c 1 e0 p1 ; b1 applies isr=1,2,3 p1 ; b1 applies isr=1,2,3 p0",
            "c 1 e1 p1 ; b2 follows 1 e1 p1 ; b2 follows 1 e0 p1",
            "c 2 e1 p1 ; b2 leads e1 p1 ; b2 leads e0 p1",
            "b2 registered 9 ; b2 registered 8",
            "b2 stands 20 ; b2 stands 19",
        ],
        holds: &[
            "c 1 e1 p1 ; c 1 e1 p2 ; b2 follows 1 e1 p2 ; b2 follows 1 e1 p2",
            // The question which ISR holds was settled: nothing has changed.
            "b1 applies isr=1,2,3 p0",
            // Another node lags behind, and another life replays the log.
            "c 1 e1 p1 ; c 1 e0 p0 by=2 at=7",
            "b1 controls 3 at=9 ; b2 controls 2 at=8 ; b2 controls 4 at=10",
            "c 1 e1 p1 by=2 ; b2 start ; c 1 e0 p0 by=2 at=7 ; b2 follows 1 e0 p0",
            "b2 registered 9 ; b2 registered 9 ; b2 registered 30",
        ],
    },
    Case {
        invariant: Anomaly::IsrWithinReplicas,
        trips: &["c 1 e0 p1 isr=1,4"],
        holds: &["c 1 e0 p1 isr=1 of=1,4", "c 1 e0 p1 isr=1,4 of=1,4"],
    },
    Case { invariant: Anomaly::IsrNotEmpty, trips: &["c - e1 p1 isr="], holds: &["c - e1 p1 isr=1"] },
    Case {
        invariant: Anomaly::ConsistentRead,
        trips: &[
            "b1 + c@0 ; b1 serves 0-3 ; c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3",
            "b1 + c@0 ; b1 serves 2-3 ; b2 + x@0 ; c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3",
            // A stale leader gives what its successor has overwritten.
            "c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3 ; b2 + x@1 ; b1 + c@0 ; b1 serves 2-3",
            "c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3 ; b2 + x@1 ; b2 serves 0-3 ; b1 + c@0 ; b1 serves 2-3",
            "b1 cut 1",
            "b1 + c@0 ; b1 serves 0-3 ; b2 leads e1 p1 isr=2,3 ; c 2 e1 p1 isr=2,3",
        ],
        holds: &[
            "b1 + c@0 ; b1 serves 0-3 to=2 ; c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3",
            "b1 + c@0 ; b2 + c@0 ; b1 serves 0-3 ; c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3 ; b2 serves 0-3",
            // What lies between was not given.
            "b1 + c@0 d@0 ; b1 serves 1-2 ; c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 isr=2,3",
            "b1 + c@0 ; b1 serves 0-3 ; c 2 e1 p1 isr=2,3",
        ],
    },
    Case {
        invariant: Anomaly::NoCommitLostGlobally,
        trips: &[
            "b1 found a@0 ; b2 found a@0 ; b3 found a@0",
            "b1 cut 1 ; b2 cut 1 ; b3 cut 1",
            "b1 found a@0 ; b2 found a@0 x@0 ; b3 cut 1",
        ],
        holds: &[
            "b1 found a@0 ; b2 found a@0",
            "b1 found a@0 b@0 ; b2 found a@0 b@0 ; b3 found a@0 b@0",
            "b1 + c@0 ; b1 acks 2-2 acks=1 ; b1 cut 2",
            "b1 + c@0 ; b1 cut 2",
        ],
    },
    Case {
        invariant: Anomaly::FetcherValidity,
        trips: &["b1 pulls 2 e0", "b2 pulls 3 e0", "c 2 e1 p1 ; b2 leads e1 p1"],
        holds: &[
            "b2 drops 1 e0 ; b2 pulls 3 e1",
            "b2 drops 1 e0 ; c 2 e1 p1 ; b2 leads e1 p1",
            "b2 start ; b2 pulls 1 e0",
        ],
    },
    Case {
        invariant: Anomaly::LogIntegrity,
        trips: &[
            "b1 + 3:c@0",
            "b1 + 1:c@0",
            "b1 + c@1 d@0",
            "b1 + c@1 cache=none",
            "b1 + c@1 cache=0:0,1:1",
            "b1 + c@1 cache=1:2",
            "b1 + @0",
            // The cache keeps an epoch whose records are gone.
            "b1 + c@1 ; b1 cut 2 cache=0:0,1:2",
            "b2 cut 1 cache=0:0,0:1",
            "b2 cut 1 cache=",
            "c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 cache=none",
            "c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 cache=0:0,1:1",
            "c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 start=1",
            "b2 found a@0 b@1 cache=0:0",
            "b2 found a@0 b@1 cache=1:0",
            "b2 found a@0 b@0 cache=0:0,1:1",
            "b2 found a@0 b@0 cache=0:0,1:3",
            "b2 found a@0 b@0 cache=0:0,1:2,2:2",
            // What it says of its log's end is not what it told.
            "b2 cut 5",
            "b2 found a@0 leo=2",
            "b2 follows 1 e0 p0 leo=3",
            "b1 leads e0 p0 start=0 cache=0:0",
            "b2 found a@1 b@0",
            "b2 found a@0 2:b@0",
        ],
        holds: &[
            "b1 + c@1 d@1 ; b1 cut 2 ; b1 + c@3",
            "c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 ; b2 + c@1",
            // An epoch in which its leader appended nothing gives way to the next.
            "c 2 e1 p1 isr=2,3 ; b2 leads e1 p1 ; b2 follows 3 e2 p2 ; b2 + c@2",
            "b2 found a@0 b@1",
            "b2 found a@0 b@0 cache=0:0,1:2",
            "b2 found",
        ],
    },
    Case {
        invariant: Anomaly::MinIsrHighWatermark,
        trips: &["c 1 e0 p1 isr=1 ; b1 applies isr=1 p1 ; b1 + c@0 ; b1 hw 3"],
        holds: &[
            "c 1 e0 p1 isr=1 min=1 ; b1 applies isr=1 p1 ; b1 + c@0 ; b1 hw 3",
            // It may be two: it was asked for, and not answered.
            "c 1 e0 p1 isr=1 ; b1 applies isr=1 p1 ; b1 asks isr=1,2 max=1,2 ; b1 + c@0 ; b1 hw 3",
            "c 1 e0 p1 isr=1 ; b1 applies isr=1 p1 ; b1 + c@0 ; b1 hw 2",
            "c 1 e0 p1 isr=1 of=1 min=2 ; b1 applies isr=1 p1 ; b1 + c@0 ; b1 hw 3",
        ],
    },
    Case {
        invariant: Anomaly::AckBelowMinIsr,
        trips: &[
            "c 1 e0 p1 min=2 ; b1 + c@0 ; b1 acks 2-2",
            // Another record is there, or it was cut before.
            "c 1 e0 p1 min=2 ; b1 + c@0 ; b2 + x@0 ; b1 acks 2-2",
            "c 1 e0 p1 min=2 ; b1 + c@0 ; b2 + c@0 ; b2 cut 2 ; b1 acks 2-2",
            "c 1 e0 p1 min=3 ; b1 + c@0 ; b2 + c@0 ; b1 acks 2-2",
        ],
        holds: &[
            "c 1 e0 p1 min=2 ; b1 + c@0 ; b2 + c@0 ; b1 acks 2-2",
            "c 1 e0 p1 min=2 ; b1 + c@0 ; b1 acks 2-2 acks=1",
            // Whoever is dead has it on its disk, or had it there.
            "c 1 e0 p1 min=2 ; b1 + c@0 ; b2 + c@0 ; b2 stop ; b1 acks 2-2",
            "c 1 e0 p1 min=2 ; b1 + c@0 ; b2 + c@0 ; b2 stop ; b2 start ; b2 found a@0 b@0 ; b1 acks 2-2",
        ],
    },
];
