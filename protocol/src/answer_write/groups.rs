//! The encoder of answers about groups. It stands apart so that the encoder of those about cards stays in one view.
//!
//! Invariant: as of all answers: nothing is allocated but the growth of the buffer.

use super::{header, put};
use crate::answers::{AnswerKind, GroupAnswerBody, GroupJoinedBody};
use scrip_engine::answer::{GroupJoined, GroupView};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64, U128};

pub(super) fn joined(out: &mut Vec<u8>, index: u16, joined: &GroupJoined) {
    let body = GroupJoinedBody {
        deadline_ms: U64::new(joined.deadline_ms),
        members: U16::new(u16::from(joined.members)),
        size: U16::new(u16::from(joined.size)),
        spare: U32::ZERO,
    };
    put(out, header(AnswerKind::GroupJoined, 0, index, 0), body, &[]);
}

pub(super) fn group(out: &mut Vec<u8>, index: u16, view: &GroupView<'_>) {
    let body = GroupAnswerBody {
        group: U128::new(view.group.0),
        campaign: U64::new(view.campaign.0),
        opened_ms: U64::new(view.opened_ms),
        deadline_ms: U64::new(view.deadline_ms),
        closed_ms: U64::new(view.closed_ms),
        size: U16::new(u16::from(view.size)),
        state: view.state as u8,
        spare: [0; 5],
    };
    let header = header(AnswerKind::Group, 0, index, view.members.len());
    put(out, header, body, view.members.as_bytes());
}
