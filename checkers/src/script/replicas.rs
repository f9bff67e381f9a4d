//! What replicas of x/0 tell, for tests, in a line each; separated by `;` or line breaks.
//!
//! The controllers: `c 1 e3 p7 isr=1,2` decides leader 1 (`-` for none), leader epoch 3, partition epoch 7.
//! Also `of=1,2,3` (the replicas), `min=2` (min ISR), `at=5` (the offset; the next one if not given), `by=2`
//! (who tells it), `ce=1` (the controller epoch). `b1 controls 3 at=5`: it took over in controller epoch 3.
//!
//! A broker's life: `b1 up` it starts, registers and is unfenced, or one by one `b1 start`, `b1 register`,
//! `b1 unfence`, `b1 fence`; `b1 stop`. `b1 registered 9` and `b1 stands 9`: its broker epoch, as it and as
//! the metadata log tell it.
//!
//! Its log: `b1 found a@0 b@3 hw=1` as recovery found it. `b1 + a@3` it appends the record a in epoch 3,
//! `2:a@3` at offset 2 although its log may end elsewhere, `abc@3` as one batch. `b1 cut 2` it truncates
//! to 2. The epoch cache follows by itself; `cache=0:0,3:2` after `found`, `cut`, `leads` and `+` tells
//! another, and `cache=none` tells none where one is due. `leo=5` after `found` and `follows` and `start=5`
//! after `leads` tell another end of the log than it has.
//!
//! Its role: `b1 leads e3 p7 isr=1,2`, `b1 follows 2 e3 p7`, `b1 pulls 2 e3`, `b1 drops 2 e3`, `b1 hw 2`;
//! `b1 asks isr=1,2 max=1,2,3`, `b1 applies isr=1,2 p8`; `b1 acks 0-2` (both included; `acks=1`),
//! `b1 serves 0-3` (the end excluded; `to=2` to a follower).

use std::collections::BTreeMap;

use super::Script;
use crate::ids::{
    BrokerEpoch, BrokerId, ControllerEpoch, LeaderEpoch, Offset, PartitionEpoch, TopicPartition,
};
use crate::operation::Acks;
use crate::trace::{Batch, Change, EpochStart};

/// What the script remembers, to fill in what statements leave out.
#[derive(Default)]
pub(crate) struct Replicas {
    metadata: i64,
    incarnations: u64,
    brokers: BTreeMap<i32, Told>,
}

#[derive(Default)]
struct Told {
    log: Vec<Batch>,
    end: i64,
    cache: Vec<EpochStart>,
    epoch: i32,
    partition_epoch: i32,
    leads: bool,
    hw: i64,
    broker_epoch: i64,
}

/// A statement's words: plain ones, and `key=value`.
struct Words<'a> {
    plain: Vec<&'a str>,
    named: BTreeMap<&'a str, &'a str>,
}

impl<'a> Words<'a> {
    fn of(statement: &'a str) -> Self {
        let mut words = Self { plain: Vec::new(), named: BTreeMap::new() };
        for word in statement.split_whitespace() {
            match word.split_once('=') {
                Some((key, value)) => {
                    words.named.insert(key, value);
                }
                None => words.plain.push(word),
            }
        }
        words
    }

    /// The number after `prefix`, like 3 in `e3`.
    fn counted<N: std::str::FromStr>(&self, prefix: &str) -> Option<N> {
        self.plain.iter().skip(1).find_map(|word| word.strip_prefix(prefix)?.parse().ok())
    }

    fn brokers(&self, key: &str, default: &[i32]) -> Box<[BrokerId]> {
        match self.named.get(key) {
            Some(text) => text.split(',').filter(|id| !id.is_empty()).map(id).collect(),
            None => default.iter().copied().map(BrokerId).collect(),
        }
    }

    fn number(&self, key: &str, default: i64) -> i64 {
        self.named.get(key).map_or(default, |text| text.parse().expect(text))
    }
}

fn id(text: &str) -> BrokerId {
    BrokerId(text.parse().expect(text))
}

fn starts(text: &str) -> Vec<EpochStart> {
    text.split(',').filter(|entry| !entry.is_empty()).map(|entry| entry.parse().expect(entry)).collect()
}

impl Told {
    /// The batch `2:abc@3`, at the log's end if no offset is given.
    fn batch(&self, text: &str) -> Batch {
        let (place, epoch) = text.split_once('@').expect("records@epoch");
        let (base, records) = place
            .split_once(':')
            .map_or((self.end, place), |(base, records)| (base.parse().expect(base), records));
        Batch {
            base: Offset(base),
            count: u32::try_from(records.len()).expect("is short"),
            epoch: LeaderEpoch(epoch.parse().expect(epoch)),
            crc: crc32c::crc32c(records.as_bytes()),
        }
    }

