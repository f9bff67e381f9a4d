//! The sides that a network partition without a selector draws.

use rand_chacha::ChaCha8Rng;

use super::faults::Cut;
use crate::names::Host;
use crate::randomness::shuffle;

/// Two halves; of an odd number the second is larger.
pub(super) fn halves(mut hosts: Vec<Host>, rng: &mut ChaCha8Rng) -> Cut {
    shuffle(rng, &mut hosts);
    let middle = hosts.len() / 2;
    groups(&hosts, middle)
}

/// The largest minority, and the smallest majority.
pub(super) fn majority_minority(mut hosts: Vec<Host>, rng: &mut ChaCha8Rng) -> Cut {
    shuffle(rng, &mut hosts);
    let minority = hosts.len().saturating_sub(1) / 2;
    groups(&hosts, minority)
}

fn groups(hosts: &[Host], first: usize) -> Cut {
    let sorted = |part: &[Host]| {
        let mut part = part.to_vec();
        part.sort_unstable();
        part
    };
    Cut::Groups(vec![sorted(&hosts[..first]), sorted(&hosts[first..])])
}

/// Jepsen's majorities-ring: on a ring, each host keeps the links to as many nearest neighbours as it needs to
/// see a majority, itself included.
pub(super) fn ring(mut hosts: Vec<Host>, rng: &mut ChaCha8Rng) -> Cut {
    shuffle(rng, &mut hosts);
    let count = hosts.len();
    let majority = count / 2 + 1;
    let reach = (majority - 1).div_ceil(2);
    let cut = |left: usize, right: usize| {
        let distance = right - left;
        distance.min(count - distance) > reach
    };
    links(&hosts, cut)
}

/// Jepsen's bridge: two halves, and between them one host that sees both.
pub(super) fn bridge(mut hosts: Vec<Host>, rng: &mut ChaCha8Rng) -> Cut {
    shuffle(rng, &mut hosts);
    let bridge = hosts.len() / 2;
    links(&hosts, |left, right| left < bridge && right > bridge)
}

/// The links between hosts at two places, of which the first is the lower, that are to be cut.
fn links(hosts: &[Host], cut: impl Fn(usize, usize) -> bool) -> Cut {
    let mut links = Vec::new();
    for right in 0..hosts.len() {
        for left in (0..right).filter(|left| cut(*left, right)) {
            links.push((hosts[left].min(hosts[right]), hosts[left].max(hosts[right])));
        }
    }
    links.sort_unstable();
    Cut::Links(links)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::stream;

    fn hosts(count: u32) -> Vec<Host> {
        (1..=count).map(Host::Broker).collect()
    }

    /// How many hosts each sees, itself included.
    fn seen(cut: &Cut, count: u32) -> Vec<usize> {
        let Cut::Links(links) = cut else { panic!("{cut:?}") };
        let severed = |host| links.iter().filter(|(left, right)| *left == host || *right == host).count();
        hosts(count).into_iter().map(|host| count as usize - severed(host)).collect()
    }

    #[test]
    fn everybody_in_a_ring_sees_a_majority_and_not_all() {
        for count in [4, 5, 7, 8, 9] {
            let cut = ring(hosts(count), &mut stream(3, "test", "ring"));
            let majority = count as usize / 2 + 1;
            assert!(
                seen(&cut, count).iter().all(|seen| (majority..count as usize).contains(seen)),
                "{count}: {cut:?}"
            );
        }
    }

    #[test]
    fn one_host_of_a_bridge_sees_everybody() {
        for count in [3, 4, 5, 6] {
            let cut = bridge(hosts(count), &mut stream(3, "test", "bridge"));
            let all = seen(&cut, count).iter().filter(|seen| **seen == count as usize).count();
            assert_eq!(all, 1, "{count}: {cut:?}");
        }
    }

    #[test]
    fn sides_share_out_the_hosts() {
        for (count, halved, minority) in [(2, 1, 0), (3, 1, 1), (4, 2, 1), (5, 2, 2)] {
            let mut rng = stream(3, "test", "sides");
            for (cut, first) in [
                (halves(hosts(count), &mut rng), halved),
                (majority_minority(hosts(count), &mut rng), minority),
            ] {
                let Cut::Groups(groups) = cut else { panic!("{cut:?}") };
                assert_eq!(groups[0].len(), first, "{count}");
                let mut all = groups.concat();
                all.sort_unstable();
                assert_eq!(all, hosts(count));
            }
        }
    }
}
