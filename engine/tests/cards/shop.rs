//! A shop that issues and redeems cards on an engine of its own: what it was answered, owned, and its log.
//!
//! Invariant: after every command all counters are recounted, and [`Shop::close`] replays the log into a second engine,
//! which must be the same bit for bit.

use scrip_engine::Engine;
use scrip_engine::answer::{
    Answer, CardView, Issued, LotView, OperationKind, Outcome, QuoteView, QuotedCard, Redeemed,
    RedemptionView,
};
use scrip_engine::command::{
    AccountWish, CampaignCreate, CampaignKind, CampaignState, CampaignTerms, CardChange, Command, Definition,
    Envelope, Issue, Quote, Redeem, Request, Segments, StockTerms,
};
use scrip_engine::event::{Event, EventSink};
use scrip_engine::ids::{CardId, ChannelId, MerchantId, OperationId, OrderId, Slot, StockId, UserId};
use scrip_engine::limits::{Capacity, EVENT_BYTES_MAX, Rules};
use scrip_engine::rejection::{CapacityOf, Code, Facts};

pub const START_MS: u64 = 1_700_000_000_000;
pub const SLOT: Slot = Slot(3);
pub const MERCHANT: MerchantId = MerchantId(7);
pub const CHANNEL: ChannelId = ChannelId(2);
pub const CAMPAIGN: StockId = StockId::new(SLOT, 1);
pub const OPEN: StockTerms = StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false };

pub const ROOMY: Capacity = Capacity {
    stocks_max: 64,
    holds_max: 64,
    extra_lines_max: 64,
    operations_max: 16_384,
    user_limits_max: 1_024,
    keys_max: 64,
    sealed_bytes_max: 4_096,
    risk_counts_max: 64,
    order_lines_max: 64,
    debts_max: 64,
    cards_max: 16_384,
    redemptions_max: 16_384,
    lots_max: 4_096,
    gifts_max: 4_096,
    given_codes_max: 4_096,
    groups_max: 4_096,
    links_max: 256,
    labels_max: 256,
    friends_max: 4_096,
    notices_max: 256,
};

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Nothing,
    Units(u64, u64),
    Time(u64),
    Full(CapacityOf, u64),
    Rule(u16),
    Version(u32),
    Line(u64),
}

/// A quote, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted {
    pub gross: u64,
    pub discount: u64,
    pub paid: u64,
    pub exact: bool,
    pub cards: Vec<QuotedCard>,
    /// What each costs and what is taken off it.
    pub lines: Vec<(u64, u64)>,
    pub shares: Vec<u64>,
}

impl From<QuoteView<'_>> for Quoted {
    fn from(view: QuoteView<'_>) -> Quoted {
        let lines = view.lines.iter().map(|line| (line.gross.get(), line.discount.get()));
        let shares = view.shares.iter().map(|share| share.get());
        let QuoteView { gross, discount, paid, exact, .. } = view;
        Quoted {
            gross,
            discount,
            paid,
            exact,
            cards: view.cards.to_vec(),
            lines: lines.collect(),
            shares: shares.collect(),
        }
    }
}

/// An answer, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Got {
    Value(u64),
    Issued(Issued),
    Redeemed(Redeemed),
    Reversed(u32, u32),
    Card(CardView, Vec<LotView>),
    Filled(u32, u32),
    Refunded(u32, u64),
    Wallet(Option<CardId>, Vec<u64>),
    Redemption(RedemptionView),
    Operation(OperationKind, u64),
    Campaign {
        version: u32,
        state: CampaignState,
        locator: u64,
        issued: u64,
        cost: u64,
        committed: u64,
        today: u64,
        batches: u32,
        key: Vec<u8>,
    },
    Buckets {
        available: u64,
        consumed: u64,
        void: u64,
    },
    Quote(Quoted),
    Refused(Code, Why),
    Other(String),
}

