//! The oracle on given codes: what each names, and the bearer cards that come with an import.
//!
//! Invariant: a merchant has a code once in a slot; a code that names a card names it for good.

use super::Oracle;
use super::campaigns::short;
use crate::outcome::OwnedOutcome;
use crate::request::OwnedIssue;
use scrip_engine::command::Envelope;
use scrip_engine::ids::{CardId, GivenCode, Slot, StockId, UserId};
use scrip_engine::rejection::Code;

/// What a given code names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "docs/cards.md has them")]
pub enum Named {
    Card(CardId),
    Campaign(StockId),
}

/// Merchant, slot and code.
fn name(envelope: &Envelope, code: GivenCode) -> (u32, u16, GivenCode) {
    (envelope.merchant.0, envelope.slot.0, code)
}

impl Oracle {
    /// CODE_IMPORT.
    pub(super) fn import_codes(
        &mut self,
        envelope: &Envelope,
        campaign: StockId,
        codes: &[GivenCode],
    ) -> OwnedOutcome {
        if self.own_campaign(envelope, campaign).is_none() {
            return OwnedOutcome::refused(Code::NotFound);
        }
        if let Some(place) = codes.iter().position(|code| *code == GivenCode::REFUSED) {
            return short(Code::RuleFailed, campaign, place as i128 + 1, 0);
        }
        let mut new: Vec<GivenCode> = Vec::new();
        let mut taken = 0;
        for (place, code) in codes.iter().enumerate() {
            if !new.contains(code) && !self.given_codes.contains_key(&name(envelope, *code)) {
                new.push(*code);
                taken |= 1 << place;
            }
        }
        if !new.is_empty() {
            let wanted = OwnedIssue { count: new.len() as u32, ..OwnedIssue::of_nobody(campaign) };
            let first = match self.issue_imported(envelope, &wanted) {
                OwnedOutcome::Issued(issued) => issued.first,
                refusal => return refusal,
            };
            for (serial, code) in (first.0..).zip(new) {
                self.given_codes.insert(name(envelope, code), Named::Card(CardId(serial)));
            }
        }
        OwnedOutcome::KeysImported { taken }
    }

    /// CODE_SET.
    pub(super) fn set_code(
        &mut self,
        envelope: &Envelope,
        code: GivenCode,
        campaign: Option<StockId>,
    ) -> OwnedOutcome {
        let there = self.given_codes.get(&name(envelope, code)).copied();
        match (campaign, there) {
            (Some(campaign), _) if self.own_campaign(envelope, campaign).is_none() => {
                return OwnedOutcome::refused(Code::NotFound);
            }
            _ if code == GivenCode::REFUSED => return OwnedOutcome::refused(Code::RuleFailed),
            (_, Some(Named::Card(_))) => return OwnedOutcome::refused(Code::RuleFailed),
            (None, None) => return OwnedOutcome::refused(Code::NotFound),
            (Some(campaign), _) => {
                self.given_codes.insert(name(envelope, code), Named::Campaign(campaign));
            }
            (None, Some(Named::Campaign(_))) => {
                self.given_codes.remove(&name(envelope, code));
            }
        }
        OwnedOutcome::StockChanged { value: u64::from(campaign.is_some()) }
    }

    /// CODE_SHOW.
    pub(super) fn show_code(&self, envelope: &Envelope, code: GivenCode) -> OwnedOutcome {
        match self.given_codes.get(&name(envelope, code)) {
            None => OwnedOutcome::refused(Code::NotFound),
            Some(Named::Campaign(campaign)) => OwnedOutcome::GivenCode { campaign: *campaign, card: None },
            Some(Named::Card(card)) => {
                let of_card =
                    self.own_card(envelope, *card, None).expect("a code names a card that is there");
                OwnedOutcome::GivenCode { campaign: of_card.campaign, card: Some(*card) }
            }
        }
    }

    /// Codes under which cards are claimed, each with its merchant and slot.
    pub fn claim_codes(&self) -> Vec<(u32, Slot, GivenCode)> {
        let claims = self.given_codes.iter().filter(|(_, named)| matches!(named, Named::Campaign(_)));
        claims.map(|((merchant, slot, code), _)| (*merchant, Slot(*slot), *code)).collect()
    }

    /// The issue that a CLAIM by a code asks for; `None`: the code names no campaign.
    pub fn claimed_under(&self, envelope: &Envelope, issue: &OwnedIssue) -> Option<OwnedIssue> {
        let Some(code) = issue.code else { return Some(*issue) };
        match self.given_codes.get(&name(envelope, code)) {
            Some(Named::Campaign(campaign)) => Some(OwnedIssue { campaign: *campaign, ..*issue }),
            _ => None,
        }
    }
}

impl OwnedIssue {
    /// One bearer card, with the definition's times.
    pub fn of_nobody(campaign: StockId) -> OwnedIssue {
        OwnedIssue {
            campaign,
            code: None,
            owner: UserId(0),
            count: 1,
            claimed: false,
            parties: None,
            referral: None,
            from_ms: 0,
            until_ms: 0,
        }
    }
}
