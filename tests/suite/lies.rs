//! Proofs by a prover that lies, made by EZKL for circuits that evmbench lowers: what the verifier takes, the guard refuses.
//!
//! Circuits have at most 2^12 rows. Their keys are kept below the build's own folder for temporary files.

use crate::common;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::common::{beside_itself, chain, tools};
use alloy_primitives::{U256, hex};
use evmbench::chain::Fork;
use evmbench::chain::calldata::{FIELD_MODULUS, VerifyCall};
use evmbench::committed::{
    self, CheckedRange, CommittedCircuit, CommittedOptions, InputAssurance, Integers, Interval, Witness,
};
use evmbench::guard::linked::{self, LinkedPart, SharedTensor, Source};
use evmbench::guard::{self, GuardAnswer, GuardCheckKind, GuardError, VerifierCode};
use evmbench::home::Home;
use evmbench::model::graph::{
    ArgMax, AvgPool2d, Conv2d, Cut, Gemm, Graph, InstanceNorm, Movement, Op, Piecewise, Reduce, Reduction,
    Reshape, Smooth, Softmax, Tensor, ValueId, Whole, Window,
};
use evmbench::model::input;
use evmbench::prover::compiled::Compiled;
use evmbench::prover::{
    Artifacts, CircuitCache, CircuitPlan, Commitments as _, Committed, CommittedInputs,
    DEFAULT_CACHE_LIMIT_BYTES, EzklOptions, EzklProver, Io, Job, JobCircuit, Proof, ProofFile, Prover as _,
    Silent, SrsStore, VerifierKind, committed_options,
};
use evmbench::solidity::{CompileOptions, CompiledContract};
use serde::Deserialize;
use serde_json::json;

/// A convolution of two channels to two.
fn convolution(seed: u64) -> Op {
    Op::Conv2d(Conv2d {
        weight: input::seeded_uniform(&[2, 2, 3, 3], seed),
        bias: Some(input::seeded_uniform(&[2], seed + 1)),
        window: Window::square(3, 1, 1),
        groups: 1,
    })
}

const IMAGE: [usize; 4] = [1, 2, 4, 4];

/// What a prover puts into a circuit: tensors in the order of its inputs, and a challenge of its own choice.
#[derive(Debug, Clone)]
struct Story {
    tensors: Vec<Vec<U256>>,
    challenge: U256,
}

/// A circuit, its keys, its verifier, and an honest proof.
struct Circuit {
    lowered: CommittedCircuit,
    artifacts: Artifacts,
    committed: Committed,
    compiled: CompiledContract,
    /// Circuit and keys.
    folder: PathBuf,
    srs: PathBuf,
}

impl Circuit {
    fn make(name: &str, graph: &Graph, scale: u32, io: Io, columns: usize) -> Self {
        let plan = CircuitPlan::committed(scale, io).unwrap();
        Self::planned(name, graph, plan, Integers::of_input(scale, 1.0), columns)
    }

    /// A circuit for an input of these integers.
    fn planned(name: &str, graph: &Graph, plan: CircuitPlan, input: Integers, columns: usize) -> Self {
        let options = CommittedOptions {
            inner_columns: Some(columns),
            ..committed_options(plan.as_committed().unwrap(), input)
        };
        let lowered = committed::lower(graph, &options, &evmbench::prover::Ezkl).unwrap();
        // Of any layer's input: the seeded image, stretched to the range.
        let bound = lowered.input().range.magnitude() as f64;
        let integers = seeded_input(0).data.into_iter();
        let integers = integers.map(|x| (f64::from(x) * bound).round() as i128);
        let witness = lowered.witness_of(integers.collect()).unwrap();
        let job = Job {
            name: name.to_owned(),
            circuit: JobCircuit::Committed(Box::new(CommittedInputs::of(&lowered, witness))),
            plan,
            verifier: VerifierKind::Plain,
            runs: 1,
            warmup: 0,
        };
        let home = Home::at(Path::new(env!("CARGO_TARGET_TMPDIR")).join("lies").join(name));
        let options = EzklOptions {
            srs: SrsStore::Folder(tools().home.srs()),
            cache: CircuitCache::new(home.circuits(), DEFAULT_CACHE_LIMIT_BYTES),
            ..EzklOptions::for_home(&home)
        };
        let srs = options.srs.path(lowered.logrows()).unwrap();
        let prover = EzklProver::new(&home, tools().toolchain.clone(), options);
        let artifacts = prover.prove(&job, &Silent).unwrap().result.unwrap();
        assert!(artifacts.natively_verified);
        let compiled = common::solc()
            .compile(
                &artifacts.verifier_source,
                VerifierKind::Plain.contract(),
                &CompileOptions::default(),
            )
            .unwrap();
        let written = Some(Compiled::of_committed(&lowered).bytes);
        let is_this = |folder: &PathBuf| std::fs::read(folder.join("circuit.ezkl")).ok() == written;
        let mut folders = std::fs::read_dir(home.circuits()).unwrap();
        let folder = folders.find_map(|entry| Some(entry.unwrap().path()).filter(is_this));
        Self {
            committed: artifacts.committed.unwrap(),
            folder: folder.expect("keys are kept"),
            lowered,
            artifacts,
            compiled,
            srs,
        }
    }

