use proptest::prelude::*;

use super::*;
use crate::fixtures::{EXAMPLE, ORIGIN, PUBLISHED, checkpoint, log_key, mutated};

const TEXT: &str = "\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
";

#[test]
fn the_example_is_read_and_written() {
    let (checkpoint, note) = Checkpoint::parse_note(EXAMPLE.as_bytes()).unwrap();
    assert_eq!(checkpoint.origin(), "example.com/behind-the-sofa");
    assert_eq!(checkpoint.size(), 20_852_163);
    assert_eq!(
        checkpoint.root().to_base64(),
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    );
    assert_eq!(checkpoint.extensions(), [""; 0]);
    assert_eq!((checkpoint.render().as_str(), note.text()), (TEXT, TEXT));
}

#[test]
fn extensions_are_carried() {
    let text = format!("{TEXT}one\ntwo \n");
    let checkpoint = Checkpoint::parse(&text).unwrap();
    assert_eq!(checkpoint.extensions(), ["one", "two "]);
    assert_eq!(checkpoint.render(), text);
}

#[test]
fn what_is_no_checkpoint_is_not_read() {
    let lines: Vec<&str> = TEXT.lines().collect();
    let empty = format!("a\n0\n{}\n", EMPTY_ROOT.to_base64());
    assert!(Checkpoint::parse(&empty).is_ok());
    for bad in [
        "",
        "\n",
        "\n\n\n",
        lines[0],
        &format!("{}\n{}\n", lines[0], lines[1]),
        &format!("\n{}\n{}\n", lines[1], lines[2]),
        TEXT.trim_end(),
        &format!("{TEXT}\n"),
        &format!("{TEXT}\next\n"),
        &format!("{TEXT}ext\n\n"),
        &TEXT.replace("2085", "02085"),
        &TEXT.replace("2085", "+2085"),
        &TEXT.replace("2085", "-2085"),
        &TEXT.replace("20852163", "9223372036854775808"),
        &TEXT.replace("2163\n", "2163 \n"),
        &TEXT.replace("2I=", "2J="),
        &TEXT.replace("2I=", "2I"),
        &TEXT.replace("CsUY", ""),
        &TEXT.replace("CsUY", "CsUYCsUY"),
        &TEXT.replace("sofa", "so\rfa"),
        &TEXT.replace("20852163", "0"),
        &empty.replace("\n0\n", "\n00\n"),
    ] {
        assert_eq!(Checkpoint::parse(bad), Err(InvalidCheckpoint), "{bad:?}");
    }
    assert_eq!(
        Checkpoint::parse_note(TEXT.as_bytes()),
        Err(InvalidCheckpoint)
    );
    assert!(Checkpoint::new("a", MAX_SIZE + 1, EMPTY_ROOT).is_err());
    assert!(Checkpoint::new("a\nb", 1, EMPTY_ROOT).is_err());
}

#[test]
fn a_log_signs_under_its_own_name_alone() {
    let (checkpoint, note) = checkpoint(5);
    assert_eq!(note.verify(log_key().verifier_key()), Ok(()));
    assert_eq!(note.text(), checkpoint.render());
    assert_eq!(checkpoint.sign(&log_key()), Ok(note), "the same again");
    let other = SigningKey::from_seed(&format!("{ORIGIN}/2"), &[1; 32]).unwrap();
    assert_eq!(checkpoint.sign(&other), Err(InvalidCheckpoint));
}

proptest! {
    #[test]
    fn what_is_read_is_written_so(bytes in prop_oneof![mutated(TEXT), mutated(PUBLISHED)]) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert_eq!(checkpoint.render(), text);
        }
        if let Ok((checkpoint, note)) = Checkpoint::parse_note(&bytes) {
            prop_assert_eq!(checkpoint.render(), note.text());
            prop_assert_eq!(note.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn what_is_written_is_read_so(origin in "[^\\x00-\\x1f]{1,40}", size in 1..=MAX_SIZE, root: [u8; 32]) {
        let checkpoint = Checkpoint::new(&origin, size, Hash::from_bytes(root)).unwrap();
        prop_assert_eq!(Checkpoint::parse(&checkpoint.render()), Ok(checkpoint));
    }
}
