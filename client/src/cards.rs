//! The client's calls on campaigns and cards.
//!
//! They stand apart because most gateways need none but `claim`, `redeem`, `reverse` and `wallet_show`. Invariant: a code is read
//! here before it is sent, so that a typo costs no round trip and the slot is right; no `Debug` prints one.

use crate::answer::{OwnedOutcome, StockChanged};
use crate::client::{Client, wrong_answer};
use crate::error::Error;
use crate::operation::Operation;
use scrip_codes::{Code, Locator, ParseError, VanityCode};
use scrip_engine::answer::{CampaignView, CardView, Issued, Redeemed, WalletCard};
use scrip_engine::command::{
    self, CampaignState, CampaignTerms, CardChange, CardLine, Command, Definition, Extension, Offline,
    Parties, ScopeEntry, StockTerms, Tier,
};
use scrip_engine::ids::{CardId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::rejection::Code as RejectionCode;
use scrip_protocol::commands::CARD_BY_CODE;
use scrip_protocol::extras::CodeText;

/// A code that was read: without a typo, but not opened yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardCode {
    code: Code,
    locator: Locator,
}

impl CardCode {
    /// Reads a code in any form in which it is printed or typed.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn read(text: &str) -> Result<CardCode, ParseError> {
        let parsed = scrip_codes::parse(text)?;
        Ok(CardCode { code: parsed.code(), locator: parsed.locator() })
    }

    /// The code itself, without prefix and hyphens.
    pub const fn code(&self) -> &Code {
        &self.code
    }

    /// The slot that its campaign and its card lie in; one that does not exist if no campaign has such codes.
    pub fn slot(&self) -> Slot {
        Slot((self.locator.get() >> CardId::CAMPAIGN_BITS) as u16)
    }
}

/// A card, by its id or by its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardName {
    /// By its id.
    Id(CardId),
    /// By its code, which the server opens.
    Code(CardCode),
    /// By a code that was given to it.
    Given {
        /// The code.
        code: VanityCode,
        /// The slot it is given in; `None`: the merchant's home slot.
        slot: Option<Slot>,
    },
}

impl CardName {
    /// The card that a person names by a code, in any form in which it is printed or typed: a text that is no derived code may be one
    /// that was given, in the merchant's home slot.
    ///
    /// # Errors
    /// Says what is wrong with the text as a derived code, if it can be neither.
    pub fn read(text: &str) -> Result<CardName, ParseError> {
        match (CardCode::read(text), VanityCode::normalise(text)) {
            (Ok(code), _) => Ok(CardName::Code(code)),
            (Err(ParseError::Check), _) => Err(ParseError::Check),
            (Err(_), Ok(code)) => Ok(CardName::Given { code, slot: None }),
            (Err(error), Err(_)) => Err(error),
        }
    }

    /// The slot it lies in, where `home` is the merchant's home slot.
    pub fn slot(&self, home: Slot) -> Slot {
        match self {
            CardName::Id(card) => card.slot(),
            CardName::Code(code) => code.slot(),
            CardName::Given { slot, .. } => slot.unwrap_or(home),
        }
    }

    /// What stands for its id in a command, and the code beside it.
    pub(crate) fn parts(&self) -> (CardId, CodeText<'_>) {
        match self {
            CardName::Id(card) => (*card, CodeText::NONE),
            CardName::Code(code) => (CARD_BY_CODE, CodeText::new(code.code.reveal())),
            CardName::Given { code, .. } => (CARD_BY_CODE, CodeText::new(code.reveal())),
        }
    }
}

/// What the cards of a campaign are worth, with its lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignDefinition {
    /// Kind, units, amounts, times.
    pub definition: Definition,
    /// The group in which its cards count, and how late a till may be.
    pub extension: Extension,
    /// In place of threshold and value: ascending in both; at most 8.
    pub tiers: Vec<Tier>,
    /// What its cards can be used for; at most 64.
    pub scope: Vec<ScopeEntry>,
}