    fn code(&self) -> VerifierCode<'_> {
        VerifierCode {
            creation: &self.compiled.creation_code,
            runtime: &self.compiled.runtime_code,
        }
    }

    /// What an honest prover commits to, before it has a challenge.
    fn truth(&self, seed: u64) -> Story {
        Self::story(self.lowered.witness(&seeded_input(seed)).unwrap())
    }

    fn story(witness: Witness) -> Story {
        let tensors = [witness.input, witness.output, witness.claims];
        let tensors = tensors.into_iter().filter(|tensor| !tensor.is_empty());
        Story {
            tensors: tensors
                .map(|tensor| tensor.into_iter().map(element).collect())
                .collect(),
            challenge: U256::ZERO,
        }
    }

    /// EZKL's proof of each story, by the circuit's own keys; none where it makes none.
    fn prove(&self, stories: &[Story]) -> Vec<Option<Proof>> {
        #[derive(Deserialize)]
        struct Answer {
            proofs: Vec<Option<PathBuf>>,
        }
        let folder = tempfile::tempdir().unwrap();
        let inputs = stories.iter().map(|story| {
            let challenge = vec![story.challenge];
            let tensors = story.tensors.iter().chain([&challenge]);
            tensors
                .map(|tensor| {
                    tensor
                        .iter()
                        .map(|x| hex::encode(x.to_le_bytes::<32>()))
                        .collect()
                })
                .collect::<Vec<Vec<String>>>()
        });
        let request = json!({
            "circuit": self.folder.join("circuit.ezkl"),
            "proving_key": self.folder.join("proving.key"),
            "verifying_key": self.folder.join("verifying.key"),
            "srs": self.srs,
            "folder": folder.path(),
            "inputs": inputs.collect::<Vec<_>>(),
        });
        let mut process = Command::new(tools().toolchain.python())
            .arg(common::fixture("committed/lying_prover.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = process.stdin.take().unwrap();
        stdin.write_all(request.to_string().as_bytes()).unwrap();
        drop(stdin);
        process.wait().unwrap();
        let answer = std::fs::read_to_string(folder.path().join("answer.json")).unwrap();
        let answer: Answer = serde_json::from_str(&answer).unwrap();
        let proofs = answer.proofs.into_iter();
        proofs
            .map(|path| {
                path.map(|path| ProofFile::parse_proof(&std::fs::read_to_string(path).unwrap()).unwrap())
            })
            .collect()
    }

    /// Proofs of stories whose challenge is derived as the protocol has it: commitments do not depend on the challenge, so a
    /// first proof tells them.
    fn prove_by_protocol(&self, stories: &[Story]) -> Vec<Proof> {
        let first = self.prove(stories);
        let derived = stories.iter().zip(first).map(|(story, proof)| Story {
            challenge: self.committed.challenge_of_proof(&proof.unwrap().proof).unwrap(),
            ..story.clone()
        });
        self.prove(&derived.collect::<Vec<_>>())
            .into_iter()
            .map(Option::unwrap)
            .collect()
    }

    /// The verifier's own answer, and that of the guard that any circuit may have.
    fn verifier_takes(&self, proof: &Proof) -> bool {
        self.measure(proof, None).is_ok()
    }

    /// The answer of the guard that derives the challenge; the verifier must take the proof.
    #[track_caller]
    fn guard_answers(&self, proof: &Proof, committed: &Committed) -> GuardAnswer {
        assert!(self.verifier_takes(proof), "the verifier refuses it");
        match self.measure(proof, Some(committed)) {
            Ok(()) => GuardAnswer::Accepted,
            Err(GuardError::NotAccepted { contract, verdict }) => {
                assert_eq!(contract, "the guard");
                guard::answer(&verdict)
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn measure(&self, proof: &Proof, committed: Option<&Committed>) -> Result<(), GuardError> {
        let call = VerifyCall {
            proof: proof.proof.clone(),
            instances: proof.instances.clone(),
            key_artifact: None,
        };
        let measured = guard::measure(common::guards(), Fork::Osaka, self.code(), &call, committed)?;
        assert!(measured.passed());
        Ok(())
    }
}

fn seeded_input(seed: u64) -> Tensor {
    input::seeded_uniform(&IMAGE, seed)
}

fn element(integer: i128) -> U256 {
    let magnitude = U256::from(integer.unsigned_abs());
    if integer < 0 {
        FIELD_MODULUS - magnitude
    } else {
        magnitude
    }
}

fn add(element: &mut U256, addend: U256) {
    *element = element.add_mod(addend, FIELD_MODULUS);
}

/// A layer whose input's range the circuit checks and whose output is committed: two tiles of one layer.
fn tile(index: usize) -> &'static Circuit {
    static TILES: [OnceLock<Circuit>; 2] = [OnceLock::new(), OnceLock::new()];
    TILES[index].get_or_init(|| {
        let layer = chain(&IMAGE, vec![convolution(10 + index as u64)]);
        Circuit::make(&format!("tile-{index}"), &layer, 4, Io::Committed, 1)
    })
}

/// Scores that follow from the claims before them without a claim of their own: every other element of every other row.
fn scores() -> Op {
    Op::AvgPool2d(AvgPool2d(Window::square(1, 2, 0)))
}

/// A convolution, its square, and scores, with input and scores public.
fn network() -> &'static Circuit {
    static NETWORK: OnceLock<Circuit> = OnceLock::new();
    NETWORK.get_or_init(|| {
        let layers = chain(&IMAGE, vec![convolution(12), Op::Mul, scores(), Op::Flatten]);
        Circuit::make("network", &layers, 4, Io::Public, 2)
    })
}

/// Where the tensors of a tile are.
const OUTPUT: usize = 1;
/// And of the network.
const CLAIMS: usize = 1;

/// Adds to one claim and takes from another, so that the check comes out as before at this challenge: claims at places 0 and
/// 1 of the first row have weights 1 and ρ.
fn bend(claims: &mut [U256], challenge: U256) {
    add(&mut claims[1], U256::ONE);
    add(&mut claims[0], FIELD_MODULUS - challenge);
}

#[test]
fn the_truth_passes() {
    for circuit in [tile(0), tile(1), network()] {
        let [honest] = &circuit.artifacts.proofs[..] else {
            panic!("one proof")
        };
        assert_eq!(
            circuit.guard_answers(honest, &circuit.committed),
            GuardAnswer::Accepted
        );
        // The lying prover's proofs are as good, where it does not lie.
        let [proof] = &circuit.prove_by_protocol(&[circuit.truth(3)])[..] else {
            panic!("one proof")
        };
        assert_eq!(
            circuit.guard_answers(proof, &circuit.committed),
            GuardAnswer::Accepted
        );
    }
}

#[test]
fn a_wrong_claim_is_no_zero() {
    let circuit = tile(0);
    let places = [0, 31, 17];
    let mut stories: Vec<Story> = places
        .iter()
        .map(|&place| {
            let mut story = circuit.truth(0);
            add(&mut story.tensors[OUTPUT][place], U256::ONE);
            story
        })
        .collect();
    // Claims that are right for another input.
    let mut swapped = circuit.truth(0);
    swapped.tensors[OUTPUT] = circuit.truth(1).tensors[OUTPUT].clone();
    stories.push(swapped);
    for proof in circuit.prove_by_protocol(&stories) {
        assert_eq!(
            circuit.guard_answers(&proof, &circuit.committed),
            GuardAnswer::CheckNotZero
        );
    }
}

/// Whatever is claimed of a concatenation is held to the elements that stand there, at one unit and in one order.
#[test]
fn what_stands_side_by_side_is_what_was_there() {
    const JOINED_CLAIMS: usize = 2;
    let graph = beside_itself(&IMAGE, 3, vec![convolution(16)]);
    let circuit = Circuit::make("side-by-side", &graph, 4, Io::Committed, 1);
    let lie = |tell: &dyn Fn(&mut [Vec<U256>])| {
        let mut story = circuit.truth(0);
        tell(&mut story.tensors);
        story
    };
    let stories = [
        circuit.truth(0),
        // A row of the layer before that of the input.
        lie(&|tensors| tensors[OUTPUT][..8].rotate_left(4)),
        // The columns of the two taken in turn.
        lie(&|tensors| tensors[OUTPUT][..8].swap(1, 4)),
        // A row of the input at the input's unit, which is not that of the layer.
        lie(&|tensors| {
            let row = tensors[0][..4].to_vec();
            tensors[OUTPUT][..4].copy_from_slice(&row);
        }),
        // Another result of the layer, and what would stand there then.
        lie(&|tensors| {
            add(&mut tensors[JOINED_CLAIMS][0], U256::ONE);
            add(&mut tensors[OUTPUT][4], U256::ONE);
        }),
    ];
    let proofs = circuit.prove_by_protocol(&stories);
    let answers: Vec<GuardAnswer> = proofs
        .iter()
        .map(|proof| circuit.guard_answers(proof, &circuit.committed))
        .collect();
    assert_eq!(answers[0], GuardAnswer::Accepted);
    for (answer, story) in answers.iter().zip(&stories).skip(1) {
        assert_ne!(story.tensors, stories[0].tensors, "a lie");
        assert_eq!(*answer, GuardAnswer::CheckNotZero);
    }
}

/// Claims made for a challenge that the prover chose before it committed: the check is 0, and the result is wrong.
#[test]
fn claims_made_for_a_challenge_pass_the_verifier_alone() {
    let circuit = network();
    let [honest] = &circuit.artifacts.proofs[..] else {
        panic!("one proof")
    };
    let full_width = circuit.committed.challenge_of_proof(&honest.proof).unwrap();
    let stories = [U256::from(3), full_width].map(|challenge| {
        let mut story = Story {
            challenge,
            ..circuit.truth(0)
        };
        bend(&mut story.tensors[CLAIMS], challenge);
        story
    });
    for proof in circuit.prove(&stories) {
        let proof = proof.unwrap();
        assert_eq!(proof.instances[0], U256::ZERO);
        assert_ne!(
            proof.instances[2..],
            honest.instances[2..],
            "another result for the same input"
        );
        assert_eq!(
            circuit.guard_answers(&proof, &circuit.committed),
            GuardAnswer::ChallengeMismatch
        );
    }
}

/// Claims of a rounded tensor that are bent under a challenge of 1: the verifier accepts the proof, and the guard does not.
fn assert_guard_alone_refuses_bent_quotients(circuit: &Circuit) {
    assert!(circuit.lowered.bounds().iter().any(|layer| layer.rounded));
    let honest = &circuit.artifacts.proofs[0];
    assert_eq!(
        circuit.guard_answers(honest, &circuit.committed),
        GuardAnswer::Accepted
    );
    let mut story = Story {
        challenge: U256::ONE,
        ..circuit.truth(0)
    };
    bend(&mut story.tensors[CLAIMS], U256::ONE);
    let proof = circuit.prove(&[story]).remove(0).unwrap();
    assert_eq!(proof.instances[0], U256::ZERO);
    assert_ne!(proof.instances[2..], honest.instances[2..]);
    assert_eq!(
        circuit.guard_answers(&proof, &circuit.committed),
        GuardAnswer::ChallengeMismatch
    );
}

/// A quotient one too large and its neighbour one too small, under a challenge that gives both the same weight: no digit has to
/// change for it.
#[test]
fn quotients_chosen_after_the_challenge_pass_the_verifier_alone() {
    let layers = chain(&IMAGE, vec![convolution(14), Op::Relu, scores(), Op::Flatten]);
    // The smallest base that there is, for the fewest rows.
    let plan = CircuitPlan::committed(10, Io::Public).unwrap();
    let plan = plan.with_digits(*committed::DIGIT_BITS.start(), None).unwrap();
    let circuit = Circuit::planned("rounding", &layers, plan, Integers::of_input(10, 1.0), 1);
    assert_guard_alone_refuses_bent_quotients(&circuit);
}

/// Means over nine elements and over four: their sum needs one of them in units of the other, which is a claim.
fn sum_of_means() -> Graph {
    let mut graph = Graph::default();
    let image = graph.input("input", &IMAGE).unwrap();
    let mean = |window| Op::AvgPool2d(AvgPool2d(window));
    let of_nine = graph
        .apply("nine", "of_nine", mean(Window::square(3, 1, 0)), &[image])
        .unwrap();
    let of_four = graph
        .apply("four", "of_four", mean(Window::square(2, 2, 0)), &[image])
        .unwrap();
    let sum = graph.apply("sum", "sum", Op::Add, &[of_nine, of_four]).unwrap();
    graph.outputs.push(sum);
    graph
}

/// What is brought to another unit is claimed, and a quotient that is off by one is as false as any other.
#[test]
fn a_value_in_other_units_chosen_after_the_challenge_passes_the_verifier_alone() {
    let plan = CircuitPlan::committed(4, Io::Public).unwrap();
    let plan = plan.with_digits(*committed::DIGIT_BITS.start(), None).unwrap();
    let circuit = Circuit::planned("units", &sum_of_means(), plan, Integers::of_input(4, 1.0), 1);
    assert_guard_alone_refuses_bent_quotients(&circuit);
    // Under the challenge of its own commitments the check tells.
    let mut story = circuit.truth(0);
    add(&mut story.tensors[CLAIMS][0], U256::ONE);
    let proof = circuit.prove_by_protocol(&[story]).remove(0);
    assert_ne!(proof.instances[0], U256::ZERO);
    assert_eq!(
        circuit.guard_answers(&proof, &circuit.committed),
        GuardAnswer::CheckNotZero
    );
}

/// The challenge of one input's commitments, and a proof about another input with claims that are wrong for both.
#[test]
fn a_public_input_changed_after_the_challenge_is_another_challenge() {
    let circuit = network();
    let [honest] = &circuit.artifacts.proofs[..] else {
        panic!("one proof")
    };
    let challenge = circuit.committed.challenge_of_proof(&honest.proof).unwrap();
    let mut story = Story {
        challenge,
        ..circuit.truth(1)
    };
    let truthful = story.clone();
    bend(&mut story.tensors[CLAIMS], challenge);
    for proof in circuit.prove(&[story, truthful]) {
        let proof = proof.unwrap();
        assert_eq!(proof.instances[..2], honest.instances[..2]);
        assert_eq!(
            circuit.guard_answers(&proof, &circuit.committed),
            GuardAnswer::ChallengeMismatch
        );
    }
}

#[test]
fn an_input_that_nobody_registered_is_refused() {
    let circuit = tile(0);
    let [honest] = &circuit.artifacts.proofs[..] else {
        panic!("one proof")
    };
    let registered = Committed {
        registered_input: Some(circuit.committed.input_digest(&honest.proof).unwrap()),
        ..circuit.committed
    };
    assert_eq!(circuit.guard_answers(honest, &registered), GuardAnswer::Accepted);
    for proof in circuit.prove_by_protocol(&[circuit.truth(1)]) {
        assert_eq!(
            circuit.guard_answers(&proof, &circuit.committed),
            GuardAnswer::Accepted
        );
        assert_eq!(
            circuit.guard_answers(&proof, &registered),
            GuardAnswer::UnregisteredInput
        );
    }
}

/// What the proof itself ties together is the verifier's to see.
#[test]
fn the_verifier_refuses_what_its_key_did_not_prove() {
    let circuit = tile(0);
    let honest = &circuit.artifacts.proofs[0];
    let other_input = &circuit.prove_by_protocol(&[circuit.truth(1)])[0];
    let mut permuted = honest.clone();
    permuted.instances.swap(0, 1);
    let mut swapped = honest.clone();
    swapped.proof[..64].copy_from_slice(&other_input.proof[..64]);
    let mut moved = honest.clone();
    moved.instances[1] = circuit.committed.challenge_of_proof(&other_input.proof).unwrap();
    // Other weights, and another circuit altogether.
    let other_weights = tile(1).artifacts.proofs[0].clone();
    assert_eq!(other_weights.proof.len(), honest.proof.len());
    let other_circuit = network().artifacts.proofs[0].clone();
    for (name, proof) in [
        ("instances permuted", permuted),
        ("a commitment swapped", swapped),
        ("a challenge put in", moved),
        ("other weights", other_weights),
        ("another circuit", other_circuit),
    ] {
        assert!(!circuit.verifier_takes(&proof), "{name}");
        assert!(
            circuit.measure(&proof, Some(&circuit.committed)).is_err(),
            "{name}"
        );
    }
}

/// What is not in a range: one unit beyond it at either end, and what only the field has.
fn outside(range: Interval) -> [U256; 3] {
    [
        element(range.greatest + 1),
        element(range.least - 1),
        (FIELD_MODULUS + U256::ONE) >> 1,
    ]
}

/// How a story is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// EZKL makes no proof of it.
    NoProof,
    /// The verifier refuses the proof.
    Verifier,
    /// The verifier takes the proof, and the guard or the set contract gives this answer.
    Guard(GuardAnswer),
}

impl Refusal {
    /// Whether it is for what the circuit says, and not for the challenge: a number that is in no table, or a check that is not 0.
    fn is_by_the_circuit(self) -> bool {
        matches!(
            self,
            Self::NoProof | Self::Verifier | Self::Guard(GuardAnswer::CheckNotZero)
        )
    }
}

impl Circuit {
    /// The proof of a story, with the challenge of its own commitments, and whether the verifier takes it.
    fn told_by_protocol(&self, story: &Story) -> Result<Proof, Refusal> {
        let first = self
            .prove(std::slice::from_ref(story))
            .remove(0)
            .ok_or(Refusal::NoProof)?;
        let challenge = self.committed.challenge_of_proof(&first.proof).unwrap();
        let story = Story {
            challenge,
            ..story.clone()
        };
        let proof = self.prove(&[story]).remove(0).ok_or(Refusal::NoProof)?;
        if self.verifier_takes(&proof) {
            Ok(proof)
        } else {
            Err(Refusal::Verifier)
        }
    }

    /// A story with an input out of range at one of these places is refused by the circuit, with the challenge of its own
    /// commitments.
    #[track_caller]
    fn takes_no_input_outside(&self, places: &[usize]) {
        assert!(self.lowered.input_assurance().is_by_circuit());
        let range = self.lowered.bounds()[0].bounds;
        for (place, x) in places
            .iter()
            .flat_map(|&place| outside(range).map(|x| (place, x)))
        {
            let mut story = self.truth(0);
            story.tensors[0][place] = x;
            let ending = match self.told_by_protocol(&story) {
                Ok(proof) => Refusal::Guard(self.guard_answers(&proof, &self.committed)),
                Err(refusal) => refusal,
            };
            assert!(ending.is_by_the_circuit(), "place {place}, {x}: {ending:?}");
        }
    }
}

/// Whatever reads an element of the input, and whatever it is multiplied by.
#[test]
fn an_input_out_of_range_is_taken_by_nobody() {
    let circuit = tile(0);
    circuit.takes_no_input_outside(&[5]);
    let in_table = [0, 1].map(|index| sparse_within(index, CheckedRange::Table));
    assert_eq!(in_table[0].lowered.input_assurance(), InputAssurance::Table);
    for circuit in [
        sparse(0),
        sparse(1),
        sparse(2),
        sparse(3),
        &in_table[0],
        &in_table[1],
    ] {
        let places = (0..circuit.lowered.sizes().input).step_by(3 * common::step(3));
        let places: Vec<usize> = places.collect();
        circuit.takes_no_input_outside(&places);
        let [honest] = &circuit.prove_by_protocol(&[circuit.truth(1)])[..] else {
            panic!("one proof")
        };
        assert_eq!(
            circuit.guard_answers(honest, &circuit.committed),
            GuardAnswer::Accepted
        );
    }
    // The ends themselves are in range.
    let bound = circuit.lowered.bounds()[0].bounds.greatest;
    let ends = [bound, -bound].map(|x| {
        let mut integers = circuit.lowered.witness(&seeded_input(0)).unwrap().input;
        integers[5] = x;
        Circuit::story(circuit.lowered.witness_of(integers).unwrap())
    });
    for proof in circuit.prove_by_protocol(&ends) {
        assert_eq!(
            circuit.guard_answers(&proof, &circuit.committed),
            GuardAnswer::Accepted
        );
    }
}

/// A layer whose weights are 0 at all but some places.
fn sparse_layer(shape: [usize; 4], window: Window, groups: usize, seed: u64) -> Op {
    let mut weight = input::seeded_uniform(&shape, seed);
    let taps = shape[2] * shape[3];
    for (place, x) in weight.data.iter_mut().enumerate() {
        if !(place % taps).is_multiple_of(5) {
            *x = 0.0;
        }
    }
    Op::Conv2d(Conv2d {
        weight,
        bias: None,
        window,
        groups,
    })
}

/// Layers of one output position, of groups, and of steps wider than their kernels, all with zero weights.
fn sparse(index: usize) -> &'static Circuit {
    static SPARSE: [OnceLock<Circuit>; 4] = [const { OnceLock::new() }; 4];
    SPARSE[index].get_or_init(|| sparse_within(index, CheckedRange::Exact))
}

