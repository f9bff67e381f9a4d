//! The controller's answers to the requests of brokers and clients.
//!
//! Whoever is not the active controller answers NOT_CONTROLLER. So does one that loses its term while a
//! command is undecided: its effect is unknown then, as it is after REQUEST_TIMED_OUT.

use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages as k;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{alter_partition_request, alter_partition_response};
use kafka_protocol::protocol::StrBytes;
use rand::Rng as _;
use uuid::Uuid;

use super::METADATA_TOPIC;
use super::active::Controller;
use super::command::{Alteration, Command};
use super::outcome::{Answer, Rejection};
use super::state::{ClusterState, PartitionRecord, TopicConfig};
use crate::env::Env;
use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch};

/// A refusal together with words for whoever asked.
type Refusal = (ResponseError, String);

impl<E: Env> Controller<E> {
    /// Registers a process of a broker. It is fenced until a heartbeat says that it has caught up.
    pub async fn broker_registration(
        &self,
        request: k::BrokerRegistrationRequest,
    ) -> k::BrokerRegistrationResponse {
        let response = k::BrokerRegistrationResponse::default().with_broker_epoch(-1);
        let Some(listener) = request.listeners.first() else {
            return response.with_error_code(ResponseError::InvalidRequest.code());
        };
        let command = Command::RegisterBroker {
            broker: BrokerId(request.broker_id.0),
            incarnation: request.incarnation_id,
            host: listener.host.to_string(),
            port: listener.port,
        };
        match self.submit(command).await {
            Ok(Answer::Registered(epoch)) => response.with_broker_epoch(epoch.0),
            Ok(answer) => unreachable!("a registration is not answered by {answer:?}"),
            Err(error) => response.with_error_code(error.code()),
        }
    }

    /// Keeps a broker's session alive; unfences it once it has caught up with its own registration, and
    /// lets it stop when it wants to.
    pub async fn broker_heartbeat(&self, request: k::BrokerHeartbeatRequest) -> k::BrokerHeartbeatResponse {
        let response = k::BrokerHeartbeatResponse::default().with_is_fenced(true);
        match self.heartbeat(&request).await {
            Ok(state) => {
                let record = &state.brokers[&BrokerId(request.broker_id.0)];
                response
                    .with_is_caught_up(request.current_metadata_offset >= request.broker_epoch)
                    .with_is_fenced(record.fenced)
                    .with_should_shut_down(record.shutting_down)
            }
            Err(error) => response.with_error_code(error.code()),
        }
    }

    /// The state after a heartbeat and what it asked for.
    async fn heartbeat(
        &self,
        request: &k::BrokerHeartbeatRequest,
    ) -> Result<Arc<ClusterState>, ResponseError> {
        let broker = BrokerId(request.broker_id.0);
        let broker_epoch = BrokerEpoch(request.broker_epoch);
        let state = self.active().ok_or(ResponseError::NotController)?;
        let record = state
            .brokers
            .get(&broker)
            .filter(|record| record.epoch == broker_epoch)
            .ok_or(ResponseError::StaleBrokerEpoch)?;
        self.heard_of(broker);

        let caught_up = request.current_metadata_offset >= request.broker_epoch;
        let command = if request.want_shut_down && !record.shutting_down {
            Command::BeginShutdown { broker, broker_epoch }
        } else if request.want_fence && !record.fenced {
            Command::FenceBroker { broker, broker_epoch }
        } else if record.fenced && caught_up && !request.want_fence && !record.shutting_down {
            Command::UnfenceBroker { broker, broker_epoch }
        } else {
            return Ok(state);
        };
        self.submit(command).await?;
        self.active().ok_or(ResponseError::NotController)
    }

    /// Changes the ISRs of partitions on behalf of their leader (KIP-497, KIP-903). Only INELIGIBLE_REPLICA
    /// says for certain that the request had and will have no effect.
    pub async fn alter_partition(&self, request: k::AlterPartitionRequest) -> k::AlterPartitionResponse {
        let command = Command::AlterPartition {
            broker: BrokerId(request.broker_id.0),
            broker_epoch: BrokerEpoch(request.broker_epoch),
            alterations: request.topics.iter().flat_map(alterations).collect(),
        };
        match self.submit(command).await {
            Ok(Answer::Altered(results)) => {
                let mut results = results.into_iter();
                let topics = request.topics.iter().map(|topic| altered_topic(topic, &mut results));
                k::AlterPartitionResponse::default().with_topics(topics.collect())
            }
            Ok(answer) => unreachable!("an alteration is not answered by {answer:?}"),
            Err(error) => k::AlterPartitionResponse::default().with_error_code(error.code()),
        }
    }