impl CampaignDefinition {
    /// The most that one card can cost, in minor units; 0: that can't be told.
    pub fn cost(&self) -> u64 {
        self.terms().cost()
    }

    fn terms(&self) -> CampaignTerms<'_> {
        CampaignTerms {
            definition: &self.definition,
            extension: self.extension,
            tiers: &self.tiers,
            scope: &self.scope,
        }
    }
}

/// A new campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignCreate {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The id of its stock, see [`Client::stock_id`].
    pub campaign: StockId,
    /// For people: 1 to 64 bytes.
    pub name: String,
    /// Cards that can be issued from the start.
    pub units: u64,
    /// When cards are issued, and how many to one user.
    pub terms: StockTerms,
    /// How long its codes are: 1 standard, 2 short.
    pub layout: u8,
    /// What its cards are worth.
    pub definition: CampaignDefinition,
}

/// A new definition for a campaign that still is at `version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignEdit {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The campaign.
    pub campaign: StockId,
    /// The version seen.
    pub version: u32,
    /// All of it; kind, units and whether cards begin inactive as they are.
    pub definition: CampaignDefinition,
}

/// Another state for a campaign that still is at `version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignMove {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The campaign.
    pub campaign: StockId,
    /// The version seen.
    pub version: u32,
    /// The state from now on.
    pub state: CampaignState,
}

/// Cards for an owner, or bearer cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issue {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The campaign.
    pub campaign: StockId,
    /// Who gets them; 0: bearer cards.
    pub owner: UserId,
    /// How many: 1 to 64 for an owner, 1 to 2^27 bearer cards.
    pub count: u32,
    /// Whom else the demand comes from; none of bearer cards.
    pub parties: Option<Parties>,
    /// The cards' own times, in place of the campaign's if one of the two is not 0: valid from, ms; 0: open.
    pub from_ms: u64,
    /// Valid until, ms; 0: open.
    pub until_ms: u64,
}

impl Issue {
    /// So many cards with the campaign's times for this owner (0: bearer cards).
    pub const fn new(operation: Operation, campaign: StockId, owner: UserId, count: u32) -> Issue {
        Issue { operation, campaign, owner, count, parties: None, from_ms: 0, until_ms: 0 }
    }
}

/// A card that a user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Makes the call idempotent.
    pub operation: Operation,
    /// The campaign.
    pub campaign: StockId,
    /// Who asks.
    pub user: UserId,
    /// Whom else the demand comes from: limit key, device, address.
    pub parties: Option<Parties>,
}

/// Units of a card to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redeem {
    /// Makes the call idempotent, and names the redemption.
    pub operation: Operation,
    /// The card.
    pub card: CardName,
    /// Units; 0: 1.
    pub units: u32,
    /// The gateway's order; 0: none.
    pub order: OrderId,
    /// Who uses it; 0: not told.
    pub user: UserId,
    /// Whom else the demand comes from, for risk rules.
    pub parties: Option<Parties>,
    /// What of the order the card may be used on, in minor units.
    pub amount: u64,
    /// The store; 0: not told.
    pub store: u64,
    /// The product; 0: not told.
    pub product: u64,
    /// The category; 0: not told.
    pub category: u64,
}

impl Redeem {
    /// One unit of a card on so much of an order; nothing else is told.
    pub const fn new(operation: Operation, card: CardName, amount: u64) -> Redeem {
        Redeem {
            operation,
            card,
            units: 0,
            order: OrderId(0),
            user: UserId(0),
            parties: None,
            amount,
            store: 0,
            product: 0,
            category: 0,
        }
    }
}

/// What becomes of a use that a till has taken while it was offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfflineUse {
    /// It counts.
    Redeemed(Redeemed),
    /// The card was not to be had any more: recorded, and nothing moved.
    Conflict {
        /// The card.
        card: CardId,
        /// Why.
        why: RejectionCode,
    },
}

