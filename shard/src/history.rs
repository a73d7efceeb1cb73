//! The history of one card: the events of a log that it had a part in, in order.
//!
//! It stands beside the report because it reads like it: an event that names a redemption or a hold is looked at while the engine
//! still knows which cards those are of. Invariant: whatever has changed the card's record is told.

use crate::recovery::{RecoveryError, for_each_event_with_facts};
use scrip_engine::Engine;
use scrip_engine::command::CardState;
use scrip_engine::event::{
    self, CampaignEvent, CodeEvent, Event, GroupEvent, NoticeEvent, RecycledFor, ShareEvent,
};
use scrip_engine::ids::{CardId, OperationId, OperationKey, StockId};
use scrip_engine::limits::{Capacity, Rules};
use scrip_engine::state::State;
use scrip_engine::state::records::Recorded;
use scrip_engine::state::table::{Handle, NONE};
use scrip_wal::{Disk, Scanner};

/// An event of a card's history: when it happened, its sequence, itself, and the facts behind it.
#[derive(Debug)]
pub struct Moment<'a> {
    /// Shard time, ms.
    pub at_ms: u64,
    /// Its place in the log.
    pub sequence: u64,
    /// The event.
    pub event: &'a Event<'a>,
    /// What a gateway has told with it.
    pub facts: &'a [u8],
}

