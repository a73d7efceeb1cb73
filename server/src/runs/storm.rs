//! What `scrip load` needs to know of a campaign before it claims or redeems its cards; and the campaigns that `scrip bench` makes.
//!
//! It stands between the client, which shows campaigns, and the load, which knows numbers alone. Invariant: the codes of cards are
//! worked out here, from the campaign's key, and stay in this process's memory.

use super::processes::RunError;
use crate::cli::{LoadArgs, ProfileName};
use crate::keyring::open_campaign_key;
use scrip_client::{
    CampaignCreate, CampaignDefinition, CampaignKind, CampaignMove, CampaignShown, CampaignState, Client,
    Definition, Extension, Issue, StockId, StockTerms, UserId,
};
use scrip_codes::{CampaignCipher, Card, Generation, Layout, Locator, Serial};
use scrip_engine::limits::BEARER_CARDS_MAX;
use scrip_loadgen::{CodeTable, Pile, Purse, Storm};
use std::sync::Arc;

/// Codes worked out side by side.
const LANES: usize = 8;
/// Codes of one load: a few gigabytes.
const CODES_MAX: u64 = 1 << 27;
/// What a card of a bench takes off, in minor units.
const OFF: u64 = 500;
/// What a checkout pays with a gift card, in minor units.
const GIFT_CARD_PAYS: u32 = 100;
/// What is on a gift card of a bench: no load uses it up.
const GIFT_CARD_UNITS: u32 = 1_000_000_000;

/// A campaign that a bench makes: what its cards are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// Coupons, 5.00 off each.
    Coupons,
    /// Gift cards with 10 million in units of 1.00.
    GiftCards,
}

impl Worth {
    fn definition(self) -> Definition {
        match self {
            Worth::Coupons => Definition {
                kind: CampaignKind::AmountOff as u8,
                units: 1.into(),
                value: OFF.into(),
                ..Definition::default()
            },
            Worth::GiftCards => Definition {
                kind: CampaignKind::StoredValue as u8,
                units: GIFT_CARD_UNITS.into(),
                value: u64::from(GIFT_CARD_UNITS).into(),
                currency: *b"CNY",
                ..Definition::default()
            },
        }
    }
}

/// What a storm on cards is about.
pub struct Subject {
    /// Who asks for what.
    pub storm: Storm,
    /// Codes of the cards, if they are to be named by them.
    pub codes: Option<Arc<CodeTable>>,
}

/// The cards that checkouts bring along, if the load names campaigns of them.
///
/// # Errors
/// [`RunError`], if these are no campaigns, or their cards are not good for it.
pub async fn purse(client: &Client, arguments: &LoadArgs) -> Result<Option<Purse>, RunError> {
    let (Some(coupons), Some(gift_cards)) = (&arguments.coupons, &arguments.gift_cards) else {
        return Ok(None);
    };
    let coupons = client.campaign_show(client.stock_id(coupons)?).await?;
    let gift_cards = client.campaign_show(client.stock_id(gift_cards)?).await?;
    let kind = |shown: &CampaignShown| shown.definition.definition.kind();
    if coupons.definition.definition.units.get() != 1 || kind(&coupons) == CampaignKind::Pass {
        return Err(RunError::Other(
            "--coupons names a campaign of cards that are used up by one order".into(),
        ));
    }
    if kind(&gift_cards) != CampaignKind::StoredValue {
        return Err(RunError::Other("--gift-cards names a campaign of the kind stored-value".into()));
    }
    let pile = |shown: &CampaignShown| Pile { locator: shown.locator, cards: shown.issued };
    let (coupons, gift_cards) = (pile(&coupons), pile(&gift_cards));
    Ok(Some(Purse { coupons, gift_cards, pays: GIFT_CARD_PAYS, threads: arguments.threads }))
}

/// What the load's profile does to the one stock that it names, if it is a storm on cards.
///
/// # Errors
/// [`RunError`], if that is no campaign, or its cards are not good for it.
pub async fn subject(
    client: &Client,
    stocks: &[StockId],
    arguments: &LoadArgs,
) -> Result<Option<Subject>, RunError> {
    match (arguments.profile, stocks) {
        (ProfileName::Claims, &[campaign]) => Ok(Some(claims(client, campaign, arguments).await?)),
        (ProfileName::Redeems, &[campaign]) => Ok(Some(redeems(client, campaign, arguments).await?)),
        (ProfileName::Claims | ProfileName::Redeems, _) => {
            Err(RunError::Other("a storm on cards is on one campaign: name one with --stock".into()))
        }
        _ => Ok(None),
    }
}

