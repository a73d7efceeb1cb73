//! What the operator reads: refusals with their facts, what to try next, times, ids.
//!
//! Invariant: ids are printed in a form that every command takes back.

mod cards;
mod maxima;

use cards::{next_of_cards, next_of_held_card};
use maxima::forbidden;
pub use maxima::full;
use scrip_client::{Code, Error, KeyShown, KeyText, OperationId, OwnedFacts, OwnedRejection};
use std::time::{Duration, SystemTime};

/// What a command is about, for its errors.
pub struct Subject<'a> {
    /// Which command.
    pub kind: Kind,
    /// The stocks, in order of lines.
    pub stocks: Vec<&'a str>,
    /// The hold or operation as the operator wrote it.
    pub reference: Option<&'a str>,
}

/// Which command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `stock create`.
    Create,
    /// Any other `stock`, `owed` and `top`.
    Stock,
    /// `stock quota`.
    Quota,
    /// `sell` and `reserve`.
    Take,
    /// `confirm`, `release`, `hold show`.
    Hold,
    /// `return`.
    Return,
    /// `cancel`.
    Cancel,
    /// `keys`.
    Keys,
    /// `stock limit`.
    Limit,
    /// `risk`.
    Risk,
    /// `order`.
    Order,
    /// `merchant`.
    Merchant,
    /// `person`.
    Person,
    /// `campaign create`.
    CampaignCreate,
    /// Any other `campaign`, and `code export`.
    Campaign,
    /// `card issue`, `card claim`, `wallet`.
    Issue,
    /// Any other `card`, and `code check`.
    Card,
    /// `card reverse`.
    Reverse,
    /// `card topup`, `earn`, `refund`, `renew`, `level`.
    Account,
    /// A card that is given away.
    Gift,
    /// `code set`, `code unset`, `card claim --code`, and `code check` of a given code.
    Code,
    /// `group`, but `group open`.
    Group,
    /// `activity`.
    Activity,
    /// `card claim --activity`.
    Referral,
    /// `card void-batch`, `card recycle-batch`.
    CardBatch,
    /// `card recycle`.
    Recycle,
    /// `card merge`.
    Merge,
    /// `quote`.
    Quote,
}

/// What went wrong.
pub fn what(error: &Error, subject: &Subject<'_>) -> String {
    match error {
        Error::Rejected(rejection) => {
            format!("refused: {}{}", rejection.code.name(), facts(rejection, subject))
        }
        error => error.to_string(),
    }
}

