//! Codes at the door: the engine knows cards and generations, here a code becomes one.
//!
//! It stands beside the vault because it needs the keyring, which the engine must never see. A campaign's key lies sealed in the
//! engine's state; the cipher that it makes is kept in a small table, and wiped when it leaves it. Invariant: a code that is mistyped,
//! was never made, or is of a campaign that is not there becomes the name of a card that can't be, so that the engine
//! refuses it as it refuses a card that was never issued or is another merchant's: in the same place of the same order of checks,
//! with the same NOT_FOUND. No code and no key is ever logged.

use crate::keyring::Keyring;
use scrip_codes::{
    CampaignCipher, Card, Form, Generation, Layout, Locator, Parsed, Step, VanityCode, VanityError,
    VanityIndex,
};
use scrip_engine::command::{CodeBlock, Command, Issue, Merge, Redeem, Request, block_texts};
use scrip_engine::ids::{CardId, GivenCode, MerchantId, Slot};
use scrip_engine::state::State;
use scrip_engine::state::given_codes::Named;
use scrip_protocol::extras::CodeText;
use std::sync::Arc;
use zerocopy::little_endian::U128;

/// Ciphers kept: of the campaigns whose cards are used these days. About 2 KiB each.
const CIPHERS: usize = 256;
/// A generation that no code and no card has.
const NO_GENERATION: u8 = Generation::MAX.get() + 1;

/// Opens codes.
pub struct CodeBook {
    keyring: Arc<Keyring>,
    ciphers: Vec<Option<Box<CampaignCipher>>>,
    given: VanityIndex,
    hashed: Vec<U128>,
}

impl CodeBook {
    /// A code book with the keys of a data directory.
    pub fn new(keyring: Arc<Keyring>) -> CodeBook {
        let mut ciphers = Vec::new();
        ciphers.resize_with(CIPHERS, || None);
        let given = VanityIndex::new(&keyring.given_codes());
        CodeBook { keyring, ciphers, given, hashed: Vec::new() }
    }

