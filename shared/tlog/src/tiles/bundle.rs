//! Bundles of entries.

use super::InvalidTile;

/// An entry is longer than [`super::MAX_ENTRY_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry is longer than 65,535 bytes")]
pub struct EntryTooLong;

/// The bytes of a bundle of these entries.
///
/// # Errors
///
/// [`EntryTooLong`].
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, EntryTooLong> {
    let length = entries.iter().map(|entry| 2 + entry.as_ref().len()).sum();
    let mut bytes = Vec::with_capacity(length);
    for entry in entries {
        encode_entry(entry.as_ref(), &mut bytes)?;
    }
    Ok(bytes)
}

pub(super) fn encode_entry(entry: &[u8], bytes: &mut Vec<u8>) -> Result<(), EntryTooLong> {
    let length = u16::try_from(entry.len()).map_err(|_| EntryTooLong)?;
    bytes.extend(length.to_be_bytes());
    bytes.extend(entry);
    Ok(())
}

/// A bundle, its entries left where they lie.
#[derive(Clone, Copy, Debug)]
pub struct Bundle<'a> {
    bytes: &'a [u8],
    width: u16,
}

/// Reads a bundle of exactly `width` entries.
///
/// # Errors
///
/// [`InvalidTile`]: it ends early, or has bytes left over.
pub fn parse_bundle(bytes: &[u8], width: u16) -> Result<Bundle<'_>, InvalidTile> {
    let mut rest = bytes;
    for _ in 0..width {
        rest = next_entry(rest).ok_or(InvalidTile)?.1;
    }
    if rest.is_empty() {
        Ok(Bundle { bytes, width })
    } else {
        Err(InvalidTile)
    }
}

impl<'a> Bundle<'a> {
    /// The entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (entry, after) = next_entry(rest)?;
            rest = after;
            Some(entry)
        })
    }

    /// How many entries it has.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }
}

fn next_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}
