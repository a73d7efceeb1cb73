//! Answers as the load reads them: in place, with a short way for the five that make up nearly all of a load.
//!
//! Invariant: the short way reads exactly what [`AnswerReader`] would; whatever does not look like one of the five in
//! every byte goes the long way.

use crate::cards::essence;
use crate::ledger::{Known, LATE, Record, digest};
use crate::recipe::What;
use scrip_engine::answer::{Answer, KeyPage, Outcome};
use scrip_engine::command::CardState;
use scrip_engine::rejection::Code;
use scrip_protocol::answer_read::AnswerReader;
use scrip_protocol::answers::{
    ANSWER_HEADER_BYTES, AnswerHeader, AnswerKind, FactsKind, IssuedBody, RedeemedBody,
};
use scrip_protocol::error::ProtocolError;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// One answer's bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw<'a> {
    /// The command's position in its frame.
    pub(crate) index: u16,
    /// The whole answer.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Raw<'a> {
    /// Cuts the first answer off `rest`.
    #[inline]
    pub(crate) fn first(rest: &'a [u8]) -> Result<(Raw<'a>, &'a [u8]), ProtocolError> {
        let header = AnswerHeader::ref_from_prefix(rest).map(|(header, _)| header);
        let length = header.as_ref().map_or(0, |header| usize::from(header.length.get()));
        match (header, rest.split_at_checked(length)) {
            (Ok(header), Some((bytes, rest))) if length >= ANSWER_HEADER_BYTES => {
                Ok((Raw { index: header.index.get(), bytes }, rest))
            }
            _ => Err(ProtocolError::Payload("an answer is longer or shorter than its frame allows")),
        }
    }

    /// What it says.
    pub(crate) fn outcome(self) -> Result<Outcome<'a>, ProtocolError> {
        match AnswerReader::new(self.bytes).next() {
            Some(Ok((_, outcome))) => Ok(outcome),
            Some(Err(error)) => Err(error.into()),
            None => Err(ProtocolError::Payload("an answer without bytes")),
        }
    }

    /// What it says but for what may become of its card keys later, in 64 bits.
    pub(crate) fn essence(self) -> Result<u64, ProtocolError> {
        Ok(essence(self.bytes, &self.outcome()?))
    }

    /// What it says about a single line.
    #[inline]
    pub(crate) fn said(self) -> Result<Said<'a>, ProtocolError> {
        if let Ok(quick) = Quick::ref_from_bytes(self.bytes)
            && let Some(said) = quick.said()
        {
            return Ok(said);
        }
        if let Ok(quick) = QuickCard::ref_from_bytes(self.bytes)
            && let Some(said) = quick.said()
        {
            return Ok(said);
        }
        Ok(match self.outcome()? {
            Outcome::Done(Answer::Reserved { deadline_ms, units }) => {
                let (at_ms, keys) = (deadline_ms, KeyPage::default());
                Said::Taken { what: What::Reserve, at_ms, units: sum(units), late: false, keys }
            }
            Outcome::Done(Answer::Confirmed { confirmed_ms, late, units, keys, .. }) => {
                Said::Taken { what: What::Confirm, at_ms: confirmed_ms, units: sum(units), late, keys }
            }
            Outcome::Done(Answer::Issued(issued)) => on_card(What::Claim, issued.first.0, issued.cards),
            Outcome::Done(Answer::Redeemed(redeemed)) => {
                on_card(What::Redeem, redeemed.card.0, redeemed.units)
            }
            Outcome::Done(Answer::Owed { until_ms, .. }) => Said::Owed { until_ms },
            Outcome::Refused(rejection) => Said::Refused(rejection.code),
            Outcome::Done(_) => return Err(ProtocolError::Payload("an answer to another command")),
        })
    }
}

/// Units over all lines.
pub(crate) fn sum(units: &[U32]) -> u32 {
    units.iter().fold(0, |sum, units| sum.saturating_add(units.get()))
}

/// A card was issued or used.
#[inline]
fn on_card(what: What, card: u64, units: u32) -> Said<'static> {
    Said::Taken { what, at_ms: card, units, late: false, keys: KeyPage::default() }
}

/// What the answer to a RESERVE, SELL, CONFIRM, CLAIM or REDEEM says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Said<'a> {
    /// Done: RESERVED (`what` is Reserve) or CONFIRMED (`what` is Confirm), with the card keys; ISSUED (Claim) or REDEEMED
    /// (Redeem), with the card's id in place of the time.
    Taken { what: What, at_ms: u64, units: u32, late: bool, keys: KeyPage<'a> },
    /// OWED: its units are sold as soon as they are there.
    Owed { until_ms: u64 },
    /// Refused.
    Refused(Code),
}

