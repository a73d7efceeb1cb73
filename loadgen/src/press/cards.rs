//! Frames of CLAIMs and REDEEMs, laid out beforehand like those of the commands on stocks.
//!
//! They stand apart because nothing but the header is shared. Invariant: as of all pressed frames: they say what the encoder
//! would have said.

use super::Press;
use crate::recipe::{Generator, What};
use crate::storm::{CodeTable, user_of};
use scrip_engine::command::{Command, Redeem, Request};
use scrip_engine::ids::OperationId;
use scrip_protocol::commands::{CARD_BY_CODE, ClaimBody, CommandHeader, RedeemBody};
use scrip_protocol::extras::{CodeText, ExtraHeader, Extras};
use scrip_protocol::frame::{self, HEADER_BYTES};
use std::sync::Arc;
use zerocopy::little_endian::{U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A CLAIM without parties, as it lies on the wire.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct ClaimCommand {
    header: CommandHeader,
    body: ClaimBody,
}

/// A REDEEM without parties; with a code, that follows as an extra.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RedeemCommand {
    header: CommandHeader,
    body: RedeemBody,
}

impl Press {
    /// Like [`Press::new`], of REDEEMs whose cards are named by codes.
    pub(crate) fn by_code(
        generator: &Generator,
        codes: &Arc<CodeTable>,
        batch: u32,
        outstanding: u32,
    ) -> Press {
        let Command::Redeem(redeem) = generator.storm_command(What::Redeem, 0) else {
            unreachable!("a REDEEM was asked for")
        };
        let command = Command::Redeem(Redeem { card: CARD_BY_CODE, generation: None, ..redeem });
        let request = Request { envelope: generator.envelope(OperationId(1)), command };
        let text = core::str::from_utf8(codes.code(0)).expect("codes are pushed as text");
        let extras = Extras { code: CodeText::new(text), ..Extras::NONE };
        Press { codes: Some(codes.clone()), ..Press::of(&request, &extras, batch, outstanding) }
    }

    /// Presses a frame of the commands that the press was made for, with these numbers.
    #[inline]
    pub(crate) fn of_kind(
        &mut self,
        generator: &Generator,
        what: What,
        at: (u64, u64),
        count: usize,
        numbers: impl Iterator<Item = u64>,
    ) {
        match what {
            What::Claim => self.claims(generator, at, count, numbers),
            What::Redeem => self.redeems(generator, at, count, numbers),
            _ => self.takes(generator, at.0, at.1, count, numbers),
        }
    }

    /// Presses a frame of CLAIMs with these numbers.
    #[inline]
    fn claims(
        &mut self,
        generator: &Generator,
        (correlation, created_ms): (u64, u64),
        count: usize,
        numbers: impl Iterator<Item = u64>,
    ) {
        let (ids, storm) = (generator.ids, generator.storm());
        let frame = self.open(correlation, count);
        let commands = <[ClaimCommand]>::mut_from_bytes(&mut frame[HEADER_BYTES..]).expect("whole commands");
        for (ClaimCommand { header, body }, number) in commands.iter_mut().zip(numbers) {
            header.operation = U128::new(ids.operation(created_ms, ids.bits(number)));
            body.user = U128::new(user_of(storm.subject(number)));
        }
        frame::reseal(frame);
    }

    /// Presses a frame of REDEEMs with these numbers, by the codes that it was laid out for, if it was.
    #[inline]
    fn redeems(
        &mut self,
        generator: &Generator,
        (correlation, created_ms): (u64, u64),
        count: usize,
        numbers: impl Iterator<Item = u64>,
    ) {
        let (ids, storm, command_bytes) = (generator.ids, generator.storm(), self.command_bytes);
        let codes = self.codes.take();
        let frame = self.open(correlation, count);
        for (command, number) in frame[HEADER_BYTES..].chunks_exact_mut(command_bytes).zip(numbers) {
            let (RedeemCommand { header, body }, extra) =
                RedeemCommand::mut_from_prefix(command).expect("a REDEEM was laid out here");
            let (bits, serial) = (ids.bits(number), storm.subject(number));
            header.operation = U128::new(ids.operation(created_ms, bits));
            body.order = U128::new(u128::from(bits));
            match &codes {
                None => body.card = U64::new(storm.card(serial).0),
                Some(codes) => {
                    let code = codes.code(serial);
                    extra[size_of::<ExtraHeader>()..][..code.len()].copy_from_slice(code);
                }
            }
        }
        frame::reseal(frame);
        self.codes = codes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{LoadPlan, Work};
    use crate::recipe::Recipe;
    use crate::storm::Storm;
    use scrip_engine::ids::{MerchantId, Slot, StockId};
    use scrip_protocol::frame::FrameLimits;
    use scrip_protocol::read::CommandReader;
    use scrip_protocol::secret::Token;

    fn generator(work: Work) -> Generator {
        let stocks = vec![StockId::new(Slot(3), 8)];
        let plan = LoadPlan {
            work,
            storm: Some(Storm {
                locator: 3 << 15 | 8,
                subjects: 5_000,
                tries: 2,
                generation: None,
                repeat: 0.0,
                threads: 1,
            }),
            ..LoadPlan::new(
                "127.0.0.1:1".parse().unwrap(),
                Token::new([1; 32]),
                MerchantId(5),
                Slot(3),
                stocks,
            )
        };
        plan.check().unwrap();
        Generator::new(Recipe::of(&plan, 12_345))
    }

    #[test]
    fn pressed_frames_say_what_the_encoder_would_have_said() {
        let mut codes = CodeTable::with_capacity(12, 5_000);
        (0..5_000).for_each(|serial| codes.push(&format!("CODE{serial:08}")));
        let codes = Arc::new(codes);
        for (what, codes) in [(What::Claim, None), (What::Redeem, None), (What::Redeem, Some(&codes))] {
            let generator = generator(if what == What::Claim { Work::Claim } else { Work::Redeem });
            let mut press = match codes {
                Some(codes) => Press::by_code(&generator, codes, 8, 2),
                None => Press::new(&generator, what, 8, 2),
            };
            press.of_kind(&generator, what, (42, 777), 5, 100..105);
            let (_, whole) = frame::parse(press.bytes(), FrameLimits::AUTHENTICATED).unwrap().unwrap();
            assert_eq!(whole, press.bytes().len());
            let mut commands = CommandReader::new(&press.bytes()[HEADER_BYTES..]);
            for number in 100..105 {
                let id = generator.operation(777, number);
                let (request, extras) = commands.next().unwrap().unwrap();
                let mut command = generator.storm_command(what, number);
                if let (Some(codes), Command::Redeem(redeem)) = (codes, &mut command) {
                    redeem.card = CARD_BY_CODE;
                    let serial = generator.storm().subject(number);
                    assert_eq!(extras.code.reveal().as_bytes(), codes.code(serial));
                }
                assert_eq!(request, Request { envelope: generator.envelope(id), command });
            }
            assert!(commands.next().is_none());
        }
    }
}
