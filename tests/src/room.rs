//! Room: the oracle knows nothing of tables, but it knows what must be remembered.
//!
//! Invariant: the engine keeps at least what the oracle remembers and at most what its tables hold; it refuses a command
//! for want of room only if a table that the command needs is full; and what is gone leaves its table in the end.

use crate::oracle::debts::waits_for;
use crate::oracle::{Hold, Oracle, Record, Rule, Stock, Subject, key_of, told};
use crate::outcome::{OwnedOutcome, OwnedQuoted};
use crate::request::{
    CardCommand, OwnedCommand, OwnedGroupWish, OwnedQuoteReserve, OwnedRequest, OwnedTake, Wish,
};
use scrip_engine::Engine;
use scrip_engine::answer::QuotedCard;
use scrip_engine::command::{CardLine, GiftWish};
use scrip_engine::ids::StockId;
use scrip_engine::limits::QUOTE_CARDS_MAX;
use scrip_engine::rejection::CapacityOf;
use std::collections::BTreeSet;

/// The tables, in the order of `Engine::usage`.
pub const TABLES: [CapacityOf; 17] = [
    CapacityOf::Stocks,
    CapacityOf::Holds,
    CapacityOf::ExtraLines,
    CapacityOf::Operations,
    CapacityOf::UserLimits,
    CapacityOf::RiskCounts,
    CapacityOf::OrderLines,
    CapacityOf::Debts,
    CapacityOf::Cards,
    CapacityOf::Redemptions,
    CapacityOf::Lots,
    CapacityOf::Gifts,
    CapacityOf::GivenCodes,
    CapacityOf::Groups,
    CapacityOf::Links,
    CapacityOf::Friends,
    CapacityOf::Labels,
];

/// Records that must be remembered in `table`.
pub fn remembered(oracle: &Oracle, table: CapacityOf) -> u64 {
    let count = match table {
        CapacityOf::Stocks => oracle.stocks.len(),
        CapacityOf::Holds => holds(oracle).count(),
        CapacityOf::ExtraLines => holds(oracle).map(|hold| hold.lines.len() - 1 + of_cart(hold)).sum(),
        CapacityOf::Operations => records(oracle).filter(|record| record.is_operation()).count(),
        CapacityOf::UserLimits => counted(oracle).len(),
        CapacityOf::RiskCounts => {
            let rules = oracle.risk.rules.values().flatten();
            rules.map(|(_, rule)| Rule::living(rule, oracle.now_ms())).sum()
        }
        CapacityOf::OrderLines => order_lines(oracle),
        CapacityOf::Debts => oracle.stocks.values().map(|stock| stock.claims.len()).sum(),
        CapacityOf::Redemptions => {
            let redemptions = records(oracle).filter(|record| record.redemption.is_some()).count();
            redemptions + holds(oracle).map(|hold| hold.cards.len()).sum::<usize>()
        }
        CapacityOf::Lots => {
            let accounts = oracle.cards.values().filter_map(|card| card.account.as_ref());
            let parts = records(oracle).filter_map(|record| record.redemption.as_ref());
            let parts: usize = parts.map(|redemption| redemption.parts.len()).sum();
            accounts.map(|account| 1 + account.lots.len()).sum::<usize>() + parts
        }
        CapacityOf::Gifts => oracle.gifts(),
        CapacityOf::GivenCodes => oracle.given_codes.len(),
        CapacityOf::Groups => oracle.group_records(),
        CapacityOf::Links => oracle.linked_ids(),
        CapacityOf::Labels => oracle.labels(),
        CapacityOf::Friends => oracle.friends(),
        CapacityOf::Cards => oracle.pages(std::iter::empty()) * 64,
        other => unreachable!("{other:?} is no table"),
    };
    count as u64
}

