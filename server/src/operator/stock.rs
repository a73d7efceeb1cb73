//! `scrip stock`: units, sale rules and quotas of a stock.
//!
//! Invariant: rules and quotas are replaced only in the version that was looked at. When somebody was quicker, they are
//! looked at again, a few times.

use super::words::{Kind, Subject, time};
use super::{Failure, OperatorError, limits, quota, run};
use crate::cli::{EditArgs, StockCommand};
use scrip_client::{
    ChannelId, Client, Code, Error, STOCK_UNITS_MAX, StockCreate, StockEdit, StockFreeze, StockId, StockKind,
    StockShown, StockTerms, StockUnits, StockVoid,
};
use std::time::Duration;

/// How often a version is read and compared before giving up.
pub(super) const TRIES: usize = 5;

/// `scrip stock`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn stock(command: &StockCommand) -> Result<(), OperatorError> {
    let (name, server) = command.subject();
    let kind = match command {
        StockCommand::Create { .. } => Kind::Create,
        StockCommand::Quota { .. } => Kind::Quota,
        StockCommand::Limit { .. } => Kind::Limit,
        _ => Kind::Stock,
    };
    let subject = Subject { kind, stocks: vec![name], reference: None };
    run(server, ChannelId(0), &subject, async |client| ask(client, name, command).await)
}

async fn ask(client: &Client, name: &str, command: &StockCommand) -> Result<(), Failure> {
    let stock = client.stock_id(name)?;
    let operation = client.operation();
    match command {
        StockCommand::Create {
            units,
            keys,
            random,
            reusable,
            once_per_order,
            limit_per_user,
            opens_ms,
            closes_ms,
            ..
        } => {
            let (opens_ms, closes_ms, limit_per_user) = (*opens_ms, *closes_ms, *limit_per_user);
            let terms = StockTerms { opens_ms, closes_ms, limit_per_user, frozen: false };
            let (kind, units) = what_is_made(*units, (*keys, *random, *reusable))?;
            let once_per_order = *once_per_order;
            let create = StockCreate::new(operation, stock, name, units);
            let create = StockCreate { terms, kind, once_per_order, ..create };
            client.stock_create(create).await?;
        }
        StockCommand::Show { .. } => {}
        StockCommand::Supply { units, .. } => {
            client.stock_supply(StockUnits { operation, stock, units: *units }).await?;
        }
        StockCommand::Quota { quotas, lapse, .. } => {
            if !quotas.is_empty() {
                let lapses_ms = time_of(client, lapse.lapses_ms, lapse.lapses_in);
                quota::set(client, stock, quotas, lapses_ms).await?;
            }
            return quota::show(client, stock).await;
        }
        StockCommand::Limit { limit, .. } => {
            if !limit.shows() {
                limits::set_limits(client, stock, limit).await?;
            }
            return limits::show_limits(client, stock).await;
        }
        StockCommand::Price { price, .. } => {
            if !price.prices.is_empty() {
                limits::set_prices(client, stock, price).await?;
            }
            return limits::show_prices(client, stock).await;
        }
        StockCommand::Edit { edit: wish, .. } => {
            edit(client, stock, |terms| edited(client, wish, terms)).await?
        }
        StockCommand::Freeze { units, forced, .. } => {
            let freeze = StockFreeze { operation, stock, units: *units, forced: *forced };
            print_moved(client.stock_freeze(freeze).await?.value, *units, "frozen");
        }
        StockCommand::Unfreeze { units, .. } => {
            let moved = client.stock_unfreeze(StockUnits { operation, stock, units: *units }).await?.value;
            println!("{moved} units are available again, {} are no longer marked", units - moved);
        }
        StockCommand::Void { units, forced, from_frozen, .. } => {
            let (units, forced, from_frozen) = (*units, *forced, *from_frozen);
            let void = StockVoid { operation, stock, units, from_frozen, forced };
            print_moved(client.stock_void(void).await?.value, units, "void");
        }
    }
    print_stock(&client.stock_show(stock).await?);
    Ok(())
}

