//! What the controllers may decide (W8, W14, W16, and W12 and W13 of their decisions).

use super::epochs::Epochs;
use super::scene::{Listed, Scene};
use crate::ids::BrokerId;
use crate::verdict::Anomaly;

impl Scene<'_> {
    /// A decision, told for the first time by `teller`.
    pub(super) fn decision_is_sound(&mut self, teller: BrokerId, epochs: &mut Epochs) {
        let Some(decided) = self.committed else { return };
        let (offset, isr) = (decided.offset, &decided.isr);
        self.decisions_rise(teller, decided);
        if let Some(leader) = decided.leader {
            self.leads_alone(epochs, decided.leader_epoch, leader);
            self.step(Anomaly::LeaderInIsr, leader, isr.contains(&leader), || {
                let what =
                    format!("at metadata offset {offset} {leader} leads, and in sync are {}", Listed(isr));
                (what, Vec::new())
            });
        }
        let stranger = isr.iter().copied().find(|member| !decided.replicas.contains(member));
        self.step(Anomaly::IsrWithinReplicas, stranger.unwrap_or(teller), stranger.is_none(), || {
            let (stranger, replicas) = (stranger.unwrap_or_default(), Listed(&decided.replicas));
            let what =
                format!("at metadata offset {offset} {stranger} is in sync, and the replicas are {replicas}");
            (what, Vec::new())
        });
        self.step(Anomaly::IsrNotEmpty, teller, !isr.is_empty(), || {
            (format!("at metadata offset {offset} nobody is in sync"), Vec::new())
        });
    }
}