/// The same with the input held to this range.
fn sparse_within(index: usize, range: CheckedRange) -> Circuit {
    let whole = Window::square(4, 1, 0);
    let layer = match index {
        0 => sparse_layer([2, 2, 4, 4], whole, 1, 30),
        1 => sparse_layer([2, 1, 4, 4], whole, 2, 31),
        2 => sparse_layer([4, 1, 3, 3], Window::square(3, 1, 1), 2, 32),
        _ => sparse_layer([2, 2, 1, 1], Window::square(1, 3, 0), 1, 33),
    };
    let plan = CircuitPlan::committed(4, Io::Committed).unwrap();
    Circuit::planned(
        &format!("sparse-{index}-{range:?}"),
        &chain(&IMAGE, vec![layer]),
        plan.with_input_range(range).unwrap(),
        Integers::of_input(4, 1.0),
        1,
    )
}

#[test]
fn a_layer_in_tiles_is_proved_whole_or_not_at_all() {
    let tiles = [tile(0), tile(1)];
    let other_input = &tiles[1].prove_by_protocol(&[tiles[1].truth(1)])[0];
    let measure = |proofs: [&Proof; 2]| {
        let sources = [
            None,
            Some(Source {
                part: 0,
                tensor: SharedTensor::Input,
            }),
        ];
        let parts = tiles.iter().zip(proofs).zip(sources);
        let parts: Vec<LinkedPart<'_>> = parts
            .map(|((tile, proof), source)| LinkedPart {
                code: tile.code(),
                proof,
                committed: &tile.committed,
                input_elements: 32,
                output_elements: 32,
                source,
                input_range: InputAssurance::Ranged,
            })
            .collect();
        linked::measure(common::guards(), Fork::Osaka, &parts)
    };
    let honest = tiles.map(|tile| &tile.artifacts.proofs[0]);
    let measured = measure(honest).unwrap();
    assert!(measured.passed());
    for kind in [GuardCheckKind::PartMissing, GuardCheckKind::PartDoubled] {
        assert!(measured.checks.iter().any(|check| check.kind == kind), "{kind:?}");
    }
    // Each tile is right, of another input.
    let refused = measure([honest[0], other_input]);
    let Err(GuardError::NotAccepted { verdict, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(guard::answer(&verdict), GuardAnswer::WrongLink);
}

/// A set of two parts, where the second one's input is a tensor of the first one's.
struct Pair {
    parts: [Circuit; 2],
    tensor: SharedTensor,
}

impl Pair {
    fn measure(&self, proofs: [&Proof; 2]) -> Result<linked::LinkedMeasurement, GuardError> {
        let sources = [
            None,
            Some(Source {
                part: 0,
                tensor: self.tensor,
            }),
        ];
        let parts = self.parts.iter().zip(proofs).zip(sources);
        let parts: Vec<LinkedPart<'_>> = parts
            .map(|((part, proof), source)| {
                let sizes = part.lowered.sizes();
                LinkedPart {
                    code: part.code(),
                    proof,
                    committed: &part.committed,
                    input_elements: sizes.input as u64,
                    output_elements: sizes.output as u64,
                    source,
                    input_range: part.lowered.input_assurance(),
                }
            })
            .collect();
        linked::measure(common::guards(), Fork::Osaka, &parts)
    }

    /// How the stories of both parts, each with the challenge of its own commitments, are refused.
    fn refusal(&self, stories: &[Story; 2]) -> Refusal {
        let told = [0, 1].map(|index| self.parts[index].told_by_protocol(&stories[index]));
        let proofs = match &told {
            [Ok(first), Ok(second)] => [first, second],
            [Err(refusal), _] | [_, Err(refusal)] => return *refusal,
        };
        match self.measure(proofs) {
            Err(GuardError::NotAccepted { verdict, .. }) => Refusal::Guard(guard::answer(&verdict)),
            other => panic!("{other:?}"),
        }
    }
}

/// Rows that parts of a set share.
const SET_ROWS: u32 = 10;

/// A part by itself: the first one checks its input's range, the second one leaves that to it.
fn part_of_set(name: &str, graph: &Graph, input: Integers, is_first: bool) -> Circuit {
    let plan = CircuitPlan::committed(4, Io::Committed).unwrap();
    let plan = CircuitPlan::Committed(plan.as_committed().unwrap().of_part(!is_first, true));
    let plan = plan.with_logrows(Some(SET_ROWS)).unwrap();
    Circuit::planned(name, graph, plan, input, 1)
}

/// What a tile does not read, another does: its range is the first tile's to show.
#[test]
fn a_tile_shows_the_range_of_what_only_another_reads() {
    let input = Integers::of_input(4, 1.0);
    let whole = Window::square(4, 1, 0);
    let first = chain(&IMAGE, vec![sparse_layer([2, 2, 4, 4], whole, 1, 34)]);
    let second = chain(
        &IMAGE,
        vec![Op::Conv2d(Conv2d {
            weight: input::seeded_uniform(&[2, 2, 4, 4], 35),
            bias: None,
            window: whole,
            groups: 1,
        })],
    );
    let pair = Pair {
        parts: [
            part_of_set("sparse-tile", &first, input, true),
            part_of_set("whole-tile", &second, input, false),
        ],
        tensor: SharedTensor::Input,
    };
    let honest = [0, 1].map(|index| {
        let part = &pair.parts[index];
        part.prove_by_protocol(&[part.truth(2)]).remove(0)
    });
    assert!(pair.measure(honest.each_ref()).unwrap().passed());
    // Element 1 is multiplied by 0 in the first tile. Both tell of the same input, and the second's result follows from it.
    let Op::Conv2d(Conv2d { weight, .. }) = &second.nodes[0].op else {
        panic!("a convolution")
    };
    let unread = 1;
    for x in outside(input.range) {
        let stories = [0, 1].map(|index| {
            let mut story = pair.parts[index].truth(2);
            let change = x.add_mod(FIELD_MODULUS - story.tensors[0][unread], FIELD_MODULUS);
            story.tensors[0][unread] = x;
            if index == 1 {
                for (output, row) in weight.data.chunks(32).enumerate() {
                    let weight = element((f64::from(row[unread]) * 16.0).round() as i128);
                    add(
                        &mut story.tensors[OUTPUT][output],
                        weight.mul_mod(change, FIELD_MODULUS),
                    );
                }
            }
            story
        });
        let refusal = pair.refusal(&stories);
        assert!(refusal.is_by_the_circuit(), "{x}: {refusal:?}");
    }
}

/// What crosses a cut is what the part before it makes, and nothing else.
#[test]
fn what_crosses_a_cut_is_made_before_it() {
    let input = Integers::of_input(4, 1.0);
    let first = chain(
        &IMAGE,
        vec![sparse_layer([2, 2, 3, 3], Window::square(3, 1, 1), 1, 36)],
    );
    let second = chain(
        &IMAGE,
        vec![sparse_layer([2, 2, 4, 4], Window::square(4, 1, 0), 1, 37)],
    );
    let first = part_of_set("before-cut", &first, input, true);
    let second = part_of_set("after-cut", &second, first.lowered.output(), false);
    let pair = Pair {
        parts: [first, second],
        tensor: SharedTensor::Output,
    };
    let truth = || {
        let before = pair.parts[0].lowered.witness(&seeded_input(2)).unwrap();
        let after = pair.parts[1].lowered.witness_of(before.result.clone()).unwrap();
        [before, after].map(Circuit::story)
    };
    let honest = [0, 1].map(|index| {
        pair.parts[index]
            .prove_by_protocol(&[truth()[index].clone()])
            .remove(0)
    });
    assert!(pair.measure(honest.each_ref()).unwrap().passed());
    // Element 1 is multiplied by 0 after the cut, so that the second part has nothing to add.
    for change in [U256::ONE, (FIELD_MODULUS + U256::ONE) >> 1] {
        let mut stories = truth();
        add(&mut stories[0].tensors[OUTPUT][1], change);
        add(&mut stories[1].tensors[0][1], change);
        assert_eq!(pair.refusal(&stories), Refusal::Guard(GuardAnswer::CheckNotZero));
    }
    // And an input out of range, with the output that follows where the first part reads it.
    let mut stories = truth();
    stories[0].tensors[0][1] = element(input.range.greatest + 1);
    assert_eq!(pair.refusal(&stories), Refusal::Guard(GuardAnswer::CheckNotZero));
}

/// A circuit of a graph of operators, in few rows: digits are as small as they can be where nothing needs more.
fn of_operators(name: &str, scale: u32, build: impl FnOnce(&mut Net, ValueId) -> ValueId) -> Circuit {
    let mut net = Net(Graph::default());
    let image = net.0.input("input", &IMAGE).unwrap();
    let output = build(&mut net, image);
    net.0.outputs.push(output);
    let plan = CircuitPlan::committed(scale, Io::Committed).unwrap();
    let plan = plan.with_digits(10, None).unwrap();
    Circuit::planned(name, &net.0, plan, Integers::of_input(scale, 1.0), 1)
}

/// A graph whose nodes are numbered.
struct Net(Graph);

impl Net {
    fn apply(&mut self, op: Op, inputs: &[ValueId]) -> ValueId {
        let number = self.0.nodes.len();
        self.0
            .apply(&format!("n{number}"), &format!("v{number}"), op, inputs)
            .unwrap()
    }

    fn number(&mut self, number: f32) -> ValueId {
        self.apply(Op::Constant(Tensor::new([], vec![number])), &[])
    }

    fn matrix(&mut self, value: ValueId, rows: usize, columns: usize) -> ValueId {
        let op = Op::Reshape(Reshape {
            shape: vec![1, rows, columns],
        });
        self.apply(op, &[value])
    }
}

/// A family of operators, and a small circuit of it.
type Family = (&'static str, fn() -> Circuit);

/// A root of x · (x + 1/8) of two elements, which is negative where x is −1/16 alone.
fn root_of_what_may_be_negative() -> Circuit {
    of_operators("lies-domains", 4, |net, x| {
        let cut = |axis, end| Cut {
            axis,
            start: 0,
            end,
            step: 1,
        };
        let two = Movement::Slice(vec![cut(1, 1), cut(2, 1), cut(3, 2)]);
        let x = net.apply(Op::Movement(two), &[x]);
        let eighth = net.number(0.125);
        let more = net.apply(Op::Add, &[x, eighth]);
        let product = net.apply(Op::Mul, &[x, more]);
        net.apply(Op::Smooth(Smooth::Sqrt), &[product])
    })
}

/// Whatever is claimed of a value outside a function's domain: that it is the least inside, or what it is.
#[test]
fn a_value_outside_a_domain_is_taken_by_nobody() {
    const CLAIMS: usize = 2;
    let circuit = root_of_what_may_be_negative();
    let truth = circuit.truth(0);
    let honest = circuit.told_by_protocol(&truth).expect("an honest proof");
    assert_eq!(
        circuit.guard_answers(&honest, &circuit.committed),
        GuardAnswer::Accepted
    );
    for claimed in [0, -1] {
        let mut story = truth.clone();
        story.tensors[0][0] = element(-1);
        story.tensors[OUTPUT][0] = U256::ZERO;
        story.tensors[CLAIMS][0] = element(claimed);
        let ending = match circuit.told_by_protocol(&story) {
            Ok(proof) => Refusal::Guard(circuit.guard_answers(&proof, &circuit.committed)),
            Err(refusal) => refusal,
        };
        assert!(ending.is_by_the_circuit(), "{claimed}: {ending:?}");
    }
}

/// Of what computes each element by itself.
fn of_elements() -> [Family; 6] {
    [
        ("domains", root_of_what_may_be_negative),
        ("lines", || {
            of_operators("lies-lines", 4, |net, x| {
                let layer = net.apply(convolution(40), &[x]);
                let clipped = Piecewise::Clip {
                    least: -0.5,
                    greatest: 1.0,
                };
                net.apply(Op::Piecewise(clipped), &[layer])
            })
        }),
        ("tables", || {
            of_operators("lies-tables", 4, |net, x| {
                let gelu = net.apply(Op::Smooth(Smooth::Gelu), &[x]);
                let elu = net.apply(Op::Smooth(Smooth::Elu { alpha: 1.0 }), &[gelu]);
                let square = net.apply(Op::Mul, &[elu, elu]);
                let more = net.number(1.0);
                let positive = net.apply(Op::Add, &[square, more]);
                let root = net.apply(Op::Smooth(Smooth::Sqrt), &[positive]);
                let logarithm = net.apply(Op::Smooth(Smooth::Log), &[positive]);
                net.apply(Op::Sub, &[root, logarithm])
            })
        }),
        ("whole numbers", || {
            of_operators("lies-whole", 4, |net, x| {
                let layer = net.apply(convolution(50), &[x]);
                let nearest = net.apply(Op::Whole(Whole::Round), &[layer]);
                let truncated = net.apply(Op::Whole(Whole::Truncate), &[x]);
                net.apply(Op::Sub, &[nearest, truncated])
            })
        }),
        ("states", || {
            of_operators("lies-states", 4, |net, x| {
                let kept = Piecewise::Clip {
                    least: f32::MIN,
                    greatest: f32::MAX,
                };
                let mut state = net.apply(Op::Tanh, &[x]);
                for _ in 0..2 {
                    let gate = net.apply(Op::Sigmoid, &[state]);
                    let product = net.apply(Op::Mul, &[gate, state]);
                    let sum = net.apply(Op::Add, &[product, x]);
                    state = net.apply(Op::Piecewise(kept), &[sum]);
                }
                state
            })
        }),
        ("arithmetic", || {
            of_operators("lies-arithmetic", 4, |net, x| {
                let square = net.apply(Op::Mul, &[x, x]);
                let half = net.number(0.5);
                let positive = net.apply(Op::Add, &[square, half]);
                net.apply(Op::Div, &[x, positive])
            })
        }),
    ]
}

/// Of what computes with several elements, or moves them.
fn of_several() -> [Family; 6] {
    [
        ("packed", || {
            of_operators("lies-packed", 4, |net, x| {
                let layer = Op::Conv2d(Conv2d {
                    weight: input::seeded_uniform(&[6, 2, 3, 3], 60),
                    bias: None,
                    window: Window::square(3, 1, 0),
                    groups: 1,
                });
                let layer = net.apply(layer, &[x]);
                let active = net.apply(Op::Relu, &[layer]);
                let list = net.apply(Op::Flatten, &[active]);
                let scores = Op::Gemm(Gemm {
                    weight: input::seeded_uniform(&[9, 24], 61),
                    bias: Some(input::seeded_uniform(&[9], 62)),
                });
                net.apply(scores, &[list])
            })
        }),
        ("movements", || {
            of_operators("lies-movements", 4, |net, x| {
                let layer = net.apply(convolution(42), &[x]);
                let turned = Movement::Transpose {
                    permutation: vec![0, 2, 3, 1],
                };
                let turned = net.apply(Op::Movement(turned), &[layer]);
                let twice = Movement::Tile {
                    repeats: vec![1, 1, 1, 2],
                };
                net.apply(Op::Movement(twice), &[turned])
            })
        }),
        ("reductions", || {
            of_operators("lies-reductions", 4, |net, x| {
                let layer = net.apply(convolution(44), &[x]);
                let reduced = |reduction, axes: &[usize]| {
                    Op::Reduce(Reduce {
                        reduction,
                        axes: axes.to_vec(),
                        keeps: true,
                    })
                };
                let means = net.apply(reduced(Reduction::Mean, &[3]), &[layer]);
                net.apply(reduced(Reduction::Greatest, &[2]), &[means])
            })
        }),
        ("positions", || {
            of_operators("lies-positions", 4, |net, x| {
                let layer = net.apply(convolution(46), &[x]);
                let position = ArgMax {
                    axis: 3,
                    keeps: false,
                    of_least: false,
                    last_of_equals: false,
                };
                net.apply(Op::ArgMax(position), &[layer])
            })
        }),
        ("attention", || {
            of_operators("lies-attention", 4, |net, x| {
                let rows = net.matrix(x, 8, 4);
                let turned = Movement::Transpose {
                    permutation: vec![0, 2, 1],
                };
                let keys = net.apply(Op::Movement(turned), &[rows]);
                let scores = net.apply(Op::MatMul, &[rows, keys]);
                let shares = Softmax { is_logarithm: false };
                let weights = net.apply(Op::Softmax(shares), &[scores]);
                net.apply(Op::MatMul, &[weights, rows])
            })
        }),
        ("rows", || {
            of_operators("lies-rows", 4, |net, x| {
                let norm = InstanceNorm {
                    scale: input::seeded_uniform(&[2], 48),
                    bias: input::seeded_uniform(&[2], 49),
                    epsilon: 1e-2,
                };
                net.apply(Op::InstanceNorm(norm), &[x])
            })
        }),
    ]
}

/// Honest proofs pass; a claim that is another one, of whatever an operator claims, has no proof that the guard takes. Of the
/// families one is tried, and all of them where every case is.
#[test]
fn what_operators_claim_is_what_they_compute() {
    const SAMPLED: [&str; 2] = ["attention", "packed"];
    let is_every_case = common::step(2) == 1;
    let mut refused = 0;
    for (name, make) in of_elements().into_iter().chain(of_several()) {
        if is_every_case || SAMPLED.contains(&name) {
            refused += wrong_claims_are_refused(name, &make());
        }
    }
    assert!(refused > 5, "{refused}");
}

/// How many stories were refused, each with another wrong claim.
fn wrong_claims_are_refused(name: &str, circuit: &Circuit) -> usize {
    let truth = circuit.truth(0);
    let mut stories = vec![truth.clone()];
    // The output and the other claims, where there are any, in a few places.
    for tensor in 1..truth.tensors.len() {
        let len = truth.tensors[tensor].len();
        for place in [0, len / 2, len - 1] {
            let mut story = truth.clone();
            add(&mut story.tensors[tensor][place], U256::ONE);
            stories.push(story);
        }
    }
    let mut refused = 0;
    for (index, story) in stories.iter().enumerate() {
        let ending = match circuit.told_by_protocol(story) {
            Ok(proof) => Refusal::Guard(circuit.guard_answers(&proof, &circuit.committed)),
            Err(refusal) => refusal,
        };
        if index == 0 {
            assert_eq!(ending, Refusal::Guard(GuardAnswer::Accepted), "{name}");
        } else {
            assert!(ending.is_by_the_circuit(), "{name}, story {index}: {ending:?}");
            refused += 1;
        }
    }
    refused
}