    /// Takes the batch in. Whether the cache changed.
    fn take(&mut self, batch: Batch) -> bool {
        self.log.push(batch);
        self.end = batch.end().0;
        self.begin(batch.epoch, batch.base)
    }

    fn begin(&mut self, epoch: LeaderEpoch, start: Offset) -> bool {
        let new = self.cache.last().is_none_or(|last| last.epoch < epoch);
        if new {
            self.cache.retain(|entry| entry.start < start);
            self.cache.push(EpochStart { epoch, start });
        }
        new
    }
}

impl Script {
    pub(crate) fn replicas(&mut self, text: &str) -> &mut Self {
        for statement in text.split([';', '\n']).map(str::trim).filter(|statement| !statement.is_empty()) {
            let words = Words::of(statement);
            match words.plain[0] {
                "c" => self.decides(&words),
                who => {
                    let broker = id(who.strip_prefix('b').expect(statement)).0;
                    let mut told = self.replicas.brokers.remove(&broker).unwrap_or_default();
                    self.tells(broker, &mut told, &words);
                    self.replicas.brokers.insert(broker, told);
                }
            }
        }
        self
    }

    fn next_offset(&mut self) -> Offset {
        self.replicas.metadata += 1;
        Offset(self.replicas.metadata)
    }

    fn decides(&mut self, words: &Words<'_>) {
        let next = self.next_offset();
        let offset = words.named.get("at").map_or(next, |at| Offset(at.parse().expect(at)));
        let teller = i32::try_from(words.number("by", 1)).expect("is small");
        self.trace(
            teller,
            Change::PartitionChanged {
                offset,
                partition: TopicPartition::new("x", 0),
                leader: (words.plain[1] != "-").then(|| id(words.plain[1])),
                leader_epoch: LeaderEpoch(words.counted("e").expect("an epoch")),
                partition_epoch: PartitionEpoch(words.counted("p").expect("a partition epoch")),
                isr: words.brokers("isr", &[1, 2, 3]),
                replicas: words.brokers("of", &[1, 2, 3]),
                min_isr: u32::try_from(words.number("min", 2)).expect("is small"),
                unclean: false,
                controller_epoch: ControllerEpoch(i32::try_from(words.number("ce", 1)).expect("is small")),
            },
        );
    }

    fn stands(&mut self, broker: i32, told: &Told, fenced: bool) {
        let offset = self.next_offset();
        let (subject, broker_epoch) = (BrokerId(broker), BrokerEpoch(told.broker_epoch));
        self.trace(1, Change::BrokerChanged { offset, subject, broker_epoch, fenced });
    }

    /// The change of the epoch cache that is due, or that is told in its place.
    fn cache(&mut self, broker: i32, told: &Told, words: &Words<'_>, due: bool) {
        let epochs = match words.named.get("cache") {
            Some(&"none") => return,
            Some(text) => starts(text),
            None if due => told.cache.clone(),
            None => return,
        };
        self.trace(broker, Change::EpochCache { partition: x(), epochs: epochs.into() });
    }