fn facts(rejection: &OwnedRejection, subject: &Subject<'_>) -> String {
    match &rejection.facts {
        OwnedFacts::None => String::new(),
        OwnedFacts::Lines(lines) if subject.kind == Kind::Quote => {
            let card = |lack: &scrip_client::LineLack| subject.stocks.get(usize::from(lack.line)).copied();
            let cards: Vec<&str> = lines.iter().filter_map(card).collect();
            format!(": {} may not be used together", cards.join(" and "))
        }
        OwnedFacts::Lines(lines) => {
            let line = |lack: &scrip_client::LineLack| {
                let item = subject.stocks.get(usize::from(lack.line));
                let item = item.map_or_else(|| format!("item {}", lack.line + 1), |name| (*name).to_owned());
                let why = lack.why.filter(|why| *why != rejection.code);
                let why = why.map_or(String::new(), |why| format!(" {}", why.name()));
                let counted = lack.why.is_some_and(counts_units);
                let units = format!(" asked {}, could have had {}", lack.asked, lack.available);
                format!("{item}{why}{}", if counted { units.as_str() } else { "" })
            };
            format!(": {}", lines.iter().map(line).collect::<Vec<_>>().join("; "))
        }
        OwnedFacts::Time(time_ms) if subject.kind == Kind::Recycle && rejection.code == Code::NotStarted => {
            format!(": it is valid until {}", time(*time_ms))
        }
        OwnedFacts::Time(time_ms)
            if subject.kind == Kind::CardBatch && rejection.code == Code::NotStarted =>
        {
            format!(": some of its cards may be in use until {}", time(*time_ms))
        }
        OwnedFacts::Time(time_ms) if rejection.code == Code::NotStarted => {
            format!(": it is valid from {}", time(*time_ms))
        }
        OwnedFacts::Time(time_ms) if matches!(rejection.code, Code::Expired | Code::ReversalWindow) => {
            format!(": it ended {}", time(*time_ms))
        }
        OwnedFacts::Time(time_ms) => format!(": the server's time is {} ({time_ms} ms)", time(*time_ms)),
        OwnedFacts::Floor(floor_ms) => {
            format!(": what was made before {} ({floor_ms} ms) is no longer known", time(*floor_ms))
        }
        OwnedFacts::Maximum(which, maximum) => format!(": {}", full(*which, *maximum).0),
        OwnedFacts::Key(number) => format!(": key {number} took its place"),
        OwnedFacts::Total(0) => ": something in it has no price on this channel".to_owned(),
        OwnedFacts::Total(total) => format!(": it costs {total} now"),
        OwnedFacts::Rule(0) => ": a block stands against it".to_owned(),
        OwnedFacts::Rule(number) => format!(": risk rule {number} stands against it"),
        OwnedFacts::Version(version) => format!(": the stock is at version {version} now"),
        OwnedFacts::Units { asked, available, .. }
            if matches!(
                subject.kind,
                Kind::Account | Kind::Gift | Kind::Group | Kind::Recycle | Kind::Merge
            ) =>
        {
            format!(": asked {asked}, possible are {available}")
        }
        OwnedFacts::Units { available: 0, .. } if rejection.code == Code::RuleFailed => {
            ": it was used too short a time ago".to_owned()
        }
        OwnedFacts::Units { asked, available, .. }
            if rejection.code == Code::RuleFailed && asked > available =>
        {
            format!(": asked {asked} units, possible are {available}")
        }
        OwnedFacts::Units { asked, available, .. } if rejection.code == Code::RuleFailed => {
            format!(": the amount is {asked}, the least is {available}")
        }
        OwnedFacts::Units { asked, available, .. } => format!(": asked {asked}, could have had {available}"),
    }
}

/// Whether a line that lacks this has numbers to show.
fn counts_units(why: Code) -> bool {
    matches!(
        why,
        Code::OutOfStock
            | Code::ChannelQuota
            | Code::UserLimit
            | Code::HeldLimit
            | Code::ExceedsHold
            | Code::RuleFailed
            | Code::LockedByOtherOrder
            | Code::BalanceExceeded
            | Code::CampaignLimit
            | Code::BudgetExceeded
            | Code::Used
    )
}

/// What to try next.
pub fn next(error: &Error, subject: &Subject<'_>) -> String {
    match error {
        Error::Rejected(rejection) if lapses_early(rejection, subject) => {
            ". A guarantee lapses in the future or never: try `--lapses-in 2h`".into()
        }
        Error::Rejected(rejection) => next_after(rejection, subject),
        Error::Unauthorized(_) => ". `scrip token create --merchant 1 --data DIR` makes a token".into(),
        Error::Unknown { operation, .. } => match (subject.kind, subject.reference) {
            (Kind::Risk, _) => ". `scrip risk show` tells".into(),
            (Kind::Merchant, _) => ". `scrip merchant zone show` tells".into(),
            (Kind::Person, _) => ". `scrip person show USER` tells".into(),
            (Kind::Create | Kind::Stock | Kind::Quota | Kind::Limit, _) => {
                format!(". `scrip stock show {}` tells", stock(subject))
            }
            (Kind::CampaignCreate | Kind::Campaign, _) => {
                format!(". `scrip campaign show {}` tells", stock(subject))
            }
            (Kind::Quote | Kind::Code, _) => ". Run it again: that is safe".into(),
            (Kind::Issue, _) => ". `scrip wallet USER` tells what the user has".into(),
            (
                Kind::Card
                | Kind::Reverse
                | Kind::Account
                | Kind::Gift
                | Kind::CardBatch
                | Kind::Recycle
                | Kind::Merge,
                _,
            ) => ". `scrip card show CARD` tells".into(),
            (Kind::Group, _) => ". `scrip group show GROUP` tells".into(),
            (Kind::Activity | Kind::Referral, _) => {
                ". Run the same command again: `--operation` makes it once".into()
            }
            (Kind::Hold | Kind::Keys | Kind::Cancel | Kind::Order, _) | (Kind::Take, Some(_)) => {
                ". Run the same command again: it is made once".into()
            }
            // A return's reference is the hold; its operation may have been a new one.
            (Kind::Take, None) | (Kind::Return, _) => {
                format!(". Run it again with `--operation {}`: it is made once", id_text(*operation))
            }
        },
        Error::Malformed(_) => ". `--help` of the command says what it takes".into(),
        Error::Io(_) | Error::NotDone(_) => ". Is `scrip serve` running there?".into(),
        _ => String::new(),
    }
}

