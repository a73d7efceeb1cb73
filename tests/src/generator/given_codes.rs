//! Drawing commands on given codes: few codes, so that they collide, and now and then one that the server refused.
//!
//! Invariant: who asks is the merchant of the campaign mostly, in its slot, so that the last checks are reached, too.

use super::Generator;
use crate::oracle::Oracle;
use crate::request::{CardCommand, OwnedIssue};
use scrip_engine::command::Envelope;
use scrip_engine::ids::{GivenCode, StockId, UserId};
use zerocopy::little_endian::U128;

/// Codes that there are.
const CODES: u128 = 40;

impl Generator {
    /// A code; rarely one that the server refused.
    fn given_code(&mut self) -> GivenCode {
        if self.rng.u8(0..60) == 0 { GivenCode::REFUSED } else { GivenCode(self.rng.u128(1..=CODES)) }
    }

    /// A CODE_IMPORT, a CODE_SET, a CODE_SHOW, or a CLAIM by a code.
    pub(super) fn given_codes(&mut self, oracle: &Oracle, envelope: &mut Envelope) -> CardCommand {
        let campaign = self.any_campaign(oracle, envelope);
        match self.rng.u8(0..10) {
            0..4 => {
                let most = *self.choose(&[1, 2, 3, 10, 64]);
                let codes = (0..self.rng.usize(1..=most)).map(|_| U128::new(self.given_code().0)).collect();
                CardCommand::ImportCodes { campaign, codes }
            }
            4..6 => {
                let campaign = (self.rng.u8(0..3) > 0).then_some(campaign);
                CardCommand::SetCode { code: self.given_code(), campaign }
            }
            6..8 => CardCommand::ShowCode { code: self.given_code() },
            _ => {
                // The codes of campaigns are few: one of them mostly.
                let of_campaigns = oracle.claim_codes();
                let code = if of_campaigns.is_empty() || self.rng.u8(0..5) == 0 {
                    self.given_code()
                } else {
                    let (merchant, slot, code) = *self.choose(&of_campaigns);
                    self.move_to(envelope, (merchant, slot));
                    code
                };
                let owner = UserId(self.rng.u128(1..=self.plan.buyers));
                let any = OwnedIssue::of_nobody(StockId(u64::MAX));
                CardCommand::Issue(OwnedIssue { code: Some(code), owner, claimed: true, ..any })
            }
        }
    }
}
