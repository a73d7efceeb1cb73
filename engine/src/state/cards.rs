//! Cards: their records, in pages by serial, and the wallets they lie in.
//!
//! A card that was issued to an owner has a record from then on. A bearer card has none until something happens to it:
//! its batch says all that is to be known (a hundred million of them cost no memory). So records lie in pages of 64
//! consecutive serials of a campaign, found by an index over campaign and page; a record that is not in use is zero.
//! Neither cards nor pages ever leave memory.
//!
//! A wallet is the list of an owner's cards of one merchant and slot: one index entry names the newest, each record the one
//! before it.
//!
//! Invariant: the handle of a record is its page's number times 64 plus its place; available + held + consumed of a record are
//! the units that its campaign gives a card and what was supplied since (`lots.rs`), but for those that are void; each record with an owner hangs in
//! exactly his wallet.

mod wallet;

use super::State;
use super::campaigns::Campaign;
use super::index::Index;
use super::memory::Memory;
use super::recount::{RecountError, same};
use super::table::{Handle, NONE};
use crate::command::{CampaignKind, CardState, Definition};
use crate::commands::worth::second;
use crate::ids::{CardId, ChannelId, MerchantId, Slot, UserId};
use crate::limits::{CARDS_PER_PAGE, Capacity, WALLET_CARDS_SCANNED_MAX};
use xxhash_rust::xxh3::Xxh3;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CardRecord {
    /// Whose it is; 0: a bearer card.
    pub owner: u128,
    /// Units left.
    pub available: u32,
    /// Units used.
    pub consumed: u32,
    /// Units in holds.
    pub held: u32,
    /// Valid from, seconds; 0: open.
    pub from_s: u32,
    /// Valid until, seconds; 0: open.
    pub until_s: u32,
    /// The owner's card that he got before this one; [`NONE`]: this is his first.
    pub older: u32,
    /// Its newest redemption in memory that is not reversed whole; [`NONE`]: there is none.
    pub redemption: u32,
    /// The channel that issued it.
    pub channel: u16,
    /// A [`CardState`] in the lower 3 bits, the level of a pass in the next 4, [`CardRecord::OWN_TIMES`]; 0: there is no
    /// such record.
    state: u8,
    /// The generation of its code.
    pub generation: u8,
}

const _: () = assert!(size_of::<CardRecord>() == 48);

impl CardRecord {
    /// Flag beside the state: its times were the command's.
    const OWN_TIMES: u8 = 0x80;
    /// Where the state lies.
    const STATE: u8 = 0x07;
    /// In place of the level: it went back to the supply.
    const RECYCLED: u8 = 15;
    /// The bits below the level.
    const LEVEL_SHIFT: u32 = 3;

    /// A card that nothing has happened to yet, outside of any wallet.
    pub fn new(owner: UserId, definition: &Definition, channel: ChannelId) -> CardRecord {
        let state = if definition.inactive() { CardState::Inactive } else { CardState::Active };
        let level = u8::from(definition.kind == CampaignKind::Pass as u8);
        CardRecord {
            owner: owner.0,
            available: definition.units.get(),
            consumed: 0,
            held: 0,
            from_s: 0,
            until_s: 0,
            older: NONE,
            redemption: NONE,
            channel: channel.0,
            state: state as u8 | level << CardRecord::LEVEL_SHIFT,
            generation: 0,
        }
    }

    /// The same card with these times; `own`: they are the command's.
    pub fn valid(self, (from_s, until_s): (u32, u32), own: bool) -> CardRecord {
        let flag = if own { CardRecord::OWN_TIMES } else { 0 };
        CardRecord { from_s, until_s, state: self.state | flag, ..self }
    }

    /// Whether there is such a record.
    #[inline]
    pub fn is_made(&self) -> bool {
        self.state != 0
    }

    /// Where it stands. Panics on a record that is not in use.
    #[inline]
    pub fn state(&self) -> CardState {
        CardState::from_number(self.state & CardRecord::STATE).expect("a card in use has a state")
    }

    /// Moves it to a state.
    pub(crate) fn set_state(&mut self, state: CardState) {
        self.state = self.state & !CardRecord::STATE | state as u8;
    }

    /// Its level, from 1; 0: it is no pass.
    pub fn level(&self) -> u8 {
        match (self.state & !CardRecord::OWN_TIMES) >> CardRecord::LEVEL_SHIFT {
            CardRecord::RECYCLED => 0,
            level => level,
        }
    }

