//! Given codes: those of another system, and those under which cards are claimed.
//!
//! They stand apart from the other calls on cards so that both files stay in one view. Invariant: each call is one command under the
//! operation that it is given, so that it may be made again; no `Debug` prints a code.

use crate::answer::{KeysImported, OwnedOutcome, StockChanged};
use crate::cards::NO_OPERATION;
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use crate::operation::Operation;
use crate::request::block_of;
use scrip_codes::VanityCode;
use scrip_engine::answer::Issued;
use scrip_engine::command::{self, CodeBlock, Command, Parties};
use scrip_engine::ids::{CardId, GivenCode, Slot, StockId, UserId};
use scrip_protocol::commands::CAMPAIGN_BY_CODE;
use scrip_protocol::extras::CodeText;

/// CLAIM of a card of the campaign that a given code names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClaimByCode {
    /// Makes it idempotent.
    pub operation: Operation,
    /// The code.
    pub code: VanityCode,
    /// The slot that it is given in; `None`: the merchant's home slot.
    pub slot: Option<Slot>,
    /// Who asks.
    pub user: UserId,
    /// Whom else the demand comes from; `None`: not told.
    pub parties: Option<Parties>,
}

/// What a given code names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenCodeShown {
    /// The campaign that it names, or that its card is of.
    pub campaign: StockId,
    /// Its card; `None`: cards of the campaign are claimed under it.
    pub card: Option<CardId>,
}

impl Client {
    /// Gives up to 64 codes that were made elsewhere bearer cards of a campaign, one each. Those that the merchant has in the campaign's
    /// slot already are left out: the answer's bit n says whether the n-th was new.
    pub async fn code_import(
        &self,
        operation: Operation,
        campaign: StockId,
        codes: &[&str],
    ) -> Result<KeysImported, Error> {
        let bytes = block_of(codes);
        let codes = CodeBlock::Plain { count: codes.len(), bytes: &bytes };
        match self.call(operation, campaign.slot(), Command::CodeImport { campaign, codes }).await? {
            OwnedOutcome::KeysImported { taken } => Ok(KeysImported { taken }),
            _ => Err(wrong_answer()),
        }
    }

    /// Lets the cards of a campaign be claimed under a code. The answer's value is 1.
    pub async fn code_set(
        &self,
        operation: Operation,
        code: &VanityCode,
        campaign: StockId,
    ) -> Result<StockChanged, Error> {
        self.set_code(operation, campaign.slot(), code, Some(campaign)).await
    }

    /// Takes a code back under which cards were claimed; `slot` is the one it is given in, `None`: the merchant's home slot. The
    /// answer's value is 0.
    pub async fn code_unset(
        &self,
        operation: Operation,
        code: &VanityCode,
        slot: Option<Slot>,
    ) -> Result<StockChanged, Error> {
        self.set_code(operation, slot.unwrap_or(self.home_slot()), code, None).await
    }

    async fn set_code(
        &self,
        operation: Operation,
        slot: Slot,
        code: &VanityCode,
        campaign: Option<StockId>,
    ) -> Result<StockChanged, Error> {
        let command = Command::CodeSet { code: GivenCode::REFUSED, campaign };
        match self.call_by_code(operation, slot, command, CodeText::new(code.reveal())).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    /// Says what a given code names; `slot` is the one it is given in, `None`: the merchant's home slot.
    pub async fn code_show(&self, code: &VanityCode, slot: Option<Slot>) -> Result<GivenCodeShown, Error> {
        let slot = slot.unwrap_or(self.home_slot());
        let command = Command::CodeShow { code: GivenCode::REFUSED };
        match self.call_by_code(NO_OPERATION, slot, command, CodeText::new(code.reveal())).await? {
            OwnedOutcome::GivenCode { campaign, card } => Ok(GivenCodeShown { campaign, card }),
            _ => Err(wrong_answer()),
        }
    }

    /// Gives one card to the user that asks for it under a code.
    pub async fn claim_by_code(&self, request: ClaimByCode) -> Result<Issued, Error> {
        let issue = command::Issue {
            campaign: CAMPAIGN_BY_CODE,
            owner: request.user,
            claimed: true,
            parties: request.parties.as_ref(),
            ..command::Issue::of_nobody(CAMPAIGN_BY_CODE)
        };
        let (slot, code) = (request.slot.unwrap_or(self.home_slot()), CodeText::new(request.code.reveal()));
        match self.call_by_code(request.operation, slot, Command::Issue(issue), code).await? {
            OwnedOutcome::Issued(issued) => Ok(issued),
            _ => Err(wrong_answer()),
        }
    }
}
