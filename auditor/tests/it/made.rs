//! A log in a folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use auditor::{
    cli::{Cli, Command},
    report::Report,
    run,
};
use clap::Parser;
use tlog::{
    checkpoint::Checkpoint,
    cosignature::Cosigner,
    note::{Note, SigningKey},
    tiles::Builder,
};

pub(crate) const ORIGIN: &str = "gateway.example/log";

/// A log and its keys. The folder is removed when this is dropped.
pub(crate) struct Made {
    pub(crate) folder: PathBuf,
    pub(crate) builder: Builder,
    pub(crate) key: SigningKey,
    pub(crate) witness: Cosigner,
}

impl Drop for Made {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(&self.folder);
    }
}

impl Made {
    /// An empty log without a checkpoint.
    pub(crate) fn nothing() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("auditor-{}-{count}", std::process::id()));
        fs::create_dir_all(folder.join("log")).unwrap();
        let made = Self {
            folder,
            builder: Builder::new(),
            key: SigningKey::from_seed(ORIGIN, &[7; 32]).unwrap(),
            witness: Cosigner::from_seed("witness.example", &[8; 32]).unwrap(),
        };
        let key = made.key.verifier_key();
        made.write("policy", &format!("log {key}\nquorum none\n"));
        made.write(
            "policy-with-witness",
            &format!(
                "log {key}\nwitness w {}\nquorum w\n",
                made.witness.verifier_key()
            ),
        );
        made
    }

    /// A log with a checkpoint at each of these sizes.
    pub(crate) fn log(sizes: &[u64]) -> Self {
        Self::log_of(sizes, |index| format!("entry {index}").into_bytes())
    }

    pub(crate) fn log_of(sizes: &[u64], entry: impl Fn(u64) -> Vec<u8>) -> Self {
        let mut made = Self::nothing();
        for size in sizes {
            for index in made.builder.tree().size()..*size {
                made.builder.push(&entry(index)).unwrap();
            }
            made.publish();
        }
        made
    }

    /// Writes the new files, and signs a checkpoint.
    pub(crate) fn publish(&mut self) -> Note {
        for file in self.builder.take() {
            self.write(&format!("log/{}", file.path), &file.bytes);
        }
        let note = self.sign(&self.key);
        let size = self.builder.tree().size();
        self.write(&format!("log/checkpoints/{size}"), &note.to_string());
        self.write("log/checkpoint", &note.to_string());
        note
    }

    pub(crate) fn sign(&self, key: &SigningKey) -> Note {
        let tree = self.builder.tree();
        let checkpoint = Checkpoint::new(ORIGIN, tree.size(), tree.root()).unwrap();
        checkpoint.sign(key).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: &(impl AsRef<[u8]> + ?Sized)) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// The names of all files of the log.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        collect(&self.path("log"), "log", &mut files);
        files.sort();
        files
    }

    /// Runs `auditor verify log`.
    pub(crate) fn verify(&self) -> Report {
        self.auditor(&["log", &self.text("log")])
    }

    /// Runs `auditor verify …` with this log's policy.
    pub(crate) fn auditor(&self, arguments: &[&str]) -> Report {
        let policy = self.text("policy");
        auditor(&[arguments, &["--policy", &policy]].concat())
    }
}

/// Runs `auditor verify …`.
pub(crate) fn auditor(arguments: &[&str]) -> Report {
    let all = ["auditor", "verify"]
        .iter()
        .chain(arguments)
        .chain(&["--quiet"]);
    let Command::Verify(command) = Cli::try_parse_from(all).unwrap().command;
    run(&command)
}

fn collect(path: &Path, name: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{name}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            collect(&entry.path(), &name, files);
        } else {
            files.push(name);
        }
    }
}
