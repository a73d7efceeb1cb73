//! `scrip card notices`: which cards have expired or will soon.
//!
//! Invariant: whoever goes on with the `--since` that it printed last has seen every notice once, or was told how many are lost.

use super::super::words::{Kind, Subject, grouped, time};
use super::super::{OperatorError, run};
use crate::cli::NoticesArgs;
use scrip_client::{ChannelId, Client, Error, Notice, StockId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// `scrip card notices`.
///
/// # Errors
/// [`OperatorError`], with what to try next.
pub fn notices(arguments: &NoticesArgs) -> Result<(), OperatorError> {
    let subject = Subject { kind: Kind::Card, stocks: Vec::new(), reference: None };
    run(&arguments.server, ChannelId(0), &subject, async |client| {
        let (mut since, mut names, mut told) = (arguments.since, HashMap::new(), 0);
        loop {
            let page = client.notices_read(client.home_slot(), since).await?;
            if page.lost > 0 {
                println!("lost       {} notices (of all merchants) are forgotten", grouped(page.lost));
            }
            for notice in &page.notices {
                print(client, notice, &mut names).await?;
            }
            told += page.notices.len();
            since = page.next;
            if page.next >= page.newest || arguments.limit.is_some_and(|limit| told >= limit) {
                break;
            }
        }
        println!("next       `scrip card notices --since {since}`");
        Ok(())
    })
}

async fn print(client: &Client, notice: &Notice, names: &mut HashMap<StockId, String>) -> Result<(), Error> {
    let name = match names.entry(notice.campaign) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(unknown) => unknown.insert(client.stock_show(notice.campaign).await?.name),
    };
    let ends = time(notice.until_ms);
    let what = match notice.lead_minutes {
        0 => format!("expired {ends}"),
        minutes => format!("expires {ends}, told {minutes} minutes before"),
    };
    let whose = match (notice.batch, notice.owner.0) {
        (true, _) => {
            format!("and the {} bearer cards behind it", grouped(u64::from(notice.cards.saturating_sub(1))))
        }
        (false, 0) => "a bearer card".to_owned(),
        (false, owner) => format!("of {owner:x}"),
    };
    println!("{}  {}  {name}  {whose}  {what}", notice.number, notice.card);
    Ok(())
}
