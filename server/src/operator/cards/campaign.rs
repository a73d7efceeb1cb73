//! `scrip campaign`: make, show, change, run, pause, stop, void.
//!
//! Invariant: a definition or state is replaced only in the version that was looked at; when somebody was quicker, it is looked
//! at again, a few times.

use super::super::stock::TRIES;
use super::super::words::{Kind, Subject, grouped};
use super::super::{Failure, OperatorError, run};
use super::{bounds, endings, worth};
use crate::cli::{CampaignCommand, CampaignCreateArgs, CampaignEditArgs, ServerArgs};
use scrip_client::{
    CampaignCreate, CampaignDefinition, CampaignEdit, CampaignMove, CampaignShown, CampaignState, ChannelId,
    Client, Code, Definition, Error, Extension, StockChanged, StockId, StockTerms,
};

/// Numbers of the lengths of codes, as docs/codes.md has them.
const STANDARD_CODES: u8 = 1;
const SHORT_CODES: u8 = 2;

/// `scrip campaign`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn campaign(command: &CampaignCommand) -> Result<(), OperatorError> {
    let (name, server) = subject(command);
    let kind =
        if matches!(command, CampaignCommand::Create(_)) { Kind::CampaignCreate } else { Kind::Campaign };
    let subject = Subject { kind, stocks: vec![name], reference: None };
    run(server, ChannelId(0), &subject, async |client| {
        let campaign = client.stock_id(name)?;
        match command {
            CampaignCommand::Create(arguments) => create(client, campaign, arguments).await?,
            CampaignCommand::Show(_) => {}
            CampaignCommand::Edit(arguments) => edit(client, campaign, arguments).await?,
            CampaignCommand::Run(_) => go(client, campaign, CampaignState::Running).await?,
            CampaignCommand::Pause(_) => go(client, campaign, CampaignState::Paused).await?,
            CampaignCommand::Stop(_) => go(client, campaign, CampaignState::Stopped).await?,
            CampaignCommand::Void(arguments) => endings::void_campaign(client, campaign, arguments).await?,
        }
        print(client, &client.campaign_show(campaign).await?).await
    })
}

fn subject(command: &CampaignCommand) -> (&str, &ServerArgs) {
    match command {
        CampaignCommand::Create(arguments) => (&arguments.name, &arguments.server),
        CampaignCommand::Edit(arguments) => (&arguments.name, &arguments.server),
        CampaignCommand::Void(arguments) => (&arguments.name, &arguments.server),
        CampaignCommand::Show(arguments)
        | CampaignCommand::Run(arguments)
        | CampaignCommand::Pause(arguments)
        | CampaignCommand::Stop(arguments) => (&arguments.name, &arguments.server),
    }
}

async fn create(client: &Client, campaign: StockId, arguments: &CampaignCreateArgs) -> Result<(), Failure> {
    let mut definition = Definition {
        kind: arguments.kind.kind() as u8,
        units: arguments.balance.unwrap_or(arguments.kind.kind().units_min()).into(),
        currency: arguments.currency.unwrap_or_default(),
        ..Definition::default()
    };
    if arguments.inactive {
        definition.flags |= Definition::INACTIVE;
    }
    let mut defined = CampaignDefinition {
        definition,
        extension: Extension::default(),
        tiers: Vec::new(),
        scope: Vec::new(),
    };
    worth::apply(&arguments.worth, &mut defined)?;
    bounds::apply(client, campaign, &arguments.bounds, (None, &mut defined)).await?;
    let request = CampaignCreate {
        operation: client.operation(),
        campaign,
        name: arguments.name.clone(),
        units: arguments.units,
        terms: StockTerms {
            opens_ms: arguments.opens_ms,
            closes_ms: arguments.closes_ms,
            limit_per_user: arguments.limit_per_user,
            frozen: false,
        },
        layout: if arguments.short_codes { SHORT_CODES } else { STANDARD_CODES },
        definition: defined,
    };
    client.campaign_create(request).await?;
    if arguments.run { go(client, campaign, CampaignState::Running).await } else { Ok(()) }
}

async fn edit(client: &Client, campaign: StockId, arguments: &CampaignEditArgs) -> Result<(), Failure> {
    if worth::is_empty(&arguments.worth) && arguments.bounds.is_empty() {
        let why = "nothing is to be changed: name it, such as `--value 6.00`; `--help` lists what there is";
        return Err(Failure::Wish(why.into()));
    }
    compare_and_set(client, campaign, async |shown| {
        let mut definition = shown.definition.clone();
        worth::apply(&arguments.worth, &mut definition)?;
        let had = shown.definition.definition;
        bounds::apply(client, campaign, &arguments.bounds, (Some(&had), &mut definition)).await?;
        let operation = client.operation();
        let edit = CampaignEdit { operation, campaign, version: shown.version, definition };
        Ok(client.campaign_edit(edit).await)
    })
    .await
}

/// Moves a campaign; where it is already, nothing is to be done.
async fn go(client: &Client, campaign: StockId, state: CampaignState) -> Result<(), Failure> {
    compare_and_set(client, campaign, async |shown| {
        if shown.state == state {
            return Ok(Ok(StockChanged { value: u64::from(shown.version) }));
        }
        let (operation, version) = (client.operation(), shown.version);
        Ok(client.campaign_state(CampaignMove { operation, campaign, version, state }).await)
    })
    .await
}

async fn compare_and_set(
    client: &Client,
    campaign: StockId,
    attempt: impl AsyncFn(CampaignShown) -> Result<Result<StockChanged, Error>, Failure>,
) -> Result<(), Failure> {
    for tries_left in (0..TRIES).rev() {
        let shown = client.campaign_show(campaign).await?;
        let version = shown.version;
        match attempt(shown).await? {
            Ok(_) => return Ok(()),
            Err(Error::Rejected(rejection)) if rejection.code == Code::RuleFailed && tries_left > 0 => {
                if client.campaign_show(campaign).await?.version == version {
                    return Err(Error::Rejected(rejection).into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    unreachable!("the last try returns")
}

async fn print(client: &Client, shown: &CampaignShown) -> Result<(), Failure> {
    let stock = client.stock_show(shown.campaign).await?;
    println!("campaign   {} (id {})", stock.name, shown.campaign);
    println!("state      {}", state_name(shown.state));
    worth::print(&shown.definition);
    bounds::print(client, shown).await?;
    println!("cards      {} issued, {} left", grouped(shown.issued), grouped(stock.available));
    if shown.batches != 0 {
        println!("batches    {} of bearer cards", shown.batches);
    }
    if stock.terms.limit_per_user != 0 {
        println!("per user   {}", stock.terms.limit_per_user);
    }
    println!("version    {}", shown.version);
    if shown.state == CampaignState::Draft {
        println!("next       `scrip campaign run {}` begins to issue cards", stock.name);
    }
    Ok(())
}

const fn state_name(state: CampaignState) -> &'static str {
    match state {
        CampaignState::Draft => "draft",
        CampaignState::Running => "running",
        CampaignState::Paused => "paused",
        CampaignState::Stopped => "stopped",
        CampaignState::Void => "void",
    }
}
