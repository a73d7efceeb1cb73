//! Wallets: the cards of an owner, the newest first, in one list each; of a person those of all his ids.
//!
//! They stand apart from the cards because most that is done with a card never looks at its neighbours. Invariant: a card with an
//! owner hangs in his wallet, and in no other.

use super::*;

impl State {
    #[inline]
    pub(super) fn wallet_hash(&self, (merchant, slot): (MerchantId, Slot), owner: u128) -> u32 {
        let scope = u64::from(merchant.0) << 16 | u64::from(slot.0);
        self.hasher.hash_one((owner, scope)) as u32
    }

    /// Begins to bring the entry of an owner's wallet into the cache.
    #[inline]
    pub(in crate::state) fn prefetch_wallet(&self, of: (MerchantId, Slot), owner: UserId) {
        self.cards.wallets.prefetch(self.wallet_hash(of, owner.0));
    }

    /// Begins to bring the entry of a card's page into the cache.
    #[inline]
    pub(in crate::state) fn prefetch_page(&self, card: CardId) {
        if let Some(campaign) = self.campaigns.of_card(card) {
            self.cards.page_index.prefetch(self.page_hash(campaign, (card.serial() / PER_PAGE) as u32));
        }
    }

    /// Begins to bring the record of a card into the cache, whose page's entry is there by then.
    #[inline]
    pub(in crate::state) fn prefetch_card(&self, card: CardId) {
        let Some(campaign) = self.campaigns.of_card(card) else { return };
        let page = self.cards.page_index.peek(self.page_hash(campaign, (card.serial() / PER_PAGE) as u32));
        if page != NONE {
            let record = page as usize * CARDS_PER_PAGE + (card.serial() % PER_PAGE) as usize;
            self.cards.records.prefetch(record);
            if self.campaigns.get(campaign).definition.kind().is_wide() {
                self.prefetch_account(Handle(record as u32));
            }
        }
    }

    #[inline]
    pub(super) fn newest_card(&self, of: (MerchantId, Slot), owner: u128) -> Option<Handle> {
        self.cards.wallets.find(self.wallet_hash(of, owner), |handle| {
            self.cards.get(handle).owner == owner && self.owner_of_card(handle) == of
        })
    }

    /// An owner's cards, the newest first.
    pub fn wallet(&self, of: (MerchantId, Slot), owner: UserId) -> impl Iterator<Item = Handle> {
        let newest = if owner.0 == 0 { None } else { self.newest_card(of, owner.0) };
        self.card_and_older(newest)
    }

    /// The cards of an owner's person: his own, then those of its other ids in ascending order, of each the newest first.
    pub fn wallet_of_person(&self, of: (MerchantId, Slot), owner: UserId) -> impl Iterator<Item = Handle> {
        let others = self.others(of, owner.0);
        let theirs = others.into_iter().flat_map(move |other| self.wallet(of, UserId(other)));
        self.wallet(of, owner).chain(theirs)
    }

    /// Those of them that follow a card of theirs.
    pub fn wallet_behind(
        &self,
        (of, owner): ((MerchantId, Slot), UserId),
        record: Handle,
    ) -> impl Iterator<Item = Handle> {
        let holder = self.cards.get(record).owner;
        let is_behind = move |other: &u128| holder == owner.0 || *other > holder;
        let others = self.others(of, owner.0).into_iter().filter(is_behind);
        let theirs = others.flat_map(move |other| self.wallet(of, UserId(other)));
        self.cards_before(record).chain(theirs)
    }

    /// The cards that a card's owner got before it, the newest first.
    pub fn cards_before(&self, record: Handle) -> impl Iterator<Item = Handle> {
        self.card_and_older(self.older_card(record))
    }

    pub(super) fn card_and_older(&self, first: Option<Handle>) -> impl Iterator<Item = Handle> {
        core::iter::successors(first, |record| self.older_card(*record))
    }

    pub(super) fn older_card(&self, record: Handle) -> Option<Handle> {
        let older = self.cards.get(record).older;
        (older != NONE).then_some(Handle(older))
    }

    /// The card that its owner got after this one of his.
    pub fn newer_card(&self, record: Handle) -> Newer {
        let newest = self.newest_card(self.owner_of_card(record), self.cards.get(record).owner);
        if newest == Some(record) {
            return Newer::None;
        }
        let mut newer = self.card_and_older(newest).take(WALLET_CARDS_SCANNED_MAX);
        newer.find(|handle| self.cards.get(*handle).older == record.0).map_or(Newer::TooFar, Newer::Card)
    }