    fn tells(&mut self, broker: i32, told: &mut Told, words: &Words<'_>) {
        let partition = x();
        let place = || i64::from(words.plain[2].parse::<i32>().expect("an offset"));
        let range = || {
            let (from, to) = words.plain[2].split_once('-').expect("a range");
            (Offset(from.parse().expect(from)), Offset(to.parse().expect(to)))
        };
        let told_cache = |told: &Told| match words.named.get("cache") {
            Some(text) => starts(text).into(),
            None => told.cache.clone().into(),
        };
        match words.plain[1] {
            "up" => ["start", "register", "unfence"].into_iter().for_each(|verb| {
                self.tells(
                    broker,
                    told,
                    &Words { plain: vec![words.plain[0], verb], named: BTreeMap::new() },
                );
            }),
            "start" => {
                self.replicas.incarnations += 1;
                let incarnation = self.replicas.incarnations;
                self.trace(broker, Change::BrokerStarted { incarnation });
            }
            "stop" => drop(self.trace(broker, Change::BrokerStopped { why: "shutdown".into() })),
            "register" => {
                told.broker_epoch = self.replicas.metadata + 1;
                self.stands(broker, told, true);
                let broker_epoch = BrokerEpoch(told.broker_epoch);
                self.trace(broker, Change::Registered { broker_epoch });
            }
            "controls" => {
                let controller_epoch = ControllerEpoch(i32::try_from(place()).expect("is small"));
                let offset = Offset(words.number("at", 0));
                self.trace(broker, Change::BecameController { controller_epoch, offset });
            }
            "registered" => {
                let broker_epoch = BrokerEpoch(place());
                self.trace(broker, Change::Registered { broker_epoch });
            }
            "stands" => {
                told.broker_epoch = place();
                self.stands(broker, told, false);
            }
            "unfence" => self.stands(broker, told, false),
            "fence" => self.stands(broker, told, true),
            "found" => {
                *told = Told { broker_epoch: told.broker_epoch, ..Told::default() };
                for text in &words.plain[2..] {
                    told.take(told.batch(text));
                }
                told.hw = words.number("hw", 0);
                self.trace(
                    broker,
                    Change::Recovered {
                        partition,
                        leo: Offset(words.number("leo", told.end)),
                        hw: Offset(told.hw),
                        cut_bytes: 0,
                        epochs: told_cache(told),
                        batches: told.log.clone().into(),
                    },
                );
            }
            "+" => {
                for text in &words.plain[2..] {
                    let batch = told.batch(text);
                    let due = told.take(batch);
                    self.cache(broker, told, words, due);
                    let Batch { base, count, epoch, crc } = batch;
                    let partition = partition.clone();
                    let leader = told.leads;
                    self.trace(broker, Change::Appended { partition, base, count, epoch, crc, leader });
                }
            }
            "cut" => {
                let (from, to) = (Offset(told.end), Offset(place()));
                told.log.retain(|batch| batch.end() <= to);
                told.cache.retain(|entry| entry.start < to);
                told.end = to.0;
                let epochs = told_cache(told);
                self.trace(broker, Change::Truncated { partition, from, to, why: "diverged".into(), epochs });
                if told.hw > to.0 {
                    told.hw = to.0;
                    self.hw(broker, told, false);
                }
            }
            "leads" => {
                told.leads = true;
                told.epoch = words.counted("e").expect("an epoch");
                told.partition_epoch = words.counted("p").expect("a partition epoch");
                let start = Offset(words.number("start", told.end));
                let due = told.begin(LeaderEpoch(told.epoch), start);
                self.cache(broker, told, words, due);
                self.trace(
                    broker,
                    Change::BecameLeader {
                        partition,
                        epoch: LeaderEpoch(told.epoch),
                        start,
                        isr: words.brokers("isr", &[1, 2, 3]),
                        partition_epoch: PartitionEpoch(told.partition_epoch),
                    },
                );
            }
            "follows" => {
                told.leads = false;
                told.epoch = words.counted("e").expect("an epoch");
                told.partition_epoch = words.counted("p").expect("a partition epoch");
                self.trace(
                    broker,
                    Change::BecameFollower {
                        partition,
                        epoch: LeaderEpoch(told.epoch),
                        leader: (words.plain[2] != "-").then(|| id(words.plain[2])),
                        leo: Offset(words.number("leo", told.end)),
                        hw: Offset(told.hw),
                        partition_epoch: PartitionEpoch(told.partition_epoch),
                    },
                );
            }
            verb @ ("pulls" | "drops") => {
                let (leader, epoch) =
                    (id(words.plain[2]), LeaderEpoch(words.counted("e").expect("an epoch")));
                let change = match verb {
                    "pulls" => Change::FetcherStarted { partition, leader, epoch },
                    _ => Change::FetcherStopped { partition, leader, epoch },
                };
                self.trace(broker, change);
            }
            "hw" => {
                told.hw = place();
                let leader = match words.plain.get(3) {
                    Some(&"f") => false,
                    Some(&"l") => true,
                    _ => told.leads,
                };
                self.hw(broker, told, leader);
            }
            "asks" => {
                let (epoch, partition_epoch) = told.epochs();
                let (isr, maximal) = (words.brokers("isr", &[]), words.brokers("max", &[]));
                self.trace(broker, Change::IsrProposed { partition, epoch, isr, maximal, partition_epoch });
            }
            "applies" => {
                told.partition_epoch = words.counted("p").expect("a partition epoch");
                let (epoch, partition_epoch) = told.epochs();
                let isr = words.brokers("isr", &[]);
                self.trace(broker, Change::IsrApplied { partition, epoch, isr, partition_epoch });
            }
            "acks" => {
                let ((base, last), (epoch, _)) = (range(), told.epochs());
                let acks = Acks::from_number(words.number("acks", -1)).expect("0, 1 or -1");
                self.trace(broker, Change::Acknowledged { partition, base, last, epoch, acks });
            }
            "serves" => {
                let ((from, until), (epoch, _), hw) = (range(), told.epochs(), Offset(told.hw));
                let reader = words.named.get("to").map(|to| id(to));
                self.trace(broker, Change::Served { partition, from, until, hw, epoch, reader });
            }
            verb => panic!("no verb {verb}"),
        }
    }

    fn hw(&mut self, broker: i32, told: &Told, leader: bool) {
        let ((epoch, _), hw) = (told.epochs(), Offset(told.hw));
        self.trace(broker, Change::HighWatermark { partition: x(), hw, epoch, leader });
    }
}

impl Told {
    fn epochs(&self) -> (LeaderEpoch, PartitionEpoch) {
        (LeaderEpoch(self.epoch), PartitionEpoch(self.partition_epoch))
    }
}

fn x() -> TopicPartition {
    TopicPartition::new("x", 0)
}
