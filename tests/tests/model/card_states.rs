//! Every kind of card in every state under every verb: docs/card-states.md says which answer, and is made here.
//!
//! `SCRIP_REGENERATE=1 cargo test -p scrip-tests --test model card_states` writes it anew. Each cell is a world of its own, in which the
//! oracle has answered the same as the engine.

use super::card_scene::{
    CAMPAIGN, card, change, issue, issue_of, issued, recycle_batch, redeem, reverse, show, start, void_batch,
    void_campaign, worth_with,
};
use scrip_engine::command::{
    AccountWish, CampaignKind, CardChange, CardLine, CardState, Definition, GiftWish, QuoteCard, RecycleInto,
};
use scrip_engine::ids::{Slot, StockId, UserId};
use scrip_tests::request::{CardCommand, OwnedCommand, OwnedRedeem, OwnedTake};
use scrip_tests::world::{START_MS, World, reserve, take};
use std::fmt::Write;

const KINDS: [(CampaignKind, &str); 9] = [
    (CampaignKind::AmountOff, "amount off"),
    (CampaignKind::PercentOff, "percent off"),
    (CampaignKind::Item, "item (3 pieces)"),
    (CampaignKind::FixedPrice, "fixed price"),
    (CampaignKind::Uses, "uses (3)"),
    (CampaignKind::StoredValue, "stored value (100)"),
    (CampaignKind::Stamps, "stamps (goal 3, all earned)"),
    (CampaignKind::Points, "points (10)"),
    (CampaignKind::Pass, "pass (two levels)"),
];

const STATES: [&str; 9] = [
    "inactive",
    "not yet valid",
    "active",
    "held by an order",
    "gifting",
    "frozen",
    "used",
    "expired",
    "void",
];

const GOODS: StockId = StockId::new(Slot(0), 9);
const VALID_MS: u64 = 100_000;
const REDEMPTION: u128 = 50;
const RECEIVER: UserId = UserId(99);

fn account(wish: AccountWish) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::Account { card: card(0), generation: None, wish })
}

fn gift(wish: GiftWish) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::Gift { card: card(0), generation: None, wish })
}

fn give() -> OwnedCommand {
    gift(GiftWish::Give { user: take(&[]).user, to: RECEIVER, lasts_s: 60 })
}

/// A MERGE of one card into another.
fn merge(into: u64, from: u64) -> OwnedCommand {
    let from = vec![QuoteCard::new(card(from), None)];
    OwnedCommand::OfCards(CardCommand::Merge { into: card(into), generation: None, from })
}

/// Goods, and so many units of the card.
fn order(units: u32) -> OwnedCommand {
    reserve(OwnedTake { cards: vec![CardLine::new(card(0), units, 1_000)], ..take(&[(GOODS, 1)]) })
}

/// A use of the card at a till; 0 units: as many as the kind takes.
fn till(units: u32) -> OwnedCommand {
    redeem(OwnedRedeem { amount: 1_000, ..OwnedRedeem::of(card(0), units) })
}

fn verbs(kind: CampaignKind) -> Vec<(&'static str, OwnedCommand)> {
    let changed = |to| change(card(0), to);
    let units = if kind == CampaignKind::Stamps { 3 } else { 1 };
    vec![
        ("REDEEM", till(0)),
        ("RESERVE", order(units)),
        ("REVERSE", reverse(REDEMPTION, 0)),
        ("activate", changed(CardChange::Activate)),
        ("freeze", changed(CardChange::Freeze)),
        ("unfreeze", changed(CardChange::Unfreeze)),
        ("void", changed(CardChange::Void)),
        ("extend", changed(CardChange::Extend { until_ms: START_MS + 5 * VALID_MS })),
        ("GIFT", give()),
        ("ACCEPT_GIFT", gift(GiftWish::Accept { user: RECEIVER })),
        ("CANCEL_GIFT", gift(GiftWish::Cancel { user: UserId(0) })),
        ("TOPUP", account(AccountWish::TopUp { principal: 5, bonus: 1, paid: 5, until_ms: 0 })),
        ("EARN", account(AccountWish::Earn { units: 1 })),
        ("CARD_REFUND", account(AccountWish::Refund)),
        ("RENEW", account(AccountWish::Renew { seconds: 60 })),
        ("LEVEL", account(AccountWish::Level { level: 2 })),
        ("MERGE into it", merge(0, 1)),
        ("MERGE from it", merge(1, 0)),
        (
            "RECYCLE",
            OwnedCommand::OfCards(CardCommand::Recycle {
                card: card(0),
                generation: None,
                into: RecycleInto::Supply,
            }),
        ),
        ("CAMPAIGN_VOID", void_campaign(CAMPAIGN, 2)),
        ("CARD_BATCH_VOID", void_batch(card(0))),
        ("CARD_BATCH_RECYCLE", recycle_batch(card(0))),
        ("CARD_SHOW", OwnedCommand::OfCards(CardCommand::ShowCard { card: card(0), generation: Some(0) })),
    ]
}