/// Records that `request` adds to `table` at most; `answer` is what it is answered with room for everything.
pub fn added(oracle: &Oracle, request: &OwnedRequest, table: CapacityOf, answer: &OwnedOutcome) -> u64 {
    let of_cart = match &request.command {
        OwnedCommand::QuoteReserve(quote) => Some(priced(quote, answer)),
        _ => None,
    };
    let taken = of_cart.as_ref().map(|(take, _)| take).or(request.take());
    let redeems = matches!(request.command, OwnedCommand::OfCards(CardCommand::Redeem(_)));
    let mut demand = match &request.command {
        // It demands a card of the campaign that the code names, if it names one.
        OwnedCommand::OfCards(CardCommand::Issue(issue)) => {
            let named = oracle.claimed_under(&request.envelope, issue).unwrap_or(*issue);
            Some(named.demand())
        }
        _ => request.demand(),
    };
    if let (OwnedCommand::OfCards(CardCommand::Group(wish)), Some(demand)) = (&request.command, &mut demand) {
        demand
            .lines
            .extend(campaign_joined(oracle, request, wish).map(|campaign| Wish::exactly(campaign, 1)));
    }
    let count = match table {
        CapacityOf::Stocks => usize::from(demand.is_none()),
        CapacityOf::Holds => usize::from(taken.is_some()),
        CapacityOf::ExtraLines => {
            let further = of_cart.as_ref().map_or(0, |(_, further)| *further);
            taken.map_or(0, |take| take.lines.len() - 1 + further)
        }
        // A redemption of a till that was offline may be the record of a conflict.
        CapacityOf::Operations => usize::from(taken.is_none() && (!redeems || is_offline(request))),
        CapacityOf::UserLimits => demand.map_or(0, |take| new_limits(oracle, &take)),
        CapacityOf::RiskCounts => match (&request.command, demand) {
            (OwnedCommand::OfCards(CardCommand::Issue(issue)), _) => {
                let named = oracle.claimed_under(&request.envelope, issue).unwrap_or(*issue);
                oracle.new_counts(&request.envelope, &oracle.who_claims(&request.envelope, &named))
            }
            (_, demand) => demand.map_or(0, |take| oracle.new_counts(&request.envelope, &told(&take))),
        },
        CapacityOf::OrderLines => {
            let take = taken.filter(|take| take.order.0 != 0);
            let stocks = take.into_iter().flat_map(|take| &take.lines).map(|wish| wish.stock);
            stocks.filter(|stock| is_once(oracle, stock)).collect::<BTreeSet<_>>().len()
        }
        CapacityOf::Debts => waits_for(request).len(),
        CapacityOf::Redemptions => usize::from(redeems) + taken.map_or(0, |take| take.cards.len()),
        CapacityOf::Gifts => usize::from(matches!(
            request.command,
            OwnedCommand::OfCards(CardCommand::Gift { wish: GiftWish::Give { .. }, .. })
        )),
        CapacityOf::GivenCodes => match &request.command {
            OwnedCommand::OfCards(CardCommand::ImportCodes { codes, .. }) => codes.len(),
            OwnedCommand::OfCards(CardCommand::SetCode { campaign: Some(_), .. }) => 1,
            _ => 0,
        },
        CapacityOf::Groups => match &request.command {
            OwnedCommand::OfCards(CardCommand::Group(OwnedGroupWish::Open { .. })) => 2,
            OwnedCommand::OfCards(CardCommand::Group(OwnedGroupWish::Join { .. })) => 1,
            _ => 0,
        },
        CapacityOf::Friends => match &request.command {
            OwnedCommand::OfCards(CardCommand::Issue(issue)) => usize::from(issue.referral.is_some()),
            _ => 0,
        },
        CapacityOf::Links => match request.command {
            OwnedCommand::Link { user, to, .. } => {
                [user, to].into_iter().filter(|user| oracle.is_alone(&request.envelope, *user)).count()
            }
            _ => 0,
        },
        CapacityOf::Labels => match request.command {
            OwnedCommand::Label { user, .. } => {
                usize::from(oracle.label_key(&request.envelope, user).is_none())
            }
            _ => 0,
        },
        CapacityOf::Lots => match &request.command {
            // An account and two lots; as many parts as a card has lots.
            OwnedCommand::OfCards(CardCommand::Account { .. } | CardCommand::Recycle { .. }) => 3,
            // An account, and of each source its own lot and all others.
            OwnedCommand::OfCards(CardCommand::Merge { from, .. }) => {
                let sources = from.iter().filter_map(|card| oracle.cards.get(&card.card()));
                1 + from.len() + sources.map(|card| card.lots().len()).sum::<usize>()
            }
            OwnedCommand::OfCards(CardCommand::Redeem(redeem)) => {
                oracle.cards.get(&redeem.card).map_or(0, |card| card.lots().len() + 1)
            }
            _ => {
                let cards = taken.iter().flat_map(|take| &take.cards);
                let lots =
                    cards.filter_map(|line| oracle.cards.get(&line.card())).map(|card| card.lots().len());
                lots.filter(|lots| *lots > 0).map(|lots| lots + 1).sum()
            }
        },
        _ => 0,
    };
    count as u64
}

/// The campaign of the group that a GROUP_JOIN names.
fn campaign_joined(oracle: &Oracle, request: &OwnedRequest, wish: &OwnedGroupWish) -> Option<StockId> {
    let OwnedGroupWish::Join { group, .. } = wish else { return None };
    let (merchant, slot, _) = key_of(&request.envelope);
    oracle.groups.get(&(merchant, slot, group.0)).map(|group| group.campaign)
}

/// What a QUOTE_RESERVE takes, and how many records its cart needs: as it was priced, or the most that it can come to.
fn priced(quote: &OwnedQuoteReserve, answer: &OwnedOutcome) -> (OwnedTake, usize) {
    let (lines, take) = (quote.lines.len(), quote.take());
    let (cards, shares) = match answer {
        OwnedOutcome::QuoteReserved { quote, .. } => (quote.cards.clone(), shares_of(quote)),
        _ => (vec![QuotedCard::default(); QUOTE_CARDS_MAX], QUOTE_CARDS_MAX * lines),
    };
    let cards = cards.iter().map(|card| CardLine::new(card.card(), 1, 0)).collect();
    (OwnedTake { cards, ..take }, 1 + lines + shares)
}

