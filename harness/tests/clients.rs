//! The workload's clients on a queue without faults or network: rates, values, processes, phases.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use highwater::clients::{self, FinalRead, History, Phase, Progress, Stage};
use highwater::system::kafka::KafkaReference;
use highwater::system::{Client, PartitionPoll, Polled, Scope, SendOutcome, Settled, System};
use highwater::world::sim::{SimConfig, SimWorld};
use highwater::world::{Life, World};
use highwater_broker::env::Env;
use highwater_broker::watch;
use highwater_checkers::ids::{LeaderEpoch, Offset, Process, Time, TopicPartition, Value};
use highwater_checkers::operation::{self, Acks, Body, Operation, Outcome, Record};
use highwater_workloads::scenario::{Cluster, Topic, Vocabulary, parse};
use highwater_workloads::{Host, Plan};
use tokio::time::{Instant, sleep};

const SCENARIO: &str = "
version: 1
name: clients
system: kafka
cluster: { brokers: 1 }
topics:
  - { name: orders, partitions: 2, replication: 1 }
clients:
  - producer: { count: 2, topic: orders, rate: 100/s, in_flight: 3, timeout: 1s }
  - consumer: { count: 1, topic: orders }
run: { duration: 5s }
";

/// How long a send takes.
const SEND: Duration = Duration::from_millis(12);

/// A queue that all clients share. Every tenth send to it goes without an answer; of those, every tenth is in
/// the log all the same.
#[derive(Clone, Default)]
struct Queue(Arc<Mutex<Logs>>);

#[derive(Default)]
struct Logs {
    records: BTreeMap<TopicPartition, Vec<Value>>,
    sends: u64,
    created: bool,
}

impl System for Queue {
    type Client<E: Env> = Self;

    fn vocabulary(&self) -> Vocabulary {
        KafkaReference.vocabulary()
    }

    fn node<E: Env>(
        &self,
        _: Life<E>,
        _: &Cluster,
        _: Host,
    ) -> impl Future<Output = Result<(), String>> + Send + use<E> {
        pending()
    }

    fn client<E: Env>(&self, _: E, _: &Cluster, _: &str) -> Self {
        self.clone()
    }
}

impl Client for Queue {
    async fn create_topics(&mut self, topics: &[Topic], _: Duration) -> Result<(), Arc<str>> {
        assert_eq!(topics.len(), 1);
        self.0.lock().unwrap().created = true;
        Ok(())
    }

    async fn send(&mut self, to: &TopicPartition, value: Value, _: Acks, _: Duration) -> SendOutcome {
        sleep(SEND).await;
        let mut logs = self.0.lock().unwrap();
        assert!(logs.created);
        logs.sends += 1;
        let (is_answered, is_kept) = (!logs.sends.is_multiple_of(10), logs.sends.is_multiple_of(100));
        if !is_answered && !is_kept {
            return SendOutcome::Info("no answer".into());
        }
        let log = logs.records.entry(to.clone()).or_default();
        log.push(value);
        let offset = Some(Offset(log.len() as i64 - 1));
        if is_answered { SendOutcome::Ok { offset } } else { SendOutcome::Info("no answer".into()) }
    }

    async fn poll(&mut self, positions: &BTreeMap<TopicPartition, Offset>, wait: Duration) -> Polled {
        sleep(wait).await;
        let logs = self.0.lock().unwrap();
        let reads = positions.iter().filter_map(|(id, from)| {
            let log = logs.records.get(id)?;
            let records = (from.0..).zip(log.iter().skip(from.0 as usize));
            let records = records.map(|(offset, value)| Record { offset: Offset(offset), value: *value });
            let next = Offset(log.len() as i64);
            Some((id.clone(), PartitionPoll::Read { records: records.collect(), next, high_watermark: None }))
        });
        reads.collect()
    }

