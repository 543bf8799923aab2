//! Keys, published documents and mutations of them, for the tests of several modules.

use proptest::prelude::*;

use crate::{
    checkpoint::Checkpoint,
    cosignature::Cosigner,
    merkle::{Hash, Tree, leaf_hash},
    note::{Note, SigningKey},
};

/// The example of c2sp.org/tlog-cosignature, which is that of c2sp.org/tlog-checkpoint with one line more. Its keys
/// are not published.
pub(crate) const EXAMPLE: &str = "\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE\
    +xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0x\
    Ue+mbIUBkBIfZ+qnA==
";

/// A checkpoint that a public log published, with cosignatures of public witnesses.
pub(crate) const PUBLISHED: &str = "\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkp\
    tQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g\
    8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4A\
    scylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJb\
    qmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtq\
    B0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cU\
    iOvKFYe/TmN9DAg==
";

pub(crate) const PUBLISHED_LOG: &str =
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";

/// The witnesses' keys, in the order in which they cosigned.
pub(crate) const PUBLISHED_WITNESSES: [&str; 4] = [
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
];

/// The time at which all four cosigned.
pub(crate) const PUBLISHED_TIME: u64 = 0x6a12_2120;

pub(crate) const ORIGIN: &str = "optkas.example/log";

pub(crate) fn log_key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[1; 32]).unwrap()
}

pub(crate) fn witness(number: u8) -> Cosigner {
    Cosigner::from_seed(&format!("witness.example/w{number}"), &[100 + number; 32]).unwrap()
}

/// Entries that differ.
pub(crate) fn entries(count: u64) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(|entry| format!("entry {entry}").into_bytes())
}

/// A checkpoint of [`entries`], signed by [`log_key`].
pub(crate) fn checkpoint(size: u64) -> (Checkpoint, Note) {
    let mut tree = Tree::new();
    entries(size).for_each(|entry| tree.push(leaf_hash(&entry)));
    checkpoint_of(size, tree.root())
}

pub(crate) fn checkpoint_of(size: u64, root: Hash) -> (Checkpoint, Note) {
    let checkpoint = Checkpoint::new(ORIGIN, size, root).unwrap();
    let note = checkpoint.sign(&log_key()).unwrap();
    (checkpoint, note)
}

/// What an attacker or an accident makes of a document: bytes replaced, inserted, removed, doubled; the end cut.
pub(crate) fn mutated(document: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let document = document.as_bytes().to_vec();
    let place = 0..document.len();
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(b"\n \t+=/0129AZaz\"\\{},:-\x00\x7f\x80\xe2".to_vec()),
    ];
    let change = (0_u8..5, place, byte);
    prop::collection::vec(change, 1..4).prop_map(move |changes| {
        let mut bytes = document.clone();
        for (kind, at, byte) in changes {
            let at = at.min(bytes.len().saturating_sub(1));
            match kind {
                _ if bytes.is_empty() => bytes.push(byte),
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                3 => bytes.truncate(at),
                _ => bytes.extend_from_within(at..),
            }
        }
        bytes
    })
}

/// Each document that differs from this one in one bit.
pub(crate) fn flips(document: &str) -> impl Iterator<Item = Vec<u8>> {
    (0..document.len() * 8).map(move |bit| {
        let mut bytes = document.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    })
}
