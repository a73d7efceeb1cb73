//! Samples of commands on activities and of what they are answered. They stand apart so that the others stay in one view.
//!
//! Invariant: new samples come last: their places are part of their bytes.

use super::{CommandSample, NOW_MS, OPERATION, SLOT, STOCK, envelope, leak};
use scrip_engine::answer::{ActivityView, Answer, Shared};
use scrip_engine::command::{
    ActivityTerms, ActivityWish, Command, Counting, Envelope, Issue, Parties, Referral, Request,
};
use scrip_engine::ids::{ActivityId, CardId, ChannelId, OperationId, StockId, UserId};
use scrip_protocol::extras::Extras;
use zerocopy::little_endian::{U16, U32, U64};

const ACTIVITY: ActivityId = ActivityId(StockId::new(SLOT, 9).0);

fn rule() -> &'static ActivityTerms {
    let mut rule = ActivityTerms {
        reward: U64::new(STOCK.0),
        from_ms: U64::new(NOW_MS),
        until_ms: U64::new(NOW_MS + 86_400_000),
        most: U32::new(5),
        every: U16::new(3),
        counts: Counting::Redemptions as u8,
        sources_count: 2,
        ..ActivityTerms::default()
    };
    rule.sources[0] = U64::new(StockId::new(SLOT, 7).0);
    rule.sources[1] = U64::new(StockId::new(SLOT, 8).0);
    &leak(&[rule])[0]
}

/// An activity is made, edited and looked at; cards are claimed by somebody's word.
pub fn commands() -> Vec<CommandSample> {
    let parties = Some(&leak(&[Parties::new(0x1234, 5, 6)])[0]);
    let referral = Some(&leak(&[Referral::new(ACTIVITY, UserId(0xabcd))])[0]);
    let claim = Issue { owner: UserId(0x0b), claimed: true, referral, ..Issue::of_nobody(STOCK) };
    let (activity, terms) = (ACTIVITY, rule());
    let show = |referrer| Command::Activity(ActivityWish::Show { activity, referrer });
    let samples = [
        ("activity_create", Command::Activity(ActivityWish::Create { activity, terms })),
        ("activity_edit", Command::Activity(ActivityWish::Edit { activity, version: 4, terms })),
        ("activity_show", show(UserId(0))),
        ("activity_show_referrer", show(UserId(0xabcd))),
        ("claim_referral", Command::Issue(claim)),
        ("claim_referral_parties", Command::Issue(Issue { parties, ..claim })),
    ];
    let sample = |(index, (name, command))| {
        let operation = OperationId(OPERATION.0 + 0x7000 + 0x10 * index as u128);
        (name, Request { envelope: Envelope { operation, ..envelope() }, command }, Extras::NONE)
    };
    samples.into_iter().enumerate().map(sample).collect()
}

/// An activity by itself, with a referrer who has nothing yet, and with one who has.
pub fn answers() -> [(&'static str, Answer<'static>); 3] {
    let view = ActivityView {
        activity: ACTIVITY,
        version: 4,
        channel: ChannelId(3),
        terms: rule(),
        done: Shared { friends: 12, counted: 9, earned: 2, given: 1 },
        referrers: 3,
        of: None,
    };
    let nothing = Some((UserId(0xabcd), Shared::default(), None));
    let his = Shared { friends: 4, counted: 3, earned: 1, given: 1 };
    let one = Some((UserId(0xabcd), his, Some(CardId::new(SLOT, 7, 42))));
    [
        ("activity", Answer::Activity(view)),
        ("activity_referrer", Answer::Activity(ActivityView { of: nothing, ..view })),
        ("activity_rewarded", Answer::Activity(ActivityView { of: one, ..view })),
    ]
}