    /// Compares pages, balances and wallets with the records.
    pub(in crate::state) fn compare_cards(&self) -> Result<(), RecountError> {
        same("pages of cards", u64::from(self.cards.page_index.used()), u64::from(self.cards.pages_used))?;
        let (mut owned, mut newest, mut older) = (0u64, 0u64, 0u64);
        let mut issued = vec![0u64; self.campaigns.iter().count()];
        for (handle, card) in self.cards.iter() {
            let (campaign_handle, serial) = self.cards.place(handle);
            let campaign = self.campaigns.get(campaign_handle);
            same(
                "cards in their pages",
                1,
                u64::from(self.card_record(campaign_handle, serial) == Some(handle)),
            )?;
            same("cards issued", u64::from(serial < campaign.issued), 1)?;
            let units: u64 = [card.available, card.held, card.consumed].map(u64::from).iter().sum();
            let kind = campaign.definition.kind();
            let total = u64::from(campaign.definition.units.get()) + self.supplied(handle);
            // Of a void card the rest is void, and of stored value what was paid back or is over.
            let ended = campaign.has_ended(serial, card.owner == 0);
            let some_void = card.state() == CardState::Void || kind.is_filled() || ended;
            same("units of a card", if some_void { units.max(total) } else { units }, total)?;
            let is_void = card.state() == CardState::Void;
            let used_up = card.available == 0 && (is_void || card.held == 0);
            let ended = matches!(card.state(), CardState::Used | CardState::Void);
            // What can be filled can be empty without having ended.
            let agrees =
                if campaign.definition.kind().is_filled() { used_up || !ended } else { used_up == ended };
            same("cards without units, that have ended", u64::from(agrees), 1)?;
            let bearer = campaign.batch_of(serial).is_some();
            same("bearer cards without an owner", u64::from(bearer && card.owner != 0), 0)?;
            // One that was sold to nobody is of no batch, and in no wallet.
            issued[campaign_handle.0 as usize] += u64::from(!bearer);
            if card.owner != 0 {
                owned += 1;
                older += u64::from(card.older != NONE);
                let of = self.owner_of_card(handle);
                newest += u64::from(self.newest_card(of, card.owner) == Some(handle));
                let before = self.older_card(handle);
                let his = before.is_none_or(|before| {
                    self.cards.get(before).owner == card.owner && self.owner_of_card(before) == of
                });
                same("cards in their owner's wallet", u64::from(his), 1)?;
            }
        }
        for (handle, campaign) in self.campaigns.iter() {
            let of_batches: u64 = campaign.batches.iter().map(|batch| u64::from(batch.count)).sum();
            same("cards of a campaign", campaign.issued, issued[handle.0 as usize] + of_batches)?;
        }
        // Each card is the newest of its wallet, or the older one of exactly one other: then no list has a ring.
        same("wallets", u64::from(self.cards.wallets.used()), newest)?;
        same("cards in wallets", newest + older, owned)
    }

    pub(in crate::state) fn digest_cards(&self, hash: &mut Xxh3) {
        for page in 0..self.cards.pages_used as usize {
            hash.update(self.cards.pages.get(page).as_bytes());
            hash.update(self.cards.records.slice(page * CARDS_PER_PAGE, CARDS_PER_PAGE).as_bytes());
        }
    }
}

/// Writing: for `apply` alone.
impl State {
    /// A card is its owner's no longer: who has got it is the caller's to say. Panics if it is too far from his newest.
    pub(crate) fn take_from_wallet(&mut self, handle: Handle) {
        let (of, owner) = (self.owner_of_card(handle), self.cards.get(handle).owner);
        let (hash, older) = (self.wallet_hash(of, owner), self.cards.get(handle).older);
        match self.newer_card(handle) {
            Newer::Card(newer) => self.cards.get_mut(newer).older = older,
            Newer::None if older == NONE => self.cards.wallets.remove(hash, handle),
            Newer::None => self.cards.wallets.replace(hash, handle, Handle(older)),
            Newer::TooFar => unreachable!("decide refuses what is too far"),
        }
        self.cards.get_mut(handle).older = NONE;
    }

    /// A card is the newest of its owner.
    pub(crate) fn hang_into_wallet(&mut self, handle: Handle) {
        let (of, owner) = (self.owner_of_card(handle), self.cards.get(handle).owner);
        let hash = self.wallet_hash(of, owner);
        match self.newest_card(of, owner) {
            None => self.cards.wallets.insert(hash, handle),
            Some(before) => {
                self.cards.wallets.replace(hash, before, handle);
                self.cards.get_mut(handle).older = before.0;
            }
        }
    }
}
