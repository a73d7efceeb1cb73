//! What each operation of a load asks for: a pure function of its number and the recipe.
//!
//! It stands apart from the load so that a check, in another process and days later, can say every command again word
//! for word from the ledger alone. Invariant: nothing in here draws by chance or looks at a clock.

use crate::cards::CardTexts;
use crate::ids::{Ids, OWN_NUMBER, below, mix};
use crate::plan::{CHECKOUT_LINES_MAX, CheckoutShares, LoadPlan, Profile, Work};
use crate::purse::{CARD_LINES, Purse};
use crate::storm::Storm;
use crate::zipf::Zipf;
use scrip_engine::command::{CardLine, Command, Envelope, Line, Parties, Request, Segments, Take};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::limits::TTL_DEFAULT_MS;
use serde::{Deserialize, Serialize};
use zerocopy::little_endian::U32;

/// The reason that a KEY_REPLACE gives; the server keeps it and reads nothing into it.
const REASON: u16 = 1;
/// Tells buyers of their own (`users` 0) from drawn ones.
const OWN_BUYER: u128 = 1 << 64;
/// Odd multipliers that make further draws out of one operation's bits.
const FOR_STOCK: u64 = 0x9e37_79b9_7f4a_7c15;
const FOR_FATE: u64 = 0xd134_2543_de82_ef95;
/// Tell the draws of devices and addresses apart.
const FOR_DEVICE: u64 = 0xbb67_ae85_84ca_a73b;
const FOR_ADDRESS: u64 = 0x3c6e_f372_fe94_f82b;
const FOR_CHANNEL: u64 = 0xaf25_1af3_b0f0_25b5;

/// All that a load's commands depend on. Kept in the ledger; holds no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The tenant.
    pub merchant: u32,
    /// The slot.
    pub slot: u16,
    /// The channel.
    pub channel: u16,
    /// The channels of checkouts with their shares; empty: all from `channel`.
    pub channels: Vec<(u16, f64)>,
    /// The texts of card keys.
    pub cards: Option<CardTexts>,
    /// Of a storm on cards: who asks for what.
    #[serde(default)]
    pub storm: Option<Storm>,
    /// The cards that checkouts bring along.
    #[serde(default)]
    pub purse: Option<Purse>,
    /// The stocks, by rank.
    pub stocks: Vec<u64>,
    /// Zipf exponent of the demand over them; 0: even.
    pub exponent: f64,
    /// Whether all want the first stock alone.
    pub hot: bool,
    /// Buyers to draw from; 0: each command has its own.
    pub users: u64,
    /// Units of a line.
    pub units: u32,
    /// Whether commands name an order.
    pub orders: bool,
    /// Whether they name a device and an address.
    #[serde(default)]
    pub parties: bool,
    /// Time to live of holds; 0: the server's default.
    pub ttl_ms: u32,
    /// How long SELLs wait for units, from the time they are made; 0: they don't.
    #[serde(default)]
    pub wait_ms: u32,
    /// What is asked for.
    pub work: Work,
    /// Of checkouts, what becomes of them.
    pub shares: Option<CheckoutShares>,
    /// Draws buyers, stocks and fates.
    pub seed: u64,
    /// Draws operation ids.
    pub salt: u64,
}

impl Recipe {
    /// The recipe of a plan; `salt` drawn by chance.
    pub(crate) fn of(plan: &LoadPlan, salt: u64) -> Recipe {
        let (shares, hot) = match plan.profile {
            Profile::Checkout(shares) => (Some(shares), false),
            Profile::Flash { .. } => (None, true),
            _ => (None, false),
        };
        Recipe {
            merchant: plan.merchant.0,
            slot: plan.slot.0,
            channel: plan.channel.0,
            channels: plan.channels.iter().map(|(channel, share)| (channel.0, *share)).collect(),
            cards: plan.cards,
            storm: plan.storm.map(|storm| Storm { threads: plan.threads, ..storm }),
            purse: plan.purse.map(|purse| Purse { threads: plan.threads, ..purse }),
            stocks: plan.stocks.iter().map(|stock| stock.0).collect(),
            exponent: plan.exponent(),
            hot,
            users: plan.users,
            units: plan.units,
            orders: plan.orders,
            parties: plan.parties,
            ttl_ms: plan.ttl_ms,
            wait_ms: plan.wait_ms,
            work: plan.work,
            shares,
            seed: plan.seed,
            salt,
        }
    }
}

