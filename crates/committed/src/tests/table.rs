//! Inputs that are held to the numbers of a look-up table.

use super::*;
use evmbench_model::float::FloatModel;
use evmbench_model::program::LooseRange;

fn in_table(graph: &Graph, scale: u32) -> Result<CommittedCircuit, CommittedError> {
    lower(graph, &options(scale, InputAssurance::Table, true, 1.0))
}

/// What a prover would claim of an input in whatever range; nothing where a value has no place in its table.
fn claims_of(circuit: &CommittedCircuit, input: Vec<i128>) -> Option<Witness> {
    let mut wider = circuit.clone();
    wider.program.values[0].interval = Interval::symmetric(1 << 40);
    let told = wider.witness_of(input).ok()?;
    // A layer norm of the input has as many digits as its range asks for.
    (told.claims.len() == circuit.sizes().claims).then_some(told)
}

#[test]
fn an_input_beyond_the_table_has_no_proof() {
    let (mut held, mut loose) = (0, 0);
    for (name, graph) in graphs().into_iter().chain(sparsely_read()) {
        let circuit = match in_table(&graph, 4) {
            Ok(circuit) => circuit,
            Err(CommittedError::LooseRange(_)) => {
                loose += 1;
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        };
        let (least, end) = circuit.table_range().expect("the input is looked up");
        let stated = circuit.bounds()[0].bounds;
        assert_eq!((stated.least, stated.greatest), (least, end), "{name}");
        let honest = circuit.witness(&drawn_for(&graph, 3)).unwrap();
        assert!(is_accepted(&circuit, &honest), "{name}");
        for position in 0..honest.input.len() {
            for outside in [end + 1, least - 1, 2 * least, end + 1000] {
                let mut input = honest.input.clone();
                input[position] = outside;
                let told = claims_of(&circuit, input.clone())
                    .filter(|told| told.claims.len() == honest.claims.len());
                let told = told.unwrap_or_else(|| Witness {
                    input,
                    ..honest.clone()
                });
                assert!(!is_accepted(&circuit, &told), "{name}: {outside} at {position}");
                held += 1;
            }
            for outside in [(ORDER + U256::ONE) >> 1, ORDER >> 3, U256::ONE << 200] {
                let mut inputs = inputs(&honest);
                inputs.get_mut(INPUT).unwrap()[position] = outside;
                let found = evaluate(&circuit.layout.graph, &inputs, circuit.table_range());
                assert_eq!(found, None, "{name}: {outside} at {position}");
            }
        }
    }
    assert!(held > 500 && loose > 0, "{held} {loose}");
}

/// A circuit that takes all numbers of its table computes the model on all of them, also where no honest input is.
#[test]
fn in_the_table_a_circuit_is_the_model() {
    let mut compared = 0;
    for (name, graph) in graphs() {
        // tract's Celu is another function.
        if graph.outputs == graph.inputs || name.starts_with("celu") {
            continue;
        }
        let Ok(circuit) = in_table(&graph, 10) else {
            continue;
        };
        let model = FloatModel::load(&evmbench_model::onnx::write(&graph)).unwrap();
        for (seed, stretch) in [(11, 3.0), (12, 8.0), (13, 30.0), (14, 8.0)] {
            let mut tensors = each_drawn(&graph, seed);
            for tensor in &mut tensors {
                tensor.data.iter_mut().for_each(|x| *x *= stretch);
            }
            let data: Vec<f32> = tensors.iter().flat_map(|tensor| tensor.data.clone()).collect();
            let input = circuit.integers(&Tensor::new([1, data.len()], data));
            let Some(told) = claims_of(&circuit, input) else {
                continue;
            };
            if !is_accepted(&circuit, &told) {
                continue;
            }
            compared += 1;
            let outputs = circuit.outputs(&told.result);
            let reference = model.run(&tensors).unwrap();
            for (values, reference) in outputs.iter().zip(&reference) {
                let greatest = reference.data.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
                let tolerance = 0.03 * (1.0 + f64::from(greatest));
                for (value, &float) in values.iter().zip(&reference.data) {
                    assert!(
                        (value - f64::from(float)).abs() <= tolerance,
                        "{name}, times {stretch}: {value} against {float}"
                    );
                }
            }
        }
    }
    assert!(compared > 40, "{compared}");
}

/// Of maxima, differences are looked up and the greatest: an element of the input could be less than the table.
#[test]
fn maxima_alone_do_not_hold_an_input() {
    let pool = Op::MaxPool2d(MaxPool2d(Window::square(2, 2, 0)));
    let graph = small(&[1, 1, 4, 4], vec![pool, Op::Relu]);
    let circuit = in_table(&graph, 4).unwrap();
    assert_eq!(circuit.program.table_lengths()[0], Some(3));
    let (least, _) = circuit.table_range().unwrap();
    let mut input = circuit.witness(&drawn_for(&graph, 3)).unwrap().input;
    input[5] = 2 * least;
    let told = claims_of(&circuit, input).unwrap();
    assert!(!is_accepted(&circuit, &told));
}

/// What a part reads was made by another, of an input that may be anything in its table.
#[test]
fn a_linked_input_is_what_is_proved_of_it() {
    let linked = |op: Op, proved: Interval| {
        let options = CommittedOptions {
            proved: Some(proved),
            ..options(7, InputAssurance::Linked, true, 1.0)
        };
        lower(&small(&[1, 4], vec![op]), &options)
    };
    let proved = Interval {
        least: -40_000,
        greatest: 5_000,
    };
    let circuit = linked(gemm(4, 3, 1), proved).unwrap();
    assert_eq!(
        (circuit.bounds()[0].bounds, circuit.proved_input()),
        (proved, proved)
    );
    let wider = circuit.proved_output();
    let narrow = linked(gemm(4, 3, 1), Interval::symmetric(128)).unwrap();
    assert!(wider.magnitude() > 100 * narrow.proved_output().magnitude());
    let clip = Op::Piecewise(evmbench_model::graph::Piecewise::Clip {
        least: -2.0,
        greatest: 2.0,
    });
    assert_eq!(
        linked(clip.clone(), proved).unwrap_err(),
        CommittedError::LooseRange(LooseRange::Function)
    );
    assert!(linked(clip, Interval::symmetric(128)).is_ok());
}

/// The bits of an inverse root are chosen for the range that was asked for.
#[test]
fn a_normalised_input_is_held_to_the_range_that_was_asked_for() {
    let graph = small(&[1, 4, 4], vec![layer_norm(&[4, 4], 1)]);
    assert_eq!(
        in_table(&graph, 7).unwrap_err(),
        CommittedError::LooseRange(LooseRange::Function)
    );
}

/// Where a bend was left out since no honest number reaches it, the circuit would be another function beyond.
#[test]
fn a_function_that_would_be_another_one_is_held_to_the_range_that_was_asked_for() {
    let clip = |greatest: f32| {
        let op = Op::Piecewise(evmbench_model::graph::Piecewise::Clip { least: 0.0, greatest });
        in_table(&small(&[1, 4], vec![op]), 7)
    };
    assert_eq!(
        clip(6.0).unwrap_err(),
        CommittedError::LooseRange(LooseRange::Function)
    );
    assert!(clip(0.5).is_ok());
    assert!(clip(f32::MAX).is_ok());
}
