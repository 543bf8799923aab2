//! The lines of a policy.

use std::collections::HashSet;

use super::{
    Group, InvalidPolicy, Log, MAX_DEFINITIONS, MAX_POLICY_BYTES, Member, Policy, Rule, Witness,
};
use crate::{
    note::{Algorithm, VerifierKey, is_ml_dsa_44},
    text,
};

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy`].
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidPolicy> {
        if bytes.len() > MAX_POLICY_BYTES {
            return Err(InvalidPolicy {
                line: 1,
                problem: "the file is too long",
            });
        }
        let mut reader = Reader::default();
        let mut line = 0;
        for text in bytes
            .strip_suffix(b"\n")
            .unwrap_or(bytes)
            .split(|byte| *byte == b'\n')
        {
            line += 1;
            reader
                .read(text)
                .map_err(|problem| InvalidPolicy { line, problem })?;
        }
        reader
            .finish()
            .map_err(|problem| InvalidPolicy { line, problem })
    }
}

/// A policy, line by line.
#[derive(Default)]
struct Reader<'a> {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    uncounted: Vec<String>,
    groups: Vec<Group>,
    names: Vec<(&'a [u8], Member)>,
    members: HashSet<&'a [u8]>,
    quorum: Option<Rule>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, line: &'a [u8]) -> Result<(), &'static str> {
        if !line
            .iter()
            .all(|byte| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..))
        {
            return Err("a control character");
        }
        let mut items = line
            .split(|byte| matches!(byte, b' ' | b'\t'))
            .filter(|item| !item.is_empty());
        let Some(keyword) = items.next() else {
            return Ok(());
        };
        if keyword.starts_with(b"#") {
            return Ok(());
        }
        let items: Vec<&[u8]> = items.collect();
        match (keyword, items.as_slice()) {
            (b"log", [key, url @ ..]) if url.len() <= 1 => self.log(key, url.first()),
            (b"witness", [name, key, url @ ..]) if url.len() <= 1 => {
                self.witness(name, key, url.first())
            }
            (b"group", [name, threshold, members @ ..]) => self.group(name, threshold, members),
            (b"quorum", [name]) => self.quorum(name),
            (b"log" | b"witness" | b"group" | b"quorum", _) => Err("too few or too many items"),
            _ => Err("an unknown keyword"),
        }
    }

    fn finish(self) -> Result<Policy, &'static str> {
        let Self {
            logs,
            witnesses,
            uncounted,
            groups,
            quorum,
            ..
        } = self;
        Ok(Policy {
            logs,
            witnesses,
            uncounted,
            groups,
            quorum: quorum.ok_or("no quorum line")?,
        })
    }

    fn log(&mut self, key: &[u8], url: Option<&&[u8]>) -> Result<(), &'static str> {
        let key = parse_key(key, Algorithm::Ed25519)?;
        if self
            .logs
            .iter()
            .any(|log| log.key.public_key() == key.public_key())
        {
            return Err("a second log of the same key");
        }
        bounded(&self.logs)?;
        self.logs.push(Log {
            key,
            url: url.map(|url| lossy(url)),
        });
        Ok(())
    }

    fn witness(
        &mut self,
        name: &'a [u8],
        key: &[u8],
        url: Option<&&[u8]>,
    ) -> Result<(), &'static str> {
        if str::from_utf8(key).is_ok_and(is_ml_dsa_44) {
            bounded(&self.uncounted)?;
            self.define(name, Member::Uncounted)?;
            self.uncounted.push(lossy(name));
            return Ok(());
        }
        let key = parse_key(key, Algorithm::CosignatureV1)?;
        if self
            .witnesses
            .iter()
            .any(|witness| witness.key.public_key() == key.public_key())
        {
            return Err("a second witness of the same key");
        }
        bounded(&self.witnesses)?;
        self.define(name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push(Witness {
            name: lossy(name),
            key,
            url: url.map(|url| lossy(url)),
        });
        Ok(())
    }

    fn group(
        &mut self,
        name: &'a [u8],
        k: &[u8],
        members: &[&'a [u8]],
    ) -> Result<(), &'static str> {
        let threshold = match k {
            b"all" => members.len(),
            b"any" => 1,
            k => str::from_utf8(k)
                .ok()
                .and_then(text::decimal)
                .and_then(|k| usize::try_from(k).ok())
                .ok_or("the threshold is not all, any or a number")?,
        };
        if !(1..=members.len()).contains(&threshold) {
            return Err("the threshold is not between 1 and the number of members");
        }
        let group = Group {
            threshold,
            members: members
                .iter()
                .map(|member| self.member(member))
                .collect::<Result<_, _>>()?,
        };
        bounded(&self.groups)?;
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(group);
        Ok(())
    }

    fn quorum(&mut self, name: &[u8]) -> Result<(), &'static str> {
        if self.quorum.is_some() {
            return Err("a second quorum line");
        }
        self.quorum = Some(if name == b"none" {
            Rule::Nobody
        } else {
            Rule::Member(self.find(name)?)
        });
        Ok(())
    }

    fn define(&mut self, name: &'a [u8], member: Member) -> Result<(), &'static str> {
        if name == b"none" {
            return Err("the name none is taken");
        }
        if self.find(name).is_ok() {
            return Err("a name defined twice");
        }
        self.names.push((name, member));
        Ok(())
    }

    fn find(&self, name: &[u8]) -> Result<Member, &'static str> {
        let known = self.names.iter().find(|(known, _)| *known == name);
        known
            .map(|(_, member)| *member)
            .ok_or("a name that is not defined above")
    }

    fn member(&mut self, name: &'a [u8]) -> Result<Member, &'static str> {
        let member = self.find(name)?;
        if !self.members.insert(name) {
            return Err("a name that is a member twice");
        }
        Ok(member)
    }
}

fn bounded<T>(definitions: &[T]) -> Result<(), &'static str> {
    if definitions.len() < MAX_DEFINITIONS {
        Ok(())
    } else {
        Err("too many definitions")
    }
}

fn parse_key(vkey: &[u8], algorithm: Algorithm) -> Result<VerifierKey, &'static str> {
    let vkey = str::from_utf8(vkey).map_err(|_| "not a verifier key")?;
    let key = VerifierKey::parse(vkey).map_err(|_| "not a verifier key of a supported type")?;
    if key.algorithm() == algorithm {
        Ok(key)
    } else {
        Err("a verifier key of the wrong type")
    }
}

fn lossy(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
