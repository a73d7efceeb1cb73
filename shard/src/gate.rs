//! The gate: answers wait until the sequence they saw is durable.
//!
//! Every answer passes here, rejections and reads too: nothing is said from a state that a crash could take back.
//! Invariant: tickets leave in the order they came, and none before its sequence is durable.

use scrip_planted::{Bug, on};
use std::collections::VecDeque;

/// Tickets waiting for their sequences.
#[derive(Debug)]
pub struct Gate<T> {
    waiting: VecDeque<(u64, T)>,
}

impl<T> Default for Gate<T> {
    fn default() -> Gate<T> {
        Gate { waiting: VecDeque::new() }
    }
}

impl<T> Gate<T> {
    /// Lets `ticket` wait for `sequence`. Sequences must not go back: state only moves forward.
    pub fn wait(&mut self, sequence: u64, ticket: T) {
        debug_assert!(self.waiting.back().is_none_or(|(last, _)| *last <= sequence));
        self.waiting.push_back((sequence, ticket));
    }

    /// The next ticket whose sequence is durable.
    #[inline]
    pub fn pass(&mut self, durable_sequence: u64) -> Option<T> {
        let (sequence, _) = self.waiting.front()?;
        if *sequence > durable_sequence && !on(Bug::AnswerBeforeSync) {
            return None;
        }
        self.waiting.pop_front().map(|(_, ticket)| ticket)
    }

    /// Tickets waiting.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_pass_in_order_and_never_early() {
        let mut gate = Gate::default();
        for (sequence, ticket) in [(0, 'a'), (3, 'b'), (3, 'c'), (5, 'd')] {
            gate.wait(sequence, ticket);
        }
        let mut pass = |durable| std::iter::from_fn(|| gate.pass(durable)).collect::<String>();
        assert_eq!(pass(0), "a");
        assert_eq!(pass(2), "");
        assert_eq!(pass(4), "bc");
        assert_eq!(pass(9), "d");
        assert_eq!(gate.waiting(), 0);
    }
}
