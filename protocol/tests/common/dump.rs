//! Bytes as people read them: one line per field, `offset  hex  name = value`, from the layout tables.
#![allow(dead_code, reason = "each test binary uses its own part")]

use scrip_engine::answer::Outcome;
use scrip_engine::rejection::Facts;
use scrip_protocol::answers::{self, AnswerKind, FactsKind};
use scrip_protocol::commands::{self, CommandKind, Tail, flag};
use scrip_protocol::frame::RawHeader;
use scrip_protocol::{Field, Layout};
use std::fmt::Write;

const HEX_WIDTH: usize = 16 * 3 - 1;

/// A dump in the making: the bytes still to be shown and the text so far.
pub struct Dump<'a> {
    bytes: &'a [u8],
    offset: usize,
    text: String,
}

impl<'a> Dump<'a> {
    pub fn new(name: &str, bytes: &'a [u8]) -> Dump<'a> {
        Dump { bytes, offset: 0, text: format!("== {name} ({} bytes)\n", bytes.len()) }
    }

    /// Shows the next bytes under a label.
    pub fn raw(&mut self, bytes: usize, label: &str) {
        let mut label = label;
        for row in self.bytes[..bytes].chunks(16) {
            let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
            let line = format!("{:6}  {:HEX_WIDTH$}  {label}", self.offset, hex.join(" "));
            writeln!(self.text, "{}", line.trim_end()).unwrap();
            self.offset += row.len();
            label = "";
        }
        self.bytes = &self.bytes[bytes..];
    }

    /// Shows the next bytes as these fields.
    pub fn fields(&mut self, fields: &[Field]) {
        for field in fields {
            let label = match (field.kind, field.bytes) {
                ("bytes", _) => field.name.to_string(),
                (kind, bytes) => format!("{} {kind} = {}", field.name, number(&self.bytes[..bytes])),
            };
            self.raw(field.bytes, &label);
        }
    }

    /// Shows `count` numbers of four bytes, and the padding behind them.
    pub fn units(&mut self, count: usize) {
        for line in 0..count {
            let label = format!("units of line {line} u32 = {}", number(&self.bytes[..4]));
            self.raw(4, &label);
        }
        self.padding(count * 4);
    }

    /// Shows text, and the padding behind it.
    pub fn text(&mut self, bytes: usize, name: &str) {
        let label = format!("{name} = {:?}", String::from_utf8_lossy(&self.bytes[..bytes]));
        self.raw(bytes, &label);
        self.padding(bytes);
    }

    pub fn padding(&mut self, bytes: usize) {
        self.raw(bytes.next_multiple_of(8) - bytes, "padding");
    }

    pub fn frame_header(&mut self) {
        self.fields(RawHeader::FIELDS);
    }

    /// What the flags HAS_... announce before lines.
    fn announced(&mut self, flags: u8) {
        if flags & flag::HAS_REPLACE != 0 {
            let label = format!("replace u128 = {}", number(&self.bytes[..16]));
            self.raw(16, &label);
        }
        if flags & flag::HAS_PARTIES != 0 {
            self.fields(commands::PartiesLayout::FIELDS);
        }
        if flags & flag::HAS_TOTAL != 0 {
            self.raw(8, &format!("expected_total u64 = {}", number(&self.bytes[..8])));
        }
    }

    /// Shows one command.
    pub fn command(&mut self) {
        let end = self.offset + usize::from(self.u16(0));
        let kind = CommandKind::from_number(self.bytes[2]).unwrap();
        let (flags, lines) = (self.bytes[3], usize::from(self.u16(12)));
        self.fields(commands::CommandHeader::FIELDS);
        let name_bytes = match kind {
            CommandKind::StockCreate => usize::from(self.u16(36)),
            CommandKind::BatchCreate => usize::from(self.u16(28)),
            CommandKind::Label => usize::from(self.u16(16)),
            CommandKind::ZoneSet => usize::from(self.u16(4)),
            CommandKind::CampaignCreate => usize::from(self.u16(36)),
            _ => 0,
        };
        let tiers = match kind {
            CommandKind::CampaignCreate => usize::from(self.bytes[39]),
            CommandKind::CampaignEdit => usize::from(self.bytes[12]),
            _ => 0,
        };
        let cards = match kind {
            CommandKind::Quote => usize::from(self.bytes[24]),
            CommandKind::QuoteReserve => usize::from(self.bytes[44]),
            CommandKind::Reserve | CommandKind::Sell => usize::from(self.u16(36)),
            _ => 0,
        };
        let block_bytes = if kind.tail() == Tail::Texts { usize::from(self.u16(12)) } else { 0 };
        self.fields(kind.fields());
        match kind.tail() {
            Tail::None => {}
            Tail::Name => self.text(name_bytes, "name"),
            Tail::Units => self.units(lines),
            Tail::Texts => self.texts(lines, block_bytes),
            Tail::Zone => self.zone(lines, name_bytes),
            Tail::Quotas => (0..lines).for_each(|_| self.fields(commands::QuotaLayout::FIELDS)),
            Tail::Limits => {
                self.limits();
                if flags & flag::HAS_SPANS != 0 {
                    self.fields(commands::SpanLimitsLayout::FIELDS);
                }
            }
            Tail::Prices => (0..lines).for_each(|_| self.fields(commands::PriceLayout::FIELDS)),
            Tail::Definition => {
                self.definition(flags & flag::EXTENDED != 0, tiers, lines);
                self.text(name_bytes, "name");
            }
            Tail::Cart => {
                (0..lines).for_each(|_| self.fields(commands::CartLineLayout::FIELDS));
                (0..cards).for_each(|_| self.fields(commands::QuoteCardLayout::FIELDS));
            }
            Tail::StockedCart => {
                self.announced(flags);
                (0..lines).for_each(|_| self.fields(commands::StockedLineLayout::FIELDS));
                (0..cards).for_each(|_| self.fields(commands::QuoteCardLayout::FIELDS));
            }
            Tail::Rule => self.fields(commands::ActivityTermsLayout::FIELDS),
            Tail::Cards => {
                (0..lines).for_each(|_| self.fields(commands::QuoteCardLayout::FIELDS));
            }
            Tail::Parties => {
                if flags & flag::HAS_PARTIES != 0 {
                    self.fields(commands::PartiesLayout::FIELDS);
                }
                if flags & flag::HAS_REFERRAL != 0 && kind == CommandKind::Claim {
                    self.fields(commands::ReferralLayout::FIELDS);
                }
                if flags & flag::HAS_OFFLINE != 0 && kind == CommandKind::Redeem {
                    self.fields(commands::OfflineLayout::FIELDS);
                }
            }
            Tail::Lines => {
                self.announced(flags);
                if flags & flag::HAS_WAIT != 0 {
                    self.raw(8, &format!("wait_until_ms u64 = {}", number(&self.bytes[..8])));
                }
                for _ in 0..lines {
                    self.fields(commands::LineLayout::FIELDS);
                }
                (0..cards).for_each(|_| self.fields(commands::CardLineLayout::FIELDS));
            }
        }
        while self.offset < end {
            self.extra();
        }
    }

    /// Shows a definition, its tiers and its scope.
    fn definition(&mut self, extended: bool, tiers: usize, scope: usize) {
        self.fields(commands::DefinitionLayout::FIELDS);
        if extended {
            self.fields(commands::ExtensionLayout::FIELDS);
        }
        (0..tiers).for_each(|_| self.fields(commands::TierLayout::FIELDS));
        (0..scope).for_each(|_| self.fields(commands::ScopeLayout::FIELDS));
    }

    /// Shows `count` lengths, then the texts, and the padding behind them.
    fn texts(&mut self, count: usize, block_bytes: usize) {
        let lengths: Vec<u16> = (0..count).map(|text| self.u16(2 * text)).collect();
        for (text, length) in lengths.iter().enumerate() {
            self.raw(2, &format!("bytes of text {text} u16 = {length}"));
        }
        for length in lengths {
            let text = String::from_utf8_lossy(&self.bytes[..usize::from(length)]);
            self.raw(usize::from(length), &format!("text = {text:?}"));
        }
        self.padding(block_bytes);
    }

    /// Shows `count` transitions, then the name.
    fn zone(&mut self, count: usize, name_bytes: usize) {
        (0..count).for_each(|_| self.fields(commands::TransitionLayout::FIELDS));
        self.text(name_bytes, "name");
    }

    /// Shows `count` keys with their texts.
    fn keys(&mut self, count: usize) {
        for _ in 0..count {
            let text_bytes = usize::from(self.u16(8));
            self.fields(answers::KeyItemLayout::FIELDS);
            self.text(text_bytes, "text");
        }
    }

    /// Shows the limits of four kinds of subjects, and what stands behind them.
    fn limits(&mut self) {
        (0..4).for_each(|_| self.fields(commands::SubjectLimitLayout::FIELDS));
        self.fields(commands::LimitsEnd::FIELDS);
    }

    /// Shows `count` listed keys with their texts.
    fn listed(&mut self, count: usize) {
        for _ in 0..count {
            let text_bytes = usize::from(self.u16(40));
            self.fields(answers::ListedItemLayout::FIELDS);
            self.text(text_bytes, "text");
        }
    }

    fn extra(&mut self) {
        let bytes = usize::from(self.u16(2));
        self.fields(scrip_protocol::extras::ExtraHeader::FIELDS);
        self.raw(bytes, "value");
        self.raw((4 + bytes).next_multiple_of(8) - 4 - bytes, "padding");
    }

    /// Shows one answer.
    pub fn answer(&mut self, outcome: &Outcome<'_>) {
        let kind = AnswerKind::from_number(self.bytes[2]).unwrap();
        let (flags, count) = (self.bytes[3], usize::from(self.u16(6)));
        self.fields(answers::AnswerHeader::FIELDS);
        let has_keys = matches!(kind, AnswerKind::ConfirmedKeys | AnswerKind::ConfirmedCards);
        let keys = if has_keys { usize::from(self.u16(12)) } else { 0 };
        let sold = if kind == AnswerKind::ConfirmedCards { usize::from(self.u16(16)) } else { 0 };
        let blocks = if kind == AnswerKind::Risk { usize::from(self.u16(4)) } else { 0 };
        let name_bytes = if kind == AnswerKind::Zone { usize::from(self.u16(4)) } else { 0 };
        let (tiers, key_bytes) = match kind {
            AnswerKind::Campaign => (usize::from(self.bytes[58]), usize::from(self.bytes[59])),
            _ => (0, 0),
        };
        let held = if kind == AnswerKind::Hold { usize::from(self.bytes[73]) } else { 0 };
        let quoted = match kind {
            AnswerKind::Quote => usize::from(self.u16(24)),
            AnswerKind::QuoteReserved => usize::from(self.u16(32)),
            _ => 0,
        };
        self.fields(kind.fields());
        match kind {
            AnswerKind::Quote | AnswerKind::QuoteReserved => {
                (0..count).for_each(|_| self.fields(answers::QuotedCardLayout::FIELDS));
                (0..quoted).for_each(|_| self.fields(answers::QuotedLineLayout::FIELDS));
                (0..count * quoted).for_each(|_| {
                    let label = format!("share u64 = {}", number(&self.bytes[..8]));
                    self.raw(8, &label);
                });
            }
            AnswerKind::Campaign => {
                self.definition(flags & answers::flag::EXTENDED != 0, tiers, count);
                self.raw(key_bytes, "key");
                self.padding(key_bytes);
            }
            AnswerKind::Activity => self.fields(commands::ActivityTermsLayout::FIELDS),
            AnswerKind::Group => (0..count).for_each(|_| self.fields(answers::GroupRowLayout::FIELDS)),
            AnswerKind::Notices => (0..count).for_each(|_| self.fields(answers::NoticeLayout::FIELDS)),
            AnswerKind::Card => (0..count).for_each(|_| self.fields(answers::LotLayout::FIELDS)),
            AnswerKind::Wallet => (0..count).for_each(|_| self.fields(answers::WalletCardLayout::FIELDS)),
            AnswerKind::Reserved | AnswerKind::Confirmed => self.units(count),
            AnswerKind::Stock => self.text(count, "name"),
            AnswerKind::Hold => {
                (0..count).for_each(|_| self.fields(answers::HoldLineLayout::FIELDS));
                (0..held).for_each(|_| self.fields(answers::HoldCardLayout::FIELDS));
            }
            AnswerKind::Channels => (0..count).for_each(|_| self.fields(answers::ChannelLayout::FIELDS)),
            AnswerKind::ConfirmedKeys => {
                self.units(count);
                self.keys(keys);
            }
            AnswerKind::ConfirmedCards => {
                self.units(count);
                (0..sold).for_each(|_| self.fields(answers::SoldCardsLayout::FIELDS));
                self.keys(keys);
            }
            AnswerKind::Keys => self.keys(count),
            AnswerKind::KeysListed => self.listed(count),
            AnswerKind::Batches => (0..count).for_each(|_| self.fields(answers::BatchLayout::FIELDS)),
            AnswerKind::Terms => {
                self.limits();
                if flags & answers::flag::SPANS != 0 {
                    self.fields(commands::SpanLimitsLayout::FIELDS);
                }
                (0..count).for_each(|_| self.fields(commands::PriceLayout::FIELDS));
            }
            AnswerKind::Risk => {
                (0..count).for_each(|_| self.fields(commands::RiskRuleLayout::FIELDS));
                (0..blocks).for_each(|_| self.fields(commands::BlockLayout::FIELDS));
            }
            AnswerKind::Debts => (0..count).for_each(|_| self.fields(answers::DebtLayout::FIELDS)),
            AnswerKind::OrderHolds => (0..count).for_each(|_| self.fields(answers::OrderHoldLayout::FIELDS)),
            AnswerKind::Zone => self.zone(count, name_bytes),
            AnswerKind::Identity => (0..count).for_each(|member| {
                let label = format!("member {member} u128 = {}", number(&self.bytes[..16]));
                self.raw(16, &label);
            }),
            AnswerKind::Rejection => self.facts(outcome),
            _ => {}
        }
    }

    fn facts(&mut self, outcome: &Outcome<'_>) {
        let Outcome::Refused(rejection) = outcome else { panic!("only rejections have facts") };
        let kind = match rejection.facts {
            Facts::None => FactsKind::None,
            Facts::Lines(lines) => {
                return lines.iter().for_each(|_| self.fields(answers::LineFactLayout::FIELDS));
            }
            Facts::Time(_) => FactsKind::Time,
            Facts::Floor(_) => FactsKind::Floor,
            Facts::Maximum(..) => FactsKind::Maximum,
            Facts::Version(_) => FactsKind::Version,
            Facts::Units { .. } => FactsKind::Units,
            Facts::Key(_) => FactsKind::Key,
            Facts::Total(_) => FactsKind::Total,
            Facts::Rule(_) => FactsKind::Rule,
        };
        self.fields(kind.fields());
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    /// The finished text. Panics when bytes are left that nothing has named.
    pub fn finish(self) -> String {
        assert!(self.bytes.is_empty(), "{} bytes are not described:\n{}", self.bytes.len(), self.text);
        self.text + "\n"
    }
}

fn number(bytes: &[u8]) -> String {
    let mut wide = [0; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    let value = u128::from_le_bytes(wide);
    if bytes.len() == 16 { format!("{value:#x}") } else { value.to_string() }
}

/// The bytes that a dump shows.
pub fn bytes_of(dump: &str) -> Vec<u8> {
    let rows = dump.lines().filter(|line| line.starts_with(' '));
    let hex = rows.flat_map(|line| line.get(8..).unwrap_or("").chars().take(HEX_WIDTH).collect::<Vec<_>>());
    let digits: Vec<u32> = hex.filter_map(|character| character.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}
