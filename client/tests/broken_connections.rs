//! Connections that break, servers that are busy, stop, or talk nonsense: what is safe is tried again under the same id,
//! and the caller is told exactly what is not known.

mod common;

use common::{Arrived, Server, code, connected, connected_with, options, server, welcome};
use scrip_client::error::Cause;
use scrip_client::{
    Client, ClientOptions, Error, Line, Operation, OperationId, Reserve, Reserved, RetryPolicy, Slot,
};
use scrip_client::{StockId, StockShown};
use scrip_engine::rejection::Code;
use scrip_protocol::error::ErrorCode;
use scrip_protocol::frame::{self, FrameKind};
use scrip_protocol::handshake::Welcome;
use scrip_protocol::notice::{ErrorNotice, Goaway, GoawayReason};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

const STOCK: StockId = StockId::new(Slot(929), 42);

fn reserve(client: &Client, id: u128) -> JoinHandle<Result<Reserved, Error>> {
    let client = client.clone();
    let request = Reserve::new(Operation::given(id, 1), vec![Line::new(STOCK, 1)]);
    tokio::spawn(async move { client.reserve(request).await })
}

fn show(client: &Client) -> JoinHandle<Result<StockShown, Error>> {
    let client = client.clone();
    tokio::spawn(async move { client.stock_show(STOCK).await })
}

fn unknown<T: std::fmt::Debug>(result: Result<T, Error>) -> (OperationId, Cause) {
    match result {
        Err(Error::Unknown { operation, why }) => (operation, why),
        other => panic!("{other:?}"),
    }
}

fn error_frame(code: ErrorCode) -> Vec<u8> {
    let mut bytes = Vec::new();
    ErrorNotice::new(code, "because").write(&mut bytes, 0);
    bytes
}

#[tokio::test(start_paused = true)]
async fn a_command_whose_connection_broke_is_sent_again_to_the_byte() {
    let (client, mut server, mut peer) = connected(options()).await;
    let calls: Vec<_> = (1..=3).map(|id| reserve(&client, id)).collect();
    let first = peer.take(3).await;
    peer.grant(&first[1], 2).await;
    drop(peer);
    let mut peer = server.accept().await;
    let again = peer.take(2).await;
    for (command, before) in again.iter().zip([&first[0], &first[2]]) {
        assert_eq!((command.operation, &command.text), (before.operation, &before.text));
        peer.grant(command, command.operation as u32).await;
    }
    for (call, id) in calls.into_iter().zip(1..) {
        assert_eq!(call.await.unwrap().unwrap().units, [id]);
    }
}

