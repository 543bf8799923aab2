//! Compares `tlog.node` and `tlog.checkpoint`, which receipts are made of, with the tree of the published entries.

use postgres::{Row, Transaction};
use tlog::{
    merkle::{Hash, Tree, leaf_hash},
    note::Note,
};

use super::cursor::Cursor;
use crate::{
    log::Target,
    report::{Finding, Report, Undecided},
    trust::{Doubt, Trust},
};

/// Nodes in the order in which they become complete: by the entry that completes them, then by level.
const NODES: &str = "
    select n.level::int8, n.index::int8, n.hash
    from tlog.node as n
    where n.level between 0 and 62 and n.index between 0 and ($1::int8 >> n.level::int4) - 1
    order by (n.index + 1) << n.level::int4, n.level";

const CHECKPOINTS: &str = "
    select c.size::int8, c.root, c.note::text
    from tlog.checkpoint as c
    where c.size <= $1
    order by c.size";

struct Node {
    level: i64,
    index: i64,
    hash: Option<Vec<u8>>,
}

struct Checkpoint {
    size: i64,
    root: Option<Vec<u8>>,
    note: Option<String>,
}

/// The tree of the published entries, and the rows that must match it.
pub(super) struct Nodes<'a> {
    trust: &'a Trust,
    origin: String,
    tree: Tree,
    /// An entry could not be read, so the tree cannot be computed from there on.
    lost: bool,
    recorded: Cursor<Node>,
    checkpoints: Cursor<Checkpoint>,
    checkpoints_count: u64,
}

impl<'a> Nodes<'a> {
    pub(super) fn open(
        transaction: &mut Transaction<'_>,
        trust: &'a Trust,
        target: &Target,
    ) -> Result<Self, Undecided> {
        let size = i64::try_from(target.size).unwrap_or(i64::MAX);
        let nodes = Cursor::open(transaction, NODES, &[&size], |row: &Row| {
            Ok(Node {
                level: row.try_get(0)?,
                index: row.try_get(1)?,
                hash: row.try_get(2)?,
            })
        })?;
        let checkpoints = Cursor::open(transaction, CHECKPOINTS, &[&size], |row: &Row| {
            Ok(Checkpoint {
                size: row.try_get(0)?,
                root: row.try_get(1)?,
                note: row.try_get(2)?,
            })
        })?;
        Ok(Self {
            trust,
            origin: target.origin.clone(),
            tree: Tree::new(),
            lost: false,
            recorded: nodes,
            checkpoints,
            checkpoints_count: 0,
        })
    }

    pub(super) fn push(
        &mut self,
        transaction: &mut Transaction<'_>,
        entry: Option<&[u8]>,
        report: &mut Report,
    ) -> Result<(), Undecided> {
        let Some(entry) = entry.filter(|_| !self.lost) else {
            self.lost = true;
            return Ok(());
        };
        let mut completed = Vec::new();
        self.tree.push_with(leaf_hash(entry), |level, hash| {
            completed.push((level, hash));
        });
        let size = self.tree.size();
        for (level, hash) in completed {
            self.node(transaction, level, size, &hash, report)?;
        }
        let here = i64::try_from(size).unwrap_or(i64::MAX);
        while let Some(checkpoint) = self
            .checkpoints
            .next_if(transaction, |checkpoint| checkpoint.size <= here)?
        {
            self.checkpoints_count += 1;
            if let Some(text) = self.judge(&checkpoint) {
                let finding = Finding::new("checkpoint-differs", text).in_table("tlog.checkpoint");
                report.find(
                    finding
                        .of_row(format!("{{\"size\": {}}}", checkpoint.size))
                        .at(size - 1),
                );
            }
        }
        Ok(())
    }

    /// Compares the node of this level that the tree's last entry completes. A finding names that entry.
    fn node(
        &mut self,
        transaction: &mut Transaction<'_>,
        level: u8,
        size: u64,
        hash: &Hash,
        report: &mut Report,
    ) -> Result<(), Undecided> {
        let index = (size >> level) - 1;
        let mut find = |kind, text: &str, level: i64, index: i64| {
            let row = format!("{{\"level\": {level}, \"index\": {index}}}");
            let finding = Finding::new(kind, text).in_table("tlog.node").of_row(row);
            report.find(finding.at(size - 1));
        };
        let wanted = (u128::from(size), i64::from(level));
        while let Some(extra) = self
            .recorded
            .next_if(transaction, |node| place(node) < wanted)?
        {
            find(
                "row-extra",
                "a node that the tree does not have",
                extra.level,
                extra.index,
            );
        }
        let wanted_index = i64::try_from(index).unwrap_or(i64::MAX);
        match self
            .recorded
            .next_if(transaction, |node| place(node) == wanted)?
        {
            Some(node) if node.hash.as_deref() == Some(hash.as_bytes()) => {}
            Some(node) => find(
                "row-differs",
                "a node has another hash than the tree",
                node.level,
                node.index,
            ),
            None => find(
                "row-missing",
                "a node of the tree has no row",
                level.into(),
                wanted_index,
            ),
        }
        Ok(())
    }

    fn judge(&self, row: &Checkpoint) -> Option<&'static str> {
        if u64::try_from(row.size) != Ok(self.tree.size()) {
            return Some("a checkpoint of a size that no entry ends at");
        }
        if row.root.as_deref() != Some(self.tree.root().as_bytes()) {
            return Some("the root is not that of the published entries");
        }
        let note = row.note.as_ref().map(|note| Note::parse(note.as_bytes()));
        let Some(Ok(note)) = note else {
            return Some("the note is no signed note");
        };
        match self.trust.check_note(&note) {
            // An older checkpoint may be of a time with other witnesses. The log's own signature is enough here.
            Ok(checkpoint) | Err(Doubt::NoQuorum(checkpoint)) => {
                let same = checkpoint.origin() == self.origin
                    && checkpoint.size() == self.tree.size()
                    && *checkpoint.root() == self.tree.root();
                (!same).then_some("the note is of another checkpoint than its row")
            }
            Err(_) => Some("the note is not signed by the log"),
        }
    }

    pub(super) fn finish(
        &mut self,
        transaction: &mut Transaction<'_>,
        report: &mut Report,
    ) -> Result<(), Undecided> {
        if self.lost {
            report.undecided("nodes and checkpoints after a lost entry were not compared");
            return Ok(());
        }
        while let Some(node) = self.recorded.next(transaction)? {
            let row = format!("{{\"level\": {}, \"index\": {}}}", node.level, node.index);
            let finding = Finding::new("row-extra", "a node that the tree does not have");
            report.find(finding.in_table("tlog.node").of_row(row));
        }
        report.fact("recorded_checkpoints", self.checkpoints_count);
        Ok(())
    }
}

/// The size at which a node is complete, and its level. A row that no tree can have comes first.
fn place(node: &Node) -> (u128, i64) {
    match (u32::try_from(node.level), u128::try_from(node.index)) {
        (Ok(level), Ok(index)) if level < 63 => ((index + 1) << level, node.level),
        _ => (0, node.level),
    }
}
