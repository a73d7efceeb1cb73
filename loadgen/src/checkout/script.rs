//! The stories of checkouts: which commands follow each other, and after what wait.

use crate::recipe::{Fate, What};

/// What a move waits for, counted from the answer to the move before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    Nothing,
    Think,
    /// Until the hold has expired.
    Expiry,
}

/// One command of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) wait: Wait,
    pub(super) what: What,
    /// Asked before, under the same id: the answer must be the same.
    pub(super) again: bool,
    /// Sent twice in one frame.
    pub(super) twice: bool,
    /// The connection is dropped right behind it.
    pub(super) cut: bool,
}

const fn first(what: What) -> Move {
    Move { wait: Wait::Nothing, what, again: false, twice: false, cut: false }
}

const fn again(what: What) -> Move {
    Move { again: true, ..first(what) }
}

const fn later(what: What) -> Move {
    Move { wait: Wait::Think, ..first(what) }
}

const ABANDON: &[Move] = &[first(What::Reserve)];
const PAY: &[Move] = &[first(What::Reserve), later(What::Confirm)];
const RETRY: &[Move] = &[
    first(What::Reserve),
    again(What::Reserve),
    later(What::Confirm),
    again(What::Confirm),
    again(What::Reserve),
];
const RETRY_LATER: &[Move] = &[
    first(What::Reserve),
    later(What::Confirm),
    Move { again: true, ..later(What::Confirm) },
    Move { again: true, ..later(What::Reserve) },
];
const TWICE: &[Move] =
    &[Move { twice: true, ..first(What::Reserve) }, Move { twice: true, ..later(What::Confirm) }];
const LATE: &[Move] = &[
    first(What::Reserve),
    Move { wait: Wait::Expiry, ..first(What::Confirm) },
    Move { again: true, ..later(What::Confirm) },
];
const CUT: &[Move] =
    &[Move { cut: true, ..first(What::Reserve) }, again(What::Reserve), later(What::Confirm)];
const RELEASE: &[Move] = &[first(What::Reserve), later(What::Release), again(What::Release)];
const EXTEND: &[Move] = &[
    first(What::Reserve),
    first(What::Extend),
    again(What::Extend),
    later(What::Confirm),
    Move { again: true, ..later(What::Reserve) },
];
const GIVE_BACK: &[Move] = &[
    first(What::Reserve),
    later(What::Confirm),
    later(What::Return),
    again(What::Return),
    Move { again: true, ..later(What::Confirm) },
];
const BUY: &[Move] = &[first(What::Sell)];
const HIDDEN: &[Move] = &[
    first(What::Reserve),
    later(What::Confirm),
    later(What::Reveal),
    again(What::Reveal),
    Move { again: true, ..later(What::Confirm) },
];
const REPLACE: &[Move] = &[
    first(What::Sell),
    later(What::KeyReplace),
    again(What::KeyReplace),
    Move { again: true, ..later(What::Sell) },
];
const SELL: &[Move] = &[first(What::Sell), again(What::Sell), Move { again: true, ..later(What::Sell) }];

/// The story of this fate.
pub(super) const fn of(fate: Fate) -> &'static [Move] {
    match fate {
        Fate::Abandon => ABANDON,
        Fate::Retry => RETRY,
        Fate::RetryLater => RETRY_LATER,
        Fate::Twice => TWICE,
        Fate::Late => LATE,
        Fate::Cut => CUT,
        Fate::Release => RELEASE,
        Fate::Extend => EXTEND,
        Fate::GiveBack => GIVE_BACK,
        Fate::Sell | Fate::BuyAgain => SELL,
        Fate::Buy => BUY,
        Fate::Hidden => HIDDEN,
        Fate::Replace => REPLACE,
        Fate::Pay => PAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_asked_again_that_was_not_asked_before() {
        let fates = [
            Fate::Abandon,
            Fate::Retry,
            Fate::RetryLater,
            Fate::Twice,
            Fate::Late,
            Fate::Cut,
            Fate::Release,
            Fate::Extend,
            Fate::GiveBack,
            Fate::Sell,
            Fate::Buy,
            Fate::BuyAgain,
            Fate::Hidden,
            Fate::Replace,
            Fate::Pay,
        ];
        for fate in fates {
            let story = of(fate);
            for (at, this) in story.iter().enumerate() {
                let before = story[..at].iter().any(|earlier| earlier.what == this.what);
                assert_eq!(this.again, before, "{fate:?}, move {at}");
            }
        }
    }
}
