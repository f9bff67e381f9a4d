//! The final read: once everything is at rest, a fresh consumer reads each partition from 0 to its end.
//!
//! It counts only if nothing moved meanwhile: where a leader epoch or an end is another one afterwards, it is
//! read again. Where it cannot be done in time it says so, since what was not read is not lost but unknown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use highwater_checkers::ids::{LeaderEpoch, Offset, TopicPartition};
use highwater_checkers::operation::{Body, Outcome, PartitionPosition, Phase};
use tokio::time::{Instant, sleep};

use super::consumer::{assign, poll};
use super::history::Lane;
use crate::system::{Client, Scope, Settled};

/// The pause between two questions whether the cluster has settled.
const SETTLE_PAUSE: Duration = Duration::from_millis(100);

/// How the final read ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinalRead {
    /// Everything in scope was read, and nothing moved meanwhile.
    Complete,
    /// It could not run to its end in time, and why.
    Incomplete(Arc<str>),
}

/// Where each partition ends, and under which leader.
type Ends = BTreeMap<TopicPartition, (LeaderEpoch, Offset)>;

/// Reads everything in `scope`, each time with a client from `fresh`, until nothing moved meanwhile or `limit`
/// is over; `operator` is asked whether the cluster has settled. The claim that the reading is complete, or
/// why it is not, is the last operation of `lane`.
pub(super) async fn run<C: Client>(
    operator: &mut C,
    fresh: impl Fn() -> C,
    scope: &Scope,
    mut lane: Lane,
    limit: Duration,
) -> FinalRead {
    let deadline = Instant::now() + limit;
    let mut reason: Arc<str> = "nothing was tried".into();
    while Instant::now() < deadline {
        match attempt(operator, &fresh, scope, &mut lane, deadline).await {
            Ok(ends) => {
                let end = |(id, (_, end)): (&TopicPartition, &(LeaderEpoch, Offset))| PartitionPosition {
                    partition: id.clone(),
                    offset: Some(*end),
                };
                lane.note(Phase::Final, Body::FinalRead(ends.iter().map(end).collect()));
                return FinalRead::Complete;
            }
            Err(why) => reason = why,
        }
        sleep(SETTLE_PAUSE).await;
    }
    let unread = |id: &TopicPartition| PartitionPosition { partition: id.clone(), offset: None };
    let claim = Body::FinalRead(scope.partitions.iter().map(unread).collect());
    lane.invoke(Phase::Final, claim.clone());
    lane.complete(Outcome::Fail, claim, Some(reason.clone()));
    FinalRead::Incomplete(reason)
}

/// One reading of everything between two moments of rest: the ends, if they are the same.
async fn attempt<C: Client>(
    operator: &mut C,
    fresh: &impl Fn() -> C,
    scope: &Scope,
    lane: &mut Lane,
    deadline: Instant,
) -> Result<Ends, Arc<str>> {
    let before = ends(operator, scope, deadline).await?;
    read(&mut fresh(), &before, lane, deadline).await?;
    let after = ends(operator, scope, deadline).await?;
    match before.iter().find(|(id, end)| after.get(*id) != Some(*end)) {
        None => Ok(before),
        Some((id, _)) => Err(format!("the end or the leader epoch of {id} changed while it was read").into()),
    }
}

/// Asks once where everything ends.
async fn ends(client: &mut impl Client, scope: &Scope, deadline: Instant) -> Result<Ends, Arc<str>> {
    let left = deadline.saturating_duration_since(Instant::now());
    match client.settled(scope, left).await {
        Settled::Yes(ends) => {
            let all = scope.partitions.iter().all(|id| ends.contains_key(id));
            if all { Ok(ends) } else { Err("the end of a partition is not known".into()) }
        }
        Settled::NotYet(reason) => Err(reason),
    }
}