/// Gives every event of a card's history to `on_moment`. `progress` gets (bytes read, bytes in all). Nothing is written, and the
/// log may grow meanwhile.
///
/// # Errors
/// See [`RecoveryError`].
///
/// # Panics
/// If an intact event contradicts the state.
pub fn history<D: Disk>(
    disk: &D,
    shard: u32,
    card: CardId,
    progress: impl FnMut(u64, u64),
    mut on_moment: impl FnMut(&Moment<'_>),
) -> Result<(), RecoveryError> {
    // A small engine: history makes its tables as large as they must be.
    let mut engine = Engine::new(Capacity::for_memory(64 << 20), Rules::default(), 1);
    let mut at_ms = 0;
    Scanner::new(disk, shard).on_progress(progress).run(|header, payload| {
        for_each_event_with_facts(header, payload, |sequence, event, facts| {
            if let Event::Tick { now_ms } = event {
                at_ms = *now_ms;
            }
            if is_about(event, engine.state(), card) {
                on_moment(&Moment { at_ms, sequence, event, facts });
            }
            engine.apply(event);
        })
    })?;
    Ok(())
}

/// Whether a card has a part in an event that the engine, whose state this is, has not applied yet.
fn is_about(event: &Event<'_>, state: &State, card: CardId) -> bool {
    let of_hold = |hold: &OperationKey| {
        let found = state.find_hold(hold, state.record_hash(hold), state.now_ms);
        found.is_some_and(|handle| {
            let mut lines = state.card_lines(state.holds.get(handle));
            lines.any(|(_, line)| state.card_of_line(line) == card)
        })
    };
    let sold_by = |hold: &OperationKey| {
        let found = state.find_hold(hold, state.record_hash(hold), state.now_ms);
        found.is_some_and(|handle| {
            let mut lines = state.lines(state.holds.get(handle)).filter(|line| state.is_of_cards(line));
            lines.any(|line| {
                let first = if line.keys == NONE { None } else { Some(state.card_id(Handle(line.keys))) };
                first.is_some_and(|first| (first.0..first.0 + u64::from(line.current)).contains(&card.0))
            })
        })
    };
    match event {
        Event::Issued { first, count, .. } => {
            first.locator() == card.locator()
                && (first.serial()..first.serial() + u64::from(*count)).contains(&card.serial())
        }
        Event::Codes(CodeEvent::Imported { first, codes, .. }) => {
            first.locator() == card.locator()
                && (first.serial()..first.serial() + codes.len() as u64).contains(&card.serial())
        }
        Event::Share(ShareEvent::Rewarded { first, referrers, .. }) => {
            first.locator() == card.locator()
                && (first.serial()..first.serial() + referrers.len() as u64).contains(&card.serial())
        }
        Event::Share(ShareEvent::Received { card: made, .. } | ShareEvent::Delivered { card: made, .. }) => {
            *made == card
        }
        Event::Group(GroupEvent::Filled { first, owners, .. }) => {
            first.locator() == card.locator()
                && (first.serial()..first.serial() + owners.len() as u64).contains(&card.serial())
        }
        Event::Notice(NoticeEvent::Told { rows, .. }) => rows.iter().any(|row| {
            let (first, count) = (row.first().0, u64::from(row.count.get()));
            (first..first + count).contains(&card.0)
        }),
        Event::Redeemed { card: named, .. }
        | Event::OfflineConflict { card: named, .. }
        | Event::CardChanged { card: named, .. }
        | Event::Account { card: named, .. }
        | Event::Gift { card: named, .. } => *named == card,
        Event::Recycled { card: named, given, .. } => {
            *named == card
                || match given {
                    RecycledFor::Supply => false,
                    RecycledFor::Points { card: into, .. } => *into == card,
                    RecycledFor::Card { made, .. } => *made == card,
                }
        }
        Event::Merged { into, sources, .. } => {
            *into == card || sources.iter().any(|source| source.card() == card)
        }
        // What ended as a part of a whole before is none of this.
        Event::Campaign(CampaignEvent::Voided { campaign, .. }) => {
            is_of(state, card, |of, _| of == *campaign)
        }
        Event::CardBatchEnded { first, .. } => {
            first.locator() == card.locator() && is_of(state, card, |_, batch| batch == Some(first.serial()))
        }
        Event::Reversed { origin, redemption, .. } => {
            let key = OperationKey { operation: *redemption, ..origin.key() };
            match state.find_record(&key, state.record_hash(&key), state.now_ms) {
                Some(Recorded::Redemption(handle)) => {
                    state.card_id(Handle(state.redemptions.get(handle).card)) == card
                }
                _ => false,
            }
        }
        Event::Taken { origin, replaces, cards, sales, .. } => {
            cards.iter().any(|line| line.card() == card)
                || sales.iter().any(|sale| sale.has(card))
                || replaced(*replaces, origin.key(), of_hold)
        }
        Event::Owed { origin, replaces, .. } => replaced(*replaces, origin.key(), of_hold),
        Event::Returned { origin, hold, ended, .. } => {
            ended.iter().any(|ended| ended.get() == card.0)
                || of_hold(&OperationKey { operation: *hold, ..origin.key() })
        }
        Event::Confirmed { hold, sales, .. } => sales.iter().any(|sale| sale.has(card)) || of_hold(hold),
        Event::Cancelled { hold } => of_hold(hold) || sold_by(hold),
        Event::ConfirmOwed { hold, .. } | Event::LateRefused { hold, .. } | Event::Released { hold } => {
            of_hold(hold)
        }
        Event::Expired { holds } => holds.iter().any(|hold| of_hold(&hold.key())),
        Event::Settled { holds, keys } | Event::Unfulfilled { holds, keys } => {
            event::debts(holds, keys).any(|(hold, key)| key.is_none() && of_hold(&hold))
        }
        _ => false,
    }
}

/// Whether a card that is neither used nor void is of this campaign and batch, named by its first serial.
fn is_of(state: &State, card: CardId, fits: impl Fn(StockId, Option<u64>) -> bool) -> bool {
    state.find_card(card).is_some_and(|found| {
        let over = matches!(found.card.state(), CardState::Used | CardState::Void);
        let batch = found.campaign.batch_of(card.serial()).map(|batch| batch.first);
        !over && fits(state.stock_of_campaign(found.campaign).id, batch)
    })
}

/// Whether the hold that is replaced, if one is, is of the card.
fn replaced(replaces: OperationId, key: OperationKey, of_hold: impl Fn(&OperationKey) -> bool) -> bool {
    replaces != OperationId(0) && of_hold(&OperationKey { operation: replaces, ..key })
}