/// What becomes of a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Abandon,
    Retry,
    RetryLater,
    Twice,
    Late,
    Cut,
    Release,
    Extend,
    GiveBack,
    Sell,
    Buy,
    BuyAgain,
    Hidden,
    Replace,
    Pay,
}

const FATES: [Fate; 14] = [
    Fate::Abandon,
    Fate::Retry,
    Fate::RetryLater,
    Fate::Twice,
    Fate::Late,
    Fate::Cut,
    Fate::Release,
    Fate::Extend,
    Fate::GiveBack,
    Fate::Sell,
    Fate::Buy,
    Fate::BuyAgain,
    Fate::Hidden,
    Fate::Replace,
];

/// The commands a load sends, with their numbers in the ledger. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum What {
    /// RESERVE.
    Reserve = 1,
    /// SELL.
    Sell = 2,
    /// EXTEND.
    Extend = 3,
    /// CONFIRM.
    Confirm = 4,
    /// RELEASE.
    Release = 5,
    /// RETURN.
    Return = 6,
    /// REVEAL.
    Reveal = 7,
    /// KEY_REPLACE.
    KeyReplace = 8,
    /// CLAIM.
    Claim = 9,
    /// REDEEM.
    Redeem = 10,
}

impl What {
    /// All of them, by number.
    pub const ALL: [What; 10] = [
        What::Reserve,
        What::Sell,
        What::Extend,
        What::Confirm,
        What::Release,
        What::Return,
        What::Reveal,
        What::KeyReplace,
        What::Claim,
        What::Redeem,
    ];

    /// The command with this number.
    pub const fn from_number(number: u8) -> Option<What> {
        if number >= 1 && number as usize <= What::ALL.len() {
            Some(What::ALL[number as usize - 1])
        } else {
            None
        }
    }

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            What::Reserve => "RESERVE",
            What::Sell => "SELL",
            What::Extend => "EXTEND",
            What::Confirm => "CONFIRM",
            What::Release => "RELEASE",
            What::Return => "RETURN",
            What::Reveal => "REVEAL",
            What::KeyReplace => "KEY_REPLACE",
            What::Claim => "CLAIM",
            What::Redeem => "REDEEM",
        }
    }

    /// Whether it is on a card, and not on a hold.
    pub const fn is_on_card(self) -> bool {
        matches!(self, What::Claim | What::Redeem)
    }

    /// Whether it has an operation id of its own, and names the hold besides.
    pub const fn is_own(self) -> bool {
        matches!(self, What::Extend | What::Return | What::Reveal | What::KeyReplace)
    }
}

/// What one RESERVE or SELL asks for, and how its story goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cart {
    pub(crate) user: u128,
    pub(crate) order: u128,
    pub(crate) parties: Option<Parties>,
    pub(crate) partial: bool,
    pub(crate) fate: Fate,
    lines: [Line; CHECKOUT_LINES_MAX],
    count: usize,
    cards: Option<[CardLine; CARD_LINES]>,
}

impl Cart {
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines[..self.count]
    }

    /// What it takes of cards.
    pub(crate) fn cards(&self) -> &[CardLine] {
        self.cards.as_ref().map_or(&[], |cards| cards)
    }

    /// Whether its card keys are confirmed without being shown.
    pub(crate) fn is_hidden(&self) -> bool {
        self.fate == Fate::Hidden
    }

    /// What a CONFIRM of this cart says: nothing (all units), or with `partial` one unit fewer than `granted`.
    pub(crate) fn pays(&self, granted: &[u32]) -> Payment {
        let mut payment = Payment { units: [U32::ZERO; CHECKOUT_LINES_MAX], count: 0 };
        let sum: u64 = granted.iter().map(|&units| u64::from(units)).sum();
        let most = (0..granted.len().min(CHECKOUT_LINES_MAX)).max_by_key(|&line| granted[line]);
        if let (true, Some(most)) = (self.partial && sum >= 2, most) {
            payment.count = granted.len().min(CHECKOUT_LINES_MAX);
            for (line, (units, granted)) in payment.units.iter_mut().zip(granted).enumerate() {
                *units = U32::new(granted - u32::from(line == most));
            }
        }
        payment
    }
}

