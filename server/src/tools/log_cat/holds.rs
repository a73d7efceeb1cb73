//! What becomes of holds, in words of the log: they stand apart from the other events so that both lists stay in one view.

use super::{print_cards_event, print_lines};
use scrip_engine::event::{Event, EventQuote, EventSale};
use scrip_engine::ids::CardId;
use std::io::{self, Write};

pub(super) fn print(out: &mut impl Write, event: &Event<'_>) -> io::Result<()> {
    match event {
        Event::Confirmed { hold, late, hidden, lines, sales } => {
            write!(out, "confirmed {} late={late} hidden={hidden}", hold.operation)?;
            print_sales(out, sales)?;
            print_lines(out, lines.iter().map(|line| (line.stock(), line.units.get(), line.is_card())))
        }
        Event::LateRefused { hold, lines } => {
            write!(out, "late_refused {}", hold.operation)?;
            print_lines(out, lines.iter().map(|line| (line.stock(), line.asked.get(), line.is_card())))
        }
        Event::Released { hold } => writeln!(out, "released {}", hold.operation),
        Event::Cancelled { hold } => writeln!(out, "cancelled {}", hold.operation),
        Event::Tombstone { origin } => writeln!(out, "tombstone {}", origin.operation),
        Event::Extended { origin, hold, deadline_ms } => {
            writeln!(out, "extended {} hold={hold} deadline_ms={deadline_ms}", origin.operation)
        }
        Event::Returned { origin, hold, to_available, lines, cart, ended } => {
            write!(out, "returned {} hold={hold} to_available={to_available}", origin.operation)?;
            if !cart.pieces.is_empty() {
                let pieces: Vec<String> = cart.pieces.iter().map(|pieces| pieces.to_string()).collect();
                write!(out, " pieces={} amount={}", pieces.join(","), cart.amount)?;
            }
            for card in *ended {
                write!(out, " ended={}", CardId(card.get()))?;
            }
            print_lines(out, lines.iter().map(|line| (line.stock(), line.units.get(), line.is_card())))
        }
        event => print_cards_event(out, event),
    }
}

/// What each line of a cart costs, less what cards take off it, and what cards pay of it.
pub(super) fn print_cart(out: &mut impl Write, quote: &EventQuote<'_>) -> io::Result<()> {
    for (at, line) in quote.lines.iter().enumerate() {
        let shares = quote.shares.iter().filter(|share| usize::from(share.line) == at);
        let sum = |pays| {
            let of_kind = shares.clone().filter(|share| share.pays == pays);
            of_kind.map(|share| share.amount.get()).sum::<u64>()
        };
        let (off, paid) = (sum(0), sum(1));
        write!(out, " cart={}x{}-{off}", line.quantity, line.unit_price)?;
        if paid > 0 {
            write!(out, ",paid:{paid}")?;
        }
    }
    Ok(())
}

/// Cards that lines of a hold have sold.
pub(super) fn print_sales(out: &mut impl Write, sales: &[EventSale]) -> io::Result<()> {
    sales.iter().try_for_each(|sale| {
        write!(out, " sold=line:{},first:{},cards:{}", sale.line(), sale.first(), sale.count)
    })
}
