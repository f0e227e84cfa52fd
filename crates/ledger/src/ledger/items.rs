//! The rules: one function for each item. File names in comments are EZKL 23.0.5's.

use evmbench_ezkl::{
    Checked, ContractConstants, ContractForm, EZKL_VERSION, KeyFile, Point, ProofLayout, SettingsFile, Shown,
    Side, SrsKind,
};
use evmbench_schema::committed::InputAssurance;

use super::{Calling, CommittedFacts, Facts, Finding, Item, Level, Reference, What};

/// Every item, in the order in which they are told.
pub(super) fn all(facts: &Facts) -> Vec<Item> {
    let contract = facts.verifier_source.as_deref().map(ContractForm::read);
    let context = Context {
        facts,
        settings: facts.settings.as_ref(),
        contract: contract.as_ref(),
    };
    vec![
        context.ezkl(),
        context.model(),
        context.weights(),
        context.input(),
        context.output(),
        context.input_range(),
        context.output_range(),
        context.number_range(),
        context.rescaling(),
        context.helper_values(),
        context.selection(),
        context.lookups(),
        context.freivalds(),
        context.check_mode(),
        context.reference_string(),
        context.verifier_key(),
        context.key_match(),
        context.instances(),
        context.proof_bytes(),
        context.calling(),
        context.challenge(),
        context.commitments(),
        context.negative_controls(),
        context.privacy(),
    ]
}

struct Context<'a> {
    facts: &'a Facts,
    settings: Option<&'a SettingsFile>,
    contract: Option<&'a ContractForm>,
}

fn item(what: What, finding: Finding, level: Level, sentence: impl Into<String>) -> Item {
    Item {
        what,
        finding,
        level,
        sentence: sentence.into(),
    }
}

fn unknown(what: What, sentence: &str) -> Item {
    item(what, Finding::NotShown, Level::Unknown, sentence)
}

/// For what only the settings can show.
const NO_SETTINGS: &str = "Only EZKL's settings file shows this, and it is missing or of another form.";

