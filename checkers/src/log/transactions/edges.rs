//! The dependencies between operations, as far as offsets and polls tell of them.
//!
//! Of one partition's writes each follows the one before it (ww), and who polled a record follows who sent it
//! (wr). Where an offset was seen with several values their order is not known, and they are passed over.

use super::super::LogReport;
use super::super::operations::{OpId, PartitionId};
use super::super::slots::seek;
use super::super::writes::WriteId;
use super::writer;
use crate::ids::Offset;
use crate::linearizability::rule;

/// Why one operation comes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// The later one wrote right after it, at these offsets of a partition.
    WriteWrite(PartitionId, Offset, Offset),
    /// The later one polled what it wrote, at this offset of a partition.
    WriteRead(PartitionId, Offset),
    /// The same process did both.
    Process,
    /// It had ended when the later one began.
    Realtime,
}

/// How much of the polls is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Of a poll the last record of each partition: its writer follows those of the records below it. Enough
    /// where ww counts too.
    Last,
    /// All of it.
    All,
}

/// Hands every dependency to `tell`; none of an operation on itself.
pub(super) fn each(report: &LogReport, detail: Detail, tell: &mut dyn FnMut(OpId, OpId, Kind)) {
    let mut edge = |from: Option<OpId>, to: OpId, kind: Kind| {
        if let Some(from) = from.filter(|from| *from != to && report.operations.is_committed(to)) {
            tell(from, to, kind);
        }
    };
    for (id, history) in report.in_order() {
        let (slots, mut last) = (&history.slots, None);
        let mut odd = slots.others().iter().map(|place| place.offset).peekable();
        // Whether several values were seen at an offset; they are asked in order.
        let mut is_odd = |offset: Offset| {
            while odd.next_if(|next| *next < offset).is_some() {}
            odd.peek() == Some(&offset) && rule::applies("ww-agreed")
        };
        for place in slots.firsts().iter().filter(|_| rule::applies("ww")) {
            if is_odd(place.offset) {
                continue;
            }
            // What lies twice was written where its producer was told, or it was read first.
            let is_own = |write: &WriteId| {
                place.is_told
                    || history.write(*write).place() == Some(place.offset)
                    || !rule::applies("ww-own-place")
            };
            let Some(op) = place.write.filter(is_own).and_then(|_| writer(report, place)) else { continue };
            if let Some((before, at)) = last.replace((op, place.offset)) {
                edge(Some(before), op, Kind::WriteWrite(id, at, place.offset));
            }
        }
        if !rule::applies("wr") {
            continue;
        }
        let mut near = 0;
        for run in &history.runs {
            let firsts = slots.firsts();
            let (Ok(end) | Err(end)) = seek(firsts, run.last(), near);
            near = end;
            let mut at = end;
            while let Some(place) = firsts.get(at).filter(|place| place.offset >= run.first) {
                let sent = writer(report, place);
                edge(sent, run.op, Kind::WriteRead(id, place.offset));
                let chained = sent.is_some() && slots.others_at(place.offset).is_empty();
                if at == 0 || (detail == Detail::Last && chained) {
                    break;
                }
                at -= 1;
            }
        }
        for (op, offset, value) in &history.odd {
            if let Some(write) = history.write_of(*value).filter(|_| report.operations.is_committed(*op)) {
                let sent = Some(write.op).filter(|op| report.operations.is_committed(*op));
                edge(sent, *op, Kind::WriteRead(id, *offset));
            }
        }
    }
}
