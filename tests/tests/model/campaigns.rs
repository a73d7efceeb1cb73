//! Campaigns: stocks whose units are cards, what is the same for them and what is not, their states, edits and quotas.

use super::card_scene::{
    CAMPAIGN, KINDS, card, claim, create, edit, issue, issue_of, issued, show, show_campaign, start,
    to_state, world_of, worth, worth_with,
};
use scrip_engine::command::{
    BatchChange, CampaignKind, CampaignState, CardChange, Quota, StockKind, StockTerms,
};
use scrip_engine::ids::{ChannelId, Slot, StockId};
use scrip_engine::limits::{CAMPAIGN_UNITS_MAX, Rules};
use scrip_engine::rejection::{CapacityOf, Code};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::{OwnedFacts, OwnedOutcome};
use scrip_tests::request::{CardCommand, OwnedCommand};
use scrip_tests::world::{ANY_TERMS, START_MS, World, assert_refused, reserve, take};

#[test]
fn a_campaign_goes_where_its_state_leads() {
    use CampaignState::{Draft, Paused, Running, Stopped};
    let states = [Draft, Running, Paused, Stopped];
    let table = [
        [false, true, false, false],
        [false, false, true, true],
        [false, true, false, true],
        [false, false, false, false],
    ];
    let paths: [&[CampaignState]; 4] = [&[], &[Running], &[Running, Paused], &[Running, Stopped]];
    for kind in KINDS {
        for (from, row) in table.iter().enumerate() {
            for (to, allowed) in row.iter().enumerate() {
                let mut world = World::usual();
                world.run(2, create(CAMPAIGN, 5, worth(kind)));
                for (step, state) in (1..).zip(paths[from]) {
                    let answer = world.run(2 + u128::from(step), to_state(CAMPAIGN, step, *state));
                    assert_eq!(answer, OwnedOutcome::StockChanged { value: u64::from(step) + 1 });
                }
                let version = paths[from].len() as u32 + 1;
                let answer = world.run(9, to_state(CAMPAIGN, version, states[to]));
                let expected = if *allowed { None } else { Some(Code::RuleFailed) };
                assert_eq!(answer.code(), expected, "{:?} to {:?}", states[from], states[to]);
                let shown = show_campaign(&mut world, CAMPAIGN);
                assert_eq!(shown.state, states[if *allowed { to } else { from }]);
                assert_eq!(shown.version, version + u32::from(*allowed));
            }
        }
    }
}

#[test]
fn campaigns_are_numbered_within_their_slot_whoever_owns_them() {
    let mut world = World::usual();
    world.stock(9, 5);
    for (number, merchant) in [(0, 1), (1, 2), (2, 1)] {
        let id = StockId::new(Slot(0), 20 - number);
        let mut request = world.request(u128::from(number) + 2, create(id, 5, worth(CampaignKind::Item)));
        request.envelope.merchant.0 = merchant;
        assert_eq!(world.ask(&request), OwnedOutcome::StockChanged { value: 5 });
        let show = OwnedCommand::OfCards(CardCommand::ShowCampaign { campaign: id });
        let mut request = world.request(1, show);
        request.envelope.merchant.0 = merchant;
        let OwnedOutcome::Campaign(view) = world.ask(&request) else { panic!("it is there") };
        assert_eq!((view.locator, view.state, view.version), (number, CampaignState::Draft, 1));
        assert_eq!((view.key.as_slice(), view.layout), (&b"sealed"[..], 1));
    }
}

