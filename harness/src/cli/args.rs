//! The command line: commands, flags, and their twins in the environment.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use highwater_checkers::check::{FailedCas, Object};
use highwater_checkers::history::{Datum, Format as HistoryFormat};
use highwater_checkers::judge::Shown;
use highwater_checkers::linearizability::search::Search;
use highwater_reports::style::ColorChoice;
use highwater_reports::terminal::Detail;
use highwater_workloads::duration;

use super::error::CliError;
use crate::campaign::Keep;

/// Chaos and fault-injection tests for replicated message queues, reproducible from one seed.
#[derive(Debug, Parser)]
#[command(name = "highwater", version, propagate_version = true, after_help = EXIT_CODES)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 as expected, 1 violation or missed expectation, 2 bad usage or scenario, 3 inconclusive,
4 nondeterminism, 5 nothing ran, 6 a replay did not show the recorded violation, 70 internal error,
74 cannot read or write, 124 over the time limit, 130 interrupted";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run every scenario at its seeds, and judge what happened
    Run(RunArgs),
    /// Execute a recording again, exactly, and compare
    Replay(ReplayArgs),
    /// Tell again of runs that were kept, in every format
    Report(ReportArgs),
    /// Tell in sentences what happened in a run: the life of a lost record, and where it went wrong
    Explain(ExplainArgs),
    /// Switch on one mutant after the other, and show at which seed it is caught
    Mutants(MutantsArgs),
    /// Judge anybody's histories by the object that they are about: a linearizability checker of its own
    Check(CheckArgs),
    /// Tell every mistake of scenarios, without running them
    Validate {
        /// Files, folders of *.yaml, or names of shipped suites
        #[arg(required = true, value_name = "FILE|DIR|NAME")]
        scenarios: Vec<String>,
    },
    /// Run each seed twice in threads and once in another process; the recordings must be equal, byte by byte
    Determinism(DeterminismArgs),
    /// Show a catalogue
    List {
        /// Which
        catalogue: Catalogue,
    },
    /// Record one run into a folder: what `determinism` asks of another process
    #[command(hide = true)]
    Record {
        /// A file, or the name of a shipped suite
        scenario: String,
        #[arg(long)]
        seed: u64,
        #[arg(long)]
        folder: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Catalogue {
    /// The kinds of fault that a scenario may ask for
    Faults,
    /// What recordings are checked for
    Checks,
    /// The shipped scenarios
    Suites,
    /// The events that a fault may wait for, and those that brokers trace
    Events,
    /// The defects that can be switched on
    Mutants,
    /// The objects that a history can be about
    Models,
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Files, folders of *.yaml, or names of shipped suites
    #[arg(required = true, value_name = "FILE|DIR|NAME")]
    pub(super) scenarios: Vec<String>,
    #[command(flatten)]
    pub(super) seeds: SeedArgs,
    /// Switch a mutant on, beside those of the scenarios; `list mutants` names them
    #[arg(long = "mutant", value_name = "ID", env = "HIGHWATER_MUTANT", value_delimiter = ',')]
    pub(super) mutants: Vec<String>,
    #[command(flatten)]
    pub(super) jobs: JobsArg,
    #[command(flatten)]
    pub(super) reports: ReportsArg,
    #[command(flatten)]
    pub(super) artifacts: ArtifactsArg,
    /// Which recordings stay
    #[arg(long, value_enum, default_value = "failed", env = "HIGHWATER_KEEP")]
    pub(super) keep: KeepArg,
    /// How many megabytes of recordings stay at most; one always does
    #[arg(long, value_name = "MB", default_value_t = 1_024, env = "HIGHWATER_ARTIFACTS_MAX")]
    pub(super) artifacts_max: u64,
    /// Begin no other run after the first failure
    #[arg(long, env = "HIGHWATER_FAIL_FAST", value_parser = FalseyValueParser::new())]
    pub(super) fail_fast: bool,
    /// End each run as soon as an invariant of the cluster's inside is broken
    #[arg(long, env = "HIGHWATER_STOP_AT_VIOLATION", value_parser = FalseyValueParser::new())]
    pub(super) stop_at_violation: bool,
    #[command(flatten)]
    pub(super) all: AllArg,
    /// Stop after this time, like 10m, and report what was found
    #[arg(long, value_name = "TIME", value_parser = duration::parse, env = "HIGHWATER_TIMEOUT")]
    pub(super) timeout: Option<Duration>,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Folders of runs, or folders under which runs lie
    #[arg(required = true, value_name = "RUN")]
    pub(super) runs: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) reports: ReportsArg,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// What is told of runs, in which formats. Under GitHub Actions annotations and the summary of the step come by
/// themselves.
#[derive(Debug, Args)]
pub(super) struct ReportsArg {
    /// Write a JUnit report to this file
    #[arg(long, value_name = "PATH", env = "HIGHWATER_JUNIT")]
    pub(super) junit: Option<PathBuf>,
    /// Write a SARIF report to this file
    #[arg(long, value_name = "PATH", env = "HIGHWATER_SARIF")]
    pub(super) sarif: Option<PathBuf>,
    /// Write a report in Markdown to this file
    #[arg(long, value_name = "PATH", env = "HIGHWATER_MARKDOWN")]
    pub(super) markdown: Option<PathBuf>,
    /// Write a page to this file, to look into what happened; that of each run lies beside its recording
    #[arg(long, value_name = "PATH", env = "HIGHWATER_HTML")]
    pub(super) html: Option<PathBuf>,
    /// What standard output shows
    #[arg(long, value_enum, default_value = "human", env = "HIGHWATER_FORMAT")]
    pub(super) format: Format,
}

impl ReportsArg {
    /// Whether any of them shows all faults and leaders of a run.
    pub(super) fn timeline(&self, output: &OutputArgs) -> bool {
        output.detail() == Detail::Verbose || self.html.is_some()
    }
}

#[derive(Debug, Args)]
pub(super) struct MutantsArgs {
    /// Only this mutant; `list mutants` names them
    #[arg(long = "only", value_name = "ID", env = "HIGHWATER_ONLY", value_delimiter = ',')]
    pub(super) only: Vec<String>,
    /// The seeds from A up to, and not including, B, at which it is looked for
    #[arg(long, value_name = "A..B", value_parser = seed_range, default_value = "0..200", env = "HIGHWATER_SEEDS")]
    pub(super) seeds: Range<u64>,
    #[command(flatten)]
    pub(super) jobs: JobsArg,
    /// What standard output shows
    #[arg(long, value_enum, default_value = "human", env = "HIGHWATER_FORMAT")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) artifacts: ArtifactsArg,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The folder of a recording
    #[arg(value_name = "FOLDER")]
    pub(super) folder: PathBuf,
    /// Stop at this virtual time, like 12.5s
    #[arg(long, value_name = "TIME", value_parser = duration::parse, env = "HIGHWATER_UNTIL")]
    pub(super) until: Option<Duration>,
    /// Print every event of the run
    #[arg(long, env = "HIGHWATER_TRACE", value_parser = FalseyValueParser::new())]
    pub(super) trace: bool,
    #[command(flatten)]
    pub(super) all: AllArg,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The folder of a recording
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// Tell the life of this record, like orders/0@81, whatever became of it
    #[arg(long, value_name = "TOPIC/PARTITION@OFFSET", env = "HIGHWATER_RECORD")]
    pub(super) record: Option<String>,
    /// What standard output shows
    #[arg(long, value_enum, default_value = "human", env = "HIGHWATER_FORMAT")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Files, or - for standard input: Jepsen's EDN, JSON lines, Jepsen's log, Knossos' tuples
    #[arg(required = true, value_name = "HISTORY")]
    pub(super) histories: Vec<String>,
    /// The object that the histories are about; `list models` names them
    #[arg(long, short, value_name = "MODEL", env = "HIGHWATER_MODEL")]
    pub(super) model: Object,
    /// The format of the histories; by default recognised by how each begins
    #[arg(long, value_name = "FORMAT", env = "HIGHWATER_INPUT_FORMAT")]
    pub(super) input_format: Option<HistoryFormat>,
    /// What a register holds at first, in EDN; nil for those of Jepsen, 0 for those of Knossos
    #[arg(long, value_name = "VALUE", default_value = "nil", env = "HIGHWATER_INITIAL")]
    pub(super) initial: Datum,
    /// What a compare-and-set that failed without an error says
    #[arg(long, value_enum, default_value = "nothing", env = "HIGHWATER_FAILED_CAS")]
    pub(super) failed_cas: FailedCasArg,
    /// Each value is a pair of a key and what it would be without keys, as Jepsen's `independent` has it
    #[arg(long, env = "HIGHWATER_INDEPENDENT", value_parser = FalseyValueParser::new())]
    pub(super) independent: bool,
    /// Go on to every other key when one is found wrong, and show every instance of what is wrong with a log
    #[arg(long, env = "HIGHWATER_ALL", value_parser = FalseyValueParser::new())]
    pub(super) all: bool,
    /// The most steps to take for an answer; time would not repeat itself
    #[arg(long, value_name = "N", default_value_t = Search::default().steps_max, env = "HIGHWATER_STEPS_MAX")]
    pub(super) steps_max: u64,
    /// About the most memory for what a search remembers
    #[arg(long, value_name = "MB", default_value_t = 1_024, env = "HIGHWATER_MEMORY_MAX")]
    pub(super) memory_max_mb: usize,
    /// Write a page to look into the history, one file that needs no other
    #[arg(long, value_name = "PATH", env = "HIGHWATER_HTML")]
    pub(super) html: Option<PathBuf>,
    /// What standard output shows
    #[arg(long, value_enum, default_value = "human", env = "HIGHWATER_FORMAT")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FailedCasArg {
    /// The register held something else than what was expected
    Differed,
    /// Nothing: it did not happen, for whatever reason
    Nothing,
}

impl From<FailedCasArg> for FailedCas {
    fn from(failed: FailedCasArg) -> Self {
        match failed {
            FailedCasArg::Differed => Self::Differed,
            FailedCasArg::Nothing => Self::Nothing,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct DeterminismArgs {
    /// A file, a folder of *.yaml, or the name of a shipped suite
    #[arg(required = true, value_name = "FILE|DIR|NAME")]
    pub(super) scenarios: Vec<String>,
    #[command(flatten)]
    pub(super) seeds: SeedArgs,
    #[command(flatten)]
    pub(super) jobs: JobsArg,
    #[command(flatten)]
    pub(super) artifacts: ArtifactsArg,
}

#[derive(Debug, Args)]
pub(super) struct JobsArg {
    /// How many runs go on at a time; by default one a core
    #[arg(long, short = 'j', value_name = "N", env = "HIGHWATER_JOBS")]
    jobs: Option<NonZeroUsize>,
}

impl JobsArg {
    pub(super) fn get(&self) -> NonZeroUsize {
        self.jobs.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
    }
}

#[derive(Debug, Args)]
pub(super) struct ArtifactsArg {
    /// The folder of recordings
    #[arg(
        long = "artifacts",
        value_name = "DIR",
        default_value = "highwater-artifacts",
        env = "HIGHWATER_ARTIFACTS"
    )]
    pub(super) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct AllArg {
    /// Show every instance of every anomaly, not the first ones of each
    #[arg(long, env = "HIGHWATER_ALL", value_parser = FalseyValueParser::new())]
    all: bool,
}

impl AllArg {
    pub(super) fn shown(&self) -> Shown {
        if self.all { Shown::All } else { Shown::First }
    }
}

#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// Show only what failed
    #[arg(short, long, env = "HIGHWATER_QUIET", value_parser = FalseyValueParser::new())]
    quiet: bool,
    /// Show every run, finding, fault and leader
    #[arg(short, long, env = "HIGHWATER_VERBOSE", value_parser = FalseyValueParser::new())]
    verbose: bool,
    /// Whether there are colours
    #[arg(long, value_enum, default_value = "auto", env = "HIGHWATER_COLOR")]
    color: ColorArg,
}

impl OutputArgs {
    pub(super) fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (_, true) => Detail::Verbose,
            (true, _) => Detail::Quiet,
            _ => Detail::Normal,
        }
    }

    pub(super) fn color(&self) -> ColorChoice {
        match self.color {
            ColorArg::Auto => ColorChoice::Auto,
            ColorArg::Always => ColorChoice::Always,
            ColorArg::Never => ColorChoice::Never,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ColorArg {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A summary for people
    Human,
    /// One event a line
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum KeepArg {
    /// Those of runs that did not pass
    Failed,
    /// All
    All,
}

impl From<KeepArg> for Keep {
    fn from(keep: KeepArg) -> Self {
        match keep {
            KeepArg::Failed => Self::Failed,
            KeepArg::All => Self::All,
        }
    }
}

/// Which seeds; without any of these, each scenario's own `run.seeds`.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct SeedArgs {
    /// One seed [env: HIGHWATER_SEED]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The seeds from A up to, and not including, B [env: HIGHWATER_SEEDS]
    #[arg(long, value_name = "A..B", value_parser = seed_range)]
    seeds: Option<Range<u64>>,
    /// The first K seeds [env: HIGHWATER_COUNT]
    #[arg(long, value_name = "K")]
    count: Option<u64>,
}

impl SeedArgs {
    /// The seeds that are asked for. The environment is asked only if the command line says nothing, so that
    /// a flag of one kind overrules a variable of another.
    pub(super) fn chosen(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Range<u64>>, CliError> {
        let given = self.seed.map(one).or(self.seeds.clone()).or(self.count.map(|count| 0..count));
        if given.is_some() {
            return Ok(given);
        }
        type Read = fn(&str) -> Result<Range<u64>, String>;
        let readers: [(&str, Read); 3] = [
            ("HIGHWATER_SEED", |text| number(text).map(one)),
            ("HIGHWATER_SEEDS", seed_range),
            ("HIGHWATER_COUNT", |text| number(text).map(|count| 0..count)),
        ];
        let mut chosen = None;
        for (name, read) in readers {
            let Some(text) = variable(name).filter(|text| !text.is_empty()) else { continue };
            let seeds = read(&text).map_err(|error| CliError::usage(format!("{name}={text}: {error}")))?;
            if let Some((other, _)) = chosen.replace((name, seeds)) {
                return Err(CliError::usage(format!("{other} and {name} are both set: unset one of them")));
            }
        }
        Ok(chosen.map(|(_, seeds)| seeds))
    }
}

/// The greatest seed is left out, so that there is a range for every seed.
fn one(seed: u64) -> Range<u64> {
    seed..seed.saturating_add(1)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no whole number"))
}

fn seed_range(text: &str) -> Result<Range<u64>, String> {
    let Some((from, to)) = text.split_once("..") else {
        return Err(format!("`{text}` is no range like 0..200"));
    };
    if to.starts_with('=') {
        return Err("the range ends before its second number: write 0..201 for 0..=200".to_owned());
    }
    let range = number(from)?..number(to)?;
    if range.start > range.end { Err(format!("`{text}` runs backwards")) } else { Ok(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds(words: &[&str], environment: &[(&str, &str)]) -> Result<Option<Range<u64>>, String> {
        let words = ["highwater", "run", "quick"].iter().chain(words);
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        let Command::Run(run) = cli.command else { panic!("{cli:?}") };
        let variable = |name: &str| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        run.seeds.chosen(variable).map_err(|error| error.to_string())
    }

    #[test]
    fn seeds_come_from_one_flag_or_else_from_one_variable() {
        assert_eq!(seeds(&[], &[]), Ok(None));
        assert_eq!(seeds(&["--seed", "7"], &[]), Ok(Some(7..8)));
        assert_eq!(seeds(&["--seeds", "5..9"], &[("HIGHWATER_SEED", "1")]), Ok(Some(5..9)));
        assert_eq!(seeds(&["--count", "3"], &[]), Ok(Some(0..3)));
        assert_eq!(seeds(&[], &[("HIGHWATER_COUNT", "4"), ("HIGHWATER_SEED", "")]), Ok(Some(0..4)));
    }

    #[test]
    fn wrong_seeds_are_told() {
        let told = |words: &[&str]| seeds(words, &[]).expect_err("is wrong");
        assert!(told(&["--seeds", "9..5"]).contains("`9..5` runs backwards"));
        assert!(told(&["--seeds", "0..=5"]).contains("write 0..201 for 0..=200"));
        assert!(told(&["--seeds", "7"]).contains("is no range like 0..200"));
        assert!(told(&["--seed", "1", "--count", "3"]).contains("cannot be used with"));
        let both = seeds(&[], &[("HIGHWATER_SEED", "1"), ("HIGHWATER_COUNT", "2")]);
        assert_eq!(
            both,
            Err("HIGHWATER_SEED and HIGHWATER_COUNT are both set: unset one of them".to_owned())
        );
        let wrong = seeds(&[], &[("HIGHWATER_SEED", "x")]);
        assert_eq!(wrong, Err("HIGHWATER_SEED=x: `x` is no whole number".to_owned()));
    }

    #[test]
    fn the_definition_holds_together() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
