//! Content digests: whether a repeated operation id comes with the same command.
//!
//! The digest is kept in the log, so it is fixed for ever: XXH3 (64 bits) of the lines, and of the fields seeded with
//! that. The command's deadline is no content: a retry may be given more time.

use crate::command::{
    AccountWish, ActivityWish, BatchEnd, CampaignTerms, CodeBlock, Command, Envelope, GiftWish, GroupWish,
    KeyBlock, Parties, QuoteReserve, RecycleInto, StockKind, StockTerms, Take,
};
use xxhash_rust::xxh3::xxh3_64_with_seed;
use zerocopy::IntoBytes;

/// Collects the fields of a command in a fixed order.
struct Fields {
    bytes: [u8; 160],
    length: usize,
}

impl Fields {
    #[inline]
    fn new(kind: u8, envelope: &Envelope) -> Fields {
        let mut fields = Fields { bytes: [0; 160], length: 0 };
        fields.put(&[kind, 0]);
        fields.put(&envelope.channel.0.to_le_bytes());
        fields.put(&[0; 4]);
        fields.put_u64(envelope.created_ms());
        fields
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    #[inline]
    fn put_u64(&mut self, number: u64) {
        self.put(&number.to_le_bytes());
    }

    #[inline]
    fn put_u128(&mut self, number: u128) {
        self.put(&number.to_le_bytes());
    }

    fn put_terms(&mut self, terms: &StockTerms) {
        self.put_u64(terms.opens_ms);
        self.put_u64(terms.closes_ms);
        self.put_u64(u64::from(terms.limit_per_user) << 1 | u64::from(terms.frozen));
    }

    #[inline]
    fn put_take(&mut self, take: &Take<'_>, ttl_ms: u32, paid: bool) {
        self.put_u128(take.order.0);
        self.put_u128(take.user.0);
        self.put_u128(take.replace.0);
        self.put_u64(u64::from(ttl_ms) << 2 | u64::from(take.partial) << 1 | u64::from(paid));
        self.put_optional(take);
    }

    /// What a take need not carry: nothing where it carries none, so that older digests stay what they are.
    #[inline]
    fn put_optional(&mut self, take: &Take<'_>) {
        let Take { parties, expected_total, wait_until_ms, member, cards, .. } = take;
        let told = [parties.is_some(), expected_total.is_some(), *member, *wait_until_ms != 0];
        let given = [told[0], told[1], told[2], told[3], !cards.is_empty()];
        if given == [false; 5] {
            return;
        }
        self.put_u64(given.iter().rev().fold(0, |bits, bit| bits << 1 | u64::from(*bit)));
        if let Some(parties) = parties {
            self.put(parties.as_bytes());
        }
        self.put_u64(expected_total.unwrap_or(0));
        self.put_u64(*wait_until_ms);
        if !cards.is_empty() {
            self.put_u64(xxh3_64_with_seed(cards.as_bytes(), 0));
        }
    }

    #[inline]
    fn digest(&self, tail: &[u8]) -> u64 {
        let seed = if tail.is_empty() { 0 } else { xxh3_64_with_seed(tail, 0) };
        xxh3_64_with_seed(&self.bytes[..self.length], seed)
    }
}

/// The digest of a command's content. CONFIRM, RELEASE and queries have none (their record is the hold): 0.
#[inline]
pub fn content_digest(envelope: &Envelope, command: &Command<'_>) -> u64 {
    match command {
        Command::Reserve { take, ttl_ms } => {
            let mut fields = Fields::new(16, envelope);
            fields.put_take(take, *ttl_ms, false);
            fields.digest(take.lines.as_bytes())
        }
        Command::Sell { take, paid, hidden } => {
            let mut fields = Fields::new(20, envelope);
            fields.put_take(take, u32::from(*hidden), *paid);
            fields.digest(take.lines.as_bytes())
        }
        Command::QuoteReserve(quote) => of_quote(envelope, quote),
        Command::Extend { hold, ttl_ms } => {
            let mut fields = Fields::new(17, envelope);
            fields.put_u128(hold.0);
            fields.put_u64(u64::from(*ttl_ms));
            fields.digest(&[])
        }
        Command::Return { hold, to_available, units } => {
            let mut fields = Fields::new(21, envelope);
            fields.put_u128(hold.0);
            fields.put_u64(u64::from(*to_available));
            fields.digest(units.as_bytes())
        }
        Command::StockCreate(create) => {
            let mut fields = Fields::new(1, envelope);
            fields.put_u64(create.stock.0);
            // A counter stock's digest is what it was before there were keys stocks. A seed is no content.
            fields.put_u64(match create.kind {
                StockKind::Counter => create.units,
                StockKind::Keys => u64::MAX,
                StockKind::RandomKeys { .. } => u64::MAX - 1,
                StockKind::Reusable => create.units | 1 << 63,
                StockKind::Cards => unreachable!("a stock of cards is made by CAMPAIGN_CREATE"),
            });
            fields.put_terms(&create.terms);
            if create.once_per_order {
                fields.put_u64(1);
            }
            fields.digest(create.name)
        }
        Command::StockSupply { stock, units } => stock_digest(2, envelope, stock.0, *units, 0),
        Command::StockVoid { stock, units, from_frozen, forced } => {
            let flags = u64::from(*from_frozen) | u64::from(*forced) << 1;
            stock_digest(3, envelope, stock.0, *units, flags)
        }
        Command::StockFreeze { stock, units, forced } => {
            stock_digest(4, envelope, stock.0, *units, u64::from(*forced) << 1)
        }
        Command::StockUnfreeze { stock, units } => stock_digest(5, envelope, stock.0, *units, 0),
        Command::StockQuota { stock, version, quotas } => {
            let mut fields = Fields::new(7, envelope);
            fields.put_u64(stock.0);
            fields.put_u64(u64::from(*version));
            fields.digest(quotas.as_bytes())
        }
        Command::StockEdit { stock, version, terms } => {
            let mut fields = Fields::new(6, envelope);
            fields.put_u64(stock.0);
            fields.put_u64(u64::from(*version));
            fields.put_terms(terms);
            fields.digest(&[])
        }
        Command::BatchCreate(create) => {
            let mut fields = Fields::new(8, envelope);
            fields.put_u64(create.stock.0);
            fields.put_u64(u64::from(create.batch));
            fields.put_u64(create.cost);
            fields.put_u64(create.expires_ms);
            fields.digest(create.supplier)
        }
        Command::BatchChange { stock, batch, change, forced } => {
            let mut fields = Fields::new(9, envelope);
            fields.put_u64(stock.0);
            fields.put_u64(u64::from(*batch));
            fields.put_u64(u64::from(*forced) << 8 | *change as u64);
            fields.digest(&[])
        }
        Command::KeysImport { stock, batch, block } => {
            let KeyBlock::Sealed { fingerprints, .. } = block else {
                unreachable!("the edge seals keys before they are executed");
            };
            let mut fields = Fields::new(12, envelope);
            fields.put_u64(stock.0);
            fields.put_u64(u64::from(*batch));
            fields.digest(fingerprints.as_bytes())
        }
        Command::Reveal { hold } => {
            let mut fields = Fields::new(22, envelope);
            fields.put_u128(hold.0);
            fields.digest(&[])
        }
        Command::KeyReplace { hold, key, reason } => {
            let mut fields = Fields::new(23, envelope);
            fields.put_u128(hold.0);
            fields.put_u64(u64::from(*key) << 16 | u64::from(*reason));
            fields.digest(&[])
        }
        Command::StockLimits { stock, version, limits, spans } => {
            let mut fields = Fields::new(13, envelope);
            fields.put_u64(stock.0);
            fields.put_u64(u64::from(*version));
            if let Some(spans) = spans {
                fields.put(spans.as_bytes());
            }
            fields.digest(limits.as_bytes())
        }
        Command::StockPrice { stock, version, prices } => {
            let mut fields = Fields::new(11, envelope);
            fields.put_u64(stock.0);
            fields.put_u64(u64::from(*version));
            fields.digest(prices.as_bytes())
        }
        Command::RiskSet { rule } => Fields::new(14, envelope).digest(rule.as_bytes()),
        Command::BlockSet { block } => Fields::new(15, envelope).digest(block.as_bytes()),
        Command::ZoneSet(zone) => {
            let mut fields = Fields::new(75, envelope);
            fields.put_u64(u64::from(zone.version));
            fields.put(zone.name);
            fields.digest(zone.transitions.as_bytes())
        }
        Command::Link { user, to, reason } => {
            let mut fields = Fields::new(117, envelope);
            fields.put_u128(user.0);
            fields.put_u128(to.0);
            fields.put_u64(u64::from(*reason));
            fields.digest(&[])
        }
        Command::Unlink { user, reason } => {
            let mut fields = Fields::new(118, envelope);
            fields.put_u128(user.0);
            fields.put_u64(u64::from(*reason));
            fields.digest(&[])
        }
        Command::Label { user, label } => {
            // Not the seal, which is another every time.
            let (fingerprint, ..) = label.sealed();
            let mut fields = Fields::new(121, envelope);
            fields.put_u128(user.0);
            fields.put_u64(fingerprint);
            fields.digest(&[])
        }
        Command::Erase { user, reason } => {
            let mut fields = Fields::new(122, envelope);
            fields.put_u128(user.0);
            fields.put_u64(u64::from(*reason));
            fields.digest(&[])
        }
        Command::KeyReclaim { hold, key, reason } => {
            let mut fields = Fields::new(24, envelope);
            fields.put_u128(hold.0);
            fields.put_u64(u64::from(*key) << 16 | u64::from(*reason));
            fields.digest(&[])
        }
        Command::KeysExport { stock, batch, .. } => {
            let mut fields = Fields::new(26, envelope);
            fields.put_u64(stock.0);
            fields.put_u64(batch.map_or(u64::MAX, u64::from));
            fields.digest(&[])
        }
        Command::CampaignCreate(_)
        | Command::CampaignEdit { .. }
        | Command::CampaignState { .. }
        | Command::Issue(_)
        | Command::Redeem(_)
        | Command::Reverse { .. }
        | Command::CardChange { .. }
        | Command::Account { .. }
        | Command::CodeImport { .. }
        | Command::CodeSet { .. }
        | Command::CampaignVoid { .. }
        | Command::CardBatchEnd { .. }
        | Command::Recycle { .. }
        | Command::Merge(_)
        | Command::Gift { .. } => of_cards(envelope, command),
        Command::Group(wish) => of_groups(envelope, wish),
        Command::Activity(wish) => of_activities(envelope, wish),
        Command::Confirm { .. }
        | Command::StockTermsShow { .. }
        | Command::RiskShow { .. }
        | Command::ZoneShow
        | Command::IdentityShow { .. }
        | Command::Release
        | Command::Cancel
        | Command::StockShow { .. }
        | Command::StockChannels { .. }
        | Command::KeysRead { .. }
        | Command::KeysList { .. }
        | Command::BatchesShow { .. }
        | Command::OwedShow { .. }
        | Command::OrderShow { .. }
        | Command::CampaignShow { .. }
        | Command::CardShow { .. }
        | Command::CodeShow { .. }
        | Command::WalletShow { .. }
        | Command::NoticesRead { .. }
        | Command::Quote(_)
        | Command::OperationShow => 0,
    }
}

/// Commands on campaigns and cards. A sealed key is no content.
#[inline]
fn of_cards(envelope: &Envelope, command: &Command<'_>) -> u64 {
    match command {
        Command::CampaignCreate(create) => {
            let mut fields = Fields::new(80, envelope);
            fields.put_u64(create.campaign.0);
            fields.put_u64(create.units);
            fields.put_terms(&create.terms);
            fields.put_u64(u64::from(create.layout));
            fields.put_u64(definition_digest(&create.definition));
            fields.digest(create.name)
        }
        Command::CampaignEdit { campaign, version, terms } => {
            let mut fields = Fields::new(81, envelope);
            fields.put_u64(campaign.0);
            fields.put_u64(u64::from(*version));
            fields.put_u64(definition_digest(terms));
            fields.digest(&[])
        }
        Command::CampaignState { campaign, version, state } => {
            stock_digest(82, envelope, campaign.0, u64::from(*version), *state as u64)
        }
        Command::Issue(issue) => {
            let mut fields = Fields::new(if issue.claimed { 84 } else { 83 }, envelope);
            fields.put_u64(issue.campaign.0);
            fields.put_u128(issue.owner.0);
            fields.put_u64(u64::from(issue.count));
            fields.put_u64(issue.from_ms);
            fields.put_u64(issue.until_ms);
            if let Some(code) = issue.code {
                fields.put_u128(code.0);
            }
            if let Some(referral) = issue.referral {
                fields.put(referral.as_bytes());
            }
            fields.digest(issue.parties.map_or(&[], |parties| parties.as_bytes()))
        }
        Command::CodeImport { campaign, codes: CodeBlock::Hashed(codes) } => {
            let mut fields = Fields::new(127, envelope);
            fields.put_u64(campaign.0);
            fields.digest(codes.as_bytes())
        }
        Command::CodeSet { code, campaign } => {
            let mut fields = Fields::new(128, envelope);
            fields.put_u128(code.0);
            fields.put_u64(u64::from(campaign.is_some()));
            fields.put_u64(campaign.map_or(0, |campaign| campaign.0));
            fields.digest(&[])
        }
        Command::Redeem(redeem) => {
            let mut fields = Fields::new(85, envelope);
            fields.put_u64(redeem.card.0);
            // A card named by its code is the same card, but another command.
            let generation = redeem.generation.map_or(0, |generation| u64::from(generation) + 1);
            // 0 units and 1 are not the same of every card.
            fields.put_u64(u64::from(redeem.units) << 8 | generation);
            fields.put_u128(redeem.order.0);
            fields.put_u128(redeem.user.0);
            for number in [redeem.amount, redeem.store, redeem.product, redeem.category] {
                fields.put_u64(number);
            }
            if let Some(offline) = redeem.offline {
                fields.put(offline.as_bytes());
            }
            fields.digest(redeem.parties.map_or(&[], |parties| parties.as_bytes()))
        }
        Command::Reverse { redemption, units } => {
            let mut fields = Fields::new(86, envelope);
            fields.put_u128(redemption.0);
            fields.put_u64(u64::from(*units));
            fields.digest(&[])
        }
        Command::CardChange { card, generation, change } => {
            let generation = generation.map_or(0, |generation| u64::from(generation) + 1);
            let what = u64::from(change.number()) << 8 | generation;
            stock_digest(87, envelope, card.0, what, change.until_ms())
        }
        Command::Account { card, generation, wish } => {
            let generation = generation.map_or(0, |generation| u64::from(generation) + 1);
            let (kind, numbers) = match *wish {
                AccountWish::TopUp { principal, bonus, paid, until_ms } => {
                    (92, [u64::from(principal) << 32 | u64::from(bonus), until_ms, u64::from(paid)])
                }
                AccountWish::Earn { units } => (93, [u64::from(units), 0, 0]),
                AccountWish::Refund => (94, [0; 3]),
                AccountWish::Renew { seconds } => (95, [u64::from(seconds), 0, 0]),
                AccountWish::Level { level } => (96, [u64::from(level), 0, 0]),
            };
            let mut fields = Fields::new(kind, envelope);
            fields.put_u64(card.0);
            fields.put_u64(generation);
            numbers.into_iter().for_each(|number| fields.put_u64(number));
            fields.digest(&[])
        }
        Command::CampaignVoid { campaign, version, reason } => {
            stock_digest(100, envelope, campaign.0, u64::from(*version), u64::from(*reason))
        }
        Command::Recycle { card, generation, into } => {
            let generation = generation.map_or(0, |generation| u64::from(generation) + 1);
            let (other, units) = match *into {
                RecycleInto::Supply => (0, 0),
                RecycleInto::Points { card, units } => (card.0, u64::from(units)),
                RecycleInto::Campaign(campaign) => (campaign.0, 0),
            };
            let what = units << 16 | u64::from(into.number()) << 8 | generation;
            stock_digest(103, envelope, card.0, other, what)
        }
        Command::Merge(merge) => {
            let mut fields = Fields::new(104, envelope);
            fields.put_u64(merge.into.0);
            fields.put_u64(merge.generation.map_or(0, |generation| u64::from(generation) + 1));
            fields.digest(merge.from.as_bytes())
        }
        Command::CardBatchEnd { card, generation, end } => {
            let generation = generation.map_or(0, |generation| u64::from(generation) + 1);
            let (kind, reason) = match *end {
                BatchEnd::Void { reason } => (101, reason),
                BatchEnd::Recycle => (102, 0),
            };
            stock_digest(kind, envelope, card.0, u64::from(reason), generation)
        }
        Command::Gift { card, generation, wish } => {
            let generation = generation.map_or(0, |generation| u64::from(generation) + 1);
            let (kind, user, to, lasts_s) = match *wish {
                GiftWish::Give { user, to, lasts_s } => (97, user.0, to.0, lasts_s),
                GiftWish::Accept { user } => (98, user.0, 0, 0),
                GiftWish::Cancel { user } => (99, user.0, 0, 0),
            };
            let mut fields = Fields::new(kind, envelope);
            fields.put_u64(card.0);
            fields.put_u64(u64::from(lasts_s) << 8 | generation);
            fields.put_u128(user);
            fields.put_u128(to);
            fields.digest(&[])
        }
        _ => unreachable!("only commands on campaigns and cards come here"),
    }
}

/// Commands on activities; a query has none.
fn of_activities(envelope: &Envelope, wish: &ActivityWish<'_>) -> u64 {
    let (kind, activity, version, terms) = match *wish {
        ActivityWish::Create { activity, terms } => (134, activity, 0, terms),
        ActivityWish::Edit { activity, version, terms } => (135, activity, version, terms),
        ActivityWish::Show { .. } => return 0,
    };
    let mut fields = Fields::new(kind, envelope);
    fields.put_u64(activity.0);
    fields.put_u64(u64::from(version));
    fields.digest(terms.as_bytes())
}

/// Commands on groups; a query has none.
fn of_groups(envelope: &Envelope, wish: &GroupWish<'_>) -> u64 {
    let (kind, group, user, told) = match *wish {
        GroupWish::Open { campaign, size, lasts_s, user, parties } => {
            let mut fields = Fields::new(110, envelope);
            fields.put_u64(campaign.0);
            fields.put_u64(u64::from(lasts_s) << 16 | u64::from(size));
            fields.put_u128(user.0);
            return fields.digest(parties.map_or(&[], |parties| parties.as_bytes()));
        }
        GroupWish::Join { group, user, parties } => (111, group, user, parties),
        GroupWish::Leave { group, user } => (112, group, user, None),
        GroupWish::Show { .. } => return 0,
    };
    let mut fields = Fields::new(kind, envelope);
    fields.put_u128(group.0);
    fields.put_u128(user.0);
    fields.digest(told.map_or(&[], |parties: &Parties| parties.as_bytes()))
}

fn of_quote(envelope: &Envelope, quote: &QuoteReserve<'_>) -> u64 {
    let mut fields = Fields::new(105, envelope);
    fields.put_u128(quote.order.0);
    fields.put_u128(quote.user.0);
    fields.put_u128(quote.replace.0);
    fields.put_u64(quote.store);
    let told = u64::from(quote.expected_total.is_some()) << 1 | u64::from(quote.best);
    fields.put_u64(u64::from(quote.ttl_ms) << 2 | told);
    fields.put_u64(quote.expected_total.unwrap_or(0));
    let parties = quote.parties.map_or(0, |parties| xxh3_64_with_seed(parties.as_bytes(), 1));
    fields.put_u64(parties);
    fields.put_u64(xxh3_64_with_seed(quote.cards.as_bytes(), 0));
    fields.digest(quote.lines.as_bytes())
}

fn definition_digest(terms: &CampaignTerms<'_>) -> u64 {
    // Without an extension the digest is what it was before there were any.
    let extension = if terms.extension.is_none() { &[] } else { terms.extension.as_bytes() };
    let seed = if extension.is_empty() { 0 } else { xxh3_64_with_seed(extension, 0) };
    let scope = xxh3_64_with_seed(terms.scope.as_bytes(), seed);
    let tiers = xxh3_64_with_seed(terms.tiers.as_bytes(), scope);
    xxh3_64_with_seed(terms.definition.as_bytes(), tiers)
}

fn stock_digest(kind: u8, envelope: &Envelope, stock: u64, units: u64, flags: u64) -> u64 {
    let mut fields = Fields::new(kind, envelope);
    fields.put_u64(stock);
    fields.put_u64(units);
    fields.put_u64(flags);
    fields.digest(&[])
}
