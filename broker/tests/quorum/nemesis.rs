//! The faults, and how often which of them strikes.

use highwater_broker::env::Rng;
use highwater_broker::quorum::Defects;
use rand::RngExt;

/// One kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Two groups that do not hear each other.
    Split,
    /// The leader, or whoever believes to lead, alone on its side.
    IsolateLeader,
    /// Random links cut in one direction.
    OneWay,
    /// One node hears nobody, and is heard.
    Deaf,
    /// One node is not heard, and hears.
    Mute,
    /// One node hears all, the others only it.
    Hub,
    /// Each node hears its neighbours in a row.
    Chain,
    /// The network is whole again.
    Heal,
    /// A process dies.
    Kill,
    /// A leader's process dies.
    KillLeader,
    /// A process dies just after it has sent a vote. Struck by [`Mix::voter_deaths`], not by time.
    KillVoter,
    /// A node loses power.
    PowerLoss,
    /// All nodes lose power at once.
    PowerLossAll,
    /// A process stands still for a while.
    Pause,
    /// A write fails: the node stops itself.
    StorageError,
    /// Other rates of loss, duplication and delay.
    Weather,
}

impl Fault {
    /// How many kinds there are.
    pub(crate) const COUNT: usize = Self::Weather as usize + 1;
}

/// What the network does to single messages, in thousandths, and how slow it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    pub(crate) lost: u32,
    pub(crate) doubled: u32,
    /// Messages that are delayed by up to `late_us`, and so overtaken.
    pub(crate) late: u32,
    pub(crate) late_us: u64,
}

/// A load and its faults. Times are in microseconds of virtual time; a tick has 10,000.
#[derive(Clone, Debug)]
pub(crate) struct Mix {
    pub(crate) voters: i32,
    pub(crate) election_ticks: u32,
    pub(crate) heartbeat_ticks: u32,
    /// How long faults strike.
    pub(crate) chaos_us: u64,
    /// The gap between two faults.
    pub(crate) gap_us: (u64, u64),
    /// How long a dead or paused node stays so.
    pub(crate) down_us: (u64, u64),
    pub(crate) latency_us: (u64, u64),
    pub(crate) sync_us: (u64, u64),
    /// The gap between two proposals.
    pub(crate) load_us: (u64, u64),
    pub(crate) snapshot_every: u64,
    /// Faults with their weights.
    pub(crate) faults: Vec<(Fault, u32)>,
    /// In how many of a thousand cases a voter dies just after it has sent a vote.
    pub(crate) voter_deaths: u32,
    pub(crate) defects: Defects,
}

impl Mix {
    /// All faults, for a correct quorum.
    pub(crate) fn everything(voters: i32, rng: &mut Rng) -> Self {
        let election_ticks = [5, 10, 20][rng.random_range(0..3)];
        Self {
            voters,
            election_ticks,
            heartbeat_ticks: election_ticks / 5,
            chaos_us: 6_000_000,
            gap_us: (10_000, 500_000),
            down_us: (1_000, 1_200_000),
            latency_us: (200, 4_000),
            sync_us: if rng.random_ratio(1, 3) { (5_000, 60_000) } else { (100, 3_000) },
            load_us: (2_000, 50_000),
            snapshot_every: [5, 20, 100][rng.random_range(0..3)],
            faults: vec![
                (Fault::Split, 3),
                (Fault::IsolateLeader, 3),
                (Fault::OneWay, 3),
                (Fault::Deaf, 1),
                (Fault::Mute, 1),
                (Fault::Hub, 2),
                (Fault::Chain, 2),
                (Fault::Heal, 9),
                (Fault::Kill, 3),
                (Fault::KillLeader, 3),
                (Fault::PowerLoss, 4),
                (Fault::PowerLossAll, 1),
                (Fault::Pause, 4),
                (Fault::StorageError, 2),
                (Fault::Weather, 4),
            ],
            voter_deaths: 50,
            defects: Defects::default(),
        }
    }

    /// A quiet network, and no faults.
    pub(crate) fn calm(voters: i32) -> Self {
        Self {
            voters,
            election_ticks: 20,
            heartbeat_ticks: 4,
            chaos_us: 0,
            gap_us: (1, 2),
            down_us: (1, 2),
            latency_us: (200, 4_000),
            sync_us: (100, 3_000),
            load_us: (2_000, 50_000),
            snapshot_every: 20,
            faults: Vec::new(),
            voter_deaths: 0,
            defects: Defects::default(),
        }
    }

