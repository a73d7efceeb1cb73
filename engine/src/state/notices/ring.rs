//! What gateways were told of last: a ring that forgets the oldest.
//!
//! Every card in it has a number, and a batch of bearer cards one; numbers count up over all merchants of the shard and never come
//! again, so a gateway that remembers one knows whether it has missed any. Invariant: entries follow each other without a gap in
//! numbers; the newest entry grows while what is told goes on with it.

use super::super::memory::Memory;
use crate::event::NoticeRow;
use crate::ids::CardId;
use xxhash_rust::xxh3::Xxh3;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Cards that were told of at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct NoticeRecord {
    /// The number of the first.
    pub number: u64,
    /// Which cards, of what.
    pub row: NoticeRow,
    /// When they were told of, seconds.
    pub at_s: u32,
    spare: u32,
}

const _: () = assert!(size_of::<NoticeRecord>() == 40);

impl NoticeRecord {
    /// The number of the last.
    pub fn last(&self) -> u64 {
        self.number + u64::from(self.row.notices()) - 1
    }

    /// The card with a number of this entry; of a batch its first.
    pub fn card(&self, number: u64) -> CardId {
        if self.row.is_batch() {
            self.row.first()
        } else {
            CardId(self.row.first.get() + number - self.number)
        }
    }
}

/// The newest entries.
pub struct Ring {
    records: Memory<NoticeRecord>,
    most: u64,
    /// Entries ever made.
    made: u64,
    /// Numbers given.
    numbers: u64,
}

impl Ring {
    /// Nothing, with room for so many entries.
    pub(super) fn new(most: u32) -> Ring {
        Ring { records: Memory::new(most as usize), most: u64::from(most.max(1)), made: 0, numbers: 0 }
    }

    /// The number of the newest notice; 0: there was none.
    pub fn newest(&self) -> u64 {
        self.numbers
    }

    /// The number of the oldest notice that is still there; the next one's, if none is.
    pub fn oldest(&self) -> u64 {
        if self.made == 0 { 1 } else { self.get(self.first()).number }
    }

    /// Entries with numbers above this one, the oldest first.
    pub fn above(&self, number: u64) -> impl Iterator<Item = &NoticeRecord> {
        let (mut low, mut high) = (self.first(), self.made);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle).last() <= number {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        (low..self.made).map(|entry| self.get(entry))
    }

    fn first(&self) -> u64 {
        self.made.saturating_sub(self.most)
    }

    fn get(&self, entry: u64) -> &NoticeRecord {
        self.records.get((entry % self.most) as usize)
    }

    /// Cards are told of.
    pub(super) fn push(&mut self, row: &NoticeRow, at_s: u32) {
        let number = self.numbers + 1;
        self.numbers += u64::from(row.notices());
        if self.made > 0 {
            let newest = self.records.get_mut(((self.made - 1) % self.most) as usize);
            if newest.at_s == at_s && newest.row.goes_on_with(row) {
                newest.row.count = U32::new(newest.row.count.get() + row.count.get());
                return;
            }
        }
        let record = NoticeRecord { number, row: *row, at_s, spare: 0 };
        *self.records.get_mut((self.made % self.most) as usize) = record;
        self.made += 1;
    }

    /// However large it is: what was told of last, and how much in all.
    pub(super) fn digest(&self, hash: &mut Xxh3) {
        hash.update([self.made, self.numbers].as_bytes());
        if self.made > 0 {
            hash.update(self.get(self.made - 1).as_bytes());
        }
    }
}

impl NoticeRow {
    /// Cards from `first` on, which end then and are told of so many minutes before.
    pub fn new((first, count): (CardId, u32), until_s: u32, lead_minutes: u32, batch: bool) -> NoticeRow {
        NoticeRow {
            first: U64::new(first.0),
            count: U32::new(count),
            until_s: U32::new(until_s),
            lead_minutes: U16::new(lead_minutes as u16),
            batch: u8::from(batch),
            spare: [0; 5],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Slot;

    fn row(serial: u64, count: u32) -> NoticeRow {
        NoticeRow::new((CardId::new(Slot(3), 1, serial), count), 9, 0, false)
    }

    #[test]
    fn what_goes_on_is_one_entry_and_the_oldest_is_forgotten() {
        let mut ring = Ring::new(3);
        assert_eq!((ring.oldest(), ring.newest(), ring.above(0).count()), (1, 0, 0));
        ring.push(&row(0, 64), 5);
        ring.push(&row(64, 6), 5);
        assert_eq!((ring.oldest(), ring.newest(), ring.above(0).count()), (1, 70, 1));
        ring.push(&row(70, 1), 6);
        ring.push(&NoticeRow { batch: 1, ..row(71, 1_000) }, 6);
        assert_eq!((ring.oldest(), ring.newest()), (1, 72));
        assert_eq!(ring.above(70).map(|entry| entry.number).collect::<Vec<_>>(), [71, 72]);
        assert_eq!(ring.above(69).next().unwrap().card(70), CardId::new(Slot(3), 1, 69));
        ring.push(&row(9_000, 2), 6);
        assert_eq!((ring.oldest(), ring.newest()), (71, 74));
        assert_eq!(ring.above(0).count(), 3);
        assert_eq!(ring.above(73).count(), 1, "a part of an entry was read before");
        assert_eq!(ring.above(74).count(), 0);
    }
}
