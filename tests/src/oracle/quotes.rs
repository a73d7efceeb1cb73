//! The oracle on QUOTE: every legal combination is priced, card by card and piece by piece; stored value pays what is left.
//!
//! Invariant: nothing is cut short; so it is asked with few cards only (`CARDS_MAX` of them can be used).

use super::cards::{Card, narrow};
use super::hold_cards::room_of;
use super::{Hold, Oracle};
use crate::outcome::{OwnedFacts, OwnedOutcome, OwnedQuoted};
use crate::request::{OwnedQuote, OwnedRedeem, Worth};
use scrip_engine::answer::{CardOutcome, QuotedCard, QuotedLine};
use scrip_engine::command::{CampaignKind, Envelope};
use scrip_engine::ids::{CardId, UserId};
use scrip_engine::limits::{CARD_VALUE_MAX, QUOTE_AMOUNT_MAX, QUOTE_CARDS_MAX, QUOTE_WALLET_SCANNED_MAX};
use scrip_engine::rejection::Code;
use zerocopy::little_endian::{U16, U32, U64};

/// More cards than these, and pricing all combinations takes too long (and the engine may stop searching).
pub(crate) const CARDS_MAX: usize = 8;

/// A card that can be used, what its campaign says, and the lines it is for; or why it can't be.
type Judged<'o> = Result<(Card, &'o Worth, Vec<usize>), OwnedOutcome>;

/// The cards that are asked about: for each what is to be known of it, or why it can't be used.
struct Asked<'o> {
    ids: Vec<CardId>,
    judged: Vec<Judged<'o>>,
    /// No card of the wallet that a cart can be priced with was left aside.
    all: bool,
}

/// A card that can be used, with the lines it is for.
struct Usable<'o> {
    /// Its place in the answer.
    at: usize,
    id: CardId,
    card: Card,
    worth: &'o Worth,
    scope: Vec<usize>,
}

/// Why a card takes nothing.
#[derive(Clone, Copy)]
enum Lack {
    Threshold(u128, u128),
    Nothing,
}

/// A cart while cards take their turns, and what each card took off each line, by its place in the answer.
struct Till {
    prices: Vec<u128>,
    gross: Vec<u128>,
    left: Vec<u128>,
    free: Vec<u32>,
    paid: Vec<u128>,
    took: Vec<(usize, Vec<u128>)>,
}

impl Oracle {
    /// QUOTE.
    pub(super) fn quote(&self, envelope: &Envelope, quote: &OwnedQuote) -> OwnedOutcome {
        self.quote_beside(envelope, quote, None)
    }

    /// The same for a hold that takes the place of another.
    pub(super) fn quote_beside(
        &self,
        envelope: &Envelope,
        quote: &OwnedQuote,
        replaced: Option<&Hold>,
    ) -> OwnedOutcome {
        let Asked { ids, judged, all } = self.asked(envelope, quote, replaced);
        let mut cards: Vec<QuotedCard> = ids.iter().map(|id| self.blank(envelope, *id)).collect();
        let mut usable = Vec::new();
        for (at, found) in judged.into_iter().enumerate() {
            match found {
                Ok((card, worth, scope)) => usable.push(Usable { at, id: ids[at], card, worth, scope }),
                Err(refusal) => refuse(&mut cards[at], &refusal),
            }
        }
        usable.retain(|one| one.can_be_priced(quote, &mut cards[one.at]));
        usable.sort_by_key(Usable::turn);
        let clashes = |one: &Usable<'_>, other: &Usable<'_>| !one.goes_with(other);
        let best = quote.best || quote.cards.is_empty();
        let clash = usable.iter().enumerate().find_map(|(place, one)| {
            let other = usable[place + 1..].iter().find(|other| clashes(one, other))?;
            Some([one.at.min(other.at), one.at.max(other.at)])
        });
        if let Some(places) = clash.filter(|_| !best) {
            let place = |line| crate::outcome::Lack { line, why: Code::RuleFailed, asked: 0, available: 0 };
            let facts = OwnedFacts::Lines(places.map(place).to_vec());
            return OwnedOutcome::Refused { code: Code::RuleFailed, facts };
        }
        let chosen = if best { choose(quote, &usable) } else { (0..usable.len()).collect() };
        let (till, lacks) = play(quote, chosen.iter().map(|place| &usable[*place]));
        for (place, one) in usable.iter().enumerate() {
            let lack = match chosen.iter().position(|chosen| *chosen == place) {
                Some(turn) => lacks[turn],
                None => play(quote, std::iter::once(one)).1[0],
            };
            one.tell(&till, lack, chosen.contains(&place), &mut cards[one.at]);
        }
        till.answer(cards, all)
    }

