//! The first look at a file of keys: its digest, its length, its encoding.
//!
//! It stands before the import because an encoding is a property of the whole file: what the last line says must not come
//! too late for the first. Invariant: a file that is valid UTF-8 is read as UTF-8 unless the operator says otherwise.

use encoding_rs::GB18030;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::io::{self, Read};

const BUFFER_BYTES: usize = 256 * 1024;
/// Bytes of a character that a buffer may cut off.
const CUT_BYTES_MAX: usize = 3;

/// How texts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// GB18030, of which GBK and GB2312 are parts.
    Gb18030,
}

impl Encoding {
    /// The bytes as text, borrowed where they are UTF-8 already; nothing if they are not of this encoding.
    pub fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Encoding::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Encoding::Gb18030 => GB18030.decode_without_bom_handling_and_without_replacement(bytes),
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Gb18030 => "gb18030",
        }
    }
}

/// What the first look has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Bytes of the file.
    pub bytes: u64,
    /// Their SHA-256.
    pub digest: [u8; 32],
    /// The first line that is not UTF-8.
    pub foreign_line: Option<u64>,
    /// It begins as UTF-16 does.
    pub utf16: bool,
}

impl Survey {
    /// Looks at all of a file.
    ///
    /// # Errors
    /// [`io::Error`].
    pub fn of(mut source: impl Read) -> io::Result<Survey> {
        let mut survey = Survey { bytes: 0, digest: [0; 32], foreign_line: None, utf16: false };
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; CUT_BYTES_MAX + BUFFER_BYTES];
        let (mut line, mut cut) = (1u64, 0);
        loop {
            let read = match source.read(&mut buffer[cut..]) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hasher.update(&buffer[cut..cut + read]);
            survey.bytes += read as u64;
            let known = &buffer[..cut + read];
            survey.utf16 |= survey.bytes == known.len() as u64
                && (known.starts_with(&[0xff, 0xfe]) || known.starts_with(&[0xfe, 0xff]));
            if survey.foreign_line.is_none() {
                let (valid, foreign) = valid_part(known, read == 0);
                line += newlines(&known[..valid]);
                if foreign {
                    survey.foreign_line = Some(line);
                }
                let whole = known.len();
                cut = if foreign { 0 } else { whole - valid };
                buffer.copy_within(whole - cut..whole, 0);
            }
            if read == 0 {
                survey.digest = hasher.finalize().into();
                return Ok(survey);
            }
        }
    }
}

/// Bytes that are UTF-8, and whether what follows them can't become so.
fn valid_part(bytes: &[u8], at_end: bool) -> (usize, bool) {
    match std::str::from_utf8(bytes) {
        Ok(_) => (bytes.len(), false),
        Err(error) => (error.valid_up_to(), error.error_len().is_some() || at_end),
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Dripping<'a>(&'a [u8], usize);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(self.1).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn the_first_line_that_is_not_utf8_is_found_wherever_reads_cut() {
        let text = "一\n二二\nthree\n四";
        for step in 1..20 {
            let survey = Survey::of(Dripping(text.as_bytes(), step)).unwrap();
            assert_eq!((survey.foreign_line, survey.bytes), (None, text.len() as u64));
            assert_eq!(survey.digest, <[u8; 32]>::from(Sha256::digest(text)));
            let foreign = [text.as_bytes(), b"\nok\n\xc4\xe3\xba\xc3\nlast"].concat();
            assert_eq!(Survey::of(Dripping(&foreign, step)).unwrap().foreign_line, Some(6));
            // A character that the end of the file cuts off is not UTF-8 either.
            let cut = &text.as_bytes()[..text.len() - 1];
            assert_eq!(Survey::of(Dripping(cut, step)).unwrap().foreign_line, Some(4));
        }
    }

    #[test]
    fn utf16_is_recognised_by_its_byte_order_mark() {
        assert!(Survey::of(&b"\xff\xfek\0"[..]).unwrap().utf16);
        assert!(!Survey::of(&b"k\xff\xfe"[..]).unwrap().utf16);
        assert!(!Survey::of(&b""[..]).unwrap().utf16);
    }

    #[test]
    fn gb18030_is_decoded_and_its_faults_are_seen() {
        assert_eq!(Encoding::Gb18030.decode(b"\xc4\xe3\xba\xc3").as_deref(), Some("你好"));
        assert_eq!(Encoding::Gb18030.decode(b"\x81\x30\x81\x30x").as_deref(), Some("\u{80}x"));
        assert_eq!(Encoding::Gb18030.decode(b"\xc4"), None);
        assert!(matches!(Encoding::Gb18030.decode(b"ABCD-1234"), Some(Cow::Borrowed("ABCD-1234"))));
        assert_eq!(Encoding::Utf8.decode(b"\xc4\xe3"), None);
    }
}
