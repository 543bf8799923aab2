//! Compares the rows of the ledger and of the audit trail with the published entries, index by index.

use base16ct::lower::encode_string as hex;
use postgres::{Row, Transaction};
use tlog::{
    leaf::{Leaf, NO_MUTATIONS, next_mutations_hash, tagged_hash},
    merkle::Hash,
};

use super::{
    cursor::Cursor,
    leaf::{ENTRIES, Entry},
    nodes::Nodes,
    sql::rfc3339,
};
use crate::{
    log::{Batch, Target, Visit},
    report::{Field, Finding, Report, Undecided},
    trust::Trust,
};

const AUDITED: &str = concat!(
    "select e.index::int8, a.id::int8, a.commitment_key, coalesce(a.allocator_id::text, ''), a.changes::text,
        a.actor_kind::text, a.actor_id::text, ",
    rfc3339!("a.at"),
    ", a.mutation_hash, a.xid::text
    from tlog.entry as e
    join audit.trail as a on a.commitment_key = e.key
    where e.index < $1
    order by e.index, a.id"
);

const LEDGER: &str = "ledger.commitment_ledger";
const OUTCOME: &str = "ledger.commitment_outcome";
const ENTRY: &str = "tlog.entry";
const AUDIT: &str = "audit.trail";

/// An entry of the audit trail.
struct Mutation {
    index: i64,
    id: i64,
    hash: Vec<u8>,
    derived: Hash,
    xid: Option<String>,
}

impl Mutation {
    fn read(row: &Row) -> Result<Self, postgres::Error> {
        let text = |column: usize| {
            row.try_get::<_, Option<String>>(column)
                .map(Option::unwrap_or_default)
        };
        let bytes = |column: usize| {
            row.try_get::<_, Option<Vec<u8>>>(column)
                .map(Option::unwrap_or_default)
        };
        // The fields and their order are those of the database's `audit.mutation_hash`.
        let derived = tagged_hash(
            "optkas/audit-mutation/v1",
            &[
                text(3)?.as_bytes(),
                text(4)?.as_bytes(),
                text(5)?.as_bytes(),
                text(6)?.as_bytes(),
                &bytes(2)?,
                text(7)?.as_bytes(),
            ],
        );
        Ok(Self {
            index: row.try_get(0)?,
            id: row.try_get(1)?,
            hash: bytes(8)?,
            derived,
            xid: row.try_get(9)?,
        })
    }
}

/// The streams of rows, each read up to the last entry that was compared.
pub(super) struct Rows<'a, 't> {
    transaction: &'a mut Transaction<'t>,
    entries: Cursor<Entry>,
    mutations: Cursor<Mutation>,
    nodes: Nodes<'a>,
    size: u64,
    /// The last compared entry's place in the sequencer's order.
    last: Option<(i64, u64, Vec<u8>)>,
    cut: bool,
    unreadable: u64,
    mutations_count: u64,
}

impl<'a, 't> Rows<'a, 't> {
    pub(super) fn open(
        transaction: &'a mut Transaction<'t>,
        trust: &'a Trust,
        target: &Target,
    ) -> Result<Self, Undecided> {
        let size = i64::try_from(target.size).unwrap_or(i64::MAX);
        let entries = Cursor::open(transaction, ENTRIES, &[&size], Entry::read)?;
        let mutations = Cursor::open(transaction, AUDITED, &[&size], Mutation::read)?;
        let nodes = Nodes::open(transaction, trust, target)?;
        Ok(Self {
            transaction,
            entries,
            mutations,
            nodes,
            size: target.size,
            last: None,
            cut: false,
            unreadable: 0,
            mutations_count: 0,
        })
    }