impl Context<'_> {
    fn shown(&self, side: Side) -> Option<Shown> {
        self.settings?.shown(side)
    }

    fn constants(&self) -> Option<&ContractConstants> {
        match self.contract? {
            ContractForm::Plain(constants) => Some(constants),
            ContractForm::Reusable => self.facts.brought_key.as_ref(),
            ContractForm::Other => None,
        }
    }

    fn ezkl(&self) -> Item {
        let what = What::Ezkl;
        match self.settings.and_then(SettingsFile::version) {
            None => unknown(what, NO_SETTINGS),
            Some(version) => {
                let finding = Finding::Version(version.to_owned());
                if version == EZKL_VERSION {
                    let sentence =
                        format!("The circuit is EZKL {version}'s, whose source these rules were read from.");
                    item(what, finding, Level::Sound, sentence)
                } else {
                    let sentence = format!(
                        "The circuit is EZKL {version}'s; these rules are {EZKL_VERSION}'s, and {version} may differ."
                    );
                    item(what, finding, Level::Unknown, sentence)
                }
            }
        }
    }

    fn model(&self) -> Item {
        let what = What::Model;
        let with_distance = |finding, level, sentence: &str| {
            let distance = self.facts.distance.iter().map(|distance| format!(" {distance}"));
            item(
                what,
                finding,
                level,
                sentence.to_owned() + &distance.collect::<String>(),
            )
        };
        match self.facts.reference {
            Some(Reference::Exact) => with_distance(
                Finding::Exact,
                Level::Sound,
                "For the proved input, the circuit's outputs equal an independent integer reference of the model.",
            ),
            Some(Reference::WithinTolerance) => with_distance(
                Finding::WithinTolerance,
                Level::Limited,
                "On all inputs that were tried, the circuit's outputs are those of an independent implementation of the model, \
                 up to what fixed point costs.",
            ),
            Some(Reference::Imprecise) => with_distance(
                Finding::Imprecise,
                Level::Limited,
                "The circuit's outputs are so coarse beside their range that they are hardly the model's.",
            ),
            Some(Reference::Contradicted) => with_distance(
                Finding::Contradicted,
                Level::Unsound,
                "The circuit computes something else than the model.",
            ),
            Some(Reference::NotCovered) => unknown(
                what,
                "The integer reference does not know all of this model's operators, so nothing was compared.",
            ),
            None => unknown(
                what,
                "Nothing here shows which model the circuit computes: compile the model again and compare the keys.",
            ),
        }
    }

    /// Whether the model has parameters: told, or counted among what is hashed or committed.
    fn parameters(&self) -> Option<bool> {
        if let Some(parameters) = self.facts.parameters {
            return Some(parameters > 0);
        }
        let settings = self.settings?;
        let params = settings.shown(Side::Params)?;
        let all = match params {
            Shown::Hashed | Shown::HashedInside => settings.hashes()?,
            Shown::Polycommit => settings.commitments()?,
            Shown::Public | Shown::Private | Shown::Fixed => return None,
        };
        let hashed = |shown| matches!(shown, Shown::Hashed | Shown::HashedInside);
        let mut others = 0;
        for side in [Side::Input, Side::Output] {
            let shown = settings.shown(side)?;
            if shown == params || hashed(shown) && hashed(params) {
                others += settings.tensors(side)?;
            }
        }
        Some(all > others)
    }

    fn weights(&self) -> Item {
        let what = What::Weights;
        if self.parameters() == Some(false) {
            let sentence = "The model has no weights.";
            return item(what, Finding::None, Level::Sound, sentence);
        }
        // `Model::layout_nodes` lays a constant of one use out from its own values, and not from the cells that were
        // hashed or committed (`src/graph/model.rs`). Nearly every weight is used once.
        let detached = |how: &str| {
            let sentence = format!(
                "The {how} is checked, but EZKL computes with weights that it does not tie to it, wherever an operator \
                 alone uses them: the {how} may be one model's and the output another's."
            );
            item(what, Finding::Detached, Level::Unsound, sentence)
        };
        match self.shown(Side::Params) {
            None | Some(Shown::Public) => unknown(what, NO_SETTINGS),
            Some(Shown::Fixed) => item(
                what,
                Finding::Fixed,
                Level::Sound,
                "The weights are constants of the circuit: another set of weights has another verifying key.",
            ),
            Some(Shown::Private) => item(
                what,
                Finding::Unbound,
                Level::Limited,
                "The weights are bound to nothing: the proof says that some numbers in their place give the output, not \
                 that this model does.",
            ),
            Some(Shown::Hashed | Shown::HashedInside) => detached("hash of the weights"),
            Some(Shown::Polycommit) => detached("commitment to the weights"),
        }
    }

    /// A committed circuit as it is seen from outside: EZKL commits to all its inputs and shows all its outputs, whatever of
    /// the model these are.
    fn committed(&self) -> Option<&CommittedFacts> {
        self.facts.committed.as_ref()
    }

    /// How the model's input or output is shown, which a committed circuit's settings do not say.
    fn shown_of_model(&self, side: Side) -> Option<Shown> {
        let shown = |public| if public { Shown::Public } else { Shown::Polycommit };
        match (self.committed(), side) {
            (Some(committed), Side::Input) => {
                Some(shown(committed.input_assurance == InputAssurance::Public))
            }
            (Some(committed), Side::Output) => Some(shown(committed.output_public)),
            (Some(_), Side::Params) | (None, _) => self.shown(side),
        }
    }

    fn input(&self) -> Item {
        let what = What::Input;
        match self.shown_of_model(Side::Input) {
            None => unknown(what, NO_SETTINGS),
            Some(shown) => Self::tensor(what, "input", shown, self.facts.commitments_compared),
        }
    }

    fn output(&self) -> Item {
        let what = What::Output;
        // Of a committed circuit's tensors, a guard compares the input at most.
        let compared = self
            .committed()
            .map_or(self.facts.commitments_compared, |_| Some(false));
        match self.shown_of_model(Side::Output) {
            None => unknown(what, NO_SETTINGS),
            Some(shown) => Self::tensor(what, "output", shown, compared),
        }
    }

    /// How the input or the output is bound.
    fn tensor(what: What, name: &str, shown: Shown, compared: Option<bool>) -> Item {
        match shown {
            Shown::Public => item(
                what,
                Finding::Public,
                Level::Sound,
                format!("Every element of the {name} is a public value of the proof."),
            ),
            Shown::Fixed => item(
                what,
                Finding::Fixed,
                Level::Limited,
                format!(
                    "The {name} is a constant of the circuit: the key serves this one {name} and no other."
                ),
            ),
            Shown::Hashed => item(
                what,
                Finding::Hashed,
                Level::Sound,
                format!("The {name}'s Poseidon hash is a public value, and the circuit computes it."),
            ),
            Shown::HashedInside => item(
                what,
                Finding::HashedInside,
                Level::Limited,
                format!(
                    "The circuit hashes the {name} and shows the hash to nobody: the {name} itself is not bound."
                ),
            ),
            Shown::Polycommit if compared == Some(true) => item(
                what,
                Finding::Committed,
                Level::Sound,
                format!("The proof begins with a commitment to the {name}, and the consumer compares it."),
            ),
            Shown::Polycommit => item(
                what,
                Finding::Committed,
                Level::Limited,
                format!(
                    "The proof begins with a commitment to the {name}; the verifier accepts any, so it binds the {name} \
                     only for a consumer that compares it."
                ),
            ),
            Shown::Private => item(
                what,
                Finding::Unbound,
                Level::Limited,
                format!(
                    "The {name} is bound to nothing: the proof says that there is one, known to the prover."
                ),
            ),
        }
    }

    /// `Input::layout` decomposes an input that is not yet in a cell; a hashed or committed one already is, and an input
    /// of type Boolean is checked in a copy (`src/circuit/ops/mod.rs`, `layouts.rs`).
    fn input_range(&self) -> Item {
        let what = What::InputRange;
        if let Some(committed) = self.committed() {
            return committed_input_range(committed);
        }
        let (Some(settings), Some(shown)) = (self.settings, self.shown(Side::Input)) else {
            return unknown(what, NO_SETTINGS);
        };
        let left = |level, sentence: &str| item(what, Finding::LeftToConsumer, level, sentence);
        match (shown, settings.leaves_ranges_unchecked()) {
            (Shown::Hashed | Shown::HashedInside | Shown::Polycommit, _) => left(
                Level::Limited,
                "EZKL checks no range of a hashed or committed input: whoever made the hash or commitment must have.",
            ),
            (_, None) => unknown(what, NO_SETTINGS),
            (Shown::Fixed, _) => item(
                what,
                Finding::CheckedByCircuit,
                Level::Sound,
                "The input is a constant of the circuit, in range or not for good.",
            ),
            (Shown::Public, Some(true)) => left(
                Level::Limited,
                "The range checks of inputs are switched off: the consumer must check the public input's range.",
            ),
            (Shown::Private, Some(true)) => left(
                Level::Limited,
                "The range checks of inputs are switched off, and nobody sees the input: it may be any field element.",
            ),
            (Shown::Private, Some(false)) if settings.boolean_inputs() != Some(0) => left(
                Level::Limited,
                "EZKL checks a private Boolean input in a copy that it does not compute with, so it may be any number.",
            ),
            (Shown::Public | Shown::Private, Some(false)) => item(
                what,
                Finding::CheckedByCircuit,
                Level::Sound,
                "The circuit checks that every element of the input is in range.",
            ),
        }
    }

    /// `Model::layout` range-checks the outputs where it compares them with what the verifier knows: public or fixed.
    fn output_range(&self) -> Item {
        let what = What::OutputRange;
        if self.committed().is_some() {
            return item(
                what,
                Finding::FollowsFromInput,
                self.input_range().level,
                "No result of the circuit has another value for the same input, so the output is in range where the input \
                 is.",
            );
        }
        let (Some(settings), Some(shown)) = (self.settings, self.shown(Side::Output)) else {
            return unknown(what, NO_SETTINGS);
        };
        let unchecked = |sentence: &str| item(what, Finding::LeftToConsumer, Level::Limited, sentence);
        match (shown, settings.leaves_ranges_unchecked()) {
            (Shown::Private | Shown::Hashed | Shown::HashedInside | Shown::Polycommit, _) => unchecked(
                "EZKL checks no range of an output that is not public: it may be a field element that stands for no \
                 number of the model.",
            ),
            (_, None) => unknown(what, NO_SETTINGS),
            (_, Some(true)) => unchecked(
                "The range checks of outputs are switched off: the consumer must refuse values that stand for no number.",
            ),
            (Shown::Public | Shown::Fixed, Some(false)) => item(
                what,
                Finding::CheckedByCircuit,
                Level::Sound,
                "The circuit checks that every element of the output is in range.",
            ),
        }
    }

    /// A decomposition has one result, sign and digits of zero apart, while twice its range is below the field's modulus.
    fn number_range(&self) -> Item {
        let what = What::NumberRange;
        if let Some(committed) = self.committed() {
            return self.committed_number_range(committed);
        }
        let Some((base, digits)) = self.settings.and_then(SettingsFile::decomposition) else {
            return unknown(what, NO_SETTINGS);
        };
        let finding = Finding::Digits { base, digits };
        // The modulus has 254 bits: 2^252 leaves room for the sign.
        let bits = f64::from(u32::try_from(digits).unwrap_or(u32::MAX)) * (base as f64).log2();
        if base < 2 || digits == 0 || bits > 252.0 {
            let sentence =
                format!("{digits} digits to base {base} do not stand for one number of the field.");
            return item(what, finding, Level::Unsound, sentence);
        }
        let sentence = format!(
            "What the circuit checks lies within ±({base}^{digits} − 1), without wrapping around the field's modulus."
        );
        item(what, finding, Level::Sound, sentence)
    }

    /// `div` accepts every q with |input − q·d| < d (`src/circuit/ops/layouts.rs`): the quotient rounded down, and the one
    /// above. Each division decomposes three tensors of one shape, so what is decomposed bounds what is divided.
    fn rescaling(&self) -> Item {
        let what = What::Rescaling;
        let nothing_decomposed = self.settings.and_then(SettingsFile::range_checks) == Some(0);
        if self.committed().is_some() && nothing_decomposed {
            let sentence = "EZKL divides nothing. What is rounded is claimed before the challenge, with its remainder's \
                            digits, and has one form.";
            return item(what, Finding::Unique, Level::Sound, sentence);
        }
        let unique = "The circuit divides nothing, so no quotient is open.";
        let open = "A quotient is bound only to within a unit: for every value that is no multiple, the prover may choose \
                    either neighbour, before whatever follows.";
        match self.facts.divided_values {
            Some(0) => return item(what, Finding::Unique, Level::Sound, unique),
            Some(values) => {
                let sentence = format!("The circuit divides {values} values. {open}");
                return item(what, Finding::WithinAUnit { values }, Level::Limited, sentence);
            }
            None => {}
        }
        let found = self
            .settings
            .and_then(|settings| Some((settings.decompositions()?, settings.boundary_decompositions()?)));
        let Some((all, boundary)) = found else {
            return unknown(what, NO_SETTINGS);
        };
        if all.tensors.saturating_sub(boundary.tensors) < 3 {
            return item(what, Finding::Unique, Level::Sound, unique);
        }
        let at_most = all.elements.saturating_sub(boundary.elements) / 3;
        let sentence = format!("The circuit may divide, {at_most} values at most. {open}");
        item(
            what,
            Finding::PerhapsWithinAUnit { at_most },
            Level::Limited,
            sentence,
        )
    }

    /// Two layouts check one copy of the value that the prover supplies and compute with another: `sqrt`, through `abs`,
    /// and `one_hot` (`layouts.rs`). Both need checks of 0 and 1, as many sound layouts do.
    fn helper_values(&self) -> Item {
        let what = What::HelperValues;
        let free = self
            .facts
            .operators
            .iter()
            .flatten()
            .find(|operator| UNTIED_OPERATORS.contains(&operator.as_str()));
        if let Some(operator) = free {
            let sentence = format!(
                "{operator} takes a value from the prover that EZKL checks in one copy and uses in another: a square \
                 root may have either sign, a one-hot vector other numbers than 0 and 1."
            );
            return item(
                what,
                Finding::Operator(operator.clone()),
                Level::Unsound,
                sentence,
            );
        }
        match self.settings.and_then(SettingsFile::checks_booleans) {
            Some(false) => item(
                what,
                Finding::None,
                Level::Sound,
                "The circuit has no square root and no one-hot vector, whose values EZKL does not tie to their checks.",
            ),
            Some(true) => unknown(
                what,
                "The circuit compares values, which it may do for a square root or a one-hot vector: these EZKL does not \
                 tie to their checks. Look for Sqrt, normalisations and OneHot in the model.",
            ),
            None => unknown(what, NO_SETTINGS),
        }
    }

    /// `shuffles` returns indices that it does not tie to the cells that it checked, so a tie may be broken either way
    /// (`argmax`); the values themselves are tied.
    fn selection(&self) -> Item {
        let what = What::Selection;
        let found = self
            .settings
            .and_then(|settings| Some((settings.sorts()?, settings.dynamic_lookups()?)));
        match found {
            None => unknown(what, NO_SETTINGS),
            Some((0, 0)) => item(
                what,
                Finding::None,
                Level::Sound,
                "The circuit sorts nothing and picks nothing by an index that it computes.",
            ),
            Some((sorts, 0)) => item(
                what,
                Finding::Count(sorts),
                Level::Sound,
                format!(
                    "The circuit sorts {sorts} times and uses values alone, which are tied: equal ones are alike."
                ),
            ),
            Some((0, picks)) => item(
                what,
                Finding::Count(picks),
                Level::Sound,
                format!("The circuit picks by index {picks} times; each pick is tied to its index."),
            ),
            Some((sorts, picks)) => item(
                what,
                Finding::Count(sorts + picks),
                Level::Limited,
                "The circuit sorts and picks by index, as an argmax does: among equal values the prover may choose which \
                 one counts as first.",
            ),
        }
    }

    fn lookups(&self) -> Item {
        let what = What::Lookups;
        match self.settings.and_then(SettingsFile::lookup_tables) {
            None => unknown(what, NO_SETTINGS),
            Some(0) => item(
                what,
                Finding::None,
                Level::Sound,
                "No function is looked up in a table.",
            ),
            Some(tables) => item(
                what,
                Finding::Count(tables),
                Level::Sound,
                format!(
                    "Functions are looked up in {tables} tables of the verifying key, one result for each number; what is \
                     outside a table cannot be proved."
                ),
            ),
        }
    }

    fn freivalds(&self) -> Item {
        let what = What::Freivalds;
        match self.settings.and_then(SettingsFile::freivalds_cells) {
            None => unknown(what, NO_SETTINGS),
            Some(0) => item(
                what,
                Finding::None,
                Level::Sound,
                "No product is left to EZKL's built-in Freivalds check.",
            ),
            Some(cells) => item(
                what,
                Finding::Count(cells),
                Level::Unsound,
                "Products are checked by EZKL's built-in Freivalds check, whose results are not tied to what it checked: \
                 the prover may give any.",
            ),
        }
    }

    fn check_mode(&self) -> Item {
        let what = What::CheckMode;
        match self.settings.and_then(SettingsFile::check_mode) {
            None => unknown(what, NO_SETTINGS),
            Some(mode) => item(
                what,
                Finding::Version(mode.to_owned()),
                Level::Sound,
                format!(
                    "{mode} only says whether the prover checks its own numbers; the circuit is the same."
                ),
            ),
        }
    }

    fn reference_string(&self) -> Item {
        let what = What::ReferenceString;
        if let (Some(in_file), Some(constants)) = (&self.facts.negated_s_g2, self.constants())
            && *in_file != constants.negated_s_g2
        {
            return item(
                what,
                Finding::Mismatch("s·G2".to_owned()),
                Level::Unsound,
                "The verifier rests on another reference string than the file: whoever knows its secret can forge.",
            );
        }
        let Some(srs) = &self.facts.srs else {
            return unknown(
                what,
                "Nothing here says which reference string the key rests on: whoever knows its secret can forge.",
            );
        };
        let (level, sentence) = match srs.kind {
            SrsKind::PerpetualPowersOfTau => (
                Level::Sound,
                "The reference string is the perpetual powers of tau's, by its digest: forging needs every participant's \
                 secret.".to_owned(),
            ),
            SrsKind::Hermez | SrsKind::PerpetualPowersOfTau80 => (
                Level::Sound,
                format!(
                    "The reference string is of {}; {}: forging needs every participant's secret.",
                    srs.kind.sentence(),
                    srs.checked.map_or("its points were not checked", Checked::sentence),
                ),
            ),
            SrsKind::LocalTest => (
                Level::Limited,
                "The reference string was made by one party, for tests: whoever made it could forge any proof.".to_owned(),
            ),
            SrsKind::UserFile => (
                Level::Unknown,
                "The reference string is of no ceremony that is known by its digest, so nothing shows who knows its \
                 secret.".to_owned(),
            ),
        };
        item(what, Finding::ReferenceString(srs.clone()), level, sentence)
    }

    fn verifier_key(&self) -> Item {
        let what = What::VerifierKey;
        match (self.contract, self.facts.key_digest_compared) {
            (None, _) => unknown(what, "There is no verifier to look at."),
            (Some(ContractForm::Other), _) => unknown(
                what,
                "The source has not the form of a verifier that EZKL 23.0.5 generates, so nothing is known of its key.",
            ),
            (Some(ContractForm::Plain(_)), _) => item(
                what,
                Finding::InContract,
                Level::Sound,
                "The verifier has one key, in its code: it takes no other circuit's proofs.",
            ),
            (Some(ContractForm::Reusable), Some(true)) => item(
                what,
                Finding::BroughtAndCompared,
                Level::Sound,
                "The verifier takes any key that somebody registered, and the consumer compares its digest.",
            ),
            (Some(ContractForm::Reusable), Some(false)) => item(
                what,
                Finding::Brought,
                Level::Unsound,
                "The verifier takes any key that somebody registered, and nobody compares its digest: a circuit that \
                 accepts anything will do.",
            ),
            (Some(ContractForm::Reusable), None) => unknown(
                what,
                "The verifier takes any key that somebody registered: look whether the consumer compares its digest.",
            ),
        }
    }

    /// Constants in the contract against points in the key's file, and k against the settings.
    fn key_match(&self) -> Item {
        let what = What::KeyMatch;
        let key = self.facts.verifying_key.as_deref().map(KeyFile::read);
        let logrows = [
            self.settings.and_then(SettingsFile::logrows),
            key.as_ref().and_then(|key| Some(key.as_ref()?.logrows)),
            self.constants().map(|constants| constants.logrows),
        ];
        if differ(logrows) {
            return mismatch(
                what,
                "k",
                "settings, key and verifier are for circuits of different sizes",
            );
        }
        match (key, self.constants()) {
            (Some(None), _) => unknown(what, "The key's file has not the form that EZKL 23.0.5 writes."),
            (None, _) | (_, None) => unknown(
                what,
                "It takes both the key's file and what the verifier has of it, in its code or with each call, to see \
                 whether they belong together.",
            ),
            (Some(Some(key)), Some(constants)) => match first_difference(&key, constants) {
                Some(name) => mismatch(what, &name, "the verifier is not this key's"),
                None => item(
                    what,
                    Finding::Matching,
                    Level::Sound,
                    "Every commitment that the verifier has is the key's. Its code is not compared: generate it again \
                     to do so.",
                ),
            },
        }
    }

    fn instances(&self) -> Item {
        let what = What::Instances;
        let counts = [
            self.settings.and_then(SettingsFile::instances),
            self.constants().map(|constants| constants.instances),
            self.facts.instances,
        ];
        if differ(counts) {
            return mismatch(
                what,
                "count",
                "settings, verifier and proof differ in how many public values there are",
            );
        }
        match counts.into_iter().flatten().next() {
            None => unknown(what, "Nothing here says how many public values there are."),
            Some(count) if counts.iter().flatten().count() < 2 => item(
                what,
                Finding::Count(count),
                Level::Unknown,
                format!("There are {count} public values by one file; there is no second one to compare."),
            ),
            Some(count) => item(
                what,
                Finding::Count(count),
                Level::Sound,
                format!("All files agree on {count} public values, and the verifier takes no other number."),
            ),
        }
    }

    /// The plain template compares the proof's length with a constant. The reusable one only looks that the public values
    /// begin where the proof ends, whatever its length (halo2_solidity_verifier's `Halo2VerifierReusable.sol`).
    fn proof_bytes(&self) -> Item {
        let what = What::ProofBytes;
        let one_length = |source: &String| ProofLayout::read(source).is_some();
        match self.contract {
            Some(ContractForm::Plain(_)) if self.facts.verifier_source.as_ref().is_some_and(one_length) => {
                item(
                    what,
                    Finding::OneLength,
                    Level::Sound,
                    "The verifier takes proofs of one length only, so that nothing can be appended; a statement still has many \
                 proofs.",
                )
            }
            Some(ContractForm::Reusable) => item(
                what,
                Finding::Extendable,
                Level::Limited,
                "The verifier leaves words after the proof unread and accepts it with any, so that its bytes are no name \
                 for it. A guard that checks the length ends that.",
            ),
            Some(ContractForm::Plain(_) | ContractForm::Other) => unknown(
                what,
                "The source does not show whether the verifier takes proofs of one length only.",
            ),
            None => unknown(what, "There is no verifier to look at."),
        }
    }

    fn calling(&self) -> Item {
        let what = What::Calling;
        match self.facts.calling {
            None => unknown(
                what,
                "How the verifier is called is not shown. It must be by a typed call: a generated verifier's answer to \
                 bytes that somebody else encoded means nothing.",
            ),
            Some(Calling::Canonical) => item(
                what,
                Finding::Canonical,
                Level::Sound,
                "This call was encoded canonically; a consumer must make a typed call too, and never pass on bytes.",
            ),
            Some(Calling::Guarded) => item(
                what,
                Finding::Guarded,
                Level::Sound,
                "A contract calls the verifier by a typed call, which encodes proof and public values anew.",
            ),
            Some(Calling::Raw) => item(
                what,
                Finding::Raw,
                Level::Unsound,
                "The verifier is called with bytes that somebody else encoded: its answer means nothing.",
            ),
        }
    }

    /// A committed circuit's check is 0 for wrong claims too, where these were made for the challenge.
    fn challenge(&self) -> Item {
        let what = What::Challenge;
        if let Some(committed) = self.committed() {
            return match committed.challenge_derived {
                Some(true) => item(
                    what,
                    Finding::Derived,
                    Level::Sound,
                    "The consumer's contract derives the challenge from the proof's commitments, and accepts no other. What \
                     is proved is proved by that contract: the verifier alone takes any challenge, and false claims with it.",
                ),
                Some(false) => item(
                    what,
                    Finding::Chosen,
                    Level::Unsound,
                    "The verifier, called without the contract that derives the challenge, takes any: the prover may make \
                     false claims for one of its choice. Its acceptance means nothing.",
                ),
                None => unknown(
                    what,
                    "Claims are checked under a challenge, and nothing shows who derives it: the verifier takes any, and its \
                     acceptance alone means nothing.",
                ),
            };
        }
        match self.settings.and_then(SettingsFile::has_challenge_form) {
            None => unknown(what, NO_SETTINGS),
            Some(false) => item(
                what,
                Finding::None,
                Level::Sound,
                "Nothing has the form of a claim that is checked under a challenge.",
            ),
            Some(true) => unknown(
                what,
                "The circuit has the form of one that checks claims under a challenge. If so, the verifier takes any \
                 challenge, and its acceptance alone means nothing: look whether the consumer's contract derives it.",
            ),
        }
    }

    fn commitments(&self) -> Item {
        let what = What::Commitments;
        if let Some(committed) = self.committed() {
            return self.committed_commitments(committed);
        }
        match (
            self.settings.and_then(SettingsFile::commitments),
            self.facts.commitments_compared,
        ) {
            (None, _) => unknown(what, NO_SETTINGS),
            (Some(0), _) => item(
                what,
                Finding::None,
                Level::Sound,
                "The proof carries no commitment that a consumer would have to compare.",
            ),
            (Some(count), Some(true)) => item(
                what,
                Finding::Compared,
                Level::Sound,
                format!("The consumer compares the {count} committed tensors with those that it expects."),
            ),
            (Some(count), Some(false)) => item(
                what,
                Finding::NotCompared,
                Level::Limited,
                format!("Nobody compares the {count} committed tensors with anything: any will do."),
            ),
            (Some(count), None) => unknown(
                what,
                &format!("The proof commits to {count} tensors: look whether the consumer compares them."),
            ),
        }
    }

    /// Claims need no comparison, since they are checked, nor does the challenge.
    fn committed_commitments(&self, committed: &CommittedFacts) -> Item {
        let what = What::Commitments;
        match (committed.input_assurance, self.facts.commitments_compared) {
            (InputAssurance::Public, _) => item(
                what,
                Finding::None,
                Level::Sound,
                "Claims are checked and the input is public: no commitment has to be compared.",
            ),
            (InputAssurance::Linked, _) => item(
                what,
                Finding::NotCompared,
                Level::Limited,
                "By itself the part takes any input. The contract of the whole set compares the input's commitment with that of \
                 the part that it comes from. Claims are checked.",
            ),
            (_, Some(true)) => item(
                what,
                Finding::Compared,
                Level::Sound,
                "The consumer's contract takes one input, whose commitment was registered with it. Claims are checked.",
            ),
            (_, Some(false)) => item(
                what,
                Finding::NotCompared,
                Level::Limited,
                "Nobody compares the input's commitment with anything: any input will do. Claims are checked.",
            ),
            (_, None) => unknown(
                what,
                "Claims are checked; look whether the consumer compares the input's commitment.",
            ),
        }
    }

    /// Numbers of a committed circuit are bounded by intervals, and digits by where the tables end.
    fn committed_number_range(&self, committed: &CommittedFacts) -> Item {
        let what = What::NumberRange;
        let bits = i128::BITS - committed.greatest_magnitude.leading_zeros();
        let settings = self.settings;
        let (Some(tables), Some((least, greatest)), Some(end)) = (
            settings.and_then(SettingsFile::lookup_tables),
            settings.and_then(SettingsFile::table_range),
            settings.and_then(SettingsFile::table_end),
        ) else {
            return unknown(what, NO_SETTINGS);
        };
        let is_loose = end != greatest
            || committed.table_end.is_some_and(|expected| end != expected)
            || committed
                .tables
                .is_some_and(|tables| (tables.least, tables.greatest) != (least, greatest));
        match (tables, committed.has_lookups) {
            (1.., _) if is_loose => item(
                what,
                Finding::LooseTable,
                Level::Unsound,
                "The tables begin or end elsewhere than the circuit's ranges do, so that digits need not lie below their base, \
                 nor the input in its range.",
            ),
            (_, Some(false)) => item(what, Finding::LookupsMissing, Level::Unsound, LOOKUPS_MISSING),
            (_, Some(true) | None) => item(
                what,
                Finding::Below { bits },
                Level::Sound,
                format!(
                    "With the input in range, no number of the model reaches 2^{bits}, and none wraps around the field's \
                     modulus."
                ),
            ),
        }
    }

    fn negative_controls(&self) -> Item {
        let what = What::NegativeControls;
        let Some(controls) = &self.facts.controls else {
            return unknown(what, "No wrong proof was tried on this verifier.");
        };
        if let Some(control) = controls.unsound() {
            return item(
                what,
                Finding::Accepted(control.to_string()),
                Level::Unsound,
                format!("The verifier accepted a wrong call: {control}."),
            );
        }
        if !controls.passed() {
            return item(
                what,
                Finding::Inconclusive,
                Level::Unknown,
                "Some of the wrong calls came to no answer, which shows nothing.",
            );
        }
        let rejected = controls.tallies.iter().map(|tally| tally.rejected).sum();
        item(
            what,
            Finding::Rejected(rejected),
            Level::Sound,
            format!("The verifier rejected all {rejected} wrong calls that were tried."),
        )
    }

    /// A hash or an unblinded commitment of few possible values gives them away to whoever tries them all.
    fn privacy(&self) -> Item {
        let what = What::Privacy;
        let mut revealed = Vec::new();
        let mut guessable = false;
        for (side, name) in [
            (Side::Input, "input"),
            (Side::Output, "output"),
            (Side::Params, "weights"),
        ] {
            match self.shown_of_model(side) {
                None => return unknown(what, NO_SETTINGS),
                Some(Shown::Private | Shown::HashedInside) => {}
                // Without weights there is nothing to reveal.
                Some(_) if side == Side::Params && self.parameters() == Some(false) => {}
                Some(Shown::Public) => revealed.push(format!("{name} (public)")),
                Some(Shown::Fixed) => revealed.push(format!("{name} (in the key)")),
                Some(Shown::Hashed) => {
                    guessable = true;
                    revealed.push(format!("{name} (hash without salt)"));
                }
                Some(Shown::Polycommit) => {
                    guessable = true;
                    revealed.push(format!("{name} (commitment without blinding)"));
                }
            }
        }
        if self.committed().is_some() {
            guessable = true;
            revealed.push("intermediate results (commitment without blinding)".to_owned());
        }
        if revealed.is_empty() {
            let sentence =
                "The proof shows none of input, output and weights, beyond what it proves about them.";
            return item(what, Finding::None, Level::Sound, sentence);
        }
        let list = revealed.join(", ");
        let (level, sentence) = if guessable {
            let sentence = format!(
                "No privacy is promised for: {list}. Whoever can guess a hashed or committed value can confirm the guess."
            );
            (Level::Limited, sentence)
        } else {
            (Level::Sound, format!("No privacy is promised for: {list}."))
        };
        item(what, Finding::Revealed(revealed), level, sentence)
    }
}

