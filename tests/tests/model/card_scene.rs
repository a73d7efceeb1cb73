//! What the tests of campaigns and cards share: definitions of every kind, campaigns that run, and the commands in short.

use scrip_engine::answer::{CardView, Issued, Redeemed};
use scrip_engine::command::{BatchEnd, CampaignKind, CampaignState, CardChange, Definition, GiftWish, Tier};
use scrip_engine::ids::{CardId, OperationId, Slot, StockId, UserId};
use scrip_tests::outcome::{OwnedCampaign, OwnedOutcome};
use scrip_tests::request::{CardCommand, OwnedCommand, OwnedCreate, OwnedIssue, OwnedRedeem, Worth};
use scrip_tests::world::{ANY_TERMS, World};

/// Every kind whose cards are not filled.
pub(super) const KINDS: [CampaignKind; 5] = [
    CampaignKind::AmountOff,
    CampaignKind::PercentOff,
    CampaignKind::Item,
    CampaignKind::FixedPrice,
    CampaignKind::Uses,
];

/// The campaign that most tests have.
pub(super) const CAMPAIGN: StockId = StockId::new(Slot(0), 1);

/// Nothing but what the kind needs: 10 off, 10 percent off, 3 pieces, for 50, 3 uses.
pub(super) fn worth(kind: CampaignKind) -> Worth {
    let (units, value) = match kind {
        CampaignKind::AmountOff => (1, 10),
        CampaignKind::PercentOff => (1, 1_000),
        CampaignKind::FixedPrice => (1, 50),
        CampaignKind::Item | CampaignKind::Uses => (3, 0),
        CampaignKind::StoredValue => (100, 90),
        CampaignKind::Stamps => (0, 3),
        CampaignKind::Points => (10, 100),
        CampaignKind::Pass => (1, 0),
    };
    let currency = if kind == CampaignKind::StoredValue { *b"CNY" } else { [0; 3] };
    let (kind_number, units, value) = (kind as u8, units.into(), value.into());
    let definition = Definition { kind: kind_number, units, value, currency, ..Definition::default() };
    let levels =
        if kind == CampaignKind::Pass { vec![Tier::new(0, 0), Tier::new(1, 500)] } else { Vec::new() };
    Worth { definition, tiers: levels, ..Worth::default() }
}

/// The same, changed.
pub(super) fn worth_with(kind: CampaignKind, change: impl FnOnce(&mut Worth)) -> Worth {
    let mut worth = worth(kind);
    change(&mut worth);
    worth
}

pub(super) fn create(campaign: StockId, units: u64, worth: Worth) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::Create(Box::new(OwnedCreate {
        campaign,
        name: b"campaign".to_vec(),
        units,
        terms: ANY_TERMS,
        layout: 1,
        key: b"sealed".to_vec(),
        worth,
    })))
}

pub(super) fn edit(campaign: StockId, version: u32, worth: Worth) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::Edit { campaign, version, worth: Box::new(worth) })
}

pub(super) fn to_state(campaign: StockId, version: u32, state: CampaignState) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::State { campaign, version, state })
}

/// Cards for an owner, or bearer cards for nobody.
pub(super) fn issue_of(campaign: StockId, owner: u128, count: u32) -> OwnedIssue {
    let owner = UserId(owner);
    OwnedIssue { owner, count, ..OwnedIssue::of_nobody(campaign) }
}

pub(super) fn issue(issue: OwnedIssue) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::Issue(issue))
}

pub(super) fn claim(campaign: StockId, owner: u128) -> OwnedCommand {
    issue(OwnedIssue { claimed: true, ..issue_of(campaign, owner, 1) })
}

pub(super) fn redeem(redeem: OwnedRedeem) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::Redeem(redeem))
}

pub(super) fn reverse(redemption: u128, units: u32) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::Reverse { redemption: OperationId(redemption), units })
}

pub(super) fn change(card: CardId, change: CardChange) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::Change { card, generation: None, change })
}

