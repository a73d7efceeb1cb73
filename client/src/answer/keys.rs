//! Card keys and their batches as values of their own. They stand apart because a key's text may not be printed by accident.
//!
//! Invariant: `Debug` never shows a text; what is shown of one elsewhere is its end ([`KeyText::masked`]).

use super::Owed;
use scrip_engine::answer::{BatchView, KeyItem, KeyList, KeyPage, ListPage, ListedItem, ListedKeys};
use scrip_engine::ids::{OperationId, OrderId};
use scrip_engine::state::keys::{BatchState, KeyState};
use scrip_protocol::limits::ALIGNMENT;
use std::fmt;
use zerocopy::FromBytes;

/// The text of a card key. It can't be printed by accident: ask for it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(String);

impl KeyText {
    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its last four characters, and of a text of less than eight its last half: as it is shown everywhere but to its
    /// buyer.
    pub fn masked(&self) -> String {
        let count = self.0.chars().count();
        let shown = (count / 2).min(4);
        format!("****{}", self.0.chars().skip(count - shown).collect::<String>())
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// A card key of a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyShown {
    /// Its number.
    pub number: u32,
    /// Its text, if it may be shown.
    pub text: Option<KeyText>,
    /// Void since: returned, or to be replaced.
    pub void: bool,
    /// Its replacement is owed.
    pub owed: bool,
}

/// What became of a card key that was to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaced {
    /// The key that took its place.
    By(KeysShown),
    /// It is void, and none can be had yet: another is owed.
    Owed(Owed),
}

impl Replaced {
    /// The key that took its place, if one has.
    pub fn by(self) -> Option<KeysShown> {
        match self {
            Replaced::By(keys) => Some(keys),
            Replaced::Owed(_) => None,
        }
    }
}

/// Card keys of a hold, a page of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeysShown {
    /// Keys of the hold, over all lines.
    pub total: u32,
    /// Position of the first key of this page.
    pub from: u32,
    /// The keys of this page.
    pub keys: Vec<KeyShown>,
}

impl From<KeyPage<'_>> for KeysShown {
    fn from(page: KeyPage<'_>) -> KeysShown {
        let mut keys = Vec::new();
        if let KeyList::Read(mut bytes) = page.keys {
            // The decoder has looked at every item before.
            while let Ok((item, rest)) = KeyItem::ref_from_prefix(bytes) {
                let length = usize::from(item.text_bytes.get());
                let text = String::from_utf8_lossy(&rest[..length]).into_owned();
                let text = (length > 0).then_some(KeyText(text));
                let number = u32::try_from(item.key.get()).unwrap_or(u32::MAX);
                let flags = item.flags.get();
                keys.push(KeyShown { number, text, void: flags & 1 != 0, owed: flags & 2 != 0 });
                bytes = &rest[length.next_multiple_of(ALIGNMENT)..];
            }
        }
        KeysShown { total: page.total, from: page.from, keys }
    }
}

/// A card key of a stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyListed {
    /// Its number.
    pub number: u32,
    /// The number of its batch.
    pub batch: u32,
    /// Where the batch stands.
    pub batch_state: BatchState,
    /// Where the key stands.
    pub state: KeyState,
    /// The hold it is bound to, as long as that is known.
    pub hold: Option<OperationId>,
    /// The order of that hold; 0: none.
    pub order: OrderId,
    /// Its text if it was exported; if it was listed, the end of it.
    pub text: KeyText,
}

/// Card keys of a stock, a page of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeysListed {
    /// Number to go on with; `None`: no key is left.
    pub next: Option<u32>,
    /// The keys of this page.
    pub keys: Vec<KeyListed>,
}

impl From<ListPage<'_>> for KeysListed {
    fn from(page: ListPage<'_>) -> KeysListed {
        let mut keys = Vec::new();
        if let ListedKeys::Read(mut bytes) = page.keys {
            // The decoder has looked at every item before.
            while let Ok((item, rest)) = ListedItem::ref_from_prefix(bytes) {
                let length = usize::from(item.text_bytes.get());
                let hold = item.hold.get();
                keys.push(KeyListed {
                    number: item.key.get(),
                    batch: item.batch.get(),
                    batch_state: BatchState::from_number(item.batch_state).unwrap_or(BatchState::Active),
                    state: KeyState::from_number(item.state).unwrap_or(KeyState::Unsold),
                    hold: (hold != 0).then_some(OperationId(hold)),
                    order: OrderId(item.order.get()),
                    text: KeyText(String::from_utf8_lossy(&rest[..length]).into_owned()),
                });
                bytes = &rest[length.next_multiple_of(ALIGNMENT)..];
            }
        }
        KeysListed { next: (page.next != ListPage::END).then_some(page.next), keys }
    }
}

/// A batch of card keys as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchShown {
    /// Its number within the stock.
    pub number: u32,
    /// Where it stands.
    pub state: BatchState,
    /// Where its keys are from.
    pub supplier: String,
    /// What a key cost, in minor units.
    pub cost: u64,
    /// Server time from which on its keys can't be sold.
    pub expires_ms: Option<u64>,
    /// Keys imported.
    pub imported: u64,
    /// Keys that can be sold, or that holds count on.
    pub unsold: u64,
    /// Keys set aside or gone with the batch.
    pub moved: u64,
    /// Keys bound to orders.
    pub sold: u64,
    /// Keys returned or replaced.
    pub void: u64,
}

impl From<&BatchView> for BatchShown {
    fn from(view: &BatchView) -> BatchShown {
        let supplier = &view.supplier[..usize::from(view.supplier_bytes).min(view.supplier.len())];
        BatchShown {
            number: view.batch.get(),
            state: BatchState::from_number(view.state).unwrap_or(BatchState::Void),
            supplier: String::from_utf8_lossy(supplier).into_owned(),
            cost: view.cost.get(),
            expires_ms: Some(view.expires_ms.get()).filter(|expires_ms| *expires_ms != 0),
            imported: view.imported.get(),
            unsold: view.unsold.get(),
            moved: view.moved.get(),
            sold: view.sold.get(),
            void: view.void.get(),
        }
    }
}

/// The batches of a stock, a page of them in the order of sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchesShown {
    /// Batches of the stock in all.
    pub total: u32,
    /// The batches of this page.
    pub batches: Vec<BatchShown>,
}

/// What an import took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysImported {
    /// Bit n is set if the n-th key was taken; if not, it was already there.
    pub taken: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_never_shown_whole() {
        let masked = |text: &str| KeyText(text.into()).masked();
        for (text, shown) in [
            ("A", "****"),
            ("AB", "****B"),
            ("AB12", "****12"),
            ("ABCDE12", "****E12"),
            ("STEAM-AAAA-0001", "****0001"),
            ("卡密卡密", "****卡密"),
        ] {
            assert_eq!(masked(text), shown, "{text}");
        }
    }
}
