//! The links between nodes: when a message arrives, and what cuts and delays do to it.
//!
//! turmoil carries the bytes, at once; this table decides when, and whether, the reader sees them. A message
//! is in flight from its sending until it arrives, and every cut that begins in between meets it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use highwater_broker::env::Rng;
use highwater_workloads::randomness::stream;

use super::randomness::between;
use crate::world::{Delay, Effect, FaultId, Frame, InFlight, Link, NodeId, Stats, Time};

/// Every node, the links between them, what faults did, and what was sent.
pub(super) struct Network {
    seed: u64,
    /// The least and the greatest latency of a link without faults.
    latency: (Duration, Duration),
    nodes: Vec<Node>,
    by_name: BTreeMap<Arc<str>, NodeId>,
    by_address: BTreeMap<IpAddr, NodeId>,
    /// By sender, then by receiver.
    lines: Vec<Vec<Line>>,
    effects: BTreeMap<FaultId, Effect>,
    pub(super) stats: Stats,
    pub(super) observer: Option<Observer>,
}

/// Is shown every frame.
type Observer = Box<dyn FnMut(&Frame) + Send>;

struct Node {
    name: Arc<str>,
    running: bool,
}

/// One direction between two nodes.
struct Line {
    latencies: Rng,
    delays: BTreeMap<FaultId, Delay>,
    dropping: Cuts,
    holding: Cuts,
    /// Who waits for held messages.
    waiting: Vec<Waker>,
}

/// The cuts of one kind on a line: those in effect, and when there were any.
#[derive(Default)]
struct Cuts {
    now: Vec<FaultId>,
    /// In order, and apart from one another.
    spans: Vec<Span>,
}

/// A time during which at least one cut was in effect.
struct Span {
    begin: Time,
    end: Option<Time>,
    /// The cut that came first.
    first: FaultId,
}

/// What becomes of a message, as far as is known now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrives then, unless another cut comes first.
    Arrives(Time),
    /// It arrives after the heal.
    Held(FaultId),
    /// It never arrives.
    Lost(FaultId),
}

/// What sets out on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parcel {
    Message,
    Connect,
}

impl Cuts {
    fn begin(&mut self, fault: FaultId, now: Time) {
        if self.now.is_empty() {
            self.spans.push(Span { begin: now, end: None, first: fault });
        }
        self.now.push(fault);
    }

    fn end(&mut self, fault: FaultId, now: Time) {
        let before = self.now.len();
        self.now.retain(|id| *id != fault);
        if self.now.is_empty()
            && before > 0
            && let Some(last) = self.spans.last_mut()
        {
            last.end = Some(now);
        }
    }

    /// The spans that had not ended at `time`, the latest first.
    fn since(&self, time: Time) -> impl DoubleEndedIterator<Item = &Span> {
        let first = self.spans.partition_point(|span| span.end.is_some_and(|end| end <= time));
        self.spans[first..].iter()
    }
}

impl Line {
    fn new(seed: u64, from: &str, to: &str) -> Self {
        Self {
            latencies: stream(seed, "link", &format!("{from}>{to}")),
            delays: BTreeMap::new(),
            dropping: Cuts::default(),
            holding: Cuts::default(),
            waiting: Vec::new(),
        }
    }

    /// What becomes of a message that left at `sent` and is due at `due`.
    fn fate(&self, sent: Time, due: Time) -> Fate {
        let mut arrival = due;
        let mut held_by = None;
        for span in self.holding.since(sent).take_while(|span| span.begin < due) {
            match span.end {
                Some(end) if span.begin < arrival => arrival = arrival.max(end),
                Some(_) => {}
                None => held_by = Some(span.first),
            }
        }
        let met = |span: &&Span| span.begin >= sent && (held_by.is_some() || span.begin < arrival);
        match (self.dropping.since(sent).find(met), held_by) {
            (Some(cut), _) => Fate::Lost(cut.first),
            (None, Some(fault)) => Fate::Held(fault),
            (None, None) => Fate::Arrives(arrival),
        }
    }
}

impl Network {
    pub(super) fn new(seed: u64, latency: (Duration, Duration)) -> Self {
        assert!(latency.0 <= latency.1, "the least latency is above the greatest");
        Self {
            seed,
            latency,
            nodes: Vec::new(),
            by_name: BTreeMap::new(),
            by_address: BTreeMap::new(),
            lines: Vec::new(),
            effects: BTreeMap::new(),
            stats: Stats::default(),
            observer: None,
        }
    }

