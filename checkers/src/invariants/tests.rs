//! Every invariant on traces that trip it and near misses that do not, what suspends it, and what a breach
//! says. The traces are written as [`crate::script`] explains.

use std::collections::BTreeSet;

use super::*;
use crate::judge::{FlushPolicy, Judge};
use crate::script::Script;
use crate::verdict::{RunOutcome, Verdict};

/// Three replicas in sync with b1, two records that all have, and that are acknowledged and read.
const SETTLED: &str = "
    b1 up ; b2 up ; b3 up ; c 1 e0 p0
    b1 found ; b2 found ; b3 found ; b1 leads e0 p0
    b2 follows 1 e0 p0 ; b3 follows 1 e0 p0 ; b2 pulls 1 e0 ; b3 pulls 1 e0
    b1 + a@0 b@0 ; b2 + a@0 b@0 ; b3 + a@0 b@0
    b1 hw 2 ; b2 hw 2 ; b3 hw 2 ; b1 acks 0-1 ; b1 serves 0-2
";

/// A trace after the settled one, and whether it trips the invariant.
struct Case {
    invariant: Anomaly,
    trips: &'static [&'static str],
    holds: &'static [&'static str],
}

const CASES: &[Case] = &[
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

fn broken_by(config: &JudgeConfig, script: &Script) -> BTreeSet<Anomaly> {
    let report = InvariantMonitor::new(config).fold(&script.events);
    report.findings.iter().map(|finding| finding.anomaly).collect()
}

fn settled(then: &str) -> Script {
    let mut script = Script::default();
    script.replicas(SETTLED).replicas(then);
    script
}

#[test]
fn a_healthy_cluster_breaks_nothing() {
    let failover = "
        b1 + c@0 ; b2 + c@0 ; b1 stop ; c 2 e1 p1 isr=2,3 ; b2 drops 1 e0 ; b2 leads e1 p1 isr=2,3
        b3 drops 1 e0 ; b3 follows 2 e1 p1 ; b3 pulls 2 e1 ; b3 + c@0 ; b2 + d@1 ; b3 + d@1 ; b2 hw 4 ; b3 hw 4
        b2 acks 3-3 ; b2 serves 0-4 ; b1 start ; b1 found a@0 b@0 c@0 hw=2 ; b1 register ; b1 unfence
        b1 follows 2 e1 p1 ; b1 pulls 2 e1 ; b1 + d@1 ; b2 asks isr=1,2,3 max=1,2,3 ; c 2 e1 p2
        b2 applies isr=1,2,3 p2 ; b1 hw 4
    ";
    let broken = broken_by(&JudgeConfig::default(), settled(failover).at(9_000).mark(Stage::FinalRead));
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn every_invariant_is_tripped_by_its_breach_and_not_by_a_near_miss() {
    for Case { invariant, trips, holds } in CASES {
        for text in *trips {
            let broken = broken_by(&JudgeConfig::default(), &settled(text));
            assert!(
                broken.contains(invariant),
                "{invariant} is not tripped by `{text}`, which breaks {broken:?}"
            );
        }
        for text in *holds {
            let broken = broken_by(&JudgeConfig::default(), &settled(text));
            assert!(!broken.contains(invariant), "{invariant} is tripped by `{text}`");
        }
    }
    let covered: BTreeSet<Anomaly> = CASES.iter().map(|case| case.invariant).collect();
    let all: BTreeSet<Anomaly> = Anomaly::ALL.iter().copied().filter(|it| it.is_invariant()).collect();
    assert_eq!(covered, all);
}

#[test]
fn a_follower_without_a_fetcher_is_a_breach_once_all_is_calm() {
    let mut script = settled("b2 drops 1 e0");
    assert!(broken_by(&JudgeConfig::default(), &script).is_empty());
    let broken = broken_by(&JudgeConfig::default(), script.at(9_000).mark(Stage::FinalRead));
    assert_eq!(broken, [Anomaly::FetcherValidity].into());
    // It is about to begin.
    let mut late = settled("c 1 e1 p1");
    late.at(8_500).replicas("b2 drops 1 e0 ; b2 follows 1 e1 p1").at(9_000).mark(Stage::FinalRead);
    assert!(broken_by(&JudgeConfig::default(), &late).is_empty());
}

/// The invariants that rest on durability.
const SUSPENDED: [Anomaly; 10] = [
    Anomaly::LeaderCompleteness,
    Anomaly::CandidateCompleteness,
    Anomaly::LogMatching,
    Anomaly::StrongIsr,
    Anomaly::WeakIsr,
    Anomaly::ValidHighWatermark,
    Anomaly::VerifiedHighWatermark,
    Anomaly::ConsistentRead,
    Anomaly::NoCommitLostGlobally,
    Anomaly::AckBelowMinIsr,
];

#[test]
fn a_forfeit_partition_suspends_what_rests_on_durability_and_nothing_else() {
    let allowed = JudgeConfig { unclean_allowed: ["x".into()].into(), ..JudgeConfig::default() };
    // An unclean election in another life of the partition: what follows is that of the settled cluster.
    let forfeit = "c 3 e-3 p-3 isr=3 ; c 1 e-2 p-2 isr=1";
    for Case { invariant, trips, .. } in CASES {
        for text in *trips {
            let mut script = Script::default();
            script.replicas(forfeit).replicas(SETTLED).replicas(text);
            for (config, suspended) in
                [(&allowed, SUSPENDED.contains(invariant)), (&JudgeConfig::default(), false)]
            {
                let broken = broken_by(config, &script).contains(invariant);
                assert_eq!(broken, !suspended, "{invariant} by `{text}`");
            }
        }
    }
}

#[test]
fn a_partition_is_suspended_from_the_moment_when_it_is_forfeit() {
    let allowed = JudgeConfig { unclean_allowed: ["x".into()].into(), ..JudgeConfig::default() };
    let shrunk = "c 1 e0 p1 isr=1 min=1 ; b1 applies isr=1 p1 ; b1 + c@0 ; b1 hw 3 ; b1 acks 2-2 ; b1 stop";
    let after = "c - e1 p2 isr=1 ; c 2 e2 p3 isr=2 ; b2 drops 1 e0 ; b2 leads e2 p3 isr=2";
    assert!(broken_by(&allowed, &settled(&format!("{shrunk} ; {after}"))).is_empty());
    let broken = broken_by(&JudgeConfig::default(), &settled(&format!("{shrunk} ; {after}")));
    assert!(broken.contains(&Anomaly::LeaderCompleteness), "{broken:?}");
    // What was broken before stays so.
    let early = format!("b1 + 2:c@0 ; b1 hw 3 ; {shrunk} ; {after}");
    assert!(broken_by(&allowed, &settled(&early)).contains(&Anomaly::CandidateCompleteness));
}

#[test]
fn a_damaged_member_does_not_count_until_it_joins_again() {
    let never = JudgeConfig { flush: FlushPolicy::Never, ..JudgeConfig::default() };
    let always = JudgeConfig { flush: FlushPolicy::EveryBatch, ..JudgeConfig::default() };
    let file = "x-0/00000000000000000000.log";
    let mut script = settled("");
    script.planned(0, "power-loss", false).injected(0, &["b3"]).lost(3, file);
    // Nobody noticed that it was away; its disk has forgotten what it had promised.
    script.replicas("b3 start ; b3 found a@0 ; b3 register ; b3 unfence");
    assert!(broken_by(&never, &script).is_empty());
    let broken = broken_by(&always, &script);
    let members = [Anomaly::CandidateCompleteness, Anomaly::StrongIsr, Anomaly::WeakIsr];
    assert!(members.iter().all(|member| broken.contains(member)), "{broken:?}");
    script.replicas("c 1 e0 p1 isr=1,2 ; c 1 e0 p2");
    assert!(broken_by(&never, &script).contains(&Anomaly::CandidateCompleteness));
}

#[test]
fn what_power_loss_took_is_nobodys_guess() {
    let mut script = settled("");
    script.planned(0, "power-loss", false).injected(0, &["b1", "b2", "b3"]);
    for broker in [1, 2, 3] {
        script.lost(broker, "x-0/0.log");
    }
    let always = JudgeConfig { flush: FlushPolicy::EveryBatch, ..JudgeConfig::default() };
    script.replicas("b1 start ; b1 found a@0 ; b2 start ; b2 found a@0");
    assert!(broken_by(&always, &script).is_empty(), "b3 may still have it");
    script.replicas("b3 start ; b3 found a@0");
    assert_eq!(broken_by(&always, &script), [Anomaly::NoCommitLostGlobally].into());
    // Where power loss may take it, that is permitted.
    assert!(broken_by(&JudgeConfig::default(), &script).is_empty());
}

#[test]
fn a_breach_says_what_broke_it_and_is_told_once() {
    let script = settled(
        "b1 + c@0 ; b1 acks 2-2 ; c 2 e1 p1 isr=2,3 ; b2 drops 1 e0 ; b2 leads e1 p1 isr=2,3
         b2 + x@1 ; c 2 e1 p2 isr=2 ; b2 applies isr=2 p2",
    );
    let report = InvariantMonitor::new(&JudgeConfig::default()).fold(&script.events);
    let [finding, other] = &report.findings[..] else { panic!("one finding: {:?}", report.findings) };
    assert_eq!((finding.anomaly, finding.count), (Anomaly::LeaderCompleteness, 1));
    assert_eq!(other.anomaly, Anomaly::AckBelowMinIsr);
    assert_eq!(finding.partition, Some(TopicPartition::new("x", 0)));
    assert_eq!(
        finding.what,
        "x/0 breaks W1 LeaderCompleteness: offset 2 was acknowledged to acks=all at 0.036s by b1 (epoch 0), and b2, which leads in epoch 1, lacks it"
    );
    let evidence = &finding.evidence[0];
    let transition = evidence.transition.as_ref().expect("a step broke it");
    assert_eq!(transition.event.as_ref().map(|event| event.change.name()), Some("became_leader"));
    let Some(Event::Trace(told)) = script.events.get(usize::try_from(transition.position).expect("is small"))
    else {
        panic!("a trace event")
    };
    assert_eq!((Some(told), told.time), (transition.event.as_ref(), evidence.time));
    assert_eq!(transition.before, "b2 follows b1, epoch 0, partition epoch 0, log end 2, high watermark 2");
    assert_eq!(
        transition.after,
        "b2 leads, in sync b2,b3, epoch 1, partition epoch 1, log end 2, high watermark 2"
    );
    assert_eq!((&evidence.brokers[..], &evidence.offsets[..]), (&[BrokerId(2)][..], &[Offset(2)][..]));
}

#[test]
fn a_breach_that_was_mended_counts_again() {
    let script = settled(
        "b1 + c@0 d@0 ; b2 + c@0 ; c 1 e0 p1 isr=1,2 ; b1 applies isr=1,2 p1 ; b1 hw 3
         c 1 e0 p2 ; b3 + c@0 ; b1 hw 3 ; c 1 e0 p3 isr=1,2 ; b1 applies isr=1,2 p3 ; b2 + d@0 ; b1 hw 4 ; c 1 e0 p4",
    );
    let report = InvariantMonitor::new(&JudgeConfig::default()).fold(&script.events);
    let of = |anomaly| report.findings.iter().find(|finding| finding.anomaly == anomaly).map(|it| it.count);
    assert_eq!(of(Anomaly::CandidateCompleteness), Some(2));
}

#[test]
fn the_judge_counts_a_breach_as_a_violation_and_stays_silent_of_what_was_not_told() {
    let mut script = settled("b1 hw 1");
    script.run("p0 S x:0=a ; p1 AF x:0 ; p1 RR x:0=a ; p1 E x:1");
    let config = JudgeConfig::default();
    let verdict = Judge::new(&config).fold(&script.events);
    assert_eq!(verdict.outcome, RunOutcome::Violation);
    assert_eq!(verdict.checkers["W10"], Verdict::Violation);
    assert_eq!(verdict.checkers["W1"], Verdict::Pass);
    let untold = Judge::new(&config).fold(&Script::of("p0 S x:0=a").events);
    assert!(!untold.checkers.keys().any(|name| name.starts_with('W')));
}
