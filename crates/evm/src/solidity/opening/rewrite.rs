//! A generated verifier's source → the source of its opening.
//!
//! Only what the difference asks for is touched; the rest of the text stays as the generator wrote it. Whether the result
//! computes what it must is not decided here but by `agree`, which runs both.

use alloy_primitives::{U256, keccak256};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::edits::Edits;
use super::machine::{self, Call, Point, Program};
use super::source::{Form, Source};
use super::straight::{self, Places};
use super::sums::{self, Shortened};
use super::yul::{Action, Statement};
use super::{MOST_INSTANCES, OpeningError, Sharing, agree, functions, inversions, words};

/// Points of the key are multiplied four at a time.
const POINTS_AT_A_TIME: usize = 4;

/// Writes the opening's source.
pub(super) fn rewritten(verifier: &Source<'_>, sharing: Sharing) -> Result<String, OpeningError> {
    let (_, found) = verifier.shape()?;
    if found > MOST_INSTANCES {
        return Err(OpeningError::TooManyInstances { found });
    }
    if !verifier.key_word("HAS_ACCUMULATOR_MPTR")?.is_zero() {
        return Err(OpeningError::Accumulator);
    }
    let mut edits = Edits::new(verifier.text);
    remove_accumulator(verifier, &mut edits)?;
    remove_pairing(verifier, &mut edits)?;
    let (answer, points) = match sharing {
        Sharing::Pairing => (answer("0", "0", "0"), Vec::new()),
        Sharing::Key => {
            let shortened = share_key(verifier, &mut edits)?;
            inversions::joined(verifier, &mut edits)?;
            let mut lines = sums::power_of_zeta("first", shortened.first_power);
            lines.extend(answer("mload(ZETA_MPTR)", "first", "mload(R_EVAL_MPTR)"));
            (lines, shortened.points)
        }
    };
    let [.., one, end] = &verifier.assembly[..] else {
        return Err(OpeningError::Missing("an answer"));
    };
    let is_one = matches!(one.run_of("mstore"), Some([at, value])
        if at.number() == Some(U256::ZERO) && value.number() == Some(U256::ONE));
    if !is_one || end.run_of("return").is_none() {
        return Err(OpeningError::Missing("an answer"));
    }
    edits.replace_by_lines(one.bytes.start..end.bytes.end, &answer);
    edits.replace_only(
        "            // Return 1 as result if everything succeeds",
        "            // What is left to check",
    )?;
    edits.replace_only(Form::Verifier.contract(), Form::Opening.contract())?;
    edits.replace_only(
        "    function verifyProof(",
        &(key_function(verifier, &points)? + "\n    function opening("),
    )?;
    edits.replace_only(
        ") public returns (bool) {",
        ") external view returns (uint256[7] memory) {",
    )?;
    edits.made()
}

/// Writes an opening that was made of a verifier as one straight line, where the circuit has few instances.
pub(super) fn straightened(verifier: &Source<'_>, opening: String) -> Result<String, OpeningError> {
    let (proof_bytes, instances) = verifier.shape()?;
    if instances > straight::MOST_INSTANCES {
        return Ok(opening);
    }
    let made = Source::read(&opening, Form::Opening)?;
    let layout = agree::layout(verifier)?;
    // Any call will do: what is computed is the same for all.
    let calldata = agree::calldata(
        &layout,
        instances,
        &mut ChaCha8Rng::from_seed(keccak256(&opening).0),
    );
    let call = Call {
        calldata: &calldata,
        proof_bytes,
        instances,
    };
    let run = machine::run(
        &Program {
            constants: &made.constants,
            assembly: &made.assembly,
        },
        call,
    )?;
    let places = Places {
        layout: &layout,
        proof: agree::PROOF,
        proof_bytes,
        instances,
    };
    let lines = straight::lines(&made, &run, &places)?;
    let is_block = |statement: &&Statement| statement.block().is_some();
    let (Some(first), Some(last)) = (made.assembly.iter().find(is_block), made.assembly.last()) else {
        return Err(OpeningError::Missing("an answer"));
    };
    let is_it = |statement: &&Statement| matches!(&statement.action, Action::Function(function) if function.name == functions::READ_POINT);
    let read_point = words::only(made.assembly.iter().filter(is_it), functions::READ_POINT)?;
    let mut edits = Edits::new(&opening);
    edits.replace_with_comments(
        read_point.bytes.clone(),
        &functions::CHECK_POINT.map(str::to_owned),
    );
    edits.replace_by_lines(first.bytes.start..last.bytes.end, &lines);
    edits.made()
}