    /// The same request, with the card that the code names in its place. `now_ms` is the shard's time. If the text opens to
    /// no card, also what it would be as a given code: which card that names, [`by_given_code`] finds out when the command's turn has
    /// come, since a command before it may give it.
    #[inline]
    pub fn name<'a>(
        &mut self,
        state: &State,
        now_ms: u64,
        request: Request<'a>,
        code: CodeText<'_>,
    ) -> (Request<'a>, Option<GivenCode>) {
        if code.is_none() { (request, None) } else { self.name_by_code(state, now_ms, request, code) }
    }

    fn name_by_code<'a>(
        &mut self,
        state: &State,
        now_ms: u64,
        request: Request<'a>,
        code: CodeText<'_>,
    ) -> (Request<'a>, Option<GivenCode>) {
        let (envelope, merchant) = (request.envelope, request.envelope.merchant);
        let command = match request.command {
            Command::Issue(issue) => Command::Issue(Issue {
                code: Some(hash_of(&self.given, merchant, VanityCode::choose(code.reveal()))),
                ..issue
            }),
            Command::CodeSet { campaign, .. } => Command::CodeSet {
                code: hash_of(&self.given, merchant, VanityCode::choose(code.reveal())),
                campaign,
            },
            Command::CodeShow { .. } => {
                Command::CodeShow { code: hash_of(&self.given, merchant, VanityCode::choose(code.reveal())) }
            }
            _ => return self.name_card(state, now_ms, request, code),
        };
        (Request { envelope, command }, None)
    }

    fn name_card<'a>(
        &mut self,
        state: &State,
        now_ms: u64,
        request: Request<'a>,
        code: CodeText<'_>,
    ) -> (Request<'a>, Option<GivenCode>) {
        // A shown code counts at the moment its operation was made, so that a repeat names the same card.
        let at_ms = if request.command.mutates() { request.envelope.created_ms() } else { now_ms };
        let (card, generation) = self.open(state, Step::at_ms(at_ms), request.envelope.slot, code);
        let given = (generation == Some(NO_GENERATION))
            .then(|| hash_of(&self.given, request.envelope.merchant, VanityCode::choose(code.reveal())));
        (of_card(request, card, generation), given)
    }

    /// The codes of a CODE_IMPORT, hashed: a text that has the form of a derived code, or is none, is refused.
    pub fn hash_block(&mut self, merchant: MerchantId, (count, plain): (usize, &[u8])) -> CodeBlock<'_> {
        let given = &self.given;
        let hash = |text: &[u8]| {
            let text = core::str::from_utf8(text).expect("the decoder has checked the texts");
            U128::new(hash_of(given, merchant, VanityCode::choose(text)).0)
        };
        self.hashed.clear();
        self.hashed.extend(block_texts(count, plain).expect("the decoder has checked the block").map(hash));
        CodeBlock::Hashed(&self.hashed)
    }

    /// The card of a code, or one that can't be: of the same campaign, if it can be read at all, so that the slot is checked
    /// before the card, else of the command's slot.
    fn open(&mut self, state: &State, step: Step, slot: Slot, code: CodeText<'_>) -> (CardId, Option<u8>) {
        let Ok(parsed) = scrip_codes::parse(code.reveal()) else {
            return (CardId::new(slot, 0, 0), Some(NO_GENERATION));
        };
        let of_campaign = u64::from(parsed.locator().get()) << CardId::SERIAL_BITS;
        match self.open_parsed(state, step, CardId(of_campaign), &parsed) {
            Some(card) => (CardId(of_campaign | card.serial.get()), Some(card.generation.get())),
            None => (CardId(of_campaign), Some(NO_GENERATION)),
        }
    }

    fn open_parsed(&mut self, state: &State, step: Step, first: CardId, parsed: &Parsed) -> Option<Card> {
        let cipher = self.cipher(state, first, parsed.locator())?;
        match parsed.form() {
            Form::Printed => cipher.open(parsed),
            Form::Shown => cipher.open_shown(parsed, step),
        }
    }

    /// The cipher of the campaign that this card is of.
    fn cipher(&mut self, state: &State, first: CardId, locator: Locator) -> Option<&CampaignCipher> {
        let place = &mut self.ciphers[locator.get() as usize % CIPHERS];
        if place.as_ref().is_none_or(|cipher| cipher.locator() != locator) {
            let campaign = state.campaigns.get(state.campaigns.of_card(first)?);
            let stock = state.stock_of_campaign(campaign).id;
            let Some(key) = self.keyring.open_campaign_key(stock, campaign.key()) else {
                // The keyring was exchanged under us: the campaign is there, its codes can't be read.
                tracing::error!(campaign = %stock, "the sealed key of a campaign does not open");
                return None;
            };
            let layout = Layout::from_number(campaign.layout)?;
            *place = Some(Box::new(CampaignCipher::new(&key, locator, layout)));
        }
        place.as_deref()
    }
}

/// The hash of a given code; [`GivenCode::REFUSED`] of a text that can't be one.
fn hash_of(index: &VanityIndex, merchant: MerchantId, code: Result<VanityCode, VanityError>) -> GivenCode {
    code.map_or(GivenCode::REFUSED, |code| GivenCode(index.hash(u64::from(merchant.0), &code).max(1)))
}

/// The same request, with the card that a given code names in its place; as it was, if there is none.
pub fn by_given_code<'a>(state: &State, request: Request<'a>, code: GivenCode) -> Request<'a> {
    let owner = (request.envelope.merchant, request.envelope.slot);
    match state.given_codes.named(owner, code) {
        Some(Named::Card(card)) => of_card(request, card, None),
        Some(Named::Campaign(_)) | None => request,
    }
}

fn of_card(request: Request<'_>, card: CardId, generation: Option<u8>) -> Request<'_> {
    let command = match request.command {
        Command::Redeem(redeem) => Command::Redeem(Redeem { card, generation, ..redeem }),
        Command::CardChange { change, .. } => Command::CardChange { card, generation, change },
        Command::Account { wish, .. } => Command::Account { card, generation, wish },
        Command::Gift { wish, .. } => Command::Gift { card, generation, wish },
        Command::Recycle { into, .. } => Command::Recycle { card, generation, into },
        Command::Merge(merge) => Command::Merge(Merge { into: card, generation, ..merge }),
        Command::CardBatchEnd { end, .. } => Command::CardBatchEnd { card, generation, end },
        Command::CardShow { .. } => Command::CardShow { card, generation },
        other => unreachable!("the decoder takes no code for {other:?}"),
    };
    Request { envelope: request.envelope, command }
}
