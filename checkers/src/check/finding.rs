//! From a search's witness to operations of the history.

use super::operations::{Gathered, Operations};
use super::report::{Cited, Finding, Place};
use crate::history::Actor;
use crate::linearizability::model::Model;
use crate::linearizability::search::Explanation;
use crate::linearizability::{OpId, Witness};

pub(super) fn finding<M: Model>(
    operations: &Operations<'_>,
    model: &M,
    gathered: &Gathered<M::Action>,
    witness: Witness,
    explanation: Option<&Explanation>,
) -> Finding {
    let cite = |id: &OpId| {
        let place = id.0 as usize;
        let span = &operations.spans[gathered.spans[place] as usize];
        let invocation = &operations.events[span.invocation];
        Cited {
            process: match invocation.process {
                Actor::Process(process) => process,
                Actor::Named(_) => -1,
            },
            what: model.describe(&gathered.ops[place].action),
            invocation: Place::of(invocation),
            completion: span.completion.map(|completion| Place::of(&operations.events[completion])),
        }
    };
    let part = witness.operations.first().map(|id| model.part(&gathered.ops[id.0 as usize].action));
    let key =
        part.and_then(|part| operations.keys.get_index(usize::try_from(part.0).ok()?)).cloned().flatten();
    Finding {
        kind: witness.kind,
        what: witness.what,
        key,
        operations: witness.operations.iter().map(cite).collect(),
        stuck: explanation.map(|explanation| (cite(&explanation.failing), explanation.what.clone())),
        count: 1,
        more: Vec::new(),
    }
}
