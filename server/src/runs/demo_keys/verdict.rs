//! The verdict: what buyers were answered, what the server says of it after its kills, and what its log says.
//!
//! Invariant: a figure of the report that says "none" was counted by somebody who looked: the buyers' own texts, the
//! fetched operations, the walk over the log.

use super::debts::Debts;
use super::shop::{Door, Shop};
use crate::cli::KeysDemoArgs;
use crate::report::{ChannelReport, Report};
use crate::runs::load::latency;
use scrip_loadgen::{CheckReport, Ended, LoadReport};
use scrip_shard::{ChannelBook, StockBook, Walked};
use std::time::Duration;

/// What was found after the sale.
pub struct Proof {
    /// Every operation fetched back, every key compared.
    pub checked: CheckReport,
    /// Those who paid when keys were gone.
    pub debts: Debts,
    /// The log, walked event by event.
    pub walked: Vec<Walked>,
    /// Kills.
    pub kills: u32,
    /// The socket driver of the server.
    pub driver: String,
    /// CPU seconds of all its lives.
    pub cpu_s: f64,
    /// How long everything took.
    pub took: Duration,
}

impl Proof {
    /// The demo's stock in the walk's books: the only one there is.
    fn stock(&self) -> StockBook {
        let stocks = self.walked.iter().flat_map(|walked| walked.walk.books.stocks());
        stocks.map(|(_, stock)| stock.clone()).next().unwrap_or_default()
    }

    fn sum(&self, of: impl Fn(&Walked) -> u64) -> u64 {
        self.walked.iter().map(of).sum()
    }

    /// Debts settled, by the log.
    fn settled(&self) -> u64 {
        self.sum(|walked| walked.walk.books.debts_settled())
    }

    /// Debts settled before an older one, by the log.
    fn overtaken(&self) -> u64 {
        self.sum(|walked| walked.walk.debts_overtaken)
    }

    /// What the guarantee of a channel had left when it lapsed.
    fn lapsed(&self, door: &Door) -> Option<u64> {
        let mut lapses = self.walked.iter().flat_map(|walked| walked.walk.books.lapses());
        lapses.find(|lapse| lapse.channel == door.channel).map(|lapse| lapse.unused)
    }
}

/// Puts everything together.
pub fn judge(arguments: &KeysDemoArgs, shop: &Shop, loaded: &LoadReport, proof: &Proof) -> Report {
    let (counts, checked, stock) = (&loaded.counts, &proof.checked, proof.stock());
    let used = stock.held + stock.consumed;
    let mut report = Report {
        workload: "demo-keys".into(),
        driver: Some(proof.driver.clone()),
        shards: Some(proof.walked.len() as u32),
        connections: Some(arguments.connections),
        batch: Some(arguments.batch),
        seconds: loaded.seconds,
        attempts: counts.attempts,
        acknowledged: counts.acknowledged,
        owed: proof.debts.owed,
        refused: counts.refused_total(),
        unknown: counts.unknown,
        sold: stock.consumed,
        oversold: checked.oversold_units.max(used.saturating_sub(stock.total)),
        duplicate_keys: counts.duplicate_keys
            + checked.duplicate_keys
            + proof.sum(|walked| walked.walk.keys_bound_twice),
        lost: checked.lost + checked.mismatched,
        mismatched_repeats: counts.mismatched_repeats + checked.mismatched_repeats + checked.duplicates,
        ops_per_s: loaded.ops_per_s,
        latency_us: Some(latency(&loaded.latency)),
        server_cpu_s: Some(proof.cpu_s),
        load_cpu_s: Some(loaded.load_cpu_s),
        log_bytes: Some(proof.sum(|walked| walked.end.bytes)),
        kills: Some(proof.kills),
        channels: shop.doors.iter().map(|door| channel(door, loaded, proof, &stock)).collect(),
        ..Report::default()
    };
    let findings = proof.walked.iter().flat_map(|walked| &walked.walk.findings);
    let findings = loaded.findings.iter().chain(&checked.findings).chain(findings);
    report.failures.extend(findings.chain(&proof.debts.failures).cloned());
    complain(arguments, shop, loaded, proof, &stock, &mut report.failures);
    report
}

/// What must be so besides, in words where it is not.
fn complain(
    arguments: &KeysDemoArgs,
    shop: &Shop,
    loaded: &LoadReport,
    proof: &Proof,
    stock: &StockBook,
    failures: &mut Vec<String>,
) {
    let (counts, checked) = (&loaded.counts, &proof.checked);
    let mut must = |so: bool, words: String| {
        if !so {
            failures.push(words);
        }
    };
    must(loaded.consistent(), "answers contradicted each other during the sale".into());
    must(checked.is_clean(), "what was fetched back does not agree with the answers".into());
    let faults = proof.sum(|walked| walked.walk.faults);
    must(faults == 0, format!("{faults} faults in the log"));
    must(
        loaded.ended == Ended::Attempts && counts.attempts >= arguments.attempts,
        format!("{} of {} attempts made: {:?}", counts.attempts, arguments.attempts, loaded.ended),
    );
    must(proof.kills == arguments.kills, format!("{} of {} kills", proof.kills, arguments.kills));
    let imported = proof.sum(|walked| u64::from(walked.walk.books.keys_imported()));
    must(
        imported == arguments.keys + proof.debts.replaced + proof.debts.restocked && stock.total == imported,
        format!("{imported} keys were imported"),
    );
    let left = stock.available;
    // Holds abandoned at the very end run out when nobody asks any more.
    must(left <= stock.total / 10, format!("{left} keys are left although demand was larger"));
    let fetched: i64 = checked.stocks.iter().filter_map(|stock| stock.consumed_by_operations).sum();
    must(
        fetched + proof.debts.sold() as i64 == stock.consumed as i64,
        format!(
            "{} keys are sold by the log, {fetched} by the operations fetched back, {} to those who waited",
            stock.consumed,
            proof.debts.sold()
        ),
    );
    let (settled, overtaken) = (proof.settled(), proof.overtaken());
    must(
        settled == proof.debts.owed && settled == proof.debts.restocked && overtaken == 0,
        format!("{settled} of {} debts are settled by the log, {overtaken} overtaken", proof.debts.owed),
    );
    for door in shop.doors.iter().filter(|door| door.lapses) {
        let lapsed = proof.lapsed(door);
        must(
            lapsed.is_some_and(|unused| unused > 0),
            format!("{}'s guarantee lapsed: {lapsed:?}", door.name),
        );
    }
}