/// Units per line of a CONFIRM.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payment {
    units: [U32; CHECKOUT_LINES_MAX],
    count: usize,
}

impl Payment {
    pub(crate) fn units(&self) -> &[U32] {
        &self.units[..self.count]
    }
}

/// Turns numbers into commands.
#[derive(Debug, Clone)]
pub(crate) struct Generator {
    pub(crate) recipe: Recipe,
    pub(crate) ids: Ids,
    seed: u64,
    stocks: Vec<u64>,
    zipf: Zipf,
    fates: [u64; FATES.len()],
    /// Up to which draw each channel goes.
    channels: Vec<(u16, u64)>,
}

impl Generator {
    pub(crate) fn new(recipe: Recipe) -> Generator {
        let stocks = if recipe.hot { recipe.stocks[..1].to_vec() } else { recipe.stocks.clone() };
        let scaled = |share: f64| (share * 4_294_967_296.0) as u64;
        let mut upto = 0.0;
        let channels = recipe.channels.iter().map(|&(channel, share)| {
            upto += share;
            (channel, scaled(upto))
        });
        let channels = channels.collect();
        let mut sum = 0.0;
        let fates = recipe.shares.map_or([0; FATES.len()], |shares| {
            shares.fates().map(|share| {
                sum += share;
                scaled(sum)
            })
        });
        Generator {
            ids: Ids::new(recipe.salt),
            seed: mix(recipe.seed),
            zipf: Zipf::new(stocks.len().max(1), recipe.exponent),
            stocks,
            fates,
            channels,
            recipe,
        }
    }

    /// The random-looking bits that an operation's content is drawn from.
    #[inline]
    pub(crate) fn content(&self, number: u64) -> u64 {
        mix(number ^ self.seed)
    }

    /// The buyer, from the operation's content bits and its id bits.
    #[inline]
    pub(crate) fn user(&self, content: u64, bits: u64) -> u128 {
        match self.recipe.users {
            0 => OWN_BUYER | u128::from(bits),
            users => u128::from(below(content, users) + 1),
        }
    }

    /// Whom else an operation comes from, likewise.
    #[inline]
    pub(crate) fn parties(&self, content: u64, bits: u64) -> Parties {
        let draw = |salt: u64| match self.recipe.users {
            0 => mix(bits ^ salt) | 1,
            users => below(mix(content ^ salt), users) + 1,
        };
        Parties::new(0, draw(FOR_DEVICE), draw(FOR_ADDRESS))
    }

    /// The stock of a single line.
    #[inline]
    pub(crate) fn stock(&self, content: u64) -> u64 {
        if self.stocks.len() == 1 {
            return self.stocks[0];
        }
        self.stocks[self.zipf.rank(content.wrapping_mul(FOR_STOCK)) as usize]
    }

    /// The place, among the recipe's channels, of the one that the checkout with this number comes from.
    pub(crate) fn channel_place(&self, number: u64) -> usize {
        let drawn = mix(self.content(number) ^ FOR_CHANNEL) >> 32;
        let place = self.channels.iter().position(|(_, upto)| drawn < *upto);
        place.unwrap_or(self.channels.len().saturating_sub(1))
    }

    /// Whether lines differ in their stock.
    pub(crate) fn many_stocks(&self) -> bool {
        self.stocks.len() > 1
    }

    /// The id of the operation with this number.
    pub(crate) fn operation(&self, created_ms: u64, number: u64) -> OperationId {
        OperationId(self.ids.operation(created_ms, self.ids.bits(number)))
    }

