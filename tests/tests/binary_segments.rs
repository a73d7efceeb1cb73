//! Cards for some users and channels alone, through the real binary: who gets them and who may use them.

use scrip_tests::processes::site::Site;

#[test]
fn new_users_get_a_coupon_in_the_mini_app_and_gold_members_use_it() {
    let site = Site::new();
    let server = site.serve(&["--shards", "2"]);
    site.line(
        "campaign create new5 --kind amount-off --value 5.00 --units 100 --run \
         --scope claim-channel=mini --scope claim-segment=7 --scope claim-segment=8 --scope segment=9",
    )
    .well();
    let shown = site.line("campaign show new5").well();
    for words in ["got through channel mini", "got by segment 7", "segment 9"] {
        assert!(shown.stdout.contains(words), "no {words:?}: {shown:#?}");
    }
    site.line("card claim new5 --user ann --channel mini").badly(&["OUT_OF_SCOPE", "--segments"]);
    site.line("card claim new5 --user ann --channel h5 --segments 7").badly(&["OUT_OF_SCOPE"]);
    site.line("card issue new5 --user ann --channel mini --segments 6").badly(&["OUT_OF_SCOPE"]);
    let claim = "card claim new5 --user ann --channel mini --segments 3,7 --operation C1";
    let claimed = site.line(claim).well();
    let card = claimed.field("card").to_owned();
    // The cart of somebody else costs more; hers, once she is gold, less.
    let quote = "quote --user ann --line 7:0:30.00:1";
    assert!(site.line(quote).well().stdout.contains("30.00"));
    assert!(site.line(&format!("{quote} --segments 9")).well().stdout.contains("25.00"));
    site.line(&format!("card redeem {card} --amount 30.00 --segments 7")).badly(&["OUT_OF_SCOPE"]);
    server.kill();
    let server = site.serve(&["--shards", "2"]);
    // She is no new user any more when her phone asks again.
    let created_ms = claimed.field("created_ms");
    let again = format!("card claim new5 --user ann --channel mini --operation C1 --created-ms {created_ms}");
    assert_eq!(site.line(&again).well().field("card"), card);
    let redeemed = site.line(&format!("card redeem {card} --amount 30.00 --segments 9")).well();
    assert!(redeemed.stdout.contains("discount   5.00"), "{redeemed:#?}");
    // Groups are joined by who may claim.
    site.line("group open new5 --size 2 --user ben --channel mini --operation G1").badly(&["OUT_OF_SCOPE"]);
    site.line("group open new5 --size 2 --user ben --channel mini --segments 8 --operation G1").well();
    site.line("group join G1 --user cem --channel h5 --segments 8").badly(&["OUT_OF_SCOPE"]);
    site.line("group join G1 --user cem --channel mini --segments 8").well();
    assert_eq!(server.stop().status.code(), Some(0));
    site.verify();
}