    /// Judges what is left after all published entries have been compared.
    pub(super) fn finish(mut self, report: &mut Report) -> Result<(), Undecided> {
        while let Some(row) = self.entries.next(self.transaction)? {
            report.find(extra(&row));
        }
        self.nodes.finish(self.transaction, report)?;
        report.fact("mutations", self.mutations_count);
        if self.unreadable > 0 {
            let count = self.unreadable;
            report.undecided(format!(
                "{count} published entries are not of a version that is known here"
            ));
        }
        Ok(())
    }

    fn look(
        &mut self,
        index: u64,
        published: Option<&[u8]>,
        report: &mut Report,
    ) -> Result<(), Undecided> {
        let at = i64::try_from(index).unwrap_or(i64::MAX);
        while let Some(row) = self
            .entries
            .next_if(self.transaction, |row| row.index < at)?
        {
            report.find(extra(&row));
        }
        let leaf = published.map(Leaf::parse);
        let commitment_id = match &leaf {
            Some(Ok(leaf)) => Some(leaf.id.to_string()),
            _ => None,
        };
        let row = self
            .entries
            .next_if(self.transaction, |row| row.index == at)?;
        let Some(row) = row else {
            return self.missing(index, commitment_id, report);
        };
        let mutations = self.fold(&row, index, report)?;
        match (published, leaf) {
            (Some(published), Some(Ok(leaf))) => {
                compare(index, &row, &leaf, published, mutations, report);
            }
            (Some(published), _) => {
                self.unreadable += 1;
                let frozen = row
                    .outcome
                    .as_ref()
                    .and_then(|outcome| outcome.leaf.as_ref());
                if frozen.map(String::as_bytes) != Some(published) {
                    let text = "the outcome's leaf is not the published entry";
                    report.find(
                        Finding::new("row-differs", text)
                            .at(index)
                            .in_table(OUTCOME),
                    );
                }
            }
            (None, _) => {}
        }
        self.order(index, &row, report);
        Ok(())
    }

    fn missing(
        &mut self,
        index: u64,
        commitment_id: Option<String>,
        report: &mut Report,
    ) -> Result<(), Undecided> {
        let ended = self.entries.peek(self.transaction)?.is_none();
        if self.cut {
            return Ok(());
        }
        let mut finding = if ended {
            self.cut = true;
            let text = format!(
                "the database's log ends here; {} entries are published",
                self.size
            );
            Finding::new("tail-cut", text).within(index, self.size - 1)
        } else {
            Finding::new("row-missing", "a published entry has no row").at(index)
        };
        finding.commitment_id = commitment_id;
        report.find(finding.in_table(ENTRY));
        Ok(())
    }

    /// Counts and hashes the commitment's entries in the audit trail. Each hash is derived from its entry's columns.
    fn fold(
        &mut self,
        row: &Entry,
        index: u64,
        report: &mut Report,
    ) -> Result<(u64, Hash), Undecided> {
        let (mut count, mut digest) = (0, NO_MUTATIONS);
        let xid = row.claim.as_ref().and_then(|claim| claim.xid.clone());
        while let Some(mutation) = self
            .mutations
            .next_if(self.transaction, |mutation| mutation.index <= row.index)?
        {
            if mutation.index < row.index {
                continue;
            }
            count += 1;
            digest = next_mutations_hash(&digest, mutation.derived.as_bytes());
            let mut fields = Vec::new();
            if mutation.hash != mutation.derived.as_bytes() {
                fields.push(Field::hidden("mutation_hash"));
            }
            if mutation.xid != xid {
                fields.push(Field::hidden("xid"));
            }
            if !fields.is_empty() {
                let text = "an entry of the audit trail is not what its hash was made of";
                let finding = Finding::new("row-differs", text).at(index).in_table(AUDIT);
                let row_key = format!("{{\"id\": {}}}", mutation.id);
                report.find(
                    finding
                        .of_row(row_key)
                        .of_commitment(hex(&row.key))
                        .differing(fields),
                );
            }
        }
        self.mutations_count += count;
        Ok((count, digest))
    }

