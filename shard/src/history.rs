//! The history of one card, or of one person: the events of a log that it had a part in, in order.
//!
//! It stands beside the report because it reads like it: an event that names a redemption or a hold is looked at while the engine
//! still knows whose those are. Invariant: whatever has changed the card's record is told; of a person, whatever names one of his ids,
//! an order of his or a card that is his then.

use crate::recovery::{RecoveryError, for_each_event_with_facts};
use scrip_engine::Engine;
use scrip_engine::command::{CardState, SubjectKind};
use scrip_engine::event::{
    self, CampaignEvent, CodeEvent, Event, EventMember, EventSale, GiftEntry, GroupEvent, NoticeEvent,
    PersonEvent, RecycledFor, RiskEvent, ShareEvent,
};
use scrip_engine::ids::{CardId, MerchantId, OperationId, OperationKey, StockId, UserId};
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

/// Whose history.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A card's.
    Card(CardId),
    /// That of a person of a merchant, by all his ids.
    Person(MerchantId, &'a [UserId]),
}

/// Gives every event of a history to `on_moment`, with the engine before it; answers the engine at the end. `progress` gets (bytes read,
/// bytes in all). Nothing is written, and the log may grow meanwhile.
///
/// # Errors
/// See [`RecoveryError`].
///
/// # Panics
/// If an intact event contradicts the state.
pub fn history<D: Disk>(
    disk: &D,
    shard: u32,
    subject: Subject<'_>,
    progress: impl FnMut(u64, u64),
    mut on_moment: impl FnMut(&Moment<'_>),
) -> Result<Engine, RecoveryError> {
    // A small engine: history makes its tables as large as they must be.
    let mut engine = Engine::new(Capacity::for_memory(64 << 20), Rules::default(), 1);
    let mut at_ms = 0;
    Scanner::new(disk, shard).on_progress(progress).run(|header, payload| {
        for_each_event_with_facts(header, payload, |sequence, event, facts| {
            if let Event::Tick { now_ms } = event {
                at_ms = *now_ms;
            }
            if (Look { state: engine.state(), subject }).is_about(event) {
                on_moment(&Moment { at_ms, sequence, event, facts });
            }
            engine.apply(event);
        })
    })?;
    Ok(engine)
}

/// All ids that were ever said to be one person with `user` of a merchant, in any slot, or with one of those, and himself first.
///
/// # Errors
/// See [`RecoveryError`].
pub fn ids_of_person<D: Disk>(
    disks: impl Iterator<Item = (u32, D)>,
    merchant: MerchantId,
    user: UserId,
) -> Result<Vec<UserId>, RecoveryError> {
    let mut links: Vec<(UserId, UserId)> = Vec::new();
    for (shard, disk) in disks {
        Scanner::new(&disk, shard).run(|header, payload| {
            for_each_event_with_facts(header, payload, |_, event, _| {
                if let Event::Person(PersonEvent::Linked { origin, user, to, .. }) = event {
                    links.extend((origin.merchant == merchant).then_some((*user, *to)));
                }
            })
        })?;
    }
    let mut ids = vec![user];
    let mut next = 0;
    while let Some(id) = ids.get(next).copied() {
        for other in links.iter().filter_map(|(one, other)| match id {
            _ if id == *one => Some(*other),
            _ if id == *other => Some(*one),
            _ => None,
        }) {
            if !ids.contains(&other) {
                ids.push(other);
            }
        }
        next += 1;
    }
    Ok(ids)
}

/// A look at an event that the engine, whose state this is, has not applied yet.
struct Look<'s> {
    state: &'s State,
    subject: Subject<'s>,
}

