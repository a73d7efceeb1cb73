//! The decoder of answers about campaigns and cards. It stands apart so that the decoder of the others stays in one view.
//!
//! Invariant: as of all answers: anything that a server of this version can't have said is malformed.

use super::Body;
use crate::answers::{
    AnswerKind, CampaignBody, CardBody, CardRefundedBody, FilledBody, GivenCodeBody, IssuedBody,
    OfflineConflictBody, PiecesReturnedBody, QuoteAnswerBody, QuoteReservedBody, RedeemedBody,
    RedemptionBody, ReversedBody, WalletBody, flag,
};
use crate::commands::CARD_BY_CODE;
use crate::error::AnswerFault;
use scrip_engine::answer::{
    Answer, CampaignView, CardOutcome, CardView, Issued, LotView, PiecesReturned, QuoteView, QuotedCard,
    Redeemed, RedemptionView, WHY_BITS, WalletCard,
};
use scrip_engine::command::{CampaignKind, CampaignState, CardState, Definition, Extension};
use scrip_engine::ids::{CardId, ChannelId, OperationId, OrderId, StockId, UserId};
use scrip_engine::limits::{CAMPAIGN_KEY_BYTES_MAX, LOTS_PER_CARD_MAX, QUOTE_CARDS_MAX, QUOTE_LINES_MAX};
use scrip_engine::rejection::Code;

