//! The workloads that look for the top: W1, W1s, W1-steady, W2, W3, W4, W5, W6, W7.

use super::Place;
use super::rig::{Purse, Run, Success, carry_out, words};
use crate::cli::{BenchArgs, NamedBy};
use crate::report::Report;
use crate::runs::processes::RunError;

/// Units that no run can sell.
const ENDLESS: u64 = 1 << 50;
/// Stocks of the zipf half of W2.
const ZIPF_STOCKS: u32 = 10_000;

/// The closed loop's shape: connections, commands per frame, frames on their way.
#[derive(Clone, Copy)]
struct Shape {
    connections: u32,
    batch: u32,
    outstanding: u32,
}

impl Shape {
    fn of(arguments: &BenchArgs, default: Shape) -> Shape {
        Shape {
            connections: arguments.connections.unwrap_or(default.connections),
            batch: arguments.batch.unwrap_or(default.batch),
            outstanding: arguments.outstanding.unwrap_or(default.outstanding),
        }
    }

    fn arguments(self) -> String {
        let Shape { connections, batch, outstanding } = self;
        format!("--connections {connections} --batch {batch} --outstanding {outstanding}")
    }
}

/// What fills the machine on this class: 50 connections, 256 commands a frame, two frames on their way.
const DEEP: Shape = Shape { connections: 50, batch: 256, outstanding: 2 };

fn seconds(arguments: &BenchArgs, default: f64) -> f64 {
    arguments.seconds.unwrap_or(default)
}

/// Server arguments: memory for what `per_second` commands over `seconds` leave behind, and a log that is written ahead.
fn server(arguments: &BenchArgs, default_memory: u64) -> Vec<String> {
    let memory = arguments.memory.unwrap_or(default_memory);
    words(&format!("--memory {memory} --segment-bytes 512MiB --segments-ready 6 --segments-ahead 4"))
}

const GIB: u64 = 1 << 30;

/// RESERVE, one line, one counter stock, purchase limit on, unique random ids, never sold out.
pub fn w1(arguments: &BenchArgs, place: &Place) -> Result<Report, RunError> {
    let shape = Shape::of(arguments, DEEP);
    let seconds = seconds(arguments, 5.0);
    let run = Run {
        name: "W1",
        server: server(arguments, 10 * GIB),
        stocks: 1,
        units: ENDLESS,
        keys: 0,
        full: false,
        campaign: None,
        purse: None,
        limit_per_user: 1_000_000,
        load: words(&format!(
            "--profile steady --work reserve {} --seconds {seconds} --warm-up-s 1 --users 10000000 --sample 1000",
            shape.arguments()
        )),
        success: Success::Acknowledged,
        verify: true,
    };
    carry_out(arguments, place, &run)
}

/// W1 with order, device and address, limits and caps of each, a channel quota and a price.
pub fn w1_full(arguments: &BenchArgs, place: &Place) -> Result<Report, RunError> {
    let shape = Shape::of(arguments, DEEP);
    let seconds = seconds(arguments, 5.0);
    let run = Run {
        name: "W1-full",
        server: server(arguments, 12 * GIB),
        stocks: 1,
        units: ENDLESS,
        keys: 0,
        limit_per_user: 0,
        full: true,
        campaign: None,
        purse: None,
        load: words(&format!(
            "--profile steady --work reserve --full {} --seconds {seconds} --warm-up-s 1 --users 10000000 --sample 1000",
            shape.arguments()
        )),
        success: Success::Acknowledged,
        verify: true,
    };
    carry_out(arguments, place, &run)
}

/// W1, sold out.
pub fn w1s(arguments: &BenchArgs, place: &Place) -> Result<Report, RunError> {
    let shape = Shape::of(arguments, DEEP);
    let seconds = seconds(arguments, 5.0);
    let run = Run {
        name: "W1s",
        server: server(arguments, GIB),
        stocks: 1,
        units: 1_000,
        keys: 0,
        full: false,
        campaign: None,
        purse: None,
        limit_per_user: 1_000_000,
        load: words(&format!(
            "--profile steady --work reserve {} --seconds {seconds} --warm-up-s 1 --users 10000000 --sample 1000",
            shape.arguments()
        )),
        success: Success::Refused,
        verify: true,
    };
    carry_out(arguments, place, &run)
}