#[tokio::test(start_paused = true)]
async fn connecting_is_tried_again_until_it_succeeds() {
    let (client, mut server, peer) = connected(options()).await;
    server.refuse(5);
    drop(peer);
    let call = reserve(&client, 1);
    let mut peer = server.accept().await;
    assert_eq!(server.refusals_left(), 0);
    let command = peer.one().await;
    peer.grant(&command, 1).await;
    assert!(call.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_in_flight_leaves_the_outcome_unknown() {
    let (client, _server, mut peer) = connected(options()).await;
    let hurried = client.within(Duration::from_millis(300));
    let started = Instant::now();
    let call = reserve(&hurried, 1);
    let command = peer.one().await;
    let (operation, why) = unknown(call.await.unwrap());
    assert_eq!((operation, started.elapsed()), (OperationId(1), Duration::from_millis(300)));
    assert!(matches!(why, Cause::Deadline));

    peer.grant(&command, 1).await;
    let next = reserve(&client, 2);
    let command = peer.one().await;
    peer.grant(&command, 2).await;
    assert_eq!(next.await.unwrap().unwrap().units, [2], "the late answer has disturbed nothing");
}

#[tokio::test(start_paused = true)]
async fn a_query_that_is_not_answered_has_done_nothing() {
    let (client, _server, mut peer) = connected(options()).await;
    let call = show(&client.within(Duration::from_millis(300)));
    peer.one().await;
    assert!(matches!(call.await.unwrap(), Err(Error::NotDone(Cause::Deadline))));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_could_not_be_sent_in_time_has_done_nothing() {
    let (client, server, peer) = connected(options()).await;
    server.refuse(usize::MAX);
    drop(peer);
    let call = reserve(&client.within(Duration::from_millis(300)), 1).await.unwrap();
    assert!(
        matches!(&call, Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused),
        "{call:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn nonsense_from_the_server_is_not_taken_for_an_answer() {
    let (client, mut server, mut peer) = connected(options()).await;
    let (call, query) = (reserve(&client, 1), show(&client));
    let command = peer.take(2).await.remove(0);
    let mut bytes = Vec::new();
    frame::write(&mut bytes, FrameKind::Answers, command.correlation, &[8, 0, 99, 0, 0, 0, 0, 0]);
    peer.send(&bytes).await;
    assert!(matches!(unknown(call.await.unwrap()), (OperationId(1), Cause::Session(_))));
    assert!(matches!(query.await.unwrap(), Err(Error::Protocol(_))));

    let mut peer = server.accept().await;
    let call = reserve(&client, 1);
    let command = peer.one().await;
    peer.grant(&command, 1).await;
    assert!(call.await.unwrap().is_ok(), "the next connection serves");
}

#[tokio::test(start_paused = true)]
async fn an_answer_nobody_waits_for_ends_the_connection() {
    let (client, mut server, mut peer) = connected(options()).await;
    let call = reserve(&client, 1);
    let command = peer.one().await;
    peer.grant(&Arrived { index: 1, ..command }, 1).await;
    assert!(matches!(unknown(call.await.unwrap()), (OperationId(1), Cause::Session(_))));
    server.accept().await;
}

#[tokio::test(start_paused = true)]
async fn goaway_moves_new_commands_and_waits_for_the_old_answers() {
    let (client, mut server, mut old) = connected(options()).await;
    let before = reserve(&client, 1);
    let outstanding = old.one().await;
    let mut bytes = Vec::new();
    Goaway { reason: GoawayReason::Stopping, drain_ms: 5_000 }.write(&mut bytes);
    old.send(&bytes).await;

    let mut new = server.accept().await;
    let after = reserve(&client, 2);
    let command = new.one().await;
    assert_eq!(command.operation, 2);
    new.grant(&command, 2).await;
    assert_eq!(after.await.unwrap().unwrap().units, [2]);

    old.grant(&outstanding, 1).await;
    assert_eq!(before.await.unwrap().unwrap().units, [1], "the old connection has still answered");
    old.closed().await;
}

#[tokio::test(start_paused = true)]
async fn what_goaway_leaves_unanswered_is_sent_to_the_new_connection() {
    let (client, mut server, mut old) = connected(options()).await;
    let call = reserve(&client, 1);
    let first = old.one().await;
    let mut bytes = Vec::new();
    Goaway { reason: GoawayReason::Rebalance, drain_ms: 200 }.write(&mut bytes);
    old.send(&bytes).await;
    let mut new = server.accept().await;
    let again = new.one().await;
    assert_eq!(again.text, first.text);
    new.grant(&again, 1).await;
    assert!(call.await.unwrap().is_ok());
    old.closed().await;
}

#[tokio::test(start_paused = true)]
async fn busy_is_tried_again_with_growing_waits() {
    let (client, _server, mut peer) = connected(options()).await;
    let call = reserve(&client, 1);
    let (mut waits, mut last) = (Vec::new(), Instant::now());
    for _ in 0..6 {
        let command = peer.one().await;
        waits.push(last.elapsed());
        last = Instant::now();
        peer.refuse(&command, Code::Busy).await;
    }
    let command = peer.one().await;
    peer.grant(&command, 1).await;
    assert!(call.await.unwrap().is_ok());
    assert!(waits[5] >= Duration::from_millis(80) && waits[5] <= Duration::from_millis(161), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn busy_to_the_end_is_a_rejection_because_nothing_happened() {
    let (client, _server, mut peer) = connected(options()).await;
    let call = reserve(&client.within(Duration::from_millis(300)), 1);
    let answering = tokio::spawn(async move {
        while let Some(commands) = peer.commands().await {
            peer.refuse(&commands[0], Code::Busy).await;
        }
    });
    assert_eq!(code(call.await.unwrap()), Code::Busy);
    drop(client);
    answering.await.unwrap();
}

/// An attempt was lost, and may have been executed; that a later one was turned away at the door says nothing about it.
#[tokio::test(start_paused = true)]
async fn busy_after_a_lost_attempt_leaves_the_outcome_unknown() {
    let (client, mut server, mut peer) = connected(options()).await;
    let call = reserve(&client.within(Duration::from_millis(300)), 1);
    peer.one().await;
    drop(peer);
    let mut peer = server.accept().await;
    let answering = tokio::spawn(async move {
        while let Some(commands) = peer.commands().await {
            peer.refuse(&commands[0], Code::Busy).await;
        }
    });
    assert_eq!(unknown(call.await.unwrap()).0, OperationId(1));
    drop(client);
    answering.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_retries_a_lost_command_is_unknown_at_once() {
    let retry = RetryPolicy { lost: false, busy: false, ..RetryPolicy::default() };
    let (client, mut server, mut peer) = connected(ClientOptions { retry, ..options() }).await;
    let call = reserve(&client, 1);
    peer.one().await;
    drop(peer);
    assert!(matches!(unknown(call.await.unwrap()), (OperationId(1), Cause::Ended)));
    let mut peer = server.accept().await;
    let call = reserve(&client, 2);
    let command = peer.one().await;
    peer.refuse(&command, Code::Busy).await;
    assert_eq!(code(call.await.unwrap()), Code::Busy);
}

#[tokio::test(start_paused = true)]
async fn a_token_the_server_does_not_accept_is_told_at_connect() {
    let (connector, mut server) = server();
    let (client, ()) = tokio::join!(Client::connect_with(connector, options()), async {
        let mut peer = server.accept_raw().await;
        peer.send(&error_frame(ErrorCode::Unauthorized)).await;
    });
    assert!(matches!(client, Err(Error::Unauthorized(message)) if message == "because"));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_revoked_fails_what_waits() {
    let (client, mut server, peer) = connected(options()).await;
    drop(peer);
    let call = reserve(&client, 1);
    let revoked = tokio::spawn(async move { revoke(&mut server).await });
    assert!(matches!(call.await.unwrap(), Err(Error::Unauthorized(_))));
    revoked.abort();
}

/// Refuses every connection.
async fn revoke(server: &mut Server) {
    loop {
        let mut peer = server.accept_raw().await;
        peer.send(&error_frame(ErrorCode::Unauthorized)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_is_asked_again_and_one_that_complains_is_not() {
    let (client, mut server, mut peer) = connected(options()).await;
    let call = reserve(&client, 1);
    peer.one().await;
    peer.send(&error_frame(ErrorCode::ShuttingDown)).await;
    let mut peer = server.accept().await;
    let command = peer.one().await;
    peer.send(&error_frame(ErrorCode::MalformedCommand)).await;
    assert_eq!(command.operation, 1);
    let (operation, why) = unknown(call.await.unwrap());
    assert_eq!(
        (operation, why.to_string()),
        (OperationId(1), "the server says MALFORMED_COMMAND: because".into())
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_alive_by_pings() {
    let (client, _server, mut peer) = connected(options()).await;
    let started = Instant::now();
    peer.pinged(6).await;
    let quiet = started.elapsed();
    assert!((Duration::from_secs(60)..Duration::from_secs(65)).contains(&quiet), "{quiet:?}");
    let call = reserve(&client, 1);
    let command = peer.one().await;
    peer.grant(&command, 1).await;
    assert!(call.await.unwrap().is_ok());
    assert_eq!(peer.pings, 6, "the connection was kept, and asked no more than needed");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up() {
    let (client, mut server, mut peer) = connected(options()).await;
    let call = reserve(&client.within(Duration::from_secs(60)), 1);
    peer.one().await;
    let started = Instant::now();
    let mut new = server.accept().await;
    assert!(started.elapsed() >= Duration::from_secs(29), "{:?}", started.elapsed());
    let command = new.one().await;
    new.grant(&command, 1).await;
    assert!(call.await.unwrap().is_ok());
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn calls_go_to_the_connections_that_stand() {
    let (client, mut server, mut one) = connected(ClientOptions { connections: 2, ..options() }).await;
    let two = server.accept().await;
    server.refuse(usize::MAX);
    drop(two);
    // The lane of the broken connection has noticed once it was refused.
    server.refused_until(usize::MAX - 1).await;
    let calls: Vec<_> = (1..=4).map(|id| reserve(&client, id)).collect();
    for command in one.take(4).await {
        one.grant(&command, 1).await;
    }
    for call in calls {
        assert!(call.await.unwrap().is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_answers_and_refuses_the_rest() {
    let (client, _server, mut peer) =
        connected_with(options(), Welcome { outstanding_max: 1, ..welcome() }).await;
    let sent = reserve(&client, 1);
    let command = peer.one().await;
    let queued = reserve(&client, 2);
    tokio::task::yield_now().await;
    let closing = client.clone();
    let closing = tokio::spawn(async move { closing.close().await });
    assert!(matches!(queued.await.unwrap(), Err(Error::Closed)));
    peer.grant(&command, 1).await;
    assert!(sent.await.unwrap().is_ok());
    peer.closed().await;
    closing.await.unwrap();
    assert!(matches!(reserve(&client, 3).await.unwrap(), Err(Error::Closed)));
}

#[tokio::test(start_paused = true)]
async fn connections_close_when_the_last_client_is_dropped() {
    let (client, _server, peer) = connected(options()).await;
    let other = client.on_channel(scrip_client::ChannelId(2));
    drop(client);
    drop(other);
    peer.closed().await;
}
