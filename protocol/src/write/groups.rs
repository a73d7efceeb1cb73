//! The encoder of commands on groups. It stands apart so that the encoder of those on cards stays in one view.
//!
//! Invariant: as of all commands: what is written here reads as what went in.

use crate::commands::{GroupJoinBody, GroupLeaveBody, GroupOpenBody, GroupShowBody, flag};
use scrip_engine::command::{GroupWish, Parties};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64, U128};

fn parties_of<'a>(wish: &GroupWish<'a>) -> Option<&'a Parties> {
    match *wish {
        GroupWish::Open { parties, .. } | GroupWish::Join { parties, .. } => parties,
        GroupWish::Leave { .. } | GroupWish::Show { .. } => None,
    }
}

/// The flags of one of these commands.
pub(super) fn flags(wish: &GroupWish<'_>) -> u8 {
    if parties_of(wish).is_some() { flag::HAS_PARTIES } else { 0 }
}

/// Appends the body of one of these commands.
pub(super) fn body(out: &mut Vec<u8>, wish: &GroupWish<'_>) {
    match *wish {
        GroupWish::Open { campaign, size, lasts_s, user, .. } => {
            let body = GroupOpenBody {
                user: U128::new(user.0),
                campaign: U64::new(campaign.0),
                lasts_s: U32::new(lasts_s),
                size: U16::new(size),
                spare: U16::ZERO,
            };
            out.extend_from_slice(body.as_bytes());
        }
        GroupWish::Join { group, user, .. } => {
            let (group, user) = (U128::new(group.0), U128::new(user.0));
            out.extend_from_slice(GroupJoinBody { group, user }.as_bytes());
        }
        GroupWish::Leave { group, user } => {
            let (group, user) = (U128::new(group.0), U128::new(user.0));
            out.extend_from_slice(GroupLeaveBody { group, user }.as_bytes());
        }
        GroupWish::Show { group } => {
            out.extend_from_slice(GroupShowBody { group: U128::new(group.0) }.as_bytes());
        }
    }
    if let Some(parties) = parties_of(wish) {
        out.extend_from_slice(parties.as_bytes());
    }
}
