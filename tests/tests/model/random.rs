//! Random histories: every answer is the oracle's, the log gives the state, and repeats give the same body.

use scrip_engine::Engine;
use scrip_engine::answer::Cancelled;
use scrip_engine::limits::Capacity;
use scrip_engine::rejection::Code;
use scrip_tests::history::{self, History, Tally};
use scrip_tests::oracle::{Key, key_of};
use scrip_tests::outcome::OwnedOutcome;
use scrip_tests::request::{OwnedCommand, OwnedRequest};
use scrip_tests::world::{Log, World};
use std::collections::BTreeMap;
use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds of [`engine_answers_as_the_oracle_does`] unless the environment says otherwise.
const SEEDS: u64 = 13_000;

/// Commands that so many seeds ask at least.
const COMMANDS_MIN: u64 = 4_000_000;

/// Steps of the history of one seed.
fn steps_of(seed: u64) -> u64 {
    if seed % 100 == 99 { 5_000 } else { [120, 400, 400, 1_200][(seed % 4) as usize] }
}

/// Tables that hardly hold anything.
const SMALL: Capacity = Capacity {
    stocks_max: 1,
    holds_max: 1,
    extra_lines_max: 1,
    operations_max: 1,
    user_limits_max: 1,
    keys_max: 1,
    sealed_bytes_max: 1,
    risk_counts_max: 1,
    order_lines_max: 1,
    debts_max: 1,
    cards_max: 4_096,
    redemptions_max: 4_096,
    lots_max: 1,
    gifts_max: 1,
    given_codes_max: 1,
    groups_max: 1,
    links_max: 16,
    labels_max: 16,
    friends_max: 1,
    notices_max: 1 << 14,
};

/// A number from the environment.
fn setting(name: &str) -> Option<u64> {
    env::var(name)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is not a number")))
}

/// Runs `work` for every seed below `seeds`, on all cores.
fn for_each_seed(seeds: u64, work: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    work(seed);
                }
            });
        }
    });
}

#[test]
fn engine_answers_as_the_oracle_does() {
    if let Some(seed) = setting("SCRIP_MODEL_SEED") {
        let verdict = history::finish(History::new(seed).printing(), steps_of(seed));
        return println!("{}", verdict.unwrap_or_else(|report| panic!("{report}")).table());
    }
    let seeds = setting("SCRIP_MODEL_SEEDS").unwrap_or(SEEDS);
    let total = Mutex::new(Tally::default());
    for_each_seed(seeds, |seed| match history::run(seed, steps_of(seed)) {
        Ok(tally) => total.lock().expect("no other seed has failed").add(&tally),
        Err(report) => panic!("{report}"),
    });
    let total = total.into_inner().expect("no seed has failed");
    println!("{seeds} seeds, {} commands, {} events", total.commands, total.events);
    println!("sales owed, settled, in vain, confirms owed: {:?}", total.debts);
    println!("of those replacements of keys: owed, come, in vain: {:?}", total.replacements);
    println!("{}", total.table());
    if seeds >= SEEDS {
        assert!(total.commands >= COMMANDS_MIN, "only {} commands", total.commands);
        assert_covers(&total);
    }
}

