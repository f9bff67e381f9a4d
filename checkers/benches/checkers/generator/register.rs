//! Histories of a register whose values are unique: clients that read, write, and compare and set.

use highwater_checkers::linearizability::register::RegisterAction;
use highwater_checkers::linearizability::{Op, ValueId};

use super::{Random, Size, run};

/// One half reads. The register holds 0 at first.
pub(crate) fn history(size: Size) -> Vec<Op<RegisterAction>> {
    let mut state = ValueId(0);
    let mut written = 0;
    run(&mut Random(1), size, |random| match random.below(4) {
        kind @ 0..2 => {
            written += 1;
            let from = std::mem::replace(&mut state, ValueId(written));
            if kind == 0 { RegisterAction::Write(state) } else { RegisterAction::Cas { from, to: state } }
        }
        _ => RegisterAction::Read(state),
    })
}
