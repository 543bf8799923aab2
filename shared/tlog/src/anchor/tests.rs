use proptest::prelude::*;

use super::*;
use crate::fixtures::{PUBLISHED, PUBLISHED_LOG, checkpoint, log_key, witness};

#[test]
fn a_payload_is_laid_out_as_said() {
    let (checkpoint, note) = checkpoint(5);
    let payload = Payload::of(&note, log_key().verifier_key()).unwrap();
    let bytes = payload.to_bytes();
    assert_eq!(&bytes[..16], b"optkas/anchor/v1");
    assert_eq!(bytes[16..24], [0, 0, 0, 0, 0, 0, 0, 5]);
    assert_eq!(&bytes[24..56], checkpoint.root().as_bytes());
    assert_eq!(&bytes[56..], sha256(note.to_string().as_bytes()).as_bytes());
    assert_eq!(Payload::parse(&bytes), Ok(payload));
}

#[test]
fn cosignatures_change_nothing() {
    let (_, mut note) = checkpoint(5);
    let key = log_key();
    let alone = Payload::of(&note, key.verifier_key()).unwrap();
    let text = note.text().to_owned();
    note.add(witness(1).sign(&text, 7).unwrap()).unwrap();
    assert_eq!(Payload::of(&note, key.verifier_key()), Ok(alone));
}

#[test]
fn only_what_the_key_signed_under_its_name_is_anchored() {
    let (_, note) = checkpoint(5);
    let published = Note::parse(PUBLISHED.as_bytes()).unwrap();
    let public_key = VerifierKey::parse(PUBLISHED_LOG).unwrap();
    assert!(Payload::of(&published, &public_key).is_ok());
    assert_eq!(Payload::of(&note, &public_key), Err(InvalidCheckpoint));
    assert_eq!(
        Payload::of(&note, witness(1).verifier_key()),
        Err(InvalidCheckpoint)
    );
    let forged = note.to_string().replace("\n5\n", "\n6\n");
    let forged = Note::parse(forged.as_bytes()).unwrap();
    assert_eq!(
        Payload::of(&forged, log_key().verifier_key()),
        Err(InvalidCheckpoint)
    );
    let no_checkpoint = Note::sign("text\n".into(), &log_key()).unwrap();
    assert_eq!(
        Payload::of(&no_checkpoint, log_key().verifier_key()),
        Err(InvalidCheckpoint)
    );
}

proptest! {
    #[test]
    fn what_is_read_is_written_so(
        size: u64, rest: [[u8; 32]; 2], cut in 0_usize..=90, flip in prop::option::of(0_usize..16 * 8),
    ) {
        let payload = Payload { size, root: Hash::from_bytes(rest[0]), checkpoint_hash: Hash::from_bytes(rest[1]) };
        let mut bytes = payload.to_bytes().to_vec();
        let expected = if size <= MAX_SIZE { Ok(payload) } else { Err(InvalidPayload) };
        prop_assert_eq!(Payload::parse(&bytes), expected);
        if let Some(bit) = flip {
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Payload::parse(&bytes), Err(InvalidPayload));
        }
        bytes.resize(cut, 0);
        prop_assert_eq!(Payload::parse(&bytes).is_ok(), cut == 88 && size <= MAX_SIZE && flip.is_none());
    }
}
