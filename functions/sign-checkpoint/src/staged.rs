//! The files that a round adds, as one object: written before the round is decided on, so that whoever finds it
//! decided on has them.
//!
//! ```text
//! "optkas/staging/v1\n", then for each file:
//! 1 byte, 1 if it is full || u16be length of the path || path || u32be length || bytes
//! ```
//!
//! Not here: whether these are the right files. The signer's state has the digest of the whole.

use tlog::tiles::Resource;

const HEAD: &[u8] = b"optkas/staging/v1\n";

/// The object; `None` when a file is too long for it, which no file of the log is.
pub(crate) fn encode(files: &[Resource]) -> Option<Vec<u8>> {
    let mut object = HEAD.to_vec();
    for file in files {
        object.push(file.full.into());
        object.extend(u16::try_from(file.path.len()).ok()?.to_be_bytes());
        object.extend(file.path.as_bytes());
        object.extend(u32::try_from(file.bytes.len()).ok()?.to_be_bytes());
        object.extend(&file.bytes);
    }
    Some(object)
}

/// The files; `None` when it is no such object.
pub(crate) fn decode(object: &[u8]) -> Option<Vec<Resource>> {
    let mut rest = object.strip_prefix(HEAD)?;
    let mut files = Vec::new();
    while !rest.is_empty() {
        let full = match take::<1>(&mut rest)? {
            [0] => false,
            [1] => true,
            _ => return None,
        };
        let length = u16::from_be_bytes(take(&mut rest)?);
        let path = bytes(&mut rest, length.into())?;
        let length = u32::from_be_bytes(take(&mut rest)?);
        files.push(Resource {
            path: String::from_utf8(path.to_vec()).ok()?,
            bytes: bytes(&mut rest, length.try_into().ok()?)?.to_vec(),
            full,
        });
    }
    Some(files)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

fn bytes<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_and_nothing_else() {
        let file = |path: &str, bytes: &[u8], full| Resource {
            path: path.to_owned(),
            bytes: bytes.to_vec(),
            full,
        };
        let files = [
            file("tile/0/000", &[7; 300], true),
            file("tile/entries/001.p/3", &[], false),
        ];
        let object = encode(&files).unwrap();
        assert_eq!(decode(&object).unwrap(), files);
        assert_eq!(decode(HEAD).unwrap(), []);
        let ends_of_files = [HEAD.len(), HEAD.len() + 1 + 2 + 10 + 4 + 300];
        for length in 0..object.len() {
            let cut = decode(&object[..length]);
            assert_eq!(cut.is_some(), ends_of_files.contains(&length), "{length}");
        }
        let mut odd = object;
        odd[HEAD.len()] = 2;
        assert_eq!(decode(&odd), None);
    }
}
