//! Random histories of a log against a list in memory.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Lead { batches: Vec<usize> },
    Follow { batches: Vec<usize>, epochs_on: i32 },
    StartEpoch { epochs_on: i32 },
    Truncate { part: f64 },
    Sync,
    Reopen,
}

/// What the log is to hold.
#[derive(Debug, Default)]
struct Model {
    records: Vec<Record>,
    /// An epoch that began at the end, and has no record yet.
    unwritten: Option<i32>,
    /// Makes values differ.
    written: usize,
}

#[derive(Clone, Debug)]
struct Record {
    epoch: i32,
    value: String,
    /// The base offset of its batch.
    batch: i64,
}

impl Model {
    fn end(&self) -> i64 {
        self.records.len() as i64
    }

    fn latest(&self) -> Option<i32> {
        self.unwritten.or(self.records.last().map(|record| record.epoch))
    }

    fn append(&mut self, count: usize, epoch: i32) -> Vec<String> {
        let batch = self.end();
        let values: Vec<_> = (0..count).map(|n| format!("value-{}", self.written + n)).collect();
        self.written += count;
        self.records.extend(values.iter().map(|value| Record { epoch, value: value.clone(), batch }));
        self.unwritten = None;
        values
    }

    fn truncate(&mut self, offset: i64) {
        if offset <= self.end() {
            let end = self.records.get(offset as usize).map_or(offset, |record| record.batch);
            self.records.truncate(end as usize);
            self.unwritten = None;
        }
    }

    /// KIP-101's answer, worked out from the records.
    fn end_offset_for(&self, requested: i32) -> Option<(i32, i64)> {
        let of_records =
            self.records.iter().enumerate().map(|(offset, record)| (record.epoch, offset as i64));
        let all: Vec<_> = of_records.chain(self.unwritten.map(|epoch| (epoch, self.end()))).collect();
        if requested >= 0 && self.latest() == Some(requested) {
            return Some((requested, self.end()));
        }
        let next = all.iter().find(|(epoch, _)| requested >= 0 && *epoch > requested)?;
        let floor = all.iter().rev().find(|(epoch, _)| *epoch <= requested);
        Some((floor.map_or(requested, |(epoch, _)| *epoch), next.1))
    }

    async fn compare(&self, log: &Log<TokioDisk>) {
        assert_eq!(log.end_offset(), Offset(self.end()));
        assert_eq!(log.latest_epoch(), self.latest().map(LeaderEpoch));
        for epoch in -1..self.latest().unwrap_or(0) + 3 {
            let answer = log.end_offset_for(LeaderEpoch(epoch)).map(|(epoch, end)| (epoch.0, end.0));
            assert_eq!(answer, self.end_offset_for(epoch), "epoch {epoch}");
        }
        for from in [0, self.end() / 2, self.end() * 9 / 10] {
            let expected =
                self.records[from as usize..].iter().map(|record| (record.epoch, record.value.clone()));
            for max_bytes in [0, 250, 1 << 20] {
                let read = read_from(log, Offset(from), max_bytes).await.unwrap();
                assert!(read.iter().cloned().eq(expected.clone()), "from {from}: {read:?}");
            }
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let batches = || prop::collection::vec(1_usize..5, 1..4);
    prop_oneof![
        5 => batches().prop_map(|batches| Step::Lead { batches }),
        5 => (batches(), 0..3).prop_map(|(batches, epochs_on)| Step::Follow { batches, epochs_on }),
        2 => (0..3).prop_map(|epochs_on| Step::StartEpoch { epochs_on }),
        2 => (0.0..1.1).prop_map(|part| Step::Truncate { part }),
        1 => Just(Step::Sync),
        2 => Just(Step::Reopen),
    ]
}

fn config() -> impl Strategy<Value = LogConfig> {
    let flush = prop_oneof![Just(FlushPolicy::Never), Just(FlushPolicy::EveryBatch)];
    (50_u64..1500, 0_u64..600, flush).prop_map(|(segment_bytes, index_interval_bytes, flush)| LogConfig {
        segment_bytes,
        index_interval_bytes,
        flush,
        max_batch_bytes: 4096,
        mutants: Mutants::NONE,
    })
}

async fn take(step: Step, model: &mut Model, log: &mut Log<TokioDisk>) {
    let latest = model.latest().unwrap_or(0);
    match step {
        Step::Lead { batches } => {
            let end = model.end();
            let bytes: Vec<_> = batches.iter().map(|count| produced(&model.append(*count, latest))).collect();
            let appended = log.append_as_leader(bytes.concat().into(), LeaderEpoch(latest)).await.unwrap();
            assert_eq!((appended.base, appended.last), (Offset(end), Offset(model.end() - 1)));
        }
        Step::Follow { batches, epochs_on } => {
            let mut bytes = Vec::new();
            for (n, count) in batches.into_iter().enumerate() {
                let (base, epoch) = (model.end(), latest + epochs_on * n as i32);
                bytes.extend_from_slice(&fetched(&model.append(count, epoch), base, epoch));
            }
            log.append_as_follower(bytes.into()).await.unwrap();
        }
        Step::StartEpoch { epochs_on } => {
            log.start_epoch(LeaderEpoch(latest + epochs_on)).await.unwrap();
            if model.latest() < Some(latest + epochs_on) {
                model.unwritten = Some(latest + epochs_on);
            }
        }
        Step::Truncate { part } => {
            let offset = (model.end() as f64 * part) as i64;
            log.truncate_to(Offset(offset)).await.unwrap();
            model.truncate(offset);
        }
        Step::Sync => log.sync().await.unwrap(),
        Step::Reopen => unreachable!("the log is opened anew by the test itself"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_does_what_a_list_would(config in config(), steps in prop::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let node = Node::new();
            let mut model = Model::default();
            let (mut log, _) = node.open(config).await;
            for step in steps {
                if let Step::Reopen = step {
                    drop(log);
                    let recovered;
                    (log, recovered) = node.open(config).await;
                    assert_eq!((recovered.end, recovered.cut_bytes), (Offset(model.end()), 0));
                } else {
                    take(step, &mut model, &mut log).await;
                }
                model.compare(&log).await;
            }
        });
    }
}
