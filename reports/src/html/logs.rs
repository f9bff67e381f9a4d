//! What lies where in each partition, and what polls returned, told by it.

use std::collections::BTreeMap;

use highwater_checkers::ids::{Offset, TopicPartition};
use highwater_checkers::operation::{Outcome, Phase};

use super::columns::{Data, Log};
use super::operations::{Operations, Read, Sent, Values, put_sends};

const ACKNOWLEDGED: u8 = 1;
const READ: u8 = 2;
const KEPT: u8 = 4;
const ODD: u8 = 8;

/// What is known of one offset.
#[derive(Clone, Copy)]
struct Slot {
    value: usize,
    flags: u8,
}

/// Fills the sends, the reads and the logs. `parts` are the partitions in the order in which the page lists them.
pub(super) fn put(data: &mut Data, operations: &Operations<'_>, parts: &[TopicPartition]) {
    let part = |name: &TopicPartition| parts.binary_search(name).unwrap_or(0);
    let sends: Vec<Sent<'_>> = operations.sends(part).collect();
    let reads: Vec<Read<'_>> = operations.reads(part).collect();
    let mut values = Values::of(&sends);
    put_sends(data, &sends);
    put_logs(data, &sends, &reads, &mut values);
    data.foreign = values.foreign;
}

fn put_logs(data: &mut Data, sends: &[Sent<'_>], reads: &[Read<'_>], values: &mut Values) {
    let mut logs: Vec<BTreeMap<Offset, Slot>> = vec![BTreeMap::new(); data.parts.len()];
    let mut final_read = vec![false; data.parts.len()];
    for Read { part, records, phase, .. } in reads {
        let is_final = *phase == Phase::Final;
        final_read[*part] |= is_final && !records.is_empty();
        for record in *records {
            let value = values.number(record.value);
            let slot = logs[*part].entry(record.offset).or_insert(Slot { value, flags: 0 });
            slot.flags |= READ;
            if slot.value != value {
                slot.flags |= ODD;
            } else if is_final {
                slot.flags |= KEPT;
            }
        }
    }
    for Sent { part, send, .. } in sends.iter().filter(|sent| sent.outcome == Outcome::Ok) {
        let Some(offset) = send.offset else { continue };
        let value = values.number(send.value);
        let slot = logs[*part].entry(offset).or_insert(Slot { value, flags: 0 });
        if slot.value == value {
            slot.flags |= ACKNOWLEDGED;
        } else {
            slot.flags |= ODD;
        }
    }
    for (part, log) in logs.iter_mut().enumerate() {
        for slot in log.values_mut() {
            // Acknowledged and gone.
            if final_read[part] && slot.flags & (ACKNOWLEDGED | KEPT) == ACKNOWLEDGED {
                slot.flags |= ODD;
            }
        }
    }
    put_reads(data, reads, &logs, values);
    data.logs = logs.iter().zip(final_read).map(|(log, final_read)| column(log, final_read, sends)).collect();
}

fn put_reads(data: &mut Data, reads: &[Read<'_>], logs: &[BTreeMap<Offset, Slot>], values: &mut Values) {
    let mut before = 0;
    for (place, Read { op, part, records, .. }) in reads.iter().enumerate() {
        let from = records.first().map_or(Offset(-1), |record| record.offset);
        let last = records.last().map_or(Offset(-1), |record| record.offset);
        data.reads.op.push(op - before);
        before = *op;
        data.reads.part.push(*part);
        data.reads.from.push(from.0);
        data.reads.last.push(last.0);
        data.reads.count.push(records.len());
        if records.is_empty() {
            continue;
        }
        let own: Vec<_> =
            records.iter().map(|record| (record.offset.0, values.number(record.value))).collect();
        let is_plain = from <= last
            && logs[*part]
                .range(from..=last)
                .map(|(offset, slot)| (offset.0, slot.value))
                .eq(own.iter().copied());
        if !is_plain {
            data.odd.insert(place, own);
        }
    }
}

fn column(log: &BTreeMap<Offset, Slot>, final_read: bool, sends: &[Sent<'_>]) -> Log {
    let mut column = Log { final_read, ..Log::default() };
    let mut before = 0;
    for (Offset(offset), Slot { value, flags }) in log {
        column.offset.push(offset - before);
        before = *offset;
        column.value.push(*value);
        column.op.push(sends.get(*value).map_or(-1, |sent| sent.op as i64));
        column.flags.push(*flags);
    }
    column
}
