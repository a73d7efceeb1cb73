//! The encoder of answers about campaigns and cards. It stands apart so that the encoder of the others stays in one view.
//!
//! Invariant: as of all answers: nothing is allocated but the growth of the buffer.

use super::{close, header, put, when};
use crate::answers::{
    AnswerKind, CampaignBody, CardBody, CardRefundedBody, FilledBody, GivenCodeBody, IssuedBody,
    OfflineConflictBody, PiecesReturnedBody, QuoteAnswerBody, QuoteReservedBody, RedeemedBody,
    RedemptionBody, ReversedBody, WalletBody, flag,
};
use crate::commands::CARD_BY_CODE;
use crate::layout::pad;
use scrip_engine::answer::{
    Answer, CampaignView, CardView, Issued, LotView, QuoteView, Redeemed, RedemptionView,
};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64, U128};

/// Appends one of these answers.
pub(super) fn done(out: &mut Vec<u8>, index: u16, answer: &Answer<'_>) {
    match answer {
        Answer::Issued(issued) => self::issued(out, index, issued),
        Answer::Redeemed(redeemed) => self::redeemed(out, index, redeemed),
        Answer::OfflineConflict { card, why } => {
            let (card, why) = (U64::new(card.0), U16::new(*why as u16));
            let body = OfflineConflictBody { card, why, spare: [0; 6] };
            put(out, header(AnswerKind::OfflineConflict, 0, index, 0), body, &[]);
        }
        Answer::Reversed { units, available } => {
            let body = ReversedBody { units: U32::new(*units), available: U32::new(*available) };
            put(out, header(AnswerKind::Reversed, 0, index, 0), body, &[]);
        }
        Answer::Campaign(view) => campaign(out, index, view),
        Answer::Filled { units, available } => {
            let body = FilledBody { units: U32::new(*units), available: U32::new(*available) };
            put(out, header(AnswerKind::Filled, 0, index, 0), body, &[]);
        }
        Answer::CardRefunded { units, paid } => {
            let body = CardRefundedBody { paid: U64::new(*paid), units: U32::new(*units), spare: U32::ZERO };
            put(out, header(AnswerKind::CardRefunded, 0, index, 0), body, &[]);
        }
        Answer::GivenCode { campaign, card } => {
            let (campaign, card) = (U64::new(campaign.0), U64::new(card.unwrap_or(CARD_BY_CODE).0));
            put(out, header(AnswerKind::GivenCode, 0, index, 0), GivenCodeBody { campaign, card }, &[]);
        }
        Answer::Card(view, lots) => card(out, index, view, lots),
        Answer::Wallet { next, cards } => {
            let body = WalletBody { next: U64::new(next.map_or(0, |next| next.0)) };
            let flags = when(next.is_some(), flag::MORE);
            put(out, header(AnswerKind::Wallet, flags, index, cards.len()), body, cards.as_bytes());
        }
        Answer::Quote(view) => quote(out, index, view),
        Answer::QuoteReserved { deadline_ms, quote } => quote_reserved(out, index, *deadline_ms, quote),
        Answer::PiecesReturned(returned) => {
            let body = PiecesReturnedBody {
                pieces: U64::new(returned.pieces),
                amount: U64::new(returned.amount),
                on_cards: U64::new(returned.on_cards),
                cards: U32::new(returned.cards),
                spare: U32::ZERO,
            };
            put(out, header(AnswerKind::PiecesReturned, 0, index, 0), body, &[]);
        }
        Answer::Redemption(view) => redemption(out, index, view),
        other => unreachable!("{other:?} is encoded elsewhere"),
    }
}

fn issued(out: &mut Vec<u8>, index: u16, issued: &Issued) {
    let body = IssuedBody {
        first: U64::new(issued.first.0),
        from_ms: U64::new(issued.from_ms),
        until_ms: U64::new(issued.until_ms),
        cards: U32::new(issued.cards),
        state: issued.state as u8,
        spare: [0; 3],
    };
    put(out, header(AnswerKind::Issued, 0, index, 0), body, &[]);
}