impl Look<'_> {
    fn user(&self, merchant: MerchantId, user: UserId) -> bool {
        matches!(self.subject, Subject::Person(of, ids) if of == merchant && ids.contains(&user))
    }

    fn card(&self, card: CardId) -> bool {
        match self.subject {
            Subject::Card(asked) => asked == card,
            Subject::Person(..) => self.state.find_card(card).is_some_and(|found| {
                let merchant = self.state.stock_of_campaign(found.campaign).merchant;
                self.user(merchant, UserId(found.card.owner))
            }),
        }
    }

    /// Cards with consecutive serials.
    fn cards(&self, first: CardId, count: u64) -> bool {
        match self.subject {
            Subject::Card(asked) => {
                first.locator() == asked.locator()
                    && (first.serial()..first.serial() + count).contains(&asked.serial())
            }
            Subject::Person(..) => (first.0..first.0 + count).any(|card| self.card(CardId(card))),
        }
    }

    /// Cards with consecutive serials that come to be, and whose they are.
    fn made(
        &self,
        first: CardId,
        merchant: MerchantId,
        owners: impl ExactSizeIterator<Item = UserId>,
    ) -> bool {
        match self.subject {
            Subject::Card(_) => self.cards(first, owners.len() as u64),
            Subject::Person(..) => owners.into_iter().any(|owner| self.user(merchant, owner)),
        }
    }

    fn hold(&self, hold: &OperationKey) -> bool {
        let state = self.state;
        let Some(handle) = state.find_hold(hold, state.record_hash(hold), state.now_ms) else { return false };
        let record = state.holds.get(handle);
        let mut cards = state.card_lines(record).map(|(_, line)| state.card_of_line(line));
        self.user(hold.merchant, UserId(record.user)) || cards.any(|card| self.card(card))
    }

    /// Whether a hold has sold cards that it is about.
    fn sold_by(&self, hold: &OperationKey) -> bool {
        let state = self.state;
        let Some(handle) = state.find_hold(hold, state.record_hash(hold), state.now_ms) else { return false };
        let mut lines = state.lines(state.holds.get(handle)).filter(|line| state.is_of_cards(line));
        lines.any(|line| {
            let first = (line.keys != NONE).then(|| state.card_id(Handle(line.keys)));
            first.is_some_and(|first| self.cards(first, u64::from(line.current)))
        })
    }

    /// The hold that is replaced, if one is.
    fn replaced(&self, replaces: OperationId, key: OperationKey) -> bool {
        replaces != OperationId(0) && self.hold(&OperationKey { operation: replaces, ..key })
    }

    fn redemption(&self, key: &OperationKey) -> bool {
        let state = self.state;
        match state.find_record(key, state.record_hash(key), state.now_ms) {
            Some(Recorded::Redemption(handle)) => {
                self.card(state.card_id(Handle(state.redemptions.get(handle).card)))
            }
            _ => false,
        }
    }

    /// Cards of a campaign that are neither used nor void, but for those of other batches: what ended before is none of this.
    fn ended(&self, campaign: StockId, batch: Option<u64>) -> bool {
        match self.subject {
            Subject::Card(card) => is_of(self.state, card, |of, its| {
                of == campaign && batch.is_none_or(|batch| its == Some(batch))
            }),
            Subject::Person(merchant, ids) => ids.iter().any(|user| {
                let wallet = self.state.wallet((merchant, campaign.slot()), *user);
                wallet.into_iter().any(|record| {
                    is_of(self.state, self.state.card_id(record), |of, _| of == campaign && batch.is_none())
                })
            }),
        }
    }

    fn is_about(&self, event: &Event<'_>) -> bool {
        match event {
            Event::Issued { .. }
            | Event::Codes(_)
            | Event::Share(_)
            | Event::Group(_)
            | Event::Person(_)
            | Event::Risk(_) => self.is_about_users(event),
            Event::Notice(NoticeEvent::Told { rows, .. }) => {
                rows.iter().any(|row| self.cards(row.first(), u64::from(row.count.get())))
            }
            Event::Redeemed { origin, card, buyer, .. }
            | Event::OfflineConflict { origin, card, buyer, .. } => {
                self.card(*card) || self.user(origin.merchant, buyer.user)
            }
            Event::Gift { origin, card, entry } => {
                let to = match entry {
                    GiftEntry::Given { receiver, .. } | GiftEntry::Accepted { receiver } => *receiver,
                    GiftEntry::Cancelled => UserId(0),
                };
                self.card(*card) || self.user(origin.merchant, to)
            }
            Event::CardChanged { card, .. } | Event::Account { card, .. } => self.card(*card),
            Event::Recycled { card, given, .. } => {
                self.card(*card)
                    || match given {
                        RecycledFor::Supply => false,
                        RecycledFor::Points { card: into, .. } => self.card(*into),
                        RecycledFor::Card { made, .. } => self.card(*made),
                    }
            }
            Event::Merged { into, sources, .. } => {
                self.card(*into) || sources.iter().any(|source| self.card(source.card()))
            }
            Event::Campaign(CampaignEvent::Voided { campaign, .. }) => self.ended(*campaign, None),
            Event::CardBatchEnded { campaign, first, .. } => self.ended(*campaign, Some(first.serial())),
            Event::Reversed { origin, redemption, .. } => {
                self.redemption(&OperationKey { operation: *redemption, ..origin.key() })
            }
            event => self.is_about_hold(event),
        }
    }

    fn is_about_users(&self, event: &Event<'_>) -> bool {
        match event {
            Event::Issued { origin, first, count, owner, referral, .. } => {
                let referrer = referral.map_or(UserId(0), |referral| referral.referrer());
                let owners = std::iter::repeat_n(*owner, *count as usize);
                self.made(*first, origin.merchant, owners) || self.user(origin.merchant, referrer)
            }
            Event::Codes(CodeEvent::Imported { origin, first, codes, .. }) => {
                self.made(*first, origin.merchant, std::iter::repeat_n(UserId(0), codes.len()))
            }
            Event::Share(ShareEvent::Rewarded { campaign, first, referrers, .. }) => {
                let found = self.state.find_stock(*campaign).map(|found| self.state.stock(found).merchant);
                let merchant = found.expect("a reward is of a campaign");
                self.made(*first, merchant, referrers.iter().map(|user| UserId(user.get())))
            }
            Event::Share(
                ShareEvent::Received { reward, card, .. } | ShareEvent::Delivered { reward, card },
            ) => self.made(*card, reward.merchant, std::iter::once(reward.referrer)),
            Event::Group(
                GroupEvent::Opened { origin, member, .. } | GroupEvent::Joined { origin, member, .. },
            ) => self.user(origin.merchant, member.user),
            Event::Group(GroupEvent::Left { origin, user, .. }) => self.user(origin.merchant, *user),
            Event::Group(GroupEvent::Filled { origin, first, owners, .. }) => {
                self.made(*first, origin.merchant, owners.iter().map(EventMember::user))
            }
            Event::Person(
                PersonEvent::Unlinked { origin, user, .. }
                | PersonEvent::Labelled { origin, user, .. }
                | PersonEvent::Erased { origin, user, .. },
            ) => self.user(origin.merchant, *user),
            Event::Person(PersonEvent::Linked { origin, user, to, .. }) => {
                self.user(origin.merchant, *user) || self.user(origin.merchant, *to)
            }
            Event::Risk(RiskEvent::BlockSet { origin, block }) => {
                let of_users = [SubjectKind::User, SubjectKind::Referrer].map(|kind| kind as u8);
                of_users.contains(&block.kind) && self.user(origin.merchant, UserId(block.subject.get()))
            }
            _ => false,
        }
    }

    fn is_about_hold(&self, event: &Event<'_>) -> bool {
        match event {
            Event::Taken { origin, buyer, replaces, cards, sales, .. } => {
                self.user(origin.merchant, buyer.user)
                    || cards.iter().any(|line| self.card(line.card()))
                    || sales.iter().any(|sale| self.has_sold(sale))
                    || self.replaced(*replaces, origin.key())
            }
            Event::Owed { origin, buyer, replaces, .. } => {
                self.user(origin.merchant, buyer.user) || self.replaced(*replaces, origin.key())
            }
            Event::SellRefused { origin, buyer, .. } => self.user(origin.merchant, buyer.user),
            Event::Returned { origin, hold, ended, .. } => {
                ended.iter().any(|ended| self.card(CardId(ended.get())))
                    || self.hold(&OperationKey { operation: *hold, ..origin.key() })
            }
            Event::Confirmed { hold, sales, .. } => {
                sales.iter().any(|sale| self.has_sold(sale)) || self.hold(hold)
            }
            Event::ConfirmOwed { hold, .. } | Event::LateRefused { hold, .. } | Event::Released { hold } => {
                self.hold(hold)
            }
            Event::Cancelled { hold } => self.hold(hold) || self.sold_by(hold),
            Event::Extended { origin, hold, .. }
            | Event::Revealed { origin, hold }
            | Event::KeyReplaced { origin, hold, .. }
            | Event::ReplaceOwed { origin, hold, .. }
            | Event::KeyReclaimed { origin, hold, .. } => {
                self.hold(&OperationKey { operation: *hold, ..origin.key() })
            }
            Event::Expired { holds } => holds.iter().any(|hold| self.hold(&hold.key())),
            Event::Settled { holds, keys } | Event::Unfulfilled { holds, keys } => {
                event::debts(holds, keys).any(|(hold, _)| self.hold(&hold))
            }
            _ => false,
        }
    }

    /// Cards that are made for whoever buys them: of a person, who is asked for beside.
    fn has_sold(&self, sale: &EventSale) -> bool {
        matches!(self.subject, Subject::Card(card) if sale.has(card))
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