/// The histories must meet every answer that a command can have: a generator that has gone blind proves nothing.
fn assert_covers(total: &Tally) {
    use Code::*;
    let with_id: &[Code] = &[OperationMismatch, OperationTooOld, ClockAhead, DeadlinePassed];
    let take: &[Code] = &[
        CrossSlot,
        NotFound,
        HoldNotFound,
        NotOwner,
        HoldConfirmed,
        Frozen,
        NotStarted,
        Expired,
        OutOfStock,
        ChannelQuota,
        UserLimit,
        RiskLimit,
        QuoteChanged,
        RuleFailed,
        Capacity,
    ];
    let of_keys: &[Code] = &[HoldNotFound, NotActive, HoldReleased, RuleFailed, Cancelled];
    // Beside what goods are refused with, too.
    let of_cards: &[Code] = &[Void, Used, NotActive, OutOfScope, LockedByOtherOrder, BalanceExceeded];
    let gifts: &[Code] =
        &[CrossSlot, NotFound, RuleFailed, Void, Used, NotActive, Frozen, Expired, NotOwner, Capacity];
    let issues: &[Code] = &[
        CrossSlot,
        NotFound,
        Void,
        Frozen,
        NotStarted,
        Expired,
        RiskLimit,
        UserLimit,
        ChannelQuota,
        OutOfStock,
        Capacity,
    ];
    let entries: &[Code] =
        &[CrossSlot, NotFound, RuleFailed, Void, NotActive, Frozen, NotStarted, Expired, Capacity];
    let groups: &[Code] = &[NotFound, Expired, RuleFailed, Capacity];
    let expected: [(&str, &[&[Code]]); 71] = [
        ("STOCK_CREATE", &[with_id, &[CrossSlot, RuleFailed, Capacity]]),
        ("BATCH_CREATE", &[with_id, &[CrossSlot, NotFound, RuleFailed, Capacity]]),
        (
            "BATCH_CHANGE",
            &[with_id, &[CrossSlot, NotFound, RuleFailed, Void, NotActive, ChannelQuota, Capacity]],
        ),
        ("KEYS_IMPORT", &[with_id, &[CrossSlot, NotFound, RuleFailed, Frozen, Void, Expired, Capacity]]),
        ("REVEAL", &[with_id, of_keys, &[KeyReplaced, Capacity]]),
        ("KEY_REPLACE", &[with_id, of_keys, &[NotFound, Void, OutOfStock, Capacity]]),
        ("KEY_RECLAIM", &[with_id, of_keys, &[NotFound, Void, Capacity]]),
        ("KEYS_EXPORT", &[with_id, &[CrossSlot, NotFound, RuleFailed, Capacity]]),
        ("KEYS_LIST", &[&[CrossSlot, NotFound, RuleFailed]]),
        ("KEYS_READ", &[of_keys]),
        ("OWED_SHOW", &[&[CrossSlot, NotFound]]),
        ("ORDER_SHOW", &[&[NotFound]]),
        ("BATCHES_SHOW", &[&[CrossSlot, NotFound, RuleFailed]]),
        ("STOCK_SUPPLY", &[with_id, &[CrossSlot, NotFound, RuleFailed, Void, Capacity]]),
        ("STOCK_VOID", &[with_id, &[CrossSlot, NotFound, OutOfStock, ChannelQuota, Capacity]]),
        ("STOCK_FREEZE", &[with_id, &[CrossSlot, NotFound, OutOfStock, ChannelQuota, Capacity]]),
        ("STOCK_UNFREEZE", &[with_id, &[CrossSlot, NotFound, OutOfStock, Capacity]]),
        ("STOCK_EDIT", &[with_id, &[CrossSlot, NotFound, RuleFailed, Capacity]]),
        ("STOCK_QUOTA", &[with_id, &[CrossSlot, NotFound, RuleFailed, ChannelQuota, Capacity]]),
        ("RESERVE", &[with_id, take, of_cards, &[HeldLimit, Cancelled, CampaignLimit, BudgetExceeded]]),
        ("SELL", &[with_id, take, of_cards, &[KeyReplaced, Cancelled]]),
        (
            "EXTEND",
            &[with_id, &[HoldNotFound, HoldConfirmed, HoldReleased, NotActive, Expired, Cancelled, Capacity]],
        ),
        (
            "RETURN",
            &[
                with_id,
                &[
                    HoldNotFound,
                    NotActive,
                    HoldReleased,
                    RuleFailed,
                    AlreadyReversed,
                    ExceedsHold,
                    ReversalWindow,
                    Cancelled,
                    Capacity,
                    Used,
                    NotOwner,
                    Void,
                ],
            ],
        ),
        (
            "CONFIRM",
            &[&[
                OperationMismatch,
                HoldReleased,
                HoldNotFound,
                NotActive,
                HoldExpiredNoStock,
                ExceedsHold,
                OutOfStock,
                KeyReplaced,
                Cancelled,
                DeadlinePassed,
                OperationTooOld,
            ]],
        ),
        ("RELEASE", &[&[HoldConfirmed, HoldNotFound, NotActive, Cancelled, DeadlinePassed, OperationTooOld]]),
        ("CANCEL", &[&[HoldConfirmed, RuleFailed, OperationTooOld, ClockAhead, DeadlinePassed, Capacity]]),
        ("STOCK_SHOW", &[&[NotFound, CrossSlot]]),
        ("STOCK_CHANNELS", &[&[NotFound, CrossSlot]]),
        ("OPERATION_SHOW", &[&[NotFound, OperationTooOld]]),
        ("STOCK_LIMITS", &[with_id, &[CrossSlot, NotFound, RuleFailed, Capacity]]),
        ("STOCK_PRICE", &[with_id, &[CrossSlot, NotFound, RuleFailed, Capacity]]),
        ("RISK_SET", &[with_id, &[NotFound, Capacity]]),
        ("BLOCK_SET", &[with_id, &[NotFound, Capacity]]),
        ("STOCK_TERMS_SHOW", &[&[NotFound, CrossSlot]]),
        ("RISK_SHOW", &[&[]]),
        ("ZONE_SET", &[with_id, &[RuleFailed, Capacity]]),
        ("ZONE_SHOW", &[&[]]),
        ("LINK", &[with_id, &[RuleFailed, Capacity]]),
        ("UNLINK", &[with_id, &[NotFound, Capacity]]),
        ("IDENTITY_SHOW", &[&[]]),
        ("LABEL", &[with_id, &[Capacity]]),
        ("ERASE", &[with_id, &[Capacity]]),
        ("CAMPAIGN_CREATE", &[with_id, &[CrossSlot, RuleFailed, Capacity]]),
        ("CAMPAIGN_EDIT", &[with_id, &[CrossSlot, NotFound, RuleFailed, Capacity]]),
        ("CAMPAIGN_STATE", &[with_id, &[CrossSlot, NotFound, RuleFailed, Capacity]]),
        ("ISSUE", &[with_id, issues]),
        ("CLAIM", &[with_id, issues]),
        (
            "REDEEM",
            &[
                with_id,
                &[CrossSlot, NotFound, Void, Used, NotActive, Frozen, NotStarted, Expired, OutOfScope],
                &[NotOwner, LockedByOtherOrder, RiskLimit, RuleFailed, BalanceExceeded, Capacity, Cancelled],
            ],
        ),
        (
            "REVERSE",
            &[with_id, &[NotFound, Void, ReversalWindow, AlreadyReversed, ExceedsRedeemed, Capacity]],
        ),
        ("CARD_CHANGE", &[with_id, &[CrossSlot, NotFound, NotActive, RuleFailed, Used, Void, Capacity]]),
        ("TOPUP", &[with_id, entries]),
        ("EARN", &[with_id, entries, &[Used]]),
        ("CARD_REFUND", &[with_id, entries, &[BalanceExceeded]]),
        ("RENEW", &[with_id, &[CrossSlot, NotFound, RuleFailed, Void, NotActive, Frozen, Capacity]]),
        ("LEVEL", &[with_id, entries]),
        ("GIFT", &[with_id, gifts, &[LockedByOtherOrder]]),
        ("ACCEPT_GIFT", &[with_id, gifts]),
        ("CANCEL_GIFT", &[with_id, gifts]),
        ("GROUP_OPEN", &[with_id, issues]),
        ("GROUP_JOIN", &[with_id, groups, &[Frozen, RiskLimit, UserLimit, ChannelQuota, OutOfStock]]),
        ("GROUP_LEAVE", &[groups, &[NotOwner]]),
        ("GROUP_SHOW", &[&[NotFound]]),
        ("CAMPAIGN_VOID", &[with_id, &[CrossSlot, NotFound, RuleFailed, Void, Capacity]]),
        ("CARD_BATCH_VOID", &[with_id, &[CrossSlot, NotFound, RuleFailed, Void, Capacity]]),
        ("CARD_BATCH_RECYCLE", &[with_id, &[CrossSlot, NotFound, RuleFailed, Void, NotStarted, Capacity]]),
        (
            "RECYCLE",
            &[
                with_id,
                gifts,
                &[NotStarted, LockedByOtherOrder, CampaignLimit, BudgetExceeded, ChannelQuota, OutOfStock],
            ],
        ),
        ("MERGE", &[with_id, entries, &[Used, NotOwner, LockedByOtherOrder]]),
        ("CAMPAIGN_SHOW", &[&[CrossSlot, NotFound]]),
        ("CARD_SHOW", &[&[CrossSlot, NotFound]]),
        ("WALLET_SHOW", &[&[CrossSlot, NotFound]]),
        ("QUOTE", &[&[RuleFailed]]),
    ];
    let [owed, settled, unfulfilled, confirms] = total.debts;
    assert!(confirms > 100, "CONFIRMs that are owed: {confirms}");
    let [replacements, came, never] = total.replacements;
    assert!(replacements > 500 && came > 100 && never > 10, "replacements: {:?}", total.replacements);
    assert!(owed > 5_000 && settled > 1_000 && unfulfilled > 1_000, "debts: {:?}", total.debts);
    for (command, codes) in expected {
        let answers = codes.concat().into_iter().map(Some).chain([None]);
        let missing: Vec<_> = answers.filter(|code| !total.answers.contains_key(&(command, *code))).collect();
        assert!(missing.is_empty(), "no history has {command} answered with {missing:?}");
    }
}