/// Who assures that a committed circuit's input is in range, from which every other bound follows.
fn committed_input_range(committed: &CommittedFacts) -> Item {
    let what = What::InputRange;
    let bounds = committed.input_bounds;
    let range = format!("[{}, {}]", bounds.least, bounds.greatest);
    match committed.input_assurance {
        InputAssurance::Public => item(
            what,
            Finding::LeftToConsumer,
            Level::Limited,
            format!(
                "The circuit does not check that the public input lies in {range}: the consumer, who sees it, must."
            ),
        ),
        InputAssurance::Ranged | InputAssurance::Table if committed.has_lookups == Some(false) => {
            item(what, Finding::LookupsMissing, Level::Unsound, LOOKUPS_MISSING)
        }
        InputAssurance::Ranged | InputAssurance::Table if committed.has_lookups.is_none() => unknown(
            what,
            &format!(
                "The circuit is said to look every element of the input up, so that it lies in {range}; its settings and key are \
                 needed to see that it does."
            ),
        ),
        InputAssurance::Ranged => item(
            what,
            Finding::CheckedByCircuit,
            Level::Sound,
            format!("The circuit looks every element of the input up, so that it lies in {range}."),
        ),
        InputAssurance::Table => item(
            what,
            Finding::CheckedByCircuit,
            Level::Sound,
            format!(
                "The circuit looks every element of the input up, so that it lies in {range}: the numbers of its table. For \
                 each such input that has a proof, it computes the model."
            ),
        ),
        InputAssurance::Registered => item(
            what,
            Finding::LeftToConsumer,
            Level::Limited,
            format!(
                "The circuit does not check that the input lies in {range}: whoever registered its commitment must have."
            ),
        ),
        InputAssurance::Linked => item(
            what,
            Finding::LeftToConsumer,
            Level::Limited,
            format!(
                "The circuit does not check that the input lies in {range}: it does where the contract of the whole set accepts, \
                 and the first part's input is in its own range."
            ),
        ),
    }
}

