//! The circles of dependencies: which kinds there are, and a short one of each group that is caught in one.
//!
//! Circles of what was polled alone (wr) are violations. Those that go through the order of offsets (ww) are
//! legal, since writes are not isolated from each other. The stronger ones are sought first, and whoever is in
//! one is not looked at for weaker ones.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::super::LogReport;
use super::super::circle::Before;
use super::super::operations::OpId;
use super::super::sighting::{Legal, Sighting};
use super::edges::{self, Detail, Kind};
use super::evidence;
use super::order;
use super::shortest::{self, Arc};
use crate::ids::{Moment, Offset};
use crate::linearizability::rule;
use crate::operation::Outcome;
use crate::verdict::Anomaly;

/// What else orders operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    Nothing,
    Process,
    Realtime,
}

/// Kinds of circles, the strongest first: what they go through beside wr or ww or both.
const KINDS: [(bool, bool, Given); 9] = [
    (true, false, Given::Nothing),
    (true, false, Given::Process),
    (true, false, Given::Realtime),
    (false, true, Given::Nothing),
    (false, true, Given::Process),
    (false, true, Given::Realtime),
    (true, true, Given::Nothing),
    (true, true, Given::Process),
    (true, true, Given::Realtime),
];

/// Hands a circle of each group of operations that is caught in one to `sink`.
pub(super) fn find(report: &LogReport, sink: &mut dyn FnMut(Sighting)) {
    if order::exists(report) {
        return;
    }
    let caught = Caught::of(report);
    let mut told = vec![false; caught.ops.len()];
    for (reads, writes, given) in KINDS {
        let arcs = caught.arcs(reads, writes, given);
        let nodes = arcs.iter().map(|arc| arc.from.max(arc.to) as usize + 1).max().unwrap_or(0);
        let groups = components(nodes, arcs.iter().map(|arc| (arc.from, arc.to)));
        let mut paths = shortest::Paths::new(nodes, &arcs);
        for group in groups {
            let ops = || group.iter().copied().filter(|node| (*node as usize) < caught.ops.len());
            if ops().any(|node| told[node as usize]) {
                continue;
            }
            ops().for_each(|node| told[node as usize] = true);
            let Some(circle) = paths.circle(&group, caught.ops.len() as u32) else { continue };
            let circle: Vec<_> =
                circle.into_iter().map(|(node, kind)| (caught.ops[node as usize], kind)).collect();
            let anomaly = match (reads, given) {
                (true, Given::Nothing) => Anomaly::CircularInformation,
                (true, Given::Process) => Anomaly::CircularInformationProcess,
                (true, Given::Realtime) => Anomaly::CircularInformationRealtime,
                (false, Given::Nothing) => Anomaly::WriteCycle,
                (false, Given::Process) => Anomaly::WriteCycleProcess,
                (false, Given::Realtime) => Anomaly::WriteCycleRealtime,
            };
            let legal = (writes && rule::applies("ww-is-legal")).then_some(Legal::Unisolated);
            if let Some(sighting) = sighting(report, anomaly, &circle) {
                sink(Sighting { legal, ..sighting });
            }
        }
    }
}

/// The operations that are in some circle of everything together, and what orders them.
struct Caught {
    ops: Vec<OpId>,
    dependencies: Vec<Arc>,
    process: Vec<Arc>,
    realtime: Vec<Arc>,
}

impl Caught {
    fn of(report: &LogReport) -> Self {
        let all = report.operations.iter().map(|(op, _)| op);
        let all: Vec<OpId> = all.filter(|op| report.operations.is_committed(*op)).collect();
        let mut node_of = vec![u32::MAX; report.operations.len()];
        number(&mut node_of, &all);
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        edges::each(report, Detail::Last, &mut |from, to, _| {
            pairs.push((node_of[from.0 as usize], node_of[to.0 as usize]));
        });
        let (barriers, time) = realtime(report, &all);
        pairs.extend(time.iter().map(|arc| (arc.from, arc.to)));
        let groups = components(all.len() + barriers, pairs.into_iter());
        let caught = groups.iter().flatten().filter_map(|node| all.get(*node as usize).copied());
        let mut ops: Vec<OpId> = caught.collect();
        ops.sort_unstable();

        node_of.fill(u32::MAX);
        number(&mut node_of, &ops);
        let mut dependencies = Vec::new();
        edges::each(report, Detail::All, &mut |from, to, kind| {
            let (from, to) = (node_of[from.0 as usize], node_of[to.0 as usize]);
            if from != u32::MAX && to != u32::MAX {
                dependencies.push(Arc { from, to, kind });
            }
        });
        let process = processes(report, &node_of);
        let (_, realtime) = realtime(report, &ops);
        Self { ops, dependencies, process, realtime }
    }

