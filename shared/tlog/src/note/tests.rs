use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::{
        EXAMPLE, PUBLISHED, PUBLISHED_LOG, PUBLISHED_WITNESSES, flips, log_key, mutated, witness,
    },
    key::key_id,
    text,
};

/// The vector of c2sp.org/signed-note.
const FOO_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const FOO: &str = "\
This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
";

/// The vectors of the implementation the format comes from.
const PETER_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_TYPE_AND_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const ENOCH_KEY: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const PETER: &str = "\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
";

/// The first example of c2sp.org/signed-note, whose key is not published.
const QUASIMODO: &str = "\
Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaq\
    P3ZekRwNtIc=
";

fn key(vkey: &str) -> VerifierKey {
    VerifierKey::parse(vkey).unwrap()
}

fn note(text: &str) -> Note {
    Note::parse(text.as_bytes()).unwrap()
}

#[test]
fn published_notes_verify_and_render() {
    for (text, vkey) in [
        (FOO, FOO_KEY),
        (PETER, PETER_KEY),
        (PUBLISHED, PUBLISHED_LOG),
    ] {
        let note = note(text);
        assert_eq!(note.verify(&key(vkey)), Ok(()));
        assert_eq!(note.to_string(), text);
    }
    for vkey in PUBLISHED_WITNESSES {
        assert_eq!(note(PUBLISHED).verify(&key(vkey)), Ok(()));
    }
    for text in [QUASIMODO, EXAMPLE] {
        assert_eq!(note(text).to_string(), text);
    }
    assert!(note(QUASIMODO).text().ends_with("\n\ned è subito sera.\n"));
}

#[test]
fn a_published_seed_signs_the_published_note() {
    let seed = text::from_base64(PETER_TYPE_AND_SEED).unwrap()[1..]
        .try_into()
        .unwrap();
    let peter = SigningKey::from_seed("PeterNeumann", &seed).unwrap();
    assert_eq!(peter.verifier_key().to_string(), PETER_KEY);
    let signed = Note::sign(note(PETER).text().to_owned(), &peter).unwrap();
    assert_eq!(signed.to_string(), PETER);
    assert!(!format!("{peter:?}").contains("gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM"));
}

#[test]
fn published_keys_have_one_text() {
    for vkey in [FOO_KEY, PETER_KEY, ENOCH_KEY, PUBLISHED_LOG]
        .iter()
        .chain(&PUBLISHED_WITNESSES)
    {
        assert_eq!(key(vkey).to_string(), **vkey);
    }
    assert_eq!(key(FOO_KEY).id(), 0x530d_903a);
    assert_eq!(key(FOO_KEY).name(), "example.com/foo");
    assert_eq!(key(FOO_KEY).algorithm(), Algorithm::Ed25519);
    assert_eq!(
        key(PUBLISHED_WITNESSES[2]).algorithm(),
        Algorithm::CosignatureV1
    );
}

#[test]
fn no_other_key_is_read() {
    let ecdsa = "rekor.sigstore.dev+NOT_A_NUMBER+AwEB";
    for (vkey, why) in [
        ("", InvalidKey::Malformed),
        ("example.com/foo", InvalidKey::Malformed),
        ("example.com/foo+530d903a", InvalidKey::Malformed),
        ("example.com/foo+530d903a+", InvalidKey::Malformed),
        (
            &FOO_KEY.replace("530d903a", "530D903A"),
            InvalidKey::Malformed,
        ),
        (
            &FOO_KEY.replace("530d903a", "0530d903a"),
            InvalidKey::Malformed,
        ),
        (&FOO_KEY.replace("530d903a", "530d903b"), InvalidKey::Id),
        (&FOO_KEY.replace("foo", "bar"), InvalidKey::Id),
        (&FOO_KEY.replace("Aek", "BEk"), InvalidKey::Id),
        (&FOO_KEY.replace("foo", "f oo"), InvalidKey::Malformed),
        (&FOO_KEY.replace("foo", "f\u{a0}oo"), InvalidKey::Malformed),
        (&FOO_KEY.replace("foo", "f\noo"), InvalidKey::Malformed),
        (
            &FOO_KEY.replace("example.com/foo", ""),
            InvalidKey::Malformed,
        ),
        (&format!("{FOO_KEY}="), InvalidKey::Malformed),
        (&format!("{FOO_KEY}\n"), InvalidKey::Malformed),
        (ecdsa, InvalidKey::Malformed),
    ] {
        assert_eq!(VerifierKey::parse(vkey), Err(why), "{vkey}");
    }
}

