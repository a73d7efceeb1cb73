//! What `scrip top` shows of two looks: lines of text for people, one object of JSON for machines.
//!
//! Invariant: both say the same; what is not known is said to be so, never shown as 0.

use super::look::{ChannelSum, Look, per_second};
use scrip_client::{ChannelShown, StockShown, channel_name};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Two looks, and where they were taken.
pub struct Page<'a> {
    /// The server.
    pub server: SocketAddr,
    /// Its HTTP door.
    pub door: SocketAddr,
    /// The look before.
    pub before: &'a Look,
    /// The look now.
    pub now: &'a Look,
}

impl Page<'_> {
    fn seconds(&self) -> f64 {
        self.now.at.duration_since(self.before.at).as_secs_f64()
    }

    fn rate(&self, before: u64, now: u64) -> f64 {
        per_second(before, now, self.seconds())
    }

    /// Sold units of a stock in the look before; those of now if it was not there.
    fn sold_before(&self, stock: &StockShown) -> u64 {
        let found = self.before.stocks.iter().find(|(before, _)| before.stock == stock.stock);
        found.map_or(stock.consumed, |(before, _)| before.consumed)
    }

    /// The lines, without ends.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.head();
        let before = self.before.channels();
        let channels = self.now.channels();
        if !channels.is_empty() {
            lines.push(String::new());
            lines.push(format!(
                "{:<20}{:>12}{:>12}{:>10}{:>12}{:>11}",
                "CHANNEL", "held", "sold", "sold/s", "refused", "refused/s"
            ));
            for (name, sum) in &channels {
                let earlier = before.get(name).copied().unwrap_or_default();
                lines.push(self.channel_line(name, earlier, *sum));
            }
        }
        lines.push(String::new());
        lines.push(format!(
            "{:<20}{:>12}{:>12}{:>10}{:>12}{:>11}{:>12}",
            "STOCK", "held", "sold", "sold/s", "available", "guaranteed", "cap"
        ));
        for (stock, channels) in &self.now.stocks {
            lines.extend(self.stock_lines(stock, channels));
        }
        lines.push(self.tail());
        lines
    }

    fn head(&self) -> Vec<String> {
        let Ok(figures) = &self.now.figures else {
            let why = self.now.figures.as_ref().err().map_or("", String::as_str);
            return vec![
                format!("scrip {}", self.server),
                format!("rates, refusals and latencies are not known: http://{}/metrics: {why}", self.door),
            ];
        };
        let before = self.before.figures.clone().unwrap_or_else(|_| figures.clone());
        let refused = |of: &BTreeMap<String, u64>| of.values().sum::<u64>();
        let [p50, p99, p999, most] = figures.wait_us.map(milliseconds);
        let mut lines = vec![
            format!(
                "scrip {}   done {:.0}/s   refused {:.0}/s   {} connections",
                self.server,
                self.rate(before.done, figures.done),
                self.rate(refused(&before.refused), refused(&figures.refused)),
                figures.connections
            ),
            format!("answers in the last second: p50 {p50}   p99 {p99}   p99.9 {p999}   max {most}"),
        ];
        for (code, &total) in &figures.refused {
            let rate = self.rate(before.refused.get(code).copied().unwrap_or(0), total);
            lines.push(format!("refused {code:<24}{total:>12}{rate:>10.0}/s"));
        }
        lines
    }

    fn channel_line(&self, name: &str, before: ChannelSum, now: ChannelSum) -> String {
        let sold = self.rate(before.sold, now.sold);
        let (refused, refused_rate) = match self.now.figures {
            Ok(_) => (now.refused.to_string(), format!("{:.0}", self.rate(before.refused, now.refused))),
            Err(_) => ("-".into(), "-".into()),
        };
        format!("{name:<20}{:>12}{:>12}{sold:>10.0}{refused:>12}{refused_rate:>11}", now.held, now.sold)
    }

    fn stock_lines(&self, stock: &StockShown, channels: &[ChannelShown]) -> Vec<String> {
        let sold = self.rate(self.sold_before(stock), stock.consumed);
        let mut lines = vec![format!(
            "{:<20}{:>12}{:>12}{sold:>10.0}{:>12}   of {}, frozen {}, void {}",
            stock.name, stock.held, stock.consumed, stock.available, stock.total, stock.frozen, stock.void
        )];
        for channel in channels {
            let cap = channel.cap.map_or_else(|| "-".to_owned(), |cap| cap.to_string());
            lines.push(format!(
                "  {:<18}{:>12}{:>12}{:>10}{:>12}{:>11}{cap:>12}",
                channel_name(channel.channel),
                channel.held,
                channel.consumed,
                "",
                channel.room,
                channel.guaranteed
            ));
        }
        lines
    }

    fn tail(&self) -> String {
        let shown = self.now.stocks.len();
        match self.now.stocks_total {
            Some(0) => "there are no stocks yet: `scrip stock create NAME` makes one".into(),
            Some(total) if total > shown => {
                format!("{shown} of {total} stocks, those made last; name others: `scrip top STOCK...`")
            }
            _ => String::new(),
        }
    }

    /// The same as JSON.
    pub fn json(&self) -> Value {
        let before_channels = self.before.channels();
        let channel = |(name, sum): (&String, &ChannelSum)| {
            let before = before_channels.get(name).copied().unwrap_or_default();
            let known = self.now.figures.is_ok();
            json!({
                "channel": name,
                "held": sum.held,
                "sold": sum.sold,
                "sold_per_s": self.rate(before.sold, sum.sold),
                "refused": known.then_some(sum.refused),
                "refused_per_s": known.then(|| self.rate(before.refused, sum.refused)),
            })
        };
        let stocks: Vec<Value> = self.now.stocks.iter().map(|stock| self.stock_json(stock)).collect();
        json!({
            "server": self.server.to_string(),
            "seconds": self.seconds(),
            "figures": self.figures_json(),
            "channels": self.now.channels().iter().map(channel).collect::<Vec<_>>(),
            "stocks": stocks,
            "stocks_total": self.now.stocks_total,
        })
    }

    fn figures_json(&self) -> Value {
        let Ok(figures) = &self.now.figures else { return Value::Null };
        let before = self.before.figures.clone().unwrap_or_else(|_| figures.clone());
        let refused = figures.refused.iter().map(|(code, &total)| {
            let rate = self.rate(before.refused.get(code).copied().unwrap_or(0), total);
            (code.clone(), json!({ "total": total, "per_s": rate }))
        });
        let [p50, p99, p999, most] = figures.wait_us;
        json!({
            "done": figures.done,
            "done_per_s": self.rate(before.done, figures.done),
            "refused": refused.collect::<serde_json::Map<_, _>>(),
            "connections": figures.connections,
            "answer_us": { "p50": p50, "p99": p99, "p999": p999, "max": most },
        })
    }

    fn stock_json(&self, (stock, channels): &(StockShown, Vec<ChannelShown>)) -> Value {
        let channel = |channel: &ChannelShown| {
            json!({
                "channel": channel_name(channel.channel),
                "held": channel.held,
                "sold": channel.consumed,
                "available": channel.room,
                "guaranteed": channel.guaranteed,
                "cap": channel.cap,
            })
        };
        json!({
            "stock": stock.name,
            "total": stock.total,
            "available": stock.available,
            "held": stock.held,
            "sold": stock.consumed,
            "sold_per_s": self.rate(self.sold_before(stock), stock.consumed),
            "frozen": stock.frozen,
            "void": stock.void,
            "channels": channels.iter().map(channel).collect::<Vec<_>>(),
        })
    }
}

/// Microseconds for people; nothing was measured: a dash.
fn milliseconds(us: u64) -> String {
    if us == 0 { "-".into() } else { format!("{:.2} ms", us as f64 / 1e3) }
}