/// RESERVED and CONFIRMED with one line, and a rejection with one line fact: 24 bytes each.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Quick {
    header: AnswerHeader,
    time_ms: U64,
    units: U32,
    zero: U32,
}

/// ISSUED and REDEEMED: 40 bytes each.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct QuickCard {
    header: AnswerHeader,
    card: U64,
    times: [U64; 2],
    /// ISSUED: cards; REDEEMED: units.
    count: U32,
    /// ISSUED: where they began; REDEEMED: units left.
    last: U32,
}

const _: () = assert!(size_of::<QuickCard>() == ANSWER_HEADER_BYTES + size_of::<IssuedBody>());
const _: () = assert!(size_of::<QuickCard>() == ANSWER_HEADER_BYTES + size_of::<RedeemedBody>());

const ISSUED: u8 = AnswerKind::Issued as u8;
const REDEEMED: u8 = AnswerKind::Redeemed as u8;
const ACTIVE: u32 = CardState::Active as u32;

impl QuickCard {
    #[inline]
    fn said(&self) -> Option<Said<'static>> {
        let (header, card, count) = (&self.header, self.card.get(), self.count.get());
        match (header.kind, header.flags, header.code_or_count.get()) {
            (ISSUED, 0, 0) if self.last == ACTIVE => Some(on_card(What::Claim, card, count)),
            (REDEEMED, 0, 0) => Some(on_card(What::Redeem, card, count)),
            _ => None,
        }
    }
}

const RESERVED: u8 = AnswerKind::Reserved as u8;
const CONFIRMED: u8 = AnswerKind::Confirmed as u8;
const ONE_LINE: u8 = (FactsKind::Lines as u8) << 4;
const OUT_OF_STOCK: u8 = ONE_LINE | Code::OutOfStock.class() as u8;

impl Quick {
    #[inline]
    fn said(&self) -> Option<Said<'static>> {
        let header = &self.header;
        let (at_ms, units, keys) = (self.time_ms.get(), self.units.get(), KeyPage::default());
        let taken = |what| Said::Taken { what, at_ms, units, late: false, keys };
        match (header.kind, header.flags, header.code_or_count.get()) {
            (RESERVED, 0, 1) if self.zero == U32::ZERO => Some(taken(What::Reserve)),
            (CONFIRMED, 0, 1) if self.zero == U32::ZERO => Some(taken(What::Confirm)),
            (0, OUT_OF_STOCK, code) if code == Code::OutOfStock as u16 => {
                Some(Said::Refused(Code::OutOfStock))
            }
            _ => None,
        }
    }
}

/// The record of an answer that took something; `essence` is what it says.
pub(crate) fn record(unknown: Record, essence: u64, at_ms: u64, units: u32, late: bool) -> Record {
    Record {
        at_ms: U64::new(at_ms),
        digest: U64::new(essence),
        units: U32::new(units),
        known: Known::Acknowledged as u8,
        flags: if late { LATE } else { 0 },
        ..unknown
    }
}

/// The record of a sale that is owed. What it is answered later may differ: there is nothing to compare but the time.
pub(crate) fn owed(unknown: Record, until_ms: u64) -> Record {
    Record { at_ms: U64::new(until_ms), known: Known::Owed as u8, ..unknown }
}

/// The record of a refusal: `for_good` if the server keeps it for ever.
pub(crate) fn refused(unknown: Record, answer: &[u8], code: Code, for_good: bool) -> Record {
    let known = if for_good { Known::RefusedForGood } else { Known::Refused };
    let digest = if for_good { digest(answer) } else { 0 };
    Record { digest: U64::new(digest), units: U32::new(code as u32), known: known as u8, ..unknown }
}

/// Whether the server records this refusal of this command and gives it again for ever.
pub(crate) const fn is_for_good(what: What, paid: bool, code: Code) -> bool {
    match what {
        What::Confirm => matches!(code, Code::HoldExpiredNoStock),
        What::Sell => {
            paid && matches!(
                code,
                Code::OutOfStock
                    | Code::UserLimit
                    | Code::ChannelQuota
                    | Code::NotFound
                    | Code::Frozen
                    | Code::NotStarted
                    | Code::Expired
            )
        }
        _ => false,
    }
}

