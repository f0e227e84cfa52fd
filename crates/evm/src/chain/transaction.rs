//! One transaction on a state, under a rulebook.

use std::convert::Infallible;

use alloy_primitives::{Address, Bytes, TxKind, U256, address};
use revm::context::result::{EVMError, ExecutionResult, InvalidTransaction, ResultAndState, ResultGas};
use revm::context::{BlockEnv, TransactionType, TxEnv};
use revm::database::{CacheDB, EmptyDB, WrapDatabaseRef};
use revm::handler::MainnetContext;
use revm::state::{AccountInfo, EvmState};
use revm::{Context, ExecuteEvm as _, InspectEvm as _, MainBuilder as _, MainContext as _};

use super::attribution::{Attribution, Meter};
use super::error::ChainError;
use super::fork::Fork;
use super::gas::{Intrinsic, TransactionGas, paid};
use super::rules::{self, BrokenRule, Needs, RuleMargin, Rulebook};
use super::verdict::{Verdict, refused, verdict_on};
use crate::solidity::SectionMap;

/// A chain's state, in memory.
pub(super) type State = CacheDB<EmptyDB>;

/// Who sends every transaction: an account without code that can pay for anything.
pub(crate) const SENDER: Address = address!("00000000000000000000000000000000000e2511");

/// Who gets the fees, so that they do not touch an account under test.
pub(crate) const BENEFICIARY: Address = address!("00000000000000000000000000000000000c014b");

/// One gwei, for the base fee and for what is paid: no result depends on it.
pub(crate) const GAS_PRICE_WEI: u64 = 1_000_000_000;

/// A chain with nothing on it but the sender's money.
pub(super) fn genesis() -> State {
    let mut state = State::default();
    state.insert_account_info(SENDER, AccountInfo::from_balance(U256::MAX >> 1));
    state
}

/// A transaction of [`SENDER`]'s, before a gas limit is set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) kind: TxKind,
    pub(super) data: &'a Bytes,
    pub(super) nonce: u64,
}

/// What became of a transaction.
#[derive(Debug)]
pub(super) struct Ran {
    /// The receipt's contents; or why there is none.
    pub(super) result: Result<ExecutionResult, InvalidTransaction>,
    /// The accounts that it changed.
    pub(super) changes: EvmState,
    intrinsic: Intrinsic,
    gas_limit: u64,
}

/// What became of a transaction under the rules of its fork, where its gas went, and the rules that were in its way.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) ran: Ran,
    /// None for a transaction that the chain does not take.
    pub(super) attribution: Option<Attribution>,
    pub(super) margins: Vec<RuleMargin>,
    pub(super) rules_broken: Vec<BrokenRule>,
}

/// Runs the transaction under its fork's rules, less those that it breaks.
///
/// What it needs is measured first, without limits. Then it runs with the broken rules lifted and every other one in
/// force, and that run alone is reported, with its gas attributed: to sections, too, of the code whose map is given.
pub(super) fn judge(
    state: &State,
    fork: Fork,
    request: Request<'_>,
    sections: Option<&SectionMap>,
) -> Result<Judged, ChainError> {
    let measured = run(state, &Rulebook::measuring(fork), request)?;
    let mut margins = measured.needs(request).margins(fork);
    loop {
        let rules_broken = rules::broken(fork, &margins);
        let rulebook = Rulebook::lifting(fork, &rules_broken);
        let (ran, attribution) = run_attributed(state, &rulebook, request, sections)?;
        let fails_at_a_limit = measured.verdict().is_success() && !ran.verdict().is_success();
        if !(fails_at_a_limit && rules::break_next_gas_rule(&mut margins)) {
            return Ok(Judged {
                ran,
                attribution,
                margins,
                rules_broken,
            });
        }
    }
}

/// Runs one transaction and leaves the state as it is.
pub(super) fn run(state: &State, rulebook: &Rulebook, request: Request<'_>) -> Result<Ran, ChainError> {
    let transaction = request.transaction(rulebook);
    let intrinsic = Intrinsic::of(&transaction, &rulebook.config);
    let outcome = chain(state, rulebook).build_mainnet().transact(transaction);
    Ran::new(outcome, intrinsic, rulebook.gas_limit)
}