    pub(super) fn add_node(&mut self, name: &Arc<str>, address: IpAddr) -> NodeId {
        let node = NodeId(u16::try_from(self.nodes.len()).expect("a world has fewer than 65,536 nodes"));
        assert!(self.by_name.insert(name.clone(), node).is_none(), "the world has a node {name} already");
        self.by_address.insert(address, node);
        for (line, other) in self.lines.iter_mut().zip(&self.nodes) {
            line.push(Line::new(self.seed, &other.name, name));
        }
        self.nodes.push(Node { name: name.clone(), running: false });
        self.lines.push(self.nodes.iter().map(|other| Line::new(self.seed, name, &other.name)).collect());
        node
    }

    pub(super) fn resolve(&self, host: &str) -> Option<NodeId> {
        self.by_name.get(host).copied()
    }

    /// The node that has an address; a node knows itself by the loopback addresses too.
    pub(super) fn at(&self, address: IpAddr, here: NodeId) -> NodeId {
        self.by_address.get(&address).copied().unwrap_or(here)
    }

    pub(super) fn is_running(&self, node: NodeId) -> bool {
        self.nodes[usize::from(node.0)].running
    }

    pub(super) fn set_running(&mut self, node: NodeId, running: bool) {
        self.nodes[usize::from(node.0)].running = running;
    }

    /// Something sets out on a link now: when it is due at the other end, or `None` if it is lost at once.
    pub(super) fn send(&mut self, link: Link, parcel: Parcel, now: Time) -> Option<Time> {
        let line = &mut self.lines[usize::from(link.0.0)][usize::from(link.1.0)];
        if !line.dropping.now.is_empty() {
            for fault in &line.dropping.now {
                let effect = self.effects.entry(*fault).or_default();
                match parcel {
                    Parcel::Message => effect.dropped += 1,
                    Parcel::Connect => effect.connects_dropped += 1,
                }
            }
            return None;
        }
        for fault in &line.holding.now {
            self.effects.entry(*fault).or_default().held += 1;
        }
        if link.0 == link.1 {
            return Some(now);
        }
        let mut latency = between(&mut line.latencies, self.latency.0, self.latency.1);
        for (fault, delay) in &line.delays {
            // From -jitter to +jitter, without leaving unsigned numbers: the whole is never below zero.
            let deviation = between(&mut line.latencies, Duration::ZERO, 2 * delay.jitter);
            latency = (latency + delay.latency + deviation).saturating_sub(delay.jitter);
            self.effects.entry(*fault).or_default().delayed += 1;
        }
        Some(now + latency)
    }

    pub(super) fn fate(&self, link: Link, sent: Time, due: Time) -> Fate {
        self.line(link).fate(sent, due)
    }

    /// Whether what is sent on a link now is lost.
    pub(super) fn is_dropping(&self, link: Link) -> bool {
        !self.line(link).dropping.now.is_empty()
    }

    /// Whether what is sent on a link now is held.
    pub(super) fn is_holding(&self, link: Link) -> bool {
        !self.line(link).holding.now.is_empty()
    }

    /// Wakes `waker` when a fault on a link is healed.
    pub(super) fn wait(&mut self, link: Link, waker: &Waker) {
        self.line_mut(link).waiting.push(waker.clone());
    }

    pub(super) fn effect(&self, fault: FaultId) -> Effect {
        self.effects.get(&fault).copied().unwrap_or_default()
    }

    pub(super) fn effect_mut(&mut self, fault: FaultId) -> &mut Effect {
        self.effects.entry(fault).or_default()
    }

    pub(super) fn cut(&mut self, fault: FaultId, links: &[Link], in_flight: InFlight, now: Time) {
        for link in links {
            assert_ne!(link.0, link.1, "a node cannot be cut off from itself");
            let line = self.line_mut(*link);
            match in_flight {
                InFlight::Dropped => line.dropping.begin(fault, now),
                InFlight::Held => line.holding.begin(fault, now),
            }
        }
    }

    pub(super) fn delay(&mut self, fault: FaultId, links: &[Link], delay: Delay) {
        for link in links {
            self.line_mut(*link).delays.insert(fault, delay);
        }
    }

    /// Lifts a cut or a delay; gives those to wake who waited for it.
    pub(super) fn heal(&mut self, fault: FaultId, links: &[Link], now: Time) -> Vec<Waker> {
        let mut woken = Vec::new();
        for link in links {
            let line = self.line_mut(*link);
            line.delays.remove(&fault);
            line.dropping.end(fault, now);
            line.holding.end(fault, now);
            woken.append(&mut line.waiting);
        }
        woken
    }