/// W1 at an offered rate for minutes: holds expire after a second, windows are ten seconds, memory stays flat.
pub fn w1_steady(arguments: &BenchArgs, place: &Place) -> Result<Report, RunError> {
    let shape = Shape::of(arguments, Shape { connections: 50, batch: 256, outstanding: 4 });
    let seconds = seconds(arguments, 180.0);
    let rate = arguments.rate;
    let mut server = server(arguments, 8 * GIB);
    server
        .extend(words("--operation-window-ms 10000 --operation-window-min-ms 10000 --late-confirm-ms 10000"));
    let run = Run {
        name: "W1-steady",
        server,
        stocks: 1,
        units: ENDLESS,
        keys: 0,
        full: false,
        campaign: None,
        purse: None,
        limit_per_user: 1_000_000,
        load: words(&format!(
            "--profile steady --work reserve {} --seconds {seconds} --warm-up-s 30 --rate {rate} --ttl-ms 1000 \
             --users 10000000 --sample 100000 --no-check",
            shape.arguments()
        )),
        success: Success::Acknowledged,
        // Minutes of it are tens of gigabytes, which would take minutes to replay: `--keep DIR`, then `scrip verify`.
        verify: seconds <= 30.0,
    };
    let mut report = carry_out(arguments, place, &run)?;
    if report.ops_per_s < 0.99 * rate as f64 {
        report.failures.push(format!("{:.0} of {rate} offered per second were taken", report.ops_per_s));
    }
    if let Some([before, after]) = report.memory_bytes
        && after > before + before / 20
    {
        report.failures.push(format!("memory grew from {} to {} MiB", before >> 20, after >> 20));
    }
    Ok(report)
}

/// Hold, later confirm: one hot stock, and zipf over 10,000. The lower of the two counts, in commands per second.
pub fn w2(arguments: &BenchArgs, place: &Place) -> Result<Report, RunError> {
    let shape = Shape::of(arguments, DEEP);
    let seconds = seconds(arguments, 5.0);
    let mut reports = Vec::new();
    for (name, stocks, profile) in
        [("W2-hot", 1, "steady".to_owned()), ("W2-zipf", ZIPF_STOCKS, "zipf --exponent 1.0".to_owned())]
    {
        let run = Run {
            name,
            server: server(arguments, 8 * GIB),
            stocks,
            units: ENDLESS / u64::from(stocks),
            keys: 0,
            full: false,
            campaign: None,
            purse: None,
            limit_per_user: 0,
            load: words(&format!(
                "--profile {profile} --work reserve-confirm {} --seconds {seconds} --warm-up-s 1 \
                 --users 10000000 --sample 1000",
                shape.arguments()
            )),
            success: Success::Acknowledged,
            verify: true,
        };
        let report = carry_out(arguments, place, &run)?;
        if !arguments.json {
            super::print::print_line(&report);
        }
        reports.push(report);
    }
    let zipf = reports.pop().expect("two runs");
    let hot = reports.pop().expect("two runs");
    let (mut lower, other) = if hot.ops_per_s <= zipf.ops_per_s { (hot, zipf) } else { (zipf, hot) };
    lower.workload = "W2".into();
    lower.failures.extend(other.failures);
    lower.oversold += other.oversold;
    lower.lost += other.lost;
    lower.mismatched_repeats += other.mismatched_repeats;
    Ok(lower)
}

/// SELL a card key from a pool of sealed ones, the key in the answer. Ends when the pool is empty.
pub fn w3(arguments: &BenchArgs, place: &Place) -> Result<Report, RunError> {
    let shape = Shape::of(arguments, DEEP);
    let seconds = seconds(arguments, 4.0);
    let keys = arguments.keys;
    // As many attempts as keys, so that none is refused: the run ends with the pool.
    let run = Run {
        name: "W3",
        server: server(arguments, 8 * GIB),
        stocks: 1,
        units: keys,
        keys,
        full: false,
        campaign: None,
        purse: None,
        limit_per_user: 0,
        load: words(&format!(
            "--profile steady --work sell {} --seconds {seconds} --attempts {keys} --warm-up-s 0.5 --users 10000000 --sample 1000",
            shape.arguments()
        )),
        success: Success::Acknowledged,
        verify: true,
    };
    carry_out(arguments, place, &run)
}

/// Cards of W4: as many users claim one each.
const CLAIMS: u64 = 10_000_000;
/// Cards of W5: what the redemptions of 12 GiB are enough for.
const REDEMPTIONS: u64 = 4_000_000;