    async fn settled(&mut self, scope: &Scope, _: Duration) -> Settled {
        let logs = self.0.lock().unwrap();
        let end = |id: &TopicPartition| Offset(logs.records.get(id).map_or(0, |log| log.len() as i64));
        Settled::Yes(scope.partitions.iter().map(|id| (id.clone(), (LeaderEpoch(0), end(id)))).collect())
    }
}

/// A run's history, the time at which the drain began, and how it ended.
struct Run {
    history: Vec<Operation>,
    drain: Time,
    progress: Progress,
}

/// Six seconds of load, two of them in recovery, then the drain and the final read.
fn run() -> Run {
    run_of(SCENARIO)
}

fn run_of(scenario: &str) -> Run {
    let plan = Plan::new(&parse("clients.yaml", scenario, &KafkaReference.vocabulary()).unwrap(), 1);
    let plan = Arc::new(plan);
    let (phases, phase) = watch::channel(Phase::Load);
    let (history, progress) = (Arc::new(Mutex::new(Vec::new())), Progress::default());
    let mut world = SimWorld::new(SimConfig::new(1));
    let node = world.add_node("clients", {
        let (history, progress) = (history.clone(), progress.clone());
        move |life| {
            let (sink, start) = (history.clone(), Instant::now());
            let record = move |operation| sink.lock().unwrap().push(operation);
            let history = History::new(move || start.elapsed().into(), record);
            let (plan, phase, progress) = (plan.clone(), phase.clone(), progress.clone());
            async move {
                clients::run(life.env, Queue::default(), plan, history, phase, progress).await;
                Ok(())
            }
        }
    });
    world.start(node);
    assert!(matches!(progress.stage(), Stage::Preparing(_)));
    let until = |seconds: u64, world: &mut SimWorld| {
        while world.now() < Duration::from_secs(seconds) {
            world.step().unwrap();
        }
    };
    until(4, &mut world);
    assert_eq!(progress.stage(), Stage::Loading);
    phases.send_replace(Phase::Recovery);
    until(6, &mut world);
    let drain = world.now().into();
    phases.send_replace(Phase::Drain);
    until(7, &mut world);
    assert_eq!(progress.stage(), Stage::Drained);
    phases.send_replace(Phase::FinalRead);
    until(9, &mut world);
    phases.send_replace(Phase::Done);
    until(10, &mut world);
    assert!(!world.is_running(node), "the clients end when all is done");
    let history = history.lock().unwrap().clone();
    Run { history, drain, progress }
}

fn sends(run: &Run, outcome: Outcome) -> Vec<&Operation> {
    let is = |operation: &&Operation| operation.outcome == outcome && matches!(operation.body, Body::Send(_));
    run.history.iter().filter(is).collect()
}

fn value(operation: &Operation) -> Value {
    operation.body.sends().next().unwrap().value
}

#[test]
fn producers_share_a_rate_and_every_value_is_sent_once() {
    let run = run();
    let invoked = sends(&run, Outcome::Invoke);
    assert!((590..=601).contains(&invoked.len()), "{} sends in 6 s at 100/s", invoked.len());
    let values: BTreeSet<_> = invoked.iter().map(|operation| value(operation)).collect();
    assert_eq!(values.len(), invoked.len());
    let partition = |operation: &&&Operation| operation.body.sends().next().unwrap().partition.partition == 0;
    let first = invoked.iter().filter(partition).count();
    assert!(first.abs_diff(invoked.len() - first) <= 2, "{first} of {} to one partition", invoked.len());

    let per_producer = Duration::from_millis(20);
    for number in 0..2 {
        let mine = invoked.iter().filter(|operation| value(operation).producer() == number);
        let times: Vec<_> = mine.map(|operation| operation.time).collect();
        let gaps = times.windows(2).map(|pair| pair[1].since(pair[0]));
        let slack = Duration::from_millis(2);
        assert!(gaps.clone().all(|gap| gap.abs_diff(per_producer) <= slack), "{:?}", gaps.max());
    }
}

