//! Compares the rows of every audited table with their audit trail.
//!
//! Both come sorted by row key, so one row of each is in memory at a time. The trail of a row must have no break: the
//! old row of each change is the new row of the change before. Otherwise the next honest change would cover up an edit
//! that was made behind the triggers.
//!
//! A migration adds and drops columns without a commitment. A column that only one of two compared rows has was added
//! or dropped in between. An added column must hold the same value in all such rows of a table, as `add column …
//! default` leaves it. So no single row can be edited there unseen.

use std::collections::{BTreeMap, BTreeSet};

use postgres::{Row, Transaction};
use serde_json::value::RawValue;

use super::{cursor::Cursor, sql::failed};
use crate::{
    progress::Progress,
    report::{Field, Finding, Report, Undecided},
};

/// Every table of the domain's schemas is audited, but for four: the logins are configuration, the key of seals is a
/// secret, the memo of verified tokens is a cache, and people's names prove nothing and can be erased.
///
/// The database's triggers are not asked: who removes a trigger would remove the table from the audit. Each row of an
/// audited table must have an audit trail; a table with rows and no trail at all is a finding.
const AUDITED: &str = "
    select n.nspname::text || '.' || c.relname::text
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('auth', 'capital', 'collateral', 'risk')
        and c.relkind in ('r', 'p', 'f')
        and (n.nspname, c.relname) not in (
            ('auth', 'login'), ('auth', 'seal_key'), ('auth', 'verified_token'), ('capital', 'member_name'))";

/// Columns that the trail records by the SHA-256 of their text, in hexadecimal: what they hold follows from other
/// audited rows, and would be copied whole at each change.
const DIGESTED: [(&str, &[&str]); 1] = [(
    "collateral.filing_standing",
    &["debtors", "secured_parties", "descriptions", "effects"],
)];

/// Columns with the gateway's own words. Where they differ, both values are shown.
const WORDS: [&str; 7] = [
    "status",
    "previous_status",
    "from_status",
    "to_status",
    "kind",
    "currency",
    "role",
];

const ENTRIES: &str = "
    select a.id::int8, a.changes::text, pg_catalog.encode(a.commitment_key, 'hex'), e.index::int8
    from audit.trail as a
    left join tlog.entry as e on e.key = a.commitment_key
    order by a.id";

/// All changes of all tables, sorted once, but for those of unreadable entries. What is not of the form that the trail
/// has is of a table without a name.
const TRAIL: &str = r#"
    select c.table_name, c.row_key::text, a.id::int8, c.old_row::text, c.new_row::text,
        pg_catalog.encode(a.commitment_key, 'hex'), e.index::int8
    from audit.trail as a
    left join tlog.entry as e on e.key = a.commitment_key
    cross join lateral (
        select m.place, m.value ->> 'table' as table_name, nullif(m.value -> 'old', 'null') as old_row,
            nullif(m.value -> 'new', 'null') as new_row,
            (select pg_catalog.jsonb_object_agg(
                k.name, coalesce(nullif(m.value -> 'new', 'null'), m.value -> 'old') -> k.name)
             from pg_catalog.jsonb_array_elements_text(
                case pg_catalog.jsonb_typeof(m.value -> 'key') when 'array' then m.value -> 'key' else '[]' end
             ) as k (name)
             where k.name is not null) as row_key
        from pg_catalog.jsonb_array_elements(
            case pg_catalog.json_typeof(a.changes) when 'array' then a.changes::jsonb else '[{}]' end
        ) with ordinality as m (value, place)
    ) as c
    where a.id <> all ($1)
    order by coalesce(c.table_name, '') collate pg_catalog."C", c.row_key::text collate pg_catalog."C", a.id, c.place"#;

pub(super) fn verify(
    transaction: &mut Transaction<'_>,
    report: &mut Report,
    progress: &Progress,
) -> Result<(), Undecided> {
    let mut tables = BTreeSet::new();
    for row in transaction.query(AUDITED, &[]).map_err(failed)? {
        tables.extend(row.try_get::<_, Option<String>>(0).map_err(failed)?);
    }
    let unreadable = unreadable(transaction, report)?;
    let mut trail = Cursor::open(transaction, TRAIL, &[&unreadable], Change::read)?;
    let (mut rows, mut compared) = (0, 0_u64);
    loop {
        // The trail's tables come in order, as the catalogue's do; either may have one that the other has not.
        let of_trail = trail.peek(transaction)?.map(|change| change.table.clone());
        let Some(name) = tables.first().cloned().into_iter().chain(of_trail).min() else {
            break;
        };
        tables.remove(&name);
        if let Some(count) = Table::open(transaction, &name, &mut trail, report)?
            .map(|table| table.compare(transaction, report, progress))
            .transpose()?
        {
            rows += count;
            compared += 1;
        }
        // Of a table that could not be compared the changes are left.
        while trail
            .next_if(transaction, |change| change.table == name)?
            .is_some()
        {}
    }
    report.fact("audited_tables", compared);
    report.fact("audited_rows", rows);
    Ok(())
}

