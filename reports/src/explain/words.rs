//! The words of an explanation: what records, faults and lists of brokers are called in its sentences.

use std::collections::{BTreeMap, BTreeSet};

use highwater_checkers::fault::{FaultRecord, Host, Target};
use highwater_checkers::ids::{BrokerId, ClientId, Value};

use super::life::Record;

/// So many hosts at the other ends of links are named, more are counted.
const HOSTS_NAMED_MAX: usize = 4;

/// A record by its place and its value, like `orders/0@81 (record 3/61)`.
pub(super) fn record(record: &Record) -> String {
    let place = format!("{}@{}", record.partition, record.offset);
    match record.value {
        Some(known) => format!("{place} (record {})", value(known)),
        None => place,
    }
}

/// A value as its producer counts: the producer's number, and the record's within it.
pub(super) fn value(value: Value) -> String {
    let (producer, sequence) = (value.producer(), value.sequence());
    match value.attempt() {
        0 => format!("{producer}/{sequence}"),
        attempt => format!("{producer}/{sequence}/{attempt}"),
    }
}

/// A client, by its number in the scenario's list.
pub(super) fn client(client: ClientId) -> String {
    format!("client {}", client.0)
}

/// Names with commas and an `and`; `nobody` if there is none.
pub(super) fn listed(names: impl IntoIterator<Item = impl ToString>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| name.to_string()).collect();
    match names.as_slice() {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `has` for one, `have` for several.
pub(super) fn have(brokers: &[BrokerId]) -> &'static str {
    if brokers.len() == 1 { "has" } else { "have" }
}

/// A fault by its kind, whom it struck, and when: `process-kill of b1 at 6.694s`.
pub(super) fn fault(fault: &FaultRecord) -> String {
    format!("{}{}", kind(fault), circumstances(fault))
}

/// Several faults, with each kind named once where they follow each other.
pub(super) fn faults(faults: &[&FaultRecord]) -> String {
    let mut before = None;
    let told = faults.iter().map(|fault| {
        let same = before.replace(kind(fault)) == Some(kind(fault));
        if same { circumstances(fault).trim_start().to_owned() } else { self::fault(fault) }
    });
    listed(told.collect::<Vec<_>>())
}

fn kind(fault: &FaultRecord) -> &str {
    if fault.kind.is_empty() { "unknown fault" } else { &fault.kind }
}

/// Whom a fault struck, and when.
fn circumstances(fault: &FaultRecord) -> String {
    match &fault.injected {
        Some((time, targets)) => format!("{} at {time}", struck(&fault.kind, targets)),
        None => String::new(),
    }
}

/// Whom a fault struck, with the word before it.
fn struck(kind: &str, targets: &[Target]) -> String {
    match targets.iter().map(link).collect::<Option<Vec<_>>>() {
        Some(links) if links.is_empty() => String::new(),
        Some(links) => format!(" {}", between(kind, &links)),
        None => format!(" of {}", listed(targets)),
    }
}

fn link(target: &Target) -> Option<(&Host, &Host)> {
    match target {
        Target::Link { from, to } => Some((from, to)),
        Target::Broker(_) | Target::Replica(..) | Target::Host(_) => None,
    }
}

/// Links, by the host that is cut off where all of them are its own.
fn between(kind: &str, links: &[(&Host, &Host)]) -> String {
    let all: BTreeSet<(&Host, &Host)> = links.iter().copied().collect();
    let both_ways = all.iter().all(|(from, to)| all.contains(&(*to, *from)));
    if both_ways {
        let hosts: BTreeSet<&Host> = all.iter().map(|(from, _)| *from).collect();
        // With one link either end would do; it is told from the first target's.
        let first = links.first().map(|(from, _)| *from);
        let center = first.into_iter().chain(hosts.iter().copied()).find(|host| is_center(&all, host));
        if let Some(center) = center {
            let others: Vec<_> =
                hosts.iter().filter(|host| **host != center).map(|host| name(host)).collect();
            return match others.as_slice() {
                [] => format!("of {}", name(center)),
                others if others.len() > HOSTS_NAMED_MAX => {
                    format!("between {} and {} others", name(center), others.len())
                }
                others if kind == "network-partition" => {
                    format!("of {} from {}", name(center), listed(others))
                }
                others => format!("between {} and {}", name(center), others.join(", ")),
            };
        }
    }
    let mut ways: BTreeMap<&Host, Vec<&Host>> = BTreeMap::new();
    for (from, to) in all {
        ways.entry(from).or_default().push(to);
    }
    // Many to one reads better from its end.
    let targets: BTreeSet<&Host> = ways.values().flatten().copied().collect();
    if ways.len() > 1
        && let [to] = targets.iter().copied().collect::<Vec<_>>().as_slice()
    {
        return format!("from {} to {}", listed(ways.keys().map(|from| name(from))), name(to));
    }
    let told = ways
        .iter()
        .map(|(from, to)| format!("from {} to {}", name(from), listed(to.iter().map(|to| name(to)))));
    listed(told)
}

