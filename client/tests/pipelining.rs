//! Many callers on one connection: commands gather, answers find back, everything is bounded, giving up is harmless.

mod common;

use common::{code, connected, connected_with, options, welcome};
use scrip_client::{
    ChannelId, Client, ClientOptions, Error, HoldState, Line, Operation, OperationId, OperationShown,
    OwnedFacts, Reserve, Reserved, Slot, StockId,
};
use scrip_engine::answer::{Answer, HoldLine, HoldView, Outcome};
use scrip_engine::ids::{OrderId, UserId};
use scrip_engine::rejection::{Code, Facts, LineFact, Rejection};
use scrip_protocol::commands::CommandKind;
use scrip_protocol::handshake::Welcome;
use scrip_protocol::references::home_slot;
use std::time::Duration;
use tokio::task::JoinHandle;
use zerocopy::little_endian::{U32, U64};

const STOCK: StockId = StockId::new(Slot(929), 42);

/// A RESERVE on its way, under this id.
fn reserve(client: &Client, id: u128) -> JoinHandle<Result<Reserved, Error>> {
    let client = client.clone();
    let request = Reserve::new(Operation::given(id, 1), vec![Line::new(STOCK, 1)]);
    tokio::spawn(async move { client.reserve(request).await })
}

#[tokio::test(start_paused = true)]
async fn callers_share_frames_and_get_their_own_answers_in_any_order() {
    let (client, _server, mut peer) = connected(options()).await;
    let calls: Vec<_> = (1..=100).map(|id| reserve(&client, id)).collect();
    let mut commands = peer.take(100).await;
    let frames: std::collections::BTreeSet<u64> =
        commands.iter().map(|command| command.correlation).collect();
    assert!(frames.len() <= 3, "100 commands came in {} frames", frames.len());
    commands.reverse();
    commands.rotate_left(37);
    for command in &commands {
        peer.grant(command, command.operation as u32).await;
    }
    for (call, id) in calls.into_iter().zip(1u32..) {
        let reserved = call.await.unwrap().unwrap();
        assert_eq!(reserved.units, [id]);
        assert_eq!(reserved.hold, Operation::given(id.into(), 1).hold(Slot(929)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_window_gathers_what_comes_within_it() {
    let window = Duration::from_millis(5);
    let (client, _server, mut peer) = connected(ClientOptions { batch_window: window, ..options() }).await;
    let first = reserve(&client, 1);
    tokio::time::advance(window / 2).await;
    let second = reserve(&client, 2);
    let commands = peer.commands().await.unwrap();
    assert_eq!(commands.len(), 2);
    for command in &commands {
        peer.grant(command, 1).await;
    }
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn no_more_commands_are_outstanding_than_the_server_allows() {
    let (client, _server, mut peer) =
        connected_with(options(), Welcome { outstanding_max: 2, ..welcome() }).await;
    let calls: Vec<_> = (1..=5).map(|id| reserve(&client, id)).collect();
    let mut answered = 0;
    while answered < 5 {
        let commands = peer.commands().await.unwrap();
        assert!(commands.len() <= 2, "{commands:?}");
        for command in &commands {
            peer.grant(command, 1).await;
            answered += 1;
        }
    }
    for call in calls {
        assert!(call.await.unwrap().is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_gives_up_disturbs_nobody() {
    let (client, _server, mut peer) = connected(options()).await;
    let (dropped, kept) = (reserve(&client, 1), reserve(&client, 2));
    let commands = peer.take(2).await;
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    for command in &commands {
        peer.grant(command, command.operation as u32).await;
    }
    assert_eq!(kept.await.unwrap().unwrap().units, [2]);
    let next = reserve(&client, 3);
    let command = peer.one().await;
    peer.grant(&command, 3).await;
    assert_eq!(next.await.unwrap().unwrap().units, [3]);
}

#[tokio::test(start_paused = true)]
async fn a_command_whose_caller_gave_up_before_it_was_sent_is_not_sent() {
    let (client, _server, mut peer) =
        connected_with(options(), Welcome { outstanding_max: 1, ..welcome() }).await;
    let first = reserve(&client, 1);
    let sent = peer.one().await;
    let waiting = reserve(&client, 2);
    tokio::task::yield_now().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    let third = reserve(&client, 3);
    peer.grant(&sent, 1).await;
    let next = peer.one().await;
    assert_eq!(next.operation, 3);
    peer.grant(&next, 3).await;
    assert!(first.await.unwrap().is_ok() && third.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_rejection_brings_code_class_and_facts() {
    let (client, _server, mut peer) = connected(options()).await;
    let call = reserve(&client, 1);
    let command = peer.one().await;
    let facts = [LineFact::new(0, Code::OutOfStock, 2, 1)];
    let rejection = Rejection { code: Code::OutOfStock, facts: Facts::Lines(&facts) };
    peer.answer(&command, Outcome::Refused(rejection)).await;
    let Err(Error::Rejected(rejection)) = call.await.unwrap() else { panic!("it is refused") };
    assert_eq!((rejection.code, rejection.class()), (Code::OutOfStock, Code::OutOfStock.class()));
    let OwnedFacts::Lines(lines) = rejection.facts else { panic!("{rejection:?}") };
    assert_eq!(
        (lines[0].line, lines[0].why, lines[0].asked, lines[0].available),
        (0, Some(Code::OutOfStock), 2, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_malformed_request_is_refused_here_and_costs_no_connection() {
    let (client, _server, mut peer) = connected(options()).await;
    let nothing = Reserve::new(client.operation(), Vec::new());
    assert!(matches!(client.reserve(nothing).await, Err(Error::Malformed(_))));
    let labelled = client.labelled("x".repeat(65));
    let too_long = labelled.reserve(Reserve::new(client.operation(), vec![Line::new(STOCK, 1)])).await;
    assert!(matches!(too_long, Err(Error::Malformed(_))));
    let call = reserve(&client, 1);
    let command = peer.one().await;
    peer.refuse(&command, Code::Frozen).await;
    assert_eq!(code(call.await.unwrap()), Code::Frozen);
}

#[tokio::test(start_paused = true)]
async fn calls_carry_channel_label_and_the_time_they_have() {
    let (client, _server, mut peer) = connected(options()).await;
    let view = client.on_channel(ChannelId(3)).labelled("T1").within(Duration::from_secs(2));
    let request = Reserve::new(view.operation(), vec![Line::new(STOCK, 1)]);
    let call = tokio::spawn(async move { view.reserve(request).await });
    let command = peer.one().await;
    assert!(
        command.text.contains("channel: ChannelId(3)") && command.text.contains("label: \"T1\""),
        "{command:?}"
    );
    assert_eq!(command.deadline_ms, common::SERVER_MS + 2_000);
    peer.grant(&command, 1).await;
    assert!(call.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn operations_are_stamped_with_the_servers_time() {
    let (client, _server, _peer) = connected(options()).await;
    assert_eq!(client.operation().id.embedded_ms(), common::SERVER_MS);
    tokio::time::advance(Duration::from_millis(1_234)).await;
    assert_eq!(client.operation().id.embedded_ms(), common::SERVER_MS + 1_234);
    assert_ne!(client.operation(), client.operation());
}

#[tokio::test(start_paused = true)]
async fn references_become_ids_in_the_merchants_home_slot() {
    let (client, _server, _peer) = connected(options()).await;
    assert_eq!(client.home_slot(), home_slot(welcome().merchant));
    assert_eq!(client.stock_id("42").unwrap(), STOCK);
    assert_eq!(
        client.order_id("T1").unwrap().0,
        scrip_client::reference_id(&welcome().alias_key, "T1").unwrap()
    );
    assert!(matches!(client.user_id(""), Err(Error::Reference(_))));
}

#[tokio::test(start_paused = true)]
async fn a_query_shows_a_hold() {
    let (client, _server, mut peer) = connected(options()).await;
    let asking = client.clone();
    let call = tokio::spawn(async move { asking.operation_show(Operation::given(9, 1), Slot(929)).await });
    let command = peer.one().await;
    assert_eq!((command.kind, command.operation, command.deadline_ms), (CommandKind::OperationShow, 9, 0));
    let lines = [HoldLine { stock: U64::new(STOCK.0), reserved: U32::new(2), ..HoldLine::default() }];
    let view = HoldView {
        hold: OperationId(9),
        state: HoldState::Held,
        channel: ChannelId(1),
        late: false,
        flagged: false,
        refusal: None,
        order: OrderId(0),
        user: UserId(0),
        reserved_ms: 1,
        deadline_ms: 2,
        closed_ms: 0,
        lines: &lines,
        cards: &[],
    };
    peer.answer(&command, Outcome::Done(Answer::Hold(view))).await;
    let OperationShown::Hold(shown) = call.await.unwrap().unwrap() else { panic!("it is a hold") };
    assert_eq!((shown.state, shown.lines[0].stock, shown.lines[0].reserved), (HoldState::Held, STOCK, 2));
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_wrong_kind_is_a_protocol_error() {
    let (client, _server, mut peer) = connected(options()).await;
    let call = reserve(&client, 1);
    let command = peer.one().await;
    peer.answer(&command, Outcome::Done(Answer::Returned { units: 1 })).await;
    assert!(matches!(call.await.unwrap(), Err(Error::Protocol(_))));
}
