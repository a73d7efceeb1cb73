//! Given codes: those that were not derived, and what each names. A code that was made elsewhere names a bearer card for good; one
//! that people type to claim a card names a campaign, until an operator takes that back.
//!
//! Who reads this table can't read the codes: it has keyed hashes, which the edge makes.
//!
//! Invariant: a merchant has a code once in a slot; the cards that codes name are those of imported batches, one each.

use super::State;
use super::digest::feed;
use super::index::Index;
use super::recount::{RecountError, same};
use super::table::{Handle, Table};
use crate::ids::{CardId, GivenCode, MerchantId, Slot, StockId};
use crate::limits::Capacity;
use xxhash_rust::xxh3::Xxh3;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What a given code names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A bearer card.
    Card(CardId),
    /// A campaign whose cards are claimed under it.
    Campaign(StockId),
}

/// A given code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct CodeRecord {
    code: u128,
    /// The card's id, or the campaign's.
    named: u64,
    merchant: u32,
    slot: u16,
    /// [`CodeRecord::CARD`] or [`CodeRecord::CAMPAIGN`].
    kind: u16,
}

const _: () = assert!(size_of::<CodeRecord>() == 32);

impl CodeRecord {
    const CARD: u16 = 1;
    const CAMPAIGN: u16 = 2;

    fn new((merchant, slot): (MerchantId, Slot), code: GivenCode, named: Named) -> CodeRecord {
        let (named, kind) = match named {
            Named::Card(card) => (card.0, CodeRecord::CARD),
            Named::Campaign(campaign) => (campaign.0, CodeRecord::CAMPAIGN),
        };
        CodeRecord { code: code.0, named, merchant: merchant.0, slot: slot.0, kind }
    }

    fn named(&self) -> Named {
        if self.kind == CodeRecord::CARD {
            Named::Card(CardId(self.named))
        } else {
            Named::Campaign(StockId(self.named))
        }
    }
}

/// All given codes.
pub struct GivenCodes {
    records: Table<CodeRecord>,
    index: Index,
}

/// A code is a keyed hash: any part of it spreads evenly.
const fn hash_of(code: GivenCode) -> u32 {
    code.0 as u32
}

impl GivenCodes {
    /// Nothing, with room for so many.
    pub fn new(capacity: &Capacity) -> GivenCodes {
        GivenCodes {
            records: Table::new(capacity.given_codes_max),
            index: Index::new(capacity.given_codes_max),
        }
    }

    /// Codes in memory.
    pub fn used(&self) -> u32 {
        self.records.used()
    }

    /// Begins to bring what a look-up of a code needs into the cache.
    pub fn prefetch(&self, code: GivenCode) {
        self.index.prefetch(hash_of(code));
    }

    #[inline]
    fn find(&self, (merchant, slot): (MerchantId, Slot), code: GivenCode) -> Option<Handle> {
        self.index.find(hash_of(code), |handle| {
            let record = self.records.get(handle);
            record.code == code.0 && (record.merchant, record.slot) == (merchant.0, slot.0)
        })
    }

    /// What a code of a merchant names in a slot.
    #[inline]
    pub fn named(&self, owner: (MerchantId, Slot), code: GivenCode) -> Option<Named> {
        self.find(owner, code).map(|handle| self.records.get(handle).named())
    }
}

impl State {
    /// Compares codes with the batches of the cards that they name, and with campaigns.
    pub(super) fn compare_given_codes(&self) -> Result<(), RecountError> {
        let GivenCodes { records, index } = &self.given_codes;
        let (mut codes, mut cards) = (0u64, 0u64);
        for (handle, record) in records.iter().filter(|(_, record)| record.kind != 0) {
            codes += 1;
            let owner = (MerchantId(record.merchant), Slot(record.slot));
            let found = self.given_codes.find(owner, GivenCode(record.code));
            same("given codes by their hashes", u64::from(found == Some(handle)), 1)?;
            match record.named() {
                Named::Campaign(campaign) => {
                    let there = self.campaign_of(owner.0, campaign).is_some() && campaign.slot() == owner.1;
                    same("campaigns of given codes", u64::from(there), 1)?;
                }
                Named::Card(card) => {
                    cards += 1;
                    let campaign = self.campaigns.of_card(card).map(|handle| self.campaigns.get(handle));
                    let batch = campaign.and_then(|campaign| campaign.batch_of(card.serial()));
                    let there = batch.is_some_and(|batch| batch.imported) && card.slot() == owner.1;
                    same("cards of given codes", u64::from(there), 1)?;
                }
            }
        }
        same("given codes", u64::from(records.used()), codes)?;
        same("given codes", u64::from(index.used()), codes)?;
        let batches = self.campaigns.iter().flat_map(|(_, campaign)| &campaign.batches);
        let imported = batches.filter(|batch| batch.imported).map(|batch| u64::from(batch.count)).sum();
        same("cards with given codes", cards, imported)
    }

    pub(super) fn digest_given_codes(&self, hash: &mut Xxh3) {
        feed(hash, &self.given_codes.records);
    }
}

/// Writing: for `apply` alone.
impl State {
    /// A code names something from now on, in place of what it named before. Panics if that was a card.
    pub(crate) fn give_code(&mut self, owner: (MerchantId, Slot), code: GivenCode, named: Named) {
        let record = CodeRecord::new(owner, code, named);
        if let Some(found) = self.given_codes.find(owner, code) {
            let before = self.given_codes.records.get_mut(found);
            assert!(before.kind == CodeRecord::CAMPAIGN, "a code names its card for good");
            *before = record;
            return;
        }
        let handle = self.given_codes.records.insert(record);
        self.given_codes.index.insert(hash_of(code), handle);
    }

    /// A code names nothing any more. Panics if it named a card, or nothing.
    pub(crate) fn take_code(&mut self, owner: (MerchantId, Slot), code: GivenCode) {
        let found = self.given_codes.find(owner, code).expect("only a code that is there is taken back");
        let record = self.given_codes.records.get(found);
        assert!(record.kind == CodeRecord::CAMPAIGN, "a code names its card for good");
        self.given_codes.index.remove(hash_of(code), found);
        self.given_codes.records.remove(found);
    }
}
