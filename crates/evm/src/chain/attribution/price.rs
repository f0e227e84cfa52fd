//! What a transaction's bytes and an interpreter's steps cost, by the fork's tables.

use alloy_primitives::{Address, U256};
use revm::JournalEntry;
use revm::bytecode::opcode;
use revm::context::{Cfg as _, CfgEnv, ContextTr, JournalTr as _, TxEnv};
use revm::context_interface::cfg::GasParams;
use revm::context_interface::context::SStoreResult;
use revm::inspector::JournalExt;
use revm::interpreter::instructions::{GasTable, gas_table_spec};
use revm::primitives::{eip2780, eip8038};

use super::Cause;
use crate::chain::Calldata;

/// A cause and its gas.
pub(super) type Part = (Cause, u64);

/// What a fork asks for.
///
/// Transactions here carry no value, no access list and no authorizations, so that these have no price; one that did
/// would be an error, and never a wrong sum.
#[derive(Debug)]
pub(super) struct Prices {
    /// Each opcode's price before anything that depends on its operands.
    table: GasTable,
    params: GasParams,
    /// EIP-8037: code is new state, and its hash is paid for.
    code_is_state: bool,
}

/// A step's opcode and what it depends on, read before it runs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Operation {
    pub(super) opcode: u8,
    /// The words on top of the stack, topmost first; 0 below its bottom.
    pub(super) operands: [U256; 4],
    /// The account whose code runs.
    pub(super) account: Address,
    /// How many entries the journal had.
    pub(super) journal_length: usize,
}

impl Prices {
    pub(super) fn of(rules: &CfgEnv) -> Self {
        Self {
            table: gas_table_spec(*rules.spec()),
            params: rules.gas_params.clone(),
            code_is_state: rules.is_amsterdam_eip8037_enabled(),
        }
    }

    /// The parts of what a transaction costs before anything runs.
    pub(super) fn intrinsic(&self, transaction: &TxEnv, rules: &CfgEnv) -> Vec<Part> {
        let params = &self.params;
        let size = Calldata::raw(transaction.data.clone()).size();
        let token = params.tx_token_cost();
        let mut parts = vec![
            (Cause::CalldataZero, size.zero_bytes * token),
            (
                Cause::CalldataNonzero,
                size.nonzero_bytes * token * params.tx_token_non_zero_byte_multiplier(),
            ),
        ];
        let creates = transaction.kind.is_create();
        if creates {
            parts.push((Cause::Initcode, params.tx_initcode_cost(transaction.data.len())));
        }
        if rules.is_amsterdam_eip2780_enabled() {
            parts.push((Cause::Base, eip2780::TX_BASE_COST));
            parts.push(if creates {
                (Cause::Creation, params.tx_create_access_cost())
            } else {
                (Cause::Recipient, eip8038::COLD_ACCOUNT_ACCESS)
            });
        } else {
            parts.push((Cause::Base, params.tx_base_stipend()));
            if creates {
                parts.push((Cause::Creation, params.tx_create_cost()));
            }
        }
        parts
    }

    /// The parts of what a step that did not halt costs, without memory, new state and the gas that it hands on.
    pub(super) fn step<C>(&self, operation: &Operation, context: &C) -> [Part; 3]
    where
        C: ContextTr<Journal: JournalExt>,
    {
        let params = &self.params;
        let fixed = u64::from(self.table[usize::from(operation.opcode)]);
        let size = |index: usize| usize::try_from(operation.operands[index]).unwrap_or(usize::MAX);
        let one = |cause, gas| [(cause, gas), (cause, 0), (cause, 0)];
        match operation.opcode {
            opcode::EXP => one(Cause::Arithmetic, fixed + params.exp_cost(operation.operands[1])),
            opcode::KECCAK256 => one(Cause::Keccak, fixed + params.keccak256_cost(size(1))),
            opcode::CALLDATACOPY | opcode::CODECOPY | opcode::RETURNDATACOPY => {
                one(Cause::DataMovement, fixed + params.copy_cost(size(2)))
            }
            opcode::MCOPY => one(Cause::DataMovement, fixed + params.mcopy_cost(size(2))),
            opcode::LOG0..=opcode::LOG4 => {
                let topics = operation.opcode - opcode::LOG0;
                one(Cause::Logs, fixed + params.log_cost(topics, size(1) as u64))
            }
            opcode::SLOAD => {
                let first = Accesses::since(operation, context).slots * params.cold_storage_additional_cost();
                one(Cause::Storage, fixed + first)
            }
            opcode::SSTORE => one(Cause::Storage, fixed + self.store(operation, context)),
            opcode::BALANCE | opcode::EXTCODESIZE | opcode::EXTCODEHASH => {
                one(Cause::Calls, fixed + self.first_access(operation, context))
            }
            opcode::EXTCODECOPY => [
                (Cause::Calls, fixed + self.first_access(operation, context)),
                (Cause::DataMovement, params.extcodecopy(size(3))),
                (Cause::DataMovement, 0),
            ],
            opcode::CALL | opcode::CALLCODE | opcode::DELEGATECALL | opcode::STATICCALL => one(
                Cause::Calls,
                fixed + self.first_access(operation, context) + self.transfer(operation, context),
            ),
            opcode::CREATE => [
                (Cause::Creation, fixed + params.create_cost()),
                (Cause::Initcode, params.initcode_cost(size(2))),
                (Cause::Keccak, 0),
            ],
            opcode::CREATE2 => [
                (Cause::Creation, fixed + params.create_cost()),
                (Cause::Initcode, params.initcode_cost(size(2))),
                (Cause::Keccak, params.keccak256_cost(size(2))),
            ],
            opcode::SELFDESTRUCT => {
                // It pays for a new account only with money to send, and no account but the sender's has any.
                let is_first = Accesses::since(operation, context).accounts > 0;
                one(Cause::Calls, fixed + params.selfdestruct_cost(false, is_first))
            }
            other => one(cause_of_fixed_price(other), fixed),
        }
    }

