//! The encoder of answers about notices of cards. It stands apart so that the encoder of those about cards stays in one view.
//!
//! Invariant: as of all answers: nothing is allocated but the growth of the buffer.

use super::{header, put};
use crate::answers::{AnswerKind, NoticesBody};
use scrip_engine::answer::NoticesPage;
use zerocopy::IntoBytes;
use zerocopy::little_endian::U64;

pub(super) fn notices(out: &mut Vec<u8>, index: u16, page: &NoticesPage<'_>) {
    let body =
        NoticesBody { next: U64::new(page.next), newest: U64::new(page.newest), lost: U64::new(page.lost) };
    put(out, header(AnswerKind::Notices, 0, index, page.notices.len()), body, page.notices.as_bytes());
}
