//! CODE_IMPORT, CODE_SET, CODE_SHOW: codes that were not derived, and what each names.
//!
//! Invariant: a code that is imported and its card come into being in one event; a code never names another card.

use super::checks::{before_deciding, capacity, operation_room};
use super::issue::{self, New};
use super::{Plan, Question, Reply, Resolved, Verdict, record};
use crate::answer::OperationKind;
use crate::command::{CodeBlock, Issue};
use crate::content::content_digest;
use crate::event::{CodeEvent, Event};
use crate::ids::{CardId, GivenCode, MerchantId, Slot, StockId, UserId};
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::State;
use crate::state::given_codes::Named;
use scrip_planted::{Bug, on};
use zerocopy::little_endian::U128;

fn refuse<'p>(code: Code) -> Verdict<'p> {
    Verdict::Refuse(Rejection::plain(code))
}

fn owner(question: Question<'_>) -> (MerchantId, Slot) {
    (question.request.envelope.merchant, question.request.envelope.slot)
}

/// The campaign whose cards are claimed under a code; `None`: the code names no campaign.
pub(super) fn campaign_under(state: &State, question: Question<'_>, code: GivenCode) -> Option<StockId> {
    match state.given_codes.named(owner(question), code) {
        Some(Named::Campaign(campaign)) => Some(campaign),
        Some(Named::Card(_)) | None => None,
    }
}

/// Decides a CODE_IMPORT. Panics on a plain block: the edge hashes it before.
pub fn decide_import<'p>(
    state: &State,
    question: Question<'_>,
    (id, codes): (StockId, &CodeBlock<'_>),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::once(id)) {
        return verdict;
    }
    let Some((handle, campaign)) = state.campaign_of(question.request.envelope.merchant, id) else {
        return refuse(Code::NotFound);
    };
    if let Some(position) = codes.hashed().position(|code| code == GivenCode::REFUSED) {
        let facts = Facts::Units { stock: id, asked: position as u64 + 1, available: 0 };
        return Verdict::Refuse(Rejection { code: Code::RuleFailed, facts });
    }
    let taken = choose_new(state, owner(question), codes, plan);
    let count = plan.codes.len() as u32;
    let issue = Issue { count, ..Issue::of_nobody(id) };
    let (from_s, until_s) = issue::times_of(question.now_ms, &issue, campaign);
    let refusal = match count {
        0 => operation_room(state),
        _ => issue::refusal(state, question, (&issue, handle), plan),
    };
    if let Some(rejection) = refusal.or_else(|| no_room(state, u64::from(count))) {
        return Verdict::Refuse(rejection);
    }
    let event = Event::Codes(CodeEvent::Imported {
        origin: question.origin(content),
        campaign: id,
        first: campaign.card(campaign.issued),
        taken,
        from_s,
        until_s,
        codes: &plan.codes,
    });
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::CodeImport, taken))
}

/// Fills the plan with the codes that are not there yet; answers their bits.
fn choose_new(state: &State, owner: (MerchantId, Slot), codes: &CodeBlock<'_>, plan: &mut Plan) -> u64 {
    plan.codes.clear();
    codes.hashed().for_each(|code| state.given_codes.prefetch(code));
    let mut taken = 0u64;
    for (position, code) in codes.hashed().enumerate() {
        let hash = U128::new(code.0);
        let is_new = state.given_codes.named(owner, code).is_none() || on(Bug::CodeGivenTwice);
        if !plan.codes.contains(&hash) && is_new {
            taken |= 1 << position;
            plan.codes.push(hash);
        }
    }
    taken
}

fn no_room(state: &State, new: u64) -> Option<Rejection<'static>> {
    let maximum = u64::from(state.capacity.given_codes_max);
    let full = u64::from(state.given_codes.used()) + new > maximum;
    full.then(|| capacity(CapacityOf::GivenCodes, maximum))
}

/// Decides a CODE_SET.
pub fn decide_set<'p>(
    state: &State,
    question: Question<'_>,
    (code, campaign): (GivenCode, Option<StockId>),
    plan: &'p Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, campaign.into_iter()) {
        return verdict;
    }
    let merchant = question.request.envelope.merchant;
    if campaign.is_some_and(|campaign| state.campaign_of(merchant, campaign).is_none()) {
        return refuse(Code::NotFound);
    }
    let new = match state.given_codes.named(owner(question), code) {
        _ if code == GivenCode::REFUSED => return refuse(Code::RuleFailed),
        Some(Named::Card(_)) => return refuse(Code::RuleFailed),
        None if campaign.is_none() => return refuse(Code::NotFound),
        None => 1,
        Some(Named::Campaign(_)) => 0,
    };
    if let Some(rejection) = operation_room(state).or_else(|| no_room(state, new)) {
        return Verdict::Refuse(rejection);
    }
    let event = Event::Codes(CodeEvent::Set { origin: question.origin(content), code, campaign });
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::CodeSet, u64::from(campaign.is_some())))
}

/// Decides a CODE_SHOW.
pub fn decide_show<'p>(state: &State, question: Question<'_>, code: GivenCode) -> Verdict<'p> {
    match state.given_codes.named(owner(question), code) {
        Some(named) => Verdict::Answer(Reply::GivenCode(named)),
        None => refuse(Code::NotFound),
    }
}

/// The campaign that a code names, by itself or by its card.
pub(super) fn campaign_of(state: &State, named: Named) -> StockId {
    match named {
        Named::Campaign(campaign) => campaign,
        Named::Card(card) => {
            let campaign = state.campaigns.of_card(card).expect("campaigns stay");
            state.stock_of_campaign(state.campaigns.get(campaign)).id
        }
    }
}

/// Applies an event of given codes. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    match event {
        Event::Codes(CodeEvent::Imported { origin, first, taken, from_s, until_s, codes, .. }) => {
            if !codes.is_empty() {
                let handle = state.campaigns.of_card(*first).expect("the log names a campaign");
                let cards =
                    New { owner: UserId(0), first: *first, count: codes.len() as u32, imported: true };
                issue::make(state, handle, origin.channel, &cards, ((*from_s, *until_s), false));
            }
            for (serial, code) in (first.0..).zip(*codes) {
                let card = Named::Card(CardId(serial));
                state.give_code((origin.merchant, origin.slot), GivenCode(code.get()), card);
            }
            record(state, origin, OperationKind::CodeImport, *taken, resolved);
        }
        Event::Codes(CodeEvent::Set { origin, code, campaign }) => {
            let owner = (origin.merchant, origin.slot);
            match campaign {
                Some(campaign) => state.give_code(owner, *code, Named::Campaign(*campaign)),
                None => state.take_code(owner, *code),
            }
            record(state, origin, OperationKind::CodeSet, u64::from(campaign.is_some()), resolved);
        }
        other => unreachable!("{other:?} is no event of given codes"),
    }
}