impl From<Outcome<'_>> for Got {
    fn from(outcome: Outcome<'_>) -> Got {
        match outcome {
            Outcome::Refused(rejection) => {
                let why = match rejection.facts {
                    Facts::None => Why::Nothing,
                    Facts::Units { asked, available, .. } => Why::Units(asked, available),
                    Facts::Time(time_ms) => Why::Time(time_ms),
                    Facts::Maximum(of, maximum) => Why::Full(of, maximum),
                    Facts::Rule(rule) => Why::Rule(rule),
                    Facts::Version(version) => Why::Version(version),
                    Facts::Lines(lines) => Why::Line(lines[0].available.get()),
                    other => panic!("{other:?} is no fact of cards"),
                };
                Got::Refused(rejection.code, why)
            }
            Outcome::Done(Answer::StockChanged { value } | Answer::Returned { units: value }) => {
                Got::Value(value)
            }
            Outcome::Done(Answer::Issued(issued)) => Got::Issued(issued),
            Outcome::Done(Answer::Redeemed(redeemed)) => Got::Redeemed(redeemed),
            Outcome::Done(Answer::Reversed { units, available }) => Got::Reversed(units, available),
            Outcome::Done(Answer::Card(card, lots)) => Got::Card(card, lots.to_vec()),
            Outcome::Done(Answer::Filled { units, available }) => Got::Filled(units, available),
            Outcome::Done(Answer::CardRefunded { units, paid }) => Got::Refunded(units, paid),
            Outcome::Done(Answer::Wallet { next, cards }) => {
                Got::Wallet(next, cards.iter().map(|card| card.card.get()).collect())
            }
            Outcome::Done(Answer::Redemption(view)) => Got::Redemption(view),
            Outcome::Done(Answer::Operation(view)) => Got::Operation(view.kind, view.value),
            Outcome::Done(Answer::Campaign(view)) => Got::Campaign {
                version: view.version,
                state: view.state,
                locator: view.locator,
                issued: view.issued,
                cost: view.cost,
                committed: view.committed,
                today: view.today,
                batches: view.batches,
                key: view.key.to_vec(),
            },
            Outcome::Done(Answer::Stock(view)) => {
                Got::Buckets { available: view.available, consumed: view.consumed, void: view.void }
            }
            Outcome::Done(Answer::Quote(view)) => Got::Quote(view.into()),
            Outcome::Done(other) => Got::Other(format!("{other:?}")),
        }
    }
}

/// A refusal without facts.
pub const fn refused(code: Code) -> Got {
    Got::Refused(code, Why::Nothing)
}

#[derive(Default)]
struct Log(Vec<u8>);

impl EventSink for Log {
    fn push(&mut self, event: &Event<'_>) {
        let at = self.0.len();
        self.0.resize(at + EVENT_BYTES_MAX, 0);
        let size = event.encode(&mut self.0[at..]);
        self.0.truncate(at + size);
    }
}

pub struct Shop {
    engine: Engine,
    capacity: Capacity,
    log: Log,
    pub now_ms: u64,
    pub channel: ChannelId,
    pub merchant: MerchantId,
    operations: u128,
}

impl Shop {
    pub fn new(capacity: Capacity, rules: Rules) -> Shop {
        let mut shop = Shop {
            engine: Engine::new(capacity, rules, 1),
            capacity,
            log: Log::default(),
            now_ms: START_MS,
            channel: CHANNEL,
            merchant: MERCHANT,
            operations: 0,
        };
        shop.engine.configure(rules, &mut shop.log);
        shop
    }

    /// With one running campaign.
    pub fn with(definition: Definition, units: u64) -> Shop {
        let mut shop = Shop::new(ROOMY, Rules::default());
        shop.open(
            &CampaignTerms { definition: &definition, extension: Default::default(), tiers: &[], scope: &[] },
            units,
        );
        shop
    }

    pub fn open(&mut self, terms: &CampaignTerms<'_>, units: u64) {
        assert_eq!(self.create(CAMPAIGN, terms, units), Got::Value(units));
        let to = CampaignState::Running;
        assert_eq!(
            self.run(Command::CampaignState { campaign: CAMPAIGN, version: 1, state: to }),
            Got::Value(2)
        );
    }