#[test]
fn a_key_of_another_type_or_length_is_not_used() {
    let vkey = |kind: u8, public_key: &[u8]| {
        let id = key_id("a", kind, public_key);
        let bytes = [&[kind], public_key].concat();
        format!("a+{id:08x}+{}", text::to_base64(&bytes))
    };
    for kind in [0x00, 0x02, 0x03, 0x05, 0x06, 0xff] {
        assert_eq!(
            VerifierKey::parse(&vkey(kind, &[7; 32])),
            Err(InvalidKey::Algorithm)
        );
    }
    for length in [0, 31, 33, 1312] {
        assert_eq!(
            VerifierKey::parse(&vkey(0x01, &vec![7; length])),
            Err(InvalidKey::Malformed)
        );
    }
    assert!(VerifierKey::parse(&vkey(0x04, &[7; 32])).is_ok());
}

#[test]
fn what_is_no_note_is_not_read() {
    let line = FOO.rsplit_once("\n\n").unwrap().1;
    for bad in [
        "",
        "\n",
        "\n\n",
        "text\n",
        "text\n\n",
        &FOO.replace("\n\n", "\n"),
        FOO.trim_end(),
        &format!("{FOO}\n"),
        &format!("{FOO}text\n"),
        &FOO.replace('—', "-"),
        &FOO.replace("— ", "—"),
        &FOO.replace("— ", "—  "),
        &FOO.replace("foo Uw", "foo  Uw"),
        &FOO.replace("foo Uw", "fooUw"),
        &FOO.replace("foo Uw", "f+o Uw"),
        &FOO.replace("foo Uw", "f\u{2003}o Uw"),
        &FOO.replace("example.com/foo", ""),
        &FOO.replace("aQM=", "aQM"),
        &FOO.replace("aQM=", "aQN="),
        &FOO.replace("message", "mess\tage"),
        &FOO.replace("message", "mess\rage"),
        &FOO.replace("message", "mess\0age"),
        &FOO.replace('\n', "\r\n"),
        "text\n\n— a AAAAAA==\n",
        &format!("text\n\n{}", line.repeat(MAX_SIGNATURES + 1)),
        &format!("{}\n\n{line}", "x".repeat(MAX_NOTE_BYTES)),
    ] {
        assert_eq!(Note::parse(bad.as_bytes()), Err(InvalidNote), "{bad:?}");
    }
    assert_eq!(
        Note::parse(b"te\xffxt\n\n\xe2\x80\x94 a AAAAAAA=\n"),
        Err(InvalidNote)
    );
}

#[test]
fn the_last_empty_line_separates() {
    let line = FOO.rsplit_once("\n\n").unwrap().1;
    for text in [
        "\n",
        "\n\n",
        "a\n\n",
        "a\n\nb\n",
        &format!("a\n\n{line}"),
        "\u{7f}\u{85}\n",
    ] {
        let note = format!("{text}\n{line}");
        let parsed = Note::parse(note.as_bytes()).unwrap();
        assert_eq!((parsed.text(), parsed.signatures().len()), (text, 1));
        assert_eq!(parsed.to_string(), note);
    }
    let most = format!("text\n\n{}", line.repeat(MAX_SIGNATURES));
    assert_eq!(note(&most).to_string(), most);
}

