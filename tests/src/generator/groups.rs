//! Drawing what becomes of groups: small ones that last some seconds mostly, joined by those who are not in them yet, and by others.
//!
//! Invariant: who joins knows of an open group mostly, so that the last checks are reached, and groups become full.

use super::Generator;
use super::plan::pick;
use crate::oracle::{Group, Key, Oracle};
use crate::request::{CardCommand, OwnedGroupWish};
use scrip_engine::answer::GroupState;
use scrip_engine::command::Envelope;
use scrip_engine::ids::{OperationId, Slot, UserId};
use scrip_engine::limits::GROUP_LASTS_MAX_S;

impl Generator {
    /// A GROUP_OPEN, GROUP_JOIN, GROUP_LEAVE or GROUP_SHOW.
    pub(super) fn group(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let open = |(_, group): &(&Key, &Group)| group.state == GroupState::Open;
        let groups: Vec<Key> = oracle.groups.keys().copied().collect();
        let waiting: Vec<Key> = oracle.groups.iter().filter(open).map(|(key, _)| *key).collect();
        let user = UserId(self.rng.u128(1..=self.plan.buyers + 4));
        if waiting.is_empty() && self.rng.u8(0..4) > 0 || self.rng.u8(0..4) == 0 {
            return CardCommand::Group(OwnedGroupWish::Open {
                campaign: self.any_campaign(oracle, envelope),
                size: *pick(&mut self.rng, &[2, 2, 2, 3, 3, 5, 100]),
                lasts_s: *pick(&mut self.rng, &[1, 2, 5, 5, 30, 600, GROUP_LASTS_MAX_S]),
                user,
                parties: self.parties(),
            });
        }
        let from = if waiting.is_empty() || self.rng.u8(0..8) == 0 { &groups } else { &waiting };
        let key = if from.is_empty() || self.rng.u8(0..30) == 0 {
            (envelope.merchant.0, envelope.slot.0, self.rng.u128(1..100))
        } else {
            let index = self.recent(from.len());
            from[index]
        };
        self.move_to(envelope, (key.0, Slot(key.1)));
        let group = OperationId(key.2);
        let member = oracle.groups.get(&key).and_then(|group| group.members.first());
        let inside = member.map_or(user, |member| member.user);
        CardCommand::Group(match self.rng.u8(0..12) {
            0 => OwnedGroupWish::Show { group },
            1 => OwnedGroupWish::Leave { group, user: *self.choose(&[inside, inside, user]) },
            _ => OwnedGroupWish::Join { group, user, parties: self.parties() },
        })
    }
}

/// Another command under the same id.
pub(super) fn altered_group(wish: OwnedGroupWish) -> OwnedGroupWish {
    match wish {
        OwnedGroupWish::Open { campaign, size, lasts_s, user, parties } => {
            OwnedGroupWish::Open { campaign, size: size + 1, lasts_s, user, parties }
        }
        OwnedGroupWish::Join { group, user, .. } => OwnedGroupWish::Leave { group, user },
        OwnedGroupWish::Leave { group, user } => OwnedGroupWish::Join { group, user, parties: None },
        query => query,
    }
}
