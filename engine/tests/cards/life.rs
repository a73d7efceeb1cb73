//! CARD_CHANGE, and when cards are valid.

use crate::shop::*;
use scrip_engine::command::{CampaignKind, CardChange, CardState, Command, Definition, Issue};
use scrip_engine::ids::CardId;
use scrip_engine::rejection::Code;

const EXTEND: CardChange = CardChange::Extend { until_ms: START_MS + 1_000_999 };

/// A card of one use in each state.
fn in_state(shop: &mut Shop, state: CardState) -> CardId {
    let card = shop.card(1);
    match state {
        CardState::Inactive => return card,
        CardState::Void => {
            shop.change(card, CardChange::Void);
            return card;
        }
        _ => shop.change(card, CardChange::Activate),
    };
    match state {
        CardState::Frozen => drop(shop.change(card, CardChange::Freeze)),
        CardState::Used => drop(shop.redeem(card, 1, 0)),
        _ => {}
    }
    assert_eq!(shop.show(card).state, state);
    card
}

#[test]
fn every_change_does_to_every_state_what_the_table_says() {
    use CardState::{Active, Frozen, Inactive, Used, Void};
    let mut terms = definition(CampaignKind::Uses, 1, 0);
    terms.flags = Definition::INACTIVE;
    let mut shop = Shop::with(terms, 100);
    let (to, no) = (|state: CardState| Got::Value(state as u64), refused);
    let rule = Code::RuleFailed;
    let rows = [
        (CardChange::Activate, [to(Active), no(rule), no(rule), no(rule), no(Code::Void)]),
        (CardChange::Freeze, [no(Code::NotActive), to(Frozen), no(rule), no(Code::Used), no(Code::Void)]),
        (CardChange::Unfreeze, [no(rule), no(rule), to(Active), no(rule), no(Code::Void)]),
        (CardChange::Void, [to(Void), to(Void), to(Void), no(Code::Used), no(Code::Void)]),
        (EXTEND, [to(Inactive), to(Active), to(Frozen), to(Used), no(Code::Void)]),
    ];
    for (change, cells) in rows {
        for (state, cell) in [Inactive, Active, Frozen, Used, Void].into_iter().zip(cells) {
            let card = in_state(&mut shop, state);
            assert_eq!(shop.change(card, change), cell, "{change:?} of a card that is {state:?}");
        }
    }
    let card = in_state(&mut shop, Active);
    assert_eq!(
        shop.change(card, CardChange::Extend { until_ms: START_MS }),
        refused(rule),
        "not in the future"
    );
    shop.close();
}

#[test]
fn a_void_card_takes_its_unit_to_void_through_the_channel_that_issued_it() {
    let mut shop = Shop::with(definition(CampaignKind::Uses, 5, 0), 10);
    let card = shop.card(1);
    shop.redeem(card, 2, 0);
    shop.channel = scrip_engine::ids::ChannelId(99);
    shop.issue(0, 6, false);
    let bearer = CardId(card.0 + 4);
    assert_eq!(shop.change(bearer, CardChange::Void), Got::Value(CardState::Void as u64));
    assert_eq!(shop.change(card, CardChange::Void), Got::Value(CardState::Void as u64));
    let shown = shop.show(card);
    assert_eq!((shown.available, shown.consumed, shown.void), (0, 2, 3));
    assert_eq!(shop.buckets(), Got::Buckets { available: 3, consumed: 5, void: 2 });
    shop.close();
}

#[test]
fn relative_times_are_reckoned_from_receipt_or_from_activation() {
    let mut terms = definition(CampaignKind::Uses, 1, 0);
    terms.from_ms.set(START_MS - 500_000);
    terms.until_ms.set(START_MS + 1_000_000);
    terms.lasts_s.set(100);
    let mut shop = Shop::with(terms, 100);
    shop.now_ms += 1;
    let card = shop.card(1);
    let shown = shop.show(card);
    assert_eq!(
        (shown.from_ms, shown.until_ms),
        (START_MS - 500_000, START_MS + 100_000),
        "from now, not from long ago"
    );
    shop.close();

    terms.flags = Definition::INACTIVE;
    terms.starts_after_s.set(10);
    let mut shop = Shop::with(terms, 100);
    let own = Issue { count: 5, until_ms: START_MS + 900_000, ..Issue::of_nobody(CAMPAIGN) };
    let Got::Issued(own) = shop.run(Command::Issue(own)) else { panic!("cards with times of their own") };
    let card = shop.card(1);
    let shown = shop.show(card);
    assert_eq!(
        (shown.from_ms, shown.until_ms),
        (START_MS - 500_000, START_MS + 1_000_000),
        "the absolute part"
    );
    shop.now_ms = START_MS + 950_000;
    shop.change(card, CardChange::Activate);
    let shown = shop.show(card);
    assert_eq!(
        (shown.from_ms, shown.until_ms),
        (START_MS + 960_000, START_MS + 1_000_000),
        "the earlier of both ends"
    );
    shop.change(own.first, CardChange::Activate);
    let shown = shop.show(own.first);
    assert_eq!((shown.from_ms, shown.until_ms), (0, START_MS + 900_000), "its own times stay");
    shop.change(own.first, EXTEND);
    assert_eq!(shop.show(own.first).until_ms, START_MS + 1_000_000, "a whole second");
    shop.close();
}