#[test]
fn replaying_the_log_gives_the_live_state() {
    for_each_seed(setting("SCRIP_MODEL_SEEDS").unwrap_or(1_000), |seed| {
        let mut history = History::new(seed);
        for step in 1..=steps_of(seed) {
            history.step().unwrap_or_else(|report| panic!("{report}"));
            if step % 150 == 0 || step == steps_of(seed) {
                let replayed = history.world.replayed();
                let (live, replay) = (history.world.engine.digest(), replayed.digest());
                assert_eq!(replay, live, "seed {seed}, after step {step}: the log gives another state");
                replayed.recount().unwrap_or_else(|error| panic!("seed {seed}, after step {step}: {error}"));
                assert_eq!(replayed.floor_ms(), history.world.engine.floor_ms());
            }
        }
    });
}

#[test]
fn the_log_can_be_replayed_into_smaller_tables() {
    for_each_seed(300, |seed| {
        let mut history = History::new(seed);
        for _ in 0..steps_of(seed) {
            history.step().unwrap_or_else(|report| panic!("{report}"));
        }
        let small = history.world.replayed_into(SMALL);
        assert_eq!(small.digest(), history.world.engine.digest(), "seed {seed}");
        small.recount().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    });
}

#[test]
fn the_seed_of_the_hash_tables_changes_nothing() {
    for_each_seed(200, |seed| {
        let [one, other] = [1, u64::MAX].map(|hash_seed| {
            let mut history = History::with_hash_seed(seed, hash_seed);
            for _ in 0..steps_of(seed) {
                history.step().unwrap_or_else(|report| panic!("{report}"));
            }
            (history.world.log.bytes.clone(), history.world.engine.digest())
        });
        assert!(one == other, "seed {seed}: the log depends on the hash seed");
    });
}

