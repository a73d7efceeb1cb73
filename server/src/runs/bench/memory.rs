//! `scrip bench memory`: what each record costs, all in, and that a hundred million minted cards cost none.
//!
//! Tables that are not small are mapped, each by itself, and touched whole when they are made (`engine/src/state/memory.rs`), so
//! what the system has mapped for this process says what a record takes with its share of indexes, lists and timers: tables
//! with room for a million more are made, and the difference divided. (Resident memory says so less exactly: the allocator
//! keeps what small tables have left behind, some MiB more or less.) Invariant: nothing is reckoned from the sizes that the
//! code believes in.

use super::super::processes::{RunError, mapped_bytes, resident_bytes};
use scrip_engine::Engine;
use scrip_engine::answer::{Answer, Outcome};
use scrip_engine::command::{
    CampaignCreate, CampaignKind, CampaignState, CampaignTerms, Command, Definition, Envelope, Issue,
    Request, Segments, StockTerms,
};
use scrip_engine::event::{Event, EventSink};
use scrip_engine::ids::{ChannelId, MerchantId, OperationId, Slot, StockId};
use scrip_engine::limits::{Capacity, Rules};
use serde_json::json;

/// Records by which a table is made larger.
const RECORDS: u32 = 1 << 20;
/// Cards that are minted.
const MINTED: u32 = 100_000_000;
/// What they may take in all: an engine that minted none would grow by as much by chance.
const MINTED_BYTES_MAX: u64 = 1 << 20;

/// A kind of record: its name, and a capacity with room for so many more of it.
type Kind = (&'static str, fn(Capacity) -> Capacity);

const KINDS: [Kind; 7] = [
    ("hold of one line, with its order", |room| Capacity { holds_max: room.holds_max + RECORDS, ..room }),
    ("further line", |room| Capacity { extra_lines_max: room.extra_lines_max + RECORDS, ..room }),
    ("operation", |room| Capacity { operations_max: room.operations_max + RECORDS, ..room }),
    ("purchase limit of a subject", |room| Capacity {
        user_limits_max: room.user_limits_max + RECORDS,
        ..room
    }),
    ("card key, without its text", |room| Capacity { keys_max: room.keys_max + RECORDS, ..room }),
    ("card of an owner", |room| Capacity { cards_max: room.cards_max + RECORDS, ..room }),
    ("redemption", |room| Capacity { redemptions_max: room.redemptions_max + RECORDS, ..room }),
];

/// Measures and prints; answers whether minted cards cost nothing.
///
/// # Errors
/// [`RunError`], if this process can't be looked at.
pub fn run(as_json: bool) -> Result<bool, RunError> {
    let mut rows = Vec::new();
    for (name, larger) in KINDS {
        let room = Capacity::for_memory(1 << 20);
        let small = bytes_of(room)?;
        let bytes = bytes_of(larger(room))?.saturating_sub(small);
        rows.push((name, bytes as f64 / f64::from(RECORDS)));
    }
    let minted = mint()?;
    let passed = minted <= MINTED_BYTES_MAX;
    if as_json {
        let records: Vec<_> =
            rows.iter().map(|(name, bytes)| json!({ "record": name, "bytes": bytes })).collect();
        println!(
            "{}",
            json!({ "workload": "memory", "records": records, "minted": MINTED, "minted_bytes": minted, "passed": passed })
        );
        return Ok(passed);
    }
    println!("{:<36}{:>8}", "record, with its share of indexes", "bytes");
    for (name, bytes) in rows {
        println!("{name:<36}{bytes:>8.1}");
    }
    println!("{MINTED} bearer cards, minted and untouched: {minted} bytes in all");
    println!("{}", if passed { "PASSED" } else { "FAILED: minted cards take memory" });
    Ok(passed)
}

/// Bytes that are mapped for the tables of an engine of this capacity.
fn bytes_of(capacity: Capacity) -> Result<u64, RunError> {
    let before = mapped_bytes()?;
    let engine = Engine::new(capacity, Rules::default(), 1);
    let after = mapped_bytes()?;
    drop(engine);
    Ok(after.saturating_sub(before))
}

/// Events that nobody keeps.
struct Nowhere;

impl EventSink for Nowhere {
    fn push(&mut self, _: &Event<'_>) {}
}

/// Mints cards on an engine; answers the bytes by which that made this process larger.
fn mint() -> Result<u64, RunError> {
    const NOW_MS: u64 = 1_700_000_000_000;
    let mut engine = Engine::new(Capacity::for_memory(1 << 20), Rules::default(), 1);
    engine.advance(NOW_MS, &mut Nowhere);
    let campaign = StockId::new(Slot(1), 1);
    let mut definition = Definition { kind: CampaignKind::Item as u8, ..Definition::default() };
    definition.units.set(1);
    let create = CampaignCreate {
        campaign,
        name: b"minted",
        units: u64::from(MINTED),
        terms: StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false },
        layout: 1,
        key: &[0; 32],
        definition: CampaignTerms {
            definition: &definition,
            extension: Default::default(),
            tiers: &[],
            scope: &[],
        },
    };
    let state = CampaignState::Running;
    let mut operation = 0;
    let mut ask = |engine: &mut Engine, command| {
        operation += 1;
        let envelope = Envelope {
            merchant: MerchantId(1),
            slot: Slot(1),
            channel: ChannelId(1),
            operation: OperationId(operation),
            created_ms: NOW_MS,
            deadline_ms: 0,
            segments: Segments::NONE,
        };
        match engine.execute(NOW_MS, &Request { envelope, command }, &mut Nowhere) {
            Outcome::Done(Answer::Issued(issued)) => Ok(u64::from(issued.cards)),
            Outcome::Done(_) => Ok(0),
            Outcome::Refused(rejection) => Err(RunError::Other(format!("minting cards: {rejection:?}"))),
        }
    };
    ask(&mut engine, Command::CampaignCreate(create))?;
    ask(&mut engine, Command::CampaignState { campaign, version: 1, state })?;
    let before = resident_bytes()?;
    let issue = Issue { count: MINTED, ..Issue::of_nobody(campaign) };
    let issued = ask(&mut engine, Command::Issue(issue))?;
    let after = resident_bytes()?;
    if issued != u64::from(MINTED) {
        return Err(RunError::Other(format!("{issued} cards were minted of {MINTED}")));
    }
    Ok(after.saturating_sub(before))
}
