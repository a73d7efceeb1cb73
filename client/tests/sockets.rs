//! The same over a real socket.

mod common;

use scrip_client::{Client, Error, Line, Reserve};
use scrip_engine::answer::{Answer, Outcome};
use scrip_protocol::answer_write::AnswerFrame;
use scrip_protocol::frame::{self, FrameKind, FrameLimits, HEADER_BYTES};
use scrip_protocol::read::CommandReader;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use zerocopy::little_endian::U32;

/// Grants every RESERVE what it asks for, until the client closes.
async fn serve(mut stream: TcpStream) {
    let (mut input, mut output) = (Vec::new(), Vec::new());
    while stream.read_buf(&mut input).await.unwrap() > 0 {
        while let Some((header, whole)) = frame::parse(&input, FrameLimits::AUTHENTICATED).unwrap() {
            match header.kind {
                FrameKind::Hello => common::welcome().write(&mut output),
                FrameKind::Commands => {
                    let mut answers = AnswerFrame::begin(&mut output, header.correlation);
                    for (index, command) in CommandReader::new(&input[HEADER_BYTES..whole]).enumerate() {
                        command.unwrap();
                        let outcome =
                            Outcome::Done(Answer::Reserved { deadline_ms: 9, units: &[U32::new(1)] });
                        answers
                            .push(
                                &mut output,
                                index as u16,
                                &outcome,
                                &mut scrip_protocol::answer_write::NoSeals,
                            )
                            .unwrap();
                    }
                    answers.finish(&mut output, 1);
                }
                kind => panic!("{kind:?}"),
            }
            input.drain(..whole);
        }
        stream.write_all(&output).await.unwrap();
        output.clear();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_of_a_hundred_callers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move { serve(listener.accept().await.unwrap().0).await });
    let client = Client::connect(address, common::options()).await.unwrap();
    let stock = client.stock_id("steam50").unwrap();
    let callers = (0..100).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            for _ in 0..100 {
                let reserve = Reserve::new(client.operation(), vec![Line::new(stock, 1)]);
                assert_eq!(client.reserve(reserve).await.unwrap().units, [1]);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    client.close().await;
    server.await.unwrap();
}

#[tokio::test]
async fn a_port_nobody_listens_on_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    assert!(matches!(Client::connect(address, common::options()).await, Err(Error::Io(_))));
}