    /// Compares what is not published and must agree: the sequencer's order, and the transaction ids of joined rows.
    fn order(&mut self, index: u64, row: &Entry, report: &mut Report) {
        let mut fields = Vec::new();
        let mut agree = |name: &str, holds: bool| {
            if !holds {
                fields.push(Field::hidden(name));
            }
        };
        agree(
            "previous",
            row.previous
                == i64::try_from(index)
                    .ok()
                    .and_then(|index| index.checked_sub(1))
                    .filter(|index| *index >= 0),
        );
        if let Some(claim) = &row.claim {
            agree("xid", claim.xid == row.xid);
        }
        if let Some(outcome) = &row.outcome {
            agree("xid", outcome.xid == row.xid);
            agree("epoch", outcome.epoch == row.epoch);
        }
        let xid = row.xid.as_ref().and_then(|xid| xid.parse().ok());
        let place = row
            .epoch
            .zip(xid)
            .map(|(epoch, xid)| (epoch, xid, row.key.clone()));
        agree("key", self.last.is_none() || place > self.last);
        self.last = place.or(self.last.take());
        if !fields.is_empty() {
            let text = "the entry does not agree with the rows it joins";
            let finding = Finding::new("row-differs", text).at(index).in_table(ENTRY);
            report.find(finding.of_commitment(hex(&row.key)).differing(fields));
        }
    }
}

impl Visit for Rows<'_, '_> {
    fn visit(&mut self, batch: &Batch<'_>, report: &mut Report) -> Result<(), Undecided> {
        for (place, index) in (batch.first..batch.first + u64::from(batch.width)).enumerate() {
            let published = batch.entries.as_ref().map(|entries| entries[place]);
            self.look(index, published, report)?;
            self.nodes.push(self.transaction, published, report)?;
        }
        Ok(())
    }
}

fn extra(row: &Entry) -> Finding {
    let text = "a row without a published entry";
    let finding = Finding::new("row-extra", text)
        .in_table(ENTRY)
        .of_commitment(hex(&row.key));
    match u64::try_from(row.index) {
        Ok(index) => finding.at(index),
        Err(_) => finding,
    }
}

fn compare(
    index: u64,
    row: &Entry,
    leaf: &Leaf,
    published: &[u8],
    (count, digest): (u64, Hash),
    report: &mut Report,
) {
    let id = leaf.id.to_string();
    let mut find = |kind, text: &str, table: &str, fields| {
        let finding = Finding::new(kind, text).at(index).in_table(table);
        report.find(finding.of_commitment(&*id).differing(fields));
    };
    if row.key != leaf.id.as_bytes() {
        let text = "another commitment is at this index than was published";
        find("row-reordered", text, ENTRY, vec![Field::hidden("key")]);
        return;
    }
    let checks = [
        (
            LEDGER,
            row.claim.as_ref().map(|claim| claim.differing(leaf)),
        ),
        (
            OUTCOME,
            row.outcome
                .as_ref()
                .map(|outcome| outcome.differing(leaf, published, row.claim.as_ref())),
        ),
    ];
    for (table, differing) in checks {
        match differing {
            None => find(
                "row-missing",
                "a published entry has no row",
                table,
                Vec::new(),
            ),
            Some(fields) if fields.is_empty() => {}
            Some(fields) => find(
                "row-differs",
                "a row is not what was published",
                table,
                fields,
            ),
        }
    }
    if count != leaf.mutations {
        let field = Field {
            name: "number of entries".to_owned(),
            recorded: Some(leaf.mutations.to_string()),
            found: Some(count.to_string()),
        };
        let text = "the commitment's entries in the audit trail are not as many as were published";
        find("audit-differs", text, AUDIT, vec![field]);
    } else if digest != leaf.mutations_hash {
        let text = "the commitment's entries in the audit trail are not the published ones";
        find("audit-differs", text, AUDIT, Vec::new());
    }
}
