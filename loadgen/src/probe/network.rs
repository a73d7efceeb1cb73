//! The loopback: how long a round trip takes, how many messages go through.

use super::Quantiles;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

const MESSAGE_BYTES: usize = 64;
/// Messages under way, in two halves: while one is answered the other is on its way.
const DEPTH: usize = 1_024;
const ROUND_TRIPS: usize = 4_000;
const ROUND_TRIP_TIME: Duration = Duration::from_millis(400);
const FLOOD_TIME: Duration = Duration::from_millis(500);
/// Nothing here may wait longer than this for its other side.
const PATIENCE: Duration = Duration::from_secs(5);

/// One idle round trip.
pub(super) fn echo() -> io::Result<Quantiles> {
    with_echo(|stream| {
        let mut message = [7; MESSAGE_BYTES];
        let mut took = Vec::with_capacity(ROUND_TRIPS);
        let begun = Instant::now();
        while took.len() < ROUND_TRIPS && begun.elapsed() < ROUND_TRIP_TIME {
            let started = Instant::now();
            stream.write_all(&message)?;
            stream.read_exact(&mut message)?;
            took.push(started.elapsed().as_nanos() as u64);
        }
        // The first ones wake up threads and caches.
        let cold = took.len() / 10;
        Ok(Quantiles::of(took.split_off(cold)))
    })
}

/// Messages per second, 1,024 under way.
pub(super) fn echo_per_s() -> io::Result<f64> {
    with_echo(|stream| {
        let out = vec![7; MESSAGE_BYTES * DEPTH / 2];
        let mut back = out.clone();
        stream.write_all(&out)?;
        let started = Instant::now();
        let mut messages = 0;
        while started.elapsed() < FLOOD_TIME {
            stream.write_all(&out)?;
            stream.read_exact(&mut back)?;
            messages += DEPTH / 2;
        }
        let seconds = started.elapsed().as_secs_f64();
        stream.read_exact(&mut back)?;
        Ok(messages as f64 / seconds)
    })
}

/// Runs `client` against a thread that sends everything back.
fn with_echo<T>(client: impl FnOnce(&mut TcpStream) -> io::Result<T>) -> io::Result<T> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut stream = TcpStream::connect(listener.local_addr()?)?;
    let (mut other, _) = listener.accept()?;
    for end in [&stream, &other] {
        end.set_nodelay(true)?;
        end.set_read_timeout(Some(PATIENCE))?;
        end.set_write_timeout(Some(PATIENCE))?;
    }
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut buffer = vec![0; MESSAGE_BYTES * DEPTH];
            // Ends when the client closes, or fails: then the client tells.
            while let Ok(bytes @ 1..) = other.read(&mut buffer) {
                if other.write_all(&buffer[..bytes]).is_err() {
                    break;
                }
            }
        });
        let result = client(&mut stream);
        stream.shutdown(std::net::Shutdown::Both)?;
        result
    })
}