/// The last recorded answer of each operation: the first number tells commands on holds apart from what made them.
type Recorded = BTreeMap<(u8, Key), (OwnedRequest, OwnedOutcome)>;

#[test]
fn a_retry_of_any_command_gives_the_same_body() {
    for_each_seed(setting("SCRIP_MODEL_SEEDS").unwrap_or(2_000), |seed| {
        let mut history = History::new(seed);
        let mut recorded = Recorded::new();
        for _ in 0..steps_of(seed).min(400) {
            history.step().unwrap_or_else(|report| panic!("{report}"));
            let Some((request, answer)) = history.last.clone() else { continue };
            if keep(&mut recorded, &request, &answer) {
                let events = history.world.log.events;
                assert_repeats(&history.world.ask(&request), &answer, &format!("seed {seed}, at once"));
                assert_eq!(history.world.log.events, events, "seed {seed}: a repeat logs nothing: {request}");
            }
        }
        // A change of rules may let the floor rise without time passing: let it, on both sides of the restart.
        history.world.wait(0);
        recorded.retain(|(_, key), _| history.world.oracle.record(*key).is_some());
        let mut later = Vec::new();
        for (request, answer) in recorded.values() {
            let again = history.world.ask(request);
            assert_repeats(&again, answer, &format!("seed {seed}, later: {request}"));
            later.push((request, again));
        }
        let mut replayed = history.world.replayed();
        let mut settled = Log::default();
        while replayed.must_settle() {
            replayed.settle(&mut settled);
        }
        assert_eq!(settled.events, 0, "seed {seed}: all that could be was settled before the restart");
        for (request, live) in later {
            let again = ask(&mut replayed, &history.world, request);
            assert_eq!(again, live, "seed {seed}, after a restart: {request}");
        }
    });
}