    /// Creates topics, each by itself, with replicas spread over the brokers.
    pub async fn create_topics(&self, request: k::CreateTopicsRequest) -> k::CreateTopicsResponse {
        let mut results = Vec::with_capacity(request.topics.len());
        for topic in &request.topics {
            let result = CreatableTopicResult::default().with_name(topic.name.clone());
            results.push(match self.create_topic(topic, request.validate_only).await {
                Ok(id) => result
                    .with_topic_id(id)
                    .with_num_partitions(defaulted(topic.num_partitions))
                    .with_replication_factor(defaulted(topic.replication_factor)),
                Err((error, message)) => result
                    .with_error_code(error.code())
                    .with_error_message(Some(StrBytes::from_string(message)))
                    .with_num_partitions(-1)
                    .with_replication_factor(-1),
            });
        }
        k::CreateTopicsResponse::default().with_topics(results)
    }

    async fn create_topic(&self, topic: &CreatableTopic, validate_only: bool) -> Result<Uuid, Refusal> {
        if validate_only {
            return Err((ResponseError::InvalidRequest, "validate_only is not supported".to_owned()));
        }
        check_name(&topic.name)?;
        if !topic.assignments.is_empty() {
            let message = "replicas are placed by the controller: leave out the assignments".to_owned();
            return Err((ResponseError::InvalidReplicaAssignment, message));
        }
        let config = configured(self.config.topic_defaults, &topic.configs)?;
        let number = |number: i32| u32::try_from(number).unwrap_or(0);
        let id = self.new_topic_id();
        let command = Command::CreateTopic {
            name: topic.name.as_str().into(),
            id,
            partitions: number(defaulted(topic.num_partitions)),
            replication: number(defaulted(topic.replication_factor).into()),
            config,
        };
        self.submit(command).await.map(|_| id).map_err(|error| (error, error.to_string()))
    }