    /// Whether every combination of the cards that a quote may choose from can be tried.
    pub(super) fn can_price(&self, envelope: &Envelope, quote: &OwnedQuote, replaced: Option<&Hold>) -> bool {
        let asked = self.asked(envelope, quote, replaced).judged;
        let usable = asked
            .into_iter()
            .filter(|card| card.as_ref().is_ok_and(|(card, worth, _)| is_priced(card, worth)));
        usable.count() <= CARDS_MAX
    }

    fn asked<'o>(&'o self, envelope: &Envelope, quote: &OwnedQuote, replaced: Option<&Hold>) -> Asked<'o> {
        if !quote.cards.is_empty() {
            let named = quote.cards.iter().map(|card| (card.card(), card.generation()));
            let (ids, judged) = named
                .map(|(id, generation)| (id, self.judge_card(envelope, quote, (id, generation), replaced)))
                .unzip();
            return Asked { ids, judged, all: true };
        }
        let wallet = self.wallet_of(envelope, quote.user);
        let is_seen = wallet.len() <= QUOTE_WALLET_SCANNED_MAX;
        let judged = wallet
            .into_iter()
            .take(QUOTE_WALLET_SCANNED_MAX)
            .map(|id| (id, self.judge_card(envelope, quote, (id, None), replaced)));
        let over = |refusal: &OwnedOutcome| {
            matches!(refusal, OwnedOutcome::Refused { code: Code::Used | Code::Void | Code::Expired, .. })
        };
        let (usable, others): (Vec<_>, Vec<_>) = judged
            .partition(|(_, judged)| judged.as_ref().is_ok_and(|(card, worth, _)| is_priced(card, worth)));
        let all = is_seen && usable.len() <= QUOTE_CARDS_MAX;
        let others = others.into_iter().filter(|(_, judged)| !judged.as_ref().err().is_some_and(over));
        let (ids, judged) = usable.into_iter().chain(others).take(QUOTE_CARDS_MAX).unzip();
        Asked { ids, judged, all }
    }

    /// The cards of an owner's person of the command's merchant and slot, in the order of WALLET_SHOW.
    pub(crate) fn wallet_of(&self, envelope: &Envelope, owner: UserId) -> Vec<CardId> {
        let ids = self.wallets_of(envelope, owner).into_iter();
        ids.flat_map(|id| self.wallet_of_one(envelope, id)).collect()
    }

    /// Those of one id, the newest first.
    fn wallet_of_one(&self, envelope: &Envelope, owner: UserId) -> Vec<CardId> {
        let is_his = |id: &CardId, card: &Card| {
            id.slot() == envelope.slot
                && self.stocks[&card.campaign].merchant == envelope.merchant.0
                && owner.0 != 0
                && card.owner == owner
        };
        let mut wallet: Vec<(u64, CardId)> = self
            .cards
            .iter()
            .filter(|(id, card)| is_his(id, card))
            .map(|(id, card)| (card.received, *id))
            .collect();
        wallet.sort_by_key(|newest| std::cmp::Reverse(*newest));
        wallet.into_iter().map(|(_, id)| id).collect()
    }

    fn judge_card(
        &self,
        envelope: &Envelope,
        quote: &OwnedQuote,
        (id, generation): (CardId, Option<u8>),
        replaced: Option<&Hold>,
    ) -> Judged<'_> {
        if id.slot() != envelope.slot {
            return Err(OwnedOutcome::refused(Code::CrossSlot));
        }
        let mut card =
            self.own_card(envelope, id, generation).ok_or_else(|| OwnedOutcome::refused(Code::NotFound))?;
        // What can be used of it: what the hold that is replaced has of it comes back.
        card.available = room_of(&card, id, replaced, self.now_ms);
        self.usable(&card)?;
        self.is_open_for(&card, self.now_ms)?;
        let worth = self.worth_of(&card);
        let covers = |line: &usize| {
            let (product, category) = (quote.lines[*line].product.get(), quote.lines[*line].category.get());
            let asks = OwnedRedeem { store: quote.store, product, category, ..OwnedRedeem::of(id, 1) };
            worth.covers(envelope, &asks)
        };
        let scope: Vec<usize> = (0..quote.lines.len()).filter(covers).collect();
        if scope.is_empty() {
            return Err(OwnedOutcome::refused(Code::OutOfScope));
        }
        let told = card.owner.0 != 0 && quote.user.0 != 0;
        if told && !self.is_one(envelope, card.owner, quote.user) {
            return Err(OwnedOutcome::refused(Code::NotOwner));
        }
        if card.available == 0 && card.held > 0 {
            return Err(OwnedOutcome::refused(Code::LockedByOtherOrder));
        }
        Ok((card, worth, scope))
    }

    /// What is said of a card in any case.
    fn blank(&self, envelope: &Envelope, id: CardId) -> QuotedCard {
        let there = self.own_card(envelope, id, None).filter(|_| id.slot() == envelope.slot);
        let campaign = there.map_or(0, |card| card.campaign.0);
        QuotedCard { card: U64::new(id.0), campaign: U64::new(campaign), ..QuotedCard::default() }
    }
}