/// Does the same as [`run`], slower, and says where the gas went; nowhere for a transaction that the chain does not take.
pub(super) fn run_attributed(
    state: &State,
    rulebook: &Rulebook,
    request: Request<'_>,
    sections: Option<&SectionMap>,
) -> Result<(Ran, Option<Attribution>), ChainError> {
    let transaction = request.transaction(rulebook);
    let intrinsic = Intrinsic::of(&transaction, &rulebook.config);
    let mut meter = Meter::new(&transaction, &rulebook.config, intrinsic, sections);
    let outcome = chain(state, rulebook)
        .build_mainnet_with_inspector(&mut meter)
        .inspect_tx(transaction);
    let ran = Ran::new(outcome, intrinsic, rulebook.gas_limit)?;
    let attribution = match &ran.result {
        Ok(result) => Some(meter.attribution(result.gas())?),
        Err(_) => None,
    };
    Ok((ran, attribution))
}

/// The chain that a transaction runs on.
pub(super) fn chain<'a>(state: &'a State, rulebook: &Rulebook) -> MainnetContext<WrapDatabaseRef<&'a State>> {
    let block = BlockEnv {
        number: U256::ONE,
        beneficiary: BENEFICIARY,
        gas_limit: rulebook.block_gas,
        basefee: GAS_PRICE_WEI,
        ..BlockEnv::default()
    };
    Context::mainnet()
        .with_db(WrapDatabaseRef(state))
        .with_cfg(rulebook.config.clone())
        .with_block(block)
}

/// Gas that any transaction may take, whatever its data: more than twice a block's.
const LEAST_MOST_GAS: u64 = 1 << 27;

/// Gas that it may take for each byte of its data, where that is more. The most that anything honest takes is the state gas of a
/// deployment, some 1,200 for a byte of code; a verifier takes less than 200 for a byte of calldata.
const MOST_GAS_OF_A_BYTE: u64 = 2_000;

impl Request<'_> {
    /// The gas limit where the chain's are lifted. Code from elsewhere may run for ever: it is stopped in less than a second, unless
    /// it was sent millions of bytes to work on.
    fn most_gas(&self) -> u64 {
        LEAST_MOST_GAS + MOST_GAS_OF_A_BYTE * self.data.len() as u64
    }

    pub(super) fn transaction(&self, rulebook: &Rulebook) -> TxEnv {
        TxEnv {
            tx_type: TransactionType::Eip1559 as u8,
            caller: SENDER,
            gas_limit: rulebook.gas_limit.min(self.most_gas()),
            gas_price: GAS_PRICE_WEI.into(),
            gas_priority_fee: Some(0),
            kind: self.kind,
            data: self.data.clone(),
            nonce: self.nonce,
            chain_id: Some(rulebook.config.chain_id),
            ..TxEnv::default()
        }
    }
}

impl Ran {
    fn new(
        outcome: Result<ResultAndState, EVMError<Infallible>>,
        intrinsic: Intrinsic,
        gas_limit: u64,
    ) -> Result<Self, ChainError> {
        let (result, changes) = match outcome {
            Ok(outcome) => (Ok(outcome.result), outcome.state),
            Err(EVMError::Transaction(reason)) => (Err(reason), EvmState::default()),
            Err(error) => return Err(ChainError::Evm(Box::new(error))),
        };
        Ok(Self {
            result,
            changes,
            intrinsic,
            gas_limit,
        })
    }

    pub(super) fn verdict(&self) -> Verdict {
        match &self.result {
            Ok(result) => verdict_on(result),
            Err(reason) => refused(reason),
        }
    }

    /// None for a transaction that the chain does not take: it costs nothing.
    pub(super) fn gas(&self) -> Option<TransactionGas> {
        let result = self.result.as_ref().ok()?;
        Some(paid(self.intrinsic, result.gas(), self.gas_limit))
    }

    /// What the transaction needs, from a run without limits.
    fn needs(&self, request: Request<'_>) -> Needs {
        let creates = request.kind.is_create();
        // A halt spends whatever there is, so that it says nothing about what was needed.
        let gas = match &self.result {
            Ok(result) if !result.is_halt() => *result.gas(),
            _ => ResultGas::default()
                .with_total_gas_spent(self.intrinsic.gas)
                .with_floor_gas(self.intrinsic.floor_gas),
        };
        let runtime_code = match &self.result {
            Ok(ExecutionResult::Success { output, .. }) if creates => Some(output.data().len() as u64),
            _ => None,
        };
        Needs {
            initcode_bytes: creates.then_some(request.data.len() as u64),
            runtime_code_bytes: runtime_code,
            capped_gas: gas.block_regular_gas_used(),
            block_gas: gas.total_gas_spent().max(gas.floor_gas()),
            floor_gas: gas.floor_gas(),
            transaction_bytes: encoded_bytes(request, gas.total_gas_spent()),
        }
    }
}