/// The entries whose changes the server could not read: the type of the column is laxer than what reads it. A trigger
/// writes none of them, and one would end the query that reads all others.
fn unreadable(
    transaction: &mut Transaction<'_>,
    report: &mut Report,
) -> Result<Vec<i64>, Undecided> {
    let mut entries = Cursor::open(transaction, ENTRIES, &[], |row: &Row| {
        let changes: Option<String> = row.try_get(1)?;
        let readable = serde_json::from_str(&changes.unwrap_or_default())
            .is_ok_and(|changes| is_without_nul(&changes));
        Ok((!readable).then_some((row.try_get(0)?, row.try_get(2)?, row.try_get(3)?)))
    })?;
    let mut all = Vec::new();
    while let Some(entry) = entries.next(transaction)? {
        let Some((id, commitment, index)): Option<(i64, Option<String>, Option<i64>)> = entry
        else {
            continue;
        };
        let text = "an entry of the audit trail that no trigger has written";
        let mut finding = Finding::new("row-differs", text)
            .in_table("audit.trail")
            .of_row(format!("{{\"id\": {id}}}"));
        finding.index = index.and_then(|index| u64::try_from(index).ok());
        finding.commitment_id = commitment;
        report.find(finding);
        all.push(id);
    }
    Ok(all)
}

