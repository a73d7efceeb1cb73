//! Random histories: from a seed, one step after the other, with an eye on the oracle's state so that boundaries are
//! met and not only passed.
//!
//! Swarm testing: each seed draws a [`Plan`], a random subset of features with random weights, because what all
//! features together hardly ever do (a thousand reserves in a row, say) some subset does all the time. Ids are few, so
//! they collide.
//!
//! Invariant: the same seed and the same answers give the same history, and every request passes `Request::check`.

mod budgets;
mod cards;
mod commands;
mod endings;
mod gifts;
mod given_codes;
mod groups;
mod hold_cards;
mod keys;
mod orders;
mod persons;
mod plan;
mod quotas;
mod quotes;
mod rules;
mod sharing;
mod worth;
mod zones;

pub use plan::{CardKind, Chances, Kind, Plan, ROOMY};

use crate::oracle::Oracle;
use crate::request::{CardCommand, OwnedCommand, OwnedRequest};
use fastrand::Rng;
use scrip_engine::answer::HoldState;
use scrip_engine::command::{Envelope, Segments};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, Slot, StockId};
use scrip_engine::limits::{CLOCK_AHEAD_MAX_MS, Rules};

/// One step of a history.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Shard time moves on.
    Wait {
        /// To here, milliseconds since the Unix epoch.
        now_ms: u64,
    },
    /// The operator changes the rules.
    Configure(Rules),
    /// Shard time is logged, though nothing happened.
    Tick,
    /// The engine is thrown away and made again from its log.
    Restart,
    /// A command.
    Ask(Box<OwnedRequest>),
}

/// Draws the steps of one history.
pub struct Generator {
    /// What this history is made of.
    pub plan: Plan,
    rng: Rng,
    rules: Rules,
    now_ms: u64,
    sent: Vec<OwnedRequest>,
    holds: Vec<Envelope>,
    ids: u128,
    unmade: Vec<StockId>,
    /// Keys that labels were sealed under.
    label_keys: u32,
    /// What makes the first keys of a stock, and sets the clock by which it counts, the last one first.
    unfilled: Vec<OwnedRequest>,
}

impl Generator {
    /// The history of this seed.
    pub fn new(seed: u64) -> Generator {
        let mut rng = Rng::with_seed(seed);
        let plan = Plan::draw(&mut rng);
        let unmade = plan.stocks().into_iter().rev().collect();
        Generator {
            rules: plan.rules,
            now_ms: plan.start_ms,
            rng,
            plan,
            sent: Vec::new(),
            holds: Vec::new(),
            ids: 0,
            label_keys: 0,
            unmade,
            unfilled: Vec::new(),
        }
    }

    /// Whether stocks, their first keys or clocks are still to be made.
    pub fn sets_up(&self) -> bool {
        !self.unmade.is_empty() || !self.unfilled.is_empty()
    }

    /// The next step, at the time that `oracle` has reached.
    pub fn next(&mut self, oracle: &Oracle) -> Step {
        self.now_ms = self.now_ms.max(oracle.now_ms());
        if let Some(request) = self.unfilled.pop() {
            return self.ask(request);
        }
        if let Some(stock) = self.unmade.pop() {
            let request = self.first_stock(stock);
            self.unfilled = self.first_keys(&request);
            let first_days = self.first_days(&request);
            self.unfilled.extend(first_days);
            return self.ask(request);
        }
        let chances = self.plan.chances;
        if self.happens(chances.wait) {
            self.now_ms = self.wait_until(oracle);
            return Step::Wait { now_ms: self.now_ms };
        }
        if self.happens(chances.configure) {
            self.rules = plan::draw_rules(&mut self.rng);
            return Step::Configure(self.rules);
        }
        if self.happens(chances.tick) {
            return Step::Tick;
        }
        if self.happens(chances.restart) {
            return Step::Restart;
        }
        if !self.sent.is_empty() && self.happens(chances.retry) {
            let request = self.again(oracle);
            return Step::Ask(Box::new(request));
        }
        let request = loop {
            let request = self.fresh(oracle);
            if is_well_formed(&request) {
                break request;
            }
        };
        self.ask(request)
    }