#[test]
fn an_unknown_line_says_nothing_and_a_false_one_all() {
    let foo = key(FOO_KEY);
    let peter = note(PETER).signatures()[0].clone();
    let mut mixed = note(FOO);
    mixed.add(peter).unwrap();
    assert_eq!(mixed.verify(&foo), Ok(()));
    assert_eq!(
        mixed.verify(&key(PETER_KEY)),
        Err(VerifyError::BadSignature)
    );
    assert_eq!(mixed.verify(&key(ENOCH_KEY)), Err(VerifyError::Unsigned));
    // The same name with another id, or the same id under another name, is another key.
    let log = log_key();
    let cosigner = VerifierKey::new(
        log.verifier_key().name(),
        Algorithm::CosignatureV1,
        *log.verifier_key().public_key(),
    );
    let signed = Note::sign("text\n".into(), &log).unwrap();
    assert_eq!(
        signed.verify(&cosigner.unwrap()),
        Err(VerifyError::Unsigned)
    );
    let renamed = signed
        .to_string()
        .replace("optkas.example", "optkas.examples");
    assert_eq!(
        note(&renamed).verify(log.verifier_key()),
        Err(VerifyError::Unsigned)
    );
    // A true line does not outweigh a false one of the same key.
    let two =
        format!("{signed}{}", note(FOO).signatures()[0]).replace("example.com/foo Uw2QOk", "");
    assert!(Note::parse(two.as_bytes()).is_err());
    let mut bytes = signed.signatures()[0].bytes().to_vec();
    bytes[0] ^= 1;
    let two = format!("{signed}{}", log.signature(bytes));
    assert_eq!(
        note(&two).verify(log.verifier_key()),
        Err(VerifyError::BadSignature)
    );
}

#[test]
fn a_line_takes_the_place_of_its_own_key_alone() {
    let log = log_key();
    let text = "text\n";
    let mut note = Note::sign(text.into(), &log).unwrap();
    let first = witness(1).sign(text, 1).unwrap();
    let again = witness(1).sign(text, 2).unwrap();
    let second = witness(2).sign(text, 1).unwrap();
    for line in [&first, &second, &again] {
        note.add(line.clone()).unwrap();
    }
    let lines = [log.sign(text), second, again];
    assert_eq!(note.signatures(), lines);
    assert_eq!(
        note.only(log.verifier_key()).unwrap().signatures(),
        &lines[..1]
    );
    assert_eq!(note.only(&key(FOO_KEY)), None);
    for number in 0..MAX_SIGNATURES - 3 {
        let other = SigningKey::from_seed(&format!("k{number}"), &[9; 32]).unwrap();
        note.add(other.sign(text)).unwrap();
    }
    assert_eq!(note.add(key_line("one-more")), Err(InvalidNote));
    assert_eq!(Note::parse(note.to_string().as_bytes()), Ok(note));
}

fn key_line(name: &str) -> Signature {
    SigningKey::from_seed(name, &[9; 32])
        .unwrap()
        .sign("text\n")
}

#[test]
fn only_a_notes_text_is_signed() {
    for bad in ["", "text", "te\txt\n", "te\0xt\n"] {
        assert_eq!(
            Note::sign(bad.into(), &log_key()),
            Err(InvalidNote),
            "{bad:?}"
        );
    }
    for bad in ["", "a b", "a+b", "a\u{3000}b", "a\nb", "a\0b"] {
        assert!(SigningKey::from_seed(bad, &[1; 32]).is_err(), "{bad:?}");
    }
}

#[test]
fn every_flipped_bit_of_a_note_is_found() {
    let foo = key(FOO_KEY);
    for bytes in flips(FOO) {
        let verified = Note::parse(&bytes).is_ok_and(|note| note.verify(&foo).is_ok());
        assert!(!verified, "{}", String::from_utf8_lossy(&bytes));
    }
}

proptest! {
    #[test]
    fn what_is_read_is_written_so(
        bytes in prop_oneof![mutated(PUBLISHED), mutated(QUASIMODO), prop::collection::vec(any::<u8>(), 0..200)],
    ) {
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes);
            let _ = note.verify(&key(PUBLISHED_LOG));
        }
    }

    #[test]
    fn a_key_that_is_read_is_written_so(bytes in prop_oneof![mutated(FOO_KEY), mutated(PUBLISHED_WITNESSES[0])]) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(key) = VerifierKey::parse(&text) {
            prop_assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn what_is_signed_verifies(text in "[^\\x00-\\x09\\x0b-\\x1f]{0,80}", seed: [u8; 32], name in "[a-z./]{1,20}") {
        let key = SigningKey::from_seed(&name, &seed).unwrap();
        let note = Note::sign(format!("{text}\n"), &key).unwrap();
        let parsed = Note::parse(note.to_string().as_bytes()).unwrap();
        prop_assert_eq!(parsed.verify(key.verifier_key()), Ok(()));
        prop_assert_eq!(parsed, note);
    }
}
