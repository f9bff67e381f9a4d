//! `Produce`: append, then wait for as much replication as the producer asked for.

use std::sync::Arc;
use std::time::Duration;

use k::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages as k;
use tokio::time::Instant;

use super::handler::Handler;
use crate::env::Env;
use crate::ids::{LeaderEpoch, Offset, TopicPartition};
use crate::mutant::Mutant;
use crate::replica::Partition;
use crate::trace;

/// The longest that a producer may have its request wait.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);

/// A partition's records, appended, and what they wait for.
struct Appended<E: Env> {
    partition: Arc<Partition<E>>,
    epoch: LeaderEpoch,
    base: Offset,
    last: Offset,
}

impl<E: Env> Handler<E> {
    /// None for acks 0, which has no answer.
    pub(super) async fn produce(&self, request: k::ProduceRequest) -> Option<k::ProduceResponse> {
        let acks = request.acks;
        let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0)).min(TIMEOUT_MAX);
        let deadline = Instant::now() + timeout;

        // All partitions append before any of them waits.
        let mut topics = Vec::with_capacity(request.topic_data.len());
        for topic in request.topic_data {
            let name: Arc<str> = topic.name.as_str().into();
            let mut partitions = Vec::with_capacity(topic.partition_data.len());
            for data in topic.partition_data {
                let tp = TopicPartition::new(Arc::clone(&name), data.index);
                partitions.push((data.index, self.append(&tp, data.records, acks).await));
            }
            topics.push((topic.name, partitions));
        }

        let mut responses = Vec::with_capacity(topics.len());
        for (name, partitions) in topics {
            let mut answers = Vec::with_capacity(partitions.len());
            for (index, appended) in partitions {
                let result = match appended {
                    Ok(appended) => self.acknowledge(&appended, acks, deadline).await,
                    Err(code) => Err(code),
                };
                let answer = PartitionProduceResponse::default().with_index(index);
                answers.push(match result {
                    Ok(base) => answer.with_base_offset(base.0).with_log_start_offset(0),
                    Err(code) => answer.with_error_code(code).with_base_offset(-1),
                });
            }
            responses.push(TopicProduceResponse::default().with_name(name).with_partition_responses(answers));
        }
        (acks != 0).then(|| k::ProduceResponse::default().with_responses(responses))
    }

    async fn append(
        &self,
        tp: &TopicPartition,
        records: Option<bytes::Bytes>,
        acks: i16,
    ) -> Result<Appended<E>, i16> {
        if !(-1..=1).contains(&acks) {
            return Err(ResponseError::InvalidRequiredAcks.code());
        }
        let partition = self.replicas.partition(tp).ok_or_else(|| self.not_hosted(tp).code())?;
        let records = records.unwrap_or_default();
        match partition.produce(records, acks == -1).await {
            Ok((appended, epoch)) => {
                Ok(Appended { partition, epoch, base: appended.base, last: appended.last })
            }
            Err(error) => Err(self.code_of(tp, error)),
        }
    }

    async fn acknowledge(&self, appended: &Appended<E>, acks: i16, deadline: Instant) -> Result<Offset, i16> {
        let Appended { partition, epoch, base, last } = appended;
        if acks == -1 && !self.context.config.mutants.has(Mutant::AckBeforeHw) {
            partition.replicated(*epoch, *last, deadline).await.map_err(|error| error.code())?;
        }
        if acks != 0 {
            trace::acknowledged(self.context.config.id, &partition.tp, (*base, *last), *epoch, acks);
        }
        Ok(*base)
    }

    /// What to say of a partition that is not hosted here: that others have it, or that nobody does.
    pub(super) fn not_hosted(&self, tp: &TopicPartition) -> ResponseError {
        let cluster = self.cluster.borrow();
        let partitions = cluster.topics.get(&tp.topic).map_or(0, |topic| topic.partitions.len());
        match usize::try_from(tp.partition) {
            Ok(number) if number < partitions => ResponseError::NotLeaderOrFollower,
            _ => ResponseError::UnknownTopicOrPartition,
        }
    }
}
