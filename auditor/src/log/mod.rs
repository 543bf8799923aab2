//! A whole log: everything computed anew from the entries, and compared with everything that is published.
//!
//! ```text
//! readers (rayon)   bundle + tile/0 of 256 entries  -> hashes, the subtree's root      in any order, a batch at a time
//! spine (one)       roots of subtrees               -> tiles of levels 1 and up, roots  in order
//! ```
//!
//! A batch is a fixed number of bundles, so memory does not grow with the log. Where a published tile disagrees with
//! its entries, both hashes are kept: the signed root then tells which of the two was changed.

mod bundle;
pub(crate) mod files;
mod spine;
mod strays;

use std::{collections::BTreeMap, path::PathBuf};

use rayon::{ThreadPool, ThreadPoolBuilder, prelude::*};
use tlog::{merkle::Hash, note::MAX_NOTE_BYTES};

use self::{
    bundle::Checked,
    files::WIDTH,
    spine::{Root, Spine},
};
use crate::{
    files::read,
    progress::Progress,
    report::{Finding, Report, Undecided},
    source::Source,
    trust::{Doubt, Trust},
};

/// An earlier checkpoint that the auditor kept.
pub struct Kept {
    /// The file's name, for findings.
    pub name: String,
    /// The signed note.
    pub bytes: Vec<u8>,
}

impl Kept {
    /// Reads the files that `--checkpoint` names.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Self>, Undecided> {
        let kept = paths.iter().map(|path| {
            Ok(Self {
                name: path.display().to_string(),
                bytes: read(path)?,
            })
        });
        kept.collect()
    }
}

/// Entries in their order, for a [`Visit`].
pub struct Batch<'a> {
    /// The index of the first.
    pub first: u64,
    /// How many there are.
    pub width: u16,
    /// The entries; `None` where the bundle is missing or cannot be parsed.
    pub entries: Option<Vec<&'a [u8]>>,
}

/// Looks at the entries, batch by batch.
pub trait Visit {
    /// Looks at the next batch. What does not hold goes to the report.
    ///
    /// # Errors
    ///
    /// The rest cannot be looked at.
    fn visit(&mut self, batch: &Batch<'_>, report: &mut Report) -> Result<(), Undecided>;
}

/// The tree that everything was compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The log's name.
    pub origin: String,
    /// The number of entries.
    pub size: u64,
    /// The signed root.
    pub root: Hash,
}

/// The checkpoint to compare with: the newest that the log signed.
///
/// # Errors
///
/// The log has no checkpoint, the policy accepts none of its checkpoints, or the checkpoint covers no entries.
pub fn target(source: &Source, trust: &Trust, report: &mut Report) -> Result<Target, Undecided> {
    const PATH: &str = "checkpoint";
    let bytes = source.read(PATH, MAX_NOTE_BYTES)?;
    let bytes = bytes.ok_or_else(|| Undecided::new("there is no checkpoint"))?;
    let mut found = trust.accept(PATH, &bytes, report)?;
    // The signer writes `checkpoints/<size>` before `checkpoint`. If it crashes in between, the former is newer.
    let newer = sizes(source)?.into_iter().rev();
    for size in newer.take_while(|size| *size > found.size()) {
        let path = checkpoint_path(size);
        let bytes = source.read(&path, MAX_NOTE_BYTES)?.unwrap_or_default();
        match trust.check(&bytes) {
            Ok(checkpoint) if checkpoint.size() == size => {
                report.note(format!(
                    "{PATH} is of size {}; {path} is newer",
                    found.size()
                ));
                found = checkpoint;
                break;
            }
            _ => {
                let text = format!("{path} is no checkpoint of size {size} of this log");
                report.find(Finding::new("checkpoint-forged", text));
            }
        }
    }
    if found.size() == 0 {
        return Err(Undecided::new("the log has no entries"));
    }
    Ok(Target {
        origin: found.origin().to_owned(),
        size: found.size(),
        root: *found.root(),
    })
}

/// Compares everything that is published with the entries, up to the target.
///
/// # Errors
///
/// Something cannot be read, so the log cannot be judged as a whole. What was found by then is in the report.
pub fn verify(
    source: &Source,
    trust: &Trust,
    target: &Target,
    kept: &[Kept],
    report: &mut Report,
    progress: &Progress,
    visit: Option<&mut dyn Visit>,
) -> Result<(), Undecided> {
    let mut run = Run {
        source,
        trust,
        target,
        pool: pool(source)?,
        spine: Spine::new(),
        expected: Expected::open(source, trust, target, kept, report)?,
        last_good: 0,
        checkpoints: 0,
        bytes: 0,
        visit,
    };
    progress.begin("entries", target.size);
    let done = run.all(report, progress);
    progress.end();
    done?;
    report.fact("origin", target.origin.as_str());
    report.fact("size", target.size);
    report.fact("root", target.root.to_base64());
    report.fact("checkpoints", run.checkpoints);
    report.fact("entry_bytes", run.bytes);
    strays::look(source, target.size, report)
}

