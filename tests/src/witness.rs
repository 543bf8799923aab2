//! A witness of the log, as C2SP tlog-witness describes it: it cosigns a checkpoint that continues what it has
//! cosigned before, and nothing else. It can also be made to fail.
//!
//! It remembers as long as it runs; a witness in earnest persists what it cosigned before it answers.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use tlog::cosignature::Cosigner;
use tlog::merkle::{EMPTY_ROOT, Hash};
use tlog::note::VerifierKey;
use tlog::witness::{AddCheckpoint, SIZE_CONTENT_TYPE};

use crate::http::{Reply, Request, Response, Server};
use crate::secrets::random;

const PATH: &str = "/add-checkpoint";

/// What a witness does when it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// What the protocol says.
    #[default]
    Honest,
    /// The same, after that long.
    Slow(Duration),
    /// It closes the connection.
    Down,
    /// It never answers.
    Hang,
    /// It answers that status to everything.
    Status(u16),
    /// It answers a signature line in its own name that is another text's.
    Dishonest,
    /// It cosigns and its answer is lost.
    Silent,
}

/// A running witness; ends when it is dropped.
pub struct Witness {
    server: Server,
    state: Arc<State>,
}

struct State {
    cosigner: Cosigner,
    /// The logs it knows, by their origins.
    logs: HashMap<String, VerifierKey>,
    behaviour: Mutex<Behaviour>,
    record: Mutex<Record>,
}

#[derive(Default)]
struct Record {
    /// The last cosigned checkpoint of each origin.
    latest: HashMap<String, (u64, Hash)>,
    /// The status of each answer.
    answered: Vec<u16>,
}

impl Witness {
    /// Starts one of that name that knows this log.
    pub fn start(name: &str, log: VerifierKey) -> Result<Self> {
        let seed = random(32)
            .try_into()
            .map_err(|_| anyhow!("a seed is 32 bytes"))?;
        let state = Arc::new(State {
            cosigner: Cosigner::from_seed(name, &seed)?,
            logs: HashMap::from([(log.name().to_owned(), log)]),
            behaviour: Mutex::default(),
            record: Mutex::default(),
        });
        let server = Server::start(0, {
            let state = Arc::clone(&state);
            move |request| state.answer(&request)
        })?;
        Ok(Self { server, state })
    }

    /// Its submission prefix.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The key that verifies its cosignatures.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        self.state.cosigner.verifier_key()
    }

    /// Does this from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        *lock(&self.state.behaviour) = behaviour;
    }

    /// How many entries the last checkpoint had that it cosigned for this log.
    #[must_use]
    pub fn cosigned(&self, origin: &str) -> Option<u64> {
        let record = lock(&self.state.record);
        record.latest.get(origin).map(|(size, _)| *size)
    }

    /// The statuses that it has answered since it was asked last.
    #[must_use]
    pub fn answered(&self) -> Vec<u16> {
        std::mem::take(&mut lock(&self.state.record).answered)
    }
}

/// The C2SP tlog-policy that requires this number of them to cosign.
#[must_use]
pub fn policy(wanted: usize, witnesses: &[Witness]) -> String {
    let mut text = String::new();
    let mut names = String::new();
    for (number, witness) in witnesses.iter().enumerate() {
        writeln!(
            text,
            "witness w{number} {} {}",
            witness.key(),
            witness.url()
        )
        .expect("a string takes every text");
        write!(names, " w{number}").expect("a string takes every text");
    }
    format!("{text}group all-of-them {wanted}{names}\nquorum all-of-them\n")
}

impl State {
    fn answer(&self, request: &Request) -> Reply {
        let behaviour = *lock(&self.behaviour);
        match behaviour {
            Behaviour::Down => return Reply::Close,
            Behaviour::Hang => return Reply::Hang,
            Behaviour::Slow(delay) => thread::sleep(delay),
            Behaviour::Status(status) => return self.reply(status, String::new()),
            Behaviour::Honest | Behaviour::Dishonest | Behaviour::Silent => {}
        }
        if request.method != "POST" || request.path() != PATH {
            return self.reply(404, String::new());
        }
        if behaviour == Behaviour::Dishonest {
            return self.sign("optkas.example/log\n1\nanother tree\n");
        }
        let answer = self.add_checkpoint(&request.body);
        if behaviour == Behaviour::Silent {
            return Reply::Close;
        }
        answer
    }