    /// It goes back to the supply.
    pub(crate) fn set_recycled(&mut self) {
        let others = CardRecord::OWN_TIMES | CardRecord::STATE;
        self.state = self.state & others | CardRecord::RECYCLED << CardRecord::LEVEL_SHIFT;
    }

    /// Whether it went back to the supply, by itself.
    pub fn is_recycled(&self) -> bool {
        (self.state & !CardRecord::OWN_TIMES) >> CardRecord::LEVEL_SHIFT == CardRecord::RECYCLED
    }

    /// Gives a pass a level, 1 to 8.
    pub(crate) fn set_level(&mut self, level: u8) {
        let others = CardRecord::OWN_TIMES | CardRecord::STATE;
        self.state = self.state & others | level << CardRecord::LEVEL_SHIFT;
    }

    /// Units gone for good, of so many that it was given: all that lie nowhere else.
    pub fn void(&self, total: u64) -> u32 {
        let elsewhere: u64 = [self.available, self.held, self.consumed].map(u64::from).iter().sum();
        u32::try_from(total - elsewhere).expect("a card is given what 32 bits can count")
    }

    /// Held units go back; of a void card they are void.
    pub(crate) fn free(&mut self, units: u32) {
        self.held = self.held.checked_sub(units).expect("what is freed was held");
        if self.state() != CardState::Void {
            self.available += units;
        }
    }

    /// Units of it are held.
    pub(crate) fn hold(&mut self, units: u32) {
        self.available = self.available.checked_sub(units).expect("a card is taken for what it has");
        self.held += units;
    }

    /// Held units are used; `never_used`: its kind stays active without units.
    pub(crate) fn use_held(&mut self, units: u32, never_used: bool) {
        self.held = self.held.checked_sub(units).expect("what is used was held");
        self.consumed += units;
        if never_used {
            return;
        }
        if self.available == 0 && self.held == 0 && self.state() != CardState::Void {
            self.set_state(CardState::Used);
        }
    }

    /// Used units go back; of a void card they are void, as of one whose campaign or batch has *ended*.
    pub(crate) fn give_back(&mut self, units: u32, ended: bool) {
        self.consumed = self.consumed.checked_sub(units).expect("what is given back was used");
        match self.state() {
            _ if ended => return,
            CardState::Void => return,
            CardState::Used => self.set_state(CardState::Active),
            _ => {}
        }
        self.available += units;
    }

    /// Whether its times were the command's: activation leaves them alone.
    pub fn own_times(&self) -> bool {
        self.state & CardRecord::OWN_TIMES != 0
    }
}

/// Which cards a page is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Page {
    /// The campaign's handle.
    campaign: u32,
    /// The serials of its cards div 64.
    page: u32,
    /// When the first of its cards that are of no batch was issued, seconds, rounded down; 0: there is none.
    issued_from_s: u32,
}

/// When the cards of an ISSUE or CLAIM were valid as it made them: its repeat says so, whatever became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IssueTimes {
    /// Valid from, seconds; 0: open.
    pub from_s: u32,
    /// Valid until, seconds; 0: open.
    pub until_s: u32,
}

const PER_PAGE: u64 = CARDS_PER_PAGE as u64;

/// Records, pages, wallets.
pub struct Cards {
    records: Memory<CardRecord>,
    pages: Memory<Page>,
    pages_used: u32,
    page_index: Index,
    /// The newest card of each wallet.
    wallets: Index,
    /// By the handle of the operation record of an ISSUE or CLAIM, or, as a number, of a RETURN of pieces of a quote; elsewhere it
    /// says nothing.
    issue_times: Memory<IssueTimes>,
}

impl Cards {
    /// Nothing, with room for so many, all of its memory touched.
    pub fn new(capacity: &Capacity) -> Cards {
        let pages = pages_max(capacity);
        Cards {
            records: Memory::new(pages as usize * CARDS_PER_PAGE),
            pages: Memory::new(pages as usize),
            pages_used: 0,
            page_index: Index::new(pages),
            // A card never lacks room for its wallet.
            wallets: Index::new(capacity.cards_max),
            issue_times: Memory::new(capacity.operations_max as usize),
        }
    }

    /// Pages in use.
    pub fn pages(&self) -> u32 {
        self.pages_used
    }

    /// The record with this handle.
    #[inline]
    pub fn get(&self, handle: Handle) -> &CardRecord {
        self.records.get(handle.0 as usize)
    }

