//! What a client can be told. Every queue, wait and retry has its bound here.

use crate::operation::Random;
use scrip_protocol::limits::OUTSTANDING_DEFAULT;
use scrip_protocol::secret::Token;
use std::time::Duration;

/// The settings of a client.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Who the client is.
    pub token: Token,
    /// Connections to keep; at least 1. One carries hundreds of thousands of commands a second.
    pub connections: usize,
    /// How long a command may wait for others to share a frame. Zero: commands gather only while the writer is busy, so
    /// that nobody waits for company.
    pub batch_window: Duration,
    /// Commands without an answer, per connection (WELCOME may allow fewer); as many again may be queued.
    pub outstanding_max: u32,
    /// How long a call may take, retries included, unless [`crate::Client::within`] says otherwise.
    pub deadline: Duration,
    /// What happens to commands whose connection broke or that the server was too busy for.
    pub retry: RetryPolicy,
    /// How long opening a connection may take, handshake included.
    pub connect_timeout: Duration,
    /// A PING is sent when nothing else was for this long; a server that says nothing for three times as long is gone.
    pub ping_interval: Duration,
    /// How long [`crate::Client::close`] and GOAWAY wait for outstanding answers, at most.
    pub drain_timeout: Duration,
}

impl ClientOptions {
    /// The defaults, for this token.
    pub fn new(token: Token) -> ClientOptions {
        ClientOptions {
            token,
            connections: 1,
            batch_window: Duration::ZERO,
            outstanding_max: OUTSTANDING_DEFAULT / 8,
            deadline: Duration::from_secs(10),
            retry: RetryPolicy::default(),
            connect_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// How retries wait: the first of a row not at all when a connection broke, then `backoff_first`, doubled each time up to
/// `backoff_max`, each cut by up to a half by chance so that many clients don't come back at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Send commands again whose connection broke before their answer came.
    pub lost: bool,
    /// Send commands again that were answered BUSY or THROTTLED.
    pub busy: bool,
    /// The first wait.
    pub backoff_first: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            lost: true,
            busy: true,
            backoff_first: Duration::from_millis(10),
            backoff_max: Duration::from_secs(1),
        }
    }
}

/// The waits of one row of attempts.
#[derive(Debug)]
pub(crate) struct Backoff {
    policy: RetryPolicy,
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new(policy: RetryPolicy) -> Backoff {
        Backoff { policy, attempts: 0 }
    }

    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The wait before the next attempt.
    pub(crate) fn next(&mut self, random: &Random) -> Duration {
        let doubled = self.policy.backoff_first.saturating_mul(1 << self.attempts.min(20));
        self.attempts = self.attempts.saturating_add(1);
        let [low, high] = random.bytes();
        let chance = f64::from(u16::from_le_bytes([low, high])) / f64::from(u16::MAX);
        doubled.min(self.policy.backoff_max).mul_f64(0.5 + chance / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_differ_by_chance() {
        let random = Random::default();
        let mut backoff = Backoff::new(RetryPolicy::default());
        for attempt in 0..30 {
            let most = Duration::from_millis(10 << attempt.min(20)).min(Duration::from_secs(1));
            let wait = backoff.next(&random);
            assert!(wait >= most / 2 && wait <= most, "attempt {attempt}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.next(&random) <= Duration::from_millis(10));
    }
}
