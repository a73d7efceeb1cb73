//! Loads on card keys: against a server that is right, with everything that becomes of a key; and against servers that
//! are not, which the load or the check must see by the texts.

mod fake;

use fake::{Fake, Faults, stock, token};
use scrip_engine::ids::ChannelId;
use scrip_loadgen::recipe::What;
use scrip_loadgen::{
    CardTexts, CheckPlan, CheckReport, CheckoutShares, Ledger, LedgerMode, LoadPlan, LoadReport, Profile,
    Work, check, run,
};
use std::time::Duration;

const CHUNKS: u64 = 30;

/// Buyers of stock 1, which is one of card keys.
fn buyers(fake: &Fake, texts: CardTexts, attempts: u64) -> LoadPlan {
    let shares = CheckoutShares {
        buy: 0.15,
        buy_again: 0.1,
        hidden: 0.15,
        replace: 0.15,
        give_back: 0.1,
        late: 0.0,
        cut: 0.002,
        lines_max: 1,
        think: Duration::from_millis(1),
        ..CheckoutShares::default()
    };
    LoadPlan {
        profile: Profile::Checkout(shares),
        work: Work::Checkout,
        channels: vec![(ChannelId(1), 0.5), (ChannelId(13), 0.5)],
        cards: Some(texts),
        reconnect: true,
        ..fake.plan(1, attempts)
    }
}

fn check_all(fake: &Fake, ledger: &Ledger) -> CheckReport {
    let plan = CheckPlan { repeat_share: 1.0, ..CheckPlan::new(fake.address, token()) };
    check(ledger, &plan, |_, _| ()).unwrap()
}

fn made(report: &LoadReport, what: What) -> usize {
    report.ledger.records.iter().filter(|record| record.what() == what).count()
}

#[test]
fn card_sales_with_all_that_becomes_of_a_key_add_up_on_every_channel() {
    let fake = Fake::start(0, 0, 0, Faults { cut_every: 400, ..Faults::default() });
    let texts = fake.card_stock(1, CHUNKS);
    let report = run(buyers(&fake, texts, 4_000), |_| ()).unwrap();
    assert!(report.consistent(), "{:#?}", report.findings);
    let counts = &report.counts;
    assert!(counts.interrupted > 0 && counts.repeats > 300, "{counts:?}");
    for what in [What::Reveal, What::KeyReplace, What::Return, What::Sell, What::Confirm] {
        assert!(made(&report, what) > 30, "{}: {counts:?}", what.name());
    }
    let of_channels =
        |of: fn(&scrip_loadgen::ChannelCounts) -> u64| -> u64 { report.channels.iter().map(of).sum() };
    assert_eq!(of_channels(|channel| channel.attempts), counts.attempts);
    assert_eq!(of_channels(|channel| channel.sold_units), counts.sold_units);
    assert!(report.channels.iter().all(|channel| channel.refused["OUT_OF_STOCK"] > 100));

    // The check needs the ledger alone, and that may have been a file meanwhile.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger");
    report.ledger.save(&path).unwrap();
    let ledger = Ledger::load(&path).unwrap();
    assert_eq!(ledger.cards, report.ledger.cards);
    let checked = check_all(&fake, &ledger);
    assert!(checked.is_clean(), "{checked:#?}");
    assert!(checked.cards_read > 500 && checked.repeats > 1_000, "{checked:#?}");
    fake.brain().engine.recount().unwrap();
    let shown = fake.brain().engine.stocks().find(|found| found.id == stock(1)).unwrap().units;
    assert!(shown.void > 50 && shown.consumed > 500, "{shown:?}");
}

#[test]
fn a_text_given_to_two_orders_is_caught() {
    let fake = Fake::start(0, 0, 0, Faults { same_text_one_in: 100, ..Faults::default() });
    let texts = fake.card_stock(1, CHUNKS);
    let report = run(buyers(&fake, texts, 4_000), |_| ()).unwrap();
    assert!(!report.consistent() && report.counts.duplicate_keys >= 5, "{:?}", report.counts);
    assert!(report.findings.iter().any(|words| words.contains("duplicate key")), "{:?}", report.findings);
    let checked = check_all(&fake, &report.ledger);
    assert!(!checked.is_clean() && checked.duplicate_keys >= 5, "{checked:#?}");
}

#[test]
fn a_text_given_to_two_orders_is_caught_by_a_load_that_keeps_nothing() {
    let fake = Fake::start(0, 0, 0, Faults { same_text_one_in: 100, ..Faults::default() });
    let texts = fake.card_stock(1, CHUNKS);
    let plan = LoadPlan {
        work: Work::Sell { paid: false },
        cards: Some(texts),
        ledger: LedgerMode::Counts { one_in: 0 },
        ..fake.plan(1, texts.count)
    };
    let report = run(plan, |_| ()).unwrap();
    assert_eq!((report.counts.sold_units, report.counts.duplicate_keys), (texts.count, texts.count / 100));
}

#[test]
fn texts_that_are_others_after_the_sale_are_caught() {
    let fake = Fake::start(0, 0, 0, Faults::default());
    let texts = fake.card_stock(1, CHUNKS);
    let plan = LoadPlan { work: Work::Sell { paid: false }, cards: Some(texts), ..fake.plan(1, texts.count) };
    let report = run(plan, |_| ()).unwrap();
    let checked = check_all(&fake, &report.ledger);
    assert!(checked.is_clean() && checked.cards_read == texts.count, "{checked:#?}");
    fake.brain().texts.texts.seed += 1;
    let checked = check_all(&fake, &report.ledger);
    assert_eq!((checked.mismatched, checked.mismatched_repeats), (texts.count, texts.count));
    assert!(checked.findings[0].contains("a text that nobody imported"), "{:?}", checked.findings);
}

#[test]
fn what_only_card_keys_have_is_not_asked_of_counters() {
    let fake = Fake::start(1, 10, 0, Faults::default());
    let plan = LoadPlan { cards: None, ..buyers(&fake, CardTexts { seed: 1, count: 1 }, 10) };
    let words = run(plan, |_| ()).unwrap_err().to_string();
    assert!(words.contains("only card keys can be hidden"), "{words}");
    let plan = LoadPlan {
        channels: vec![(ChannelId(1), 0.7)],
        ..buyers(&fake, CardTexts { seed: 1, count: 1 }, 10)
    };
    let words = run(plan, |_| ()).unwrap_err().to_string();
    assert!(words.contains("add up to 1"), "{words}");
}