    /// A random id (UUID version 4), from the node's seeded stream.
    fn new_topic_id(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.env.rng("topic id").fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// Deletes topics, each by itself, given by name or by id.
    pub async fn delete_topics(&self, request: k::DeleteTopicsRequest) -> k::DeleteTopicsResponse {
        let mut results = Vec::with_capacity(request.topics.len());
        for topic in &request.topics {
            let result =
                DeletableTopicResult::default().with_name(topic.name.clone()).with_topic_id(topic.topic_id);
            results.push(match self.delete_topic(topic).await {
                Ok(id) => result.with_topic_id(id),
                Err(error) => result.with_error_code(error.code()),
            });
        }
        k::DeleteTopicsResponse::default().with_responses(results)
    }

    async fn delete_topic(&self, topic: &DeleteTopicState) -> Result<Uuid, ResponseError> {
        let state = self.active().ok_or(ResponseError::NotController)?;
        let id = match &topic.name {
            Some(name) => {
                let record = state.topics.get(name.as_str());
                record.map(|record| record.id).ok_or(ResponseError::UnknownTopicOrPartition)?
            }
            None => topic.topic_id,
        };
        self.submit(Command::DeleteTopic { id }).await.map(|_| id)
    }
}

fn alterations(topic: &alter_partition_request::TopicData) -> impl Iterator<Item = Alteration> {
    topic.partitions.iter().map(|partition| Alteration {
        topic_id: topic.topic_id,
        partition: partition.partition_index,
        leader_epoch: LeaderEpoch(partition.leader_epoch),
        partition_epoch: PartitionEpoch(partition.partition_epoch),
        new_isr: partition
            .new_isr_with_epochs
            .iter()
            .map(|member| (BrokerId(member.broker_id.0), BrokerEpoch(member.broker_epoch)))
            .collect(),
    })
}

/// The answer for one topic of a request, whose partitions take the next of `results`.
fn altered_topic(
    topic: &alter_partition_request::TopicData,
    results: &mut impl Iterator<Item = Result<PartitionRecord, Rejection>>,
) -> alter_partition_response::TopicData {
    let partitions = topic.partitions.iter().map(|partition| {
        let altered = alter_partition_response::PartitionData::default()
            .with_partition_index(partition.partition_index);
        match results.next().expect("every alteration has a result") {
            Ok(record) => altered
                .with_leader_id(record.leader.map_or(-1, |leader| leader.0).into())
                .with_leader_epoch(record.leader_epoch.0)
                .with_isr(record.isr.iter().map(|member| member.0.into()).collect())
                .with_leader_recovery_state(record.recovering.into())
                .with_partition_epoch(record.partition_epoch.0),
            Err(rejection) => altered.with_error_code(rejection.kafka().code()),
        }
    });
    alter_partition_response::TopicData::default()
        .with_topic_id(topic.topic_id)
        .with_partitions(partitions.collect())
}

/// Kafka's default of one, for which a request says -1 (KIP-464).
fn defaulted<N: From<i8> + PartialEq>(number: N) -> N {
    if number == N::from(-1) { N::from(1) } else { number }
}

/// Kafka's rule for the names of topics, which are part of file names.
fn check_name(name: &str) -> Result<(), Refusal> {
    let refuse =
        |why: &str| Err((ResponseError::InvalidTopicException, format!("topic name `{name}`: {why}")));
    if name == METADATA_TOPIC {
        return refuse("it is the cluster's own");
    }
    if name.is_empty() || name.len() > 249 || name == "." || name == ".." {
        return refuse("it must have 1 to 249 characters, and be neither `.` nor `..`");
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
        return refuse("only ASCII letters, digits, `.`, `_` and `-` are allowed");
    }
    Ok(())
}

/// `defaults`, overridden by what a request configures.
fn configured(defaults: TopicConfig, configs: &[CreatableTopicConfig]) -> Result<TopicConfig, Refusal> {
    let mut config = defaults;
    for CreatableTopicConfig { name, value, .. } in configs {
        let value = value.as_deref().unwrap_or_default();
        let invalid = |wanted: &str| {
            (ResponseError::InvalidConfig, format!("topic config `{}`: `{value}` is not {wanted}", &**name))
        };
        match &**name {
            "min.insync.replicas" => {
                config.min_insync_replicas = value
                    .parse()
                    .ok()
                    .filter(|replicas| *replicas >= 1)
                    .ok_or_else(|| invalid("a number from 1"))?;
            }
            "unclean.leader.election.enable" => {
                config.unclean_leader_election = value.parse().map_err(|_| invalid("`true` or `false`"))?;
            }
            unknown => {
                let message = format!(
                    "topic config `{unknown}` is unknown; known are `min.insync.replicas` and \
                     `unclean.leader.election.enable`"
                );
                return Err((ResponseError::InvalidConfig, message));
            }
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<TopicConfig, ResponseError> {
        let text = |text: &str| StrBytes::from_string(text.to_owned());
        let configs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| {
                CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
            })
            .collect();
        configured(TopicConfig::default(), &configs).map_err(|(error, _)| error)
    }

    #[test]
    fn topic_configs_override_the_defaults() {
        assert_eq!(config(&[]), Ok(TopicConfig::default()));
        let both = [("min.insync.replicas", "2"), ("unclean.leader.election.enable", "true")];
        assert_eq!(config(&both), Ok(TopicConfig { min_insync_replicas: 2, unclean_leader_election: true }));
    }

    #[test]
    fn bad_topic_configs_are_refused() {
        for bad in [
            ("min.insync.replicas", "0"),
            ("min.insync.replicas", "two"),
            ("unclean.leader.election.enable", "yes"),
            ("retention.ms", "1000"),
        ] {
            assert_eq!(config(&[bad]), Err(ResponseError::InvalidConfig), "{bad:?}");
        }
    }

    #[test]
    fn topic_names_are_those_that_kafka_takes() {
        for good in ["orders", "a", "A.b_c-1", &"x".repeat(249)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "ä", "a b", METADATA_TOPIC, &"x".repeat(250)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn minus_one_stands_for_the_default() {
        assert_eq!((defaulted(-1i32), defaulted(-1i16), defaulted(3i32), defaulted(0i32)), (1, 1, 3, 0));
    }
}