/// The same answer, but for what may have become of it since: keys void, replaced or reclaimed, a debt settled or ended,
/// a take cancelled; an export reads on.
fn assert_repeats(again: &OwnedOutcome, first: &OwnedOutcome, when: &str) {
    assert!(again.repeats(first), "{when}: answered {first:?}, now {again:?}");
}

/// Keeps an answer that must stay the same for ever; answers whether it is one.
fn keep(recorded: &mut Recorded, request: &OwnedRequest, answer: &OwnedOutcome) -> bool {
    let key = key_of(&request.envelope);
    let refused = answer.code().is_some();
    let class = match &request.command {
        _ if request.is_query() => return false,
        OwnedCommand::Confirm { .. } if answer.code() == Some(Code::HoldExpiredNoStock) => 1,
        OwnedCommand::Confirm { .. } if !refused => 1,
        OwnedCommand::Release if !refused => 2,
        OwnedCommand::Cancel if !refused => 3,
        OwnedCommand::Confirm { .. } | OwnedCommand::Release | OwnedCommand::Cancel => return false,
        OwnedCommand::Sell { paid: true, .. } if is_business(answer) => 0,
        _ if !refused => 0,
        _ => return false,
    };
    if class == 0 && recorded.get(&(0, key)).is_none_or(|(known, _)| known != request) {
        // The id was forgotten and means something new.
        (1..=3).for_each(|class| drop(recorded.remove(&(class, key))));
    }
    if *answer == OwnedOutcome::Cancelled(Cancelled::Nothing) {
        // The id was forgotten, if it ever meant something, and means nothing from now on.
        (0..=2).for_each(|class| drop(recorded.remove(&(class, key))));
    }
    recorded.insert((class, key), (request.clone(), answer.clone()));
    true
}

/// Whether a paid SELL got this from the checks of the command itself, whose refusals are recorded.
fn is_business(answer: &OwnedOutcome) -> bool {
    let before = [
        Code::OperationMismatch,
        Code::OperationTooOld,
        Code::ClockAhead,
        Code::DeadlinePassed,
        Code::CrossSlot,
        Code::Capacity,
        // Which key it names changes with every replacement.
        Code::KeyReplaced,
    ];
    answer.code().is_none_or(|code| !before.contains(&code))
}

fn ask(engine: &mut Engine, world: &World, request: &OwnedRequest) -> OwnedOutcome {
    let mut log = Log::default();
    let answer = request.with(|request| OwnedOutcome::from(engine.execute(world.now_ms, request, &mut log)));
    assert_eq!(log.events, 0, "a repeat logs nothing: {request}");
    answer
}
