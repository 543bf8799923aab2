//! The command line. Its help is the manual: what is compared, with what, and what the answer means.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const ABOUT: &str = "Verifies the settlement gateway's transparency log, \
                     from published files and keys given out of band";

const LONG_ABOUT: &str = "\
Verifies the settlement gateway's transparency log, without the gateway.

Every mutation of the gateway leaves one entry (a leaf) in an append-only
Merkle tree (RFC 9162). The tree's root is signed as a checkpoint, cosigned by
witnesses, and published with all entries and hashes in the layout of
c2sp.org/tlog-tiles. This program computes all of it again and names each
place that differs.

A policy file (c2sp.org/tlog-policy) says whom to trust. Get it from somebody
other than the gateway's operator, or keep your first copy of it:

    log gateway.example/log+f00dcafe+AY8D…
    witness A witness-a.example+0badf00d+BH…
    witness B witness-b.example+deadbeef+BG…
    group both all A B
    quorum both

The program uses a network or a database only if an argument names one.";

const EXAMPLES: &str = "\
Examples:
  auditor verify receipt commitment.tlog-proof --policy policy
  auditor verify log https://log.gateway.example --policy policy
  auditor verify log ./copy --checkpoint kept/2026-11-23 --policy policy
  auditor verify consistency kept/old kept/new --log ./copy --policy policy
  auditor verify anchor checkpoint transaction --chain-id 1 --address 0x…
      --policy policy
  auditor verify risk-run run.json
  auditor verify database
      'postgresql://me@db.example:5432/optkas?sslmode=verify-full'
      --log https://log.gateway.example --policy policy

Exit status:
  0  verified: everything that was asked holds
  1  tampering: something published or recorded was changed; the first bad
     index is named
  2  cannot decide: no key, no quorum, no entries, no connection, or wrong
     arguments";

const EXIT: &str = "\
Exit status:
  0  verified: everything that was asked holds
  1  tampering: something published or recorded was changed; the first bad
     index is named
  2  cannot decide: no key, no quorum, no entries, no connection, or wrong
     arguments";

/// `auditor`
#[derive(Debug, Parser)]
#[command(
    name = "auditor",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    after_help = EXAMPLES,
    arg_required_else_help = true,
    propagate_version = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// `auditor …`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Verify a receipt, a log, two checkpoints, an anchor, a risk run, or a database
    #[command(subcommand, arg_required_else_help = true, after_help = EXIT)]
    Verify(Verify),
}

/// `auditor verify …`
#[derive(Debug, Subcommand)]
pub enum Verify {
    /// A receipt: that its entry is in the log whose checkpoint it carries
    #[command(after_help = EXIT, long_about = "\
A receipt: that its entry is in the log whose checkpoint it carries.

FILE is a C2SP tlog-proof, as `GET /v1/commitments/{id}/proof` answers it.
The entry is the proof's extra data, or the file of --entry. Nothing but FILE
and the policy is read.")]
    Receipt(Receipt),

    /// A whole log: every entry, every tile, every checkpoint
    #[command(after_help = EXIT, long_about = "\
A whole log: every entry, every tile, every checkpoint.

All hashes are computed anew from the entries and compared with every tile,
full and partial, and with the root of every checkpoint: `checkpoint`, those
of --checkpoint, and in a folder all of `checkpoints/`. Uses all cores; holds
a few bundles of 256 entries at a time, however long the log is.

A log that was rebuilt from the start and signed anew agrees with itself. Only
a checkpoint that you kept (--checkpoint), a witness or an anchor shows that it
was rebuilt.")]
    Log(Log),

    /// Two checkpoints: that the newer log still begins with the older one
    #[command(after_help = EXIT, long_about = "\
Two checkpoints: that the newer log still begins with the older one, entry for
entry.

The proof is computed from the tiles of --log, or read from --proof: one
base64 hash a line, as in a c2sp.org/tlog-witness request.")]
    Consistency(Consistency),

    /// An anchor: that a transaction on a chain carries this checkpoint
    #[command(after_help = EXIT, long_about = "\
An anchor: that a transaction on a chain carries this checkpoint.

Offline, the transaction is decoded and its sender recovered from its
signature. Chain, sender, recipient and payload are compared. The payload is
the size, the root, and the hash of the checkpoint as the log signed it.

With --rpc, a node says whether the chain has the transaction, whether it
succeeded, and how many blocks deep it is. The node is believed: ask your own.")]
    Anchor(Anchor),

    /// A risk run: that its results are those of its recorded inputs, bit for bit
    #[command(after_help = EXIT, long_about = "\
A risk run: that its results are those of its recorded inputs, bit for bit.

FILE is a run as `GET /v1/risk-runs/{id}` answers it. The run is computed anew
from the snapshot and the settings in it, by the engine that is built into
this program, and every result compared: value at risk, expected shortfall,
contributions, intervals, histogram. The run's id must follow from its
commitment, and its settings from the request. Uses all cores. Nothing but
FILE is read. The answer says which members of FILE this vouches for.

Whether the snapshot is what the ledger held then, only the database can show:
see `verify database`.")]
    RiskRun(RiskRun),

    /// A database: every ledger, outcome and audit row against the log, every row against its audit trail
    #[command(after_help = EXIT, long_about = "\
A database: every ledger, outcome and audit row against the published log, and
every domain row against its audit trail.

The log is verified as by `verify log`. Then, in one read-only transaction:

