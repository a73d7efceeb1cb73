//! Definitions, cards and commands on them with any values that a caller may give. They stand apart from the other
//! strategies so that those stay in one view.
//!
//! Invariant: every value is one that the decoder takes.

use super::card_parts::*;
use proptest::prelude::*;
use scrip_engine::answer::{
    ActivityView, Answer, CampaignView, CardView, GroupJoined, GroupRow, GroupState, GroupView, HoldCard,
    Issued, LotView, NoticeView, NoticesPage, PiecesReturned, QuoteView, QuotedCard, QuotedLine, Redeemed,
    RedemptionView, Shared, WalletCard,
};
use scrip_engine::command::{
    AccountWish, ActivityTerms, ActivityWish, BatchEnd, CampaignCreate, CampaignKind, CampaignState,
    CampaignTerms, CardChange, CardLine, CardState, CartLine, Command, Definition, Extension, GiftWish,
    GroupWish, Issue, Merge, Offline, Parties, Quote, QuoteCard, QuoteReserve, RecycleInto, Redeem, Referral,
    ScopeEntry, StockTerms, StockedLine, Tier,
};
use scrip_engine::ids::{ActivityId, CardId, ChannelId, GivenCode, OperationId, OrderId, StockId, UserId};
use scrip_engine::limits::{
    ACTIVITY_SOURCES_MAX, BEARER_CARDS_MAX, CAMPAIGN_KEY_BYTES_MAX, CAMPAIGN_UNITS_MAX, CARD_VALUE_MAX,
    CARDS_PER_HOLD_MAX, CARDS_PER_ISSUE_MAX, CARDS_PER_MERGE_MAX, GIFT_LASTS_MAX_S, GROUP_LASTS_MAX_S,
    LATE_MAX_S, LINES_MAX, REMIND_MAX_MINUTES, WALLET_CARDS_PER_ANSWER_MAX,
};
use scrip_engine::rejection::Code;
use scrip_protocol::answers::AnswerKind;
use scrip_protocol::commands::{CAMPAIGN_BY_CODE, CARD_BY_CODE, CommandKind};
use zerocopy::little_endian::{U16, U32, U64, U128};

/// Values from which any command on cards, and any answer about them, can be built.
#[derive(Debug, Clone)]
pub struct CardParts {
    pub definition: Definition,
    pub extension: Extension,
    pub offline: Offline,
    /// The rule of an activity.
    pub rule: ActivityTerms,
    /// Of a claim.
    pub referral: Referral,
    pub tiers: Vec<Tier>,
    pub scope: Vec<ScopeEntry>,
    pub key: Vec<u8>,
    pub wallet: Vec<WalletCard>,
    pub taken: Vec<CardLine>,
    pub held: Vec<HoldCard>,
    pub cart: Vec<CartLine>,
    pub quoted: Vec<QuoteCard>,
    pub stocked: Vec<StockedLine>,
    pub outcomes: Vec<QuotedCard>,
    pub used: Vec<QuotedCard>,
    pub lines: Vec<QuotedLine>,
    pub shares: Vec<U64>,
    pub generation: Option<u8>,
    pub code: Option<String>,
    pub change: u8,
    pub big: [u128; 3],
    pub numbers: [u64; 6],
    pub small: [u32; 4],
    pub channel: u16,
    pub flag: bool,
}

/// What is merged if nothing is quoted.
static ONE_CARD: [QuoteCard; 1] = [QuoteCard { card: U64::new(7), generation: 0, by_code: 0, spare: [0; 6] }];