/// A world with a card of this kind in this state; `None`: there is none. A card of several units, and a pass, was used once before.
fn in_state(kind: CampaignKind, state: &str) -> Option<World> {
    let mut world = World::usual();
    let worth = worth_with(kind, |worth| {
        worth.definition.until_ms = (START_MS + VALID_MS).into();
        match state {
            "inactive" => worth.definition.flags |= Definition::INACTIVE,
            "not yet valid" => worth.definition.from_ms = (START_MS + VALID_MS / 2).into(),
            _ => {}
        }
    });
    start(&mut world, 10, worth);
    assert_eq!(world.stock(9, 100), GOODS);
    // A second card, of the same owner, to be merged.
    issued(world.run(10, issue(issue_of(CAMPAIGN, take(&[]).user.0, 2))));
    if matches!(state, "inactive" | "not yet valid") {
        return Some(world);
    }
    if kind == CampaignKind::Stamps {
        world.run(11, account(AccountWish::Earn { units: 3 }));
    }
    let is_whole = show(&mut world, card(0)).available == 1 && kind != CampaignKind::Pass;
    if !is_whole && kind != CampaignKind::Stamps {
        world.run(REDEMPTION, till(1));
    }
    let left = show(&mut world, card(0)).available;
    match state {
        "active" => {}
        "held by an order" => drop(world.run(12, order(left))),
        "gifting" => drop(world.run(12, give())),
        "frozen" => drop(world.run(12, change(card(0), CardChange::Freeze))),
        "used" if is_whole => drop(world.run(REDEMPTION, till(0))),
        "used" => drop(world.run(12, till(left))),
        "expired" => world.wait(VALID_MS),
        "void" => drop(world.run(12, change(card(0), CardChange::Void))),
        other => unreachable!("{other} is no state"),
    }
    let view = show(&mut world, card(0));
    let is_there = match state {
        "held by an order" => view.held > 0,
        "gifting" => view.state == CardState::Gifting,
        "used" => view.state == CardState::Used,
        _ => true,
    };
    is_there.then_some(world)
}

/// What is answered, and what becomes of the card if that is another state. A repeat is answered the same.
fn cell(kind: CampaignKind, state: &str, command: &OwnedCommand) -> String {
    let Some(mut world) = in_state(kind, state) else { return "-".to_owned() };
    let before = show(&mut world, card(0));
    let answer = world.run(100, command.clone());
    let after = show(&mut world, card(0));
    world.check_laws();
    match answer.code() {
        Some(code) => {
            assert_eq!(after, before, "a refusal changes nothing: {kind:?}, {state}, {command:?}");
            code.name().to_owned()
        }
        None => {
            assert_eq!(world.run(100, command.clone()), answer, "{kind:?}, {state}, {command:?}");
            let became = format!("*{}*", after.state.name());
            if after.state == before.state { "ok".to_owned() } else { became }
        }
    }
}

fn document() -> String {
    let mut text = String::from(
        "# Cards: every kind, every state, every verb\n\nMade by a test from the engine's answers, and compared with them on every change; the rules behind it are \
         [cards.md](cards.md).\nThe card belongs to a user, is valid for 100 seconds, and one of several units was used once. *ok*: it is done, and the card's state stays; a state in\n\
         italics: it is done, and the card has become that; a name in capitals: it is refused with this code, and nothing changes; -: there is no such card.\n",
    );
    for (kind, called) in KINDS {
        let _ = writeln!(text, "\n## {called}\n\n| | {} |", STATES.join(" | "));
        let _ = writeln!(text, "|---{}|", "|---".repeat(STATES.len()));
        for (verb, command) in verbs(kind) {
            let cells: Vec<String> = STATES.iter().map(|state| cell(kind, state, &command)).collect();
            let _ = writeln!(text, "| {verb} | {} |", cells.join(" | "));
        }
    }
    text
}

#[test]
fn every_kind_in_every_state_answers_every_verb_as_the_document_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/card-states.md");
    let made = document();
    if std::env::var_os("SCRIP_REGENERATE").is_some() {
        std::fs::write(path, &made).expect("docs can be written");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    for (number, (kept, made)) in kept.lines().zip(made.lines()).enumerate() {
        assert_eq!(kept, made, "line {} of docs/card-states.md", number + 1);
    }
    assert_eq!(kept.lines().count(), made.lines().count(), "docs/card-states.md has other lines");
}
