//! The decoder of commands on campaigns and cards. It stands apart so that the decoder of those on stocks stays in one view.
//!
//! Invariant: as of all commands: what comes out is well formed and has exactly one spelling. A card is named by its id or
//! by a code, never by both.

use super::Body;
use crate::commands::{
    AcceptGiftBody, CAMPAIGN_BY_CODE, CARD_BY_CODE, CampaignCreateBody, CampaignEditBody, CampaignShowBody,
    CampaignStateBody, CampaignVoidBody, CancelGiftBody, CardBatchRecycleBody, CardBatchVoidBody,
    CardChangeBody, CardRefundBody, CardShowBody, ClaimBody, CodeImportBody, CodeSetBody, CommandKind,
    EarnBody, EmptyBody, GiftBody, IssueBody, LevelBody, MergeBody, NoticesReadBody, QuoteBody,
    QuoteReserveBody, RecycleBody, RedeemBody, RenewBody, ReverseBody, TopUpBody, WalletShowBody, flag,
};
use crate::error::CommandFault;
use crate::extras::Extras;
use scrip_engine::command::{
    AccountWish, BatchEnd, CampaignCreate, CampaignState, CampaignTerms, CardChange, CodeBlock, Command,
    Extension, GiftWish, Issue, Merge, Parties, Quote, QuoteReserve, RecycleInto, Redeem, StockTerms,
};
use scrip_engine::ids::{CardId, GivenCode, OperationId, OrderId, StockId, UserId};
use zerocopy::little_endian::U64;

/// Refuses a code where no card is named, and a card that is named twice or not at all.
#[inline]
pub(crate) fn check_code(command: &Command<'_>, extras: &Extras<'_>) -> Result<(), CommandFault> {
    let fits = match *command {
        Command::Redeem(Redeem { card, generation, .. })
        | Command::CardChange { card, generation, .. }
        | Command::Account { card, generation, .. }
        | Command::Gift { card, generation, .. }
        | Command::CardBatchEnd { card, generation, .. }
        | Command::Recycle { card, generation, .. }
        | Command::Merge(Merge { into: card, generation, .. })
        | Command::CardShow { card, generation } => match extras.code.is_none() {
            true => card != CARD_BY_CODE,
            false => card == CARD_BY_CODE && generation.is_none(),
        },
        Command::Issue(Issue { claimed: true, campaign, .. }) => {
            extras.code.is_none() || campaign == CAMPAIGN_BY_CODE
        }
        Command::CodeSet { .. } | Command::CodeShow { .. } => !extras.code.is_none(),
        _ => extras.code.is_none(),
    };
    if fits { Ok(()) } else { Err(CommandFault::Code) }
}