pub fn card_parts() -> impl Strategy<Value = CardParts> {
    let defined = (1..=9u8, any::<[u64; 5]>(), any::<[u32; 5]>(), any::<u32>(), 0..8u8, tiers());
    let lists = (
        scope(),
        prop::collection::vec(any::<u8>(), 0..=CAMPAIGN_KEY_BYTES_MAX),
        prop::collection::vec(wallet_card(), 0..=WALLET_CARDS_PER_ANSWER_MAX),
        (cart(), quote_cards(), quoted()),
        prop::collection::vec(card_line(), 0..=CARDS_PER_HOLD_MAX),
        prop::collection::vec(hold_card(), 0..=CARDS_PER_HOLD_MAX),
    );
    let named = (prop::option::of(0..=31u8), prop::option::of("[0-9A-HJKMNP-TV-Z-]{1,32}"), 1..=5u8);
    let values = any::<([u128; 3], [u64; 6], [u32; 4], u16, bool)>();
    (defined, lists, named, values).prop_map(|(defined, lists, named, values)| {
        let (kind, numbers, seconds, units, flags, tiers) = defined;
        let tiers = match CampaignKind::from_number(kind) {
            Some(CampaignKind::AmountOff) => tiers,
            Some(CampaignKind::Pass) => vec![Tier::new(0, 0), Tier::new(numbers[1], 10_000)],
            _ => Vec::new(),
        };
        let (scope, key, wallet, (cart, quoted, (outcomes, lines, shares)), taken, held) = lists;
        let (big, numbers_of, small, channel, flag) = values;
        let stocked = stocked(&cart);
        let used = outcomes.iter().map(|card| used(*card)).collect();
        let definition = definition(kind, numbers, seconds, units, flags, kind == 1 && !tiers.is_empty());
        let late_s = if definition.interval_s == 0 { small[0] % (LATE_MAX_S + 1) } else { 0 };
        CardParts {
            definition,
            extension: Extension {
                group: U64::new(numbers_of[3] & !1),
                late_s: U32::new(late_s),
                remind_minutes: [U16::new(small[1] as u16 % REMIND_MAX_MINUTES + 1), U16::ZERO],
            },
            offline: Offline::new(numbers_of[2] | 1, numbers_of[4]),
            rule: rule(numbers_of, small[1], channel),
            referral: Referral::new(ActivityId(numbers_of[0]), UserId(big[1].max(1))),
            tiers,
            scope,
            key,
            wallet,
            taken,
            held,
            cart,
            quoted,
            stocked,
            outcomes,
            used,
            lines,
            shares,
            generation: named.0,
            code: named.1,
            change: named.2,
            big,
            numbers: numbers_of,
            small,
            channel,
            flag,
        }
    })
}

/// The rule of an activity.
fn rule(numbers: [u64; 6], most: u32, every: u16) -> ActivityTerms {
    let mut sources = [U64::ZERO; ACTIVITY_SOURCES_MAX];
    (sources[0], sources[1]) = (U64::new(numbers[0] >> 1), U64::new(numbers[0] >> 1 | 1 << 63));
    ActivityTerms {
        reward: U64::new(numbers[1]),
        from_ms: U64::new(numbers[2] >> 1),
        until_ms: U64::new(numbers[3] | 1 << 63),
        most: U32::new(most % 1_000_000 + 1),
        every: U16::new(every % 10_000 + 1),
        counts: (every % 2) as u8 + 1,
        sources_count: 2,
        sources,
    }
}

/// Some notices.
const NOTICES: &[NoticeView] = &[NoticeView {
    number: U64::new(7),
    card: U64::new(1 << 50),
    owner: U128::new(0xabcd),
    campaign: U64::new(9),
    until_ms: U64::new(1_900_000_000_000),
    at_s: U32::new(1_800_000_000),
    cards: U32::new(1),
    lead_minutes: U16::new(60),
    batch: 0,
    spare: [0; 5],
}];

/// Some lots.
const LOTS: &[LotView] = &[
    LotView {
        until_ms: U64::new(1_900_000_000_000),
        units: U32::new(500),
        available: U32::new(100),
        consumed: U32::new(400),
        paid: U32::new(450),
        bonus: 0,
        live: 1,
        spare: [0; 6],
    },
    LotView {
        until_ms: U64::new(0),
        units: U32::new(50),
        available: U32::new(50),
        consumed: U32::new(0),
        paid: U32::new(0),
        bonus: 1,
        live: 0,
        spare: [0; 6],
    },
];