/// What kind of stock is wished for, and how many units it begins with.
fn what_is_made(
    units: Option<u64>,
    (keys, random, reusable): (bool, bool, bool),
) -> Result<(StockKind, u64), Failure> {
    match (units, keys, random, reusable) {
        (_, true, _, true) => Ok((StockKind::Reusable, units.unwrap_or(STOCK_UNITS_MAX))),
        (Some(1..), true, ..) => Err(Failure::Wish(
            "a stock of keys has no units of its own: leave --units out, and import keys with `scrip keys import`".into(),
        )),
        (_, true, true, _) => Ok((StockKind::RandomKeys { seed: 0 }, 0)),
        (_, true, ..) => Ok((StockKind::Keys, 0)),
        _ => Ok((StockKind::Counter, units.unwrap_or(0))),
    }
}

/// Replaces sale rules, again and again while somebody is quicker.
async fn edit(
    client: &Client,
    stock: StockId,
    change: impl Fn(StockTerms) -> StockTerms,
) -> Result<(), Failure> {
    let mut tries = 1;
    loop {
        let shown = client.stock_show(stock).await?;
        let (operation, version) = (client.operation(), shown.version);
        let edit = StockEdit { operation, stock, version, terms: change(shown.terms) };
        match client.stock_edit(edit).await {
            Err(error) if moved(&error) && tries < TRIES => tries += 1,
            answer => return answer.map(|_| ()).map_err(Failure::from),
        }
    }
}

/// Whether somebody has changed rules or quotas since they were looked at.
pub(super) fn moved(error: &Error) -> bool {
    use scrip_client::OwnedFacts;
    matches!(error, Error::Rejected(rejection)
        if rejection.code == Code::RuleFailed && matches!(rejection.facts, OwnedFacts::Version(_)))
}

fn edited(client: &Client, wish: &EditArgs, terms: StockTerms) -> StockTerms {
    let EditArgs { opens_ms, opens_in, closes_ms, closes_in, limit_per_user, sale_frozen } = *wish;
    let time = |at: Option<u64>, within: Option<Duration>, before| {
        if at.is_some() || within.is_some() { time_of(client, at, within) } else { before }
    };
    StockTerms {
        opens_ms: time(opens_ms, opens_in, terms.opens_ms),
        closes_ms: time(closes_ms, closes_in, terms.closes_ms),
        limit_per_user: limit_per_user.unwrap_or(terms.limit_per_user),
        frozen: sale_frozen.unwrap_or(terms.frozen),
    }
}

/// A time that was given, or a span from the server's now; 0 if neither.
pub(super) fn time_of(client: &Client, at_ms: Option<u64>, within: Option<Duration>) -> u64 {
    let span_ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let later_ms = |span| client.now_ms().saturating_add(span_ms(span));
    at_ms.or(within.map(later_ms)).unwrap_or(0)
}

fn print_moved(moved: u64, asked: u64, to: &str) {
    println!("{moved} units are {to} now, {} follow when they come back from holds", asked - moved);
}

fn kind_name(kind: StockKind) -> &'static str {
    match kind {
        StockKind::Counter => "counter",
        StockKind::Keys => "card keys",
        StockKind::RandomKeys { .. } => "card keys, random",
        StockKind::Reusable => "one reusable key",
        StockKind::Cards => "cards",
    }
}

fn print_stock(stock: &StockShown) {
    println!("stock      {} ({})", stock.name, stock.stock);
    println!("kind       {:>16}", kind_name(stock.kind));
    println!("total      {:>16}", stock.total);
    println!("available  {:>16}", stock.available);
    println!("held       {:>16}", stock.held);
    println!("sold       {:>16}", stock.consumed);
    println!("frozen     {:>16}  (and {} held units when they come back)", stock.frozen, stock.marked_frozen);
    println!("void       {:>16}  (and {} held units when they come back)", stock.void, stock.marked_void);
    let StockTerms { opens_ms, closes_ms, limit_per_user, frozen } = stock.terms;
    let limit = if limit_per_user == 0 { "none".to_owned() } else { limit_per_user.to_string() };
    println!(
        "limit per user {limit}, opens {}, closes {}, sale frozen: {frozen}",
        time(opens_ms),
        time(closes_ms)
    );
    if stock.once_per_order {
        println!("per order               once");
    }
    println!("version    {:>16}", stock.version);
}