    /// Code that stays: (what it costs, new state).
    pub(super) fn code(&self, code_bytes: usize) -> (u64, u64) {
        let hash = if self.code_is_state {
            self.params.keccak256_cost(code_bytes)
        } else {
            0
        };
        (
            self.params.code_deposit_cost(code_bytes) + hash,
            self.params.code_deposit_state_gas(code_bytes),
        )
    }

    /// What is given back of `counted`, by a transaction that spent `spent_gas`.
    pub(super) fn refund(&self, counted: i64, spent_gas: u64) -> u64 {
        u64::try_from(counted)
            .unwrap_or(0)
            .min(spent_gas / self.params.max_refund_quotient())
    }

    /// New state for the account that a transaction creates (EIP-8037).
    pub(super) fn created_account(&self) -> u64 {
        self.params.create_state_gas()
    }

    pub(super) fn params(&self) -> &GasParams {
        &self.params
    }

    fn first_access<C>(&self, operation: &Operation, context: &C) -> u64
    where
        C: ContextTr<Journal: JournalExt>,
    {
        Accesses::since(operation, context).accounts * self.params.cold_account_additional_cost()
    }

    /// What a call with value costs beyond one without, less the gas that the callee has for nothing.
    fn transfer<C>(&self, operation: &Operation, context: &C) -> u64
    where
        C: ContextTr<Journal: JournalExt>,
    {
        let [_, callee, value, _] = operation.operands;
        let may_transfer = matches!(operation.opcode, opcode::CALL | opcode::CALLCODE);
        if !may_transfer || value.is_zero() {
            return 0;
        }
        let state = context.journal_ref().evm_state();
        let is_new = operation.opcode == opcode::CALL
            && state
                .get(&Address::from_word(callee.into()))
                .is_some_and(revm::state::Account::is_empty);
        let new_account = if is_new {
            self.params.new_account_cost(true, true)
        } else {
            0
        };
        self.params.transfer_value_cost() + new_account - self.params.call_stipend()
    }

    fn store<C>(&self, operation: &Operation, context: &C) -> u64
    where
        C: ContextTr<Journal: JournalExt>,
    {
        let [key, new_value, ..] = operation.operands;
        let accesses = Accesses::since(operation, context);
        let slot = context
            .journal_ref()
            .evm_state()
            .get(&operation.account)
            .and_then(|account| account.storage.get(&key));
        let values = SStoreResult {
            original_value: slot.map_or(U256::ZERO, revm::state::EvmStorageSlot::original_value),
            // The journal notes what a store overwrites; without a note, nothing changed.
            present_value: accesses.overwritten.unwrap_or(new_value),
            new_value,
        };
        self.params.sstore_static_gas() + self.params.sstore_dynamic_gas(true, &values, accesses.slots > 0)
    }
}

/// What a step was the first to reach for, as the journal notes it.
#[derive(Default)]
struct Accesses {
    accounts: u64,
    slots: u64,
    overwritten: Option<U256>,
}

impl Accesses {
    fn since<C>(operation: &Operation, context: &C) -> Self
    where
        C: ContextTr<Journal: JournalExt>,
    {
        let mut accesses = Self::default();
        for entry in &context.journal_ref().journal()[operation.journal_length..] {
            match entry {
                JournalEntry::AccountWarmed { .. } => accesses.accounts += 1,
                JournalEntry::StorageWarmed { .. } => accesses.slots += 1,
                JournalEntry::StorageChanged { had_value, .. } => accesses.overwritten = Some(*had_value),
                _ => {}
            }
        }
        accesses
    }
}

/// The cause of an opcode whose price does not depend on its operands.
fn cause_of_fixed_price(opcode: u8) -> Cause {
    match opcode {
        opcode::STOP
        | opcode::JUMP
        | opcode::JUMPI
        | opcode::JUMPDEST
        | opcode::RETURN
        | opcode::REVERT
        | opcode::INVALID => Cause::ControlFlow,
        opcode::ADD..=opcode::SIGNEXTEND | opcode::LT..=opcode::CLZ => Cause::Arithmetic,
        opcode::TLOAD | opcode::TSTORE => Cause::Storage,
        _ => Cause::DataMovement,
    }
}

/// The cause of a precompile's gas.
pub(super) fn cause_of_precompile(address: Address) -> Option<Cause> {
    const CAUSES: [Cause; 17] = [
        Cause::EcRecover,
        Cause::Sha256,
        Cause::Ripemd160,
        Cause::Identity,
        Cause::Modexp,
        Cause::EcAdd,
        Cause::EcMul,
        Cause::Pairing,
        Cause::Blake2f,
        Cause::PointEvaluation,
        Cause::Bls12G1Add,
        Cause::Bls12G1Msm,
        Cause::Bls12G2Add,
        Cause::Bls12G2Msm,
        Cause::Bls12Pairing,
        Cause::Bls12MapFpToG1,
        Cause::Bls12MapFp2ToG2,
    ];
    let number = usize::try_from(U256::from_be_bytes(address.into_word().0)).ok()?;
    if number == 0x100 {
        return Some(Cause::P256Verify);
    }
    CAUSES.get(number.checked_sub(1)?).copied()
}
