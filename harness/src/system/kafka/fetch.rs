//! Fetches: at most one under way to each leader, for all of its partitions at once.
//!
//! A poll returns as soon as one leader has answered and leaves the fetches to the others under way, so that a
//! leader that does not answer holds up nobody else's records.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use highwater_broker::env::Env;
use highwater_broker::wire::{Connection, RpcError};
use highwater_checkers::ids::{LeaderEpoch, Offset, TopicPartition};
use kafka_protocol::ResponseError;
use kafka_protocol::messages as k;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use tokio::time::Instant;
use uuid::Uuid;

use super::client::{CONNECT_TIMEOUT, KafkaClient};
use super::metadata::{Address, Metadata};
use super::{outcome, records};
use crate::system::{PartitionPoll, Polled};

/// How much longer than asked for a leader may hold back its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// The most that is fetched of one partition at once.
const PARTITION_BYTES_MAX: i32 = 1 << 20;
/// The most that is fetched of one leader at once; one frame holds it.
const FETCH_BYTES_MAX: i32 = 8 << 20;

/// The state of a client's reading.
pub(super) struct Fetches<E: Env> {
    under_way: BTreeMap<Address, UnderWay<E>>,
    idle: BTreeMap<Address, Connection<E>>,
    doubts: BTreeMap<TopicPartition, Doubt>,
    /// The last high watermark that was returned, so that an answer without news is no news.
    high_watermarks: BTreeMap<TopicPartition, Offset>,
}

impl<E: Env> Default for Fetches<E> {
    fn default() -> Self {
        Self {
            under_way: BTreeMap::new(),
            idle: BTreeMap::new(),
            doubts: BTreeMap::new(),
            high_watermarks: BTreeMap::new(),
        }
    }
}

/// A fetch that was sent and not answered yet.
struct UnderWay<E: Env> {
    asked: BTreeMap<TopicPartition, Asked>,
    answer: Pin<Box<dyn Future<Output = Answer<E>> + Send>>,
}

/// What a fetch asked for of a partition.
#[derive(Clone, Copy)]
struct Asked {
    topic_id: Uuid,
    offset: Offset,
    epoch: LeaderEpoch,
}

/// How a fetch ended; the connection is good for the next one if it is there.
type Answer<E> = (Result<k::FetchResponse, RpcError>, Option<Connection<E>>);

/// A leader refused a position. It may be one that does not know of its successor, with a shorter log: it is
/// believed once most brokers were asked, none knew of a newer leader, and it refuses again.
struct Doubt {
    epoch: LeaderEpoch,
    checked: bool,
}

impl<E: Env> Fetches<E> {
    /// Whether a refusal waits for the other brokers' word.
    pub(super) fn in_doubt(&self) -> bool {
        self.doubts.values().any(|doubt| !doubt.checked)
    }

    /// `metadata` has most brokers' word: the leaders it names are the current ones, as far as can be known.
    pub(super) fn check_doubts(&mut self, metadata: &Metadata) {
        for (id, doubt) in &mut self.doubts {
            doubt.checked = true;
            doubt.epoch = metadata.partitions.get(id).map_or(doubt.epoch, |known| known.leader_epoch);
        }
    }

    /// Whether the refusal of a position by the leader of `epoch` is final; if not, it is in doubt from now on.
    fn is_final(&mut self, id: &TopicPartition, epoch: LeaderEpoch) -> bool {
        let is_final = self.doubts.get(id).is_some_and(|doubt| doubt.checked && doubt.epoch == epoch);
        if is_final {
            self.doubts.remove(id);
        } else {
            self.doubts.insert(id.clone(), Doubt { epoch, checked: false });
        }
        is_final
    }

    /// Waits until a fetch has ended, and takes all that have: in the order of addresses, so that a run is
    /// the same each time.
    async fn next_answers(&mut self) -> Vec<(Address, BTreeMap<TopicPartition, Asked>, Answer<E>)> {
        poll_fn(|context| {
            let mut answers = Vec::new();
            for (address, fetch) in &mut self.under_way {
                if let Poll::Ready(answer) = fetch.answer.as_mut().poll(context) {
                    answers.push((address.clone(), answer));
                }
            }
            if answers.is_empty() {
                return Poll::Pending;
            }
            let taken = answers.into_iter().map(|(address, answer)| {
                let fetch = self.under_way.remove(&address).expect("it was polled just now");
                (address, fetch.asked, answer)
            });
            Poll::Ready(taken.collect())
        })
        .await
    }
}

impl<E: Env> KafkaClient<E> {
    /// One poll: see [`crate::system::Client::poll`].
    pub(super) async fn fetch(
        &mut self,
        positions: &BTreeMap<TopicPartition, Offset>,
        max_wait: Duration,
    ) -> Polled {
        // A failure to refresh leaves the leaders that are known.
        let refreshed = self.refresh(Instant::now() + ANSWER_TIMEOUT).await;
        let mut polled = Polled::new();
        let mut wanted: BTreeMap<Address, BTreeMap<TopicPartition, Asked>> = BTreeMap::new();
        for (id, offset) in positions {
            if let Some((address, known)) = self.metadata.leader(id) {
                let asked = Asked { topic_id: known.topic_id, offset: *offset, epoch: known.leader_epoch };
                wanted.entry(address.clone()).or_default().insert(id.clone(), asked);
            } else {
                let unknown = || format!("no leader of {id} is known").into();
                let reason = refreshed.as_ref().err().cloned().unwrap_or_else(unknown);
                polled.insert(id.clone(), PartitionPoll::Error(reason));
                self.stale = true;
            }
        }
        for (address, asked) in wanted {
            if !self.fetches.under_way.contains_key(&address) {
                self.start_fetch(address, asked, max_wait);
            }
        }
        if self.fetches.under_way.is_empty() {
            return polled;
        }
        for (address, asked, (answer, connection)) in self.fetches.next_answers().await {
            if let Some(connection) = connection {
                self.fetches.idle.insert(address.clone(), connection);
            }
            match answer {
                Ok(response) => self.take_records(positions, &asked, &response, &mut polled),
                Err(error) => self.take_failure(&address, &asked, &error, &mut polled),
            }
        }
        polled
    }