    /// The checks in the order of the specification.
    fn add_checkpoint(&self, body: &[u8]) -> Reply {
        let Ok(request) = AddCheckpoint::parse(body) else {
            return self.reply(400, String::new());
        };
        let checkpoint = request.checkpoint();
        let Some(key) = self.logs.get(checkpoint.origin()) else {
            return self.reply(404, String::new());
        };
        if request.note().verify(key).is_err() {
            return self.reply(403, String::new());
        }
        // Held until the new checkpoint is recorded: two requests from one size must not both succeed.
        let mut record = lock(&self.record);
        let latest = record.latest.get(checkpoint.origin()).copied();
        let (size, root) = latest.unwrap_or((0, EMPTY_ROOT));
        let same_size_other_root = checkpoint.size() == size && *checkpoint.root() != root;
        if request.old_size() != size || same_size_other_root {
            drop(record);
            return self.reply(409, format!("{size}\n"));
        }
        if !request.is_consistent_with(&root) {
            drop(record);
            return self.reply(422, String::new());
        }
        record.latest.insert(
            checkpoint.origin().to_owned(),
            (checkpoint.size(), *checkpoint.root()),
        );
        drop(record);
        self.sign(request.note().text())
    }

    fn sign(&self, text: &str) -> Reply {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        match self.cosigner.sign(text, now) {
            Ok(line) => self.reply(200, line.to_string()),
            Err(_) => self.reply(500, String::new()),
        }
    }

    fn reply(&self, status: u16, body: String) -> Reply {
        lock(&self.record).answered.push(status);
        let content_type = match status {
            409 => SIZE_CONTENT_TYPE,
            _ => "text/plain; charset=utf-8",
        };
        Reply::Response(Response {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into_bytes(),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tlog::checkpoint::Checkpoint;
    use tlog::merkle::{Tree, leaf_hash, node_hash};
    use tlog::note::{Note, SigningKey};
    use tlog::witness::{cosignatures_by, parse_response};

    use super::*;
    use crate::http;

    const ORIGIN: &str = "optkas.example/log";

    fn ask(witness: &Witness, old: u64, path: Vec<Hash>, note: &Note) -> Result<Response> {
        let body = AddCheckpoint::new(old, path, note.clone())?.to_string();
        let request = Request::new("POST", PATH).body(body);
        http::send(witness.server.address(), &request)
    }

    fn checkpoint(key: &SigningKey, origin: &str, tree: &Tree) -> Result<Note> {
        let text = Checkpoint::new(origin, tree.size(), tree.root())?.render();
        Ok(Note::sign(text, key)?)
    }

    #[test]
    fn a_witness_cosigns_only_trees_that_continue_the_one_it_knows() -> Result<()> {
        let key = SigningKey::from_seed(ORIGIN, &[1; 32])?;
        let witness = Witness::start("w.example", key.verifier_key().clone())?;
        let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
        let (mut one, mut two, mut fork) = (Tree::new(), Tree::new(), Tree::new());
        one.push(a);
        two.push(a);
        two.push(b);
        fork.push(b);
        fork.push(b);
        assert_eq!(two.root(), node_hash(&a, &b));
        let note = |tree| checkpoint(&key, ORIGIN, tree);

        let stranger = checkpoint(&key, "optkas.example/other", &one)?;
        assert_eq!(ask(&witness, 0, vec![], &stranger)?.status, 404);
        let forged = checkpoint(&SigningKey::from_seed(ORIGIN, &[2; 32])?, ORIGIN, &one)?;
        assert_eq!(ask(&witness, 0, vec![], &forged)?.status, 403);
        assert_eq!(witness.cosigned(ORIGIN), None);

        let answer = ask(&witness, 0, vec![], &note(&one)?)?;
        let Ok(tlog::witness::Response::Cosigned(lines)) =
            parse_response(answer.status, &answer.body)
        else {
            panic!("{}", answer.text())
        };
        let text = note(&one)?.text().to_owned();
        assert_eq!(cosignatures_by(witness.key(), &text, &lines), lines);

        let behind = ask(&witness, 0, vec![], &note(&two)?)?;
        assert_eq!((behind.status, behind.text()), (409, "1\n".to_owned()));
        assert_eq!(behind.header("content-type"), Some(SIZE_CONTENT_TYPE));
        assert_eq!(ask(&witness, 1, vec![a], &note(&two)?)?.status, 422);
        assert_eq!(ask(&witness, 1, vec![b], &note(&two)?)?.status, 200);
        assert_eq!(ask(&witness, 2, vec![], &note(&two)?)?.status, 200);
        assert_eq!(ask(&witness, 2, vec![], &note(&fork)?)?.status, 409);
        let garbage = Request::new("POST", PATH).body("old 2\n\nno note\n");
        assert_eq!(http::send(witness.server.address(), &garbage)?.status, 400);
        assert_eq!(witness.cosigned(ORIGIN), Some(2));
        assert_eq!(
            witness.answered(),
            [404, 403, 200, 409, 422, 200, 200, 409, 400]
        );
        Ok(())
    }
}