    /// What the RESERVE or SELL with this number asks for.
    pub(crate) fn cart(&self, number: u64) -> Cart {
        let (bits, content) = (self.ids.bits(number), self.content(number));
        let user = self.user(content, bits);
        let parties = self.recipe.parties.then(|| self.parties(content, bits));
        let Some(shares) = &self.recipe.shares else {
            let line = Line::new(StockId(self.stock(content)), self.recipe.units);
            let order = if self.recipe.orders { u128::from(bits) } else { 0 };
            return Cart {
                user,
                order,
                parties,
                partial: false,
                fate: Fate::Pay,
                lines: [line; 3],
                count: 1,
                cards: None,
            };
        };
        let mut draws = content;
        let mut draw = |bound: u64| {
            draws = mix(draws.wrapping_add(FOR_FATE));
            below(draws, bound)
        };
        let drawn = draw(1 << 32);
        let fate = FATES.iter().zip(self.fates).find(|&(_, below)| drawn < below);
        let partial = (draw(1 << 32) as f64) < shares.partial * 4_294_967_296.0;
        let lines = u64::from(shares.lines_max - shares.lines_min) + 1;
        let count = draw(lines) as usize + shares.lines_min as usize;
        let mut lines = [Line::new(StockId(0), 0); CHECKOUT_LINES_MAX];
        for (number, line) in (0..).zip(&mut lines[..count]) {
            let content = if number == 0 { content } else { mix(content ^ number) };
            let units = draw(u64::from(shares.units_max)) as u32 + 1;
            *line = Line::new(StockId(self.stock(content)), units);
            if partial {
                line.units_min = U32::new(u32::from(units > 1));
            }
        }
        let fate = fate.map_or(Fate::Pay, |(&fate, _)| fate);
        let cards = self.recipe.purse.map(|purse| purse.lines(number, content));
        Cart { user, order: u128::from(bits), parties, partial, fate, lines, count, cards }
    }

    /// The wish of a single draw between 0.5 and 1.5, for think times.
    pub(crate) fn patience(&self, number: u64, step: u64) -> f64 {
        0.5 + (mix(self.content(number) ^ step << 32) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The command `what` of the operation `operation` on `hold` (the same, unless it has an id of its own); `key` is the
    /// one that a KEY_REPLACE names.
    pub(crate) fn request<'a>(
        &self,
        what: What,
        operation: OperationId,
        hold: OperationId,
        cart: &'a Cart,
        payment: &'a Payment,
        key: u32,
    ) -> Request<'a> {
        let take = Take {
            order: OrderId(cart.order),
            user: UserId(cart.user),
            partial: cart.partial,
            parties: cart.parties.as_ref(),
            cards: cart.cards(),
            ..Take::of(cart.lines())
        };
        let ttl_ms = self.recipe.ttl_ms;
        let command = match what {
            What::Reserve => Command::Reserve { take, ttl_ms },
            What::Sell => {
                let take = Take { wait_until_ms: self.wait_until_ms(operation.embedded_ms()), ..take };
                Command::Sell { take, paid: self.is_paid(cart.fate), hidden: false }
            }
            What::Extend => {
                Command::Extend { hold, ttl_ms: if ttl_ms == 0 { TTL_DEFAULT_MS } else { ttl_ms } }
            }
            What::Confirm => Command::Confirm { units: payment.units(), hidden: cart.is_hidden() },
            What::Release => Command::Release,
            What::Return => Command::Return { hold, to_available: self.gives_to_available(hold), units: &[] },
            What::Reveal => Command::Reveal { hold },
            What::KeyReplace => Command::KeyReplace { hold, key, reason: REASON },
            What::Claim | What::Redeem => self.storm_command(what, self.ids.number(operation)),
        };
        let mut envelope = self.envelope(operation);
        if !self.channels.is_empty() {
            let place = self.channel_place(self.ids.number(hold) & !OWN_NUMBER);
            envelope.channel = ChannelId(self.channels[place].0);
        }
        Request { envelope, command }
    }

