//! The encoder of commands on activities. It stands apart so that the encoder of those on cards stays in one view.
//!
//! Invariant: as of all commands: what is written here reads as what went in.

use crate::commands::{ActivityCreateBody, ActivityEditBody, ActivityShowBody};
use scrip_engine::command::ActivityWish;
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U32, U64, U128};

/// Appends the body of one of these commands.
pub(super) fn body(out: &mut Vec<u8>, wish: &ActivityWish<'_>) {
    match *wish {
        ActivityWish::Create { activity, terms } => {
            out.extend_from_slice(ActivityCreateBody { activity: U64::new(activity.0) }.as_bytes());
            out.extend_from_slice(terms.as_bytes());
        }
        ActivityWish::Edit { activity, version, terms } => {
            let (activity, version) = (U64::new(activity.0), U32::new(version));
            out.extend_from_slice(ActivityEditBody { activity, version, spare: U32::ZERO }.as_bytes());
            out.extend_from_slice(terms.as_bytes());
        }
        ActivityWish::Show { activity, referrer } => {
            let (referrer, activity) = (U128::new(referrer.0), U64::new(activity.0));
            out.extend_from_slice(ActivityShowBody { referrer, activity }.as_bytes());
        }
    }
}
