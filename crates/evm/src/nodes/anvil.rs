//! anvil in a process of its own, asked by JSON-RPC over a Unix socket.
//!
//! Goes in: creation code and calldata (bytes), a sender, a gas limit. Comes out: a receipt, or a call's answer. Gas is in
//! gas.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use alloy_primitives::{Address, Bytes, U64, U256};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::json_rpc::{self, Refusal};
use super::{Foundry, NodeError, hardfork};
use crate::chain::fork::BLOCK_GAS;
use crate::chain::{Calldata, Fork};

/// What anvil prints before its address, once it answers.
const LISTENING: &str = "Listening on ";

/// JSON-RPC's error code for a call that reverted (geth's, which anvil follows).
const REVERTED: i64 = 3;

/// How anvil begins its message about a call that the EVM stopped, as in `EVM error InvalidFEOpcode`.
const HALTED: &str = "EVM error ";

/// How long an answer may be awaited. The largest call that fits a block takes seconds.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running anvil, killed when dropped: a chain of one fork, with mainnet's chain id and block gas limit, that mines
/// each transaction as it comes.
#[derive(Debug)]
pub struct Anvil {
    process: Process,
    url: String,
    folder: TempDir,
    /// Connections that no request is under way on. Each thread that asks takes one.
    idle: Mutex<Vec<BufReader<UnixStream>>>,
}

/// A child that does not outlive its owner.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a mined transaction left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Whether it succeeded.
    pub success: bool,
    /// What the sender paid for, in gas.
    pub gas_used: u64,
    /// The contract that it created.
    pub contract: Option<Address>,
}

/// How a call ended that was not mined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It succeeded, with this data.
    Returned(Bytes),
    /// The contract reverted, with this data.
    Reverted(Bytes),
    /// The EVM stopped it, in anvil's words.
    Halted(String),
}

impl Anvil {
    /// Starts a node and waits until it answers.
    ///
    /// # Errors
    /// [`NodeError::UnknownFork`] for a fork that anvil does not know, [`NodeError::NoFolder`] where its socket has no place, and
    /// [`NodeError::NotStarted`] where anvil ends or says nothing of use.
    pub fn start(foundry: &Foundry, fork: Fork) -> Result<Self, NodeError> {
        Self::start_program(foundry.anvil(), fork)
    }