/// Length of the transaction as nodes exchange it: type 2 (EIP-1559), signed, on mainnet, with a signature of full length.
pub(super) fn encoded_bytes(request: Request<'_>, gas_limit: u64) -> u64 {
    let destination = if request.kind.is_create() { 1 } else { 21 };
    let data = match request.data.as_ref() {
        [byte] if *byte < 0x80 => 1,
        data => rlp_bytes(data.len() as u64),
    };
    let (chain_id, priority_fee, value, access_list, parity) = (1, 1, 1, 1, 1);
    let signature = 2 * rlp_bytes(32);
    let fields = chain_id
        + rlp_number_bytes(request.nonce)
        + priority_fee
        + rlp_number_bytes(GAS_PRICE_WEI)
        + rlp_number_bytes(gas_limit)
        + destination
        + value
        + data
        + access_list
        + parity
        + signature;
    1 + rlp_bytes(fields)
}

/// Length in RLP of a string or list of `length` bytes.
fn rlp_bytes(length: u64) -> u64 {
    let prefix = if length < 56 {
        1
    } else {
        1 + significant_bytes(length)
    };
    prefix + length
}

/// Length in RLP of a number.
fn rlp_number_bytes(number: u64) -> u64 {
    if number < 0x80 {
        1
    } else {
        1 + significant_bytes(number)
    }
}

fn significant_bytes(number: u64) -> u64 {
    u64::from(u64::BITS - number.leading_zeros()).div_ceil(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever rules are lifted: 45 bytes of creation code are not given the gas of a verifier of millions of public values.
    #[test]
    fn endless_code_is_stopped_soon() {
        // JUMPDEST, PUSH1 0, JUMP: as creation code, and as what a call runs.
        let endless = Bytes::from_static(&[0x5b, 0x60, 0x00, 0x56]);
        let request = Request {
            kind: TxKind::Create,
            data: &endless,
            nonce: 0,
        };
        for fork in Fork::ALL {
            let start = std::time::Instant::now();
            let judged = judge(&genesis(), fork, request, None).unwrap();
            assert!(!judged.ran.verdict().is_success(), "{fork:?}");
            assert!(start.elapsed().as_secs() < 20, "{fork:?} {:?}", start.elapsed());
        }
        let rulebook = Rulebook::measuring(Fork::Osaka);
        assert_eq!(request.transaction(&rulebook).gas_limit, (1 << 27) + 4 * 2_000);
        // Where the rules of a chain hold, theirs is less.
        let rulebook = Rulebook::lifting(Fork::Osaka, &[]);
        assert_eq!(request.transaction(&rulebook).gas_limit, 16_777_216);
        // Three million public values still get what is lifted for them.
        let large = Bytes::from(vec![1; 96_000_000]);
        let request = Request {
            data: &large,
            ..request
        };
        let rulebook = Rulebook::measuring(Fork::Osaka);
        assert_eq!(request.transaction(&rulebook).gas_limit, rules::LIFTED_GAS);
    }

    /// By hand: type, list prefix (3), 1, nonce, 0, price (5), gas (4), to (21), value, data, list, parity, 2 × 33.
    #[test]
    fn the_encoding_has_the_length_of_its_fields() {
        let call = |data: &[u8]| {
            let data = Bytes::copy_from_slice(data);
            encoded_bytes(
                Request {
                    kind: TxKind::Call(SENDER),
                    data: &data,
                    nonce: 1,
                },
                604_901,
            )
        };
        let rest = 1 + 1 + 1 + 5 + 4 + 21 + 1 + 1 + 1 + 66;
        assert_eq!(call(&[]), 1 + 2 + rest + 1);
        assert_eq!(call(&[0x7f]), 1 + 2 + rest + 1);
        assert_eq!(call(&[0x80]), 1 + 2 + rest + 2);
        assert_eq!(call(&[1; 55]), 1 + 2 + rest + 56);
        assert_eq!(call(&[1; 56]), 1 + 2 + rest + 58);
        assert_eq!(call(&vec![1; 70_000]), 1 + 4 + rest + 4 + 70_000);
        let data = Bytes::new();
        let creation = Request {
            kind: TxKind::Create,
            data: &data,
            nonce: 0,
        };
        assert_eq!(encoded_bytes(creation, 604_901), 1 + 2 + rest - 20 + 1);
    }
}