    /// Until when a SELL made at `created_ms` waits; 0: it does not.
    #[inline]
    pub(crate) const fn wait_until_ms(&self, created_ms: u64) -> u64 {
        match self.recipe.wait_ms {
            0 => 0,
            wait_ms => created_ms + wait_ms as u64,
        }
    }

    /// A query's or a command's envelope. The time is inside the id.
    pub(crate) fn envelope(&self, operation: OperationId) -> Envelope {
        Envelope {
            merchant: MerchantId(self.recipe.merchant),
            slot: Slot(self.recipe.slot),
            channel: ChannelId(self.recipe.channel),
            operation,
            created_ms: 0,
            deadline_ms: 0,
            segments: Segments::NONE,
        }
    }

    /// Whether a refused SELL of a checkout with this fate (or of a plain load) is recorded and final.
    pub(crate) const fn is_paid(&self, fate: Fate) -> bool {
        match self.recipe.work {
            Work::Sell { paid } => paid,
            Work::Checkout => matches!(fate, Fate::Sell),
            Work::Reserve | Work::ReserveConfirm { .. } | Work::Claim | Work::Redeem => false,
        }
    }

    /// Every other RETURN gives to available, the others to void; card keys that were shown can't be sold again.
    fn gives_to_available(&self, hold: OperationId) -> bool {
        self.recipe.cards.is_none() && hold.0 & 1 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::LoadPlan;
    use scrip_protocol::secret::Token;

    fn generator(profile: Profile, work: Work, users: u64) -> Generator {
        let stocks = (0..5).map(|number| StockId::new(Slot(3), number)).collect();
        let address = "127.0.0.1:1".parse().unwrap();
        let plan = LoadPlan {
            profile,
            work,
            users,
            ttl_ms: 5_000,
            ..LoadPlan::new(address, Token::new([1; 32]), MerchantId(1), Slot(3), stocks)
        };
        plan.check().unwrap();
        Generator::new(Recipe::of(&plan, 99))
    }

    #[test]
    fn fates_come_in_their_shares() {
        let shares = CheckoutShares { abandon: 0.3, cut: 0.1, ..CheckoutShares::default() };
        let generator = generator(Profile::Checkout(shares), Work::Checkout, 1_000);
        let of = |fate| (0..100_000).filter(|&number| generator.cart(number).fate == fate).count();
        assert!((29_000..31_000).contains(&of(Fate::Abandon)), "{}", of(Fate::Abandon));
        assert!((9_500..10_500).contains(&of(Fate::Cut)), "{}", of(Fate::Cut));
        assert!(of(Fate::Pay) > 25_000 && of(Fate::Sell) > 4_500);
    }

    #[test]
    fn every_command_a_cart_leads_to_is_well_formed() {
        let shares = CheckoutShares { partial: 0.5, units_max: 3, ..CheckoutShares::default() };
        let generator = generator(Profile::Checkout(shares), Work::Checkout, 0);
        for number in 0..10_000 {
            let cart = generator.cart(number);
            let granted: Vec<u32> = cart.lines().iter().map(|line| line.units.get()).collect();
            let payment = cart.pays(&granted);
            let (own, hold) = (generator.operation(1, number), generator.operation(1, number + 1));
            for what in What::ALL.into_iter().filter(|what| !what.is_on_card()) {
                generator.request(what, own, hold, &cart, &payment, 1).check().unwrap();
            }
        }
    }

    #[test]
    fn flash_wants_the_first_stock_alone_and_zipf_all() {
        let flash = generator(Profile::Flash { over: Default::default() }, Work::Reserve, 10);
        let zipf = generator(Profile::Zipf { exponent: 1.0 }, Work::Reserve, 10);
        let stocks = |generator: &Generator| {
            let mut stocks: Vec<u64> = (0..1_000).map(|n| generator.cart(n).lines()[0].stock.get()).collect();
            stocks.sort_unstable();
            stocks.dedup();
            stocks.len()
        };
        assert_eq!((stocks(&flash), stocks(&zipf)), (1, 5));
        assert!((0..1_000).all(|number| (1..=10).contains(&zipf.cart(number).user)));
    }
}
