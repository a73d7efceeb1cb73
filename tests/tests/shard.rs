//! A shard by itself, over a log that never tires: what its own bounds make it say.
//!
//! The simulation meets these bounds by chance, if at all: its debts are few. Invariant of the tests: the shard is driven by its
//! public calls alone, as an owner thread drives it.

use scrip_engine::Engine;
use scrip_engine::answer::HoldState;
use scrip_engine::command::StockKind;
use scrip_engine::ids::{Slot, StockId};
use scrip_engine::limits::{DEBTS_PER_EVENT_MAX, Rules};
use scrip_engine::rejection::Code;
use scrip_shard::{Durable, Shard, Space};
use scrip_tests::generator::ROOMY;
use scrip_tests::outcome::OwnedOutcome;
use scrip_tests::request::{OwnedCommand, OwnedTake};
use scrip_tests::world::{ANY_TERMS, START_MS, World, assert_refused, take};
use scrip_wal::FrameBuffer;

const STOCK: StockId = StockId::new(Slot(0), 1);

/// Bytes of a frame's buffer.
const FRAME_BYTES: usize = 1 << 20;

/// Takes every frame and gives it back at once.
#[derive(Default)]
struct Tireless {
    returned: Vec<FrameBuffer>,
}

impl Durable for Tireless {
    fn submit(&mut self, frame: FrameBuffer) -> Result<(), FrameBuffer> {
        self.returned.push(frame);
        Ok(())
    }

    fn idle(&self) -> bool {
        true
    }

    fn take_returned(&mut self) -> Option<FrameBuffer> {
        self.returned.pop()
    }

    fn durable_sequence(&self) -> u64 {
        u64::MAX
    }

    fn space(&self) -> Space {
        Space::Ample
    }
}

/// A shard, and the oracle that says what is right.
struct Owner {
    shard: Shard<Tireless>,
    world: World,
}

impl Owner {
    fn new() -> Owner {
        let rules = Rules::default();
        let shard = Shard::new(Engine::new(ROOMY, rules, 1), Tireless::default(), rules, FRAME_BYTES);
        let mut owner = Owner { shard, world: World::new(ROOMY, rules, START_MS) };
        owner.advance(START_MS);
        owner
    }

    fn advance(&mut self, now_ms: u64) {
        self.shard.advance(now_ms);
        self.shard.begin_batch();
        self.world.oracle.advance(now_ms, self.shard.engine().floor_ms());
    }

    /// Asks the shard alone.
    fn ask(&mut self, operation: u128, command: OwnedCommand) -> OwnedOutcome {
        let request = self.world.request(operation, command);
        request.with(|request| OwnedOutcome::from(self.shard.execute(request)))
    }

    /// Asks both, and answers what they agree on.
    #[track_caller]
    fn both(&mut self, operation: u128, command: OwnedCommand) -> OwnedOutcome {
        let expected = self.world.oracle.answer(&self.world.request(operation, command.clone()));
        let answer = self.ask(operation, command);
        assert_eq!(answer, expected);
        answer
    }

    /// Units of a stock that are sold, without asking for them: that would settle debts first.
    fn sold(&self) -> u64 {
        let state = self.shard.engine().state();
        state.stock(state.find_stock(STOCK).expect("it was made")).units.consumed
    }
}

#[test]
fn debts_beyond_what_one_command_settles_make_the_shard_busy_until_time_moves_on() {
    // One event of debts goes with the supply, sixteen before the next command; one debt is left.
    let event = DEBTS_PER_EVENT_MAX as u64;
    let count = 17 * event + 1;
    let mut owner = Owner::new();
    let create = OwnedCommand::StockCreate {
        stock: STOCK,
        name: b"cards".to_vec(),
        units: 0,
        kind: StockKind::Counter,
        once_per_order: false,
        terms: ANY_TERMS,
    };
    owner.both(1, create);
    let until_ms = START_MS + 60_000;
    let debts: Vec<u128> = (0..u128::from(count)).map(|number| 1_000 + number).collect();
    for (position, operation) in (1..).zip(&debts) {
        let take = OwnedTake { wait_until_ms: until_ms, ..take(&[(STOCK, 1)]) };
        let answer = owner.both(*operation, OwnedCommand::Sell { take, paid: true, hidden: false });
        assert_eq!(answer, OwnedOutcome::Owed { position, until_ms });
    }
    owner.both(2, OwnedCommand::StockSupply { stock: STOCK, units: count });
    assert_eq!(owner.sold(), event);
    let show = OwnedCommand::OperationShow;
    assert_refused(&owner.ask(debts[0], show.clone()), Code::Busy);
    assert_eq!((owner.sold(), owner.shard.settled()), (17 * event, false));
    assert_refused(&owner.ask(debts[0], show.clone()), Code::Busy);
    assert_eq!(owner.sold(), 17 * event, "whoever asks meanwhile moves nothing");
    owner.advance(START_MS + 1);
    assert_eq!((owner.sold(), owner.shard.settled()), (count, true));
    for operation in debts {
        let OwnedOutcome::Hold(hold) = owner.both(operation, show.clone()) else {
            panic!("{operation} is a hold");
        };
        assert_eq!((hold.state, hold.closed_ms), (HoldState::Confirmed, START_MS));
    }
}