    fn ask(&mut self, request: OwnedRequest) -> Step {
        if request.take().is_some() || matches!(request.command, OwnedCommand::QuoteReserve(_)) {
            self.holds.push(request.envelope);
        }
        // Asked again later, a quote may be about a wallet that the oracle has no time for.
        if !matches!(request.command, OwnedCommand::OfCards(CardCommand::Quote(_))) && !is_of_wallet(&request)
        {
            self.sent.push(request.clone());
        }
        Step::Ask(Box::new(request))
    }

    /// True in `per_mille` of a thousand cases.
    fn happens(&mut self, per_mille: u32) -> bool {
        self.rng.u32(0..1_000) < per_mille
    }

    /// One of the last few items mostly, else any.
    fn recent(&mut self, count: usize) -> usize {
        let reach = if self.rng.u8(0..4) == 0 { count } else { count.min(8) };
        count - 1 - self.rng.usize(0..reach)
    }

    /// An earlier request, unchanged or with one thing changed.
    fn again(&mut self, oracle: &Oracle) -> OwnedRequest {
        let index = self.recent(self.sent.len());
        let mut request = self.sent[index].clone();
        if let OwnedCommand::Label { key, .. } = &mut request.command {
            // The edge seals a repeat under another key.
            *key = self.label_keys;
            self.label_keys += 1;
        }
        if !self.happens(self.plan.chances.alter) {
            return request;
        }
        let altered = self.altered(request.clone(), oracle);
        if is_well_formed(&altered) { altered } else { request }
    }

    fn wait_until(&mut self, oracle: &Oracle) -> u64 {
        let now_ms = self.now_ms;
        let target_ms = match self.rng.u8(0..20) {
            0..7 => now_ms + self.rng.u64(1..10),
            7..12 => self.moment(oracle),
            12 => now_ms + self.rng.u64(1..2_500),
            13 => now_ms + self.rng.u64(1..self.rules.operation_window_ms.min(100_000)),
            14 => now_ms / 1_000 * 1_000 + 1_000,
            15 if self.happens(300) => now_ms + self.rules.late_confirm_ms + self.rng.u64(0..3),
            16 if self.happens(300) => now_ms + self.rules.operation_window_ms + self.rng.u64(0..2_000),
            17 if self.happens(100) => now_ms + self.rng.u64(0..100_000_000),
            _ => now_ms + 1,
        };
        target_ms.max(now_ms)
    }

    /// A moment at which something changes, or just before or after.
    fn moment(&mut self, oracle: &Oracle) -> u64 {
        let mut moments_ms = Vec::new();
        for hold in oracle.records.values().filter_map(|record| record.hold.as_ref()) {
            match hold.state {
                HoldState::Held | HoldState::Owed => moments_ms.push(hold.deadline_ms),
                HoldState::Expired => moments_ms.push(hold.late_until_ms),
                _ => {}
            }
            moments_ms.extend(hold.keys().filter_map(|place| place.owed_until_ms));
        }
        for stock in oracle.stocks.values() {
            moments_ms.extend([stock.terms.opens_ms, stock.terms.closes_ms]);
            moments_ms.extend(stock.channels.values().map(|channel| channel.lapses_ms));
            moments_ms
                .extend(stock.batches.iter().filter(|batch| !batch.is_void()).map(|batch| batch.expires_ms));
        }
        moments_ms.extend(self.moments_of_rules(oracle));
        moments_ms.extend(self.moments_of_cards(oracle));
        moments_ms.retain(|moment_ms| *moment_ms > self.now_ms);
        moments_ms.sort_unstable();
        // Near ones mostly: a history has few steps, and a far one takes all nearer ones with it.
        let reach = if self.happens(200) { moments_ms.len() } else { moments_ms.len().min(3) };
        match moments_ms.get(self.rng.usize(0..reach.max(1))) {
            Some(moment_ms) => moment_ms + self.rng.u64(0..3) - 1,
            None => self.now_ms + 1,
        }
    }