#[test]
fn commands_on_stocks_mean_for_a_campaign_what_they_mean_or_are_refused() {
    let mut world = world_of(worth(CampaignKind::Item));
    assert_eq!(world.show(CAMPAIGN).kind, StockKind::Cards);
    let changed = |value| OwnedOutcome::StockChanged { value };
    assert_eq!(world.run(2, OwnedCommand::StockSupply { stock: CAMPAIGN, units: 5 }), changed(1_005));
    let beyond = OwnedCommand::StockSupply { stock: CAMPAIGN, units: CAMPAIGN_UNITS_MAX - 1_004 };
    assert_eq!(world.run(3, beyond).maximum(), Some(CapacityOf::StockUnits));
    let void = |units| OwnedCommand::StockVoid { stock: CAMPAIGN, units, from_frozen: false, forced: false };
    assert_eq!(world.run(4, void(5)), changed(5));
    assert_refused(&world.run(5, void(1_001)), Code::OutOfStock);
    let freeze = OwnedCommand::StockFreeze { stock: CAMPAIGN, units: 999, forced: false };
    assert_eq!(world.run(6, freeze), changed(999));
    issued(world.run(7, claim(CAMPAIGN, 7)));
    assert_refused(&world.run(8, claim(CAMPAIGN, 7)), Code::OutOfStock);
    assert_eq!(world.run(9, OwnedCommand::StockUnfreeze { stock: CAMPAIGN, units: 9 }), changed(9));
    issued(world.run(8, claim(CAMPAIGN, 7)));
    let version = world.show(CAMPAIGN).version;
    let prices = |version| OwnedCommand::StockPrice { stock: CAMPAIGN, version, prices: Vec::new() };
    assert_eq!(world.run(20, prices(version)), changed(u64::from(version) + 1));
    assert_refused(&world.run(24, prices(99)), Code::RuleFailed);
    // What has no meaning for cards.
    let stock = CAMPAIGN;
    for command in [
        OwnedCommand::BatchCreate { stock, batch: 1, cost: 0, expires_ms: 0, supplier: b"x".to_vec() },
        OwnedCommand::BatchChange { stock, batch: 1, change: BatchChange::Freeze, forced: false },
        OwnedCommand::BatchesShow { stock, from: 0 },
        OwnedCommand::KeysList { stock, batch: None, from: 0 },
        OwnedCommand::KeysExport { stock, batch: None, from: 0 },
    ] {
        assert_refused(&world.run(21, command), Code::RuleFailed);
    }
    let owed = world.run(22, OwnedCommand::OwedShow { stock, from: 0 });
    assert_eq!(owed, OwnedOutcome::Debts { total: 0, debts: Vec::new() });
    let again = OwnedCommand::StockCreate {
        stock,
        name: b"x".to_vec(),
        units: 1,
        kind: StockKind::Counter,
        once_per_order: false,
        terms: ANY_TERMS,
    };
    assert_refused(&world.run(23, again), Code::RuleFailed);
    world.check_laws();
}

#[test]
fn a_campaign_whose_cards_count_in_a_group_sells_none() {
    let mut world = World::new(ROOMY, Rules::default(), START_MS);
    let plain = world.stock(2, 9);
    let worth = worth_with(CampaignKind::Item, |worth| worth.extension.group.set(plain.0));
    start(&mut world, 1_000, worth);
    let lines = take(&[(plain, 1), (CAMPAIGN, 1)]);
    let waiting = scrip_tests::request::OwnedTake { wait_until_ms: START_MS + 99_999, ..lines.clone() };
    for command in [
        reserve(lines.clone()),
        OwnedCommand::Sell { take: lines.clone(), paid: false, hidden: false },
        OwnedCommand::Sell { take: waiting, paid: false, hidden: false },
    ] {
        let answer = world.run(10, command);
        let OwnedFacts::Lines(lacks) = answer.facts() else { panic!("{answer:?}") };
        let told: Vec<_> = lacks.iter().map(|lack| (lack.line, lack.why, lack.available)).collect();
        assert_eq!((answer.code(), told), (Some(Code::RuleFailed), vec![(1, Code::RuleFailed, 0)]));
    }
    // Behind FROZEN and the time.
    let terms = StockTerms { opens_ms: START_MS + 9_999, ..ANY_TERMS };
    world.run(11, OwnedCommand::StockEdit { stock: CAMPAIGN, version: 2, terms });
    assert_refused(&world.run(10, reserve(lines.clone())), Code::NotStarted);
    let terms = StockTerms { frozen: true, ..terms };
    world.run(12, OwnedCommand::StockEdit { stock: CAMPAIGN, version: 3, terms });
    assert_refused(&world.run(10, reserve(lines)), Code::Frozen);
}

