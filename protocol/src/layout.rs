//! How a byte layout is written down: once, as a struct whose fields carry their description, from which the decoder's
//! cast, the offsets in the docs and the golden files all come.
//!
//! Invariant: every layout is little-endian, has no padding of its own and may lie at any address (`Unaligned`).

use core::fmt::Write;
use zerocopy::little_endian::{I16, U16, U32, U64, U128};

/// One field of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Bytes from the start of the layout.
    pub offset: usize,
    /// Its size in bytes.
    pub bytes: usize,
    /// Its type: `u8`, `u16`, `u32`, `u64`, `u128` or `bytes`.
    pub kind: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// A described byte layout.
pub trait Layout {
    /// Its fields, in order, without gaps.
    const FIELDS: &'static [Field];
}

/// The name of a type on the wire.
pub(crate) trait WireType {
    const NAME: &'static str;
}

macro_rules! wire_types {
    ($($kind:ty => $name:literal),*) => { $(impl WireType for $kind { const NAME: &'static str = $name; })* };
}

wire_types!(u8 => "u8", I16 => "i16", U16 => "u16", U32 => "u32", U64 => "u64", U128 => "u128");

impl<const N: usize> WireType for [u8; N] {
    const NAME: &'static str = "bytes";
}

/// Defines a layout: a `repr(C)` struct that bytes can be cast to, and its description.
macro_rules! layout {
    ($(#[$doc:meta])* $visibility:vis struct $name:ident {
        $($(#[doc = $meaning:literal])* $field:ident: $kind:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable,
            zerocopy::KnownLayout, zerocopy::Unaligned,
        )]
        #[repr(C)]
        $visibility struct $name {
            $($(#[doc = $meaning])* pub $field: $kind,)*
        }

        impl $crate::layout::Layout for $name {
            const FIELDS: &'static [$crate::layout::Field] = &[$($crate::layout::Field {
                offset: core::mem::offset_of!($name, $field),
                bytes: size_of::<$kind>(),
                kind: <$kind as $crate::layout::WireType>::NAME,
                name: stringify!($field),
                meaning: concat!($($meaning),*),
            },)*];
        }
    };
}

/// The fields as the rows of a Markdown table, with `base` added to every offset.
pub fn markdown(base: usize, fields: &[Field]) -> String {
    let mut table = String::from("| offset | bytes | type | field | meaning |\n|---:|---:|---|---|---|\n");
    for field in fields {
        let (offset, meaning) = (base + field.offset, field.meaning.trim());
        writeln!(table, "| {offset} | {} | {} | `{}` | {meaning} |", field.bytes, field.kind, field.name)
            .expect("a String takes every write");
    }
    table
}

/// Zero bytes that fill `bytes` up to the next multiple of eight.
pub(crate) const fn padding(bytes: usize) -> usize {
    bytes.wrapping_neg() % crate::limits::ALIGNMENT
}

/// Appends the zero bytes that `bytes` lacks to a multiple of eight.
pub(crate) fn pad(out: &mut Vec<u8>, bytes: usize) {
    out.extend_from_slice(&[0; crate::limits::ALIGNMENT][..padding(bytes)]);
}