/// A quota is refused by rule without a version for one reason.
fn lapses_early(rejection: &OwnedRejection, subject: &Subject<'_>) -> bool {
    let by_rule = rejection.code == Code::RuleFailed && rejection.facts == OwnedFacts::None;
    by_rule && subject.kind == Kind::Quota
}

fn stock<'a>(subject: &Subject<'a>) -> &'a str {
    subject.stocks.first().copied().unwrap_or("NAME")
}

/// The stock of the first line that lacked something, else the only one.
fn lacking<'a>(rejection: &OwnedRejection, subject: &Subject<'a>) -> &'a str {
    let OwnedFacts::Lines(lines) = &rejection.facts else { return stock(subject) };
    let line = lines.first().map_or(0, |lack| usize::from(lack.line));
    subject.stocks.get(line).copied().unwrap_or("NAME")
}

fn next_after(rejection: &OwnedRejection, subject: &Subject<'_>) -> String {
    let (code, name) = (rejection.code, lacking(rejection, subject));
    let hold = subject.reference.unwrap_or("HOLD");
    if let Some(text) = next_of_held_card(code, subject, name).or_else(|| next_of_cards(code, subject)) {
        return text;
    }
    match (code, subject.kind) {
        (Code::NotFound, Kind::Risk) => ". There is none: `scrip risk show` shows those there are".into(),
        (Code::NotFound, Kind::Person) => ". He is one person with nobody: `scrip person show USER`".into(),
        (Code::RuleFailed, Kind::Person) => {
            ". One person has at most 8 users: `scrip person show USER` shows them, `scrip person unlink USER` takes one out".into()
        }
        (Code::RuleFailed, Kind::Merchant) => {
            ". Somebody was quicker, or a change of the clock has begun since: `scrip merchant zone show`, then run it again".into()
        }
        (Code::RuleFailed, Kind::Limit) if rejection.facts == OwnedFacts::None => {
            format!(". The first limits of a stock fix where its days begin: `scrip stock limit {name}` shows it")
        }
        (Code::HeldLimit, _) => format!(
            ". Holds of the same buyer, person, device or address are in the way: they end by confirm, release or time; \
             `scrip stock limit {name}` shows the caps"
        ),
        (Code::QuoteChanged, _) => format!(
            ". Prices or cards have changed: `scrip stock price {name}` shows the prices, `scrip quote` what a cart costs; \
             tell the buyer, then --expect it"
        ),
        (Code::RiskLimit, _) => ". `scrip risk show` shows rules and blocks".into(),
        (Code::NotFound, Kind::Create | Kind::Stock | Kind::Quota | Kind::Limit | Kind::Take) => {
            format!(". `scrip stock create {name} --units N` makes it")
        }
        (Code::NotFound | Code::HoldNotFound | Code::OperationTooOld, Kind::Hold | Kind::Return) => {
            ". `scrip sell` and `scrip reserve` print a hold's id; give that or their --operation. Holds that ended are \
             known for a while only: `scrip log cat` on the stopped server's directory has them all"
                .into()
        }
        (Code::RuleFailed, Kind::Create) => {
            format!(". A stock of this name exists: `scrip stock show {name}`, `scrip stock supply {name} N`")
        }
        (Code::RuleFailed, Kind::Cancel) => {
            ". It is no sale's: only what `scrip sell` and `scrip reserve` made can be cancelled".into()
        }
        (Code::Cancelled, _) => {
            ". It was cancelled by `scrip cancel`: a new sale needs another --operation".into()
        }
        (Code::CampaignLimit | Code::BudgetExceeded, Kind::Take) => {
            format!(". `scrip campaign show {name}` shows its maxima; `scrip campaign edit {name}` raises them")
        }
        (Code::Void, Kind::Hold) => {
            ". Its campaign was voided: `scrip confirm --units` with 0 of those cards sells the rest; refund them".into()
        }
        (Code::Used | Code::Void | Code::NotOwner | Code::LockedByOtherOrder, Kind::Return | Kind::Cancel) => {
            ". Cards that were sold go back while they are their buyer's and nobody has used any of them: \
             `scrip card show CARD` tells; name the units that can"
                .into()
        }
        (Code::RuleFailed, Kind::Return) if rejection.facts != OwnedFacts::None => {
            ". What was paid into a card goes back first: `scrip card refund CARD`".into()
        }
        (Code::RuleFailed, Kind::Return) => {
            ". Sold card keys are never sold again: add --to-void, or take one that was never shown back with `scrip keys \
             reclaim`"
                .into()
        }
        (Code::RuleFailed, Kind::Stock) if rejection.facts == OwnedFacts::None => {
            ". Units of card keys come by `scrip keys import`; batches of them are set aside and voided by `scrip keys freeze` \
             and `scrip keys void`"
                .into()
        }
        (Code::RuleFailed, _) => format!(". Look with `scrip stock show {name}`, then run it again"),
        (Code::OutOfStock, Kind::Take | Kind::Stock) => {
            format!(". `scrip stock show {name}` says where the units are; `scrip stock supply {name} N` adds some")
        }
        (Code::OutOfStock, Kind::Hold) => format!(
            ". `scrip hold show {hold}` tells whether it was owed in vain: then refund the buyer. If it is held still, its keys \
             are frozen or void: `scrip keys import` brings new ones, then run it again"
        ),
        (Code::ChannelQuota, Kind::Stock) => format!(
            ". `scrip stock quota {name}` shows the guarantees that are in the way; --forced lowers them"
        ),
        (Code::ChannelQuota, Kind::Quota) => format!(
            ". No cap can be below what its channel has used, and no guarantees above what is available: `scrip stock \
             quota {name}` shows both"
        ),
        (Code::ChannelQuota, _) => format!(". `scrip stock quota {name}` shows what each channel may take"),
        (Code::UserLimit, _) => format!(
            ". It needs a --user (and limit key, device, address) with units left: `scrip stock limit {name}` shows the \
             limits, `scrip stock limit {name} N` sets the one per user"
        ),
        (Code::NotStarted, _) => format!(
            ". `scrip stock edit {name} --opens-ms 0` opens the sale now; a reusable key needs its text first: `scrip keys \
             import {name} FILE`"
        ),
        (Code::Expired, Kind::Take) => format!(". `scrip stock edit {name} --closes-ms 0` opens the sale again"),
        (Code::Frozen, _) => format!(". `scrip stock edit {name} --sale-frozen false` lets the sale go on"),
        (Code::OperationMismatch, Kind::Take | Kind::Return) => format!(
            ". The operation is another command's: `scrip hold show {hold}` shows what it sold; a new sale or return \
             needs another --operation, the repeat of one made with --created-ms needs that again"
        ),
        (Code::OperationTooOld, _) => {
            ". It may have been made: look in your books before you make it under another --operation".into()
        }
        (Code::ClockAhead, _) => ". Give the --created-ms that the first answer printed, or none".into(),
        (Code::HoldReleased | Code::HoldNotFound, _) => ". `scrip reserve` makes a new hold".into(),
        (Code::HoldConfirmed, _) => format!(". It is sold: `scrip return {hold}` gives its units back"),
        (Code::HoldExpiredNoStock, _) => ". That is recorded and final: refund the buyer".into(),
        (Code::Capacity, _) => match rejection.facts {
            OwnedFacts::Maximum(which, maximum) => format!(". {}", full(which, maximum).1),
            _ => ". A maximum of `scrip serve` is reached".into(),
        },
        (Code::Busy | Code::Throttled | Code::DeadlinePassed, _) => ". Run the same command again".into(),
        (Code::Forbidden, kind) => forbidden(kind),
        (_, Kind::Hold | Kind::Return | Kind::Take) if subject.reference.is_some() => {
            format!(". `scrip hold show {hold}` shows where it stands")
        }
        (_, Kind::Take) => format!(". `scrip stock show {name}` shows where the stock stands"),
        _ => String::new(),
    }
}