#[test]
fn an_edit_replaces_what_is_not_fixed_and_leaves_issued_cards_their_times() {
    let mut world = world_of(worth(CampaignKind::Uses));
    let before = issued(world.run(10, claim(CAMPAIGN, 7)));
    let edited = worth_with(CampaignKind::Uses, |worth| {
        let definition = &mut worth.definition;
        (definition.lasts_s, definition.threshold) = (60.into(), 100.into());
    });
    assert_eq!(world.run(11, edit(CAMPAIGN, 2, edited.clone())), OwnedOutcome::StockChanged { value: 3 });
    assert_eq!(show(&mut world, card(0)).until_ms, before.until_ms);
    assert_eq!(issued(world.run(12, claim(CAMPAIGN, 7))).until_ms, START_MS + 60_000);
    assert_eq!(show_campaign(&mut world, CAMPAIGN).definition, edited.definition);
    let fixed: [fn(&mut scrip_tests::request::Worth); 2] =
        [|worth| worth.definition.units = 4.into(), |worth| worth.definition.flags |= 2];
    for change in fixed {
        let refused = world.run(13, edit(CAMPAIGN, 3, worth_with(CampaignKind::Uses, change)));
        assert_eq!(refused, OwnedOutcome::refused(Code::RuleFailed));
    }
    // Another kind with the same units.
    assert_refused(&world.run(13, edit(CAMPAIGN, 3, worth(CampaignKind::Item))), Code::RuleFailed);
}

#[test]
fn the_key_of_a_campaign_is_no_content() {
    let mut world = World::usual();
    let with_key = |key: &[u8], layout| {
        let OwnedCommand::OfCards(CardCommand::Create(mut made)) =
            create(CAMPAIGN, 5, worth(CampaignKind::Item))
        else {
            unreachable!("it creates");
        };
        (made.key, made.layout) = (key.to_vec(), layout);
        OwnedCommand::OfCards(CardCommand::Create(made))
    };
    world.run(2, with_key(b"one", 1));
    assert_eq!(world.run(2, with_key(b"two", 1)), OwnedOutcome::StockChanged { value: 5 });
    assert_refused(&world.run(2, with_key(b"one", 0)), Code::OperationMismatch);
    assert_eq!(show_campaign(&mut world, CAMPAIGN).key, b"one");
}

#[test]
fn a_guarantee_that_void_cards_have_lowered_to_nothing_is_no_quota_any_more() {
    let mut world = World::usual();
    start(&mut world, 1, worth(CampaignKind::Item));
    let quotas = vec![Quota::new(ChannelId(1), 1, Quota::NO_CAP, 0)];
    world.run(10, OwnedCommand::StockQuota { stock: CAMPAIGN, version: 2, quotas });
    issued(world.run(11, claim(CAMPAIGN, 7)));
    assert_refused(&world.run(12, claim(CAMPAIGN, 7)), Code::ChannelQuota);
    world.run(13, super::card_scene::change(card(0), CardChange::Void));
    assert_refused(&world.run(12, claim(CAMPAIGN, 7)), Code::OutOfStock);
}

#[test]
fn quotas_are_kept_to_before_supply_and_only_where_there_are_any() {
    let mut world = World::usual();
    start(&mut world, 10, worth(CampaignKind::Item));
    let of = |channel, count| (channel, issue(issue_of(CAMPAIGN, 7, count)));
    let ask = |world: &mut World, operation, (channel, command): (u16, OwnedCommand)| {
        let mut request = world.request(operation, command);
        request.envelope.channel = ChannelId(channel);
        world.ask(&request)
    };
    let lacks = |code, asked, available| OwnedOutcome::Refused {
        code,
        facts: OwnedFacts::Units { stock: CAMPAIGN, asked, available },
    };
    assert_eq!(ask(&mut world, 10, of(1, 11)), lacks(Code::OutOfStock, 11, 10));
    let quotas = vec![Quota::new(ChannelId(2), 4, 5, 0)];
    world.run(11, OwnedCommand::StockQuota { stock: CAMPAIGN, version: 2, quotas });
    assert_eq!(ask(&mut world, 12, of(1, 7)), lacks(Code::ChannelQuota, 7, 6));
    assert_eq!(ask(&mut world, 12, of(1, 11)), lacks(Code::ChannelQuota, 11, 6));
    assert_eq!(ask(&mut world, 12, of(2, 6)), lacks(Code::ChannelQuota, 6, 5));
    issued(ask(&mut world, 12, of(2, 5)));
    issued(ask(&mut world, 13, of(1, 5)));
    assert_eq!(ask(&mut world, 14, of(1, 1)), lacks(Code::ChannelQuota, 1, 0));
    world.check_laws();
}
