//! The report over a log: on random histories it says what the engine counts, and a day that is over stays what it was.

use scrip_engine::Engine;
use scrip_engine::event::Event;
use scrip_engine::ids::StockId;
use scrip_engine::limits::Rules;
use scrip_shard::{Report, Tally};
use scrip_tests::generator::ROOMY;
use scrip_tests::history::History;
use std::collections::BTreeMap;

const SEEDS: u64 = 600;
const STEPS: u64 = 600;

/// The log of a history, and the event after each of whose steps it was that long.
fn log_of(seed: u64) -> Vec<u8> {
    let mut history = History::new(seed).quiet();
    for _ in 0..STEPS {
        history.step().expect("engine and oracle agree");
    }
    history.world.log.bytes.clone()
}

/// The report over the first `events` of a log, and the engine after them.
fn report_over(bytes: &[u8], events: usize) -> (Report, Engine) {
    let mut engine = Engine::new(ROOMY, Rules::default(), 1);
    let mut report = Report::default();
    let mut rest = bytes;
    for _ in 0..events {
        if rest.is_empty() {
            break;
        }
        let (event, size) = Event::decode(rest).expect("the log holds events");
        rest = &rest[size..];
        report.step(&event, engine.state());
        engine.apply(&event);
    }
    report.finish(engine.state());
    (report, engine)
}

fn by_stock(report: &Report) -> BTreeMap<StockId, Tally> {
    let mut sums = BTreeMap::<StockId, Tally>::new();
    for (account, tally) in &report.tallies {
        sums.entry(account.stock).or_default().add(tally);
    }
    sums
}

#[test]
fn a_report_adds_up_to_what_the_engine_counts() {
    let mut all = Tally::default();
    for seed in 0..SEEDS {
        let (report, engine) = report_over(&log_of(seed), usize::MAX);
        let sums = by_stock(&report);
        let mut redeemed = BTreeMap::<StockId, u64>::new();
        let state = engine.state();
        for (handle, card) in state.cards.iter() {
            let campaign = state.campaigns.get(state.cards.place(handle).0);
            *redeemed.entry(state.stock_of_campaign(campaign).id).or_default() += u64::from(card.consumed);
        }
        for stock in engine.stocks() {
            let sum = sums.get(&stock.id).copied().unwrap_or_default();
            let consumed = (sum.sold + sum.issued + sum.claimed) - (sum.returned + sum.voided + sum.recycled);
            assert_eq!(consumed, stock.units.consumed, "seed {seed}: {} has {sum:?}", stock.id);
            let used = redeemed.get(&stock.id).copied().unwrap_or_default();
            assert_eq!(sum.redeemed - sum.reversed, used, "seed {seed}: cards of {}", stock.id);
            assert!(
                sum.reversed_discount <= sum.discount && sum.revived <= sum.lapsed,
                "seed {seed}: {sum:?}"
            );
            all.add(&sum);
        }
    }
    println!("{all:?}");
    for (name, number) in all.fields() {
        assert!(number > 0, "no history has any {name}");
    }
}

#[test]
fn a_day_that_is_over_stays_what_it_was() {
    let (mut days, mut rows) = (0, 0);
    for seed in 0..SEEDS {
        let bytes = log_of(seed);
        let (whole, engine) = report_over(&bytes, usize::MAX);
        let events = engine.sequence() as usize;
        for tenth in 1..10 {
            let (before, _) = report_over(&bytes, events * tenth / 10);
            for (owner, today) in &before.today {
                let closed = |report: &Report| -> Vec<_> {
                    let accounts = report.tallies.iter();
                    let of_days = accounts.filter(|(account, _)| {
                        (account.merchant, account.stock.slot()) == *owner && account.day < *today
                    });
                    of_days.map(|(account, tally)| (*account, *tally)).collect()
                };
                let rows_of = closed(&before);
                assert_eq!(rows_of, closed(&whole), "seed {seed}, {tenth} tenths, {owner:?}");
                days += usize::from(!rows_of.is_empty());
                rows += rows_of.len();
            }
        }
    }
    println!("{days} merchants with days that are over, {rows} rows");
    assert!(days > 100 && rows > 1_000);
}