    /// The record with this handle, to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, handle: Handle) -> &mut CardRecord {
        self.records.get_mut(handle.0 as usize)
    }

    /// All records in use, in order of handles.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &CardRecord)> {
        let records = 0..self.pages_used * CARDS_PER_PAGE as u32;
        records.map(|handle| (Handle(handle), self.get(Handle(handle)))).filter(|(_, card)| card.is_made())
    }

    /// The handle of a card's campaign, and its serial in it.
    #[inline]
    pub fn place(&self, handle: Handle) -> (Handle, u64) {
        let at = u64::from(handle.0);
        let page = self.pages.get((at / PER_PAGE) as usize);
        (Handle(page.campaign), u64::from(page.page) * PER_PAGE + at % PER_PAGE)
    }

    /// The times that an ISSUE or CLAIM gave its cards.
    pub fn issue_times(&self, operation: Handle) -> IssueTimes {
        *self.issue_times.get(operation.0 as usize)
    }

    /// Notes the times that an ISSUE or CLAIM gives its cards. Grows with the table of operations, which only history can
    /// make grow.
    pub(crate) fn set_issue_times(&mut self, operation: Handle, times: IssueTimes) {
        let index = operation.0 as usize;
        if index >= self.issue_times.capacity() {
            self.issue_times.grow((2 * index).max(1024));
        }
        *self.issue_times.get_mut(index) = times;
    }

    /// What a RETURN of pieces of a quote has noted beside its number.
    pub fn noted(&self, operation: Handle) -> u64 {
        let IssueTimes { from_s, until_s } = self.issue_times(operation);
        u64::from(until_s) << 32 | u64::from(from_s)
    }

    /// Notes something of a RETURN of pieces of a quote, where an ISSUE has its times.
    pub(crate) fn note(&mut self, operation: Handle, noted: u64) {
        let (from_s, until_s) = (noted as u32, (noted >> 32) as u32);
        self.set_issue_times(operation, IssueTimes { from_s, until_s });
    }
}

/// Pages that there is room for.
pub fn pages_max(capacity: &Capacity) -> u32 {
    capacity.cards_max.div_ceil(CARDS_PER_PAGE as u32)
}

/// What its owner got after a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newer {
    /// Nothing.
    None,
    /// This one.
    Card(Handle),
    /// It lies behind so many of his cards that it was not looked for.
    TooFar,
}

/// A card that was found: as its record says, or as its batch says while it has none.
#[derive(Clone, Copy)]
pub struct Found<'s> {
    /// Its campaign.
    pub campaign: &'s Campaign,
    /// What is to be known of it.
    pub card: CardRecord,
    /// Its record, if it has one.
    pub record: Option<Handle>,
}

impl State {
    /// All units that a card was ever given.
    pub fn units_given(&self, found: &Found<'_>) -> u64 {
        let filled = found.record.filter(|_| found.campaign.definition.kind().is_filled());
        let supplied = filled.map_or(0, |record| self.supplied(record));
        u64::from(found.campaign.definition.units.get()) + supplied
    }

    /// Units of a card that are gone for good.
    pub fn void_units_of(&self, found: &Found<'_>) -> u32 {
        found.card.void(self.units_given(found))
    }

    #[inline]
    fn page_hash(&self, campaign: Handle, page: u32) -> u32 {
        self.hasher.hash_one((campaign.0, page)) as u32
    }

    #[inline]
    fn find_page(&self, campaign: Handle, page: u32) -> Option<Handle> {
        self.cards.page_index.find(self.page_hash(campaign, page), |handle| {
            let found = self.cards.pages.get(handle.0 as usize);
            (found.campaign, found.page) == (campaign.0, page)
        })
    }

    /// Pages that cards with these serials would take besides those there are.
    pub fn pages_lacking(&self, campaign: Handle, first: u64, count: u32) -> u32 {
        let pages = first / PER_PAGE..=(first + u64::from(count) - 1) / PER_PAGE;
        pages.filter(|page| self.find_page(campaign, *page as u32).is_none()).count() as u32
    }

    /// The record of a card, if it has one.
    #[inline]
    pub fn card_record(&self, campaign: Handle, serial: u64) -> Option<Handle> {
        let page = self.find_page(campaign, (serial / PER_PAGE) as u32)?;
        let record = Handle(page.0 * CARDS_PER_PAGE as u32 + (serial % PER_PAGE) as u32);
        self.cards.get(record).is_made().then_some(record)
    }