/// Whether no text of it has the character that no text of PostgreSQL has.
fn is_without_nul(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(all) => all.iter().all(is_without_nul),
        Value::Object(members) => members
            .iter()
            .all(|(name, value)| !name.contains('\0') && is_without_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// One change of a row, as the trail recorded it.
struct Change {
    table: String,
    row_key: String,
    id: i64,
    old: Option<String>,
    new: Option<String>,
    commitment: Option<String>,
    index: Option<i64>,
}

impl Change {
    fn read(row: &Row) -> Result<Self, postgres::Error> {
        Ok(Self {
            table: row.try_get::<_, Option<_>>(0)?.unwrap_or_default(),
            row_key: row.try_get::<_, Option<_>>(1)?.unwrap_or_default(),
            id: row.try_get(2)?,
            old: row.try_get(3)?,
            new: row.try_get(4)?,
            commitment: row.try_get(5)?,
            index: row.try_get(6)?,
        })
    }
}

/// A row as the table holds it now.
struct Present {
    row_key: String,
    row: String,
}

struct Table<'a> {
    name: String,
    trail: &'a mut Cursor<Change>,
    present: Cursor<Present>,
    /// Added columns, each with the one value that it holds in rows whose trail does not have it.
    added: BTreeMap<String, String>,
    dropped: BTreeSet<String>,
}

impl<'a> Table<'a> {
    fn open(
        transaction: &mut Transaction<'_>,
        name: &str,
        trail: &'a mut Cursor<Change>,
        report: &mut Report,
    ) -> Result<Option<Self>, Undecided> {
        let first = trail
            .peek(transaction)?
            .filter(|change| change.table == name)
            .map(|change| change.row_key.clone());
        let quoted = quoted_name(name);
        let row = transaction
            .query_one(
                "select t.name, pg_catalog.has_table_privilege(t.name, 'select')
                from (select pg_catalog.to_regclass($1)::oid as name) as t",
                &[&quoted],
            )
            .map_err(failed)?;
        let oid: Option<u32> = row.try_get(0).map_err(failed)?;
        match (oid, row.try_get::<_, Option<bool>>(1).map_err(failed)?) {
            (None, _) if first.is_none() => return Ok(None),
            (None, _) => {
                let text = "the audit trail is of a table that is not there";
                report.find(Finding::new("table-missing", text).in_table(name));
                return Ok(None);
            }
            (_, Some(true)) => {}
            _ => {
                report.undecided(format!("{name} may not be read by this login"));
                return Ok(None);
            }
        }
        // The key's columns, as the trail names them. Without a trail every row is a finding, whatever its key.
        let columns: Vec<String> = match first.as_deref().map(serde_json::from_str) {
            Some(Ok(serde_json::Value::Object(members))) => members.keys().cloned().collect(),
            _ => Vec::new(),
        };
        let present = Cursor::open(transaction, &present(name, &columns), &[], |row: &Row| {
            Ok(Present {
                row_key: row.try_get(0)?,
                row: row.try_get(1)?,
            })
        })?;
        Ok(Some(Self {
            name: name.to_owned(),
            trail,
            present,
            added: BTreeMap::new(),
            dropped: BTreeSet::new(),
        }))
    }

    /// Compares all rows, and answers their number.
    fn compare(
        mut self,
        transaction: &mut Transaction<'_>,
        report: &mut Report,
        progress: &Progress,
    ) -> Result<u64, Undecided> {
        let mut count = 0;
        let mut before: Option<String> = None;
        while let Some(change) = self
            .trail
            .next_if(transaction, |change| change.table == self.name)?
        {
            let row_key = change.row_key.clone();
            if before.as_ref().is_some_and(|before| *before >= row_key) {
                return Err(unsorted(&self.name));
            }
            let last = self.follow(transaction, change, report, progress)?;
            count += self.without_trail(transaction, Some(&row_key), report)?;
            let mut present = None;
            while let Some(row) = self
                .present
                .next_if(transaction, |row| row.row_key == row_key)?
            {
                if present.is_some() {
                    self.find(
                        "row-extra",
                        "a second row of this key",
                        &last,
                        Vec::new(),
                        report,
                    );
                }
                present = Some(row.row);
                count += 1;
            }
            self.judge(&last, present.as_deref(), report);
            before = Some(row_key);
        }
        count += self.without_trail(transaction, None, report)?;
        self.tell(report);
        Ok(count)
    }

    /// Follows all changes of one row, and answers the last.
    fn follow(
        &mut self,
        transaction: &mut Transaction<'_>,
        first: Change,
        report: &mut Report,
        progress: &Progress,
    ) -> Result<Change, Undecided> {
        let mut change = first;
        let mut left: Option<String> = None;
        loop {
            progress.advance(1);
            let text = format!(
                "entry {} of the audit trail found another row than the change before it had left",
                change.id
            );
            match (&left, &change.old) {
                (None, None) => {}
                (Some(_), Some(_)) => {
                    let fields = self.differing(left.as_deref(), change.old.as_deref());
                    if let Some(fields) = fields.filter(|fields| !fields.is_empty()) {
                        self.find("trail-broken", &text, &change, fields, report);
                    }
                }
                _ => self.find("trail-broken", &text, &change, Vec::new(), report),
            }
            let same = |next: &Change| next.table == change.table && next.row_key == change.row_key;
            let Some(next) = self.trail.next_if(transaction, same)? else {
                return Ok(change);
            };
            left = change.new.take();
            change = next;
        }
    }

    /// Finds the rows before this key, or all remaining rows: no change has made them.
    fn without_trail(
        &mut self,
        transaction: &mut Transaction<'_>,
        row_key: Option<&str>,
        report: &mut Report,
    ) -> Result<u64, Undecided> {
        let mut count = 0;
        while let Some(row) = self.present.next_if(transaction, |row| {
            row_key.is_none_or(|key| *row.row_key < *key)
        })? {
            let text = "a row that no commitment has made";
            let finding = Finding::new("row-without-trail", text).in_table(&self.name);
            report.find(finding.of_row(row.row_key));
            count += 1;
        }
        Ok(count)
    }

    fn judge(&mut self, last: &Change, present: Option<&str>, report: &mut Report) {
        match (last.new.as_deref(), present) {
            (None, None) => {}
            (None, Some(_)) => {
                let text = "a row is there that was deleted";
                self.find("row-extra", text, last, Vec::new(), report);
            }
            (Some(_), None) => {
                let text = "a row is gone that no commitment has deleted";
                self.find("row-missing", text, last, Vec::new(), report);
            }
            (recorded, found) => {
                let fields = self.differing(recorded, found);
                if let Some(fields) = fields.filter(|fields| !fields.is_empty()) {
                    let text = "a row is not what its last commitment left";
                    self.find("row-differs", text, last, fields, report);
                }
            }
        }
    }

    fn find(
        &self,
        kind: &'static str,
        text: &str,
        change: &Change,
        fields: Vec<Field>,
        report: &mut Report,
    ) {
        let mut finding = Finding::new(kind, text)
            .in_table(&self.name)
            .of_row(&*change.row_key)
            .differing(fields);
        finding.index = change.index.and_then(|index| u64::try_from(index).ok());
        finding.commitment_id.clone_from(&change.commitment);
        report.find(finding);
    }

    /// The columns that differ; `None` where a row is missing on one side.
    fn differing(&mut self, recorded: Option<&str>, found: Option<&str>) -> Option<Vec<Field>> {
        let (recorded, found) = recorded.zip(found)?;
        if recorded == found {
            return Some(Vec::new());
        }
        let (Ok(recorded), Ok(found)) = (members(recorded), members(found)) else {
            return Some(vec![Field::hidden("the whole row")]);
        };
        let mut fields = Vec::new();
        for (name, value) in &recorded {
            match found.get(name) {
                Some(other) if other.get() == value.get() => {}
                Some(other) => fields.push(field(name, value.get(), other.get())),
                None => drop(self.dropped.insert(name.clone())),
            }
        }
        for (name, value) in found {
            if !recorded.contains_key(&name) {
                let known = self.added.entry(name.clone());
                if *known.or_insert_with(|| value.get().to_owned()) != value.get() {
                    fields.push(Field::hidden(name));
                }
            }
        }
        Some(fields)
    }

    fn tell(&self, report: &mut Report) {
        let name = &self.name;
        for column in self.added.keys() {
            report.note(format!(
                "{name}.{column} is newer than rows that have it: one value in all of them"
            ));
        }
        for column in &self.dropped {
            report.note(format!("{name}.{column} is in the audit trail only"));
        }
    }
}

fn members(row: &str) -> serde_json::Result<BTreeMap<String, Box<RawValue>>> {
    serde_json::from_str(row)
}

/// A column that differs. Numbers and the gateway's own words are shown; other values may be confidential.
fn field(name: &str, recorded: &str, found: &str) -> Field {
    let plain =
        |value: &str| value.parse::<i128>().is_ok() || matches!(value, "null" | "true" | "false");
    if WORDS.contains(&name) || (plain(recorded) && plain(found)) {
        Field {
            name: name.to_owned(),
            recorded: Some(recorded.to_owned()),
            found: Some(found.to_owned()),
        }
    } else {
        Field::hidden(name)
    }
}

fn present(name: &str, columns: &[String]) -> String {
    let table = quoted_name(name);
    let digested = DIGESTED.iter().find(|(digested, _)| *digested == name);
    let digests: Vec<_> = digested
        .map_or(&[][..], |(_, columns)| columns)
        .iter()
        .map(|column| {
            format!(
                " || pg_catalog.jsonb_build_object('{column}', pg_catalog.encode(pg_catalog.sha256(
                    pg_catalog.convert_to((pg_catalog.to_jsonb(audited_row) -> '{column}')::text, 'UTF8')), 'hex'))"
            )
        })
        .collect();
    let digests = digests.concat();
    let members: Vec<_> = columns
        .iter()
        .map(|column| {
            let literal = literal(column);
            format!("{literal}, p.row -> {literal}")
        })
        .collect();
    format!(
        r#"select k.key, k.row
        from (
            select pg_catalog.jsonb_build_object({})::text as key, p.row::text as row
            from (select pg_catalog.to_jsonb(audited_row){digests} as row from {table} as audited_row) as p
        ) as k
        order by k.key collate pg_catalog."C""#,
        members.join(", ")
    )
}

