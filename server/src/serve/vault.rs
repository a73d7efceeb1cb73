//! The vault of an owner thread: seals card keys on their way into the engine, and opens them for their buyers' answers.
//!
//! It stands between the session and the shard because the engine must never see a text, nor any file: what comes out of
//! here is sealed, and what is opened lives in a small cache that is wiped. One seal covers a chunk of up to 64 keys: the
//! cost of opening it is shared by the keys that are sold one after another. Invariant: a nonce is random and used once;
//! the seal binds the stock and the operation that imported it.

use crate::keyring::{Keyring, KeyringError};
use crate::person_keys::{PersonKeys, PersonKeysError, Whose};
use aes_gcm::aead::{Aead, AeadInOut, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use hmac::{Hmac, Mac};
use scrip_engine::command::{KeyBlock, Label, block_texts};
use scrip_engine::ids::{MerchantId, OperationId, StockId};
use scrip_engine::limits::KEYS_PER_CHUNK_MAX;
use scrip_engine::state::keys::Chunk;
use scrip_protocol::answer_write::OpenSeals;
use sha2::Sha256;
use std::collections::HashMap;
use std::sync::Arc;
use zerocopy::little_endian::U128;
use zeroize::Zeroizing;

/// Chunks kept open: keys are sold chunk after chunk, of each stock on sale.
const OPEN_CHUNKS: usize = 256;
const NONCE_BYTES: usize = 12;
/// The count of texts stands before their lengths, inside the seal.
const COUNT_BYTES: usize = 4;

/// Seals and opens.
pub struct Vault {
    keyring: Arc<Keyring>,
    ciphers: HashMap<StockId, Aes256Gcm>,
    fingerprints: Hmac<Sha256>,
    persons: PersonKeys,
    label: Vec<u8>,
    sealed: SealedBlock,
    open: Vec<Option<OpenChunk>>,
}

/// What a block of keys has become.
#[derive(Default)]
struct SealedBlock {
    fingerprints: Vec<U128>,
    bytes: Vec<u8>,
}

/// A chunk whose texts can be read.
struct OpenChunk {
    number: u32,
    bytes: Zeroizing<Vec<u8>>,
    /// Where each text begins and ends.
    texts: Vec<(u32, u32)>,
}

impl Vault {
    /// A vault with the keys of a data directory, and those of its shard's labels.
    pub fn new(keyring: Arc<Keyring>, persons: PersonKeys) -> Vault {
        let key = keyring.fingerprints().as_slice();
        let fingerprints = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        let mut open = Vec::new();
        open.resize_with(OPEN_CHUNKS, || None);
        Vault {
            keyring,
            ciphers: HashMap::new(),
            fingerprints,
            persons,
            label: Vec::new(),
            sealed: SealedBlock::default(),
            open,
        }
    }

    /// Seals a plain block. The result is valid until the next one.
    ///
    /// # Errors
    /// If the stock has no data key and none can be made.
    pub fn seal(
        &mut self,
        merchant: MerchantId,
        stock: StockId,
        operation: OperationId,
        (count, plain): (usize, &[u8]),
    ) -> Result<KeyBlock<'_>, KeyringError> {
        self.sealed.fingerprints.clear();
        for text in block_texts(count, plain).expect("the decoder has checked the block") {
            self.sealed.fingerprints.push(U128::new(self.fingerprint(merchant, text)));
        }
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        self.cipher(stock)?;
        let (cipher, bytes) = (&self.ciphers[&stock], &mut self.sealed.bytes);
        bytes.clear();
        bytes.extend_from_slice(&(count as u32).to_le_bytes());
        bytes.extend_from_slice(plain);
        let whole = bytes.as_mut_slice().into();
        let tag = cipher
            .encrypt_inout_detached(&Nonce::from(nonce), &binding(stock, operation), whole)
            .expect("a block of a few kilobytes can be sealed");
        bytes.extend_from_slice(&tag);
        bytes.extend_from_slice(&nonce);
        let SealedBlock { fingerprints, bytes } = &self.sealed;
        Ok(KeyBlock::Sealed { fingerprints, sealed: bytes })
    }

    /// Seals a user's label under a key of its own. The result is valid until the next one.
    ///
    /// # Errors
    /// If no key can be made.
    pub fn seal_label(&mut self, whose: Whose, text: &[u8]) -> Result<Label<'_>, PersonKeysError> {
        let fingerprint = self.fingerprint(whose.0, text) as u64;
        let key = self.persons.seal(whose, text, &mut self.label)?;
        Ok(Label::Sealed { fingerprint, key, sealed: &self.label })
    }

    /// Destroys keys of labels.
    ///
    /// # Errors
    /// If that can't be made durable.
    pub fn destroy(&mut self, labels: &[u32]) -> Result<(), PersonKeysError> {
        self.persons.destroy(labels)
    }

    /// A new key for the codes of a campaign, sealed.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn make_campaign_key(&self, campaign: StockId) -> Result<Vec<u8>, KeyringError> {
        self.keyring.make_campaign_key(campaign)
    }

    /// The first 128 bits of HMAC-SHA256 over merchant and text.
    fn fingerprint(&self, merchant: MerchantId, text: &[u8]) -> u128 {
        let mut hmac = self.fingerprints.clone();
        hmac.update(&merchant.0.to_le_bytes());
        hmac.update(text);
        let digest = hmac.finalize().into_bytes();
        let first = u128::from_be_bytes(std::array::from_fn(|position| digest[position]));
        first.max(1)
    }

    fn cipher(&mut self, stock: StockId) -> Result<&Aes256Gcm, KeyringError> {
        if !self.ciphers.contains_key(&stock) {
            let key = self.keyring.data_key(stock)?;
            self.ciphers.insert(stock, Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key)));
        }
        Ok(&self.ciphers[&stock])
    }

    fn open_chunk(&mut self, number: u32, chunk: &Chunk, sealed: &[u8]) -> Option<OpenChunk> {
        let (body, nonce) = sealed.split_at_checked(sealed.len().checked_sub(NONCE_BYTES)?)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        let cipher = self.cipher(chunk.stock).ok()?;
        let payload = Payload { msg: body, aad: &binding(chunk.stock, chunk.operation) };
        let bytes = Zeroizing::new(cipher.decrypt(&Nonce::from(nonce), payload).ok()?);
        let count = u32::from_le_bytes(bytes.get(..COUNT_BYTES)?.try_into().ok()?) as usize;
        if count > KEYS_PER_CHUNK_MAX {
            return None;
        }
        let mut at = (COUNT_BYTES + 2 * count) as u32;
        let texts = block_texts(count, &bytes[COUNT_BYTES..])?
            .map(|text| {
                let from = at;
                at += text.len() as u32;
                (from, at)
            })
            .collect();
        Some(OpenChunk { number, bytes, texts })
    }
}

impl OpenSeals for Vault {
    fn text(&mut self, number: u32, chunk: &Chunk, sealed: &[u8], position: u8) -> Option<&[u8]> {
        let place = number as usize % OPEN_CHUNKS;
        if self.open[place].as_ref().is_none_or(|open| open.number != number) {
            match self.open_chunk(number, chunk, sealed) {
                Some(open) => self.open[place] = Some(open),
                None => {
                    // The keyring was exchanged under us, or the seal is damaged: the key is there, its text is not.
                    tracing::error!(stock = %chunk.stock, "a sealed chunk of card keys does not open");
                    return None;
                }
            }
        }
        let open = self.open[place].as_ref()?;
        let (from, to) = *open.texts.get(usize::from(position))?;
        open.bytes.get(from as usize..to as usize)
    }
}

/// What a seal binds: stock and operation.
fn binding(stock: StockId, operation: OperationId) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&stock.0.to_le_bytes());
    bytes[8..].copy_from_slice(&operation.0.to_le_bytes());
    bytes
}