/// Sets the index of an answer, for comparing two.
#[cfg(test)]
fn with_index(answer: &[u8], index: u16) -> Vec<u8> {
    let mut answer = answer.to_vec();
    let (header, _) = AnswerHeader::mut_from_prefix(&mut answer).unwrap();
    header.index = index.into();
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrip_engine::answer::{Issued, KeyPage, Redeemed};
    use scrip_engine::ids::CardId;
    use scrip_engine::rejection::{Facts, LineFact, Rejection};
    use scrip_protocol::answer_write::AnswerFrame;
    use scrip_protocol::frame::HEADER_BYTES;

    fn bytes(outcome: &Outcome<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        let mut frame = AnswerFrame::begin(&mut out, 1);
        frame.push(&mut out, 7, outcome, &mut scrip_protocol::answer_write::NoSeals).unwrap();
        frame.finish(&mut out, 1);
        out.split_off(HEADER_BYTES)
    }

    #[test]
    fn the_short_way_and_the_long_way_say_the_same() {
        let (one, two) = ([U32::new(3)], [U32::new(3), U32::new(4)]);
        let facts = [LineFact::new(0, Code::OutOfStock, 1, 0)];
        let refused = |code, facts| Outcome::Refused(Rejection { code, facts });
        let taken = |what, units, late| Said::Taken { what, at_ms: 9, units, late, keys: KeyPage::default() };
        let issued = |state| Issued { first: CardId(77), cards: 1, state, from_ms: 5_000, until_ms: 0 };
        let cases = [
            (Outcome::Done(Answer::Reserved { deadline_ms: 9, units: &one }), taken(What::Reserve, 3, false)),
            (Outcome::Done(Answer::Reserved { deadline_ms: 9, units: &two }), taken(What::Reserve, 7, false)),
            (
                Outcome::Done(Answer::Confirmed {
                    confirmed_ms: 9,
                    late: false,
                    units: &one,
                    keys: KeyPage::default(),
                    sold: &[],
                }),
                taken(What::Confirm, 3, false),
            ),
            (
                Outcome::Done(Answer::Confirmed {
                    confirmed_ms: 9,
                    late: true,
                    units: &one,
                    keys: KeyPage::default(),
                    sold: &[],
                }),
                taken(What::Confirm, 3, true),
            ),
            (refused(Code::OutOfStock, Facts::Lines(&facts)), Said::Refused(Code::OutOfStock)),
            (refused(Code::UserLimit, Facts::Lines(&facts)), Said::Refused(Code::UserLimit)),
            (refused(Code::Busy, Facts::None), Said::Refused(Code::Busy)),
            (Outcome::Done(Answer::Owed { position: 4, until_ms: 9 }), Said::Owed { until_ms: 9 }),
            (Outcome::Done(Answer::Issued(issued(CardState::Active))), on_card(What::Claim, 77, 1)),
            (Outcome::Done(Answer::Issued(issued(CardState::Inactive))), on_card(What::Claim, 77, 1)),
            (
                Outcome::Done(Answer::Redeemed(Redeemed {
                    card: CardId(78),
                    units: 2,
                    available: 3,
                    discount: 500,
                    at_ms: 9,
                })),
                on_card(What::Redeem, 78, 2),
            ),
        ];
        for (outcome, said) in cases {
            let bytes = bytes(&outcome);
            let (raw, rest) = Raw::first(&bytes).unwrap();
            assert_eq!((raw.said().unwrap(), raw.index, rest.len()), (said, 7, 0), "{outcome:?}");
            assert_eq!(raw.outcome().unwrap(), outcome);
        }
    }

    #[test]
    fn what_is_no_answer_to_these_commands_is_an_error() {
        let released = bytes(&Outcome::Done(Answer::Released { lapsed: false }));
        assert!(Raw::first(&released).unwrap().0.said().is_err());
        assert!(Raw::first(&released[..7]).is_err());
        let mut long = released.clone();
        long[0] = 64;
        assert!(Raw::first(&long).is_err());
        let mut short = released;
        short[0] = 0;
        assert!(Raw::first(&short).is_err());
    }

    #[test]
    fn the_digest_does_not_depend_on_the_place_in_the_frame() {
        let one = bytes(&Outcome::Done(Answer::Reserved { deadline_ms: 9, units: &[U32::new(1)] }));
        let other = bytes(&Outcome::Done(Answer::Reserved { deadline_ms: 9, units: &[U32::new(2)] }));
        assert_eq!(digest(&one), digest(&with_index(&one, 999)));
        assert_ne!(digest(&one), digest(&other));
    }
}
