//! The one sentence of an explanation: which record, when, and because of which fault.

mod clients;
mod inside;
mod loss;

use highwater_checkers::fault::FaultRecord;
use highwater_checkers::ids::{BrokerId, Time};
use highwater_checkers::recording::Recording;
use highwater_checkers::verdict::{Anomaly, Evidence, Finding, Severity};

use super::causes::{self, Faults, Loss};
use super::life::Life;
use super::words;

pub(super) use loss::of_record;

/// A sentence has about as many characters at most; what matters less is left out before that.
const CHARACTERS_MAX: usize = 300;

/// What a sentence is made of.
pub(super) struct Scene<'a> {
    pub(super) recording: &'a Recording,
    pub(super) finding: &'a Finding,
    /// What proves its first instance.
    pub(super) evidence: Option<&'a Evidence>,
    /// The life of the record that it is about, or of its partition alone; none if it is about no partition.
    pub(super) life: Option<&'a Life>,
    /// Whether it is about a record.
    pub(super) is_of_record: bool,
    pub(super) faults: &'a Faults,
    /// Whether the scenario expects it.
    pub(super) is_expected: bool,
}

impl Scene<'_> {
    /// The sentence, without its full stop.
    pub(super) fn sentence(&self) -> String {
        let sentence = self.plainly();
        match self.finding.severity {
            Severity::Permitted(_) => format!("permitted: {sentence}"),
            Severity::Violation if self.is_expected => format!("as expected: {sentence}"),
            Severity::Violation => sentence,
        }
    }

    fn plainly(&self) -> String {
        let life = self.life.filter(|_| self.is_of_record);
        match (self.finding.anomaly, life) {
            (anomaly, Some(life)) if is_of_loss(anomaly, life) => {
                loss::of_loss(life, self.finding.count.saturating_sub(1), self.faults, self.time())
            }
            (Anomaly::Crashed, _) => self.of_crash(),
            (Anomaly::Stuck, _) => self.of_stuck(),
            (anomaly, _) if anomaly.is_invariant() => self.of_breach(),
            _ => self.of_history(),
        }
    }

    /// When it became evident.
    fn time(&self) -> Time {
        self.evidence.map_or(Time(u64::MAX), |evidence| evidence.time)
    }

    fn brokers(&self) -> Vec<BrokerId> {
        let evidence = self.evidence;
        let named = evidence.map(|evidence| evidence.brokers.clone()).unwrap_or_default();
        let event = evidence.and_then(|evidence| evidence.transition.as_ref()?.event.as_ref());
        named.into_iter().chain(event.map(|event| event.broker)).collect()
    }

    /// The end of the sentence: what set it off, or what came last before it.
    fn causes_of_breach(&self) -> String {
        let time = self.time();
        set_off(&causes::of_breach(self.life, &self.brokers(), time, self.faults), self.faults, time)
    }

    /// What the finding says, without its count and what is said of others of its kind.
    fn what(&self) -> &str {
        let what = self.finding.what.trim_end_matches('.');
        let what = what.split("; secondary, since").next().unwrap_or_default();
        let more = format!(" (and {} more", self.finding.count.saturating_sub(1));
        what.rfind(&more).map_or(what, |at| &what[..at])
    }
}

/// Whether a record's way can be told from its life, for this anomaly.
fn is_of_loss(anomaly: Anomaly, life: &Life) -> bool {
    match anomaly {
        Anomaly::Unseen | Anomaly::LostWrite | Anomaly::ReadThenLost | Anomaly::TornTxn => true,
        Anomaly::NoCommitLostGlobally => true,
        Anomaly::LeaderCompleteness | Anomaly::ConsistentRead => Loss::of(life).is_told(),
        _ => false,
    }
}

/// The end of a sentence: the faults that set it off, or else what came last before it.
fn set_off(named: &[&FaultRecord], faults: &Faults, time: Time) -> String {
    match (named, faults.last_before(time)) {
        ([], None) => ", with no fault before it".to_owned(),
        ([], Some(last)) => format!("; the last fault before it was {}", words::fault(last)),
        (named, _) => format!("; set off by {}", words::faults(named)),
    }
}

/// The first of these that is short enough, or else the last.
fn first_that_fits(texts: &[String]) -> String {
    let fits = |text: &&String| text.chars().count() <= CHARACTERS_MAX;
    let found = texts.iter().find(fits).or(texts.last());
    found.cloned().unwrap_or_default()
}