fn shares_of(quote: &OwnedQuoted) -> usize {
    quote.shares.iter().filter(|share| **share > 0).count()
}

/// Records of the cart of a hold.
fn of_cart(hold: &Hold) -> usize {
    hold.cart.as_ref().map_or(0, |cart| 1 + cart.lines.len() + shares_of(&cart.quoted))
}

/// Subjects that a demand would be the first to count for, in days, weeks and months each, and in the groups of campaigns.
fn new_limits(oracle: &Oracle, take: &OwnedTake) -> usize {
    let is_limited = |(stock, (kind, subject), span): &(StockId, Subject, usize)| {
        let limits =
            |stock: &Stock| stock.limit(*kind).is_any() && (*span == DAYS || stock.limits_spans()[*span]);
        *subject != 0 && oracle.stocks.get(stock).is_some_and(limits)
    };
    let known = counted(oracle);
    let of_wish = |stock| std::iter::once(stock).chain(oracle.group_of(stock));
    let stocks = take.lines.iter().flat_map(|wish| of_wish(wish.stock));
    let wanted = stocks.flat_map(|stock| told(take).map(|subject| (stock, subject)));
    let wanted = wanted.flat_map(|(stock, subject)| [DAYS, 0, 1].map(|span| (stock, subject, span)));
    wanted.filter(is_limited).filter(|of| !known.contains(of)).collect::<BTreeSet<_>>().len()
}

/// Panics unless the engine's tables hold at least what must be remembered, and no more than they can.
pub fn check(engine: &Engine, oracle: &Oracle) {
    for (table, (name, used, maximum)) in TABLES.into_iter().zip(engine.usage()) {
        let least = remembered(oracle, table);
        assert!(least <= u64::from(used), "{least} {name} must be remembered, {used} are");
        // Cards come in pages: the last one may reach beyond the maximum. Those that were held while there was room are made anyway.
        let most = match table {
            CapacityOf::Cards => maximum.next_multiple_of(64) + 64 * oracle.pages_sold() as u32,
            _ => maximum,
        };
        assert!(used <= most, "{used} of at most {most} {name}");
    }
}

/// Panics unless the engine's tables hold exactly what must be remembered.
pub fn check_drained(engine: &Engine, oracle: &Oracle) {
    for (table, (name, used, _)) in TABLES.into_iter().zip(engine.usage()) {
        assert_eq!(u64::from(used), remembered(oracle, table), "what is gone has left {name}");
    }
}

/// What the engine says of a table: how many records are in it, and how many there may be.
pub fn usage(engine: &Engine, table: CapacityOf) -> (u32, u32) {
    let position = TABLES.iter().position(|other| *other == table).expect("a table");
    let (_, used, maximum) = engine.usage()[position];
    (used, maximum)
}

fn is_offline(request: &OwnedRequest) -> bool {
    matches!(&request.command, OwnedCommand::OfCards(CardCommand::Redeem(redeem)) if redeem.offline.is_some())
}

fn is_once(oracle: &Oracle, stock: &StockId) -> bool {
    oracle.stocks.get(stock).is_some_and(|stock| stock.once_per_order)
}

/// Lines of orders on stocks that an order can buy once.
fn order_lines(oracle: &Oracle) -> usize {
    let of_hold = |hold: &Hold| {
        let taken = hold.lines.iter().filter(|line| line.reserved > 0).map(|line| line.stock);
        taken.filter(|stock| is_once(oracle, stock)).collect::<BTreeSet<_>>().len()
    };
    holds(oracle).filter(|hold| hold.order.0 != 0).map(of_hold).sum()
}

fn records(oracle: &Oracle) -> impl Iterator<Item = &Record> {
    oracle.records.keys().filter_map(|key| oracle.record(*key))
}

fn holds(oracle: &Oracle) -> impl Iterator<Item = &Hold> {
    records(oracle).filter_map(|record| record.hold.as_ref())
}

/// Beside 0 for weeks and 1 for months.
const DAYS: usize = 2;

/// Whose purchases of what are counted, and by which spans: while units count, and while a hold that can be asked about points
/// to them.
fn counted(oracle: &Oracle) -> BTreeSet<(StockId, Subject, usize)> {
    let units = oracle.purchases.iter().flat_map(|((stock, subject), purchases)| {
        let [weeks, months] = purchases.in_spans;
        let there = [(0, weeks), (1, months), (DAYS, purchases.units)].into_iter();
        there.filter(|(_, units)| *units > 0).map(|(span, _)| (*stock, *subject, span))
    });
    let lines = holds(oracle).flat_map(|hold| &hold.lines).flat_map(|line| {
        let spans = [(0, line.by_spans[0]), (1, line.by_spans[1]), (DAYS, true)].into_iter();
        let spans: Vec<usize> = spans.filter(|(_, counts)| *counts).map(|(span, _)| span).collect();
        line.subjects
            .iter()
            .flat_map(move |subject| spans.clone().into_iter().map(|span| (line.stock, *subject, span)))
    });
    units.chain(lines).collect()
}
