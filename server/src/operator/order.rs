//! `scrip order`: what was sold and held for an order, by whichever operations.
//!
//! Invariant: each hold is printed once, the newest first, whatever is made while its pages are read; card keys are masked.

use super::sale::{print_hold, print_item, print_keys, shown};
use super::words::{Kind, Subject, id_text, key_text};
use super::{Failure, OperatorError, run};
use crate::cli::{OrderArgs, OrderCommand};
use scrip_client::{
    Client, Code, Error, HoldCardShown, HoldLineShown, HoldShown, HoldState, KeyShown, KeysShown, More,
    Operation, OperationId, OrderId, StockId, StockKind, channel_name,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How often the pages are begun anew, because the hold to go on from has left memory meanwhile.
const BEGINNINGS: usize = 8;

/// `scrip order`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn order(command: &OrderCommand) -> Result<(), OperatorError> {
    let OrderCommand::Show(arguments) = command;
    let subject = Subject { kind: Kind::Order, stocks: Vec::new(), reference: Some(&arguments.order) };
    run(&arguments.server, arguments.channel, &subject, async |client| show(client, arguments).await)
}

async fn show(client: &Client, arguments: &OrderArgs) -> Result<(), Failure> {
    let order = client.order_id(&arguments.order)?;
    let (holds, whole) = holds_of(client, order).await?;
    if holds.is_empty() && whole {
        return Err(nothing(&arguments.order));
    }
    let mut names = Names::default();
    let mut list = Vec::new();
    for hold in holds {
        let hold = Operation { id: hold, created_ms: client.now_ms() }.hold(client.home_slot());
        // It may have left memory since its page was read.
        let hold = match shown(client, hold).await {
            Err(Failure::Client(error)) if has_code(&error, &[Code::NotFound, Code::OperationTooOld]) => {
                continue;
            }
            hold => hold?,
        };
        names.learn(client, &hold).await?;
        let keys = keys_of(client, &hold, &names).await?;
        if arguments.json {
            list.push(in_json(&hold, &keys, &names));
        } else {
            if !list.is_empty() {
                println!();
            }
            list.push(Value::Null);
            print(&hold, &keys, &names);
        }
    }
    if arguments.json {
        let id = id_text(OperationId(order.0));
        println!("{}", json!({ "order": arguments.order, "id": id, "holds": list, "whole": whole }));
    } else if !whole {
        println!(
            "older       there may be more, behind holds that are leaving the server's memory: ask again later"
        );
    }
    Ok(())
}

/// All holds of an order, the newest first, and whether these are all.
async fn holds_of(client: &Client, order: OrderId) -> Result<(Vec<OperationId>, bool), Failure> {
    let (mut holds, mut seen) = (Vec::new(), BTreeSet::new());
    let (mut after, mut beginnings) = (None, 1);
    loop {
        let page = match client.order_show(order, client.home_slot(), after).await {
            Err(error)
                if after.is_some() && beginnings < BEGINNINGS && has_code(&error, &[Code::NotFound]) =>
            {
                (after, beginnings) = (None, beginnings + 1);
                continue;
            }
            page => page?,
        };
        holds.extend(page.holds.iter().map(|hold| hold.id).filter(|hold| seen.insert(*hold)));
        after = page.next();
        if after.is_none() {
            return Ok((holds, page.more == More::No));
        }
    }
}

fn has_code(error: &Error, codes: &[Code]) -> bool {
    matches!(error, Error::Rejected(rejection) if codes.contains(&rejection.code))
}

fn nothing(order: &str) -> Failure {
    Failure::Wish(format!(
        "the server knows nothing of order {order}. Orders leave its memory with the operation window (24 hours by default) \
         after their holds have ended: `scrip log cat` on the stopped server's directory has them all. `scrip sell` and \
         `scrip reserve` say whose they are with --order"
    ))
}

/// Names and kinds of the stocks that holds name, each asked for once.
#[derive(Default)]
struct Names(BTreeMap<StockId, Option<(String, StockKind)>>);

impl Names {
    async fn learn(&mut self, client: &Client, hold: &HoldShown) -> Result<(), Failure> {
        for line in &hold.lines {
            if self.0.contains_key(&line.stock) {
                continue;
            }
            let stock = match client.stock_show(line.stock).await {
                Ok(stock) => Some((stock.name, stock.kind)),
                // A refused sale may have named a stock that never was.
                Err(Error::Rejected(_)) => None,
                Err(error) => return Err(error.into()),
            };
            self.0.insert(line.stock, stock);
        }
        Ok(())
    }

