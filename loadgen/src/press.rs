//! Frames laid out beforehand: each command already stands in its place, and only what differs is written into it.
//!
//! That spares an encoder's work and a copy per command. Invariant: the layout comes from the encoder
//! ([`CommandFrame`]) once; patching touches ids, times, buyers and stocks and nothing else.

mod cards;

use crate::plan::{PARTIES_BYTES, TAKE_BYTES, WAIT_BYTES};
use crate::recipe::{Generator, What};
use crate::storm::CodeTable;
use scrip_engine::command::{Parties, Request};
use scrip_engine::ids::OperationId;
use scrip_protocol::commands::{COMMAND_HEADER_BYTES, CommandHeader, LineLayout, PartiesLayout, TakeBody};
use scrip_protocol::extras::Extras;
use scrip_protocol::frame::{self, HEADER_BYTES, RawHeader};
use scrip_protocol::limits::FRAME_BYTES_MAX;
use scrip_protocol::write::CommandFrame;
use std::sync::Arc;
use zerocopy::little_endian::{U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes handed to one write: enough that its cost is spread thin, little enough to stay in the nearest caches.
const WRITE_BYTES: usize = 128 * 1024;

/// A RESERVE or SELL with one line, as it lies on the wire.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct TakeCommand {
    header: CommandHeader,
    body: TakeBody,
    line: LineLayout,
}

/// The same with device and address.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct FullTakeCommand {
    header: CommandHeader,
    body: TakeBody,
    parties: PartiesLayout,
    line: LineLayout,
}

/// A SELL with one line that waits.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WaitingCommand {
    header: CommandHeader,
    body: TakeBody,
    wait_until_ms: U64,
    line: LineLayout,
}

const _: () = assert!(size_of::<TakeCommand>() == TAKE_BYTES);
const _: () = assert!(size_of::<WaitingCommand>() == TAKE_BYTES + WAIT_BYTES);
const _: () = assert!(size_of::<FullTakeCommand>() == TAKE_BYTES + PARTIES_BYTES);

/// Frames of equal commands, back to back, that fill one write.
pub(crate) struct Press {
    bytes: Vec<u8>,
    stride: usize,
    command_bytes: usize,
    /// Bytes of the frames pressed since [`Press::clear`].
    used: usize,
    /// The last of them was shorter than the others: nothing fits behind it.
    short: bool,
    /// Of REDEEMs by code.
    codes: Option<Arc<CodeTable>>,
}

impl core::fmt::Debug for Press {
    /// Its bytes may hold codes.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Press({} of {} bytes)", self.used, self.bytes.len())
    }
}

impl Press {
    /// As many frames of `batch` commands `what` as `outstanding` allows and one write carries well.
    pub(crate) fn new(generator: &Generator, what: What, batch: u32, outstanding: u32) -> Press {
        let cart = generator.cart(0);
        let payment = cart.pays(&[]);
        let id = OperationId(1);
        let request = generator.request(what, id, id, &cart, &payment, 0);
        Press::of(&request, &Extras::NONE, batch, outstanding)
    }

    /// Frames of `batch` such commands.
    fn of(request: &Request<'_>, extras: &Extras<'_>, batch: u32, outstanding: u32) -> Press {
        let mut bytes = Vec::new();
        let mut frame = CommandFrame::begin(&mut bytes, 0, FRAME_BYTES_MAX);
        for _ in 0..batch {
            frame.push(&mut bytes, request, extras).expect("the plan's batch fits into a frame");
        }
        frame.finish(&mut bytes);
        let stride = bytes.len();
        let frames = (WRITE_BYTES / stride).clamp(1, outstanding as usize);
        Press {
            bytes: bytes.repeat(frames),
            stride,
            command_bytes: (stride - HEADER_BYTES) / batch as usize,
            used: 0,
            short: false,
            codes: None,
        }
    }

    /// Begins the next write.
    pub(crate) fn clear(&mut self) {
        (self.used, self.short) = (0, false);
    }

    /// Whether another frame fits into this write.
    pub(crate) fn has_room(&self) -> bool {
        !self.short && self.used + self.stride <= self.bytes.len()
    }

    /// What to write.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    /// The next frame, of `count` commands, with its header but for the checksum.
    fn open(&mut self, correlation: u64, count: usize) -> &mut [u8] {
        debug_assert!(self.has_room() && count * self.command_bytes + HEADER_BYTES <= self.stride);
        let payload_bytes = count * self.command_bytes;
        let whole = HEADER_BYTES + payload_bytes;
        let frame = &mut self.bytes[self.used..self.used + whole];
        self.used += whole;
        self.short = whole < self.stride;
        let (header, _) = RawHeader::mut_from_prefix(frame).expect("a frame was laid out here");
        header.correlation = U64::new(correlation);
        header.length = U32::new(payload_bytes as u32);
        frame
    }

