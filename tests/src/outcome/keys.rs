//! Lists of card keys as they were answered, owned.
//!
//! Invariant: nothing that a caller can see is left out.

use super::{OwnedKey, OwnedList, OwnedListed};
use scrip_engine::answer::{ListPage, ListedItem, ListedKeys, ListedPlace};
use scrip_engine::ids::{OperationId, OrderId};
use scrip_engine::state::keys::KeyState;

impl From<ListPage<'_>> for OwnedList {
    fn from(page: ListPage<'_>) -> OwnedList {
        let ListedKeys::Sealed { places, clear, keys } = page.keys else {
            return OwnedList { next: page.next, ..OwnedList::default() };
        };
        let listed = |place: &ListedPlace| {
            let ListedItem { hold, order, key, batch, state, batch_state, .. } = place.item;
            let (chunk, sealed) = keys.chunk(place.chunk);
            let key = OwnedKey {
                key: key.get(),
                void: state == KeyState::Void as u8,
                owed: false,
                operation: chunk.operation,
                stock: chunk.stock,
                position: place.position,
                sealed: sealed.to_vec(),
            };
            let (hold, order) = (OperationId(hold.get()), OrderId(order.get()));
            OwnedListed { key, batch: batch.get(), batch_state, state, hold, order }
        };
        OwnedList { next: page.next, clear, keys: places.iter().map(listed).collect() }
    }
}