    fn arcs(&self, reads: bool, writes: bool, given: Given) -> Vec<Arc> {
        let is_meant = |arc: &&Arc| match arc.kind {
            Kind::WriteRead(..) => reads,
            Kind::WriteWrite(..) => writes,
            Kind::Process | Kind::Realtime => false,
        };
        let given = match given {
            Given::Nothing => &[][..],
            Given::Process => &self.process,
            Given::Realtime => &self.realtime,
        };
        self.dependencies.iter().filter(is_meant).chain(given).copied().collect()
    }
}

fn number(node_of: &mut [u32], ops: &[OpId]) {
    for (node, op) in (0..).zip(ops) {
        node_of[op.0 as usize] = node;
    }
}

/// Each operation after the one that its process did before, of those that are numbered.
fn processes(report: &LogReport, node_of: &[u32]) -> Vec<Arc> {
    let mut arcs = Vec::new();
    // The last numbered operation of the process, up to this one.
    let mut last = vec![u32::MAX; node_of.len()];
    for (op, done) in report.operations.iter() {
        let before = done.previous.map_or(u32::MAX, |previous| last[previous.0 as usize]);
        let node = node_of[op.0 as usize];
        if node != u32::MAX && before != u32::MAX && rule::applies("process") {
            arcs.push(Arc { from: before, to: node, kind: Kind::Process });
        }
        last[op.0 as usize] = if node == u32::MAX { before } else { node };
    }
    arcs
}

/// The order of time, in few edges: whoever has ended goes to a barrier, each barrier to the next, and the
/// latest one to whoever begins. Barriers are numbered after the operations. Returns how many there are.
fn realtime(report: &LogReport, ops: &[OpId]) -> (usize, Vec<Arc>) {
    let mut ends: Vec<(Moment, u32)> = (0..)
        .zip(ops)
        .filter(|(_, op)| {
            let outcome = report.operations.get(**op).outcome;
            outcome == Some(Outcome::Ok) || (outcome.is_some() && !rule::applies("info-never-ends"))
        })
        .map(|(node, op)| (report.operations.get(*op).completed, node))
        .collect();
    ends.sort_unstable();
    let mut ends = ends.into_iter().peekable();
    let first = ops.len() as u32;
    let mut barrier: Option<u32> = None;
    let mut arcs = Vec::new();
    let arc = |from, to| Arc { from, to, kind: Kind::Realtime };
    for (node, op) in (0..).zip(ops).filter(|_| rule::applies("realtime")) {
        let begins = report.operations.get(*op).invoked;
        if ends.peek().is_some_and(|(end, _)| *end < begins) {
            let next = barrier.map_or(first, |last| last + 1);
            arcs.extend(barrier.map(|last| arc(last, next)));
            while let Some((_, ended)) = ends.next_if(|(end, _)| *end < begins) {
                arcs.push(arc(ended, next));
            }
            barrier = Some(next);
        }
        arcs.extend(barrier.map(|last| arc(last, node)));
    }
    (barrier.map_or(0, |last| (last - first) as usize + 1), arcs)
}

/// The groups of more than one node of which each reaches each, in the order of their first nodes.
fn components(nodes: usize, edges: impl Iterator<Item = (u32, u32)>) -> Vec<Vec<u32>> {
    let mut graph: DiGraph<(), ()> = DiGraph::with_capacity(nodes, edges.size_hint().0);
    for _ in 0..nodes {
        graph.add_node(());
    }
    for (from, to) in edges {
        graph.add_edge(NodeIndex::new(from as usize), NodeIndex::new(to as usize), ());
    }
    let groups = kosaraju_scc(&graph).into_iter().filter(|group| group.len() > 1);
    let mut groups: Vec<Vec<u32>> =
        groups.map(|group| group.into_iter().map(|node| node.index() as u32).collect()).collect();
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups.sort_unstable_by_key(|group| group[0]);
    groups
}

/// The evidence of a circle: each operation with why it comes before the next one.
fn sighting(report: &LogReport, anomaly: Anomaly, circle: &[(OpId, Kind)]) -> Option<Sighting> {
    let name = |id| report.partition(id).name.clone();
    let mut offsets: Vec<Offset> = Vec::new();
    let mut partition = None;
    let mut steps = Vec::with_capacity(circle.len());
    for (op, kind) in circle {
        let before = match *kind {
            Kind::WriteWrite(id, first, then) => {
                partition.get_or_insert(id);
                offsets.extend([first, then]);
                Before::WriteWrite(name(id), first, then)
            }
            Kind::WriteRead(id, offset) => {
                partition.get_or_insert(id);
                offsets.push(offset);
                Before::WriteRead(name(id), offset)
            }
            Kind::Process => Before::Process,
            Kind::Realtime => Before::Realtime,
        };
        steps.push((report.timeline.index(report.operations.get(*op).told()), before));
    }
    let moments: Vec<Moment> = circle.iter().map(|(op, _)| report.operations.get(*op).told()).collect();
    let evidence = evidence(report, &moments, [], offsets);
    Some(Sighting { circle: steps, ..Sighting::new(anomaly, name(partition?), evidence) })
}