    fn of(&self, stock: StockId) -> String {
        let known = self.0.get(&stock).and_then(Option::as_ref);
        known.map_or_else(|| format!("stock {stock}"), |(name, _)| name.clone())
    }

    fn has_keys(&self, stock: StockId) -> bool {
        self.0.get(&stock).and_then(Option::as_ref).is_some_and(|(_, kind)| *kind != StockKind::Counter)
    }
}

/// What is known of a hold's card keys.
enum Keys {
    /// It has none.
    None,
    /// These, the first of them.
    Known(KeysShown),
    /// They are not for the token that asks.
    Forbidden,
}

async fn keys_of(client: &Client, hold: &HoldShown, names: &Names) -> Result<Keys, Failure> {
    let sold = |line: &HoldLineShown| line.confirmed > 0 && names.has_keys(line.stock);
    if hold.state != HoldState::Confirmed || !hold.lines.iter().any(sold) {
        return Ok(Keys::None);
    }
    match client.keys_read(Operation { id: hold.id, created_ms: 0 }.hold(client.home_slot()), 0).await {
        Ok(keys) => Ok(Keys::Known(keys)),
        Err(error) if has_code(&error, &[Code::Forbidden]) => Ok(Keys::Forbidden),
        // It was cancelled, its last key was taken back, or it has left memory since it was shown.
        Err(Error::Rejected(_)) => Ok(Keys::None),
        Err(error) => Err(error.into()),
    }
}

fn print(hold: &HoldShown, keys: &Keys, names: &Names) {
    print_hold(hold);
    for line in &hold.lines {
        print_item(&names.of(line.stock), line);
    }
    hold.cards.iter().for_each(super::hold_cards::print);
    match keys {
        Keys::None => {}
        Keys::Known(keys) => print_keys(keys, &id_text(hold.id)),
        Keys::Forbidden => println!("keys       not for this token: one with `--verb sell` may see them"),
    }
}

fn in_json(hold: &HoldShown, keys: &Keys, names: &Names) -> Value {
    let line = |line: &HoldLineShown| {
        json!({
            "stock": line.stock.0,
            "name": names.of(line.stock),
            "reserved": line.reserved,
            "sold": line.confirmed,
            "returned": line.returned,
            "price": line.price,
        })
    };
    let card = |line: &HoldCardShown| {
        json!({
            "card": line.card.to_string(),
            "held": line.reserved,
            "used": line.confirmed,
            "returned": line.returned,
            "discount": line.discount,
        })
    };
    let (total, keys) = match keys {
        Keys::None => (Some(0), [].as_slice()),
        Keys::Known(keys) => (Some(keys.total), keys.keys.as_slice()),
        Keys::Forbidden => (None, [].as_slice()),
    };
    let key = |key: &KeyShown| json!({ "key": key.number, "text": key_text(key), "void": key.void });
    json!({
        "hold": id_text(hold.id),
        "state": state_name(hold.state),
        "late": hold.late,
        "flagged": hold.flagged,
        "refusal": hold.refusal.map(Code::name),
        "channel": channel_name(hold.channel),
        "user": (hold.user.0 != 0).then(|| id_text(OperationId(hold.user.0))),
        "made_ms": hold.reserved_ms,
        "deadline_ms": hold.deadline_ms,
        "closed_ms": hold.closed_ms,
        "lines": hold.lines.iter().map(line).collect::<Vec<_>>(),
        "cards": hold.cards.iter().map(card).collect::<Vec<_>>(),
        "keys_total": total,
        "keys": keys.iter().map(key).collect::<Vec<_>>(),
    })
}

/// A state's name in JSON: it does not change.
const fn state_name(state: HoldState) -> &'static str {
    match state {
        HoldState::Held => "held",
        HoldState::Confirmed => "confirmed",
        HoldState::Released => "released",
        HoldState::Expired => "expired",
        HoldState::Lapsed => "lapsed",
        HoldState::Refused => "refused",
        HoldState::Owed => "owed",
        HoldState::Unfulfilled => "unfulfilled",
        HoldState::Cancelled => "cancelled",
    }
}
