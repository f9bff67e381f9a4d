//! The trace events of the control plane, in the vocabulary of the target `highwater::replica`.
//!
//! Told by whoever applies an entry to its published state, in the same poll and before it is published:
//! controllers and brokers alike. An entry has the same offset wherever it is told.

use tracing::{Level, event};

use super::outcome::Change;
use super::state::ClusterState;
use crate::ids::BrokerId;
use crate::trace::{TARGET, join};

/// Tells what the entry at `state.offset` changed, as `teller` sees it.
pub(super) fn applied(teller: BrokerId, state: &ClusterState, changes: &[Change]) {
    let offset = state.offset.0;
    for change in changes {
        match change {
            // Told by the controller itself: nobody can act in its term before it has applied the entry.
            Change::Controller if state.controller == Some(teller) => event!(
                target: TARGET, Level::INFO, event = "became_controller",
                broker = teller.0, controller_epoch = state.controller_epoch.0, offset,
            ),
            Change::Controller => (),
            Change::Broker(subject) => {
                let record = &state.brokers[subject];
                event!(
                    target: TARGET, Level::INFO, event = "broker_changed",
                    broker = teller.0, offset, subject = subject.0,
                    broker_epoch = record.epoch.0, fenced = record.fenced,
                );
            }
            Change::Partition { partition, unclean } => {
                let record = state.partition(partition).expect("a partition that changed is there");
                let min_isr = state.topics[&partition.topic].config.min_insync_replicas;
                event!(
                    target: TARGET, Level::INFO, event = "partition_changed",
                    broker = teller.0, offset,
                    topic = &*partition.topic, partition = partition.partition,
                    leader = record.leader.map_or(-1, |leader| leader.0),
                    leader_epoch = record.leader_epoch.0, partition_epoch = record.partition_epoch.0,
                    isr = join(&record.isr).as_str(), replicas = join(&record.replicas).as_str(),
                    min_isr, unclean, controller_epoch = state.controller_epoch.0,
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt;
    use std::sync::{Arc, Mutex, PoisonError};

    use tracing::field::{Field, Visit};
    use tracing::{Event, Metadata, Subscriber, span, subscriber};
    use uuid::Uuid;

    use super::*;
    use crate::controller::command::{Command, Proposal};
    use crate::controller::state::TopicConfig;
    use crate::ids::ControllerEpoch;

    type Told = Arc<Mutex<Vec<BTreeMap<&'static str, String>>>>;

    /// Keeps every event of our target as the texts of its fields.
    struct Listener(Told);

    impl Subscriber for Listener {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == TARGET
        }

        fn event(&self, event: &Event<'_>) {
            let mut fields = Fields(BTreeMap::new());
            event.record(&mut fields);
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fields.0);
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    struct Fields(BTreeMap<&'static str, String>);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            self.0.insert(field.name(), format!("{value:?}"));
        }
    }

    /// What node `teller` tells while these commands are applied, each event as `field=value` pairs.
    fn told(teller: i32, commands: &[Command]) -> Vec<String> {
        let events = Told::default();
        subscriber::with_default(Listener(Arc::clone(&events)), || {
            let mut state = ClusterState::default();
            for (sequence, command) in (0..).zip(commands.iter().cloned()) {
                let proposal = Proposal { controller_epoch: ControllerEpoch(3), sequence, command };
                let outcome = state.apply(state.offset.next(), ControllerEpoch(3), Some(&proposal));
                applied(BrokerId(teller), &state, &outcome.changes);
            }
        });
        let events = events.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = |event: &BTreeMap<&str, String>| {
            let pairs: Vec<String> = event.iter().map(|(field, value)| format!("{field}={value}")).collect();
            pairs.join(" ")
        };
        events.iter().map(pairs).collect()
    }

    #[test]
    fn every_change_is_told_in_full() {
        let register = |broker| Command::RegisterBroker {
            broker: BrokerId(broker),
            incarnation: Uuid::nil(),
            host: "b".to_owned(),
            port: 9092,
        };
        let unfence = |broker, epoch| Command::UnfenceBroker {
            broker: BrokerId(broker),
            broker_epoch: crate::ids::BrokerEpoch(epoch),
        };
        let commands = [
            Command::BecomeController { node: BrokerId(1) },
            register(1),
            register(2),
            unfence(1, 2),
            unfence(2, 3),
            Command::CreateTopic {
                name: "orders".into(),
                id: Uuid::from_u128(1),
                partitions: 1,
                replication: 2,
                config: TopicConfig::default(),
            },
            Command::FenceBroker { broker: BrokerId(1), broker_epoch: crate::ids::BrokerEpoch(2) },
        ];
        let expected = [
            r#"broker=1 controller_epoch=3 event="became_controller" offset=1"#,
            r#"broker=1 broker_epoch=2 event="broker_changed" fenced=true offset=2 subject=1"#,
            r#"broker=1 broker_epoch=3 event="broker_changed" fenced=true offset=3 subject=2"#,
            r#"broker=1 broker_epoch=2 event="broker_changed" fenced=false offset=4 subject=1"#,
            r#"broker=1 broker_epoch=3 event="broker_changed" fenced=false offset=5 subject=2"#,
            r#"broker=1 controller_epoch=3 event="partition_changed" isr="1,2" leader=1 leader_epoch=0 min_isr=1 offset=6 partition=0 partition_epoch=0 replicas="1,2" topic="orders" unclean=false"#,
            r#"broker=1 broker_epoch=2 event="broker_changed" fenced=true offset=7 subject=1"#,
            r#"broker=1 controller_epoch=3 event="partition_changed" isr="2" leader=2 leader_epoch=1 min_isr=1 offset=7 partition=0 partition_epoch=1 replicas="1,2" topic="orders" unclean=false"#,
        ];
        assert_eq!(told(1, &commands), expected);
        let elsewhere: Vec<String> =
            expected[1..].iter().map(|event| event.replacen("broker=1", "broker=2", 1)).collect();
        assert_eq!(told(2, &commands), elsewhere, "the controller alone tells that it took over");
    }
}