fn channel(door: &Door, loaded: &LoadReport, proof: &Proof, stock: &StockBook) -> ChannelReport {
    let counts = loaded.channels.iter().find(|counts| counts.channel == door.channel.0);
    let counts = counts.cloned().unwrap_or_default();
    let book: Option<&ChannelBook> = stock.channels.get(&door.channel);
    ChannelReport {
        name: door.name.to_owned(),
        channel: door.channel.0,
        guaranteed: door.guaranteed,
        cap: door.cap,
        attempts: counts.attempts,
        sold: book.map_or(0, |book| book.consumed),
        used_most: book.map_or(0, |book| book.used_most),
        lapsed_unused: proof.lapsed(door),
        refused: counts.refused,
    }
}

/// For people.
pub fn print(shop: &Shop, loaded: &LoadReport, proof: &Proof, report: &Report, took: Duration) {
    let (stock, checked) = (proof.stock(), &proof.checked);
    let keys = shop.texts.count + proof.debts.replaced + proof.debts.restocked;
    println!();
    println!(
        "sold {}/{keys} card keys, {} void (returned or replaced), {} held, {} left; oversold {}, lost {}, duplicate keys {}",
        report.sold,
        stock.void,
        stock.held,
        stock.available,
        report.oversold,
        report.lost,
        report.duplicate_keys
    );
    println!();
    println!(
        "  {:8} {:>9} {:>8} {:>8} {:>10} {:>9}  refused",
        "channel", "guarantee", "cap", "sold", "most used", "attempts"
    );
    for door in &report.channels {
        let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
        let refused: Vec<String> =
            door.refused.iter().map(|(code, count)| format!("{code} {count}")).collect();
        println!(
            "  {:8} {:>9} {:>8} {:>8} {:>10} {:>9}  {}",
            door.name,
            number(Some(door.guaranteed).filter(|units| *units > 0)),
            number(door.cap),
            door.sold,
            door.used_most,
            door.attempts,
            refused.join(", ")
        );
    }
    for door in report.channels.iter().filter(|door| door.lapsed_unused.is_some()) {
        let unused = door.lapsed_unused.unwrap_or(0);
        println!("  {}'s guarantee lapsed with {unused} keys unused: from then on everybody's", door.name);
    }
    println!();
    print_checks(loaded, proof, checked, report);
    println!();
    for failure in &report.failures {
        println!("FAILED: {failure}");
    }
    let verdict = if report.passed() { "PASSED" } else { "FAILED" };
    println!("{verdict} in {:.1} s", took.as_secs_f64());
}

fn print_checks(loaded: &LoadReport, proof: &Proof, checked: &CheckReport, report: &Report) {
    let looks = proof.sum(|walked| walked.walk.looks);
    let events = proof.sum(|walked| walked.walk.events);
    let exceeded = proof.sum(|walked| walked.walk.quotas_exceeded);
    let replaced = proof.sum(|walked| walked.walk.books.keys_replaced());
    let counts = &loaded.counts;
    let line = |what: &str, count: u64, words: &str| println!("  {what:20} {count:>12}  {words}");
    line("attempts", report.attempts, "SELL, RESERVE, CONFIRM, REVEAL, KEY_REPLACE, RETURN and others");
    line("acknowledged", report.acknowledged, "each fetched back by its id after the sale");
    line("refused", report.refused, "by reason above");
    line(
        "unknown",
        report.unknown,
        "in flight on a connection that was lost; each looked up, none happened twice",
    );
    line("sales compared", checked.cards_read, "keys fetched again, text by text the ones answered before");
    line("keys of two orders", report.duplicate_keys, "by their texts, and by their numbers in the log");
    line(
        "repeats",
        counts.repeats + checked.repeats,
        "under the same operation id, during and after the sale",
    );
    line("repeats that differ", report.mismatched_repeats, "");
    line("keys replaced", replaced, "void, and another in its place; repeats name the new one");
    let by_half = proof.debts.sold_by_half;
    line(
        "debts settled",
        proof.settled(),
        &format!(
            "paid when keys were gone, {by_half} served by half of a restock; overtaken {}",
            proof.overtaken()
        ),
    );
    line("kill -9", u64::from(proof.kills), "each in the middle of a delivery's sale");
    line("events walked", events, &format!("{looks} looks at the stock, quotas exceeded {exceeded}"));
    line("log", report.log_bytes.unwrap_or(0), "bytes");
    line("attempts/s", (report.attempts as f64 / report.seconds) as u64, "the outages included");
}