/// Whether there are carts that it takes something off or pays of.
fn is_priced(card: &Card, worth: &Worth) -> bool {
    let by_kind = match worth.definition.kind() {
        CampaignKind::Uses | CampaignKind::Stamps | CampaignKind::Points => false,
        CampaignKind::StoredValue => card.available > 0,
        CampaignKind::Pass => worth.percent_at(card.level) > 0,
        _ => true,
    };
    by_kind && worth.least() <= QUOTE_AMOUNT_MAX
}

/// Fills in a refusal.
fn refuse(card: &mut QuotedCard, refusal: &OwnedOutcome) {
    let OwnedOutcome::Refused { code, facts } = refusal else { panic!("{refusal:?} refuses nothing") };
    card.outcome = CardOutcome::Refused as u8;
    card.code = U16::new(*code as u16);
    if let OwnedFacts::Time(time_ms) = facts {
        card.fact = U64::new(*time_ms);
    }
    if *code == Code::NotFound {
        card.campaign = U64::ZERO;
    }
}

impl Usable<'_> {
    fn kind(&self) -> CampaignKind {
        self.worth.definition.kind()
    }

    /// Not a card of uses, nor one whose threshold no cart reaches.
    fn can_be_priced(&self, quote: &OwnedQuote, card: &mut QuotedCard) -> bool {
        if self.worth.least() > QUOTE_AMOUNT_MAX {
            let gross = |line: &usize| {
                quote.lines[*line].unit_price.get() * u64::from(quote.lines[*line].quantity.get())
            };
            refuse(card, &OwnedOutcome::refused(Code::RuleFailed));
            card.fact = U64::new(self.scope.iter().map(gross).sum());
            card.threshold = U64::new(self.worth.least());
            return false;
        }
        let priced = is_priced(&self.card, self.worth);
        if !priced {
            card.outcome = CardOutcome::Nothing as u8;
        }
        priced
    }

    const fn stage(kind: CampaignKind) -> u8 {
        match kind {
            CampaignKind::Item | CampaignKind::FixedPrice => 0,
            CampaignKind::PercentOff | CampaignKind::Pass => 1,
            CampaignKind::StoredValue => 4,
            _ => 2,
        }
    }

    fn pays(&self) -> bool {
        self.kind() == CampaignKind::StoredValue
    }

    /// What it takes off an amount.
    fn worth_of(&self, amount: u128) -> u128 {
        u128::from(self.worth.discount(small(amount), 1, self.card.level))
    }

    fn expiry(&self) -> u64 {
        if self.card.times.until_ms == 0 { u64::MAX } else { self.card.times.until_ms }
    }

    /// Smaller goes first.
    fn turn(&self) -> (u8, usize, u64, u64, u64) {
        let (campaign, expiry) = (self.id.locator(), self.expiry());
        let (first, second) = if self.pays() { (expiry, campaign) } else { (campaign, expiry) };
        (Usable::stage(self.kind()), self.scope.len(), first, second, self.id.0)
    }

    fn goes_with(&self, other: &Usable<'_>) -> bool {
        let allows = |one: &Usable<'_>, other: &Usable<'_>| {
            let classes = one.worth.definition.combines.get();
            one.pays() && classes == 0 || classes >> other.worth.definition.class & 1 == 1
        };
        allows(self, other) && allows(other, self)
    }

    /// Fills in what became of it.
    fn tell(&self, till: &Till, lack: Option<Lack>, chosen: bool, card: &mut QuotedCard) {
        match lack {
            Some(Lack::Nothing) => card.outcome = CardOutcome::Nothing as u8,
            Some(Lack::Threshold(counted, needed)) => {
                refuse(card, &OwnedOutcome::refused(Code::RuleFailed));
                card.fact = U64::new(small(counted));
                card.threshold = U64::new(small(needed));
            }
            None if !chosen => card.outcome = CardOutcome::LeftOut as u8,
            None => {
                let turn = till.took.iter().position(|(at, _)| *at == self.at).expect("it took something");
                let shares = &till.took[turn].1;
                let priced = shares.iter().zip(&till.prices).filter(|(share, _)| **share > 0);
                let pieces: u128 = priced.map(|(share, price)| share.div_ceil(*price)).sum();
                let amount: u128 = shares.iter().sum();
                card.outcome = if self.pays() { CardOutcome::Pays } else { CardOutcome::Used } as u8;
                card.turn = turn as u8 + 1;
                card.discount = U64::new(small(amount));
                card.units = U32::new(match self.kind() {
                    CampaignKind::Item => narrow(pieces as i128),
                    CampaignKind::StoredValue => narrow(amount as i128),
                    _ => 1,
                });
            }
        }
    }
}