/// Units of a redemption to give back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reverse {
    /// Makes the call idempotent; not the redemption's.
    pub operation: Operation,
    /// The slot of the redemption's card.
    pub slot: Slot,
    /// The redemption's operation id.
    pub redemption: OperationId,
    /// Units; 0: all that are left.
    pub units: u32,
}

/// Units that a reversal gave back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reversed {
    /// Units given back by it.
    pub units: u32,
    /// Units that the card had left then.
    pub available: u32,
}

/// A campaign as it is. Its buckets are those of its stock.
#[derive(Clone, PartialEq, Eq)]
pub struct CampaignShown {
    /// The id of its stock.
    pub campaign: StockId,
    /// The version of its stock, to edit it with.
    pub version: u32,
    /// Where it stands.
    pub state: CampaignState,
    /// How long its codes are.
    pub layout: u8,
    /// Its slot and its number in it, as its codes and cards carry them.
    pub locator: u64,
    /// Cards issued.
    pub issued: u64,
    /// The most that one can cost, in minor units; 0: it can't be told.
    pub cost: u64,
    /// What they can cost in all, in minor units.
    pub committed: u64,
    /// Cards issued on this day by the campaign's clock; 0 if it bounds no days.
    pub today: u64,
    /// Batches of bearer cards among them.
    pub batches: u32,
    /// The key of its codes, sealed under the server's master key.
    pub key: Vec<u8>,
    /// What its cards are worth.
    pub definition: CampaignDefinition,
}

impl core::fmt::Debug for CampaignShown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let CampaignShown { campaign, version, state, locator, issued, definition, .. } = self;
        let mut fields = f.debug_struct("CampaignShown");
        fields.field("campaign", campaign).field("version", version).field("state", state);
        fields.field("locator", locator).field("issued", issued).field("key", &"***");
        fields.field("definition", definition).finish_non_exhaustive()
    }
}

impl From<CampaignView<'_>> for CampaignShown {
    fn from(view: CampaignView<'_>) -> CampaignShown {
        CampaignShown {
            campaign: view.campaign,
            version: view.version,
            state: view.state,
            layout: view.layout,
            locator: view.locator,
            issued: view.issued,
            cost: view.cost,
            committed: view.committed,
            today: view.today,
            batches: view.batches,
            key: view.key.to_vec(),
            definition: CampaignDefinition {
                definition: *view.definition,
                extension: view.extension,
                tiers: view.tiers.to_vec(),
                scope: view.scope.to_vec(),
            },
        }
    }
}

/// Some of an owner's cards, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletShown {
    /// The card to go on after; `None`: the list ends here.
    pub next: Option<CardId>,
    /// The cards of this page.
    pub cards: Vec<WalletCard>,
}

/// Which cards of a wallet are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wallet {
    /// Whose.
    pub owner: UserId,
    /// In which slot.
    pub slot: Slot,
    /// Only cards of this campaign.
    pub campaign: Option<StockId>,
    /// Only cards that he got before this one of his.
    pub after: Option<CardId>,
    /// Only cards that can be used now: active and valid, with something left.
    pub usable: bool,
}

pub(crate) const NO_OPERATION: Operation = Operation::given(0, 0);

impl Client {
    /// Makes a campaign, a draft. The answer's value is the number of its cards.
    pub async fn campaign_create(&self, request: CampaignCreate) -> Result<StockChanged, Error> {
        let CampaignCreate { operation, campaign, units, terms, layout, .. } = request;
        let command = Command::CampaignCreate(command::CampaignCreate {
            campaign,
            name: request.name.as_bytes(),
            units,
            terms,
            layout,
            key: &[],
            definition: request.definition.terms(),
        });
        self.change(operation, campaign, command).await
    }

