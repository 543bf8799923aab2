//! A local EVM chain by anvil: the real protocol in a chain of our own, which forgets, stalls and reorganises on
//! request.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use evm::{Address, Hash, SigningKey};
use serde_json::{Value, json};

use crate::child::{Child, Plan};
use crate::http::{self, Request};
use crate::postgres::free_port;
use crate::tools;

const START_TIMEOUT: Duration = Duration::from_mins(1);
/// The id of every local chain.
pub const CHAIN_ID: u64 = 31_337;
/// What an account is given: a hundred coins.
const FUNDS_WEI: u128 = 100_000_000_000_000_000_000;
/// The number of empty blocks that a new chain begins with, so that there is something to reorganise.
const FIRST_BLOCKS: u64 = 8;

/// When blocks are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mining {
    /// One for each transaction, at once.
    AtOnce,
    /// A block at this interval in seconds, full or empty.
    EverySeconds(u64),
    /// When it is asked for.
    OnRequest,
}

/// A running chain.
#[derive(Debug)]
pub struct Chain {
    node: Child,
    address: SocketAddr,
}

impl Chain {
    /// Starts it with an account that can pay; its log goes to that folder. What is temporary begins anew, and
    /// the folder is removed at the end; otherwise the chain goes on where it was.
    pub fn start(folder: &Path, temporary: bool, mining: Mining, account: Address) -> Result<Self> {
        let port = free_port(0)?;
        let mut command = Command::new(tools::anvil()?);
        command
            .args(["--host", "127.0.0.1", "--accounts", "0", "--threads", "1"])
            .args(["--port", &port.to_string()])
            .args(["--chain-id", &CHAIN_ID.to_string()])
            .arg("--preserve-historical-states");
        if mining != Mining::AtOnce {
            command.arg("--no-mining");
        }
        if !temporary {
            // Written each minute as well, so that little is lost if it is killed.
            command.args(["--state-interval", "60", "--state"]);
            command.arg(state(folder));
        }
        let mut node = Child::start(Plan {
            name: "the chain",
            command,
            log: folder.join("chain.log"),
            stop_signal: "SIGTERM",
            grace: Duration::from_secs(5),
            identity: None,
            remove_afterwards: temporary.then(|| folder.to_owned()),
        })?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        node.wait_until(START_TIMEOUT, || {
            call(address, "eth_chainId", &json!([])).is_ok()
        })?;
        let chain = Self { node, address };
        chain.fund(account)?;
        if chain.head()? < FIRST_BLOCKS {
            chain.mine(FIRST_BLOCKS)?;
        }
        chain.set_mining(mining)?;
        Ok(chain)
    }

    /// Forgets the chain that was kept in that folder.
    pub fn forget(folder: &Path) -> Result<()> {
        match std::fs::remove_file(state(folder)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// `CHAIN_RPC_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives the account enough for thousands of transactions.
    pub fn fund(&self, account: Address) -> Result<()> {
        self.set_balance(account, FUNDS_WEI)
    }

    /// Sets the account's balance.
    pub fn set_balance(&self, account: Address, wei: u128) -> Result<()> {
        let parameters = json!([account.to_string(), format!("{wei:#x}")]);
        self.call("anvil_setBalance", &parameters).map(drop)
    }

    /// From now on blocks are made in this way.
    pub fn set_mining(&self, mining: Mining) -> Result<()> {
        let (at_once, seconds) = match mining {
            Mining::AtOnce => (true, 0),
            Mining::EverySeconds(seconds) => (false, seconds),
            Mining::OnRequest => (false, 0),
        };
        self.call("anvil_setIntervalMining", &json!([seconds]))?;
        self.call("evm_setAutomine", &json!([at_once])).map(drop)
    }

    /// Makes this number of blocks; the first one takes the waiting transactions.
    pub fn mine(&self, blocks: u64) -> Result<()> {
        self.call("anvil_mine", &json!([format!("{blocks:#x}")]))
            .map(drop)
    }

    /// Replaces this number of the last blocks by empty ones, as a reorganisation does.
    pub fn reorganise(&self, blocks: u64) -> Result<()> {
        self.call("anvil_reorg", &json!([blocks, []])).map(drop)
    }

    /// Forgets a transaction that is waiting.
    pub fn forget_transaction(&self, hash: Hash) -> Result<()> {
        self.call("anvil_dropTransaction", &json!([hash.to_string()]))
            .map(drop)
    }

    /// What a unit of gas will cost in the next block.
    pub fn set_base_fee(&self, wei: u128) -> Result<()> {
        self.call(
            "anvil_setNextBlockBaseFeePerGas",
            &json!([format!("{wei:#x}")]),
        )
        .map(drop)
    }

    /// The height of the chain.
    pub fn head(&self) -> Result<u64> {
        number(&self.call("eth_blockNumber", &json!([]))?)
    }

    /// How many transactions of the account are in the chain.
    pub fn nonce(&self, account: Address) -> Result<u64> {
        let parameters = json!([account.to_string(), "latest"]);
        number(&self.call("eth_getTransactionCount", &parameters)?)
    }

    /// The transactions of a block, or of the one to come, whole.
    pub fn transactions(&self, block: &Value) -> Result<Vec<Value>> {
        let block = self.call("eth_getBlockByNumber", &json!([block, true]))?;
        let transactions = block["transactions"].as_array();
        transactions.cloned().context("no block")
    }

    /// All of the chain's transactions, oldest first.
    pub fn all_transactions(&self) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        for block in 0..=self.head()? {
            all.extend(self.transactions(&json!(format!("{block:#x}")))?);
        }
        Ok(all)
    }

    /// The transactions that wait.
    pub fn waiting(&self) -> Result<Vec<Value>> {
        self.transactions(&json!("pending"))
    }

    /// Any method of the node.
    pub fn call(&self, method: &str, parameters: &Value) -> Result<Value> {
        call(self.address, method, parameters)
    }

    /// Ends the chain, as dropping does. A chain that is not temporary is saved.
    pub fn stop(&mut self) {
        self.node.stop();
    }
}

/// One JSON-RPC call to a node there.
pub fn call(address: SocketAddr, method: &str, parameters: &Value) -> Result<Value> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
    let mut answer = http::send(address, &Request::new("POST", "/").json(&body))?.json();
    if !answer["error"].is_null() {
        bail!("{method}: {}", answer["error"]);
    }
    ensure!(answer.get("result").is_some(), "{method}: {answer}");
    Ok(answer["result"].take())
}

/// A node's number.
pub fn number(quantity: &Value) -> Result<u64> {
    let digits = quantity.as_str().and_then(|text| text.strip_prefix("0x"));
    let digits = digits.with_context(|| format!("no number: {quantity}"))?;
    Ok(u64::from_str_radix(digits, 16)?)
}

/// The account of a private key.
pub fn account(private_key: &str) -> Result<SigningKey> {
    Ok(SigningKey::from_hex(private_key)?)
}

fn state(folder: &Path) -> PathBuf {
    folder.join("chain.state")
}
