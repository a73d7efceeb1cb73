//! `scrip stock limit` and `scrip stock price`: what subjects may have of a stock, and what a unit costs.
//!
//! Invariant: both are replaced only in the version that was looked at, and what was not named stays as it was.

use super::Failure;
use super::merchant::{ahead, offset_at};
use super::stock::{TRIES, moved, time_of};
use super::words::time;
use crate::cli::{LimitArgs, PriceArgs, PriceName, SubjectName};
use scrip_client::{
    ChannelId, Client, Limits, Price, PriceKind, Span, SpanLimits, StockId, StockLimits, StockPrice,
    SubjectKind, SubjectLimit, TermsShown, channel_name,
};

/// The kind that a name stands for.
pub fn kind_of(name: SubjectName) -> SubjectKind {
    match name {
        SubjectName::User => SubjectKind::User,
        SubjectName::LimitKey => SubjectKind::LimitKey,
        SubjectName::Device => SubjectKind::Device,
        SubjectName::Address => SubjectKind::Address,
    }
}

/// What a kind of subject is called.
pub fn name_of(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::User => "user",
        SubjectKind::LimitKey => "limit-key",
        SubjectKind::Device => "device",
        SubjectKind::Address => "address",
        SubjectKind::Referrer => "referrer",
    }
}

/// Sets limits, again and again while somebody is quicker.
pub async fn set_limits(client: &Client, stock: StockId, wish: &LimitArgs) -> Result<(), Failure> {
    if wish.zone && client.zone_show(stock.slot()).await?.version == 0 {
        let what = "the merchant has no time zone yet: try `scrip merchant zone set Asia/Shanghai`";
        return Err(Failure::Wish(what.into()));
    }
    let mut tries = 1;
    loop {
        let TermsShown { version, mut limits, spans, .. } = client.stock_terms(stock).await?;
        change(&mut limits, wish);
        let spans = changed_spans(spans, wish);
        let operation = client.operation();
        match client.stock_limits(StockLimits { operation, stock, version, limits, spans }).await {
            Err(error) if moved(&error) && tries < TRIES => tries += 1,
            answer => return answer.map(|_| ()).map_err(Failure::from),
        }
    }
}

fn change(limits: &mut Limits, wish: &LimitArgs) {
    let found = &mut limits.subjects[kind_of(wish.subject).position()];
    *found = SubjectLimit::new(
        wish.units.unwrap_or(found.total.get()),
        wish.per_day.unwrap_or(found.per_day.get()),
        wish.held.unwrap_or(found.held.get()),
    );
    if let Some(minutes) = wish.utc_offset {
        limits.utc_offset_minutes.set(minutes);
    }
    if wish.zone {
        limits.utc_offset_minutes.set(Limits::BY_ZONE);
    }
}

/// The limits of weeks and months with those of the wish; `None`: it names none.
fn changed_spans(mut spans: SpanLimits, wish: &LimitArgs) -> Option<SpanLimits> {
    let at = kind_of(wish.subject).position();
    for (span, units) in [(Span::Week, wish.per_week), (Span::Month, wish.per_month)] {
        if let Some(units) = units {
            spans.of_mut(span)[at].set(units);
        }
    }
    (wish.per_week.is_some() || wish.per_month.is_some()).then_some(spans)
}

/// Prints the limits of a stock.
pub async fn show_limits(client: &Client, stock: StockId) -> Result<(), Failure> {
    let TermsShown { version, limits, spans, .. } = client.stock_terms(stock).await?;
    let number = |units: u32| if units == 0 { "-".to_owned() } else { units.to_string() };
    let columns = ["in all", "per day", "per week", "per month", "held at once"];
    println!("{:<12}{}", "subject", columns.map(|column| format!("{column:>14}")).concat());
    for (kind, limit) in SubjectKind::LIMITED.into_iter().zip(&limits.subjects) {
        let of_span = |span| spans.of(span)[kind.position()];
        let (per_week, per_month) = (of_span(Span::Week), of_span(Span::Month));
        let numbers = [limit.total, limit.per_day, per_week, per_month, limit.held];
        let numbers = numbers.map(|units| format!("{:>14}", number(units.get())));
        println!("{:<12}{}", name_of(kind), numbers.concat());
    }
    if limits.by_zone() {
        let zone = client.zone_show(stock.slot()).await?;
        let now = ahead(offset_at(&zone.transitions, client.now_ms()));
        println!("days begin at midnight of {} (UTC{now} now); version {version}", zone.name);
    } else {
        println!(
            "days begin at midnight of UTC{}; version {version}",
            ahead(limits.utc_offset_minutes.get())
        );
    }
    Ok(())
}

/// Sets prices, again and again while somebody is quicker.
pub async fn set_prices(client: &Client, stock: StockId, wish: &PriceArgs) -> Result<(), Failure> {
    let mut tries = 1;
    loop {
        let TermsShown { version, prices, .. } = client.stock_terms(stock).await?;
        let prices = changed(client, prices, wish);
        let operation = client.operation();
        match client.stock_price(StockPrice { operation, stock, version, prices }).await {
            Err(error) if moved(&error) && tries < TRIES => tries += 1,
            answer => return answer.map(|_| ()).map_err(Failure::from),
        }
    }
}

/// The prices with those of the wish in place of the ones of the same channels and kind.
fn changed(client: &Client, mut prices: Vec<Price>, wish: &PriceArgs) -> Vec<Price> {
    let kind = match wish.kind {
        PriceName::List => PriceKind::List,
        PriceName::Member => PriceKind::Member,
        PriceName::Promotional => PriceKind::Promotional,
    };
    let from_ms = time_of(client, wish.from_ms, wish.from_in);
    let until_ms = time_of(client, wish.until_ms, wish.until_in);
    for wished in &wish.prices {
        let channel = wished.channel.unwrap_or(Price::ANY_CHANNEL);
        prices.retain(|price| price.channel.get() != channel.0 || price.kind != kind as u8);
        if let Some(amount) = wished.amount {
            let mut price = Price::new(channel, kind, amount);
            price.from_ms.set(from_ms);
            price.until_ms.set(until_ms);
            prices.push(price);
        }
    }
    prices.sort_by_key(|price| (price.channel.get(), price.kind));
    prices
}

/// Prints the prices of a stock.
pub async fn show_prices(client: &Client, stock: StockId) -> Result<(), Failure> {
    let TermsShown { version, prices, .. } = client.stock_terms(stock).await?;
    println!("{:<12}{:<13}{:>14}  {:<26}until", "channel", "kind", "minor units", "from");
    for price in &prices {
        let channel = match ChannelId(price.channel.get()) {
            Price::ANY_CHANNEL => "any".to_owned(),
            channel => channel_name(channel).to_string(),
        };
        let kind = match PriceKind::from_number(price.kind) {
            Some(PriceKind::List) => "list",
            Some(PriceKind::Member) => "member",
            Some(PriceKind::Promotional) => "promotional",
            None => "unknown",
        };
        let bound = |ms: u64| if ms == 0 { "-".to_owned() } else { time(ms) };
        let (from, until) = (bound(price.from_ms.get()), bound(price.until_ms.get()));
        println!("{channel:<12}{kind:<13}{:>14}  {from:<26}{until}", price.amount.get());
    }
    println!("{} prices; version {version}", prices.len());
    Ok(())
}
