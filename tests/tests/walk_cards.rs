//! The walk over logs with cards: its own books agree with the engine, and what a log of cards must not show is seen.

use scrip_engine::Engine;
use scrip_engine::command::{
    CampaignKind, CampaignState, CampaignTerms, CardChange, CardState, Definition, StockTerms,
};
use scrip_engine::event::{AccountEntry, Buyer, CampaignEvent, Event, Origin};
use scrip_engine::ids::{CardId, ChannelId, MerchantId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::limits::Rules;
use scrip_shard::Walk;
use scrip_tests::generator::ROOMY;
use scrip_tests::world::START_MS;

const SLOT: Slot = Slot(3);
const CAMPAIGN: StockId = StockId::new(SLOT, 1);
const CARD: CardId = CardId::new(SLOT, 0, 1);

/// A log by hand, followed by the walk, and by an engine as far as it goes along.
struct Log {
    engine: Engine,
    walk: Walk,
    sequence: u64,
}

fn origin(operation: u128, channel: u16) -> Origin {
    Origin {
        merchant: MerchantId(1),
        slot: SLOT,
        channel: ChannelId(channel),
        operation: OperationId(operation),
        created_ms: START_MS,
        content: 0,
    }
}

impl Log {
    /// A running campaign of 10 cards of 4 uses each; six of them are issued, by two channels.
    fn new() -> Log {
        let mut log =
            Log { engine: Engine::new(ROOMY, Rules::default(), 1), walk: Walk::default(), sequence: 0 };
        let mut uses = Definition { kind: CampaignKind::Uses as u8, ..Definition::default() };
        uses.units.set(4);
        log.push(&Event::Tick { now_ms: START_MS });
        log.push(&Event::Campaign(CampaignEvent::Created {
            origin: origin(1, 0),
            campaign: CAMPAIGN,
            units: 10,
            layout: 1,
            terms: StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false },
            name: b"card",
            key: b"sealed",
            definition: CampaignTerms {
                definition: &uses,
                extension: Default::default(),
                tiers: &[],
                scope: &[],
            },
        }));
        let state = CampaignState::Running;
        log.push(&Event::Campaign(CampaignEvent::Moved { origin: origin(2, 0), campaign: CAMPAIGN, state }));
        log.push(&issued(origin(3, 5), UserId(9), 0, 2));
        log.push(&issued(origin(4, 6), UserId(0), 2, 4));
        log
    }

    fn push(&mut self, event: &Event<'_>) {
        self.engine.apply(event);
        self.engine.recount().expect("the books of the engine add up");
        self.follow(event);
    }

    /// What the engine would have refused, and would not take from its log either.
    fn follow(&mut self, event: &Event<'_>) {
        self.sequence += 1;
        self.walk.step(self.sequence, event, self.engine.state());
    }

    fn faults(&mut self, event: &Event<'_>) -> u64 {
        let before = self.walk.faults;
        self.follow(event);
        self.walk.faults - before
    }
}

fn issued(origin: Origin, owner: UserId, first: u64, count: u32) -> Event<'static> {
    issued_of((CAMPAIGN, CardId::new(SLOT, 0, first)), origin, owner, count)
}

fn issued_of(
    (campaign, first): (StockId, CardId),
    origin: Origin,
    owner: UserId,
    count: u32,
) -> Event<'static> {
    Event::Issued {
        origin,
        campaign,
        owner,
        first,
        count,
        claimed: false,
        own_times: false,
        flagged: false,
        from_s: 0,
        until_s: 0,
        counting: 0,
        parties: None,
        referral: None,
    }
}

fn redeemed(operation: u128, card: CardId, units: u32) -> Event<'static> {
    Event::Redeemed {
        origin: origin(operation, 0),
        card,
        units,
        buyer: Buyer { order: OrderId(0), user: UserId(0) },
        parties: None,
        flagged: false,
        amount: 0,
        discount: 0,
        offline: None,
    }
}

fn reversed(operation: u128, redemption: u128, units: u32) -> Event<'static> {
    Event::Reversed { origin: origin(operation, 0), redemption: OperationId(redemption), units, until_s: 0 }
}

fn void(operation: u128, card: CardId) -> Event<'static> {
    Event::CardChanged { origin: origin(operation, 0), card, change: CardChange::Void, from_s: 0, until_s: 0 }
}

#[test]
fn the_books_of_a_life_of_cards_agree_with_the_engine() {
    let mut log = Log::new();
    log.push(&redeemed(10, CARD, 3));
    log.push(&reversed(11, 10, 1));
    log.push(&redeemed(12, CardId(CARD.0 + 3), 4));
    log.push(&void(13, CARD));
    log.push(&void(14, CardId(CARD.0 + 1)));
    assert_eq!(log.walk.faults, 0, "{:#?}", log.walk.findings);
    let (_, book) = log.walk.books.stocks().next().expect("a campaign is a stock");
    assert_eq!((book.available, book.consumed, book.void), (4, 4, 2));
    let used: Vec<(u16, u64)> =
        book.channels.iter().map(|(channel, book)| (channel.0, book.used())).collect();
    assert_eq!(used, [(5, 1), (6, 3)], "a void card was used through the channel that issued it");
    let card = log.engine.state().find_card(CARD).expect("it was issued").card;
    assert_eq!((card.state(), card.consumed, card.void(4)), (CardState::Void, 2, 2));
}

