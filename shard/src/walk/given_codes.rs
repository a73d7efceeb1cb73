//! Given codes in the walk's own books: what each names.
//!
//! It follows docs/cards.md, not the engine's code. Invariant: nothing here panics on a log that is wrong; what can't be is
//! put into words.

use scrip_engine::event::{CodeEvent, Event};
use scrip_engine::ids::{CardId, GivenCode, MerchantId, Slot};
use scrip_engine::state::State;
use scrip_engine::state::given_codes::Named;
use std::collections::BTreeMap;

/// The books of given codes.
#[derive(Debug, Default)]
pub(super) struct GivenCodeBooks {
    named: BTreeMap<(MerchantId, Slot, GivenCode), Named>,
}

impl GivenCodeBooks {
    /// Follows an event that the engine, whose state this is, has just applied; answers what can't be.
    pub(super) fn follow(&mut self, event: &Event<'_>, state: &State) -> Option<String> {
        match event {
            Event::Codes(CodeEvent::Imported { origin, first, codes, .. }) => {
                for (serial, code) in (first.0..).zip(*codes) {
                    let (code, card) = (GivenCode(code.get()), CardId(serial));
                    let before = self.named.insert((origin.merchant, origin.slot, code), Named::Card(card));
                    if let Some(before) = before {
                        return Some(format!("the code of card {card} named {before:?} before"));
                    }
                    let found = state.given_codes.named((origin.merchant, origin.slot), code);
                    if found != Some(Named::Card(card)) {
                        return Some(format!("the code of card {card} names {found:?} in the engine"));
                    }
                }
            }
            Event::Codes(CodeEvent::Set { origin, code, campaign }) => {
                let name = (origin.merchant, origin.slot, *code);
                let before = match campaign {
                    Some(campaign) => self.named.insert(name, Named::Campaign(*campaign)),
                    None => self.named.remove(&name),
                };
                if matches!(before, Some(Named::Card(_))) || before.is_none() && campaign.is_none() {
                    return Some(format!("a code that named {before:?} is set to {campaign:?}"));
                }
            }
            _ => {}
        }
        None
    }
}