fn redeemed(out: &mut Vec<u8>, index: u16, redeemed: &Redeemed) {
    let body = RedeemedBody {
        card: U64::new(redeemed.card.0),
        discount: U64::new(redeemed.discount),
        at_ms: U64::new(redeemed.at_ms),
        units: U32::new(redeemed.units),
        available: U32::new(redeemed.available),
    };
    put(out, header(AnswerKind::Redeemed, 0, index, 0), body, &[]);
}

fn campaign(out: &mut Vec<u8>, index: u16, view: &CampaignView<'_>) {
    let at = out.len();
    let body = CampaignBody {
        campaign: U64::new(view.campaign.0),
        locator: U64::new(view.locator),
        issued: U64::new(view.issued),
        cost: U64::new(view.cost),
        committed: U64::new(view.committed),
        today: U64::new(view.today),
        version: U32::new(view.version),
        batches: U32::new(view.batches),
        state: view.state as u8,
        layout: view.layout,
        tiers: view.tiers.len() as u8,
        key_bytes: view.key.len() as u8,
        spare: U32::ZERO,
    };
    let extended = !view.extension.is_none();
    let header = header(AnswerKind::Campaign, when(extended, flag::EXTENDED), index, view.scope.len());
    put(out, header, body, view.definition.as_bytes());
    if extended {
        out.extend_from_slice(view.extension.as_bytes());
    }
    out.extend_from_slice(view.tiers.as_bytes());
    out.extend_from_slice(view.scope.as_bytes());
    out.extend_from_slice(view.key);
    pad(out, view.key.len());
    close(out, at);
}

fn card(out: &mut Vec<u8>, index: u16, view: &CardView, lots: &[LotView]) {
    let body = CardBody {
        owner: U128::new(view.owner.0),
        redemption: U128::new(view.redemption.0),
        card: U64::new(view.card.0),
        campaign: U64::new(view.campaign.0),
        from_ms: U64::new(view.from_ms),
        until_ms: U64::new(view.until_ms),
        available: U32::new(view.available),
        consumed: U32::new(view.consumed),
        void: U32::new(view.void),
        channel: U16::new(view.channel.0),
        state: view.state as u8,
        generation: view.generation,
        expired: U32::new(view.expired),
        level: view.level,
        spare: [0; 3],
        held: U32::new(view.held),
        spare_behind: [0; 4],
    };
    put(out, header(AnswerKind::Card, 0, index, lots.len()), body, lots.as_bytes());
}

fn quote(out: &mut Vec<u8>, index: u16, view: &QuoteView<'_>) {
    let at = out.len();
    let body = QuoteAnswerBody {
        gross: U64::new(view.gross),
        discount: U64::new(view.discount),
        paid: U64::new(view.paid),
        lines: U32::new(view.lines.len() as u32),
        spare: U32::ZERO,
    };
    let flags = when(view.exact, flag::EXACT);
    put(out, header(AnswerKind::Quote, flags, index, view.cards.len()), body, view.cards.as_bytes());
    out.extend_from_slice(view.lines.as_bytes());
    out.extend_from_slice(view.shares.as_bytes());
    close(out, at);
}

fn quote_reserved(out: &mut Vec<u8>, index: u16, deadline_ms: u64, view: &QuoteView<'_>) {
    let at = out.len();
    let body = QuoteReservedBody {
        deadline_ms: U64::new(deadline_ms),
        gross: U64::new(view.gross),
        discount: U64::new(view.discount),
        paid: U64::new(view.paid),
        lines: U32::new(view.lines.len() as u32),
        spare: U32::ZERO,
    };
    let flags = when(view.exact, flag::EXACT);
    put(out, header(AnswerKind::QuoteReserved, flags, index, view.cards.len()), body, view.cards.as_bytes());
    out.extend_from_slice(view.lines.as_bytes());
    out.extend_from_slice(view.shares.as_bytes());
    close(out, at);
}

fn redemption(out: &mut Vec<u8>, index: u16, view: &RedemptionView) {
    let body = RedemptionBody {
        order: U128::new(view.order.0),
        card: U64::new(view.card.0),
        discount: U64::new(view.discount),
        at_ms: U64::new(view.at_ms),
        units: U32::new(view.units),
        reversed: U32::new(view.reversed),
    };
    let flags = when(view.flagged, flag::FLAGGED);
    put(out, header(AnswerKind::Redemption, flags, index, 0), body, &[]);
}
