//! What a system tells of the defects that can be seeded in it.

/// A seeded defect: what `highwater list mutants` shows, and where `highwater mutants` looks for it.
///
/// Its id is one of the [`mutants`](highwater_workloads::scenario::Vocabulary::mutants) of the system's vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// Its name in `cluster.config.mutants`.
    pub id: &'static str,
    /// The real defect that it repeats.
    pub origin: &'static str,
    /// What the system lacks with it, as a sentence without its stop.
    pub removes: &'static str,
    /// The shipped suites that are to show it, the likeliest first.
    pub suites: &'static [&'static str],
}