/// A storm of CLAIMs: users ask for cards of this campaign.
async fn claims(client: &Client, campaign: StockId, arguments: &LoadArgs) -> Result<Subject, RunError> {
    let shown = client.campaign_show(campaign).await?;
    let storm = Storm { generation: None, ..storm(&shown, arguments.users, arguments) };
    Ok(Subject { storm, codes: None })
}

/// A storm of REDEEMs: all cards of this campaign are tried.
async fn redeems(client: &Client, campaign: StockId, arguments: &LoadArgs) -> Result<Subject, RunError> {
    let shown = client.campaign_show(campaign).await?;
    if shown.definition.definition.units.get() != 1 {
        let why =
            "the cards of this campaign have more than one unit: a storm of REDEEMs uses each up with one";
        return Err(RunError::Other(why.into()));
    }
    if shown.issued == 0 {
        let why = "this campaign has issued no cards: `scrip card issue CAMPAIGN --count N` makes some";
        return Err(RunError::Other(why.into()));
    }
    let codes = if arguments.by_code { Some(Arc::new(codes(&shown, arguments)?)) } else { None };
    Ok(Subject { storm: storm(&shown, shown.issued, arguments), codes })
}

const fn storm(shown: &CampaignShown, subjects: u64, arguments: &LoadArgs) -> Storm {
    Storm {
        locator: shown.locator,
        subjects,
        tries: arguments.tries,
        generation: if arguments.by_code { Some(Generation::FIRST.get()) } else { None },
        repeat: arguments.repeat,
        threads: arguments.threads,
    }
}

/// The codes of all cards issued, of the first generation.
fn codes(shown: &CampaignShown, arguments: &LoadArgs) -> Result<CodeTable, RunError> {
    let other = |why: String| RunError::Other(why);
    if shown.issued > CODES_MAX {
        return Err(other(format!("at most {CODES_MAX} cards can be redeemed by code in one load")));
    }
    let master = arguments.master_key.as_deref();
    let key = open_campaign_key(&arguments.server.data, master, shown.campaign, &shown.key)
        .map_err(|error| other(error.to_string()))?;
    let locator = u32::try_from(shown.locator).ok().and_then(Locator::new);
    let (Some(locator), Some(layout)) = (locator, Layout::from_number(shown.layout)) else {
        return Err(other("the campaign's codes are of a newer version: update this `scrip`".into()));
    };
    let cipher = CampaignCipher::new(&key, locator, layout);
    let mut table = CodeTable::with_capacity(layout.printed_characters(), shown.issued);
    let mut next = 0;
    while next < shown.issued {
        let last = shown.issued - 1;
        let lanes: [u64; LANES] = core::array::from_fn(|lane| (next + lane as u64).min(last));
        let printed = cipher.print_each(lanes.map(|serial| Card {
            serial: Serial::new(serial).expect("serials of cards have 33 bits"),
            generation: Generation::FIRST,
        }));
        (next..shown.issued).zip(&printed).for_each(|(_, code)| table.push(code.reveal()));
        next += LANES as u64;
    }
    Ok(table)
}

/// Makes a running campaign, and mints so many bearer cards of it.
///
/// # Errors
/// [`scrip_client::Error`], if the server refuses.
pub async fn make_campaign(
    client: &Client,
    (name, worth): (&str, Worth),
    (units, limit_per_user, minted): (u64, u32, u64),
) -> Result<(), scrip_client::Error> {
    let (campaign, definition) = (client.stock_id(name)?, worth.definition());
    let create = CampaignCreate {
        operation: client.operation(),
        campaign,
        name: name.to_owned(),
        units,
        terms: StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user, frozen: false },
        layout: Layout::Standard.number(),
        definition: CampaignDefinition {
            definition,
            extension: Extension::default(),
            tiers: Vec::new(),
            scope: Vec::new(),
        },
    };
    client.campaign_create(create).await?;
    let version = client.campaign_show(campaign).await?.version;
    let (operation, state) = (client.operation(), CampaignState::Running);
    client.campaign_state(CampaignMove { operation, campaign, version, state }).await?;
    let mut left = minted;
    while left > 0 {
        let count = left.min(u64::from(BEARER_CARDS_MAX)) as u32;
        client.issue(Issue::new(client.operation(), campaign, UserId(0), count)).await?;
        left -= u64::from(count);
    }
    Ok(())
}
