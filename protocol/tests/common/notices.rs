//! Samples of the command on notices of cards and of what it is answered. They stand apart so that the others stay in one view.
//!
//! Invariant: new samples come last: their places are part of their bytes.

use super::{CommandSample, NOW_MS, SLOT, STOCK, envelope, leak};
use scrip_engine::answer::{Answer, NoticeView, NoticesPage};
use scrip_engine::command::{Command, Envelope, Request};
use scrip_engine::ids::{CardId, OperationId};
use scrip_protocol::extras::Extras;

/// From the beginning, and on from somewhere.
pub fn commands() -> Vec<CommandSample> {
    let envelope = Envelope { operation: OperationId(0), created_ms: 0, ..envelope() };
    let read = |after, limit| Request { envelope, command: Command::NoticesRead { after, limit } };
    vec![("notices_read", read(0, 0), Extras::NONE), ("notices_read_on", read(70, 20), Extras::NONE)]
}

/// An owner's card that will end, a batch that has, and none at all.
pub fn answers() -> [(&'static str, Answer<'static>); 2] {
    let expiring = NoticeView {
        number: 71.into(),
        card: CardId::new(SLOT, 7, 42).0.into(),
        owner: 0xabcd.into(),
        campaign: STOCK.0.into(),
        until_ms: (NOW_MS + 86_400_000).into(),
        at_s: ((NOW_MS / 1_000) as u32).into(),
        cards: 1.into(),
        lead_minutes: 1_440.into(),
        ..NoticeView::default()
    };
    let batch = NoticeView {
        number: 72.into(),
        owner: 0.into(),
        cards: 50_000.into(),
        lead_minutes: 0.into(),
        batch: 1,
        ..expiring
    };
    [
        (
            "notices",
            Answer::Notices(NoticesPage { next: 72, newest: 90, lost: 5, notices: leak(&[expiring, batch]) }),
        ),
        ("notices_none", Answer::Notices(NoticesPage { next: 0, newest: 0, lost: 0, notices: &[] })),
    ]
}