    /// Counts a frame, and shows it to the observer.
    pub(super) fn record(&mut self, frame: &Frame) {
        self.stats.frames += 1;
        self.stats.frame_bytes += u64::from(frame.len);
        let ends = (u64::from(frame.from.0) << 48) | (u64::from(frame.to.0) << 32) | u64::from(frame.len);
        for word in [frame.at.as_nanos() as u64, ends, frame.hash] {
            self.stats.digest = fold(self.stats.digest, word);
        }
        if let Some(observer) = &mut self.observer {
            observer(frame);
        }
    }

    fn line(&self, link: Link) -> &Line {
        &self.lines[usize::from(link.0.0)][usize::from(link.1.0)]
    }

    fn line_mut(&mut self, link: Link) -> &mut Line {
        &mut self.lines[usize::from(link.0.0)][usize::from(link.1.0)]
    }
}

/// A hash of a frame's bytes: fast, the same everywhere, and changed by any one difference.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let hash = words.iter().fold(bytes.len() as u64, |hash, word| fold(hash, u64::from_le_bytes(*word)));
    fold(hash, u64::from_le_bytes(last))
}

/// Takes one word into a rolling hash. Each step is a bijection of the hash, and of the word.
fn fold(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn line() -> Line {
        Line::new(1, "b1", "b2")
    }

    #[test]
    fn a_message_arrives_when_it_is_due() {
        assert_eq!(line().fate(5 * MS, 9 * MS), Fate::Arrives(9 * MS));
    }

    #[test]
    fn a_dropping_cut_takes_what_is_in_flight_when_it_begins_and_nothing_else() {
        let mut line = line();
        line.dropping.begin(FaultId(1), 10 * MS);
        line.dropping.begin(FaultId(2), 11 * MS);
        line.dropping.end(FaultId(1), 12 * MS);
        line.dropping.end(FaultId(2), 20 * MS);
        assert_eq!(line.fate(5 * MS, 10 * MS), Fate::Arrives(10 * MS));
        assert_eq!(line.fate(5 * MS, 11 * MS), Fate::Lost(FaultId(1)));
        assert_eq!(line.fate(10 * MS, 11 * MS), Fate::Lost(FaultId(1)));
        assert_eq!(line.fate(20 * MS, 25 * MS), Fate::Arrives(25 * MS));
        assert_eq!(line.spans(), [(10, Some(20))]);
    }

    #[test]
    fn a_holding_cut_delays_what_it_meets_until_the_last_of_them_is_healed() {
        let mut line = line();
        line.holding.begin(FaultId(1), 10 * MS);
        line.holding.begin(FaultId(2), 15 * MS);
        assert_eq!(line.fate(5 * MS, 10 * MS), Fate::Arrives(10 * MS));
        assert_eq!(line.fate(5 * MS, 12 * MS), Fate::Held(FaultId(1)));
        line.holding.end(FaultId(1), 20 * MS);
        assert_eq!(line.fate(5 * MS, 12 * MS), Fate::Held(FaultId(1)));
        line.holding.end(FaultId(2), 30 * MS);
        assert_eq!(line.fate(5 * MS, 12 * MS), Fate::Arrives(30 * MS));
        assert_eq!(line.fate(18 * MS, 40 * MS), Fate::Arrives(40 * MS));
        assert_eq!(line.fate(30 * MS, 31 * MS), Fate::Arrives(31 * MS));
    }

    #[test]
    fn what_is_held_is_in_flight_and_can_still_be_lost() {
        let mut line = line();
        line.holding.begin(FaultId(1), 10 * MS);
        line.dropping.begin(FaultId(2), 20 * MS);
        assert_eq!(line.fate(8 * MS, 12 * MS), Fate::Lost(FaultId(2)));
        line.holding.end(FaultId(1), 30 * MS);
        assert_eq!(line.fate(8 * MS, 12 * MS), Fate::Lost(FaultId(2)));
    }

    #[test]
    fn a_hash_tells_lengths_and_bytes_apart() {
        let hashes =
            [hash(b""), hash(b"\0"), hash(b"\0\0"), hash(b"12345678"), hash(b"123456789"), hash(b"12345679")];
        for (i, one) in hashes.iter().enumerate() {
            assert!(!hashes[..i].contains(one), "{hashes:x?}");
        }
    }

    impl Line {
        fn spans(&self) -> Vec<(u128, Option<u128>)> {
            let span = |s: &Span| (s.begin.as_millis(), s.end.map(|end| end.as_millis()));
            self.dropping.spans.iter().map(span).collect()
        }
    }
}
