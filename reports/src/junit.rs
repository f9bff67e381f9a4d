//! JUnit XML, as CI systems read it: suite = scenario, case = seed, failure type = kind of failure.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::event::{Event, Sink, SinkError};
use crate::file::Target;
use crate::narrate::causes;
use crate::style::plain;
use crate::summary::{Outcome, RunSummary, ScenarioSummary};

/// So many faults are named as what may have caused a failure.
const FAULTS_MAX: usize = 6;

/// Writes the report when the campaign is over.
#[derive(Debug)]
pub struct Junit {
    target: Target,
    report: Report,
    cases: Vec<TestCase>,
}

impl Junit {
    /// A report that will be written to `target`.
    pub fn new(target: Target) -> Self {
        Self { target, report: Report::new("highwater"), cases: Vec::new() }
    }

    fn suite(&mut self, scenario: &ScenarioSummary) {
        let mut suite = TestSuite::new(held(&scenario.scenario));
        suite.set_time(scenario.measures.cpu_time);
        suite.add_property(("source".to_owned(), held(&scenario.source)));
        suite.add_test_cases(self.cases.drain(..));
        for missed in &scenario.missed {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status
                .set_type(Outcome::ExpectationMissed.name())
                .set_message(held(&format!("no run shows {missed}")))
                .set_description(held(&format!("reproduce: {}", scenario.reproduce())));
            let mut case = TestCase::new(held(&format!("some seed shows {missed}")), status);
            case.set_classname(held(&scenario.scenario));
            suite.add_test_case(case);
        }
        self.report.add_test_suite(suite);
    }

    fn render(&self) -> String {
        let text = self.report.to_string().expect("a text in memory takes all that is written to it");
        // Jenkins' schema knows this attribute of a suite, and not of all of them together.
        let skipped: usize = self.report.test_suites.iter().map(|suite| suite.skipped).sum();
        text.replacen(&format!(" skipped=\"{skipped}\""), "", 1)
    }
}

/// A text that XML can hold: quick-junit would leave out what looks like an escape sequence, whatever it goes on to.
fn held(text: &str) -> String {
    plain(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// One run as a test case.
fn case(run: &RunSummary) -> TestCase {
    let status = match run.failure_kind() {
        None => TestCaseStatus::success(),
        Some(_) if run.is_cut_short() => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(held(&run.failure().unwrap_or_default()));
            status
        }
        Some(kind) => {
            // An error is what says nothing about the system under test.
            let class = match run.outcome() {
                Outcome::Violation | Outcome::ExpectationMissed => NonSuccessKind::Failure,
                _ => NonSuccessKind::Error,
            };
            let mut body = causes(run, FAULTS_MAX);
            body.push(format!("reproduce: {}", run.reproduce));
            let body: Vec<_> = body.iter().map(|line| held(line)).collect();
            let mut status = TestCaseStatus::non_success(class);
            status
                .set_type(kind)
                .set_message(held(&run.failure().unwrap_or_default()))
                .set_description(body.join("\n"));
            status
        }
    };
    let mut case = TestCase::new(format!("seed {}", run.id.seed), status);
    case.set_classname(held(&run.id.scenario));
    if let Some(measures) = run.measures {
        case.set_time(measures.cpu_time);
    }
    case
}

impl Sink for Junit {
    fn take(&mut self, event: &Event) -> Result<(), SinkError> {
        match event {
            Event::RunFinished(run) => self.cases.push(case(run)),
            Event::ScenarioFinished(scenario) => self.suite(scenario),
            Event::CampaignFinished(_) => return self.target.write(&self.render()),
            Event::CampaignStarted { .. }
            | Event::RunStarted(_)
            | Event::RunProgress { .. }
            | Event::RunEnded { .. } => {}
        }
        Ok(())
    }
}