fn entry(operation: u128, card: CardId, entry: AccountEntry) -> Event<'static> {
    Event::Account { origin: origin(operation, 0), card, entry }
}

/// A log of a campaign of stored value, two cards of 100 units each.
fn of_stored_value() -> Log {
    let mut log = Log::new();
    let stock = StockId::new(SLOT, 2);
    let mut money =
        Definition { kind: CampaignKind::StoredValue as u8, currency: *b"CNY", ..Definition::default() };
    money.units.set(100);
    log.push(&Event::Campaign(CampaignEvent::Created {
        origin: origin(5, 0),
        campaign: stock,
        units: 10,
        layout: 1,
        terms: StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false },
        name: b"gift",
        key: b"sealed",
        definition: CampaignTerms {
            definition: &money,
            extension: Default::default(),
            tiers: &[],
            scope: &[],
        },
    }));
    log.push(&issued_of((stock, CardId::new(SLOT, 1, 0)), origin(6, 5), UserId(9), 2));
    log
}

#[test]
fn the_books_of_accounts_agree_with_the_engine_and_see_what_can_not_be() {
    let gift = CardId::new(SLOT, 1, 0);
    let mut log = of_stored_value();
    log.push(&entry(20, gift, AccountEntry::ToppedUp { principal: 50, bonus: 5, paid: 45, until_s: 0 }));
    log.push(&redeemed(21, gift, 120));
    log.push(&reversed(22, 21, 10));
    log.push(&entry(23, gift, AccountEntry::ToppedUp { principal: 5, bonus: 0, paid: 5, until_s: 0 }));
    assert_eq!(log.walk.faults, 0, "{:#?}", log.walk.findings);
    log.push(&entry(24, gift, AccountEntry::Refunded { units: 45, voided: 50, paid: 0 }));
    assert_eq!(log.walk.faults, 0, "{:#?}", log.walk.findings);
    assert!(log.faults(&redeemed(25, gift, 1)) >= 1, "what was paid back is used");
    let other = CardId::new(SLOT, 1, 1);
    assert!(
        log.faults(&entry(26, other, AccountEntry::Earned { units: 1, until_s: 0 })) >= 1,
        "not the engine's"
    );
    assert!(
        log.faults(&entry(27, CardId::new(SLOT, 1, 2), AccountEntry::Renewed { until_s: 1 })) >= 1,
        "not issued"
    );
}

#[test]
fn what_can_not_happen_to_a_card_is_seen() {
    let mut log = Log::new();
    log.push(&redeemed(10, CARD, 3));
    assert_eq!(log.faults(&redeemed(11, CARD, 2)), 1, "more than it has");
    assert_eq!(log.faults(&reversed(12, 10, 4)), 1, "more than was used at once");
    assert_eq!(log.faults(&reversed(13, 99, 1)), 1, "no redemption");
    assert_eq!(log.faults(&redeemed(14, CardId::new(SLOT, 0, 6), 1)), 1, "not issued");
    // The stock's books are then not the engine's either.
    assert_eq!(log.faults(&issued(origin(15, 5), UserId(9), 1, 1)), 2, "issued twice");
    assert_eq!(log.faults(&void(16, CARD)), 1, "the engine has not voided it");
    assert!(log.faults(&void(17, CARD)) >= 1, "voided twice");
    assert!(log.walk.findings.iter().any(|words| words.contains("voided twice")), "{:#?}", log.walk.findings);
}

fn campaign_of(definition: &Definition) -> Event<'_> {
    Event::Campaign(CampaignEvent::Created {
        origin: origin(30, 0),
        campaign: StockId::new(SLOT, 2),
        units: 10,
        layout: 1,
        terms: StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false },
        name: b"off",
        key: b"sealed",
        definition: CampaignTerms { definition, extension: Default::default(), tiers: &[], scope: &[] },
    })
}

#[test]
fn cards_beyond_a_budget_or_a_days_maximum_are_seen() {
    let mut log = Log::new();
    let campaign = StockId::new(SLOT, 2);
    let mut off = Definition { kind: CampaignKind::AmountOff as u8, ..Definition::default() };
    off.units.set(1);
    off.value.set(500);
    off.budget.set(2_000);
    off.cards_per_day.set(3);
    log.push(&campaign_of(&off));
    let first = |serial| (campaign, CardId::new(SLOT, 1, serial));
    log.push(&issued_of(first(0), origin(31, 5), UserId(9), 3));
    // Another day: that is three more than there is money for; and one too many on this day, as far as cards go.
    let tomorrow = Event::Tick { now_ms: START_MS + 86_400_000 };
    assert_eq!(log.faults(&tomorrow), 0);
    log.engine.apply(&tomorrow);
    let one = issued_of(first(3), origin(32, 5), UserId(9), 1);
    log.push(&one);
    assert_eq!(log.walk.faults, 0, "{:?}", log.walk.findings);
    log.follow(&issued_of(first(4), origin(33, 5), UserId(9), 1));
    let told = log.walk.findings.iter().any(|finding| finding.contains("its budget is 2000"));
    assert!(told, "{:?}", log.walk.findings);
    let mut log = Log::new();
    off.budget.set(0);
    log.push(&campaign_of(&off));
    log.push(&issued_of(first(0), origin(31, 5), UserId(9), 3));
    log.follow(&issued_of(first(3), origin(32, 5), UserId(9), 1));
    let told = log.walk.findings.iter().any(|finding| finding.contains("on one day"));
    assert!(told, "{:?}", log.walk.findings);
}