    /// Replaces what of a campaign's definition is not fixed. Cards that were issued keep their times. The answer's value is
    /// the campaign's version.
    pub async fn campaign_edit(&self, request: CampaignEdit) -> Result<StockChanged, Error> {
        let CampaignEdit { operation, campaign, version, definition } = request;
        let terms = definition.terms();
        self.change(operation, campaign, Command::CampaignEdit { campaign, version, terms }).await
    }

    /// Moves a campaign: a draft to running, running to paused and back, both to stopped. The answer's value is its version.
    pub async fn campaign_state(&self, request: CampaignMove) -> Result<StockChanged, Error> {
        let CampaignMove { operation, campaign, version, state } = request;
        self.change(operation, campaign, Command::CampaignState { campaign, version, state }).await
    }

    /// Shows a campaign.
    pub async fn campaign_show(&self, campaign: StockId) -> Result<CampaignShown, Error> {
        match self.call(NO_OPERATION, campaign.slot(), Command::CampaignShow { campaign }).await? {
            OwnedOutcome::Campaign(shown) => Ok(*shown),
            _ => Err(wrong_answer()),
        }
    }

    /// Gives cards to an owner, or makes bearer cards.
    pub async fn issue(&self, request: Issue) -> Result<Issued, Error> {
        let Issue { operation, campaign, owner, count, from_ms, until_ms, .. } = request;
        let parties = request.parties.as_ref();
        let issue = command::Issue {
            owner,
            count,
            parties,
            from_ms,
            until_ms,
            ..command::Issue::of_nobody(campaign)
        };
        self.issued(operation, issue).await
    }

    /// Gives one card to the user that asks for it.
    pub async fn claim(&self, request: Claim) -> Result<Issued, Error> {
        let Claim { operation, campaign, user, .. } = request;
        let parties = request.parties.as_ref();
        let issue =
            command::Issue { owner: user, claimed: true, parties, ..command::Issue::of_nobody(campaign) };
        self.issued(operation, issue).await
    }

    pub(crate) async fn issued(
        &self,
        operation: Operation,
        issue: command::Issue<'_>,
    ) -> Result<Issued, Error> {
        match self.call(operation, issue.campaign.slot(), Command::Issue(issue)).await? {
            OwnedOutcome::Issued(issued) => Ok(issued),
            _ => Err(wrong_answer()),
        }
    }

    /// Uses units of a card. Keep the operation: it names the redemption, to reverse it with.
    pub async fn redeem(&self, request: Redeem) -> Result<Redeemed, Error> {
        let command = Command::Redeem(use_of(&request, None));
        let (slot, code) = (request.card.slot(self.home_slot()), request.card.parts().1);
        match self.call_by_code(request.operation, slot, command, code).await? {
            OwnedOutcome::Redeemed(redeemed) => Ok(redeemed),
            _ => Err(wrong_answer()),
        }
    }

    /// Brings a use of a card that a till has taken while it was offline. A repeat of it gives the same answer, a conflict
    /// too.
    pub async fn redeem_offline(
        &self,
        request: Redeem,
        occurred_ms: u64,
        terminal: u64,
    ) -> Result<OfflineUse, Error> {
        let offline = Offline::new(occurred_ms, terminal);
        let command = Command::Redeem(use_of(&request, Some(&offline)));
        let (slot, code) = (request.card.slot(self.home_slot()), request.card.parts().1);
        match self.call_by_code(request.operation, slot, command, code).await? {
            OwnedOutcome::Redeemed(redeemed) => Ok(OfflineUse::Redeemed(redeemed)),
            OwnedOutcome::OfflineConflict { card, why } => Ok(OfflineUse::Conflict { card, why }),
            _ => Err(wrong_answer()),
        }
    }

    /// Gives units of a redemption back to its card.
    pub async fn reverse(&self, request: Reverse) -> Result<Reversed, Error> {
        let Reverse { operation, slot, redemption, units } = request;
        match self.call(operation, slot, Command::Reverse { redemption, units }).await? {
            OwnedOutcome::Reversed { units, available } => Ok(Reversed { units, available }),
            _ => Err(wrong_answer()),
        }
    }