/// Some members.
const MEMBERS: &[GroupRow] = &[
    GroupRow { user: U128::new(7), card: U64::new(1 << 40), channel: U16::new(3), spare: [0; 6] },
    GroupRow { user: U128::new(u128::MAX), card: U64::new(0), channel: U16::new(0), spare: [0; 6] },
];

impl CardParts {
    fn terms(&self) -> CampaignTerms<'_> {
        CampaignTerms {
            definition: &self.definition,
            extension: self.extension,
            tiers: &self.tiers,
            scope: &self.scope,
        }
    }

    /// The cards of a take with so many lines; a SELL has none, since it may be paid or wait.
    pub fn in_hold(&self, kind: CommandKind, lines: usize) -> &[CardLine] {
        let room = if kind == CommandKind::Reserve { LINES_MAX - lines } else { 0 };
        &self.taken[..room.min(self.taken.len())]
    }

    /// The code of a command of this kind; `None`: it is not named by one.
    pub fn code(&self, kind: CommandKind) -> Option<&str> {
        let named = matches!(
            kind,
            CommandKind::Redeem
                | CommandKind::CardChange
                | CommandKind::CardShow
                | CommandKind::TopUp
                | CommandKind::Earn
                | CommandKind::CardRefund
                | CommandKind::Renew
                | CommandKind::Level
                | CommandKind::Gift
                | CommandKind::AcceptGift
                | CommandKind::CancelGift
                | CommandKind::Claim
                | CommandKind::CardBatchVoid
                | CommandKind::CardBatchRecycle
                | CommandKind::Recycle
                | CommandKind::Merge
        );
        match kind {
            CommandKind::CodeSet | CommandKind::CodeShow => Some(self.code.as_deref().unwrap_or("SUMMER26")),
            _ => self.code.as_deref().filter(|_| named),
        }
    }

    fn group<'a>(&self, kind: CommandKind, parties: &'a Parties) -> GroupWish<'a> {
        let (group, user) = (OperationId(self.big[2]), UserId(self.big[0].max(1)));
        let parties = self.flag.then_some(parties);
        match kind {
            CommandKind::GroupOpen => GroupWish::Open {
                campaign: StockId(self.numbers[0]),
                size: self.channel % 99 + 2,
                lasts_s: self.small[1] % GROUP_LASTS_MAX_S + 1,
                user,
                parties,
            },
            CommandKind::GroupJoin => GroupWish::Join { group, user, parties },
            CommandKind::GroupLeave => GroupWish::Leave { group, user },
            CommandKind::GroupShow => GroupWish::Show { group },
            other => panic!("{other:?} is no command on cards"),
        }
    }

    fn activity(&self, kind: CommandKind) -> ActivityWish<'_> {
        let activity = ActivityId(self.numbers[0]);
        match kind {
            CommandKind::ActivityCreate => ActivityWish::Create { activity, terms: &self.rule },
            CommandKind::ActivityEdit => {
                ActivityWish::Edit { activity, version: self.small[0], terms: &self.rule }
            }
            _ => ActivityWish::Show { activity, referrer: UserId(self.big[0]) },
        }
    }

    /// The sources of a MERGE.
    fn merged(&self) -> &[QuoteCard] {
        let most = self.quoted.len().min(CARDS_PER_MERGE_MAX);
        if most == 0 { &ONE_CARD } else { &self.quoted[..most] }
    }

    fn issue<'a>(&'a self, claimed: bool, parties: &'a Parties) -> Issue<'a> {
        let owner = UserId(if claimed { self.big[0].max(1) } else { self.big[0] * u128::from(self.flag) });
        let most = if owner.0 == 0 { BEARER_CARDS_MAX } else { CARDS_PER_ISSUE_MAX as u32 };
        let by_code = claimed && self.code.is_some();
        Issue {
            campaign: if by_code { CAMPAIGN_BY_CODE } else { StockId(self.numbers[0]) },
            code: None,
            owner,
            count: if claimed { 1 } else { self.small[0] % most + 1 },
            claimed,
            parties: (owner.0 != 0 && self.channel.is_multiple_of(2)).then_some(parties),
            referral: (claimed && self.flag).then_some(&self.referral),
            from_ms: if claimed { 0 } else { self.numbers[1] },
            until_ms: if claimed { 0 } else { self.numbers[2] },
        }
    }

    /// The command of this kind, which is one on cards.
    pub fn command<'a>(
        &'a self,
        kind: CommandKind,
        name: &'a str,
        terms: StockTerms,
        parties: &'a Parties,
    ) -> Command<'a> {
        let (campaign, version) = (StockId(self.numbers[0]), self.small[0]);
        let by_code = self.code(kind).is_some();
        let card = if by_code { CARD_BY_CODE } else { CardId(self.numbers[1] >> 1) };
        let generation = self.generation.filter(|_| !by_code);
        match kind {
            CommandKind::CampaignCreate => Command::CampaignCreate(CampaignCreate {
                campaign,
                name: name.as_bytes(),
                units: self.numbers[1] % (CAMPAIGN_UNITS_MAX + 1),
                terms,
                layout: self.change,
                key: &[],
                definition: self.terms(),
            }),
            CommandKind::CampaignEdit => Command::CampaignEdit { campaign, version, terms: self.terms() },
            CommandKind::CampaignState => {
                let state = CampaignState::from_number(self.change.min(4)).expect("1 to 4 are states");
                Command::CampaignState { campaign, version, state }
            }
            CommandKind::Issue => Command::Issue(self.issue(false, parties)),
            CommandKind::Claim => Command::Issue(self.issue(true, parties)),
            CommandKind::Redeem => Command::Redeem(Redeem {
                card,
                generation,
                units: self.small[1],
                order: OrderId(self.big[0]),
                user: UserId(self.big[1]),
                parties: self.flag.then_some(parties),
                amount: self.numbers[2],
                store: self.numbers[3],
                product: self.numbers[4],
                category: self.numbers[5],
                offline: self.flag.then_some(&self.offline),
            }),
            CommandKind::Reverse => {
                Command::Reverse { redemption: OperationId(self.big[2]), units: self.small[1] }
            }
            CommandKind::CardChange => {
                let until_ms = if self.change == 5 { self.numbers[2] } else { 0 };
                let change = CardChange::from_number(self.change, until_ms).expect("1 to 5 are changes");
                Command::CardChange { card, generation, change }
            }
            CommandKind::CampaignShow => Command::CampaignShow { campaign },
            CommandKind::CardShow => Command::CardShow { card, generation },
            CommandKind::Quote => Command::Quote(Quote {
                user: UserId(self.big[1]),
                store: self.numbers[3],
                best: self.flag && !self.quoted.is_empty(),
                lines: &self.cart,
                cards: &self.quoted,
            }),
            CommandKind::QuoteReserve => Command::QuoteReserve(QuoteReserve {
                order: OrderId(self.big[0]),
                user: UserId(self.big[1]),
                store: self.numbers[3],
                best: self.flag && !self.quoted.is_empty(),
                replace: OperationId(if self.flag { self.big[2] } else { 0 }),
                parties: self.channel.is_multiple_of(2).then_some(parties),
                expected_total: self.channel.is_multiple_of(3).then_some(self.numbers[4]),
                ttl_ms: self.small[2] % 14_400_001,
                lines: &self.stocked,
                cards: &self.quoted,
            }),
            CommandKind::NoticesRead => Command::NoticesRead { after: self.numbers[2], limit: self.small[1] },
            CommandKind::WalletShow => Command::WalletShow {
                owner: UserId(self.big[0]),
                campaign: self.flag.then_some(campaign),
                after: self.channel.is_multiple_of(2).then_some(card),
                usable: self.channel.is_multiple_of(3),
                limit: self.small[1],
            },
            CommandKind::TopUp => {
                let [principal, bonus, paid, _] = self.small.map(|number| number % CARD_VALUE_MAX + 1);
                let wish = AccountWish::TopUp { principal, bonus, paid, until_ms: self.numbers[2] };
                Command::Account { card, generation, wish }
            }
            CommandKind::Earn => {
                let wish = AccountWish::Earn { units: self.small[1] % CARD_VALUE_MAX + 1 };
                Command::Account { card, generation, wish }
            }
            CommandKind::CardRefund => Command::Account { card, generation, wish: AccountWish::Refund },
            CommandKind::Renew => {
                let wish = AccountWish::Renew { seconds: self.small[1].max(1) };
                Command::Account { card, generation, wish }
            }
            CommandKind::Level => {
                Command::Account { card, generation, wish: AccountWish::Level { level: self.change } }
            }
            CommandKind::Gift => {
                let (user, to) = (UserId(self.big[0]), UserId(self.big[1]));
                let wish = GiftWish::Give { user, to, lasts_s: self.small[1] % GIFT_LASTS_MAX_S + 1 };
                Command::Gift { card, generation, wish }
            }
            CommandKind::AcceptGift => {
                let wish = GiftWish::Accept { user: UserId(self.big[0].max(1)) };
                Command::Gift { card, generation, wish }
            }
            CommandKind::CancelGift => {
                let wish = GiftWish::Cancel { user: UserId(self.big[0]) };
                Command::Gift { card, generation, wish }
            }
            CommandKind::CodeSet => {
                Command::CodeSet { code: GivenCode::REFUSED, campaign: self.flag.then_some(campaign) }
            }
            CommandKind::CodeShow => Command::CodeShow { code: GivenCode::REFUSED },
            CommandKind::CampaignVoid => Command::CampaignVoid {
                campaign: StockId(self.numbers[0]),
                version: self.small[0],
                reason: self.small[1] as u16,
            },
            CommandKind::CardBatchVoid => {
                let end = BatchEnd::Void { reason: self.small[1] as u16 };
                Command::CardBatchEnd { card, generation, end }
            }
            CommandKind::Recycle => {
                let other = self.numbers[1];
                let into = match self.change % 3 {
                    0 => RecycleInto::Supply,
                    1 => {
                        let units = self.small[1] % CARD_VALUE_MAX + 1;
                        RecycleInto::Points { card: CardId(other), units }
                    }
                    _ => RecycleInto::Campaign(StockId(other)),
                };
                Command::Recycle { card, generation, into }
            }
            CommandKind::Merge => Command::Merge(Merge { into: card, generation, from: self.merged() }),
            CommandKind::CardBatchRecycle => {
                Command::CardBatchEnd { card, generation, end: BatchEnd::Recycle }
            }
            CommandKind::ActivityCreate | CommandKind::ActivityEdit | CommandKind::ActivityShow => {
                Command::Activity(self.activity(kind))
            }
            _ => Command::Group(self.group(kind, parties)),
        }
    }

    /// The answer of this kind, which is one about cards.
    pub fn answer(&self, kind: AnswerKind) -> Answer<'_> {
        let (card, campaign) = (CardId(self.numbers[0]), StockId(self.numbers[1]));
        let state = CardState::from_number(self.change).expect("1 to 5 are states");
        let [from_ms, until_ms] = [self.numbers[2], self.numbers[3]];
        let [available, consumed, void, cards] = self.small;
        match kind {
            AnswerKind::Issued => Answer::Issued(Issued { first: card, cards, state, from_ms, until_ms }),
            AnswerKind::Redeemed => Answer::Redeemed(Redeemed {
                card,
                units: cards,
                available,
                discount: self.numbers[4],
                at_ms: from_ms,
            }),
            AnswerKind::Reversed => Answer::Reversed { units: cards, available },
            AnswerKind::Campaign => Answer::Campaign(CampaignView {
                campaign,
                version: cards,
                state: CampaignState::from_number(self.change.min(4)).expect("1 to 4 are states"),
                layout: self.change,
                locator: self.numbers[4],
                issued: self.numbers[5],
                cost: self.numbers[0],
                committed: self.numbers[1],
                today: self.numbers[2],
                batches: void,
                key: &self.key,
                definition: &self.definition,
                extension: self.extension,
                tiers: &self.tiers,
                scope: &self.scope,
            }),
            AnswerKind::OfflineConflict => Answer::OfflineConflict { card, why: Code::Used },
            AnswerKind::Filled => Answer::Filled { units: cards, available },
            AnswerKind::GivenCode => {
                let card = self.flag.then_some(CardId(self.numbers[4] >> 1));
                Answer::GivenCode { campaign: StockId(self.numbers[0]), card }
            }
            AnswerKind::CardRefunded => Answer::CardRefunded { units: cards, paid: self.numbers[4] },
            AnswerKind::Card => {
                let view = CardView {
                    card,
                    campaign,
                    owner: UserId(self.big[0]),
                    state,
                    generation: self.generation.unwrap_or(0),
                    channel: ChannelId(self.channel),
                    level: self.change,
                    available,
                    expired: cards,
                    held: cards / 2,
                    consumed,
                    void,
                    from_ms,
                    until_ms,
                    redemption: OperationId(self.big[1]),
                };
                Answer::Card(view, if self.flag { LOTS } else { &[] })
            }
            AnswerKind::Wallet => Answer::Wallet { next: self.flag.then_some(card), cards: &self.wallet },
            AnswerKind::Quote => Answer::Quote(QuoteView {
                gross: self.numbers[4],
                discount: self.numbers[5],
                paid: self.numbers[2],
                exact: self.flag,
                cards: &self.outcomes,
                lines: &self.lines,
                shares: &self.shares,
            }),
            AnswerKind::Activity => {
                let [friends, counted, earned, given] = [0, 1, 2, 3].map(|at| self.numbers[at]);
                let done = Shared { friends, counted, earned, given };
                let card = self.channel.is_multiple_of(2).then_some(card);
                Answer::Activity(ActivityView {
                    activity: ActivityId(self.numbers[4]),
                    version: self.small[0],
                    channel: ChannelId(self.channel),
                    terms: &self.rule,
                    done,
                    referrers: self.numbers[5],
                    of: self.flag.then_some((UserId(self.big[0]), done, card)),
                })
            }
            AnswerKind::GroupJoined => Answer::GroupJoined(GroupJoined {
                members: self.change,
                size: (self.channel % 101) as u8,
                deadline_ms: from_ms,
            }),
            AnswerKind::Group => Answer::Group(GroupView {
                group: OperationId(self.big[0]),
                campaign,
                state: if self.flag { GroupState::Full } else { GroupState::Lapsed },
                size: self.change,
                opened_ms: self.numbers[4],
                deadline_ms: self.numbers[5],
                closed_ms: from_ms,
                members: if self.flag { MEMBERS } else { &[] },
            }),
            AnswerKind::QuoteReserved => Answer::QuoteReserved {
                deadline_ms: self.numbers[3],
                quote: QuoteView {
                    gross: self.numbers[4],
                    discount: self.numbers[5],
                    paid: self.numbers[2],
                    exact: self.flag,
                    cards: &self.used,
                    lines: &self.lines,
                    shares: &self.shares,
                },
            },
            AnswerKind::PiecesReturned => Answer::PiecesReturned(PiecesReturned {
                pieces: self.numbers[3],
                amount: self.numbers[4],
                on_cards: self.numbers[5],
                cards: self.small[0],
            }),
            AnswerKind::Redemption => Answer::Redemption(RedemptionView {
                card,
                units: cards,
                reversed: consumed,
                order: OrderId(self.big[2]),
                discount: self.numbers[4],
                at_ms: from_ms,
                flagged: self.flag,
            }),
            AnswerKind::Notices => Answer::Notices(NoticesPage {
                next: self.numbers[3],
                newest: self.numbers[4],
                lost: self.numbers[5],
                notices: if self.flag { NOTICES } else { &[] },
            }),
            other => panic!("{other:?} is no answer about cards"),
        }
    }
}