/// The lines that return what is left to check.
fn answer(zeta: &str, first: &str, eval: &str) -> Vec<String> {
    let words = [
        "mload(PAIRING_LHS_X_MPTR)",
        "mload(PAIRING_LHS_Y_MPTR)",
        "mload(PAIRING_RHS_X_MPTR)",
        "mload(PAIRING_RHS_Y_MPTR)",
        zeta,
        first,
        eval,
    ];
    let stored = words.iter().enumerate();
    let mut lines: Vec<String> = stored
        .map(|(index, word)| format!("mstore({:#04x}, {word})", 0x20 * index))
        .collect();
    lines.push(format!("return(0x00, {:#04x})", 0x20 * words.len()));
    lines
}

/// Removes what there is for accumulators, which the key says that there are none of.
fn remove_accumulator(verifier: &Source<'_>, edits: &mut Edits<'_>) -> Result<(), OpeningError> {
    let inner = verifier.assembly.iter().filter_map(Statement::block).flatten();
    let mut removed = 0;
    for statement in verifier.assembly.iter().chain(inner) {
        if let Action::If(condition, _) = &statement.action
            && super::source::loads(condition, "HAS_ACCUMULATOR_MPTR")
        {
            edits.remove_lines(statement.bytes.clone());
            removed += 1;
        }
    }
    if removed == 2 {
        Ok(())
    } else {
        Err(OpeningError::Missing("both places that read an accumulator"))
    }
}

/// Removes the pairing, and the function that computes it.
fn remove_pairing(verifier: &Source<'_>, edits: &mut Edits<'_>) -> Result<(), OpeningError> {
    let of_pairing = verifier.assembly.iter().filter(|statement| {
        matches!(&statement.action, Action::Function(function) if function.name == "ec_pairing")
            || statement.success_of("ec_pairing").is_some()
    });
    let found: Vec<&Statement> = of_pairing.collect();
    if found.len() != 2 {
        return Err(OpeningError::Missing("one pairing"));
    }
    for statement in found {
        edits.remove_lines(statement.bytes.clone());
    }
    Ok(())
}

/// Takes the key's points out of the sum, and the key's words that nothing reads any more out of memory.
fn share_key(verifier: &Source<'_>, edits: &mut Edits<'_>) -> Result<Shortened, OpeningError> {
    let (key, points) = verifier.commitments()?;
    let unread = verifier.constant("HAS_ACCUMULATOR_MPTR")?;
    let end = verifier.constant("CHALLENGE_MPTR")?;
    for (at, _, bytes) in verifier.written() {
        if at >= unread && at < end {
            edits.remove_lines(bytes);
        }
    }
    let parts = inversions::parts(verifier)?;
    let part = parts.last().ok_or(OpeningError::Missing("the sum of points"))?;
    let statements = part.block().ok_or(OpeningError::Missing("the sum of points"))?;
    let shortened = sums::shortened(statements, key, &points)?;
    let (Some(first), Some(last)) = (statements.first(), statements.last()) else {
        return Err(OpeningError::Missing("the sum of points"));
    };
    edits.replace_by_lines(first.bytes.start..last.bytes.end, &shortened.lines);
    Ok(shortened)
}

/// The function that returns what is the same for all proofs.
fn key_function(verifier: &Source<'_>, points: &[Point]) -> Result<String, OpeningError> {
    let mut key = Vec::new();
    for name in [
        "NEG_S_G2_X_1_MPTR",
        "NEG_S_G2_X_2_MPTR",
        "NEG_S_G2_Y_1_MPTR",
        "NEG_S_G2_Y_2_MPTR",
    ] {
        key.push(verifier.key_word(name)?);
    }
    for &(x, y) in points {
        key.extend([x, y, U256::ZERO]);
    }
    key.resize(
        4 + 3 * points.len().next_multiple_of(POINTS_AT_A_TIME),
        U256::ZERO,
    );
    let mut lines = vec![
        "function key() external pure returns (uint256[] memory) {".to_owned(),
        "    assembly {".to_owned(),
        "        mstore(0x00, 0x20)".to_owned(),
        format!("        mstore(0x20, {:#x})", key.len()),
        // The last word is written, or the memory would end before it; words of zeros are there already.
        format!(
            "        mstore({:#06x}, 0x00)",
            words::WORD * U256::from(key.len() + 1)
        ),
    ];
    // Memory is not fresh where Solidity keeps its free pointer.
    let fresh = 0x80;
    for (index, word) in key.iter().enumerate() {
        let at = 0x40 + 0x20 * index;
        if !word.is_zero() || at < fresh {
            lines.push(format!("        mstore({at:#06x}, {word:#066x})"));
        }
    }
    lines.push(format!("        return(0x00, {:#06x})", 0x40 + 0x20 * key.len()));
    lines.extend(["    }".to_owned(), "}".to_owned()]);
    Ok(lines.iter().map(|line| format!("    {line}\n")).collect())
}