    pub fn create(&mut self, campaign: StockId, definition: &CampaignTerms<'_>, units: u64) -> Got {
        let create = CampaignCreate {
            campaign,
            name: b"cards",
            units,
            terms: OPEN,
            layout: 1,
            key: b"sealed",
            definition: *definition,
        };
        self.run(Command::CampaignCreate(create))
    }

    /// The id that the next command gets.
    pub fn next_operation(&self) -> OperationId {
        OperationId(self.operations + 1)
    }

    /// Runs a command under a new id.
    pub fn run(&mut self, command: Command<'_>) -> Got {
        self.operations += 1;
        self.run_as(OperationId(self.operations), self.now_ms, command)
    }

    /// Runs a command under this id, made at this time.
    pub fn run_as(&mut self, operation: OperationId, created_ms: u64, command: Command<'_>) -> Got {
        let envelope = Envelope {
            merchant: self.merchant,
            slot: SLOT,
            channel: self.channel,
            operation,
            created_ms,
            deadline_ms: 0,
            segments: Segments::NONE,
        };
        let request = Request { envelope, command };
        request.check().unwrap_or_else(|malformed| panic!("{command:?}: {malformed}"));
        let mut reached = None;
        while reached != Some(self.now_ms) {
            reached = self.engine.advance(self.now_ms, &mut self.log);
        }
        self.engine.prepare(&[request], 0);
        let got = Got::from(self.engine.execute(self.now_ms, &request, &mut self.log));
        if let Err(error) = self.engine.recount() {
            panic!("{command:?}: {error}");
        }
        got
    }

    pub fn claim(&mut self, user: u128) -> Got {
        self.issue(user, 1, true)
    }

    pub fn issue(&mut self, owner: u128, count: u32, claimed: bool) -> Got {
        let owner = UserId(owner);
        self.run(Command::Issue(Issue { owner, count, claimed, ..Issue::of_nobody(CAMPAIGN) }))
    }

    /// Issues one card, and says which.
    pub fn card(&mut self, owner: u128) -> CardId {
        match self.issue(owner, 1, false) {
            Got::Issued(issued) => issued.first,
            other => panic!("no card: {other:?}"),
        }
    }

    pub fn redeem(&mut self, card: CardId, units: u32, amount: u64) -> Got {
        self.run(Command::Redeem(Redeem { units, amount, ..using(card) }))
    }

    pub fn change(&mut self, card: CardId, change: CardChange) -> Got {
        self.run(Command::CardChange { card, generation: None, change })
    }

    pub fn show(&mut self, card: CardId) -> CardView {
        match self.run(Command::CardShow { card, generation: None }) {
            Got::Card(view, _) => view,
            other => panic!("no card: {other:?}"),
        }
    }

    /// Available units of each lot besides the card's own.
    pub fn lots(&mut self, card: CardId) -> Vec<u32> {
        match self.run(Command::CardShow { card, generation: None }) {
            Got::Card(_, lots) => lots.iter().map(|lot| lot.available.get()).collect(),
            other => panic!("no card: {other:?}"),
        }
    }

    /// An entry in a card's account, asked for twice.
    pub fn account(&mut self, card: CardId, wish: AccountWish) -> Got {
        let (operation, command) = (self.next_operation(), Command::Account { card, generation: None, wish });
        let got = self.run(command);
        let again = self.run_as(operation, self.now_ms, command);
        assert_eq!(got, again, "a repeat of {wish:?}");
        got
    }

    pub fn top_up(&mut self, card: CardId, (principal, bonus, paid): (u32, u32, u32), until_ms: u64) -> Got {
        self.account(card, AccountWish::TopUp { principal, bonus, paid, until_ms })
    }

    pub fn wallet(
        &mut self,
        owner: u128,
        campaign: Option<StockId>,
        after: Option<CardId>,
        limit: u32,
    ) -> Got {
        self.run(Command::WalletShow { owner: UserId(owner), campaign, after, usable: false, limit })
    }