    /// Presses a frame of RESERVEs or SELLs with these numbers.
    #[inline]
    pub(crate) fn takes(
        &mut self,
        generator: &Generator,
        correlation: u64,
        created_ms: u64,
        count: usize,
        numbers: impl Iterator<Item = u64>,
    ) {
        let (many, orders, ids) = (generator.many_stocks(), generator.recipe.orders, generator.ids);
        let (full, wait) = (generator.recipe.parties, generator.wait_until_ms(created_ms));
        let frame = self.open(correlation, count);
        let fill = |header: &mut CommandHeader, body: &mut TakeBody, line: &mut LineLayout, number| {
            let (bits, content) = (ids.bits(number), generator.content(number));
            header.operation = U128::new(ids.operation(created_ms, bits));
            body.user = U128::new(generator.user(content, bits));
            if orders {
                body.order = U128::new(u128::from(bits));
            }
            if many {
                line.stock = U64::new(generator.stock(content));
            }
            (bits, content)
        };
        let commands = &mut frame[HEADER_BYTES..];
        if full {
            let commands = <[FullTakeCommand]>::mut_from_bytes(commands).expect("whole commands");
            for (FullTakeCommand { header, body, parties, line }, number) in commands.iter_mut().zip(numbers)
            {
                let (bits, content) = fill(header, body, line, number);
                let Parties { limit_key, device, address } = generator.parties(content, bits);
                *parties = PartiesLayout { limit_key, device, address };
            }
        } else if wait != 0 {
            let commands = <[WaitingCommand]>::mut_from_bytes(commands).expect("whole commands");
            for (WaitingCommand { header, body, wait_until_ms, line }, number) in
                commands.iter_mut().zip(numbers)
            {
                fill(header, body, line, number);
                *wait_until_ms = U64::new(wait);
            }
        } else {
            let commands = <[TakeCommand]>::mut_from_bytes(commands).expect("whole commands");
            for (TakeCommand { header, body, line }, number) in commands.iter_mut().zip(numbers) {
                fill(header, body, line, number);
            }
        }
        frame::reseal(frame);
    }

    /// Presses a frame of CONFIRMs of all units of these holds.
    #[inline]
    pub(crate) fn confirms(
        &mut self,
        generator: &Generator,
        correlation: u64,
        created_ms: u64,
        count: usize,
        numbers: impl Iterator<Item = u64>,
    ) {
        debug_assert_eq!(self.command_bytes, COMMAND_HEADER_BYTES);
        let ids = generator.ids;
        let frame = self.open(correlation, count);
        let commands = <[CommandHeader]>::mut_from_bytes(&mut frame[HEADER_BYTES..]).expect("whole commands");
        for (command, number) in commands.iter_mut().zip(numbers) {
            command.operation = U128::new(ids.operation(created_ms, ids.bits(number)));
        }
        frame::reseal(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{LoadPlan, Profile, Work};
    use crate::recipe::Recipe;
    use scrip_engine::ids::{MerchantId, Slot, StockId};
    use scrip_protocol::frame::FrameLimits;
    use scrip_protocol::read::CommandReader;
    use scrip_protocol::secret::Token;

    fn generator(work: Work, parties: bool, wait_ms: u32) -> Generator {
        let stocks = (0..9).map(|number| StockId::new(Slot(3), number)).collect();
        let plan = LoadPlan {
            profile: Profile::Zipf { exponent: 1.0 },
            work,
            users: 77,
            orders: true,
            parties,
            wait_ms,
            ttl_ms: 5_000,
            ..LoadPlan::new(
                "127.0.0.1:1".parse().unwrap(),
                Token::new([1; 32]),
                MerchantId(5),
                Slot(3),
                stocks,
            )
        };
        Generator::new(Recipe::of(&plan, 12_345))
    }

    /// What a pressed frame says must be what the encoder would have said.
    fn assert_says(
        generator: &Generator,
        frame: &[u8],
        what: What,
        numbers: &[u64],
        created_ms: u64,
    ) -> usize {
        let (header, whole) = frame::parse(frame, FrameLimits::AUTHENTICATED).unwrap().unwrap();
        assert_eq!(header.correlation, 42);
        let mut commands = CommandReader::new(&frame[HEADER_BYTES..whole]);
        for &number in numbers {
            let cart = generator.cart(number);
            let payment = cart.pays(&[]);
            let id = generator.operation(created_ms, number);
            let (request, _) = commands.next().unwrap().unwrap();
            assert_eq!(request, generator.request(what, id, id, &cart, &payment, 0));
        }
        assert!(commands.next().is_none());
        whole
    }

    #[test]
    fn pressed_frames_say_what_the_encoder_would_have_said() {
        for (work, what, parties, wait_ms) in [
            (Work::Reserve, What::Reserve, false, 0),
            (Work::Reserve, What::Reserve, true, 0),
            (Work::Sell { paid: true }, What::Sell, false, 0),
            (Work::Sell { paid: true }, What::Sell, false, 60_000),
            (Work::Sell { paid: false }, What::Sell, true, 0),
        ] {
            let generator = generator(work, parties, wait_ms);
            let mut press = Press::new(&generator, what, 16, 2);
            for round in 0..3 {
                press.clear();
                let first = round * 100;
                press.takes(&generator, 42, 1_000 + round, 16, first..);
                assert!(press.has_room());
                press.takes(&generator, 42, 2_000, 3, first + 50..);
                assert!(!press.has_room(), "nothing fits behind a short frame");
                let full: Vec<u64> = (first..first + 16).collect();
                let whole = assert_says(&generator, press.bytes(), what, &full, 1_000 + round);
                let short: Vec<u64> = (first + 50..first + 53).collect();
                assert_says(&generator, &press.bytes()[whole..], what, &short, 2_000);
            }
        }
    }

    #[test]
    fn confirms_are_pressed_too() {
        let generator = generator(Work::Reserve, false, 0);
        let mut press = Press::new(&generator, What::Confirm, 8, 4);
        let numbers = [3, 5, 9];
        press.confirms(&generator, 42, 777, 3, numbers.into_iter());
        assert_says(&generator, press.bytes(), What::Confirm, &numbers, 777);
    }
}