    fn start_fetch(&mut self, address: Address, asked: BTreeMap<TopicPartition, Asked>, max_wait: Duration) {
        let request = request(&asked, max_wait);
        let idle = self.fetches.idle.remove(&address);
        let (env, name, Address { host, port }) = (self.env.clone(), self.name.clone(), address.clone());
        let answer = Box::pin(async move {
            let opened = match idle {
                Some(connection) => Ok(connection),
                None => Connection::open(&env, &host, port, &name, CONNECT_TIMEOUT).await,
            };
            let mut connection = match opened {
                Ok(connection) => connection,
                Err(error) => return (Err(error), None),
            };
            let answer = connection.call(&request, max_wait + ANSWER_TIMEOUT).await;
            let connection = answer.is_ok().then_some(connection);
            (answer, connection)
        });
        self.fetches.under_way.insert(address, UnderWay { asked, answer });
    }

    /// What a leader answered, where the question still stands.
    fn take_records(
        &mut self,
        positions: &BTreeMap<TopicPartition, Offset>,
        asked: &BTreeMap<TopicPartition, Asked>,
        response: &k::FetchResponse,
        polled: &mut Polled,
    ) {
        let mut answered = BTreeSet::new();
        for topic in &response.responses {
            for data in &topic.partitions {
                let is_this = |(id, asked): &(&TopicPartition, &Asked)| {
                    id.partition == data.partition_index && asked.topic_id == topic.topic_id
                };
                let Some((id, asked)) = asked.iter().find(is_this) else { continue };
                answered.insert(id);
                // Meanwhile another leader may have answered it.
                if positions.get(id) == Some(&asked.offset)
                    && let Some(result) = self.take_partition(id, *asked, data)
                {
                    polled.insert(id.clone(), result);
                }
            }
        }
        for id in asked.keys().filter(|id| !answered.contains(id)) {
            self.stale = true;
            polled.insert(id.clone(), PartitionPoll::Error(outcome::name(response.error_code)));
        }
    }

    fn take_partition(
        &mut self,
        id: &TopicPartition,
        asked: Asked,
        data: &PartitionData,
    ) -> Option<PartitionPoll> {
        if let Some(error) = ResponseError::try_from_code(data.error_code) {
            self.stale = true;
            let refused = error == ResponseError::OffsetOutOfRange && self.fetches.is_final(id, asked.epoch);
            let reason = || PartitionPoll::Error(outcome::name(data.error_code));
            return Some(if refused { PartitionPoll::OutOfRange } else { reason() });
        }
        self.fetches.doubts.remove(id);
        let high_watermark = (data.high_watermark >= 0).then_some(Offset(data.high_watermark));
        match records::decode(data.records.clone().unwrap_or_default(), asked.offset) {
            Ok((records, next)) => {
                let moved = match high_watermark {
                    Some(offset) => self.fetches.high_watermarks.insert(id.clone(), offset) != Some(offset),
                    None => false,
                };
                let is_news = moved || next != asked.offset;
                is_news.then_some(PartitionPoll::Read { records, next, high_watermark })
            }
            Err(error) => {
                self.stale = true;
                Some(PartitionPoll::Error(format!("a malformed batch from {}: {error}", asked.offset).into()))
            }
        }
    }

    /// A fetch without an answer says something of the partitions that are still led there.
    fn take_failure(
        &mut self,
        address: &Address,
        asked: &BTreeMap<TopicPartition, Asked>,
        error: &RpcError,
        polled: &mut Polled,
    ) {
        for id in asked.keys() {
            if self.metadata.leader(id).is_some_and(|(leader, _)| leader == address) {
                self.stale = true;
                polled.insert(id.clone(), PartitionPoll::Error(outcome::reason(error)));
            }
        }
    }
}

/// A consumer's fetch of everything asked for, as soon as there is one byte.
fn request(asked: &BTreeMap<TopicPartition, Asked>, max_wait: Duration) -> k::FetchRequest {
    let mut topics: BTreeMap<Uuid, Vec<FetchPartition>> = BTreeMap::new();
    for (id, asked) in asked {
        let partition = FetchPartition::default()
            .with_partition(id.partition)
            .with_current_leader_epoch(asked.epoch.0)
            .with_fetch_offset(asked.offset.0)
            .with_partition_max_bytes(PARTITION_BYTES_MAX);
        topics.entry(asked.topic_id).or_default().push(partition);
    }
    let topics = topics.into_iter().map(|(topic_id, partitions)| {
        FetchTopic::default().with_topic_id(topic_id).with_partitions(partitions)
    });
    k::FetchRequest::default()
        .with_max_wait_ms(i32::try_from(max_wait.as_millis()).unwrap_or(i32::MAX))
        .with_min_bytes(1)
        .with_max_bytes(FETCH_BYTES_MAX)
        .with_topics(topics.collect())
}
