//! Reads `clients`, and the `steady_state` that they must reach.

use std::time::Duration;

use super::reader::{Accepted, Fields, Reader, shown};
use super::source::Node;
use crate::scenario::quantity::{Amount, Bound, Comparison, Rate};
use crate::scenario::{Acks, Client, Consumer, Producer, SteadyState};

pub(super) const CLIENT: Accepted = Accepted { section: "client", fields: &["producer", "consumer"] };
pub(super) const PRODUCER: Accepted = Accepted {
    section: "producer",
    fields: &["count", "topic", "acks", "idempotent", "rate", "records", "in_flight", "timeout"],
};
pub(super) const CONSUMER: Accepted = Accepted { section: "consumer", fields: &["count", "topic"] };
pub(super) const STEADY_STATE: Accepted =
    Accepted { section: "steady_state", fields: &["within", "acks", "isr"] };

/// Of all entries together.
const CLIENTS_MAX: u32 = 200;
const IN_FLIGHT_MAX: u64 = 100;
/// As many as a producer numbers.
const RECORDS_MAX: u64 = 1 << 32;
/// The defaults of a producer.
const RATE_DEFAULT: Rate = Rate { count: 50, per: Duration::from_secs(1) };
const IN_FLIGHT_DEFAULT: u32 = 5;
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);

/// Reads the entries of `clients`.
pub(super) fn clients(reader: &mut Reader<'_>, node: &Node) -> Vec<Client> {
    let told = reader.told();
    let items = reader.list(node, "clients", CLIENTS_MAX as usize);
    let clients: Vec<Client> = items.iter().filter_map(|item| client(reader, item)).collect();
    if reader.told() == told {
        let count = |client: &Client| match client {
            Client::Producer(producer) => producer.count,
            Client::Consumer(consumer) => consumer.count,
        };
        let total: u32 = clients.iter().map(count).sum();
        if total > CLIENTS_MAX {
            reader.mistake(node.span, format!("{total} clients are over the limit of {CLIENTS_MAX}"));
        }
        if !clients.iter().any(|client| matches!(client, Client::Producer(_))) {
            let message = "a scenario needs at least one producer";
            reader.helped(node.span, message, "without acknowledged sends nothing can be judged");
        }
    }
    clients
}

fn client(reader: &mut Reader<'_>, node: &Node) -> Option<Client> {
    let fields = reader.fields(node, &CLIENT)?;
    match (fields.get("producer"), fields.get("consumer")) {
        (Some(node), None) => producer(reader, node).map(Client::Producer),
        (None, Some(node)) => consumer(reader, node).map(Client::Consumer),
        (Some(node), Some(other)) => {
            let _ = (producer(reader, node), consumer(reader, other));
            reader.helped(
                fields.span,
                "a client is a producer or a consumer",
                "begin a second entry with `-`",
            );
            None
        }
        (None, None) => {
            let help = "write `- producer: { topic: … }` or `- consumer: { topic: … }`";
            reader.helped(fields.span, "a client is a `producer` or a `consumer`", help);
            None
        }
    }
}

fn producer(reader: &mut Reader<'_>, node: &Node) -> Option<Producer> {
    let fields = reader.fields(node, &PRODUCER)?;
    let count = client_count(reader, &fields);
    let topic = reader.required(&fields, "topic").and_then(|node| reader.topic(node));
    let acks = fields.get("acks").and_then(|node| {
        reader.choice(
            node,
            "acks",
            &[("0", Acks::None), ("1", Acks::Leader), ("all", Acks::All), ("-1", Acks::All)],
        )
    });
    let idempotent = fields.get("idempotent").and_then(|node| idempotent(reader, node)).unwrap_or(false);
    let rate = fields.get("rate").and_then(|node| rate(reader, node)).unwrap_or(RATE_DEFAULT);
    let records = fields.get("records").and_then(|node| reader.count(node, "records", 1..=RECORDS_MAX));
    let in_flight = fields
        .get("in_flight")
        .and_then(|node| reader.count(node, "in_flight", 1..=IN_FLIGHT_MAX))
        .map_or(IN_FLIGHT_DEFAULT, |count| count as u32);
    let timeouts = Duration::from_millis(1)..=Duration::from_secs(300);
    let timeout =
        fields.get("timeout").and_then(|node| reader.duration(node, &timeouts)).unwrap_or(TIMEOUT_DEFAULT);
    Some(Producer {
        count,
        topic: topic?.0,
        acks: acks.unwrap_or(Acks::All),
        idempotent,
        rate,
        records,
        in_flight,
        timeout,
    })
}

fn consumer(reader: &mut Reader<'_>, node: &Node) -> Option<Consumer> {
    let fields = reader.fields(node, &CONSUMER)?;
    let count = client_count(reader, &fields);
    let (topic, _) = reader.required(&fields, "topic").and_then(|node| reader.topic(node))?;
    Some(Consumer { count, topic })
}

fn client_count(reader: &mut Reader<'_>, fields: &Fields<'_>) -> u32 {
    let count = fields.get("count").and_then(|node| reader.count(node, "count", 1..=u64::from(CLIENTS_MAX)));
    count.unwrap_or(1) as u32
}

fn idempotent(reader: &mut Reader<'_>, node: &Node) -> Option<bool> {
    let idempotent = reader.boolean(node)?;
    if idempotent && !reader.vocabulary.idempotent_producers {
        let message = format!("`{}` has no idempotent producers", reader.vocabulary.system);
        reader.mistake(node.span, message);
        return None;
    }
    Some(idempotent)
}

fn rate(reader: &mut Reader<'_>, node: &Node) -> Option<Rate> {
    let text = reader.scalar(node, "a rate such as `100/s`")?;
    let rate = Rate::parse(text);
    if rate.is_none() {
        let help = format!(
            "write a whole number of records, `/`, and s, m or h; at most `{}/s`",
            Rate::PER_SECOND_MAX
        );
        reader.helped(node.span, format!("`{}` is no rate", shown(text)), help);
    }
    rate
}

/// Reads what must hold before the first fault.
pub(super) fn steady_state(reader: &mut Reader<'_>, node: Option<&Node>) -> SteadyState {
    let mut steady = SteadyState {
        within: Duration::from_secs(10),
        acks: Bound { comparison: Comparison::AtLeast, value: 1 },
        isr_full: true,
    };
    let Some(fields) = node.and_then(|node| reader.fields(node, &STEADY_STATE)) else { return steady };
    let bounds = Duration::from_millis(100)..=Duration::from_secs(600);
    if let Some(within) = fields.get("within").and_then(|node| reader.duration(node, &bounds)) {
        steady.within = within;
    }
    if let Some(acks) = fields.get("acks").and_then(|node| bound(reader, node, Comparison::AtLeast)) {
        steady.acks = acks;
    }
    if let Some(full) =
        fields.get("isr").and_then(|node| reader.choice(node, "isr", &[("full", true), ("any", false)]))
    {
        steady.isr_full = full;
    }
    steady
}

/// An amount with a comparison, as `">= 50"`.
pub(super) fn bound<T: Amount>(
    reader: &mut Reader<'_>,
    node: &Node,
    otherwise: Comparison,
) -> Option<Bound<T>> {
    let text = reader.scalar(node, "an amount such as `\">= 50\"`")?;
    match Bound::parse(text.trim(), otherwise) {
        Ok(bound) => Some(bound),
        Err(message) => {
            reader.helped(node.span, shown(&message), "write an amount, with <, <=, =, >= or > before it");
            None
        }
    }
}
