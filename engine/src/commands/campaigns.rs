//! CAMPAIGN_CREATE, CAMPAIGN_EDIT, CAMPAIGN_STATE, CAMPAIGN_SHOW.

use super::checks::{before_deciding, capacity, operation_room};
use super::{Plan, Question, Reply, Resolved, Verdict, budget, record};
use crate::answer::{CampaignView, OperationKind};
use crate::command::{
    CampaignCreate, CampaignKind, CampaignState, CampaignTerms, Definition, Extension, Limits, ScopeEntry,
    StockKind, Tier,
};
use crate::content::content_digest;
use crate::event::{CampaignEvent, Event};
use crate::ids::StockId;
use crate::limits::CAMPAIGNS_PER_SLOT_MAX;
use crate::rejection::{CapacityOf, Code, Facts, Rejection};
use crate::state::State;
use crate::state::campaigns::Campaign;
use crate::state::stock::{Posting, Stock};
use crate::state::table::Handle;

/// Room for a definition that an event carries.
#[derive(Default)]
pub struct Terms {
    definition: Definition,
    extension: Extension,
    tiers: Vec<Tier>,
    scope: Vec<ScopeEntry>,
}

impl Terms {
    fn fill(&mut self, terms: &CampaignTerms<'_>) {
        self.definition = *terms.definition;
        self.extension = terms.extension;
        self.tiers.clear();
        self.tiers.extend_from_slice(terms.tiers);
        self.scope.clear();
        self.scope.extend_from_slice(terms.scope);
    }

    fn get(&self) -> CampaignTerms<'_> {
        CampaignTerms {
            definition: &self.definition,
            extension: self.extension,
            tiers: &self.tiers,
            scope: &self.scope,
        }
    }
}

/// Decides a CAMPAIGN_CREATE.
pub fn decide_create<'p>(
    state: &State,
    question: Question<'_>,
    create: &CampaignCreate<'_>,
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    if let Some(verdict) = before_deciding(state, question, content, core::iter::once(create.campaign)) {
        return verdict;
    }
    let there = has_clock(state, question, create.definition.definition)
        && has_group(state, question, &create.definition.extension);
    if state.find_stock(create.campaign).is_some() || !there {
        return Verdict::Refuse(Rejection::plain(Code::RuleFailed));
    }
    let stocks_max = state.capacity.stocks_max;
    if state.stocks.len() as u64 >= u64::from(stocks_max) {
        return Verdict::Refuse(capacity(CapacityOf::Stocks, u64::from(stocks_max)));
    }
    if state.campaigns.in_slot(create.campaign.slot()) >= CAMPAIGNS_PER_SLOT_MAX {
        return Verdict::Refuse(capacity(CapacityOf::Campaigns, u64::from(CAMPAIGNS_PER_SLOT_MAX)));
    }
    if let Some(rejection) = operation_room(state) {
        return Verdict::Refuse(rejection);
    }
    let CampaignCreate { campaign, name, units, terms, layout, key, definition } = *create;
    plan.name.clear();
    plan.name.extend_from_slice(name);
    plan.sealed.clear();
    plan.sealed.extend_from_slice(key);
    plan.terms.fill(&definition);
    let event = Event::Campaign(CampaignEvent::Created {
        origin: question.origin(content),
        campaign,
        units,
        layout,
        terms,
        name: &plan.name,
        key: &plan.sealed,
        definition: plan.terms.get(),
    });
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::CampaignCreate, units))
}

/// Whether the clock of a definition is one that the merchant has.
fn has_clock(state: &State, question: Question<'_>, definition: &Definition) -> bool {
    let envelope = &question.request.envelope;
    definition.clock_minutes.get() != Limits::BY_ZONE
        || state.zones.of((envelope.merchant, envelope.slot)).is_some()
}

/// Whether the group that a definition names is a stock of the merchant in this slot.
fn has_group(state: &State, question: Question<'_>, extension: &Extension) -> bool {
    let envelope = &question.request.envelope;
    extension.group().is_none_or(|group| {
        group.slot() == envelope.slot && state.stock_of(envelope.merchant, group).is_some()
    })
}

/// Decides a CAMPAIGN_EDIT.
pub fn decide_edit<'p>(
    state: &State,
    question: Question<'_>,
    (id, version, terms): (StockId, u32, &CampaignTerms<'_>),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let fits = |campaign: &Campaign| {
        let (now, new) = (&campaign.definition, terms.definition);
        let kept = |definition: &Definition| match definition.kind() {
            // What was paid for cards, or fills them, stays what it was.
            CampaignKind::StoredValue | CampaignKind::Stamps => definition.value.get(),
            _ => 0,
        };
        (now.kind, now.units, now.inactive()) == (new.kind, new.units, new.inactive())
            && (kept(now), now.currency) == (kept(new), new.currency)
            && has_clock(state, question, new)
            && has_group(state, question, &terms.extension)
            && budget::fits(state, question.now_ms, campaign, terms)
    };
    let content = content_digest(&question.request.envelope, &question.request.command);
    let fits = |campaign: &Campaign| (!fits(campaign)).then_some(Code::RuleFailed);
    if let Some(verdict) = before_changing(state, question, (id, version, content), fits) {
        return verdict;
    }
    plan.terms.fill(terms);
    let (origin, definition) = (question.origin(content), plan.terms.get());
    let event = Event::Campaign(CampaignEvent::Edited { origin, campaign: id, definition });
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::CampaignEdit, u64::from(version) + 1))
}

