//! One voter with its disk and state machine, as its process lives and dies.

use std::collections::{BTreeSet, VecDeque};

use bytes::{BufMut, BytesMut};
use highwater_broker::env::Rng;
use highwater_broker::quorum::{Config, Defects, Input, Message, Output, Quorum, Stored, VoterId, Write};
use rand::{RngExt, SeedableRng};

use crate::oracle::{Oracle, Violation, padding};

/// How many bytes a message of the tests may carry.
pub(crate) const MESSAGE_BYTES_MAX: usize = 400;

pub(crate) struct Node {
    pub(crate) id: VoterId,
    /// Counts the lives of the process; events of an older life come to nothing.
    pub(crate) life: u64,
    pub(crate) quorum: Option<Quorum>,
    pub(crate) paused: bool,
    config: Config,
    snapshot_every: u64,
    durable: Stored,
    /// Written, and not yet synced.
    cached: VecDeque<Write>,
    applied: u64,
    digest: u64,
    compacted: u64,
}

/// What a node's steps asked of the world.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) messages: Vec<(VoterId, Message)>,
    /// Writes that were begun.
    pub(crate) writes: Vec<u64>,
    pub(crate) proposed: Option<u64>,
    pub(crate) restored: bool,
}

/// What becomes of the unsynced writes when a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// The operating system lives on, and writes them.
    Kill,
    /// A random prefix of them survives.
    PowerLoss,
}

impl Node {
    pub(crate) fn new(
        id: VoterId,
        voters: BTreeSet<VoterId>,
        ticks: (u32, u32),
        every: u64,
        defects: Defects,
    ) -> Self {
        let (election_ticks, heartbeat_ticks) = ticks;
        let config = Config {
            id,
            voters,
            election_ticks,
            heartbeat_ticks,
            message_bytes_max: MESSAGE_BYTES_MAX,
            in_flight_max: 8,
            undecided_max: 64,
            defects,
        };
        Self {
            id,
            life: 0,
            quorum: None,
            paused: false,
            config,
            snapshot_every: every,
            durable: Stored::default(),
            cached: VecDeque::new(),
            applied: 0,
            digest: 0,
            compacted: 0,
        }
    }

    pub(crate) fn applied(&self) -> u64 {
        self.applied
    }

    pub(crate) fn is_up(&self) -> bool {
        self.quorum.is_some()
    }

    pub(crate) fn leads(&self) -> bool {
        self.quorum.as_ref().is_some_and(|quorum| quorum.status().leader == Some(self.id))
    }

    pub(crate) fn start(&mut self, rng: &mut Rng, oracle: &mut Oracle) -> Result<Effects, Violation> {
        assert!(self.quorum.is_none(), "{} runs already", self.id);
        self.life += 1;
        (self.applied, self.digest, self.compacted) = (0, 0, self.durable.snapshot.index);
        let rng = Rng::seed_from_u64(rng.random());
        let (quorum, output) = Quorum::new(self.config.clone(), rng, self.durable.clone());
        self.quorum = Some(quorum);
        let mut effects = Effects::default();
        self.carry_out(output, oracle, &mut effects)?;
        Ok(effects)
    }

    /// Ends the process; gives how many writes were lost with it.
    pub(crate) fn die(&mut self, death: Death, rng: &mut Rng) -> u64 {
        self.quorum = None;
        self.paused = false;
        let kept = match death {
            Death::Kill => self.cached.len(),
            Death::PowerLoss => rng.random_range(0..=self.cached.len()),
        };
        self.cached.drain(..kept).for_each(|write| self.durable.apply(write));
        let lost = self.cached.len() as u64;
        self.cached.clear();
        lost
    }

    /// Storage has synced all writes up to `id`.
    pub(crate) fn synced(&mut self, id: u64, oracle: &mut Oracle) -> Result<Effects, Violation> {
        while let Some(write) = self.cached.pop_front() {
            let last = write.id == id;
            self.durable.apply(write);
            if last {
                break;
            }
        }
        self.step(Input::StorageDone(id), oracle)
    }

    pub(crate) fn step(&mut self, input: Input, oracle: &mut Oracle) -> Result<Effects, Violation> {
        let mut effects = Effects::default();
        let output = self.running().step(input);
        self.carry_out(output, oracle, &mut effects)?;
        oracle.leads(self.id, self.running().status())?;
        if self.applied >= self.compacted + self.snapshot_every {
            self.compacted = self.applied;
            let mut data = BytesMut::new();
            data.put_u64_le(self.digest);
            data.put_bytes(7, padding(self.applied));
            let compact = Input::Compact { index: self.applied, data: data.freeze() };
            let output = self.running().step(compact);
            self.carry_out(output, oracle, &mut effects)?;
        }
        Ok(effects)
    }

    fn running(&mut self) -> &mut Quorum {
        self.quorum.as_mut().expect("only a running node takes steps")
    }

    fn carry_out(
        &mut self,
        output: Output,
        oracle: &mut Oracle,
        effects: &mut Effects,
    ) -> Result<(), Violation> {
        if let Some(snapshot) = output.restore {
            self.digest = oracle.restore(self.id, self.applied, &snapshot)?;
            self.applied = snapshot.index;
            self.compacted = snapshot.index;
            effects.restored = true;
        }
        for entry in &output.applied {
            self.digest = oracle.apply(self.id, self.applied, entry)?;
            self.applied = entry.index;
        }
        if let Some(write) = output.write {
            effects.writes.push(write.id);
            self.cached.push_back(write);
        }
        effects.messages.extend(output.messages);
        effects.proposed = effects.proposed.or(output.proposed.and_then(Result::ok));
        Ok(())
    }
}