/// Which roots are to be compared, at which sizes.
///
/// A log can have as many checkpoints as entries, so of the folder's checkpoints only the sizes are held in memory.
struct Expected {
    /// Sizes of the folder's checkpoints, the largest first.
    files: Vec<u64>,
    known: BTreeMap<u64, Vec<Known>>,
}

/// A checkpoint that has been read and verified.
struct Known {
    name: String,
    root: Hash,
}

/// The roots to be compared at one size.
struct Due {
    size: u64,
    /// Whether the folder has `checkpoints/<size>`.
    file: bool,
    known: Vec<Known>,
}

struct Run<'a, 'v> {
    source: &'a Source,
    trust: &'a Trust,
    target: &'a Target,
    pool: ThreadPool,
    spine: Spine,
    expected: Expected,
    /// The largest size at which a root was right.
    last_good: u64,
    checkpoints: u64,
    bytes: u64,
    visit: Option<&'v mut dyn Visit>,
}

impl Run<'_, '_> {
    fn all(&mut self, report: &mut Report, progress: &Progress) -> Result<(), Undecided> {
        let bundles = self.target.size.div_ceil(u64::from(WIDTH));
        // A visitor needs the bytes of a whole batch at once, so its batches are smaller.
        let batch = self.source.readers() as u64 * if self.visit.is_some() { 4 } else { 32 };
        let mut begin = 0;
        while begin < bundles {
            let end = (begin + batch).min(bundles);
            let (source, size, keep) = (self.source, self.target.size, self.visit.is_some());
            let checked: Vec<Checked> = self.pool.install(|| {
                (begin..end)
                    .into_par_iter()
                    .map(|index| bundle::check(source, index, width(index, size), keep))
                    .collect::<Result<_, _>>()
            })?;
            let mut roots = Vec::new();
            for (index, checked) in (begin..end).zip(checked) {
                self.take(index, checked, &mut roots, report)?;
                progress.advance(u64::from(width(index, self.target.size)));
            }
            self.compare_roots(roots, report)?;
            begin = end;
        }
        if !self.spine.is_lost() {
            let findings = self.spine.finish(self.source)?;
            report.find_all(findings);
        }
        Ok(())
    }

    /// Adds one bundle to the tree, in order.
    fn take(
        &mut self,
        index: u64,
        checked: Checked,
        roots: &mut Vec<(Due, Root)>,
        report: &mut Report,
    ) -> Result<(), Undecided> {
        let first = index * u64::from(WIDTH);
        let width = width(index, self.target.size);
        report.find_all(checked.findings);
        self.bytes += checked.bytes;

        if let Some(ours) = checked.ours.filter(|_| !self.spine.is_lost()) {
            let theirs = checked.theirs.as_ref();
            for due in self.expected.take(first + u64::from(width)) {
                let count = usize::try_from(due.size - first).unwrap_or(usize::MAX);
                roots.push((due, self.spine.root(&ours, theirs, count)));
            }
            if let Some(root) = ours.root {
                let other = theirs.and_then(|theirs| theirs.root);
                let findings = self.spine.push(self.source, root, other)?;
                report.find_all(findings);
            }
        } else {
            self.spine.lose();
        }

        if let Some(visit) = &mut self.visit {
            let entries = checked
                .bundle
                .as_deref()
                .and_then(|bundle| files::entries(bundle, width));
            visit.visit(
                &Batch {
                    first,
                    width,
                    entries,
                },
                report,
            )?;
        }
        Ok(())
    }

    /// Compares the checkpoints of a batch, on all cores: their signatures cost more than their hashes.
    fn compare_roots(
        &mut self,
        roots: Vec<(Due, Root)>,
        report: &mut Report,
    ) -> Result<(), Undecided> {
        let (source, trust, target) = (self.source, self.trust, self.target);
        let signed: Vec<(Due, Root, Option<Signed>)> = self.pool.install(|| {
            let read = |(due, root): (Due, Root)| {
                let signed = due.file.then(|| signed(source, trust, target, due.size));
                Ok((due, root, signed.transpose()?))
            };
            roots.into_par_iter().map(read).collect::<Result<_, _>>()
        })?;
        for (due, computed, signed) in signed {
            match signed {
                Some(Signed::No(finding)) => report.find(finding),
                Some(Signed::Root(root)) => {
                    self.judge(due.size, &checkpoint_path(due.size), root, computed, report);
                }
                None => {}
            }
            for Known { name, root } in due.known {
                self.judge(due.size, &name, root, computed, report);
            }
        }
        Ok(())
    }