fn is_center(links: &BTreeSet<(&Host, &Host)>, host: &Host) -> bool {
    links.iter().all(|(from, to)| *from == host || *to == host)
}

fn name(host: &Host) -> String {
    match host {
        Host::Broker(broker) => broker.to_string(),
        Host::Named(name) => name.to_string(),
    }
}

/// The brokers that a fault is about: those on all of its links, or else all at an end of one.
pub(super) fn brokers_struck(targets: &[Target]) -> BTreeSet<BrokerId> {
    let mut brokers = BTreeSet::new();
    let links: BTreeSet<(&Host, &Host)> = targets
        .iter()
        .filter_map(|target| match target {
            Target::Link { from, to } => Some((from, to)),
            Target::Broker(broker) | Target::Replica(broker, _) => {
                brokers.insert(*broker);
                None
            }
            Target::Host(_) => None,
        })
        .collect();
    let ends = || links.iter().flat_map(|(from, to)| [*from, *to]);
    let centers: BTreeSet<&Host> = ends().filter(|host| is_center(&links, host)).collect();
    let meant = if centers.is_empty() { ends().collect() } else { centers };
    let of = |hosts: BTreeSet<&Host>| -> BTreeSet<BrokerId> {
        let broker = |host: &Host| match host {
            Host::Broker(broker) => Some(*broker),
            Host::Named(_) => None,
        };
        hosts.into_iter().filter_map(broker).collect()
    };
    // Where a host that is no broker is cut off, it is cut off from these.
    let centers = of(meant);
    brokers.extend(if centers.is_empty() { of(ends().collect()) } else { centers });
    brokers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(texts: &[&str]) -> Vec<Target> {
        texts.iter().map(|text| text.parse().expect(text)).collect()
    }

    fn brokers(texts: &[&str]) -> Vec<i32> {
        brokers_struck(&targets(texts)).into_iter().map(|broker| broker.0).collect()
    }

    #[test]
    fn a_cut_is_told_by_the_host_that_is_cut_off() {
        let cases: [(&[&str], &str); 8] = [
            (&["b1", "b3"], " of b1 and b3"),
            (&["b2:orders/0"], " of b2:orders/0"),
            (&["b2->b1", "b1->b2"], " of b2 from b1"),
            (&["b1->b2", "b2->b1", "b3->b2", "b2->b3"], " of b2 from b1 and b3"),
            (&["b1->c1", "b1->c2"], " from b1 to c1 and c2"),
            (&["b1->b3", "b2->b3"], " from b1 and b2 to b3"),
            (&["b1->b2", "b3->b1"], " from b1 to b2 and from b3 to b1"),
            (&[], ""),
        ];
        for (texts, told) in cases {
            assert_eq!(struck("network-partition", &targets(texts)), told);
        }
        let around_b2 = targets(&["b1->b2", "b2->b1", "b3->b2", "b2->b3"]);
        assert_eq!(struck("network-delay", &around_b2), " between b2 and b1, b3");
    }

    #[test]
    fn a_fault_is_about_the_brokers_that_all_its_links_share() {
        assert_eq!(brokers(&["b1", "b3"]), [1, 3]);
        assert_eq!(brokers(&["b1->b2", "b2->b1", "b3->b2", "b2->b3"]), [2]);
        assert_eq!(brokers(&["b1->b2"]), [1, 2]);
        assert_eq!(brokers(&["b1->c1", "b1->c2"]), [1]);
        assert_eq!(brokers(&["b1->b2", "b2->b3", "b3->b1"]), [1, 2, 3]);
        assert_eq!(brokers(&["c3->b1", "c3->b2"]), [1, 2], "c3 is no broker");
    }

    #[test]
    fn lists_and_values_read_as_they_are_said() {
        assert_eq!(listed(["a"]), "a");
        assert_eq!(listed(["a", "b", "c"]), "a, b and c");
        assert_eq!(listed(Vec::<String>::new()), "nobody");
        assert_eq!([value(Value::packed(3, 61, 0)), value(Value::packed(0, 4, 2))], ["3/61", "0/4/2"]);
    }
}