/// An id as a UUID: the form in which every command takes it back.
pub fn id_text(id: OperationId) -> String {
    uuid::Uuid::from_u128(id.0).to_string()
}

/// A card key as it is shown everywhere but to its buyer: its number and how its text ends.
pub fn key_line(key: &KeyShown) -> String {
    format!("{:>10} {}{}", key.number, key_text(key), state_of(key))
}

/// What a buyer has to know of a key in his hold.
fn state_of(key: &KeyShown) -> &'static str {
    match (key.void, key.owed) {
        (_, true) => "  void, another is owed",
        (true, false) => "  void",
        (false, false) => "",
    }
}

/// What is shown of a card key's text everywhere but to its buyer.
pub fn key_text(key: &KeyShown) -> String {
    key.text.as_ref().map_or("(not revealed)".into(), KeyText::masked)
}

/// A number for people: digits in threes.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = (digits.len() - 1) % 3 + 1;
    let (head, tail) = digits.split_at(first);
    let threes = tail.as_bytes().chunks(3).map(|three| String::from_utf8_lossy(three).into_owned());
    std::iter::once(head.to_owned()).chain(threes).collect::<Vec<_>>().join(",")
}

/// A time for people, in UTC; 0: `-`.
pub fn time(time_ms: u64) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(time_ms));
    // The year 9999 is where the form ends.
    match time.filter(|_| time_ms < 253_402_300_800_000) {
        _ if time_ms == 0 => "-".into(),
        Some(time) => humantime::format_rfc3339_millis(time).to_string(),
        None => format!("{time_ms} ms"),
    }
}

