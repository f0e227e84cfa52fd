//! Watches a transaction run, and writes down what each step costs.

use revm::bytecode::OpCode;
use revm::context::result::ResultGas;
use revm::context::{Cfg as _, CfgEnv, ContextTr, TxEnv};
use revm::context_interface::cfg::gas::InitialAndFloorGas;
use revm::handler::FrameResult;
use revm::inspector::{Inspector, JournalExt};
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::{InputsTr as _, Jumps as _, LoopControl as _};
use revm::interpreter::{FrameInput, Gas, Interpreter, InterpreterAction};

use super::price::{self, Operation, Part, Prices};
use super::{AttributionError, Cause, GasByCause, GasBySection};
use crate::chain::gas::Intrinsic;
use crate::solidity::{Place, Section, SectionMap};

/// Where a transaction's gas went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::chain) struct Attribution {
    pub(in crate::chain) by_cause: GasByCause,
    /// None where no code's sections were given.
    pub(in crate::chain) by_section: Option<GasBySection>,
}

/// An inspector that prices every step and checks the price against the interpreter's gas counter.
#[derive(Debug)]
pub(in crate::chain) struct Meter<'a> {
    prices: Prices,
    sections: Option<&'a SectionMap>,
    /// The transaction itself, then its calls and creations, outermost first.
    frames: Vec<Frame<'a>>,
    by_section: [u64; Section::ALL.len()],
    step: Step,
    /// Whether anything ran.
    entered: bool,
    /// The first step that could not be accounted for.
    error: Option<AttributionError>,
}

/// A call, a creation, or the transaction that holds them all, with what was spent in it and in the calls that it made.
#[derive(Debug)]
struct Frame<'a> {
    /// Never undone: what is spent is spent, even in a call that reverts.
    by_cause: [u64; Cause::ALL.len()],
    /// New state, undone by a revert. Below 0 where state that an outer frame paid for is given back.
    state_gas: i64,
    /// Undone by a revert.
    refund: i64,
    /// What a halt right now would lose.
    left: u64,
    /// The sections of the frame's code, where they are known.
    sections: Option<&'a SectionMap>,
    /// The section that runs; a shared function belongs to the section that called it.
    section: Section,
}

/// A step that has begun.
#[derive(Debug, Default)]
struct Step {
    operation: Operation,
    pc: usize,
    section: Section,
    before: Reading,
}

/// The interpreter's counters.
#[derive(Debug, Clone, Copy, Default)]
struct Reading {
    /// Gas left, with what new state took of it: that is counted as state.
    left: u64,
    state_gas: i64,
    refund: i64,
    memory_gas: u64,
}

impl Reading {
    fn of(gas: &Gas) -> Self {
        Self {
            left: gas.remaining() + gas.state_gas_spilled(),
            state_gas: gas.state_gas_spent(),
            refund: gas.refunded(),
            memory_gas: gas.memory().expansion_cost,
        }
    }
}

impl<'a> Frame<'a> {
    fn new(left: u64, sections: Option<&'a SectionMap>, section: Section) -> Self {
        Self {
            by_cause: [0; Cause::ALL.len()],
            state_gas: 0,
            refund: 0,
            left,
            sections,
            section,
        }
    }
}

impl<'a> Meter<'a> {
    /// A meter for one transaction under these rules.
    pub(in crate::chain) fn new(
        transaction: &TxEnv,
        rules: &CfgEnv,
        intrinsic: Intrinsic,
        sections: Option<&'a SectionMap>,
    ) -> Self {
        let prices = Prices::of(rules);
        let (left, _) = InitialAndFloorGas::new(intrinsic.gas, intrinsic.floor_gas)
            .initial_gas_and_reservoir(transaction.gas_limit, rules.tx_gas_limit_cap());
        let mut frame = Frame::new(left, None, Section::Unplaced);
        for (cause, gas) in prices.intrinsic(transaction, rules) {
            frame.by_cause[cause as usize] += gas;
        }
        let sum = frame.by_cause.iter().sum();
        Self {
            prices,
            sections,
            frames: vec![frame],
            by_section: [0; Section::ALL.len()],
            step: Step::default(),
            entered: false,
            error: (sum != intrinsic.gas).then_some(AttributionError::Intrinsic {
                charged: intrinsic.gas,
                priced: sum,
            }),
        }
    }