    fn start_program(anvil: &Path, fork: Fork) -> Result<Self, NodeError> {
        let arguments = hardfork::arguments(fork).ok_or(NodeError::UnknownFork(fork))?;
        let block_gas = BLOCK_GAS.to_string();
        let folder = tempfile::tempdir().map_err(NodeError::NoFolder)?;
        let child = Command::new(anvil)
            .args(arguments)
            .args(["--chain-id", "1", "--gas-limit", &block_gas])
            // Old states would end up in the user's home folder.
            .args(["--prune-history", "--no-request-size-limit"])
            // It answers over HTTP as well, on a free port.
            .args(["--host", "127.0.0.1", "--port", "0", "--color", "never"])
            .arg("--ipc")
            .arg(socket(&folder))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| NodeError::Unusable {
                path: anvil.to_owned(),
                source,
            })?;
        let mut process = Process(child);
        let address = listening_address(&mut process.0)?;
        let node = Self {
            process,
            url: format!("http://{address}"),
            folder,
            idle: Mutex::default(),
        };
        node.request::<()>("anvil_setLoggingEnabled", &json!([false]))?;
        Ok(node)
    }

    /// The node's process.
    pub fn process_id(&self) -> u32 {
        self.process.0.id()
    }

    /// Where the node answers over HTTP.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The accounts that the node made, each with money, for which it signs.
    ///
    /// # Errors
    /// [`NodeError`] where the node does not answer.
    pub fn accounts(&self) -> Result<Vec<Address>, NodeError> {
        self.request("eth_accounts", &json!([]))
    }

    /// Gives an account money, and lets it send transactions that nobody signs.
    ///
    /// # Errors
    /// [`NodeError`] where the node does not answer.
    pub fn impersonate(&self, account: Address) -> Result<(), NodeError> {
        self.request::<()>("anvil_setBalance", &json!([account, U256::MAX >> 1]))?;
        self.request("anvil_impersonateAccount", &json!([account]))
    }

    /// Marks the state, to come back to it once.
    ///
    /// # Errors
    /// [`NodeError`] where the node does not answer.
    pub(super) fn snapshot(&self) -> Result<U256, NodeError> {
        self.request("evm_snapshot", &json!([]))
    }

    /// Goes back to a state that was marked.
    ///
    /// # Errors
    /// [`NodeError`] where the node does not answer.
    pub(super) fn revert_to(&self, snapshot: U256) -> Result<bool, NodeError> {
        self.request("evm_revert", &json!([snapshot]))
    }

    /// Mines a transaction that creates a contract.
    ///
    /// # Errors
    /// [`NodeError::Refused`] where the node does not take the transaction; a creation that fails is a receipt.
    pub fn deploy(
        &self,
        sender: Address,
        creation_code: &Bytes,
        gas_limit: u64,
    ) -> Result<Receipt, NodeError> {
        self.mine(&json!({"from": sender, "data": creation_code, "gas": U64::from(gas_limit)}))
    }

    /// Mines a transaction that calls a contract.
    ///
    /// # Errors
    /// [`NodeError::Refused`] where the node does not take the transaction; a call that fails is a receipt.
    pub fn transact(
        &self,
        sender: Address,
        contract: Address,
        calldata: &Calldata,
        gas_limit: u64,
    ) -> Result<Receipt, NodeError> {
        self.mine(&call_object(sender, contract, calldata, gas_limit))
    }

    /// Calls a contract on the state as it is, and mines nothing.
    ///
    /// # Errors
    /// [`NodeError::Refused`] where the node does not make the call; a call that fails is an answer.
    pub fn call(
        &self,
        sender: Address,
        contract: Address,
        calldata: &Calldata,
        gas_limit: u64,
    ) -> Result<Answer, NodeError> {
        let call = call_object(sender, contract, calldata, gas_limit);
        match self.request("eth_call", &json!([call, "latest"])) {
            Ok(data) => Ok(Answer::Returned(data)),
            Err(NodeError::Refused {
                code: REVERTED, data, ..
            }) => Ok(Answer::Reverted(data.unwrap_or_default())),
            Err(NodeError::Refused { message, .. }) if message.starts_with(HALTED) => {
                Ok(Answer::Halted(message[HALTED.len()..].to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    /// Sends a transaction and waits for its receipt, in one request.
    fn mine(&self, transaction: &Value) -> Result<Receipt, NodeError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Mined {
            status: U64,
            gas_used: U64,
            contract_address: Option<Address>,
        }
        let mined: Mined = self.request("eth_sendTransactionSync", &json!([transaction]))?;
        Ok(Receipt {
            success: mined.status == U64::ONE,
            gas_used: mined.gas_used.to(),
            contract: mined.contract_address,
        })
    }

    fn request<T: DeserializeOwned>(&self, method: &'static str, parameters: &Value) -> Result<T, NodeError> {
        let garbled = |source| NodeError::Garbled { method, source };
        let text = self
            .ask(&json_rpc::request(method, parameters))
            .map_err(|source| NodeError::NoAnswer { method, source })?;
        match json_rpc::response(&text).map_err(garbled)? {
            Ok(result) => serde_json::from_value(result).map_err(garbled),
            Err(Refusal { code, message, data }) => Err(NodeError::Refused {
                method,
                code,
                message,
                data: serde_json::from_value(data).map_err(garbled)?,
            }),
        }
    }

    /// The text of the answer to a request.
    fn ask(&self, request: &str) -> io::Result<String> {
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        connection
            .get_mut()
            .write_all(request.as_bytes())
            .map_err(in_time)?;
        // anvil ends each answer with a line feed.
        let mut answer = String::new();
        if connection.read_line(&mut answer).map_err(in_time)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // Only now: a connection that failed is closed, so that no late answer is taken for another request's.
        self.idle().push(connection);
        Ok(answer)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<BufReader<UnixStream>>> {
        self.idle.lock().expect("nobody panics while they hold it")
    }

    fn connect(&self) -> io::Result<BufReader<UnixStream>> {
        let stream = UnixStream::connect(socket(&self.folder))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(BufReader::new(stream))
    }
}

/// Where the node listens.
fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("anvil.ipc")
}

/// What a socket's timeout is told as.
fn in_time(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => {
            let message = format!("nothing came in {} seconds", PATIENCE.as_secs());
            io::Error::new(io::ErrorKind::TimedOut, message)
        }
        _ => error,
    }
}

fn call_object(sender: Address, contract: Address, calldata: &Calldata, gas_limit: u64) -> Value {
    json!({"from": sender, "to": contract, "data": calldata.bytes(), "gas": U64::from(gas_limit)})
}

/// Reads what the node prints up to its address, and lets the rest go unread without ever blocking it.
fn listening_address(node: &mut Child) -> Result<String, NodeError> {
    let mut lines = BufReader::new(node.stdout.take().expect("stdout is piped")).lines();
    let address = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix(LISTENING).map(str::to_owned));
    let Some(address) = address else {
        let mut stderr = String::new();
        if let Some(pipe) = &mut node.stderr {
            // What cannot be read is not told.
            let _ = pipe.read_to_string(&mut stderr);
        }
        return Err(NodeError::NotStarted {
            stderr: stderr.trim().to_owned(),
        });
    };
    let mut stderr = node.stderr.take().expect("stderr is piped");
    std::thread::spawn(move || lines.for_each(drop));
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    Ok(address)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Starts a program that runs this script in place of anvil.
    fn start(script: &str) -> NodeError {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anvil");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Anvil::start_program(&path, Fork::Osaka).unwrap_err()
    }

    #[test]
    fn a_node_that_ends_at_once_is_an_error_with_what_it_printed() {
        let error = start("echo banner; echo 'no such option' >&2; exit 2");
        assert!(matches!(error, NodeError::NotStarted { stderr } if stderr == "no such option"));
    }

    #[test]
    fn a_node_that_does_not_answer_is_an_error() {
        let error = start("echo 'Listening on 127.0.0.1:1'; sleep 60");
        assert!(matches!(error, NodeError::NoAnswer { .. }));
    }
}