impl<'a> Body<'a> {
    pub(super) fn cards(&mut self, kind: AnswerKind) -> Result<Answer<'a>, AnswerFault> {
        let has_count = matches!(kind, AnswerKind::Campaign | AnswerKind::Card | AnswerKind::Wallet)
            || matches!(kind, AnswerKind::Quote | AnswerKind::QuoteReserved);
        if !has_count {
            self.no_count()?;
        }
        Ok(match kind {
            AnswerKind::Issued => {
                let body: &IssuedBody = self.fixed()?;
                self.zero(&body.spare)?;
                Answer::Issued(Issued {
                    first: CardId(body.first.get()),
                    cards: body.cards.get(),
                    state: card_state(body.state)?,
                    from_ms: body.from_ms.get(),
                    until_ms: body.until_ms.get(),
                })
            }
            AnswerKind::Redeemed => {
                let body: &RedeemedBody = self.fixed()?;
                Answer::Redeemed(Redeemed {
                    card: CardId(body.card.get()),
                    units: body.units.get(),
                    available: body.available.get(),
                    discount: body.discount.get(),
                    at_ms: body.at_ms.get(),
                })
            }
            AnswerKind::OfflineConflict => {
                let body: &OfflineConflictBody = self.fixed()?;
                self.zero(&body.spare)?;
                let why = body.why.get();
                let known = Code::from_number(why).filter(|_| why < 1 << WHY_BITS);
                let why = known.ok_or(AnswerFault::UnknownNumber(why, "rejection code"))?;
                Answer::OfflineConflict { card: CardId(body.card.get()), why }
            }
            AnswerKind::Reversed => {
                let body: &ReversedBody = self.fixed()?;
                Answer::Reversed { units: body.units.get(), available: body.available.get() }
            }
            AnswerKind::Campaign => Answer::Campaign(self.campaign()?),
            AnswerKind::Filled => {
                let body: &FilledBody = self.fixed()?;
                Answer::Filled { units: body.units.get(), available: body.available.get() }
            }
            AnswerKind::CardRefunded => {
                let body: &CardRefundedBody = self.fixed()?;
                if body.spare.get() != 0 {
                    return Err(AnswerFault::SpareNotZero);
                }
                Answer::CardRefunded { units: body.units.get(), paid: body.paid.get() }
            }
            AnswerKind::GivenCode => {
                let body: &GivenCodeBody = self.fixed()?;
                let card = Some(CardId(body.card.get())).filter(|card| *card != CARD_BY_CODE);
                Answer::GivenCode { campaign: StockId(body.campaign.get()), card }
            }
            AnswerKind::Card => {
                let view = self.card()?;
                Answer::Card(view, self.lots()?)
            }
            AnswerKind::Wallet => self.wallet()?,
            AnswerKind::Quote => {
                let body: &QuoteAnswerBody = self.fixed()?;
                let QuoteAnswerBody { gross, discount, paid, lines, spare } = *body;
                let totals = [gross, discount, paid].map(|number| number.get());
                Answer::Quote(self.quote(totals, (lines.get(), spare.get()))?)
            }
            AnswerKind::QuoteReserved => {
                let body: &QuoteReservedBody = self.fixed()?;
                let QuoteReservedBody { deadline_ms, gross, discount, paid, lines, spare } = *body;
                let totals = [gross, discount, paid].map(|number| number.get());
                let quote = self.quote(totals, (lines.get(), spare.get()))?;
                if !quote.cards.iter().all(|card| card.outcome().is_some_and(CardOutcome::is_used)) {
                    return Err(AnswerFault::UnknownNumber(0, "outcome of a card of a hold"));
                }
                Answer::QuoteReserved { deadline_ms: deadline_ms.get(), quote }
            }
            AnswerKind::PiecesReturned => {
                let body: &PiecesReturnedBody = self.fixed()?;
                if body.spare.get() != 0 {
                    return Err(AnswerFault::SpareNotZero);
                }
                let [pieces, amount, on_cards] =
                    [body.pieces, body.amount, body.on_cards].map(|number| number.get());
                let cards = body.cards.get();
                Answer::PiecesReturned(PiecesReturned { pieces, amount, on_cards, cards })
            }
            AnswerKind::Redemption => {
                let body: &RedemptionBody = self.fixed()?;
                Answer::Redemption(RedemptionView {
                    card: CardId(body.card.get()),
                    units: body.units.get(),
                    reversed: body.reversed.get(),
                    order: OrderId(body.order.get()),
                    discount: body.discount.get(),
                    at_ms: body.at_ms.get(),
                    flagged: self.has(flag::FLAGGED),
                })
            }
            _ => unreachable!("every other answer is read before"),
        })
    }

    fn zero(&self, spare: &[u8]) -> Result<(), AnswerFault> {
        if spare.iter().all(|&byte| byte == 0) { Ok(()) } else { Err(AnswerFault::SpareNotZero) }
    }

    fn campaign(&mut self) -> Result<CampaignView<'a>, AnswerFault> {
        let body: &CampaignBody = self.fixed()?;
        let definition: &Definition = self.fixed()?;
        let extended = self.has(flag::EXTENDED);
        let extension: Extension = if extended { *self.fixed()? } else { Extension::default() };
        if extended && extension.is_none() {
            return Err(AnswerFault::UnknownFlags(flag::EXTENDED));
        }
        let tiers = self.entries(usize::from(body.tiers))?;
        let scope = self.entries(self.count())?;
        let key_bytes = usize::from(body.key_bytes);
        if key_bytes > CAMPAIGN_KEY_BYTES_MAX {
            return Err(AnswerFault::UnknownNumber(u16::from(body.key_bytes), "length of a sealed key"));
        }
        let key = self.entries(key_bytes)?;
        if body.spare.get() != 0 || (definition.spare, definition.spare_end) != (0, 0) {
            return Err(AnswerFault::SpareNotZero);
        }
        CampaignKind::from_number(definition.kind)
            .ok_or(AnswerFault::UnknownNumber(u16::from(definition.kind), "kind of campaign"))?;
        let state = CampaignState::from_number(body.state)
            .ok_or(AnswerFault::UnknownNumber(u16::from(body.state), "state of a campaign"))?;
        Ok(CampaignView {
            campaign: StockId(body.campaign.get()),
            version: body.version.get(),
            state,
            layout: body.layout,
            locator: body.locator.get(),
            issued: body.issued.get(),
            cost: body.cost.get(),
            committed: body.committed.get(),
            today: body.today.get(),
            batches: body.batches.get(),
            key,
            definition,
            extension,
            tiers,
            scope,
        })
    }

    fn card(&mut self) -> Result<CardView, AnswerFault> {
        let body: &CardBody = self.fixed()?;
        self.zero(&body.spare)?;
        self.zero(&body.spare_behind)?;
        Ok(CardView {
            card: CardId(body.card.get()),
            campaign: StockId(body.campaign.get()),
            owner: UserId(body.owner.get()),
            state: card_state(body.state)?,
            generation: body.generation,
            channel: ChannelId(body.channel.get()),
            level: body.level,
            available: body.available.get(),
            expired: body.expired.get(),
            held: body.held.get(),
            consumed: body.consumed.get(),
            void: body.void.get(),
            from_ms: body.from_ms.get(),
            until_ms: body.until_ms.get(),
            redemption: OperationId(body.redemption.get()),
        })
    }

    fn lots(&mut self) -> Result<&'a [LotView], AnswerFault> {
        let count = self.count();
        if count > LOTS_PER_CARD_MAX {
            return Err(AnswerFault::Length(self.header.length.get()));
        }
        let lots: &[LotView] = self.entries(count)?;
        for lot in lots {
            self.zero(&lot.spare)?;
            if lot.bonus.max(lot.live) > 1 {
                return Err(AnswerFault::UnknownNumber(u16::from(lot.bonus.max(lot.live)), "mark of a lot"));
            }
        }
        Ok(lots)
    }

    /// Cards in place; each is looked at once, so that reading them later can't fail.
    fn wallet(&mut self) -> Result<Answer<'a>, AnswerFault> {
        let body: &WalletBody = self.fixed()?;
        let cards: &[WalletCard] = self.entries(self.count())?;
        for card in cards {
            card_state(card.state)?;
        }
        let more = self.has(flag::MORE);
        if !more && body.next.get() != 0 {
            return Err(AnswerFault::SpareNotZero);
        }
        Ok(Answer::Wallet { next: more.then_some(CardId(body.next.get())), cards })
    }

    /// Cards in place; each is looked at once, so that reading them later can't fail.
    fn quote(
        &mut self,
        [gross, discount, paid]: [u64; 3],
        (lines, spare): (u32, u32),
    ) -> Result<QuoteView<'a>, AnswerFault> {
        let (count, lines) = (self.count(), lines as usize);
        if spare != 0 {
            return Err(AnswerFault::SpareNotZero);
        }
        if count > QUOTE_CARDS_MAX || lines > QUOTE_LINES_MAX {
            return Err(AnswerFault::Length(self.header.length.get()));
        }
        let cards: &[QuotedCard] = self.entries(count)?;
        for card in cards {
            let (outcome, code) = (card.outcome, card.code.get());
            let known = CardOutcome::from_number(outcome)
                .ok_or(AnswerFault::UnknownNumber(u16::from(outcome), "outcome of a card"))?;
            if (known == CardOutcome::Refused) != Code::from_number(code).is_some() {
                return Err(AnswerFault::UnknownNumber(code, "rejection code"));
            }
        }
        Ok(QuoteView {
            gross,
            discount,
            paid,
            exact: self.has(flag::EXACT),
            cards,
            lines: self.entries(lines)?,
            shares: self.entries(count * lines)?,
        })
    }
}

fn card_state(number: u8) -> Result<CardState, AnswerFault> {
    CardState::from_number(number).ok_or(AnswerFault::UnknownNumber(u16::from(number), "state of a card"))
}