fn small(amount: u128) -> u64 {
    u64::try_from(amount).expect("amounts of a cart are small")
}

/// The places of the best legal combination.
fn choose(quote: &OwnedQuote, usable: &[Usable<'_>]) -> Vec<usize> {
    assert!(usable.len() <= CARDS_MAX, "the oracle prices all combinations: of {} cards", usable.len());
    let mut best: Option<((u128, u128), Vec<usize>)> = None;
    for set in 0..1u32 << usable.len() {
        let places: Vec<usize> = (0..usable.len()).filter(|place| set >> place & 1 == 1).collect();
        let legal = places
            .iter()
            .all(|one| places.iter().all(|other| one == other || usable[*one].goes_with(&usable[*other])));
        if !legal {
            continue;
        }
        let (till, lacks) = play(quote, places.iter().map(|place| &usable[*place]));
        if lacks.iter().any(Option::is_some) {
            continue;
        }
        // The larger discount first; then what stored value pays.
        let worth = (till.discount(), till.paid.iter().sum());
        let first_ending = |places: &[usize]| {
            let mut ends: Vec<(u64, u64)> =
                places.iter().map(|place| (usable[*place].expiry(), usable[*place].id.0)).collect();
            ends.sort_unstable();
            ends
        };
        let better = best.as_ref().is_none_or(|(most, chosen)| {
            let rank = (worth, std::cmp::Reverse((places.len(), first_ending(&places))));
            rank > (*most, std::cmp::Reverse((chosen.len(), first_ending(chosen))))
        });
        if better {
            best = Some((worth, places));
        }
    }
    best.expect("no card at all is a combination").1
}

/// Lets cards take their turns; answers for each what it lacked.
fn play<'u>(quote: &OwnedQuote, cards: impl Iterator<Item = &'u Usable<'u>>) -> (Till, Vec<Option<Lack>>) {
    let prices: Vec<u128> = quote.lines.iter().map(|line| u128::from(line.unit_price.get())).collect();
    let free: Vec<u32> = quote.lines.iter().map(|line| line.quantity.get()).collect();
    let gross: Vec<u128> =
        prices.iter().zip(&free).map(|(price, pieces)| price * u128::from(*pieces)).collect();
    let paid = vec![0; gross.len()];
    let mut till = Till { prices, left: gross.clone(), gross, free, paid, took: Vec::new() };
    let (mut stage, mut began) = (0, till.left.clone());
    let mut lacks = Vec::new();
    for card in cards {
        if Usable::stage(card.kind()) != stage {
            (stage, began) = (Usable::stage(card.kind()), till.left.clone());
        }
        lacks.push(till.turn_of(card, &began).err());
    }
    (till, lacks)
}