/// An amount in major units.
pub fn money(minor: u64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrip_client::CapacityOf;

    fn unknown(kind: Kind, reference: Option<&str>) -> String {
        let subject = Subject { kind, stocks: vec!["card"], reference };
        let why = scrip_client::error::Cause::Ended;
        next(
            &Error::Unknown { operation: OperationId(0x0192_f0c1_2a00_7fff_bfff_ffff_ffff_ffff), why },
            &subject,
        )
    }

    #[test]
    fn whoever_got_no_answer_is_told_how_to_ask_without_doing_it_twice() {
        let id = "--operation 0192f0c1-2a00-7fff-bfff-ffffffffffff";
        assert!(unknown(Kind::Take, None).contains(id));
        assert!(unknown(Kind::Return, Some("T1")).contains(id), "the hold is no operation of the return");
        assert!(unknown(Kind::Take, Some("T1")).contains("the same command"));
        assert!(unknown(Kind::Hold, Some("T1")).contains("the same command"));
        assert!(unknown(Kind::Stock, None).contains("scrip stock show card"));
    }

    #[test]
    fn every_refusal_of_a_sale_says_what_to_do_next() {
        for reference in [Some("T1"), None] {
            let subject = Subject { kind: Kind::Take, stocks: vec!["card"], reference };
            for &code in Code::ALL {
                let rejection = OwnedRejection { code, facts: OwnedFacts::None };
                let text = next(&Error::Rejected(rejection), &subject);
                let names = ["`scrip ", "--", "refund", "in your books", "the same command"];
                assert!(
                    text.starts_with(". ") && names.iter().any(|name| text.contains(name)),
                    "{} of {reference:?}: {text:?}",
                    code.name()
                );
            }
        }
    }

    #[test]
    fn what_is_full_is_told_in_words_with_what_helps() {
        for which in CapacityOf::ALL {
            let (what, mend) = full(which, 7);
            assert!(!what.contains(&format!("{which:?}")) && !mend.is_empty(), "{what}");
        }
        assert!(full(CapacityOf::LogSpace, 0).1.contains("disk"));
        assert!(!full(CapacityOf::Channels, 64).1.contains("--memory"), "no memory makes more of them");
    }

    #[test]
    fn numbers_are_grouped_in_threes() {
        for (number, text) in [(0, "0"), (999, "999"), (9_988, "9,988"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn times_are_for_people_and_ids_are_taken_back() {
        assert_eq!(time(0), "-");
        assert_eq!(time(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(time(u64::MAX), format!("{} ms", u64::MAX));
        let id = OperationId(0x0192_f0c1_2a00_7fff_bfff_ffff_ffff_ffff);
        assert!(scrip_client::says_its_time(&id_text(id)));
    }
}