    fn judge(&mut self, size: u64, name: &str, root: Hash, computed: Root, report: &mut Report) {
        self.checkpoints += 1;
        if root == computed.ours || Some(root) == computed.theirs {
            self.last_good = self.last_good.max(size);
            return;
        }
        let text = format!("the first {size} entries have another root than {name} was signed for");
        let finding = Finding::new("root-differs", text);
        // Where an entry of the range has been named already, the range adds nothing.
        let range = self.last_good..size;
        let named = report
            .first_bad_index()
            .is_some_and(|index| range.contains(&index));
        report.find(if named {
            finding
        } else {
            finding.within(range.start, size - 1)
        });
    }
}

/// How many entries of that bundle are in the tree.
fn width(index: u64, size: u64) -> u16 {
    let left = size - index * u64::from(WIDTH);
    u16::try_from(left).map_or(WIDTH, |left| left.min(WIDTH))
}

enum Signed {
    Root(Hash),
    No(Finding),
}

/// The root that `checkpoints/<size>` was signed for, or what is wrong with the file.
fn signed(source: &Source, trust: &Trust, target: &Target, size: u64) -> Result<Signed, Undecided> {
    let name = checkpoint_path(size);
    let bytes = source.read(&name, MAX_NOTE_BYTES)?.unwrap_or_default();
    let forged = |text| Ok(Signed::No(Finding::new("checkpoint-forged", text)));
    match trust.check(&bytes) {
        // An older checkpoint may be of a time with other witnesses. Its root counts all the same.
        Ok(checkpoint) | Err(Doubt::NoQuorum(checkpoint)) => {
            if checkpoint.size() == size && checkpoint.origin() == target.origin {
                Ok(Signed::Root(*checkpoint.root()))
            } else {
                forged(format!(
                    "{name} is no checkpoint of size {size} of this log"
                ))
            }
        }
        Err(doubt) => forged(format!("{name}: {doubt}")),
    }
}

impl Expected {
    fn open(
        source: &Source,
        trust: &Trust,
        target: &Target,
        kept: &[Kept],
        report: &mut Report,
    ) -> Result<Self, Undecided> {
        let mut files = sizes(source)?;
        files.retain(|size| (1..=target.size).contains(size));
        files.reverse();
        let mut known: BTreeMap<u64, Vec<Known>> = BTreeMap::new();
        let mut know = |size, name: &str, root| {
            let name = name.to_owned();
            known.entry(size).or_default().push(Known { name, root });
        };
        know(target.size, "the checkpoint", target.root);
        for Kept { name, bytes } in kept {
            let checkpoint = trust.accept(name, bytes, report)?;
            if checkpoint.origin() != target.origin {
                let text = format!("{name} is of another log: {}", checkpoint.origin());
                return Err(Undecided(text));
            }
            match checkpoint.size() {
                0 => report.note(format!("{name} covers no entries: it proves nothing")),
                size if size > target.size => {
                    let text = format!(
                        "{name} is of size {size}: the log has been cut to {}",
                        target.size
                    );
                    report.find(Finding::new("log-cut", text).within(target.size, size - 1));
                }
                size => know(size, name, *checkpoint.root()),
            }
        }
        Ok(Self { files, known })
    }

    /// Takes out the sizes up to this one, ascending, with the roots to be compared there.
    fn take(&mut self, size_max: u64) -> Vec<Due> {
        let mut due: BTreeMap<u64, Due> = BTreeMap::new();
        let at = |size| Due {
            size,
            file: false,
            known: Vec::new(),
        };
        while let Some(size) = self.files.pop_if(|size| *size <= size_max) {
            due.entry(size).or_insert_with(|| at(size)).file = true;
        }
        while let Some(entry) = self
            .known
            .first_entry()
            .filter(|entry| *entry.key() <= size_max)
        {
            let (size, known) = entry.remove_entry();
            due.entry(size).or_insert_with(|| at(size)).known = known;
        }
        due.into_values().collect()
    }
}

/// The sizes of the checkpoints in the folder, ascending. Files of other names are not part of the log.
fn sizes(source: &Source) -> Result<Vec<u64>, Undecided> {
    let mut sizes = Vec::new();
    source.names("checkpoints", &mut |name| sizes.extend(files::number(name)))?;
    sizes.sort_unstable();
    Ok(sizes)
}

fn checkpoint_path(size: u64) -> String {
    format!("checkpoints/{size}")
}

fn pool(source: &Source) -> Result<ThreadPool, Undecided> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(source.readers())
        .build();
    pool.map_err(|error| Undecided(format!("no threads: {error}")))
}
