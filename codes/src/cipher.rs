//! A campaign's cipher: from cards to codes and back.
//!
//! It stands on the layout, FF1 and the text. The payload of a code is, from its topmost bit: serial (33 bits), generation
//! (5), and zeros (the tag); it is encrypted under the campaign's key, with the locator as tweak, and for a shown code the
//! locator and the step. The tweaks differ in length, so no printed code is ever a shown one. Invariant: a code opens
//! under its own campaign's key, form, layout and step alone, and whether the tag is zero takes the same time to find out
//! for every code.

use crate::code::Code;
use crate::ff1::{Bits, Ff1, Halves, Tweaked};
use crate::layout::{Card, Form, Layout, Locator, Step};
use crate::limits::{STEPS_AFTER, STEPS_BEFORE};
use crate::parse::Parsed;
use crate::secret::CampaignKey;
use aes::Aes256Enc;
use aes::cipher::KeyInit;
use core::fmt;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// How many steps a shown code is tried in.
const STEPS_TRIED: usize = (STEPS_AFTER + STEPS_BEFORE + 1) as usize;
const LOCATOR_BYTES: usize = 4;
const STEP_BYTES: usize = 4;

/// Makes and opens the codes of one campaign. The key schedule is wiped when it is dropped.
#[derive(Clone)]
pub struct CampaignCipher {
    ff1: Ff1<Aes256Enc, Bits>,
    printed: Tweaked,
    locator: Locator,
    layout: Layout,
}

impl fmt::Debug for CampaignCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CampaignCipher")
            .field("locator", &self.locator)
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

impl CampaignCipher {
    /// The cipher of a campaign. Setting it up costs less than a code does.
    pub fn new(key: &CampaignKey, locator: Locator, layout: Layout) -> CampaignCipher {
        let ff1 = Ff1::new(Aes256Enc::new(key.reveal().into()), Bits::new(layout.payload_bits()));
        let printed = ff1.tweaked(&locator_bytes(locator));
        CampaignCipher { ff1, printed, locator, layout }
    }

    /// The campaign's locator.
    pub fn locator(&self) -> Locator {
        self.locator
    }

    /// The length of its codes.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The code of a card.
    pub fn print(&self, card: Card) -> Code {
        let [code] = self.print_each([card]);
        code
    }

    /// [`CampaignCipher::print`] for several cards side by side: for those who print a great many.
    pub fn print_each<const CARDS: usize>(&self, cards: [Card; CARDS]) -> [Code; CARDS] {
        let strings = cards.map(|card| self.tag(card));
        let encrypted = self.ff1.encrypt_each([self.printed; CARDS], strings);
        encrypted.map(|payload| Code::write(self.layout, Form::Printed, self.locator, payload))
    }

    /// The code of a card for a screen, made in `step`.
    pub fn show(&self, card: Card, step: Step) -> Code {
        let payload = self.ff1.encrypt(self.shown(step), self.tag(card));
        Code::write(self.layout, Form::Shown, self.locator, payload)
    }

    /// The card of a printed code; none if the code was not made with this cipher.
    pub fn open(&self, parsed: &Parsed) -> Option<Card> {
        let [card] = self.open_each([parsed]);
        card
    }

    /// [`CampaignCipher::open`] for several codes side by side: four cost little more than one.
    pub fn open_each<const CODES: usize>(&self, parsed: [&Parsed; CODES]) -> [Option<Card>; CODES] {
        let opened = self.ff1.decrypt_each([self.printed; CODES], parsed.map(|parsed| parsed.payload));
        core::array::from_fn(|at| {
            let (genuine, card) = self.untag(opened[at]);
            let genuine = genuine & Choice::from(u8::from(self.is_for(parsed[at], Form::Printed)));
            bool::from(genuine).then(|| Card::from_bits(card))
        })
    }

    /// The card of a shown code, if it was made with this cipher in the step of `now`, one of the two before it, or the one
    /// after it (by a clock that is ahead): so it is valid for at least 60 s and less than 90 s by one clock. All steps
    /// are always tried; a code that two of them seem to fit (a chance of 2^-20 at most) is refused.
    pub fn open_shown(&self, parsed: &Parsed, now: Step) -> Option<Card> {
        if !self.is_for(parsed, Form::Shown) {
            return None;
        }
        let newest = now.0.wrapping_add(STEPS_BEFORE);
        let steps: [Step; STEPS_TRIED] = core::array::from_fn(|back| Step(newest.wrapping_sub(back as u32)));
        let tweaks = steps.map(|step| self.shown(step));
        let opened = self.ff1.decrypt_each(tweaks, [parsed.payload; STEPS_TRIED]);
        let mut fitting = 0u8;
        let mut card = 0;
        for halves in opened {
            let (genuine, bits) = self.untag(halves);
            fitting += genuine.unwrap_u8();
            card.conditional_assign(&bits, genuine);
        }
        bool::from(fitting.ct_eq(&1)).then(|| Card::from_bits(card))
    }

    fn is_for(&self, parsed: &Parsed, form: Form) -> bool {
        parsed.locator == self.locator && parsed.layout == self.layout && parsed.form == form
    }

    /// The tweak of codes shown in a step.
    fn shown(&self, step: Step) -> Tweaked {
        let mut tweak = [0; LOCATOR_BYTES + STEP_BYTES];
        tweak[..LOCATOR_BYTES].copy_from_slice(&locator_bytes(self.locator));
        tweak[LOCATOR_BYTES..].copy_from_slice(&step.0.to_be_bytes());
        self.ff1.tweaked(&tweak)
    }

    /// The payload of a card: its 38 bits, then the tag, which fills most of the right half.
    fn tag(&self, card: Card) -> Halves {
        let (card, tag_bits) = (card.to_bits(), self.layout.tag_bits());
        let card_bits_right = self.layout.half_bits() - tag_bits;
        Halves { left: card >> card_bits_right, right: (card & low_mask(card_bits_right)) << tag_bits }
    }

    /// Whether the tag of a decrypted payload is zero, and what stands before it.
    fn untag(&self, halves: Halves) -> (Choice, u64) {
        let tag_bits = self.layout.tag_bits();
        let card_bits_right = self.layout.half_bits() - tag_bits;
        let tag = halves.right & low_mask(tag_bits);
        (tag.ct_eq(&0), halves.left << card_bits_right | halves.right >> tag_bits)
    }
}

fn low_mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

fn locator_bytes(locator: Locator) -> [u8; LOCATOR_BYTES] {
    locator.get().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::ZeroizeOnDrop;

    #[test]
    fn the_key_schedule_is_wiped() {
        fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}
        // A feature of the crate: without it this does not compile.
        is_wiped(&Aes256Enc::new(&[1; 32].into()));
    }

    #[test]
    fn a_payload_is_its_card_and_zeros() {
        for layout in Layout::ALL {
            let cipher = CampaignCipher::new(&CampaignKey::new([1; 32]), Locator::MAX, layout);
            for bits in [0, 1, (1 << 38) - 1, 0x2A_5A5A_5A5A, 0b1_0101_0101] {
                let halves = cipher.tag(Card::from_bits(bits));
                assert_eq!(cipher.ff1.numerals().join(halves), u128::from(bits) << layout.tag_bits());
                let (genuine, back) = cipher.untag(halves);
                assert!(bool::from(genuine) && back == bits);
                for bit in 0..layout.tag_bits() {
                    let (genuine, _) = cipher.untag(Halves { right: halves.right ^ (1 << bit), ..halves });
                    assert!(!bool::from(genuine), "bit {bit} of the tag");
                }
            }
        }
    }
}