    /// Power goes while slow syncs are under way.
    pub(crate) fn send_before_sync(voters: i32) -> Self {
        Self {
            chaos_us: 6_000_000,
            election_ticks: 10,
            heartbeat_ticks: 2,
            gap_us: (50_000, 400_000),
            down_us: (1_000, 300_000),
            sync_us: (5_000, 60_000),
            faults: vec![
                (Fault::PowerLoss, 2),
                (Fault::PowerLossAll, 2),
                (Fault::IsolateLeader, 1),
                (Fault::Heal, 1),
            ],
            defects: Defects { send_before_sync: true, ..Defects::default() },
            ..Self::calm(voters)
        }
    }

    /// Many elections over slow messages, so that there are rivals for one epoch, and voters that die after
    /// their vote and are back at once.
    pub(crate) fn no_vote_persisted(voters: i32) -> Self {
        Self {
            chaos_us: 12_000_000,
            election_ticks: 10,
            heartbeat_ticks: 1,
            gap_us: (10_000, 200_000),
            down_us: (100, 1_000),
            latency_us: (1_000, 20_000),
            faults: vec![(Fault::KillLeader, 1)],
            voter_deaths: 500,
            defects: Defects { no_vote_persisted: true, ..Defects::default() },
            ..Self::calm(voters)
        }
    }

    /// Leaders that are cut off with entries which nobody else has, again and again.
    pub(crate) fn no_epoch_check(voters: i32) -> Self {
        Self {
            chaos_us: 6_000_000,
            election_ticks: 10,
            heartbeat_ticks: 2,
            gap_us: (50_000, 500_000),
            faults: vec![(Fault::IsolateLeader, 4), (Fault::Split, 2), (Fault::Heal, 1), (Fault::OneWay, 1)],
            defects: Defects { no_epoch_check: true, ..Defects::default() },
            ..Self::calm(voters)
        }
    }

    pub(crate) fn pick(&self, rng: &mut Rng) -> Fault {
        let total = self.faults.iter().map(|(_, weight)| weight).sum();
        let mut at = rng.random_range(0..total);
        for &(fault, weight) in &self.faults {
            if at < weight {
                return fault;
            }
            at -= weight;
        }
        unreachable!("the weights add up to the total")
    }
}

impl Weather {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        let mut rate = |max| if rng.random_bool(0.5) { 0 } else { rng.random_range(0..max) };
        let (lost, doubled, late) = (rate(300), rate(200), rate(300));
        Self { lost, doubled, late, late_us: rng.random_range(1_000..400_000) }
    }
}

/// The directed links that are cut.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    count: usize,
    cut: Vec<bool>,
}

impl Links {
    pub(crate) fn whole(count: usize) -> Self {
        Self { count, cut: vec![false; count * count] }
    }

    pub(crate) fn is_cut(&self, from: usize, to: usize) -> bool {
        self.cut[from * self.count + to]
    }

    /// Cuts all links but those that `open` names.
    pub(crate) fn keep(&mut self, mut open: impl FnMut(usize, usize) -> bool) {
        for from in 0..self.count {
            for to in 0..self.count {
                self.cut[from * self.count + to] = from != to && !open(from, to);
            }
        }
    }

    /// Cuts links as `fault` says; `node` is its centre.
    pub(crate) fn apply(&mut self, fault: Fault, node: usize, rng: &mut Rng) {
        match fault {
            Fault::Split => {
                let sides: Vec<bool> = (0..self.count).map(|_| rng.random()).collect();
                self.keep(|from, to| sides[from] == sides[to]);
            }
            Fault::IsolateLeader => self.keep(|from, to| from != node && to != node),
            Fault::OneWay => {
                let rate = rng.random_range(0.1..0.7);
                self.keep(|_, _| !rng.random_bool(rate));
            }
            Fault::Deaf => self.keep(|_, to| to != node),
            Fault::Mute => self.keep(|from, _| from != node),
            Fault::Hub => self.keep(|from, to| from == node || to == node),
            Fault::Chain => {
                let mut row: Vec<usize> = (0..self.count).collect();
                for at in (1..self.count).rev() {
                    row.swap(at, rng.random_range(0..=at));
                }
                self.keep(|from, to| row[from].abs_diff(row[to]) == 1);
            }
            Fault::Heal => self.keep(|_, _| true),
            _ => unreachable!("{fault:?} cuts no links"),
        }
    }
}
