//! The rules: the kinds of what can be found, each with a text that helps.

use std::collections::BTreeMap;

use highwater_checkers::verdict::Anomaly;

use super::format::{Configuration, Level, Rule, Text};
use crate::summary::Outcome;

/// Where the project is, and where a rule's text sends people on to.
pub(super) const PROJECT: &str = env!("CARGO_PKG_REPOSITORY");

/// A rule, and how its findings weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The contract is broken in this way.
    Anomaly(Anomaly),
    /// A run as a whole is not what it should be.
    Run(Outcome),
}

impl Kind {
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Anomaly(anomaly) => anomaly.name(),
            Self::Run(outcome) => outcome.name(),
        }
    }

    pub(super) fn level(self) -> Level {
        match self {
            Self::Run(Outcome::Inconclusive) => Level::Warning,
            Self::Anomaly(_) | Self::Run(_) => Level::Error,
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Anomaly(anomaly) => anomaly.meaning(),
            Self::Run(Outcome::ExpectationMissed) => {
                "Something that the scenario expects did not show, so that it tests less than it promises."
            }
            Self::Run(Outcome::Nondeterministic) => {
                "The same seed gave two recordings: no run can be trusted."
            }
            Self::Run(Outcome::Inconclusive) => {
                "The run says nothing: no checker could tell, nothing was acknowledged, or a fault never bit."
            }
            Self::Run(_) => "The contract is broken.",
        }
    }

    fn rule(self) -> Rule {
        let meaning = || Text { text: self.meaning().to_owned() };
        let help = format!(
            "{} The scenario's line is that of the fault next before it. `highwater replay` shows the run again, event by \
             event; `highwater list checks` tells what else is looked for.",
            self.meaning()
        );
        Rule {
            id: self.id(),
            short_description: meaning(),
            full_description: meaning(),
            help: Text { text: help },
            default_configuration: Configuration { level: self.level() },
        }
    }
}

/// The rules of these kinds, in their order, and the place of each.
pub(super) fn rules(kinds: impl Iterator<Item = Kind>) -> (Vec<Rule>, BTreeMap<&'static str, usize>) {
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort();
    kinds.dedup();
    let places = kinds.iter().enumerate().map(|(place, kind)| (kind.id(), place)).collect();
    (kinds.into_iter().map(Kind::rule).collect(), places)
}