/// A GIFT by `user`, 0: not told, to `to`, 0: whoever the caller lets.
pub(super) fn give(card: CardId, user: u128, to: u128, lasts_s: u32) -> OwnedCommand {
    let wish = GiftWish::Give { user: UserId(user), to: UserId(to), lasts_s };
    OwnedCommand::OfCards(CardCommand::Gift { card, generation: None, wish })
}

/// A CAMPAIGN_VOID.
pub(super) fn void_campaign(campaign: StockId, version: u32) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::Void { campaign, version, reason: 7 })
}

/// A CARD_BATCH_VOID.
pub(super) fn void_batch(card: CardId) -> OwnedCommand {
    end_batch(card, BatchEnd::Void { reason: 7 })
}

/// A CARD_BATCH_RECYCLE.
pub(super) fn recycle_batch(card: CardId) -> OwnedCommand {
    end_batch(card, BatchEnd::Recycle)
}

fn end_batch(card: CardId, end: BatchEnd) -> OwnedCommand {
    OwnedCommand::OfCards(CardCommand::EndBatch { card, generation: None, end })
}

/// An ACCEPT_GIFT.
pub(super) fn accept(card: CardId, user: u128) -> OwnedCommand {
    let wish = GiftWish::Accept { user: UserId(user) };
    OwnedCommand::OfCards(CardCommand::Gift { card, generation: None, wish })
}

pub(super) fn wallet(
    owner: u128,
    campaign: Option<StockId>,
    after: Option<CardId>,
    limit: u32,
) -> OwnedCommand {
    let owner = UserId(owner);
    OwnedCommand::OfCards(CardCommand::ShowWallet { owner, campaign, after, usable: false, limit })
}

/// The card with this serial of the first campaign of slot 0.
pub(super) fn card(serial: u64) -> CardId {
    CardId::new(Slot(0), 0, serial)
}

/// Makes [`CAMPAIGN`] and starts it; its version is 2 then.
#[track_caller]
pub(super) fn start(world: &mut World, units: u64, worth: Worth) {
    assert_eq!(
        world.run(1 << 80, create(CAMPAIGN, units, worth)),
        OwnedOutcome::StockChanged { value: units }
    );
    let started = world.run(1 << 80 | 1, to_state(CAMPAIGN, 1, CampaignState::Running));
    assert_eq!(started, OwnedOutcome::StockChanged { value: 2 });
}

/// A world with a campaign of this kind that runs, of 1,000 cards.
pub(super) fn world_of(worth: Worth) -> World {
    let mut world = World::usual();
    start(&mut world, 1_000, worth);
    world
}

#[track_caller]
pub(super) fn issued(outcome: OwnedOutcome) -> Issued {
    match outcome {
        OwnedOutcome::Issued(issued) => issued,
        other => panic!("no card was issued: {other:?}"),
    }
}

#[track_caller]
pub(super) fn redeemed(outcome: OwnedOutcome) -> Redeemed {
    match outcome {
        OwnedOutcome::Redeemed(redeemed) => redeemed,
        other => panic!("nothing was redeemed: {other:?}"),
    }
}

/// CARD_SHOW.
#[track_caller]
pub(super) fn show(world: &mut World, card: CardId) -> CardView {
    match world.run(1, OwnedCommand::OfCards(CardCommand::ShowCard { card, generation: None })) {
        OwnedOutcome::Card(view, _) => view,
        other => panic!("{card} is shown as {other:?}"),
    }
}

/// CAMPAIGN_SHOW.
#[track_caller]
pub(super) fn show_campaign(world: &mut World, campaign: StockId) -> OwnedCampaign {
    match world.run(1, OwnedCommand::OfCards(CardCommand::ShowCampaign { campaign })) {
        OwnedOutcome::Campaign(view) => *view,
        other => panic!("{campaign} is shown as {other:?}"),
    }
}
