//! Which host of a scenario is which node of the world, and under which id its trace events come.

use std::collections::BTreeMap;

use highwater_checkers::fault::{self, Target};
use highwater_checkers::ids::BrokerId;
use highwater_workloads::Host;
use highwater_workloads::scenario::Cluster;

use crate::system::broker_id;
use crate::world::{Link, NodeId};

/// The hosts of one run.
#[derive(Clone, Debug)]
pub struct Hosts {
    nodes: BTreeMap<Host, NodeId>,
    ids: BTreeMap<BrokerId, Host>,
}

impl Hosts {
    /// The hosts of `cluster`, with the nodes that they were added to the world as.
    pub fn new(cluster: &Cluster, nodes: BTreeMap<Host, NodeId>) -> Self {
        let id = |host: &Host| broker_id(cluster, *host).map(|id| (id, *host));
        let ids = nodes.keys().filter_map(id).collect();
        Self { nodes, ids }
    }

    /// The world's node of a host.
    pub fn node(&self, host: Host) -> NodeId {
        self.nodes[&host]
    }

    /// The host that a trace event's id stands for.
    pub fn host(&self, id: BrokerId) -> Option<Host> {
        self.ids.get(&id).copied()
    }

    /// The ids of all brokers.
    pub fn brokers(&self) -> Vec<BrokerId> {
        self.ids.iter().filter(|(_, host)| matches!(host, Host::Broker(_))).map(|(id, _)| *id).collect()
    }

    /// Every host of the cluster, without the clients'.
    pub fn cluster(&self) -> impl Iterator<Item = Host> + '_ {
        self.nodes.keys().copied().filter(|host| *host != Host::Clients)
    }

    /// Every host.
    pub fn all(&self) -> impl Iterator<Item = Host> + '_ {
        self.nodes.keys().copied()
    }

    /// A link in the world's terms.
    pub fn link(&self, (from, to): (Host, Host)) -> Link {
        (self.node(from), self.node(to))
    }
}

/// A host as a fault's target in the recording.
pub(super) fn target(host: Host) -> Target {
    match end(host) {
        fault::Host::Broker(id) => Target::Broker(id),
        fault::Host::Named(name) => Target::Host(name),
    }
}

/// A directed link as a fault's target in the recording.
pub(super) fn link_target((from, to): (Host, Host)) -> Target {
    Target::Link { from: end(from), to: end(to) }
}

fn end(host: Host) -> fault::Host {
    fault::Host::from(host.to_string().as_str())
}