/// CLAIM with a limit of one card a user, on one campaign. Ends when every user has his.
pub fn w4(arguments: &BenchArgs, place: &Place) -> Result<Report, RunError> {
    let cards = arguments.cards.unwrap_or(CLAIMS);
    let run = Run {
        name: "W4",
        server: server(arguments, 11 * GIB),
        stocks: 1,
        units: cards,
        keys: 0,
        full: false,
        campaign: Some(0),
        purse: None,
        limit_per_user: 1,
        load: storm(arguments, "claims", &format!("--users {cards}")),
        success: Success::Acknowledged,
        verify: true,
    };
    let mut report = carry_out(arguments, place, &run)?;
    if report.acknowledged != report.sold {
        let (claims, sold) = (report.acknowledged, report.sold);
        report.failures.push(format!("{claims} claims were acknowledged, the log has {sold} cards"));
    }
    Ok(report)
}

/// REDEEM once each card, by its id or by its code; the cards are bearer cards, minted beforehand. Ends with the cards.
pub fn w5(arguments: &BenchArgs, place: &Place) -> Result<Report, RunError> {
    let cards = arguments.cards.unwrap_or(REDEMPTIONS);
    let (name, by) = match arguments.by {
        NamedBy::Id => ("W5-id", ""),
        NamedBy::Code => ("W5-code", "--by-code"),
    };
    let run = Run {
        name,
        server: server(arguments, 12 * GIB),
        stocks: 1,
        units: cards,
        keys: 0,
        full: false,
        campaign: Some(cards),
        purse: None,
        limit_per_user: 0,
        load: storm(arguments, "redeems", by),
        success: Success::Acknowledged,
        verify: true,
    };
    carry_out(arguments, place, &run)
}

/// Arguments of a load that asks once for each user or card. It must not be shorter than the two seconds that count, so there is
/// little warm-up.
fn storm(arguments: &BenchArgs, profile: &str, further: &str) -> Vec<String> {
    let (shape, seconds) = (Shape::of(arguments, DEEP), seconds(arguments, 10.0));
    words(&format!(
        "--profile {profile} {further} --tries 1 --repeat 0 {} --seconds {seconds} --warm-up-s 0.25 --sample 1000",
        shape.arguments()
    ))
}

/// Checkouts of W6: what the holds of 12 GiB are enough for.
const CHECKOUTS: u64 = 1_700_000;
/// Gift cards of W6, each of which many checkouts pay with.
const GIFT_CARDS: u64 = 100_000;

/// RESERVE of two lines, a coupon and part of a gift card, and CONFIRM; in checkouts per second.
pub fn w6(arguments: &BenchArgs, place: &Place) -> Result<Report, RunError> {
    let shape = Shape::of(arguments, DEEP);
    let seconds = seconds(arguments, 10.0);
    let checkouts = arguments.cards.unwrap_or(CHECKOUTS);
    let run = Run {
        name: "W6",
        server: server(arguments, 12 * GIB),
        stocks: 1_000,
        units: ENDLESS / 1_000,
        keys: 0,
        full: false,
        campaign: None,
        purse: Some(Purse { coupons: checkouts, gift_cards: GIFT_CARDS }),
        limit_per_user: 0,
        load: words(&format!(
            "--profile checkout --coupons {} --gift-cards {} --think-ms 0 --attempts {checkouts} {} --seconds {seconds} \
             --warm-up-s 0.25 --users 10000000 --sample 1000",
            Purse::COUPONS,
            Purse::GIFT_CARDS,
            shape.arguments()
        )),
        success: Success::Acknowledged,
        verify: true,
    };
    let mut report = carry_out(arguments, place, &run)?;
    // Commands per second say little where a checkout is two or more of them.
    report.ops_per_s *= report.attempts as f64 / report.acknowledged.max(1) as f64;
    if report.refused > 0 {
        report.failures.push(format!("{} commands of checkouts were refused", report.refused));
    }
    Ok(report)
}

/// One command per frame, 50 connections, one outstanding each.
pub fn w7(arguments: &BenchArgs, place: &Place) -> Result<Report, RunError> {
    let shape = Shape::of(arguments, Shape { connections: 50, batch: 1, outstanding: 1 });
    let seconds = seconds(arguments, 5.0);
    let run = Run {
        name: "W7",
        server: server(arguments, GIB),
        stocks: 1,
        units: ENDLESS,
        keys: 0,
        full: false,
        campaign: None,
        purse: None,
        limit_per_user: 1_000_000,
        load: words(&format!(
            "--profile steady --work reserve {} --seconds {seconds} --warm-up-s 1 --users 10000000 --sample 10",
            shape.arguments()
        )),
        success: Success::Acknowledged,
        verify: true,
    };
    carry_out(arguments, place, &run)
}