impl<'a> Body<'a> {
    pub(super) fn cards(&mut self, kind: CommandKind) -> Result<Command<'a>, CommandFault> {
        match kind {
            CommandKind::CampaignCreate => self.campaign_create(),
            CommandKind::CampaignEdit => self.campaign_edit(),
            CommandKind::CampaignState => self.campaign_state(),
            CommandKind::Issue => self.issue(),
            CommandKind::Claim => self.claim(),
            CommandKind::Redeem => self.redeem(),
            CommandKind::Reverse => self.reverse(),
            CommandKind::CardChange => self.card_change(),
            CommandKind::CampaignShow => {
                let body: &CampaignShowBody = self.fixed()?;
                self.without_lines(Command::CampaignShow { campaign: StockId(body.campaign.get()) })
            }
            CommandKind::CardShow => {
                let body: &CardShowBody = self.fixed()?;
                let generation = self.generation(body.generation, &body.spare)?;
                self.without_lines(Command::CardShow { card: CardId(body.card.get()), generation })
            }
            CommandKind::WalletShow => self.wallet_show(),
            CommandKind::Quote => self.quote(),
            CommandKind::QuoteReserve => self.quote_reserve(),
            _ => unreachable!("every other command is read before"),
        }
    }

    /// A definition with `tiers` tiers and `lines` entries of its scope.
    fn definition(&mut self, tiers: u8) -> Result<CampaignTerms<'a>, CommandFault> {
        Ok(CampaignTerms {
            definition: self.fixed()?,
            extension: self.extension()?,
            tiers: self.list(u16::from(tiers))?,
            scope: self.list(self.header.lines.get())?,
        })
    }

    /// The extension that EXTENDED announces: one that says something.
    fn extension(&mut self) -> Result<Extension, CommandFault> {
        if !self.has(flag::EXTENDED) {
            return Ok(Extension::default());
        }
        let extension: &Extension = self.fixed()?;
        if extension.is_none() { Err(CommandFault::UnknownFlags(flag::EXTENDED)) } else { Ok(*extension) }
    }

    fn campaign_create(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &CampaignCreateBody = self.fixed()?;
        let definition = self.definition(body.tiers)?;
        let name = self.name(usize::from(body.name_bytes.get()))?;
        Ok(Command::CampaignCreate(CampaignCreate {
            campaign: StockId(body.campaign.get()),
            name,
            units: body.units.get(),
            terms: StockTerms {
                opens_ms: body.opens_ms.get(),
                closes_ms: body.closes_ms.get(),
                limit_per_user: body.limit_per_user.get(),
                frozen: self.has(flag::FROZEN),
            },
            layout: body.layout,
            key: &[],
            definition,
        }))
    }

    fn campaign_edit(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &CampaignEditBody = self.fixed()?;
        zero(&body.spare)?;
        let terms = self.definition(body.tiers)?;
        let (campaign, version) = (StockId(body.campaign.get()), body.version.get());
        Ok(Command::CampaignEdit { campaign, version, terms })
    }

    fn campaign_state(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &CampaignStateBody = self.fixed()?;
        zero(&body.spare)?;
        // A campaign ends by a command of its own.
        let found = CampaignState::from_number(body.state).filter(|state| *state != CampaignState::Void);
        let state = found.ok_or(CommandFault::CampaignState(body.state))?;
        let (campaign, version) = (StockId(body.campaign.get()), body.version.get());
        self.without_lines(Command::CampaignState { campaign, version, state })
    }

    fn issue(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &IssueBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let parties = self.parties()?;
        self.without_lines(Command::Issue(Issue {
            campaign: StockId(body.campaign.get()),
            code: None,
            owner: UserId(body.owner.get()),
            count: body.count.get(),
            claimed: false,
            parties,
            referral: None,
            from_ms: body.from_ms.get(),
            until_ms: body.until_ms.get(),
        }))
    }

    fn claim(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &ClaimBody = self.fixed()?;
        let parties = self.parties()?;
        let referral = if self.has(flag::HAS_REFERRAL) { Some(self.fixed()?) } else { None };
        self.without_lines(Command::Issue(Issue {
            campaign: StockId(body.campaign.get()),
            code: None,
            owner: UserId(body.user.get()),
            count: 1,
            claimed: true,
            parties,
            referral,
            from_ms: 0,
            until_ms: 0,
        }))
    }

    fn redeem(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &RedeemBody = self.fixed()?;
        let generation = self.generation(body.generation, &body.spare)?;
        let parties = self.parties()?;
        let offline = if self.has(flag::HAS_OFFLINE) { Some(self.fixed()?) } else { None };
        self.without_lines(Command::Redeem(Redeem {
            card: CardId(body.card.get()),
            generation,
            units: body.units.get(),
            order: OrderId(body.order.get()),
            user: UserId(body.user.get()),
            parties,
            amount: body.amount.get(),
            store: body.store.get(),
            product: body.product.get(),
            category: body.category.get(),
            offline,
        }))
    }

    fn reverse(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &ReverseBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let (redemption, units) = (OperationId(body.redemption.get()), body.units.get());
        self.without_lines(Command::Reverse { redemption, units })
    }

    fn card_change(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &CardChangeBody = self.fixed()?;
        let generation = self.generation(body.generation, &body.spare)?;
        let until_ms = body.until_ms.get();
        let change = CardChange::from_number(body.change, until_ms)
            .ok_or(CommandFault::CardChange { change: body.change, until_ms })?;
        self.without_lines(Command::CardChange { card: CardId(body.card.get()), generation, change })
    }

    /// TOPUP, EARN, CARD_REFUND, RENEW, LEVEL.
    pub(super) fn account(&mut self, kind: CommandKind) -> Result<Command<'a>, CommandFault> {
        let (card, generation, wish) = match kind {
            CommandKind::TopUp => {
                let body: &TopUpBody = self.fixed()?;
                let wish = AccountWish::TopUp {
                    principal: body.principal.get(),
                    bonus: body.bonus.get(),
                    paid: body.paid.get(),
                    until_ms: body.until_ms.get(),
                };
                (body.card, self.generation(body.generation, &body.spare)?, wish)
            }
            CommandKind::Earn => {
                let body: &EarnBody = self.fixed()?;
                let wish = AccountWish::Earn { units: body.units.get() };
                (body.card, self.generation(body.generation, &body.spare)?, wish)
            }
            CommandKind::CardRefund => {
                let body: &CardRefundBody = self.fixed()?;
                (body.card, self.generation(body.generation, &body.spare)?, AccountWish::Refund)
            }
            CommandKind::Renew => {
                let body: &RenewBody = self.fixed()?;
                let wish = AccountWish::Renew { seconds: body.seconds.get() };
                (body.card, self.generation(body.generation, &body.spare)?, wish)
            }
            _ => {
                let body: &LevelBody = self.fixed()?;
                let wish = AccountWish::Level { level: body.level };
                (body.card, self.generation(body.generation, &body.spare)?, wish)
            }
        };
        self.without_lines(Command::Account { card: CardId(card.get()), generation, wish })
    }

    /// GIFT, ACCEPT_GIFT, CANCEL_GIFT.
    pub(super) fn gift(&mut self, kind: CommandKind) -> Result<Command<'a>, CommandFault> {
        let (card, generation, wish) = match kind {
            CommandKind::Gift => {
                let body: &GiftBody = self.fixed()?;
                let (user, to) = (UserId(body.user.get()), UserId(body.to.get()));
                let wish = GiftWish::Give { user, to, lasts_s: body.lasts_s.get() };
                (body.card, self.generation(body.generation, &body.spare)?, wish)
            }
            CommandKind::AcceptGift => {
                let body: &AcceptGiftBody = self.fixed()?;
                let wish = GiftWish::Accept { user: UserId(body.user.get()) };
                (body.card, self.generation(body.generation, &body.spare)?, wish)
            }
            _ => {
                let body: &CancelGiftBody = self.fixed()?;
                let wish = GiftWish::Cancel { user: UserId(body.user.get()) };
                (body.card, self.generation(body.generation, &body.spare)?, wish)
            }
        };
        self.without_lines(Command::Gift { card: CardId(card.get()), generation, wish })
    }

    /// CODE_IMPORT, CODE_SET, CODE_SHOW: the extra CODE is no part of the body; whoever opens codes puts its hash in.
    pub(super) fn given_codes(&mut self, kind: CommandKind) -> Result<Command<'a>, CommandFault> {
        let code = GivenCode::REFUSED;
        match kind {
            CommandKind::CodeImport => {
                let body: &CodeImportBody = self.fixed()?;
                if body.spare.get() != 0 {
                    return Err(CommandFault::SpareNotZero);
                }
                let bytes = self.name(body.block_bytes.get() as usize)?;
                let codes = CodeBlock::Plain { count: usize::from(self.header.lines.get()), bytes };
                Ok(Command::CodeImport { campaign: StockId(body.campaign.get()), codes })
            }
            CommandKind::CodeSet => {
                let body: &CodeSetBody = self.fixed()?;
                let (names, campaign) = (self.has(flag::NAMES_CAMPAIGN), body.campaign.get());
                if !names && campaign != 0 {
                    return Err(CommandFault::SpareNotZero);
                }
                self.without_lines(Command::CodeSet { code, campaign: names.then_some(StockId(campaign)) })
            }
            _ => {
                let EmptyBody {} = self.fixed()?;
                self.without_lines(Command::CodeShow { code })
            }
        }
    }

    pub(super) fn notices_read(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &NoticesReadBody = self.fixed()?;
        if body.spare.get() != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        let (after, limit) = (body.after.get(), body.limit.get());
        self.without_lines(Command::NoticesRead { after, limit })
    }

    pub(super) fn recycle(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &RecycleBody = self.fixed()?;
        let generation = self.generation(body.generation, &body.spare)?;
        let (other, units) = (body.into.get(), body.units.get());
        let into = match body.how {
            0 => RecycleInto::Supply,
            1 => RecycleInto::Points { card: CardId(other), units },
            2 => RecycleInto::Campaign(StockId(other)),
            how => return Err(CommandFault::Recycle(how)),
        };
        if body.how == 0 && other != 0 || body.how != 1 && units != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        self.without_lines(Command::Recycle { card: CardId(body.card.get()), generation, into })
    }

    pub(super) fn merge(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &MergeBody = self.fixed()?;
        let generation = self.generation(body.generation, &body.spare)?;
        let (into, from) = (CardId(body.card.get()), self.list(self.header.lines.get())?);
        Ok(Command::Merge(Merge { into, generation, from }))
    }

    /// CAMPAIGN_VOID, CARD_BATCH_VOID, CARD_BATCH_RECYCLE.
    pub(super) fn ending(&mut self, kind: CommandKind) -> Result<Command<'a>, CommandFault> {
        let (card, generation, end) = match kind {
            CommandKind::CampaignVoid => {
                let body: &CampaignVoidBody = self.fixed()?;
                zero(&body.spare)?;
                let (campaign, version) = (StockId(body.campaign.get()), body.version.get());
                let command = Command::CampaignVoid { campaign, version, reason: body.reason.get() };
                return self.without_lines(command);
            }
            CommandKind::CardBatchVoid => {
                let body: &CardBatchVoidBody = self.fixed()?;
                let end = BatchEnd::Void { reason: body.reason.get() };
                (body.card, self.generation(body.generation, &body.spare)?, end)
            }
            _ => {
                let body: &CardBatchRecycleBody = self.fixed()?;
                (body.card, self.generation(body.generation, &body.spare)?, BatchEnd::Recycle)
            }
        };
        self.without_lines(Command::CardBatchEnd { card: CardId(card.get()), generation, end })
    }

    fn quote(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &QuoteBody = self.fixed()?;
        zero(&body.spare)?;
        Ok(Command::Quote(Quote {
            user: UserId(body.user.get()),
            store: body.store.get(),
            best: self.has(flag::BEST),
            lines: self.list(self.header.lines.get())?,
            cards: self.list(u16::from(body.cards))?,
        }))
    }

    fn quote_reserve(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &QuoteReserveBody = self.fixed()?;
        zero(&body.spare)?;
        let replace = self.replace()?;
        let parties = self.parties()?;
        let expected_total = if self.has(flag::HAS_TOTAL) { Some(self.fixed::<U64>()?.get()) } else { None };
        Ok(Command::QuoteReserve(QuoteReserve {
            order: OrderId(body.order.get()),
            user: UserId(body.user.get()),
            store: body.store.get(),
            best: self.has(flag::BEST),
            replace,
            parties,
            expected_total,
            ttl_ms: body.ttl_ms.get(),
            lines: self.list(self.header.lines.get())?,
            cards: self.list(u16::from(body.cards))?,
        }))
    }

    fn wallet_show(&mut self) -> Result<Command<'a>, CommandFault> {
        let body: &WalletShowBody = self.fixed()?;
        let (of_campaign, has_after) = (self.has(flag::OF_CAMPAIGN), self.has(flag::HAS_AFTER));
        let (campaign, after) = (body.campaign.get(), body.after.get());
        if body.spare.get() != 0 || !of_campaign && campaign != 0 || !has_after && after != 0 {
            return Err(CommandFault::SpareNotZero);
        }
        self.without_lines(Command::WalletShow {
            owner: UserId(body.owner.get()),
            campaign: of_campaign.then_some(StockId(campaign)),
            after: has_after.then_some(CardId(after)),
            usable: self.has(flag::USABLE),
            limit: body.limit.get(),
        })
    }

    pub(super) fn parties(&mut self) -> Result<Option<&'a Parties>, CommandFault> {
        if self.has(flag::HAS_PARTIES) { self.fixed().map(Some) } else { Ok(None) }
    }

    /// The generation that HAS_GENERATION announces; `spare` stands behind it.
    fn generation(&self, generation: u8, spare: &[u8]) -> Result<Option<u8>, CommandFault> {
        zero(spare)?;
        match self.has(flag::HAS_GENERATION) {
            true => Ok(Some(generation)),
            false if generation == 0 => Ok(None),
            false => Err(CommandFault::SpareNotZero),
        }
    }
}

fn zero(spare: &[u8]) -> Result<(), CommandFault> {
    if spare.iter().all(|&byte| byte == 0) { Ok(()) } else { Err(CommandFault::SpareNotZero) }
}