    /// The envelope of a new operation.
    fn envelope(&mut self, oracle: &Oracle, merchant: MerchantId, slot: Slot) -> Envelope {
        let chances = self.plan.chances;
        let created_ms = if self.happens(chances.odd_created) {
            self.odd_created_ms(oracle)
        } else {
            self.now_ms.saturating_sub(self.rng.u64(0..50)).max(1)
        };
        let collides = !self.sent.is_empty() && self.happens(chances.collide);
        let operation = if collides {
            let index = self.recent(self.sent.len());
            self.sent[index].envelope.operation
        } else {
            self.ids += 1;
            OperationId(self.ids)
        };
        let embeds = !collides && self.happens(chances.embed) && created_ms < 1 << 48;
        let operation =
            if embeds { OperationId(u128::from(created_ms) << 80 | operation.0) } else { operation };
        let deadline_ms = if self.happens(chances.odd_deadline) {
            *self.choose(&[1, self.now_ms - 1, self.now_ms, self.now_ms + 1, self.now_ms + 1_000])
        } else {
            0
        };
        Envelope {
            merchant,
            slot,
            channel: self.channel(),
            operation,
            created_ms: if embeds && self.rng.bool() { 0 } else { created_ms },
            deadline_ms,
            segments: if self.plan.cards { self.segments() } else { Segments::NONE },
        }
    }

    /// Those that scopes list, or some of them.
    fn segments(&mut self) -> Segments {
        let told = match self.rng.u8(0..6) {
            0 => 1..1,
            1 => 1..2,
            2 => 2..4,
            _ => 1..4,
        };
        Segments::new(told).expect("they ascend")
    }

    fn odd_created_ms(&mut self, oracle: &Oracle) -> u64 {
        let (now_ms, floor_ms) = (self.now_ms, oracle.floor_ms());
        let odd = [
            1,
            floor_ms.saturating_sub(1),
            floor_ms,
            floor_ms + 1,
            floor_ms + self.rng.u64(0..3_000),
            now_ms - self.rng.u64(0..now_ms.min(self.rules.operation_window_ms)),
            now_ms + self.rng.u64(0..CLOCK_AHEAD_MAX_MS),
            now_ms + CLOCK_AHEAD_MAX_MS,
            now_ms + CLOCK_AHEAD_MAX_MS + 1,
            u64::MAX,
        ];
        (*self.choose(&odd)).max(1)
    }

    fn choose<'c, T>(&mut self, from: &'c [T]) -> &'c T {
        &from[self.rng.usize(0..from.len())]
    }

    /// One of the history's channels; few, so that they get in each other's way.
    fn channel(&mut self) -> ChannelId {
        ChannelId(self.rng.u16(0..self.plan.channels))
    }

    /// Merchant and slot of a new command.
    fn scope(&mut self) -> (MerchantId, Slot) {
        let merchant = MerchantId(self.rng.u32(1..=self.plan.merchants));
        let slot = self.plan.slots[self.rng.usize(0..self.plan.slots.len())];
        (merchant, slot)
    }
}

fn is_well_formed(request: &OwnedRequest) -> bool {
    request.with(|request| request.check().is_ok())
}

/// Whether a repeat of `request` is answered from a record, so that its answer must never change.
pub fn has_own_id(request: &OwnedRequest) -> bool {
    if let OwnedCommand::OfCards(command) = &request.command {
        return !command.is_query();
    }
    !matches!(
        request.command,
        OwnedCommand::Confirm { .. }
            | OwnedCommand::Release
            | OwnedCommand::Cancel
            | OwnedCommand::KeysRead { .. }
            | OwnedCommand::KeysList { .. }
            | OwnedCommand::BatchesShow { .. }
            | OwnedCommand::OwedShow { .. }
            | OwnedCommand::OrderShow { .. }
            | OwnedCommand::StockShow { .. }
            | OwnedCommand::StockChannels { .. }
            | OwnedCommand::OperationShow
            | OwnedCommand::StockTermsShow { .. }
            | OwnedCommand::RiskShow { .. }
            | OwnedCommand::ZoneShow
            | OwnedCommand::IdentityShow { .. }
    )
}

/// Whether it is a QUOTE_RESERVE that chooses among the cards of a wallet.
fn is_of_wallet(request: &OwnedRequest) -> bool {
    matches!(&request.command, OwnedCommand::QuoteReserve(quote) if quote.cards.is_empty())
}