/// What it means that look-ups are missing.
const LOOKUPS_MISSING: &str = "The key has other look-ups than the circuit was laid out with: a number whose range is not looked up \
                               may be any field element.";

/// ONNX operators that EZKL lays out with a square root or a one-hot vector.
const UNTIED_OPERATORS: [&str; 9] = [
    "Sqrt",
    "LayerNormalization",
    "InstanceNormalization",
    "GroupNormalization",
    "MeanVarianceNormalization",
    "RMSNormalization",
    "ReduceL2",
    "LpNormalization",
    "OneHot",
];

/// Whether two of the numbers that are known differ.
fn differ<const N: usize>(numbers: [Option<u64>; N]) -> bool {
    let mut known = numbers.into_iter().flatten();
    known
        .next()
        .is_some_and(|first| known.any(|other| other != first))
}

/// Files that contradict each other: what one shows says nothing about the other.
fn mismatch(what: What, name: &str, why: &str) -> Item {
    item(
        what,
        Finding::Mismatch(name.to_owned()),
        Level::Unsound,
        format!("The files do not belong together: {why} ({name})."),
    )
}

/// The name of the first commitment in which key and contract differ.
fn first_difference(key: &KeyFile, constants: &ContractConstants) -> Option<String> {
    let differing = |name: &str, in_key: Option<&[Point]>, in_contract: &[Point]| {
        let Some(in_key) = in_key.filter(|points| points.len() == in_contract.len()) else {
            return Some(format!("number of {name}"));
        };
        let index = in_key
            .iter()
            .zip(in_contract)
            .position(|(left, right)| left != right)?;
        Some(format!("{name}[{index}]"))
    };
    let permutation = key.permutation(constants.permutation.len());
    differing("fixed_comms", Some(&key.fixed), &constants.fixed).or_else(|| {
        differing(
            "permutation_comms",
            permutation.as_deref(),
            &constants.permutation,
        )
    })
}
