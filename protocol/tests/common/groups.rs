//! Samples of commands on groups and of what they are answered. They stand apart so that the others stay in one view.
//!
//! Invariant: new samples come last: their places are part of their bytes.

use super::{CommandSample, HOLD, NOW_MS, OPERATION, SLOT, STOCK, envelope, leak};
use scrip_engine::answer::{Answer, GroupJoined, GroupRow, GroupState, GroupView};
use scrip_engine::command::{Command, Envelope, GroupWish, Parties, Request};
use scrip_engine::ids::{CardId, ChannelId, OperationId, UserId};
use scrip_protocol::extras::Extras;

const CARD: CardId = CardId::new(SLOT, 7, 42);

/// A group is opened, joined, left and looked at.
pub fn commands() -> Vec<CommandSample> {
    let parties = Some(&leak(&[Parties::new(0x1234, 5, 6)])[0]);
    let user = UserId(0xabcd);
    let open = |size, parties| {
        Command::Group(GroupWish::Open { campaign: STOCK, size, lasts_s: 86_400, user, parties })
    };
    let samples = [
        ("group_open", open(3, None)),
        ("group_open_parties", open(100, parties)),
        ("group_join", Command::Group(GroupWish::Join { group: HOLD, user, parties: None })),
        ("group_join_parties", Command::Group(GroupWish::Join { group: HOLD, user, parties })),
        ("group_leave", Command::Group(GroupWish::Leave { group: HOLD, user })),
        ("group_show", Command::Group(GroupWish::Show { group: HOLD })),
    ];
    let sample = |(index, (name, command))| {
        let operation = OperationId(OPERATION.0 + 0x4000 + 0x10 * index as u128);
        (name, Request { envelope: Envelope { operation, ..envelope() }, command }, Extras::NONE)
    };
    samples.into_iter().enumerate().map(sample).collect()
}

/// What members are told, an open group and a full one.
pub fn answers() -> [(&'static str, Answer<'static>); 3] {
    let row = |user, card| GroupRow::new(UserId(user), ChannelId(3), card);
    let open = GroupView {
        group: HOLD,
        campaign: STOCK,
        state: GroupState::Open,
        size: 2,
        opened_ms: NOW_MS,
        deadline_ms: NOW_MS + 86_400_000,
        closed_ms: 0,
        members: leak(&[row(0xabcd, CardId(0))]),
    };
    let full = GroupView {
        state: GroupState::Full,
        closed_ms: NOW_MS + 1_000,
        members: leak(&[row(0xabcd, CARD), row(0xabce, CardId(CARD.0 + 1))]),
        ..open
    };
    let joined = GroupJoined { members: 2, size: 3, deadline_ms: NOW_MS + 86_400_000 };
    [
        ("group_joined", Answer::GroupJoined(joined)),
        ("group", Answer::Group(open)),
        ("group_full", Answer::Group(full)),
    ]
}
