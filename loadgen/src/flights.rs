//! Frames in flight: which frame an answer belongs to, which of its commands are answered, when it was sent.
//!
//! Invariant: an answer is taken once; one to a frame that is not in flight, or to a command that was answered before,
//! is a violation of the protocol and reported as such.

/// One frame in flight, with what its kind of work wants to remember of it.
#[derive(Debug)]
pub(crate) struct Flight<T> {
    /// Sent (closed loop) or due (open loop).
    pub(crate) since_ns: u64,
    /// Commands in it.
    pub(crate) count: u16,
    /// Commands not yet answered.
    pub(crate) open: u16,
    pub(crate) load: T,
    correlation: u64,
    live: bool,
    answered: Vec<u64>,
}

impl<T> Flight<T> {
    /// Marks one command as answered. False: it does not exist, or it was answered before.
    #[inline]
    pub(crate) fn answer(&mut self, index: u16) -> bool {
        if index >= self.count {
            return false;
        }
        let (word, bit) = (&mut self.answered[usize::from(index >> 6)], 1_u64 << (index & 63));
        let new = *word & bit == 0;
        *word |= bit;
        self.open -= u16::from(new);
        new
    }

    /// Whether the command has its answer.
    pub(crate) fn is_answered(&self, index: u16) -> bool {
        self.answered[usize::from(index >> 6)] >> (index & 63) & 1 == 1
    }
}

/// The frames in flight of one thread's connections.
#[derive(Debug)]
pub(crate) struct Flights<T> {
    flights: Vec<Flight<T>>,
    free: Vec<Vec<u16>>,
    per_lane: usize,
    live: usize,
}

impl<T> Flights<T> {
    /// Room for `per_lane` frames of `batch` commands on each of `lanes` connections.
    pub(crate) fn new(lanes: usize, per_lane: u32, batch: u32, load: impl Fn() -> T) -> Flights<T> {
        let flight = |slot| Flight {
            since_ns: 0,
            count: 0,
            open: 0,
            load: load(),
            correlation: slot,
            live: false,
            answered: vec![0; (batch as usize).div_ceil(64)],
        };
        let per_lane = per_lane as usize;
        Flights {
            flights: (0..lanes).flat_map(|_| (0..per_lane as u64).map(flight)).collect(),
            free: (0..lanes).map(|_| (0..per_lane as u16).rev().collect()).collect(),
            per_lane,
            live: 0,
        }
    }

    /// Frames that the connection still has room for.
    pub(crate) fn room(&self, lane: usize) -> usize {
        self.free[lane].len()
    }

    /// Connections.
    pub(crate) fn lanes(&self) -> usize {
        self.free.len()
    }

    /// Frames in flight, over all connections.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Puts a frame in flight on a connection that has room; answers its correlation id and its place.
    #[inline]
    pub(crate) fn launch(&mut self, lane: usize, since_ns: u64, count: usize) -> (u64, &mut T) {
        let slot = self.free[lane].pop().expect("the caller asked for room");
        let flight = &mut self.flights[lane * self.per_lane + usize::from(slot)];
        // The slot in the low bits finds the frame, the count above it tells it from its predecessors.
        flight.correlation += 1 << 16;
        (flight.since_ns, flight.count, flight.open, flight.live) =
            (since_ns, count as u16, count as u16, true);
        match &mut flight.answered[..] {
            // The usual one, without a call.
            [word] => *word = 0,
            words => words.fill(0),
        }
        self.live += 1;
        (flight.correlation, &mut flight.load)
    }

    /// The frame in flight with this correlation id.
    #[inline]
    pub(crate) fn find(&mut self, lane: usize, correlation: u64) -> Option<&mut Flight<T>> {
        let slot = (correlation & 0xffff) as usize;
        if slot >= self.per_lane {
            return None;
        }
        let flight = &mut self.flights[lane * self.per_lane + slot];
        (flight.live && flight.correlation == correlation).then_some(flight)
    }

    /// Takes a frame out of flight: all answered, or lost.
    #[inline]
    pub(crate) fn land(&mut self, lane: usize, correlation: u64) {
        let slot = (correlation & 0xffff) as usize;
        let flight = &mut self.flights[lane * self.per_lane + slot];
        debug_assert!(flight.live);
        flight.live = false;
        self.free[lane].push(slot as u16);
        self.live -= 1;
    }

    /// Takes all frames of a connection out of flight, oldest first, handing each to `lost`.
    pub(crate) fn lose(&mut self, lane: usize, mut lost: impl FnMut(&mut Flight<T>)) {
        let range = lane * self.per_lane..(lane + 1) * self.per_lane;
        let mut slots: Vec<usize> = range.filter(|&slot| self.flights[slot].live).collect();
        slots.sort_by_key(|&slot| self.flights[slot].since_ns);
        for slot in slots {
            lost(&mut self.flights[slot]);
            let correlation = self.flights[slot].correlation;
            self.land(lane, correlation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_once_and_only_by_its_own_frame() {
        let mut flights = Flights::new(2, 2, 100, || 0_u32);
        let (first, load) = flights.launch(1, 5, 100);
        *load = 7;
        assert!(flights.find(0, first).is_none(), "another connection's");
        let flight = flights.find(1, first).unwrap();
        assert!(flight.answer(99) && !flight.answer(99) && !flight.answer(100));
        assert_eq!(
            (flight.open, flight.load, flight.is_answered(99), flight.is_answered(98)),
            (99, 7, true, false)
        );
        flights.land(1, first);
        let (second, _) = flights.launch(1, 6, 1);
        assert_ne!(first, second);
        assert!(flights.find(1, first).is_none() && flights.find(1, second).is_some());
        assert!(flights.find(1, 0xffff).is_none());
        assert_eq!((flights.room(0), flights.room(1), flights.live()), (2, 1, 1));
    }

    #[test]
    fn a_lost_connection_hands_back_all_its_frames() {
        let mut flights = Flights::new(2, 4, 1, || ());
        for since in [3, 1, 2] {
            flights.launch(0, since, 1);
        }
        flights.launch(1, 9, 1);
        let mut lost = Vec::new();
        flights.lose(0, |flight| lost.push(flight.since_ns));
        assert_eq!((lost, flights.room(0), flights.live()), (vec![1, 2, 3], 4, 1));
    }
}
