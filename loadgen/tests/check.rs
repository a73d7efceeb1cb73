//! Loads against a server that is wrong: the check must see it.

mod fake;

use fake::{Fake, Faults, token};
use scrip_loadgen::{CheckPlan, CheckReport, LedgerMode, LoadPlan, LoadReport, Work, check, run};
use std::time::Duration;

fn load_and_check(fake: &Fake, plan: LoadPlan) -> (LoadReport, CheckReport) {
    let report = run(plan, |_| ()).unwrap();
    let plan = CheckPlan { repeat_share: 1.0, ..CheckPlan::new(fake.address, token()) };
    let checked = check(&report.ledger, &plan, |_, _| ()).unwrap();
    assert!(!checked.is_clean(), "{checked:#?}");
    assert!(!checked.findings.is_empty() || checked.seen_by_load > 0, "{checked:#?}");
    (report, checked)
}

#[test]
fn an_oversold_stock_is_caught() {
    let fake = Fake::start(1, 1_000, 0, Faults { oversell: 5, ..Faults::default() });
    let (report, checked) = load_and_check(&fake, fake.plan(1, 2_000));
    assert_eq!(report.counts.reserved_units, 1_005);
    assert_eq!((checked.oversold_units, checked.lost), (5, 5), "{:#?}", checked.findings);
}

#[test]
fn an_oversold_stock_is_caught_by_the_sums_alone() {
    let fake = Fake::start(1, 1_000, 0, Faults { oversell: 5, ..Faults::default() });
    let plan = LoadPlan { ledger: LedgerMode::Counts { one_in: 0 }, ..fake.plan(1, 2_000) };
    let (_, checked) = load_and_check(&fake, plan);
    assert_eq!(checked.oversold_units, 5, "{:#?}", checked.findings);
}

#[test]
fn a_lost_acknowledged_operation_is_caught() {
    let fake = Fake::start(1, 1_000_000, 0, Faults { lose_one_in: 500, ..Faults::default() });
    let (report, checked) = load_and_check(&fake, fake.plan(1, 2_000));
    assert_eq!(report.counts.acknowledged, 2_000);
    assert!(checked.lost >= 3 && checked.lost + checked.found == 2_000, "{:#?}", checked.findings);
    assert_eq!(
        (checked.unaccounted_units, checked.oversold_units),
        (0, 0),
        "what is not there is not counted either"
    );
}

#[test]
fn a_repeat_with_another_answer_is_caught() {
    let fake = Fake::start(1, 1_000_000, 0, Faults { change_repeat: true, ..Faults::default() });
    let (_, checked) = load_and_check(&fake, fake.plan(1, 300));
    assert_eq!((checked.mismatched_repeats, checked.repeats), (300, 300));
    assert_eq!(checked.lost + checked.mismatched, 0, "{:#?}", checked.findings);
}

#[test]
fn an_effect_that_happened_twice_is_caught() {
    let fake = Fake::start(1, 1_000_000, 0, Faults { double_one_in: 100, ..Faults::default() });
    let (_, checked) = load_and_check(&fake, fake.plan(1, 2_000));
    // Twenty by the load, twenty more by asking again.
    assert!((30..=50).contains(&checked.unaccounted_units), "{:#?}", checked.findings);
    assert_eq!(checked.lost + checked.mismatched, 0, "{:#?}", checked.findings);
}

#[test]
fn a_confirmation_that_did_not_happen_is_caught() {
    let fake = Fake::start(1, 1_000_000, 0, Faults { forget_confirm_one_in: 301, ..Faults::default() });
    let plan = LoadPlan { work: Work::ReserveConfirm { after: Duration::ZERO }, ..fake.plan(1, 2_000) };
    let (report, checked) = load_and_check(&fake, plan);
    assert_eq!(report.counts.sold_units, 2_000);
    assert!(checked.mismatched > 0 && checked.lost == 0, "{:#?}", checked.findings);
    let shown = checked.findings.join("\n");
    assert!(shown.contains("(state, confirmed at, units, late) was acknowledged as (Confirmed"), "{shown}");
}

#[test]
fn units_that_differ_from_the_acknowledged_ones_are_caught() {
    let fake = Fake::start(1, 1_000_000, 0, Faults { wrong_units: true, ..Faults::default() });
    let (_, checked) = load_and_check(&fake, fake.plan(1, 300));
    assert_eq!(checked.mismatched, 300, "{:#?}", checked.findings);
}

#[test]
fn a_buyer_beyond_the_limit_is_caught() {
    // The limit is enforced by nobody: it is written into the ledger as the load would have seen it.
    let fake = Fake::start(1, 1_000_000, 100_000_000, Faults::default());
    let mut report = run(LoadPlan { users: 50, ..fake.plan(1, 500) }, |_| ()).unwrap();
    let plan = CheckPlan::new(fake.address, token());
    assert!(check(&report.ledger, &plan, |_, _| ()).unwrap().is_clean());
    fake.limit(1, 3);
    let checked = check(&report.ledger, &plan, |_, _| ()).unwrap();
    assert!(checked.over_limit_users > 40, "{checked:#?}");
    report.ledger.before[0].limit_per_user = 0;
    let checked = check(&report.ledger, &plan, |_, _| ()).unwrap();
    assert_eq!(checked.over_limit_users, 0, "purchases before there was a limit are not counted");
}

#[test]
fn a_changed_answer_is_caught_by_the_load_itself() {
    let fake = Fake::start(20, 1_000_000, 0, Faults { change_repeat: true, ..Faults::default() });
    let shares = scrip_loadgen::CheckoutShares { retry: 0.5, late: 0.0, ..Default::default() };
    let plan = LoadPlan {
        profile: scrip_loadgen::Profile::Checkout(shares),
        work: Work::Checkout,
        reconnect: true,
        ..fake.plan(20, 300)
    };
    let (report, checked) = load_and_check(&fake, plan);
    assert!(!report.consistent() && report.counts.mismatched_repeats > 100, "{:?}", report.counts);
    assert_eq!(checked.seen_by_load, report.counts.mismatched_repeats);
}

#[test]
fn a_forgotten_hold_is_caught_by_the_load_itself() {
    let fake = Fake::start(1, 1_000_000, 0, Faults { lose_one_in: 50, ..Faults::default() });
    let shares =
        scrip_loadgen::CheckoutShares { late: 0.0, lines_max: 1, units_max: 1, ..Default::default() };
    let plan = LoadPlan {
        profile: scrip_loadgen::Profile::Checkout(shares),
        work: Work::Checkout,
        reconnect: true,
        ..fake.plan(1, 1_000)
    };
    let (report, checked) = load_and_check(&fake, plan);
    assert!(report.counts.contradictions > 5, "{:?}", report.findings);
    assert!(
        report.findings.iter().any(|finding| finding.contains("HOLD_NOT_FOUND")),
        "{:?}",
        report.findings
    );
    assert!(checked.lost > 0);
}