  - Every leaf is derived anew from the rows, by this program and not by the
    database's functions. It must be the published entry at its index.
  - Every row of an audited table must be what its audit trail leads to. So an
    amount that was edited behind the triggers is found as well.
  - Every risk run's snapshot is rendered anew from the rows it names. Its
    results are for `verify risk-run`.

Rows that are newer than the published log are counted, not judged.

URL is postgresql://LOGIN@HOST:PORT/DATABASE?sslmode=verify-full (disable on
loopback only). The login is a member of the role optkas_auditor and needs no
other right. Its password is read from the variable PGPASSWORD or from the
file of --password-file, never from the URL.

Ask the primary: a row that a replica does not have yet is a missing row.")]
    Database(Database),
}

impl Verify {
    /// The command's name in `--json`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Receipt(_) => "verify receipt",
            Self::Log(_) => "verify log",
            Self::Consistency(_) => "verify consistency",
            Self::Anchor(_) => "verify anchor",
            Self::RiskRun(_) => "verify risk-run",
            Self::Database(_) => "verify database",
        }
    }

    /// The arguments that all commands take.
    #[must_use]
    pub const fn common(&self) -> &Common {
        match self {
            Self::Receipt(it) => &it.common,
            Self::Log(it) => &it.common,
            Self::Consistency(it) => &it.common,
            Self::Anchor(it) => &it.common,
            Self::RiskRun(it) => &it.common,
            Self::Database(it) => &it.common,
        }
    }
}

/// The arguments that all commands take.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Whom to trust: a C2SP tlog-policy, from somebody other than the log's operator
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Answer with one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    /// Show no progress bar (it is shown only where standard error is a terminal)
    #[arg(long)]
    pub quiet: bool,
}

/// `auditor verify receipt`
#[derive(Debug, Args)]
pub struct Receipt {
    /// The receipt
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The entry itself, instead of the one in the receipt
    #[arg(long, value_name = "FILE")]
    pub entry: Option<PathBuf>,
    /// Demand that the receipt is for this commitment: its id, 64 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    pub id: Option<String>,
    /// Demand that the entry is of this request, which you kept: the body's bytes as they were sent
    #[arg(long, value_name = "FILE")]
    pub request: Option<PathBuf>,
    /// Demand that the entry is of this reply, which you kept: the JSON as it was answered
    #[arg(long, value_name = "FILE")]
    pub reply: Option<PathBuf>,
    /// Policy, format of the answer
    #[command(flatten)]
    pub common: Common,
}

/// `auditor verify log`
#[derive(Debug, Args)]
pub struct Log {
    /// A folder with a copy of the log, or the URL prefix of the published log
    #[arg(value_name = "DIR|URL")]
    pub log: String,
    /// A checkpoint of this log that you kept: the log must still begin with what it covers. May be repeated
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Vec<PathBuf>,
    /// Policy, format of the answer
    #[command(flatten)]
    pub common: Common,
}

/// `auditor verify consistency`
#[derive(Debug, Args)]
pub struct Consistency {
    /// The older checkpoint
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The newer checkpoint
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// Compute the proof from the tiles there
    #[arg(long, value_name = "DIR|URL", required_unless_present = "proof")]
    pub log: Option<String>,
    /// Read the proof from this file
    #[arg(long, value_name = "FILE", conflicts_with = "log")]
    pub proof: Option<PathBuf>,
    /// Policy, format of the answer
    #[command(flatten)]
    pub common: Common,
}

/// `auditor verify anchor`
#[derive(Debug, Args)]
pub struct Anchor {
    /// The checkpoint that was anchored
    #[arg(value_name = "CHECKPOINT")]
    pub checkpoint: PathBuf,
    /// The signed transaction: hexadecimal, as the node took it, or the bytes themselves
    #[arg(value_name = "TRANSACTION")]
    pub transaction: PathBuf,
    /// The chain it must be for (1 is Ethereum)
    #[arg(long, value_name = "NUMBER")]
    pub chain_id: u64,
    /// The account that must have sent it: 0x and 40 hexadecimal digits, given out of band
    #[arg(long, value_name = "0x…")]
    pub address: String,
    /// Ask this node whether the chain has it (https, or http on this machine)
    #[arg(long, value_name = "URL")]
    pub rpc: Option<String>,
    /// How many blocks deep it must be, its own block included
    #[arg(long, value_name = "BLOCKS", default_value_t = 1, requires = "rpc")]
    pub confirmations: u64,
    /// Policy, format of the answer
    #[command(flatten)]
    pub common: Common,
}

/// `auditor verify risk-run`
#[derive(Debug, Args)]
pub struct RiskRun {
    /// The run
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Format of the answer
    #[command(flatten)]
    pub common: Common,
}

/// `auditor verify database`
#[derive(Debug, Args)]
pub struct Database {
    /// postgresql://LOGIN@HOST:PORT/DATABASE?sslmode=verify-full
    #[arg(value_name = "URL")]
    pub url: String,
    /// The published log: a folder with a copy, or its URL prefix
    #[arg(long, value_name = "DIR|URL")]
    pub log: String,
    /// A checkpoint of this log that you kept. May be repeated
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Vec<PathBuf>,
    /// The authorities that may vouch for the server (PEM), instead of Mozilla's
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The login's password, in the file's first line
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Policy, format of the answer
    #[command(flatten)]
    pub common: Common,
}