    /// Where the gas went, if the parts sum to the receipt's.
    pub(in crate::chain) fn attribution(
        mut self,
        receipt: &ResultGas,
    ) -> Result<Attribution, AttributionError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        // A transaction that cannot pay for the account that it creates halts before anything runs.
        if !self.entered {
            let left = self.frame().left;
            self.charge(Section::Unplaced, (Cause::Halted, left));
        }
        let transaction = &self.frames[0];
        let regular: u64 = transaction.by_cause.iter().sum();
        let spent = receipt.total_gas_spent();
        let refund = self.prices.refund(transaction.refund, spent);
        let after_refund = spent - refund;
        let surcharge = receipt.floor_gas().saturating_sub(after_refund);

        let regular_causes = Cause::ALL.iter().zip(transaction.by_cause);
        let by_cause: GasByCause = regular_causes
            .map(|(&cause, gas)| (cause, gas.cast_signed()))
            .filter(|&(_, gas)| gas != 0)
            .chain([
                (Cause::State, transaction.state_gas),
                (Cause::FloorSurcharge, surcharge.cast_signed()),
                (Cause::Refund, -refund.cast_signed()),
            ])
            .collect();
        for (figure, receipt, attributed) in [
            ("gas spent", spent, regular.cast_signed() + transaction.state_gas),
            (
                "state gas",
                receipt.state_gas_spent_final(),
                transaction.state_gas,
            ),
            ("refund", receipt.inner_refunded(), refund.cast_signed()),
            ("gas used", receipt.tx_gas_used(), by_cause.total()),
        ] {
            if receipt.cast_signed() != attributed {
                return Err(AttributionError::Receipt {
                    figure,
                    receipt,
                    attributed,
                });
            }
        }
        let by_section = self.sections.map(|_| {
            let sections = Section::ALL.iter().copied().zip(self.by_section);
            sections.collect::<GasBySection>()
        });
        Ok(Attribution { by_cause, by_section })
    }

    fn frame(&mut self) -> &mut Frame<'a> {
        self.frames
            .last_mut()
            .expect("the transaction is never taken off")
    }

    fn charge(&mut self, section: Section, (cause, gas): Part) {
        self.frame().by_cause[cause as usize] += gas;
        self.by_section[section as usize] += gas;
    }

    fn fail(&mut self, error: AttributionError) {
        self.error.get_or_insert(error);
    }
}