/// `schema.table` as a quoted identifier: an insider may have written any text into the trail.
fn quoted_name(name: &str) -> String {
    let quoted = |part: &str| format!("\"{}\"", part.replace('"', "\"\""));
    match name.split_once('.') {
        Some((schema, table)) => format!("{}.{}", quoted(schema), quoted(table)),
        None => quoted(name),
    }
}

/// A text as an SQL literal, which no quote and no backslash in it can end.
fn literal(text: &str) -> String {
    let text = text.replace('\0', "");
    format!(" E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn unsorted(table: &str) -> Undecided {
    Undecided(format!(
        "the database does not sort the trail of {table} as it was asked to"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_gets_out_of_its_quotes() {
        assert_eq!(
            quoted_name("capital.a\"; drop"),
            "\"capital\".\"a\"\"; drop\""
        );
        assert_eq!(literal("a'b\\c"), " E'a''b\\\\c'");
    }

    #[test]
    fn numbers_and_states_are_shown_and_nothing_else() {
        let shown = field("amount_minor", "100", "200");
        assert_eq!(shown.recorded.as_deref(), Some("100"));
        assert_eq!(
            field("status", "\"SETTLED\"", "\"VERIFIED\"")
                .found
                .as_deref(),
            Some("\"VERIFIED\"")
        );
        assert_eq!(
            field("legal_name", "\"A\"", "\"B\""),
            Field::hidden("legal_name")
        );
        assert_eq!(field("x", "1", "\"secret\""), Field::hidden("x"));
    }
}