#[test]
fn producers_with_a_number_of_records_rest_until_the_recovery_is_to_be_measured() {
    let run = run_of(&SCENARIO.replace("rate: 100/s", "rate: 100/s, records: 151"));
    let in_phase = |number: u16, phase| {
        let sends = sends(&run, Outcome::Invoke);
        let mine = |send: &&&Operation| value(send).producer() == number && send.phase == phase;
        sends.iter().filter(mine).count()
    };
    let under_load = [0, 1].map(|number| in_phase(number, operation::Phase::Load));
    assert_eq!(under_load, [76, 75]);
    let later = [0, 1].map(|number| in_phase(number, operation::Phase::Recovery));
    assert!(later.iter().all(|count| (98..=101).contains(count)), "{later:?} in 2 s at 50/s each");
}

#[test]
fn a_process_has_one_operation_at_a_time_and_none_after_an_unknown_one() {
    let run = run();
    assert!(run.history.iter().map(|operation| operation.index.0).eq(0..run.history.len() as u64));
    assert!(run.history.is_sorted_by_key(|operation| operation.time));
    let mut open: BTreeMap<Process, u32> = BTreeMap::new();
    let mut closed = BTreeSet::new();
    let mut owners = BTreeMap::new();
    for operation in &run.history {
        let Operation { process, client, outcome, .. } = *operation;
        assert!(!closed.contains(&process), "{process} goes on");
        assert_eq!(*owners.entry(process).or_insert(client), client, "{process} has two clients");
        let outstanding = open.entry(process).or_default();
        *outstanding = if outcome == Outcome::Invoke { *outstanding + 1 } else { *outstanding - 1 };
        assert!(*outstanding <= 1, "{process} has two operations outstanding");
        if outcome == Outcome::Info {
            closed.insert(process);
        }
    }
    assert!(open.values().all(|outstanding| *outstanding == 0), "every operation was completed");
    assert!(closed.len() > 50, "{}", closed.len());
}

#[test]
fn nothing_new_begins_once_the_clients_drain() {
    let run = run();
    let late = |operation: &&Operation| {
        let begins = operation.outcome == Outcome::Invoke && operation.phase != operation::Phase::Final;
        begins && operation.time > run.drain
    };
    assert_eq!(run.history.iter().filter(late).count(), 0);
    let phases: BTreeSet<_> = sends(&run, Outcome::Invoke).iter().map(|operation| operation.phase).collect();
    assert_eq!(phases, BTreeSet::from([operation::Phase::Load, operation::Phase::Recovery]));
}

#[test]
fn the_final_read_returns_what_was_acknowledged() {
    let run = run();
    assert_eq!(run.progress.stage(), Stage::Finished(FinalRead::Complete));
    let acknowledged: BTreeSet<_> =
        sends(&run, Outcome::Ok).iter().map(|operation| value(operation)).collect();
    assert_eq!(run.progress.acks(), acknowledged.len() as u64);
    let last = run.progress.last_ack(&TopicPartition::new("orders", 1));
    assert!(last.is_some_and(|last| run.drain.since(last) < Duration::from_millis(100)), "{last:?}");

    let reader = run.history.last().unwrap();
    assert!(matches!(reader.body, Body::FinalRead(_)));
    let values_of = |is_reader: bool| -> BTreeSet<Value> {
        let mine = run.history.iter().filter(|operation| (operation.client == reader.client) == is_reader);
        let reads = mine.flat_map(|operation| operation.body.reads());
        reads.flat_map(|read| read.records.iter()).map(|record| record.value).collect()
    };
    let read = values_of(true);
    assert!(read.is_superset(&acknowledged));
    assert!(read.len() > acknowledged.len(), "some sends without an answer are in the log");
    assert!(values_of(false).len() > acknowledged.len() * 9 / 10, "the consumer read along");
}