/// Decides a CAMPAIGN_STATE.
pub fn decide_state<'p>(
    state: &State,
    question: Question<'_>,
    (id, version, to): (StockId, u32, CampaignState),
    plan: &'p mut Plan,
) -> Verdict<'p> {
    let content = content_digest(&question.request.envelope, &question.request.command);
    let fits = |campaign: &Campaign| (!campaign.state.leads_to(to)).then_some(Code::RuleFailed);
    if let Some(verdict) = before_changing(state, question, (id, version, content), fits) {
        return verdict;
    }
    let event =
        Event::Campaign(CampaignEvent::Moved { origin: question.origin(content), campaign: id, state: to });
    Verdict::Do(event, &plan.resolved, Reply::Value(OperationKind::CampaignState, u64::from(version) + 1))
}

/// What changes of a campaign check; `Some` is the verdict. `wrong` says why this one can't be.
pub(super) fn before_changing<'p>(
    state: &State,
    question: Question<'_>,
    (id, version, content): (StockId, u32, u64),
    wrong: impl FnOnce(&Campaign) -> Option<Code>,
) -> Option<Verdict<'p>> {
    if let Some(verdict) = before_deciding(state, question, content, core::iter::once(id)) {
        return Some(verdict);
    }
    let refuse = |code, facts| Some(Verdict::Refuse(Rejection { code, facts }));
    let Some((_, campaign)) = state.campaign_of(question.request.envelope.merchant, id) else {
        return refuse(Code::NotFound, Facts::None);
    };
    let in_force = state.stock_of_campaign(campaign).version;
    if version != in_force {
        return refuse(Code::RuleFailed, Facts::Version(in_force));
    }
    if let Some(code) = wrong(campaign) {
        return refuse(code, Facts::None);
    }
    operation_room(state).map(Verdict::Refuse)
}

/// Decides a CAMPAIGN_SHOW.
pub fn decide_show<'p>(state: &State, question: Question<'_>, id: StockId) -> Verdict<'p> {
    let envelope = &question.request.envelope;
    if id.slot() != envelope.slot {
        return Verdict::Refuse(Rejection::plain(Code::CrossSlot));
    }
    match state.campaign_of(envelope.merchant, id) {
        Some((handle, _)) => Verdict::Answer(Reply::Campaign(handle, question.now_ms)),
        None => Verdict::Refuse(Rejection::plain(Code::NotFound)),
    }
}

/// A campaign as it is.
pub(super) fn view(state: &State, handle: Handle, now_ms: u64) -> CampaignView<'_> {
    let campaign = state.campaigns.get(handle);
    let stock = state.stock_of_campaign(campaign);
    CampaignView {
        campaign: stock.id,
        version: stock.version,
        state: campaign.state,
        layout: campaign.layout,
        locator: campaign.locator,
        issued: campaign.issued,
        cost: campaign.terms().cost(),
        committed: u64::try_from(campaign.committed(stock.units.held)).unwrap_or(u64::MAX),
        today: state.cards_today(campaign, now_ms),
        batches: campaign.batches.len() as u32,
        key: campaign.key(),
        definition: &campaign.definition,
        extension: campaign.extension,
        tiers: &campaign.tiers,
        scope: &campaign.scope,
    }
}

/// Applies an event of a campaign. Panics on any other event.
pub fn apply(state: &mut State, event: &Event<'_>, resolved: &Resolved) {
    match event {
        Event::Campaign(CampaignEvent::Created {
            origin,
            campaign,
            units,
            layout,
            terms,
            name,
            key,
            definition,
        }) => {
            assert!(state.find_stock(*campaign).is_none(), "a stock is made once");
            let mut stock = Stock::new(*campaign, origin.merchant, name, StockKind::Cards, *terms);
            stock.move_units(Posting::Supply(*units));
            state.insert_campaign(stock, Campaign::new(*layout, key, definition));
            record(state, origin, OperationKind::CampaignCreate, *units, resolved);
        }
        Event::Campaign(CampaignEvent::Edited { origin, campaign, definition }) => {
            let version = change(state, *campaign, |state, campaign| {
                let before = state.campaigns.get(campaign).extension;
                budget::edited(state, campaign, definition);
                if before.remind_minutes != definition.extension.remind_minutes {
                    state.requeue(campaign, &before);
                }
            });
            record(state, origin, OperationKind::CampaignEdit, version, resolved);
        }
        Event::Campaign(CampaignEvent::Moved { origin, campaign, state: to }) => {
            let version = change(state, *campaign, |state, campaign| {
                let campaign = state.campaigns.get_mut(campaign);
                assert!(campaign.state.leads_to(*to), "decide refused other moves");
                campaign.state = *to;
            });
            record(state, origin, OperationKind::CampaignState, version, resolved);
        }
        other => unreachable!("{other:?} is no event of a campaign"),
    }
}

/// Changes a campaign; answers its new version.
fn change(state: &mut State, id: StockId, change: impl FnOnce(&mut State, Handle)) -> u64 {
    let stock = state.find_stock(id).expect("the log names a stock that exists");
    let campaign = state.stock(stock).campaign().expect("the log names a campaign");
    change(state, campaign);
    let stock = state.stock_mut(stock);
    stock.version += 1;
    u64::from(stock.version)
}
