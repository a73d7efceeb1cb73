//! Secrets as types that can't be printed: the token a client shows, the key its references are hashed with.
//!
//! Invariant: neither has a `Debug` or `Display` that tells anything; whoever needs the bytes says so by calling
//! `reveal`. Comparison takes the same time wherever two secrets differ.

use core::fmt;
use subtle::ConstantTimeEq;

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Wraps the secret's bytes.
            pub const fn new(bytes: [u8; 32]) -> $name {
                $name(bytes)
            }

            /// The secret itself: for the wire and for hashing, never for a log.
            pub const fn reveal(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &$name) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl Eq for $name {}
    };
}

secret! {
    /// 256 random bits that say who a client is. Its text form is `scrip_` and 64 hexadecimal digits.
    Token
}

secret! {
    /// The merchant's key for references: see [`crate::references::reference_id`].
    AliasKey
}

/// What every token's text form begins with.
pub const TOKEN_PREFIX: &str = "scrip_";
const TOKEN_DIGITS: usize = 64;

/// Text that is not a token. The message never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It begins with something else.
    #[error(
        "a token begins with \"{TOKEN_PREFIX}\": was the whole of it copied, without quotes or blanks around it?"
    )]
    Prefix,
    /// Too few or too many digits.
    #[error(
        "a token has {TOKEN_DIGITS} hexadecimal digits after \"{TOKEN_PREFIX}\", this one has {0} characters"
    )]
    Length(usize),
    /// A character that is no hexadecimal digit.
    #[error("character {0} of the token is not a hexadecimal digit (0-9, a-f)")]
    Digit(usize),
}

impl Token {
    /// The text form, for the one person who is to have it.
    pub fn reveal_text(&self) -> String {
        let mut text = String::with_capacity(TOKEN_PREFIX.len() + TOKEN_DIGITS);
        text.push_str(TOKEN_PREFIX);
        for byte in self.0 {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).expect("half a byte is a digit"));
            }
        }
        text
    }
}

impl core::str::FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Token, TokenError> {
        let digits = text.strip_prefix(TOKEN_PREFIX).ok_or(TokenError::Prefix)?;
        if digits.chars().count() != TOKEN_DIGITS {
            return Err(TokenError::Length(digits.chars().count()));
        }
        let mut bytes = [0; 32];
        for (position, digit) in digits.chars().enumerate() {
            let value = digit.to_digit(16).ok_or(TokenError::Digit(TOKEN_PREFIX.len() + position + 1))?;
            bytes[position / 2] = bytes[position / 2] << 4 | value as u8;
        }
        Ok(Token(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_printed() {
        assert_eq!(format!("{:?}", Token::new([7; 32])), "Token(***)");
        assert_eq!(format!("{:?}", AliasKey::new([7; 32])), "AliasKey(***)");
    }

    #[test]
    fn the_text_form_leads_back_to_the_token() {
        let token = Token::new(core::array::from_fn(|position| position as u8 * 7));
        let text = token.reveal_text();
        assert_eq!(text.len(), 70);
        assert_eq!(text.parse::<Token>(), Ok(token.clone()));
        assert_eq!(text.to_uppercase().replace("SCRIP_", "scrip_").parse::<Token>(), Ok(token));
    }

    #[test]
    fn a_wrong_text_is_told_what_is_wrong_with_it() {
        let text = Token::new([0xab; 32]).reveal_text();
        assert_eq!(format!(" {text}").parse::<Token>(), Err(TokenError::Prefix));
        assert_eq!(text[..69].parse::<Token>(), Err(TokenError::Length(63)));
        assert_eq!(text.replacen('a', "g", 1).parse::<Token>(), Err(TokenError::Digit(7)));
        assert_eq!(text.replacen("ab", "ü", 1).parse::<Token>(), Err(TokenError::Length(63)));
    }
}
