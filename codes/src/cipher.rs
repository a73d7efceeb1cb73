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
    /// The cipher of a campaign. Setting it up costs as much as a few codes; keep it.
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
        self.write(Form::Printed, self.printed, card)
    }

    /// The code of a card for a screen, made in `step`.
    pub fn show(&self, card: Card, step: Step) -> Code {
        self.write(Form::Shown, self.shown(step), card)
    }

    /// The card of a printed code; none if the code was not made with this cipher.
    pub fn open(&self, parsed: &Parsed) -> Option<Card> {
        if !self.is_for(parsed, Form::Printed) {
            return None;
        }
        let halves = self.ff1.decrypt(self.printed, self.ff1.numerals().split(parsed.payload));
        let (genuine, card) = self.untag(halves);
        bool::from(genuine).then(|| Card::from_bits(card))
    }

    /// The card of a shown code, if it was made with this cipher in the step of `now`, one of the two before it, or the one
    /// after it (by a clock that is ahead): so it is valid for 60 s at least and 90 s at most by one clock. All steps
    /// are always tried; a code that two of them seem to fit (a chance of 2^-20 at most) is refused.
    pub fn open_shown(&self, parsed: &Parsed, now: Step) -> Option<Card> {
        if !self.is_for(parsed, Form::Shown) {
            return None;
        }
        let newest = now.0.wrapping_add(STEPS_BEFORE);
        let steps: [Step; STEPS_TRIED] = core::array::from_fn(|back| Step(newest.wrapping_sub(back as u32)));
        let string = self.ff1.numerals().split(parsed.payload);
        let opened = self.ff1.decrypt_each(steps.map(|step| self.shown(step)), [string; STEPS_TRIED]);
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

    fn write(&self, form: Form, tweaked: Tweaked, card: Card) -> Code {
        let plain = u128::from(card.to_bits()) << self.layout.tag_bits();
        let bits = self.ff1.numerals();
        let payload = bits.join(self.ff1.encrypt(tweaked, bits.split(plain)));
        Code::write(self.layout, form, self.locator, payload)
    }

    /// The tweak of codes shown in a step.
    fn shown(&self, step: Step) -> Tweaked {
        let mut tweak = [0; LOCATOR_BYTES + STEP_BYTES];
        tweak[..LOCATOR_BYTES].copy_from_slice(&locator_bytes(self.locator));
        tweak[LOCATOR_BYTES..].copy_from_slice(&step.0.to_be_bytes());
        self.ff1.tweaked(&tweak)
    }

    /// Whether the tag of a decrypted payload is zero, and what stands before it.
    fn untag(&self, halves: Halves) -> (Choice, u64) {
        let plain = self.ff1.numerals().join(halves);
        let tag = plain & ((1 << self.layout.tag_bits()) - 1);
        (tag.ct_eq(&0), (plain >> self.layout.tag_bits()) as u64)
    }
}

fn locator_bytes(locator: Locator) -> [u8; LOCATOR_BYTES] {
    locator.get().to_be_bytes()
}