impl<C> Inspector<C> for Meter<'_>
where
    C: ContextTr<Journal: JournalExt>,
{
    fn step(&mut self, interpreter: &mut Interpreter<EthInterpreter>, context: &mut C) {
        let before = Reading::of(&interpreter.gas);
        let pc = interpreter.bytecode.pc();
        let frame = self.frame();
        frame.left = before.left;
        let section = match frame.sections.map(|sections| sections.place(pc)) {
            None | Some(Place::Shared) => frame.section,
            Some(Place::In(section)) => {
                frame.section = section;
                section
            }
            Some(Place::Unknown) => Section::Unplaced,
        };
        let stack = interpreter.stack.data();
        let operand = |index| stack.iter().rev().nth(index).copied().unwrap_or_default();
        self.step = Step {
            operation: Operation {
                opcode: interpreter.bytecode.opcode(),
                operands: [0, 1, 2, 3].map(operand),
                account: interpreter.input.target_address(),
                journal_length: context.journal_ref().journal().len(),
            },
            pc,
            section,
            before,
        };
    }

    fn step_end(&mut self, interpreter: &mut Interpreter<EthInterpreter>, context: &mut C) {
        let after = Reading::of(&interpreter.gas);
        let handed_on = match interpreter.bytecode.action() {
            Some(InterpreterAction::NewFrame(input)) => gas_limit(input),
            // The step's price was not paid in full; the end of the frame counts what was left before it.
            Some(InterpreterAction::Return(result)) if result.is_halt() => return,
            _ => 0,
        };
        let Step {
            section, before, pc, ..
        } = self.step;
        let memory = after.memory_gas - before.memory_gas;
        let parts = self.prices.step(&self.step.operation, context);
        let priced = parts.iter().map(|(_, gas)| gas).sum::<u64>() + memory;
        let metered = before.left.wrapping_sub(after.left).wrapping_sub(handed_on);
        if priced != metered {
            self.fail(AttributionError::Step {
                opcode: OpCode::name_by_op(self.step.operation.opcode),
                pc,
                metered,
                priced,
            });
        }
        for part in parts {
            self.charge(section, part);
        }
        self.charge(section, (Cause::Memory, memory));
        let frame = self.frame();
        frame.state_gas += after.state_gas - before.state_gas;
        frame.refund += after.refund - before.refund;
        frame.left = after.left;
    }

    fn frame_start(&mut self, _: &mut C, input: &mut FrameInput) -> Option<FrameResult> {
        self.entered = true;
        let is_first = self.frames.len() == 1;
        // Inside, this is a part of the step that creates.
        if is_first
            && let FrameInput::Create(inputs) = &*input
            && inputs.charged_create_state_gas()
        {
            self.frame().state_gas += self.prices.created_account().cast_signed();
        }
        let sections = self.sections.filter(|sections| {
            matches!(input, FrameInput::Call(inputs) if inputs.known_bytecode.0 == sections.code_hash())
        });
        let section = if is_first {
            Section::Unplaced
        } else {
            self.step.section
        };
        self.frames.push(Frame::new(gas_limit(input), sections, section));
        None
    }

    fn frame_end(&mut self, _: &mut C, input: &FrameInput, result: &mut FrameResult) {
        let outcome = result.instruction_result();
        let section = self.frame().section;
        if outcome.is_halt() {
            let left = self.frame().left;
            self.charge(section, (Cause::Halted, left));
        } else if let (FrameInput::Call(inputs), FrameResult::Call(call)) = (input, &*result)
            && call.was_precompile_called
        {
            let address = inputs.bytecode_address;
            match price::cause_of_precompile(address) {
                Some(cause) => self.charge(section, (cause, call.gas().total_gas_spent())),
                None => self.fail(AttributionError::UnknownPrecompile { address }),
            }
        } else if let FrameResult::Create(creation) = &*result
            && outcome.is_ok()
            && creation.address.is_some()
        {
            let (deposit, state_gas) = self.prices.code(creation.output().len());
            self.charge(section, (Cause::CodeDeposit, deposit));
            self.frame().state_gas += state_gas.cast_signed();
        }

        let Some(frame) = self.frames.pop() else {
            return;
        };
        let parent = self.frame();
        for (sum, gas) in parent.by_cause.iter_mut().zip(frame.by_cause) {
            *sum += gas;
        }
        if outcome.is_ok() {
            parent.state_gas += frame.state_gas;
            parent.refund += frame.refund;
        }
        // Who paid for an account that was not created has the gas back.
        if let Some(returned) = result.refundable_state_gas(self.prices.params()) {
            self.frame().state_gas -= returned.cast_signed();
        }
        // A transaction that halts loses what new state took of its gas, too.
        if outcome.is_halt() && self.frames.len() == 1 {
            let taken_by_state = self.frame().left - gas_limit(input);
            self.charge(section, (Cause::Halted, taken_by_state));
        }
    }
}

/// The gas that a call or creation may spend.
fn gas_limit(input: &FrameInput) -> u64 {
    match input {
        FrameInput::Call(inputs) => inputs.gas_limit,
        FrameInput::Create(inputs) => inputs.gas_limit(),
        FrameInput::Empty => 0,
    }
}