    /// Activates, freezes, unfreezes, voids or extends a card. The answer's value is the card's state as a number.
    pub async fn card_change(
        &self,
        operation: Operation,
        name: CardName,
        change: CardChange,
    ) -> Result<StockChanged, Error> {
        let (card, code) = name.parts();
        let command = Command::CardChange { card, generation: None, change };
        match self.call_by_code(operation, name.slot(self.home_slot()), command, code).await? {
            OwnedOutcome::StockChanged(value) => Ok(StockChanged { value }),
            _ => Err(wrong_answer()),
        }
    }

    /// Shows a card.
    pub async fn card_show(&self, name: CardName) -> Result<CardView, Error> {
        let (card, code) = name.parts();
        let command = Command::CardShow { card, generation: None };
        match self.call_by_code(NO_OPERATION, name.slot(self.home_slot()), command, code).await? {
            OwnedOutcome::Card(view, _) => Ok(view),
            _ => Err(wrong_answer()),
        }
    }

    /// A card for [`crate::Reserve`] and [`crate::Sell`]: so many units of it, on so much of the order. One that is named by its code is
    /// looked up first, one round trip.
    ///
    /// # Errors
    /// [`Error::Rejected`] with NOT_FOUND if a code opens no card.
    pub async fn card_line(&self, name: CardName, units: u32, amount: u64) -> Result<CardLine, Error> {
        if let CardName::Id(card) = name {
            return Ok(CardLine::new(card, units, amount));
        }
        let view = self.card_show(name).await?;
        Ok(CardLine { generation: view.generation, by_code: 1, ..CardLine::new(view.card, units, amount) })
    }

    /// Shows the cards that an owner has of the merchant in a slot, a page of them, the newest first.
    pub async fn wallet_show(&self, wallet: Wallet) -> Result<WalletShown, Error> {
        let Wallet { owner, slot, campaign, after, usable } = wallet;
        let command = Command::WalletShow { owner, campaign, after, usable, limit: 0 };
        match self.call(NO_OPERATION, slot, command).await? {
            OwnedOutcome::Wallet(shown) => Ok(shown),
            _ => Err(wrong_answer()),
        }
    }
}

/// A redemption as the protocol says it.
fn use_of<'r>(request: &'r Redeem, offline: Option<&'r Offline>) -> command::Redeem<'r> {
    command::Redeem {
        card: request.card.parts().0,
        generation: None,
        units: request.units,
        order: request.order,
        user: request.user,
        parties: request.parties.as_ref(),
        amount: request.amount,
        store: request.store,
        product: request.product,
        category: request.category,
        offline,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code of docs/codes.md: locator 1234567.
    const PRINTED: &str = "TEA-15nm-74ak-dzwn-w4z3-jfmm";

    #[test]
    fn a_code_is_read_as_printed_and_sent_without_prefix_and_hyphens() {
        let code = CardCode::read(PRINTED).unwrap();
        assert_eq!(code.code().reveal(), "15NM74AKDZWNW4Z3JFMM");
        assert_eq!(code.slot(), Slot((1_234_567 >> 15) as u16));
        let name = CardName::Code(code);
        assert_eq!(name.parts().0, CARD_BY_CODE);
        assert_eq!(name.parts().1.reveal().len(), 20);
        assert!(!format!("{name:?}").contains("15NM7"));
    }

    #[test]
    fn a_typo_is_told_before_anything_is_sent() {
        assert_eq!(CardCode::read("15NM74AKDZWNW4Z3JFM0"), Err(ParseError::Check));
        assert_eq!(CardCode::read("15NM74AKDZWNW4Z3JFM"), Err(ParseError::Length { found: 19 }));
    }
}