impl Till {
    fn discount(&self) -> u128 {
        let off = self.gross.iter().sum::<u128>() - self.left.iter().sum::<u128>();
        off - self.paid.iter().sum::<u128>()
    }

    fn turn_of(&mut self, card: &Usable<'_>, began: &[u128]) -> Result<(), Lack> {
        let definition = &card.worth.definition;
        let prices = if definition.before() { &self.gross } else { began };
        let counted: u128 = card.scope.iter().map(|line| prices[*line]).sum();
        let least = u128::from(card.worth.least());
        if counted < least {
            return Err(Lack::Threshold(counted, least));
        }
        let before = self.left.clone();
        let goods: u128 = card.scope.iter().map(|line| before[*line]).sum();
        match card.kind() {
            CampaignKind::Item => self.take_pieces(card, card.card.available, 0),
            CampaignKind::FixedPrice => self.take_pieces(card, 1, u128::from(definition.value.get())),
            // What is rounded is what the lines have left; tiers and repeats are those of what counts.
            CampaignKind::PercentOff | CampaignKind::Pass => self.split(card, card.worth_of(goods), goods),
            CampaignKind::StoredValue => {
                let balance = card.card.available.min(i128::from(CARD_VALUE_MAX));
                self.split(card, goods.min(balance as u128), goods);
            }
            _ => self.split(card, card.worth_of(counted).min(goods), goods),
        }
        let shares: Vec<u128> = before.iter().zip(&self.left).map(|(before, left)| before - left).collect();
        if shares.iter().all(|share| *share == 0) {
            return Err(Lack::Nothing);
        }
        for (paid, share) in self.paid.iter_mut().zip(&shares).filter(|_| card.pays()) {
            *paid += share;
        }
        self.took.push((card.at, shares));
        Ok(())
    }

    /// The largest remainders first, of equal ones the earlier line.
    fn split(&mut self, card: &Usable<'_>, amount: u128, goods: u128) {
        if goods == 0 {
            return;
        }
        let weights = self.left.clone();
        let mut given = 0;
        for line in &card.scope {
            let share = amount * weights[*line] / goods;
            self.left[*line] -= share;
            given += share;
        }
        let mut by_remainder = card.scope.clone();
        by_remainder.sort_by_key(|line| (std::cmp::Reverse(amount * weights[*line] % goods), *line));
        for line in by_remainder.into_iter().take((amount - given) as usize) {
            self.left[line] -= 1;
        }
    }

    fn take_pieces(&mut self, card: &Usable<'_>, pieces: i128, price: u128) {
        for _ in 0..pieces {
            let worth = |line: &usize| {
                let there = self.free[*line] > 0;
                let drop = self.prices[*line].saturating_sub(price).min(self.left[*line]);
                if there { drop } else { 0 }
            };
            let most = card.scope.iter().max_by_key(|line| (worth(line), std::cmp::Reverse(**line)));
            let Some(line) = most.copied().filter(|line| worth(line) > 0) else { return };
            let value = worth(&line);
            self.left[line] -= value;
            self.free[line] -= 1;
        }
    }

    fn answer(&self, cards: Vec<QuotedCard>, exact: bool) -> OwnedOutcome {
        let lines = self.gross.len();
        let mut shares = vec![0; cards.len() * lines];
        for (at, took) in &self.took {
            for (line, share) in took.iter().enumerate() {
                shares[at * lines + line] = small(*share);
            }
        }
        let line = |line: usize| QuotedLine {
            gross: U64::new(small(self.gross[line])),
            discount: U64::new(small(self.gross[line] - self.left[line] - self.paid[line])),
            paid: U64::new(small(self.paid[line])),
        };
        OwnedOutcome::Quote(Box::new(OwnedQuoted {
            gross: small(self.gross.iter().sum()),
            discount: small(self.discount()),
            paid: small(self.paid.iter().sum()),
            exact,
            cards,
            lines: (0..lines).map(line).collect(),
            shares,
        }))
    }
}
