//! Drawing links: ids of buyers, so that what they have bought and own meets.
//!
//! Invariant: what is drawn is well formed; whether it is allowed is for engine and oracle to say.

use super::Generator;
use crate::request::OwnedCommand;
use scrip_engine::ids::UserId;

impl Generator {
    /// A LINK mostly, an UNLINK, LABEL, ERASE or IDENTITY_SHOW else.
    pub(super) fn person_command(&mut self) -> OwnedCommand {
        let most = self.plan.buyers + 1;
        let user = UserId(self.rng.u128(1..=most));
        let reason = self.rng.u16(0..3);
        match self.rng.u8(0..16) {
            0..8 => {
                let to = UserId(self.rng.u128(1..=most));
                let to = if to == user { UserId(user.0 % most + 1) } else { to };
                OwnedCommand::Link { user, to, reason }
            }
            8..12 => OwnedCommand::Unlink { user, reason },
            12..14 => {
                self.label_keys += 1;
                let fingerprint = self.rng.u64(..);
                OwnedCommand::Label { user, fingerprint, key: self.label_keys - 1 }
            }
            14 => OwnedCommand::Erase { user, reason },
            _ => OwnedCommand::IdentityShow { user: UserId(user.0 - 1) },
        }
    }
}
