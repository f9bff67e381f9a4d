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

/// Reads everything in `scope` with a client from `fresh`, again and again until nothing moved meanwhile, or
/// `limit` is over. The claim that it is complete is the last operation of `lane`.
pub(super) async fn run<C: Client>(
    fresh: impl Fn() -> C,
    scope: &Scope,
    mut lane: Lane,
    limit: Duration,
) -> FinalRead {
    let deadline = Instant::now() + limit;
    let mut reason: Arc<str> = "nothing was tried".into();
    while Instant::now() < deadline {
        let mut client = fresh();
        match attempt(&mut client, scope, &mut lane, deadline).await {
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
async fn attempt(
    client: &mut impl Client,
    scope: &Scope,
    lane: &mut Lane,
    deadline: Instant,
) -> Result<Ends, Arc<str>> {
    let before = ends(client, scope, deadline).await?;
    read(client, &before, lane, deadline).await?;
    let after = ends(client, scope, deadline).await?;
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
