//! Names for channels. The engine knows numbers alone; people say `taobao`. One table stands here so that every tool and
//! gateway means the same number by the same name.
//!
//! Invariant: names and numbers are never reused, and every name reads back as its number.

use scrip_engine::ids::ChannelId;

/// The well-known channels, in ascending order of numbers. Any other channel goes by its number.
pub const CHANNELS: [(&str, ChannelId); 15] = [
    ("own", ChannelId(1)),
    ("mini", ChannelId(2)),
    ("app", ChannelId(3)),
    ("h5", ChannelId(4)),
    ("pos", ChannelId(5)),
    ("taobao", ChannelId(10)),
    ("tmall", ChannelId(11)),
    ("jd", ChannelId(12)),
    ("pdd", ChannelId(13)),
    ("douyin", ChannelId(14)),
    ("kuaishou", ChannelId(15)),
    ("xiaohongshu", ChannelId(16)),
    ("weidian", ChannelId(17)),
    ("youzan", ChannelId(18)),
    ("meituan", ChannelId(19)),
];

/// Text that names no channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no channel: a number from 0 to 65535, or one of {names}", names = names())]
pub struct UnknownChannel(String);

/// The channel with this name or number.
///
/// # Errors
/// [`UnknownChannel`], which lists the names.
pub fn channel_id(text: &str) -> Result<ChannelId, UnknownChannel> {
    let named = CHANNELS.iter().find(|(name, _)| *name == text).map(|&(_, channel)| channel);
    let numbered = || text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    named.or_else(|| numbered().map(ChannelId)).ok_or_else(|| UnknownChannel(text.to_owned()))
}

/// The name of a channel, or its number in digits if it has none. [`channel_id`] reads both back.
pub fn channel_name(channel: ChannelId) -> String {
    let named = CHANNELS.iter().find(|(_, known)| *known == channel);
    named.map_or_else(|| channel.0.to_string(), |(name, _)| (*name).to_owned())
}

fn names() -> String {
    CHANNELS.map(|(name, _)| name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_no_two_share_a_number() {
        assert!(CHANNELS.is_sorted_by_key(|(_, channel)| channel.0));
        let numbers: std::collections::BTreeSet<_> = CHANNELS.iter().map(|(_, channel)| channel.0).collect();
        assert_eq!(numbers.len(), CHANNELS.len());
        for (name, channel) in CHANNELS {
            assert_eq!(channel_id(name), Ok(channel));
            assert_eq!(channel_name(channel), name);
        }
    }

    #[test]
    fn other_channels_go_by_number() {
        for (text, number) in [("0", 0), ("7", 7), ("10", 10), ("65535", 65535)] {
            assert_eq!(channel_id(text), Ok(ChannelId(number)));
        }
        assert_eq!((channel_name(ChannelId(0)), channel_name(ChannelId(10))), ("0".into(), "taobao".into()));
        for text in ["", "65536", "-1", "+1", "Taobao", "ebay"] {
            let error = channel_id(text).expect_err(text).to_string();
            assert!(error.contains("taobao") && error.contains("65535"), "{error}");
        }
    }
}