    /// A card that was issued, whoever's campaign it is of; void if that has ended, or its batch.
    #[inline]
    pub fn find_card(&self, card: CardId) -> Option<Found<'_>> {
        let handle = self.campaigns.of_card(card)?;
        let campaign = self.campaigns.get(handle);
        if card.serial() >= campaign.issued {
            return None;
        }
        let record = self.card_record(handle, card.serial());
        let serial = card.serial();
        let mut card = match record {
            Some(record) => *self.cards.get(record),
            None => bearer_card(campaign, serial),
        };
        if campaign.has_ended(serial, card.owner == 0) {
            card = card.of_ended();
        }
        Some(Found { campaign, card, record })
    }

    /// A second, rounded down, before which a card was not issued: when its batch was; or, of a card that is of none, when the
    /// first of its page was.
    pub fn not_issued_before_s(&self, card: CardId, found: &Found<'_>) -> u32 {
        let page = |record: Handle| self.cards.pages.get(record.0 as usize / CARDS_PER_PAGE).issued_from_s;
        match found.campaign.batch_of(card.serial()) {
            Some(batch) => batch.issued_s,
            None => found.record.map_or(0, page),
        }
    }

    /// The same, as it is at this time.
    #[inline]
    pub fn find_card_at(&self, card: CardId, now_ms: u64) -> Option<Found<'_>> {
        let mut found = self.find_card(card)?;
        if let (CardState::Gifting, Some(record)) = (found.card.state(), found.record) {
            found.card = self.card_at(record, now_ms);
        }
        Some(found)
    }

    /// The id of the card with this record.
    pub fn card_id(&self, record: Handle) -> CardId {
        let (campaign, serial) = self.cards.place(record);
        self.campaigns.get(campaign).card(serial)
    }

    /// Merchant and slot of the card with this record.
    #[inline]
    pub fn owner_of_card(&self, record: Handle) -> (MerchantId, Slot) {
        let (campaign, _) = self.cards.place(record);
        let stock = self.stock(self.campaigns.get(campaign).stock);
        (stock.merchant, stock.id.slot())
    }
}

/// A bearer card that nothing has happened to.
fn bearer_card(campaign: &Campaign, serial: u64) -> CardRecord {
    let batch = campaign.batch_of_bearer(serial);
    CardRecord::new(UserId(0), &campaign.definition, batch.channel)
        .valid((batch.from_s, batch.until_s), batch.own_times)
}

/// Writing: for `apply` alone.
impl State {
    /// A card is issued that is of no batch.
    pub(crate) fn issue_card(&mut self, campaign: Handle, serial: u64, card: CardRecord) -> Handle {
        let handle = self.make_card(campaign, serial, card);
        let page = self.cards.pages.get_mut(handle.0 as usize / CARDS_PER_PAGE);
        if page.issued_from_s == 0 {
            page.issued_from_s = second(self.now_ms);
        }
        handle
    }

    /// Makes the record of a card, and its page if there is none.
    fn make_card(&mut self, campaign: Handle, serial: u64, card: CardRecord) -> Handle {
        let page = (serial / PER_PAGE) as u32;
        let found = match self.find_page(campaign, page) {
            Some(found) => found,
            None => self.make_page(campaign, page),
        };
        let handle = Handle(found.0 * CARDS_PER_PAGE as u32 + (serial % PER_PAGE) as u32);
        let record = self.cards.get_mut(handle);
        assert!(!record.is_made(), "a card is issued once");
        *record = card;
        self.note_end(handle);
        handle
    }

    fn make_page(&mut self, campaign: Handle, page: u32) -> Handle {
        let made = self.cards.pages_used;
        if made as usize >= self.cards.pages.capacity() {
            // Only history can make it grow, and cards that were held while there was room.
            let pages = (2 * made as usize).max(16);
            self.cards.pages.grow(pages);
            self.cards.records.grow(pages * CARDS_PER_PAGE);
        }
        self.cards.pages_used += 1;
        *self.cards.pages.get_mut(made as usize) = Page { campaign: campaign.0, page, issued_from_s: 0 };
        let hash = self.page_hash(campaign, page);
        self.cards.page_index.insert(hash, Handle(made));
        Handle(made)
    }

    /// The record of a card that was issued, made if it is a bearer card that has none.
    pub(crate) fn touch_card(&mut self, card: CardId) -> Handle {
        let found = self.find_card(card).expect("the log names a card that was issued");
        let bearer = found.card;
        match found.record {
            Some(record) => {
                self.settle_gift(record);
                record
            }
            None => {
                let campaign = self.campaigns.of_card(card).expect("found before");
                self.make_card(campaign, card.serial(), bearer)
            }
        }
    }
}
