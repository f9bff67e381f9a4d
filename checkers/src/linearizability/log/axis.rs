//! Offsets as small numbers: slots, so that an offset near 2^62 costs no more than any other.

/// The offsets that a history mentions, cut into slots: at every one of them a slot begins. What lies between
/// two of them nothing tells apart.
#[derive(Debug)]
pub(super) enum Axis {
    /// Every offset from `base` on is a slot of its own. Before them is one slot of `head` offsets, if
    /// `gaps` are legal.
    Direct { base: i64, slots: u32, gaps: bool, head: u64 },
    /// A slot begins at each of these.
    Sorted { starts: Vec<i64> },
}

impl Axis {
    /// How many slots there are, but for the one of all that is beyond the last.
    pub(super) fn slots(&self) -> u32 {
        match self {
            Self::Direct { slots, gaps, .. } => slots + u32::from(*gaps),
            Self::Sorted { starts } => u32::try_from(starts.len().saturating_sub(1)).unwrap_or(u32::MAX),
        }
    }

    /// The slot that begins at an offset; how many are before it, for one beyond all.
    pub(super) fn slot(&self, offset: i64) -> u32 {
        match self {
            Self::Direct { base, slots, gaps, .. } => {
                let first = u32::from(*gaps);
                match offset.checked_sub(*base) {
                    Some(distance) if distance >= i64::from(*slots) => slots + first,
                    // Within the range, as it is less than `slots`.
                    Some(distance) if distance >= 0 => distance as u32 + first,
                    _ if offset >= *base => slots + first,
                    _ => 0,
                }
            }
            Self::Sorted { starts } => {
                let slot = starts.partition_point(|start| *start < offset);
                u32::try_from(slot.min(starts.len().saturating_sub(1))).unwrap_or(u32::MAX)
            }
        }
    }

    /// Where a slot begins.
    pub(super) fn offset(&self, slot: u32) -> i64 {
        match self {
            Self::Direct { gaps: true, .. } if slot == 0 => 0,
            Self::Direct { base, gaps, .. } => base.saturating_add(i64::from(slot - u32::from(*gaps))),
            Self::Sorted { starts } => starts.get(slot as usize).copied().unwrap_or(i64::MAX),
        }
    }

    /// How many offsets a slot has.
    pub(super) fn width(&self, slot: u32) -> u64 {
        match self {
            Self::Direct { gaps: true, head, .. } if slot == 0 => *head,
            Self::Direct { .. } => 1,
            Self::Sorted { starts } => {
                let slot = slot as usize;
                match (starts.get(slot), starts.get(slot + 1)) {
                    (Some(start), Some(end)) => end.abs_diff(*start),
                    _ => u64::MAX,
                }
            }
        }
    }
}