/// Reads every partition from 0 to its end.
async fn read(
    client: &mut impl Client,
    ends: &Ends,
    lane: &mut Lane,
    deadline: Instant,
) -> Result<(), Arc<str>> {
    let mut positions: BTreeMap<_, _> = ends.keys().map(|id| (id.clone(), Offset(0))).collect();
    assign(lane, Phase::Final, &positions);
    loop {
        positions.retain(|id, position| *position < ends[id].1);
        let Some((id, position)) = positions.first_key_value() else { return Ok(()) };
        if Instant::now() >= deadline {
            let end = ends[id].1;
            return Err(format!("{id} was read up to {position} of {end} when the time was over").into());
        }
        poll(client, lane, Phase::Final, &mut positions).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use highwater_checkers::ids::{ClientId, Process, Time, Value};
    use highwater_checkers::operation::{Acks, Operation, Record};
    use highwater_workloads::scenario::Topic;

    use super::super::History;
    use super::*;
    use crate::system::{PartitionPoll, Polled, SendOutcome};

    /// A cluster of one partition, whose state is scripted: one answer a question whether it has settled.
    #[derive(Clone)]
    struct Scripted(Arc<Mutex<Script>>);

    struct Script {
        answers: Vec<Settled>,
        /// What a read returns, one record a poll.
        log: Vec<u64>,
        clients: u32,
    }

    impl Client for Scripted {
        async fn create_topics(&mut self, _: &[Topic], _: Duration) -> Result<(), Arc<str>> {
            unreachable!("the final read creates nothing")
        }

        async fn send(&mut self, _: &TopicPartition, _: Value, _: Acks, _: Duration) -> SendOutcome {
            unreachable!("the final read sends nothing")
        }

        async fn poll(&mut self, positions: &BTreeMap<TopicPartition, Offset>, wait: Duration) -> Polled {
            sleep(wait).await;
            let script = self.0.lock().unwrap();
            let read = positions.iter().filter_map(|(id, at)| {
                let value = Value(*script.log.get(usize::try_from(at.0).ok()?)?);
                let records = [Record { offset: *at, value }].into();
                Some((id.clone(), PartitionPoll::Read { records, next: at.plus(1), high_watermark: None }))
            });
            read.collect()
        }

        async fn settled(&mut self, _: &Scope, _: Duration) -> Settled {
            let mut script = self.0.lock().unwrap();
            if script.answers.len() > 1 { script.answers.remove(0) } else { script.answers[0].clone() }
        }
    }

    fn orders() -> TopicPartition {
        TopicPartition::new("orders", 0)
    }

    fn settled(epoch: i32, end: i64) -> Settled {
        Settled::Yes([(orders(), (LeaderEpoch(epoch), Offset(end)))].into())
    }

    /// The outcome, the history, and how many clients it took.
    async fn read(answers: Vec<Settled>, log: &[u64]) -> (FinalRead, Vec<Operation>, u32) {
        let history = Arc::new(Mutex::new(Vec::new()));
        let sink = history.clone();
        let recorded = History::new(Time::default, move |operation| sink.lock().unwrap().push(operation));
        let lane = Lane::new(recorded, ClientId(3), Process(0), 1);
        let scope = Scope { brokers: Vec::new(), partitions: BTreeSet::from([orders()]) };
        let script = Script { answers, log: log.to_vec(), clients: 0 };
        let cluster = Scripted(Arc::new(Mutex::new(script)));
        let fresh = || {
            cluster.0.lock().unwrap().clients += 1;
            cluster.clone()
        };
        let outcome = run(&mut cluster.clone(), fresh, &scope, lane, Duration::from_secs(30)).await;
        let (history, clients) = (history.lock().unwrap().clone(), cluster.0.lock().unwrap().clients);
        (outcome, history, clients)
    }

    fn values(history: &[Operation]) -> Vec<u64> {
        let reads = history.iter().flat_map(|operation| operation.body.reads());
        reads.flat_map(|read| read.records.iter()).map(|record| record.value.0).collect()
    }

    fn assigns(history: &[Operation]) -> usize {
        let assigned = |operation: &&Operation| {
            operation.outcome == Outcome::Ok && matches!(operation.body, Body::Assign(_))
        };
        history.iter().filter(assigned).count()
    }

    #[tokio::test(start_paused = true)]
    async fn everything_is_read_up_to_the_end() {
        let not_yet = Settled::NotYet("orders/0 has 2 of 3 replicas in sync".into());
        let (outcome, history, clients) = read(vec![not_yet, settled(4, 2)], &[70, 71, 72]).await;
        assert_eq!((outcome, clients), (FinalRead::Complete, 1));
        assert_eq!(values(&history), [70, 71], "what lies behind the end is not asked for");
        let claim = [PartitionPosition { partition: orders(), offset: Some(Offset(2)) }].into();
        let last = history.last().unwrap();
        assert_eq!((last.outcome, &last.body), (Outcome::Ok, &Body::FinalRead(claim)));
        assert!(history.iter().all(|operation| operation.phase == Phase::Final));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_read_again_when_something_moved_meanwhile() {
        for moved in [settled(5, 2), settled(4, 3)] {
            let answers = vec![settled(4, 2), moved.clone(), moved];
            let (outcome, history, clients) = read(answers, &[70, 71, 72]).await;
            assert_eq!((outcome, clients, assigns(&history)), (FinalRead::Complete, 2, 2));
            assert_eq!(values(&history)[..3], [70, 71, 70]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_read_in_time_is_unknown() {
        let never = Settled::NotYet("orders/0 has no leader".into());
        for (answers, log, why) in [
            (vec![never], &[70][..], "orders/0 has no leader"),
            (vec![settled(4, 2)], &[70], "orders/0 was read up to 1 of 2 when the time was over"),
        ] {
            let (outcome, history, _) = read(answers, log).await;
            assert_eq!(outcome, FinalRead::Incomplete(why.into()));
            let last = history.last().unwrap();
            assert_eq!((last.outcome, last.error.as_deref()), (Outcome::Fail, Some(why)));
            assert!(matches!(last.body, Body::FinalRead(_)));
        }
    }
}
