use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::{
        EXAMPLE, PUBLISHED, PUBLISHED_LOG, PUBLISHED_TIME, PUBLISHED_WITNESSES, checkpoint, flips,
        log_key, witness,
    },
    note::Note,
};

#[test]
fn published_cosignatures_verify() {
    let note = Note::parse(PUBLISHED.as_bytes()).unwrap();
    for (vkey, line) in PUBLISHED_WITNESSES.iter().zip(&note.signatures()[2..]) {
        let key = VerifierKey::parse(vkey).unwrap();
        assert_eq!(verify(&key, note.text(), line), Ok(PUBLISHED_TIME));
        assert_eq!(
            verify(&key, "another\n", line),
            Err(VerifyError::BadSignature)
        );
        assert_eq!(
            verify(&key, note.text(), &note.signatures()[1]),
            Err(VerifyError::Unsigned)
        );
    }
    let log = VerifierKey::parse(PUBLISHED_LOG).unwrap();
    assert_eq!(
        verify(&log, note.text(), &note.signatures()[1]),
        Err(VerifyError::Unsigned)
    );
}

#[test]
fn the_message_is_that_of_the_specification() {
    let note = Note::parse(EXAMPLE.as_bytes()).unwrap();
    let signed = "\
cosignature/v1
time 1679315147
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
";
    assert_eq!(message(1_679_315_147, note.text()), signed);
    let (timestamp, rest) = note.signatures()[1].bytes().split_first_chunk().unwrap();
    assert_eq!(
        (u64::from_be_bytes(*timestamp), rest.len()),
        (1_679_315_147, 64)
    );
}

#[test]
fn a_time_has_63_bits() {
    let (cosigner, text) = (witness(1), "text\n");
    for time in [0, 1, MAX_TIMESTAMP] {
        let line = cosigner.sign(text, time).unwrap();
        assert_eq!(verify(cosigner.verifier_key(), text, &line), Ok(time));
    }
    assert_eq!(cosigner.sign(text, MAX_TIMESTAMP + 1), Err(InvalidTime));
    let later = MAX_TIMESTAMP + 1;
    let mut bytes = later.to_be_bytes().to_vec();
    bytes.extend(cosigner.0.sign_message(message(later, text).as_bytes()));
    let line = cosigner.0.signature(bytes);
    assert_eq!(
        verify(cosigner.verifier_key(), text, &line),
        Err(VerifyError::BadSignature)
    );
}

#[test]
fn a_logs_signature_is_no_cosignature() {
    let (cosigner, text) = (witness(1), "text\n");
    for length in [1, 7, 8, 64, 71, 73] {
        let line = cosigner.0.signature(vec![0; length]);
        assert_eq!(
            verify(cosigner.verifier_key(), text, &line),
            Err(VerifyError::BadSignature)
        );
    }
    let plain = cosigner.0.sign(text);
    assert_eq!(
        verify(cosigner.verifier_key(), text, &plain),
        Err(VerifyError::BadSignature)
    );
    let line = witness(2).sign(text, 1).unwrap();
    assert_eq!(
        verify(cosigner.verifier_key(), text, &line),
        Err(VerifyError::Unsigned)
    );
    assert_eq!(
        verify(log_key().verifier_key(), text, &log_key().sign(text)),
        Err(VerifyError::Unsigned)
    );
}

#[test]
fn every_flipped_bit_is_found() {
    let (_, mut note) = checkpoint(5);
    let (cosigner, text) = (witness(1), note.text().to_owned());
    note.add(cosigner.sign(&text, 1_679_315_147).unwrap())
        .unwrap();
    let note = note.only(cosigner.verifier_key()).unwrap();
    assert_eq!(note.verify(cosigner.verifier_key()), Ok(()));
    for bytes in flips(&note.to_string()) {
        let note = Note::parse(&bytes);
        assert!(!note.is_ok_and(|note| note.verify(cosigner.verifier_key()).is_ok()));
    }
}

proptest! {
    #[test]
    fn what_is_cosigned_verifies(text: String, time in 0..=MAX_TIMESTAMP, seed: [u8; 32]) {
        let cosigner = Cosigner::from_seed("w", &seed).unwrap();
        let line = cosigner.sign(&text, time).unwrap();
        prop_assert_eq!(verify(cosigner.verifier_key(), &text, &line), Ok(time));
        let read = Signature::parse_lines(&line.to_string()).unwrap();
        prop_assert_eq!(read, vec![line]);
    }
}
