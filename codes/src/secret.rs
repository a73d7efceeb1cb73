//! The two keys, as types that can't be printed and don't outlive their use.
//!
//! They stand here, apart from those of the wire, because this crate imports nothing of the house. Invariant: no `Debug`
//! tells anything; the bytes are wiped when the value is dropped.

use core::fmt;
use zeroize::Zeroizing;

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Zeroizing<[u8; 32]>);

        impl $name {
            /// Wraps the key's bytes. The caller's own copy is for the caller to wipe.
            pub fn new(bytes: [u8; 32]) -> $name {
                $name(Zeroizing::new(bytes))
            }

            pub(crate) fn reveal(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }
    };
}

secret! {
    /// The key of one campaign's codes: 256 random bits. Who has it can make every code of the campaign.
    CampaignKey
}

secret! {
    /// The key under which vanity and imported codes are hashed before they are kept: 256 random bits.
    VanityKey
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_print_as_stars() {
        assert_eq!(format!("{:?}", CampaignKey::new([0xAB; 32])), "CampaignKey(***)");
        assert_eq!(format!("{:?}", VanityKey::new([0xAB; 32])), "VanityKey(***)");
    }
}
