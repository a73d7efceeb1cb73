//! One look at a server: its stocks, their channels, its figures; and what changed between two of them.
//!
//! Invariant: a rate is what two looks differ by over the time between them, never an average since the start.

use super::super::Failure;
use super::door::{self, Figures};
use scrip_client::{ChannelShown, Client, StockId, StockShown, Token, channel_name};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

/// What to look at.
pub struct Target<'a> {
    /// The stocks that were named; none: the ones made last.
    pub named: &'a [String],
    /// The HTTP door.
    pub door: SocketAddr,
    /// Who asks there.
    pub token: &'a Token,
}

/// What was seen.
pub struct Look {
    /// When.
    pub at: Instant,
    /// The stocks that are shown.
    pub stocks: Vec<(StockShown, Vec<ChannelShown>)>,
    /// How many there are in all, if that was asked.
    pub stocks_total: Option<usize>,
    /// The server's figures, or why there are none.
    pub figures: Result<Figures, String>,
}

/// What a channel did, over the stocks shown; its refusals over all stocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChannelSum {
    /// Units in holds.
    pub held: u64,
    /// Units sold.
    pub sold: u64,
    /// Commands refused, so far.
    pub refused: u64,
}

impl Look {
    /// Looks. What was seen before says which stocks there are while nobody lists them, such as in a restart of the server.
    pub async fn take(client: &Client, target: &Target<'_>, before: Option<&Look>) -> Result<Look, Failure> {
        let figures = door::figures(target.door).await;
        let (ids, stocks_total) = ids(client, target, before).await?;
        let mut stocks = Vec::with_capacity(ids.len());
        for id in ids {
            let shown = client.stock_show(id).await?;
            stocks.push((shown, client.stock_channels(id).await?.channels));
        }
        Ok(Look { at: Instant::now(), stocks, stocks_total, figures })
    }

    /// What each channel did.
    pub fn channels(&self) -> BTreeMap<String, ChannelSum> {
        let mut sums: BTreeMap<String, ChannelSum> = BTreeMap::new();
        for channel in self.stocks.iter().flat_map(|(_, channels)| channels) {
            let sum = sums.entry(channel_name(channel.channel)).or_default();
            sum.held += channel.held;
            sum.sold += channel.consumed;
        }
        for (name, &refused) in self.figures.iter().flat_map(|figures| &figures.refused_channels) {
            sums.entry(name.clone()).or_default().refused = refused;
        }
        sums
    }
}

async fn ids(
    client: &Client,
    target: &Target<'_>,
    before: Option<&Look>,
) -> Result<(Vec<StockId>, Option<usize>), Failure> {
    if !target.named.is_empty() {
        let named: Result<Vec<StockId>, _> = target.named.iter().map(|name| client.stock_id(name)).collect();
        return Ok((named?, None));
    }
    match (door::stocks(target.door, target.token).await, before) {
        (Ok((ids, total)), _) => Ok((ids, Some(total))),
        (Err(_), Some(before)) => {
            Ok((before.stocks.iter().map(|(shown, _)| shown.stock).collect(), before.stocks_total))
        }
        (Err(why), None) => Err(Failure::Wish(format!(
            "http://{}/stocks: {why}. Give the server's HTTP address with --http, or name the stocks: `scrip top steam50`",
            target.door
        ))),
    }
}

/// How much a count grew in a second, from one look to the next. A server that was started again counts from 0.
pub fn per_second(before: u64, now: u64, seconds: f64) -> f64 {
    let grown = if now < before { now } else { now - before };
    if seconds > 0.0 { grown as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrip_client::ChannelId;

    #[test]
    fn channels_are_summed_over_stocks_and_get_their_refusals() {
        let of = |number, held, consumed| ChannelShown {
            channel: ChannelId(number),
            guaranteed: 0,
            cap: None,
            lapses_ms: None,
            held,
            consumed,
            room: 0,
        };
        let stock = StockShown {
            stock: StockId(1),
            name: "card".into(),
            version: 1,
            kind: scrip_client::StockKind::Counter,
            once_per_order: false,
            terms: scrip_client::StockTerms { opens_ms: 0, closes_ms: 0, limit_per_user: 0, frozen: false },
            total: 9,
            available: 0,
            held: 3,
            consumed: 6,
            frozen: 0,
            void: 0,
            marked_frozen: 0,
            marked_void: 0,
        };
        let refused_channels = BTreeMap::from([("taobao".to_owned(), 4), ("pdd".to_owned(), 5)]);
        let look = Look {
            at: Instant::now(),
            stocks: vec![(stock.clone(), vec![of(10, 1, 2)]), (stock, vec![of(10, 2, 3), of(1, 0, 1)])],
            stocks_total: None,
            figures: Ok(Figures { refused_channels, ..Figures::default() }),
        };
        let sum = |held, sold, refused| ChannelSum { held, sold, refused };
        let expected = [("own", sum(0, 1, 0)), ("pdd", sum(0, 0, 5)), ("taobao", sum(3, 5, 4))];
        assert_eq!(look.channels(), expected.map(|(name, sum)| (name.to_owned(), sum)).into());
    }

    #[test]
    fn a_rate_outlives_a_restart_of_the_server() {
        assert_eq!(per_second(10, 30, 2.0), 10.0);
        assert_eq!(per_second(1_000, 30, 1.0), 30.0);
        assert_eq!(per_second(0, 5, 0.0), 0.0);
    }
}
