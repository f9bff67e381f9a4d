//! Published findings, and what a scenario that repeats one measured beside them.

use highwater_checkers::verdict::LoadCounts;

use crate::narrate::{counted, grouped};

/// What somebody else found and published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Who found it in what, and when.
    pub source: String,
    /// How many records were sent.
    pub sent: Option<u64>,
    /// How many of them were acknowledged.
    pub acknowledged: Option<u64>,
    /// How many of those were lost.
    pub lost: Option<u64>,
}

impl Published {
    /// The figures in words, as far as they were published: `520 of 987 acknowledged lost (52.7 %)`.
    pub fn figures(&self) -> String {
        match (self.lost, self.acknowledged) {
            (Some(lost), Some(acknowledged)) => losses(lost, acknowledged),
            (Some(lost), None) => format!("{} lost", grouped(lost)),
            (None, _) => "no figures".to_owned(),
        }
    }
}

/// What became of the records that were sent under load, over the seeds of a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// All seeds together.
    pub total: LoadCounts,
    /// How many seeds were judged.
    pub seeds: u64,
    /// At how many of them something was lost.
    pub seeds_with_loss: u64,
    /// The least and the greatest share of the acknowledged records that one seed lost, in percent; none before a
    /// seed has acknowledged anything.
    pub lost_percent: Option<(f64, f64)>,
}

impl Measured {
    /// Counts one more seed.
    pub fn add(&mut self, seed: LoadCounts) {
        self.total = self.total.plus(seed);
        self.seeds += 1;
        self.seeds_with_loss += u64::from(seed.lost > 0);
        if let Some(share) = percent(seed.lost, seed.acknowledged) {
            let (least, most) = self.lost_percent.unwrap_or((share, share));
            self.lost_percent = Some((least.min(share), most.max(share)));
        }
    }

    /// The figures in words, with their spread over the seeds.
    pub fn figures(&self) -> String {
        let spread = match self.lost_percent {
            Some((least, most)) if self.seeds > 1 => {
                format!("; {least:.1} to {most:.1} % in each of {}", counted(self.seeds, "seed"))
            }
            _ => String::new(),
        };
        losses(self.total.lost, self.total.acknowledged) + &spread
    }
}

fn losses(lost: u64, acknowledged: u64) -> String {
    let share = percent(lost, acknowledged).map_or_else(String::new, |share| format!(" ({share:.1} %)"));
    format!("{} of {} acknowledged lost{share}", grouped(lost), grouped(acknowledged))
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(acknowledged: u64, lost: u64) -> LoadCounts {
        LoadCounts { sent: acknowledged, acknowledged, lost }
    }

    #[test]
    fn figures_are_told_with_their_share_and_spread() {
        let published = Published { acknowledged: Some(987), lost: Some(520), ..Published::default() };
        assert_eq!(published.figures(), "520 of 987 acknowledged lost (52.7 %)");
        let mut measured = Measured::default();
        measured.add(seed(1_000, 100));
        assert_eq!(measured.figures(), "100 of 1,000 acknowledged lost (10.0 %)");
        measured.add(seed(1_000, 300));
        assert_eq!(
            measured.figures(),
            "400 of 2,000 acknowledged lost (20.0 %); 10.0 to 30.0 % in each of 2 seeds"
        );
    }

    #[test]
    fn what_was_not_published_or_measured_is_not_made_up() {
        assert_eq!(Published::default().figures(), "no figures");
        assert_eq!(Measured::default().figures(), "0 of 0 acknowledged lost");
    }
}
