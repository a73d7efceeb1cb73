//! What to try next after a refusal of a command on campaigns or cards.

use super::maxima::forbidden;
use super::{Kind, Subject, stock};
use scrip_client::Code;

/// What to try next after a `sell` or `reserve` that was refused for the sake of one of its cards.
pub fn next_of_held_card(code: Code, subject: &Subject<'_>, lacking: &str) -> Option<String> {
    if subject.kind != Kind::Take || !lacking.starts_with("card ") {
        return None;
    }
    let text = match code {
        Code::LockedByOtherOrder => {
            ". Another order holds it: it is free when that hold is released or expires; `scrip card show CARD` shows how much of it is held"
        }
        Code::RuleFailed => {
            ". The --amount is below its threshold, or it was used too short a time ago: `scrip card show CARD`"
        }
        _ => ". `scrip card show CARD` shows where it stands",
    };
    Some(text.into())
}

/// What to try next after a refusal of a command on campaigns or cards.
pub fn next_of_cards(code: Code, subject: &Subject<'_>) -> Option<String> {
    let name = stock(subject);
    let text = match (code, subject.kind) {
        (Code::NotFound, Kind::Campaign | Kind::Issue) => {
            format!(". `scrip campaign create {name} --kind amount-off --value 5.00 --units N` makes it")
        }
        (Code::NotFound, Kind::Code) => {
            ". A code or campaign of this name is not there: `scrip code set CODE CAMPAIGN` lets cards be claimed under a code".into()
        }
        (Code::RuleFailed, Kind::Code) => {
            ". It has the form of a generated code, or is the code of a card: choose another".into()
        }
        (Code::RuleFailed, Kind::Quote) => {
            ". Leave one of them out, or let --best choose; `scrip campaign show NAME` shows what combines".into()
        }
        (Code::NotFound, Kind::Card | Kind::Account | Kind::Gift | Kind::CardBatch | Kind::Recycle | Kind::Merge | Kind::Quote) => {
            ". No card of this merchant has this id or code: `scrip wallet USER` shows a user's cards".into()
        }
        (Code::NotFound, Kind::Reverse) => {
            ". No redemption is known by that: `scrip card redeem` prints its operation; `scrip card show CARD` the newest"
                .into()
        }
        (Code::RuleFailed, Kind::CampaignCreate) => {
            format!(". A stock or campaign of this name exists: `scrip campaign show {name}`")
        }
        (Code::RuleFailed, Kind::Campaign) => {
            format!(
                ". A campaign goes from draft to running, to paused and back, and to stopped, and no maximum goes below what is \
                 out: `scrip campaign show {name}`"
            )
        }
        (Code::NotStarted | Code::Frozen, Kind::Issue) => {
            format!(". `scrip campaign run {name}` begins to issue; `scrip campaign show {name}` shows where it stands")
        }
        (Code::CampaignLimit, Kind::Issue) => {
            format!(". The day begins at midnight by the campaign's clock; `scrip campaign edit {name} --cards-per-day N` allows more")
        }
        (Code::BudgetExceeded, Kind::Issue) => format!(
            ". `scrip campaign show {name}` shows what is left; `scrip campaign edit {name} --budget 5000.00` sets another (or \
             --budget-per-day)"
        ),
        (Code::OutOfScope, Kind::Issue) => format!(
            ". `scrip campaign show {name}` shows who gets its cards: --channel and --segments say where he comes from and who he is"
        ),
        (Code::OutOfScope, Kind::Group | Kind::Code) => {
            ". --channel and --segments say where he comes from and who he is; `scrip campaign show NAME` shows who gets its cards".into()
        }
        (Code::OutOfScope, Kind::Card) => {
            ". `scrip campaign show NAME` shows what its cards are for: --channel, --store, --product, --category, --segments say \
             what they are used for"
                .into()
        }
        (Code::Expired, Kind::Issue) => format!(". `scrip campaign show {name}` shows when it ended"),
        (Code::OutOfStock, Kind::Issue) => format!(". `scrip stock supply {name} N` adds cards"),
        (Code::UserLimit, Kind::Issue) => format!(". `scrip stock limit {name}` shows what one user may have"),
        (Code::OperationMismatch, Kind::Issue) => {
            ". The operation is known with another content, or at another time: add the --created-ms that its first answer printed"
                .into()
        }
        (Code::Forbidden, Kind::CampaignCreate | Kind::Campaign) => forbidden(subject.kind),
        (Code::NotActive, Kind::Card | Kind::Account) => ". `scrip card activate CARD` activates it".into(),
        (Code::Frozen, Kind::Card | Kind::Account) => ". `scrip card unfreeze CARD` makes it usable again".into(),
        (Code::RiskLimit, _) | (Code::Forbidden | Code::Unauthorized | Code::Capacity | Code::Busy, _) => return None,
        (Code::RuleFailed, Kind::Account) => {
            ". Gift cards are topped up and refunded, stamps and points earned, passes renewed and moved between levels: \
             `scrip card show CARD` shows the card"
                .into()
        }
        (Code::RuleFailed, Kind::Activity) => {
            ". It exists, or was changed meanwhile, or a fixed part would change: `scrip activity show ACTIVITY`".into()
        }
        (_, Kind::Activity) => ". `scrip activity create ACTIVITY --source NAME --reward NAME` makes one of campaigns that are there".into(),
        (Code::NotFound | Code::OutOfScope | Code::NotStarted | Code::Expired, Kind::Referral) => {
            format!(". `scrip activity show ACTIVITY` shows its campaigns and times, `scrip campaign show {name}` the campaign")
        }
        (Code::RuleFailed, Kind::Referral) => ". Nobody comes by his own word".into(),
        (_, Kind::Referral) => format!(". `scrip campaign show {name}` shows where the campaign stands"),
        (Code::NotFound, Kind::Group) => {
            ". No group is known by that, or it is long over: `scrip group open` prints its id".into()
        }
        (Code::RuleFailed, Kind::Group) => {
            ". It is full, or the user is in it already: `scrip group show GROUP`".into()
        }
        (Code::Expired, Kind::Group) => ". `scrip group open CAMPAIGN --size N --user USER` opens another".into(),
        (Code::NotOwner, Kind::Group) => ". `scrip group show GROUP` shows who is in it".into(),
        (_, Kind::Group) => ". `scrip group show GROUP` shows where it stands, `scrip campaign show NAME` its campaign".into(),
        (Code::RuleFailed, Kind::Gift) => {
            ". Coupons, uses and gift cards can be given, stamps, points and passes can't; what is accepted or taken back is \
             being given: `scrip card show CARD` shows the card"
                .into()
        }
        (Code::RuleFailed, Kind::Recycle) => {
            ". A card that is recycled has an end that has passed; its owner can get points on a card of his, or a card of another \
             campaign: `scrip card show CARD` shows the card"
                .into()
        }
        (Code::RuleFailed, Kind::Merge) => {
            ". Gift cards, stamps and points of one campaign and owner can be merged, as far as there is room: `scrip card show CARD` \
             shows the card"
                .into()
        }
        (Code::RuleFailed, Kind::CardBatch) => {
            ". A batch are bearer cards that were issued together; one that is recycled has an end: `scrip card void CARD` voids a \
             single card"
                .into()
        }
        (Code::LockedByOtherOrder, Kind::Gift) => {
            ". It is in an order, or given already: `scrip card cancel-gift CARD` takes it back".into()
        }
        (_, Kind::Card | Kind::Account | Kind::Gift | Kind::CardBatch | Kind::Recycle | Kind::Merge) => ". `scrip card show CARD` shows where it stands".into(),
        (_, Kind::Reverse) => ". `scrip card show CARD` shows the card and its newest redemption".into(),
        (_, Kind::CampaignCreate | Kind::Campaign | Kind::Issue) => {
            format!(". `scrip campaign show {name}` shows where it stands")
        }
        _ => return None,
    };
    Some(text)
}
