//! What must hold of the replicas that count as in sync (W2, W6, W7, W9).

use super::scene::Scene;
use crate::ids::BrokerId;
use crate::state::Replica;
use crate::verdict::Anomaly;

impl<'a> Scene<'a> {
    /// W2, W6, W7 and W9, for all members and all who believe to lead.
    pub(super) fn members_are_complete(&mut self) {
        if self.suspended {
            return;
        }
        self.candidates_are_complete();
        for (leader, replica, _) in self.presumed_leaders() {
            self.members_follow(leader, replica);
        }
    }

    /// W2: every running in-sync replica has everything below the true high watermark.
    pub(super) fn candidates_are_complete(&mut self) {
        let Some((committed, known)) = self.committed.zip(self.fold.true_high_watermark()) else { return };
        for member in &committed.isr {
            let Some(log) = self.running(*member).and_then(Replica::log) else { continue };
            let holds = log.end() >= known.hw;
            self.state(Anomaly::CandidateCompleteness, [*member, *member], holds, || {
                let what = format!(
                    "{member} is in sync (partition epoch {}), and its log ends at {}, below the high watermark {} that {} reached in epoch {} at {}",
                    committed.partition_epoch, log.end(), known.hw, known.by, known.epoch, known.since
                );
                (what, vec![log.end(), known.hw])
            });
        }
    }

    /// W6, W7 and W9, for one who believes to lead.
    pub(super) fn members_follow(&mut self, leader: BrokerId, replica: &'a Replica) {
        let Some((epoch, leadership)) = replica.leadership().filter(|_| !self.suspended) else { return };
        if let Some(committed) = self.committed {
            let current = committed.leader == Some(leader) && committed.leader_epoch == epoch;
            for member in committed.isr.iter().filter(|member| **member != leader) {
                self.member_holds(Anomaly::StrongIsr, (leader, replica), *member);
                if current {
                    self.high_watermark_is_valid((leader, replica), *member);
                }
            }
        }
        for member in leadership.isr.iter().filter(|member| **member != leader) {
            self.member_holds(Anomaly::WeakIsr, (leader, replica), *member);
        }
    }

    /// A running member has all that a presumed leader has below its high watermark.
    fn member_holds(&mut self, anomaly: Anomaly, (leader, replica): (BrokerId, &Replica), member: BrokerId) {
        let Some(own) = replica.log() else { return };
        let Some(log) = self.running(member).and_then(Replica::log) else { return };
        let hw = replica.high_watermark();
        self.state(anomaly, [leader, member], own.agrees_with(log, hw), || {
            let parts = own.parts_from(log);
            let who = match anomaly {
                Anomaly::WeakIsr => format!("{member}, which it counts as in sync,"),
                _ => format!("{member}, which is in sync,"),
            };
            let how = if log.end() <= parts { "ends" } else { "differs" };
            let what = format!(
                "{leader} believes to lead in epoch {} with high watermark {hw}, and the log of {who} {how} at offset {parts}",
                replica.epoch().unwrap_or_default()
            );
            (what, vec![parts, hw])
        });
    }

    /// W9: no running in-sync replica's log ends below the current leader's high watermark.
    fn high_watermark_is_valid(&mut self, (leader, replica): (BrokerId, &Replica), member: BrokerId) {
        let Some(log) = self.running(member).and_then(Replica::log) else { return };
        let hw = replica.high_watermark();
        self.state(Anomaly::ValidHighWatermark, [leader, member], log.end() >= hw, || {
            let what = format!(
                "the high watermark of {leader}, which leads in epoch {}, is {hw}, and the log of {member}, which is in sync, ends at {}",
                replica.epoch().unwrap_or_default(), log.end()
            );
            (what, vec![log.end(), hw])
        });
    }
}
