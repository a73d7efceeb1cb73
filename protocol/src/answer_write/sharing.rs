//! The encoder of answers about activities. It stands apart so that the encoder of those about cards stays in one view.
//!
//! Invariant: as of all answers: nothing is allocated but the growth of the buffer.

use super::{header, put};
use crate::answers::{ActivityAnswerBody, AnswerKind};
use scrip_engine::answer::{ActivityView, Shared};
use scrip_engine::ids::{CardId, UserId};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64, U128};

pub(super) fn activity(out: &mut Vec<u8>, index: u16, view: &ActivityView<'_>) {
    let (told, (referrer, his, card)) = match view.of {
        None => (0, (UserId(0), Shared::default(), None)),
        Some(of) => (if of.2.is_some() { 3 } else { 1 }, of),
    };
    let body = ActivityAnswerBody {
        activity: U64::new(view.activity.0),
        version: U32::new(view.version),
        channel: U16::new(view.channel.0),
        told: U16::new(told),
        friends: U64::new(view.done.friends),
        counted: U64::new(view.done.counted),
        earned: U64::new(view.done.earned),
        given: U64::new(view.done.given),
        referrers: U64::new(view.referrers),
        referrer: U128::new(referrer.0),
        his_friends: U64::new(his.friends),
        his_counted: U64::new(his.counted),
        his_earned: U64::new(his.earned),
        his_given: U64::new(his.given),
        card: U64::new(card.unwrap_or(CardId(0)).0),
    };
    put(out, header(AnswerKind::Activity, 0, index, 0), body, view.terms.as_bytes());
}