    /// Makes a campaign, lets it run and gives a card of it to an owner.
    pub fn card_of(&mut self, campaign: StockId, owner: u128, terms: &CampaignTerms<'_>) -> CardId {
        self.create(campaign, terms, 100);
        let state = CampaignState::Running;
        assert_eq!(self.run(Command::CampaignState { campaign, version: 1, state }), Got::Value(2));
        self.one_more(campaign, owner)
    }

    /// Gives a card of a campaign to an owner.
    pub fn one_more(&mut self, campaign: StockId, owner: u128) -> CardId {
        let issue = Issue { owner: UserId(owner), ..Issue::of_nobody(campaign) };
        match self.run(Command::Issue(issue)) {
            Got::Issued(issued) => issued.first,
            other => panic!("no card: {other:?}"),
        }
    }

    /// A quote; its sums are looked at, and that nothing was changed.
    pub fn quote(&mut self, quote: Quote<'_>) -> Quoted {
        let (sequence, digest) = (self.engine.sequence(), self.engine.digest());
        let got = self.run(Command::Quote(quote));
        assert_eq!(
            (self.engine.sequence(), self.engine.digest()),
            (sequence, digest),
            "a quote has changed something"
        );
        let Got::Quote(quoted) = got else { panic!("no quote: {got:?}") };
        let lines = quoted.lines.len();
        assert_eq!(quoted.gross, quoted.lines.iter().map(|line| line.0).sum::<u64>());
        assert_eq!(quoted.discount, quoted.lines.iter().map(|line| line.1).sum::<u64>());
        assert_eq!(quoted.shares.len(), quoted.cards.len() * lines);
        for (at, card) in quoted.cards.iter().enumerate() {
            let shares = &quoted.shares[at * lines..][..lines];
            assert_eq!(card.discount.get(), shares.iter().sum::<u64>(), "{quoted:?}");
        }
        for (at, line) in quoted.lines.iter().enumerate() {
            assert_eq!(line.1, quoted.shares.iter().skip(at).step_by(lines).sum::<u64>(), "{quoted:?}");
            assert!(line.1 <= line.0, "{quoted:?}");
        }
        quoted
    }

    pub fn buckets(&mut self) -> Got {
        self.run(Command::StockShow { stock: CAMPAIGN })
    }

    /// In use, of the table with this name.
    pub fn used(&self, table: &str) -> u32 {
        self.engine.usage().iter().find(|(name, ..)| *name == table).expect("there is such a table").1
    }

    pub fn now(&self) -> u64 {
        self.now_ms
    }

    /// History makes the same engine of the log.
    pub fn close(self) {
        let mut replayed = Engine::new(self.capacity, Rules::default(), 2);
        let mut log = self.log.0.as_slice();
        while !log.is_empty() {
            let (event, size) = Event::decode(log).expect("the log is whole");
            replayed.apply(&event);
            log = &log[size..];
        }
        replayed.recount().expect("history adds up");
        assert_eq!(replayed.digest(), self.engine.digest(), "history differs from life");
    }
}

/// Of this kind, with so many units, and nothing else.
pub fn definition(kind: CampaignKind, units: u32, value: u64) -> Definition {
    let mut definition = Definition { kind: kind as u8, ..Definition::default() };
    definition.units.set(units);
    definition.value.set(value);
    definition
}

/// Whether a command can be sent at all.
pub fn well_formed(command: Command<'_>) -> bool {
    let envelope = Envelope {
        merchant: MERCHANT,
        slot: SLOT,
        channel: CHANNEL,
        operation: OperationId(1),
        created_ms: 1,
        deadline_ms: 0,
        segments: Segments::NONE,
    };
    Request { envelope, command }.check().is_ok()
}

/// One unit, for nobody in particular.
pub const fn using(card: CardId) -> Redeem<'static> {
    Redeem {
        card,
        generation: None,
        units: 0,
        order: OrderId(0),
        user: UserId(0),
        parties: None,
        amount: 0,
        store: 0,
        product: 0,
        category: 0,
        offline: None,
    }
}
