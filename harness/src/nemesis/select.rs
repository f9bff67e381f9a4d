//! Resolves selectors and cuts to hosts and links, at the instant at which a fault begins.

use std::collections::BTreeSet;

use highwater_checkers::ids::{BrokerId, TopicPartition};
use highwater_workloads::Host;
use highwater_workloads::plan::Cut;
use highwater_workloads::randomness::{below, shuffle};
use highwater_workloads::scenario::{Direction, Mode, Selector, Who};
use rand_chacha::ChaCha8Rng;

use super::hosts::Hosts;
use crate::view::View;

/// What selectors are resolved against.
pub(super) struct Situation<'a> {
    pub(super) view: &'a View,
    pub(super) hosts: &'a Hosts,
    /// The partition of the event that the fault waited for.
    pub(super) place: Option<&'a TopicPartition>,
}

impl Situation<'_> {
    /// The hosts that a selector takes; empty where nobody holds the role now.
    pub(super) fn select(&self, selector: &Selector, rng: &mut ChaCha8Rng) -> BTreeSet<Host> {
        let mut candidates = self.candidates(&selector.who);
        let count = candidates.len() as u64;
        let percent = |percent: u32| (count * u64::from(percent)).div_ceil(100);
        let taken = match selector.mode {
            Mode::All => count,
            Mode::One => 1,
            Mode::Fixed(fixed) => u64::from(fixed),
            Mode::FixedPercent(share) => percent(share),
            Mode::RandomMaxPercent(share) => 1 + below(rng, percent(share).max(1)),
        };
        if taken < count {
            shuffle(rng, &mut candidates);
            candidates.truncate(usize::try_from(taken).unwrap_or(usize::MAX));
        }
        candidates.into_iter().collect()
    }

    fn candidates(&self, who: &Who) -> Vec<Host> {
        let hosts = |ids: Vec<BrokerId>| ids.into_iter().filter_map(|id| self.hosts.host(id)).collect();
        match who {
            Who::Hosts(named) => named.clone(),
            Who::Role(role) if role == "client" => vec![Host::Clients],
            Who::Role(role) => hosts(self.view.cluster_role(role, &self.hosts.brokers())),
            Who::PartitionRole { role, .. } => match self.place_of_candidates(who) {
                Some(partition) => hosts(self.view.partition_role(role, &partition)),
                None => Vec::new(),
            },
        }
    }

    /// The partition that a fault is about: that of the selector's role, or else that of the event.
    pub(super) fn place_of(&self, selector: &Selector) -> Option<TopicPartition> {
        self.place_of_candidates(&selector.who)
    }

    fn place_of_candidates(&self, who: &Who) -> Option<TopicPartition> {
        match who {
            Who::PartitionRole { topic: Some(topic), partition: Some(partition), .. } => {
                Some(TopicPartition::new(topic.as_str(), i32::try_from(*partition).unwrap_or(i32::MAX)))
            }
            _ => self.place.cloned(),
        }
    }

    /// The directed links that a cut takes; empty where a selector finds nobody.
    pub(super) fn links(&self, cut: &Cut, direction: Direction, rng: &mut ChaCha8Rng) -> Vec<(Host, Host)> {
        match cut {
            Cut::Groups(groups) => {
                let mut links = Vec::new();
                for (index, group) in groups.iter().enumerate() {
                    for other in groups.iter().skip(index + 1) {
                        links.extend(between(group, other, direction));
                    }
                }
                links
            }
            Cut::Links(pairs) => {
                pairs.iter().flat_map(|(left, right)| between(&[*left], &[*right], direction)).collect()
            }
            Cut::Between { selector, target } => self.between(selector, target.as_ref(), direction, rng),
        }
    }

    /// The directed links between the selected and the target, or everybody else.
    pub(super) fn between(
        &self,
        selector: &Selector,
        target: Option<&Selector>,
        direction: Direction,
        rng: &mut ChaCha8Rng,
    ) -> Vec<(Host, Host)> {
        let selected = self.select(selector, rng);
        let others: Vec<Host> = match target {
            Some(target) => self.select(target, rng).difference(&selected).copied().collect(),
            None if selected.is_empty() => Vec::new(),
            None => self.hosts.all().filter(|host| !selected.contains(host)).collect(),
        };
        let selected: Vec<Host> = selected.into_iter().collect();
        between(&selected, &others, direction)
    }
}

/// The links between two groups: `To` is what the first one sends.
fn between(selected: &[Host], others: &[Host], direction: Direction) -> Vec<(Host, Host)> {
    let mut links = Vec::new();
    for one in selected {
        for other in others {
            if matches!(direction, Direction::To | Direction::Both) {
                links.push((*one, *other));
            }
            if matches!(direction, Direction::From | Direction::Both) {
                links.push((*other, *one));
            }
        }
    }
    links
}
