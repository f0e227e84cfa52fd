//! Nodes of files, by the integers that they come to: what computes with integers, picks by values and puts in order.

use std::path::Path;

use prost::Message as _;
use tract_onnx::pb::{ModelProto, NodeProto, TensorProto, tensor_proto::DataType, type_proto::Value as Type};

use super::models::{floats, int, integers, operator, small, text, with};
use super::{Coverage, parse};
use crate::interval::Interval;
use crate::program::{Domain, Integers, LookUpTable, LooseRange, Program, ProgramError, Step};
use crate::quantise::{ProgramOptions, quantise};

const SCALE: u32 = 8;

/// The integer program of a small model with an input of these sizes; or why it is not covered.
fn program(shape: &[i64], nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> Result<Program, String> {
    program_of(&small(shape, nodes, constants), Integers::of_input(SCALE, 16.0))
}

/// The same of an input with elements of this type, none of which is beyond 256.
fn program_of_integers(
    element: DataType,
    shape: &[i64],
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
) -> Result<Program, String> {
    let mut model = small(shape, nodes, constants);
    let graph = model.graph.as_mut().unwrap();
    let r#type = graph.input[0].r#type.as_mut().unwrap();
    if let Some(Type::TensorType(tensor)) = &mut r#type.value {
        tensor.elem_type = element as i32;
    }
    graph.output[0].r#type = None;
    program_of(&model, Integers::of_input(0, 256.0))
}

fn program_of(model: &ModelProto, input: Integers) -> Result<Program, String> {
    let model = parse(&model.encode_to_vec(), Path::new("model.onnx")).map_err(|error| error.to_string())?;
    let graph = match model.coverage {
        Coverage::Full(graph) => graph,
        Coverage::Partial(uncovered) => return Err(format!("{uncovered:?}")),
    };
    let options = ProgramOptions {
        scale: SCALE,
        input,
        digit_bits: None,
        roundings: None,
    };
    quantise(&graph, &options).map_err(|error| error.to_string())
}

/// What a program gives of an input that its unit holds exactly, in the model's numbers.
fn result(program: &Program, input: &[f64]) -> Result<Vec<f64>, ProgramError> {
    let unit = program.values[0].unit;
    let integers: Vec<i128> = input.iter().map(|x| (x * unit).round() as i128).collect();
    program.check_input(&integers)?;
    let trace = program.run(&integers);
    program.check_reach(&trace)?;
    let result = trace.values[program.output.0].iter();
    let unit = program.value(program.output).unit;
    Ok(result.map(|&x| x as f64 / unit).collect())
}

#[track_caller]
fn assert_near(found: &[f64], expected: &[f64], limit: f64) {
    let is_near = |(found, expected): (&f64, &f64)| (found - expected).abs() <= limit;
    let holds = found.len() == expected.len() && found.iter().zip(expected).all(is_near);
    assert!(holds, "{found:?} instead of {expected:?}");
}

fn cast(from: &str, to: DataType, output: &str) -> NodeProto {
    with(operator("Cast", &[from], output), int("to", i64::from(to as i32)))
}

/// The elements from one place to another of the input's last axis.
fn part(start: &str, end: &str, output: &str) -> NodeProto {
    operator("Slice", &["x", start, end, "axis"], output)
}

fn of_shape(mut tensor: TensorProto, dims: &[i64]) -> TensorProto {
    tensor.dims = dims.to_vec();
    tensor
}

/// Of equal elements the first comes first, whichever end is taken.
#[test]
fn elements_are_put_in_order_as_onnx_says() {
    let input = [1.0, -2.0, 3.5, 1.0, 3.5, 0.0];
    for (largest, values, places) in [
        (1, [3.5, 3.5, 1.0, 1.0], [2.0, 4.0, 0.0, 3.0]),
        (0, [-2.0, 0.0, 1.0, 1.0], [1.0, 5.0, 0.0, 3.0]),
    ] {
        let order = NodeProto {
            output: vec!["v".to_owned(), "p".to_owned()],
            ..with(operator("TopK", &["x", "k"], "v"), int("largest", largest))
        };
        let nodes = vec![
            order,
            cast("p", DataType::Float, "q"),
            with(operator("Concat", &["v", "q"], "y"), int("axis", 1)),
        ];
        let program = program(&[1, 6], nodes, vec![integers("k", &[4])]).unwrap();
        let found = result(&program, &input).unwrap();
        assert_near(&found, &[values, places].concat(), 0.0);
    }
    // Columns are put in order one by one.
    let mut order = with(
        with(operator("TopK", &["x", "k"], "y"), int("axis", 0)),
        int("largest", 1),
    );
    order.output.push("p".to_owned());
    let program = program(&[2, 3], vec![order], vec![integers("k", &[1])]).unwrap();
    assert_near(&result(&program, &input).unwrap(), &[1.0, 3.5, 3.5], 0.0);
}

/// Positions that are values, negative ones counted from the end.
#[test]
fn elements_are_picked_at_values() {
    let bounds = || {
        vec![
            integers("a", &[0]),
            integers("b", &[4]),
            integers("c", &[6]),
            integers("axis", &[1]),
        ]
    };
    let given = || {
        vec![
            part("a", "b", "data"),
            part("b", "c", "named"),
            cast("named", DataType::Int64, "places"),
        ]
    };
    let pick = with(
        operator("GatherElements", &["data", "places"], "y"),
        int("axis", 1),
    );
    let of_rows = program(&[2, 6], [given(), vec![pick]].concat(), bounds()).unwrap();
    let input = [
        0.5, 1.5, 2.5, 3.5, 3.0, -3.0, //
        -0.5, -1.5, -2.5, -3.5, 0.0, 2.0,
    ];
    assert_near(&result(&of_rows, &input).unwrap(), &[3.5, 1.5, -0.5, -2.5], 0.0);

    // Along the first axis, where the positions have fewer columns than the data.
    let pick = with(
        operator("GatherElements", &["data", "places"], "y"),
        int("axis", 0),
    );
    let of_columns = program(&[2, 6], [given(), vec![pick]].concat(), bounds()).unwrap();
    let input = [
        0.5, 1.5, 2.5, 3.5, 1.0, 0.0, //
        -0.5, -1.5, -2.5, -3.5, 0.0, -1.0,
    ];
    assert_near(
        &result(&of_columns, &input).unwrap(),
        &[-0.5, 1.5, 0.5, -1.5],
        0.0,
    );

    // Lists of a row and a column.
    let pick = operator("GatherND", &["data", "places"], "y");
    let of_lists = program(&[2, 6], [given(), vec![pick]].concat(), bounds()).unwrap();
    let input = [
        0.5, 1.5, 2.5, 3.5, 1.0, 2.0, //
        -0.5, -1.5, -2.5, -3.5, 0.0, -1.0,
    ];
    assert_near(&result(&of_lists, &input).unwrap(), &[-2.5, 3.5], 0.0);
}

/// One update after the other: of two at one place the last stays.
#[test]
fn elements_are_replaced_at_values() {
    let bounds = || {
        vec![
            integers("a", &[0]),
            integers("b", &[4]),
            integers("c", &[6]),
            integers("d", &[8]),
            integers("axis", &[1]),
        ]
    };
    let given = || {
        vec![
            part("a", "b", "data"),
            part("b", "c", "named"),
            part("c", "d", "updates"),
            cast("named", DataType::Int64, "places"),
        ]
    };
    let write = with(
        operator("ScatterElements", &["data", "places", "updates"], "y"),
        int("axis", 1),
    );
    let program_of = |last: Vec<NodeProto>| program(&[1, 8], [given(), last].concat(), bounds());
    let elements = program_of(vec![write.clone()]).unwrap();
    let of = |places: [f64; 2]| [[0.5, 1.5, 2.5, 3.5].as_slice(), &places, &[9.0, -9.0]].concat();
    for (places, expected) in [
        ([2.0, -4.0], [-9.0, 1.5, 9.0, 3.5]),
        ([1.0, 1.0], [0.5, -9.0, 2.5, 3.5]),
    ] {
        assert_near(&result(&elements, &of(places)).unwrap(), &expected, 0.0);
    }
    // Two parts of a tensor of two by two.
    let square = vec![
        operator("Reshape", &["data", "two"], "square"),
        operator("Reshape", &["places", "one"], "lists"),
        operator("Reshape", &["updates", "row"], "rows"),
        operator("ScatterND", &["square", "lists", "rows"], "y"),
    ];
    let sizes = vec![
        integers("two", &[2, 2]),
        integers("one", &[1, 2]),
        integers("row", &[1]),
        integers("e", &[7]),
    ];
    let nodes = vec![
        part("a", "b", "data"),
        part("b", "c", "named"),
        part("c", "e", "updates"),
        cast("named", DataType::Int64, "places"),
    ];
    let one = program(&[1, 8], [nodes, square].concat(), [bounds(), sizes].concat()).unwrap();
    assert_near(
        &result(&one, &of([1.0, -2.0])).unwrap(),
        &[0.5, 1.5, 9.0, 3.5],
        0.0,
    );
    let adds = with(write, text("reduction", "add"));
    assert!(program_of(vec![adds]).unwrap_err().contains("reduction is add"));
}

/// Positions that constants name need no comparison.
#[test]
fn elements_are_replaced_at_constants() {
    let write = with(
        operator("ScatterElements", &["x", "places", "updates"], "y"),
        int("axis", 1),
    );
    let constants = vec![
        of_shape(integers("places", &[1, -1, 1]), &[1, 3]),
        floats("updates", &[1, 3], &[7.0, 8.0, 9.0]),
    ];
    let program = program(&[1, 4], vec![write], constants).unwrap();
    let moves = |step: &Step| matches!(step, Step::Rearrange { .. } | Step::Constant { .. });
    assert!(program.steps.iter().all(moves), "{:?}", program.steps);
    let found = result(&program, &[0.5, 1.5, 2.5, 3.5]).unwrap();
    assert_near(&found, &[0.5, 9.0, 2.5, 8.0], 0.0);
}

/// Where a constant is not 0, and what is scattered into constants: positions of what a model picks.
#[test]
fn places_of_constants_are_constants() {
    let nodes = vec![
        operator("ScatterND", &["none", "at", "ones"], "mask"),
        operator("NonZero", &["mask"], "rows"),
        operator("Transpose", &["rows"], "lists"),
        operator("GatherND", &["x", "lists"], "y"),
    ];
    let constants = vec![
        of_shape(integers("none", &[0; 4]), &[2, 2]),
        of_shape(integers("at", &[1, 0, 0, 1]), &[2, 2]),
        integers("ones", &[1, 1]),
    ];
    let program = program(&[2, 2], nodes, constants).unwrap();
    let found = result(&program, &[0.5, 1.5, 2.5, 3.5]).unwrap();
    assert_near(&found, &[1.5, 2.5], 0.0);
}

/// What stands after the point is left out, on both sides of 0.
#[test]
fn integers_are_divided_as_integers() {
    for divisor in [3_i64, -4, 1] {
        let nodes = vec![
            cast("x", DataType::Int64, "i"),
            operator("Div", &["i", "d"], "q"),
            cast("q", DataType::Float, "y"),
        ];
        let program = program(&[1, 31], nodes, vec![integers("d", &[divisor])]).unwrap();
        let input: Vec<f64> = (-15..=15).map(f64::from).collect();
        let expected: Vec<f64> = (-15..=15).map(|x: i64| (x / divisor) as f64).collect();
        assert_near(&result(&program, &input).unwrap(), &expected, 0.0);
    }
    // By values, of which none is 0.
    let nodes = vec![
        cast("x", DataType::Int64, "i"),
        operator("Slice", &["i", "a", "b", "axis"], "n"),
        operator("Slice", &["i", "b", "c", "axis"], "d"),
        operator("Div", &["n", "d"], "q"),
        cast("q", DataType::Float, "y"),
    ];
    let constants = vec![
        integers("a", &[0]),
        integers("b", &[4]),
        integers("c", &[8]),
        integers("axis", &[1]),
    ];
    let program = program(&[1, 8], nodes, constants).unwrap();
    let found = result(&program, &[7.0, -7.0, 7.0, -7.0, 2.0, 2.0, -2.0, -9.0]).unwrap();
    assert_near(&found, &[3.0, -3.0, -3.0, 0.0], 0.0);
    let error = result(&program, &[7.0, -7.0, 7.0, -7.0, 2.0, 0.0, -2.0, -9.0]).unwrap_err();
    assert!(matches!(error, ProgramError::Domain { .. }), "{error}");
}

/// A sum of truth values fits 8 bits where there are not too many.
#[test]
fn bytes_are_multiplied_where_the_product_is_one() {
    let of = |count: usize, weight: i64| {
        let data = vec![weight; count];
        let weights = TensorProto {
            data_type: DataType::Int8 as i32,
            int32_data: data.iter().map(|&x| x as i32).collect(),
            int64_data: Vec::new(),
            ..of_shape(integers("w", &data), &[count as i64, 1])
        };
        let nodes = vec![
            operator("Greater", &["x", "zero"], "t"),
            cast("t", DataType::Int8, "b"),
            operator("MatMul", &["b", "w"], "s"),
            cast("s", DataType::Float, "y"),
        ];
        program(
            &[1, count as i64],
            nodes,
            vec![weights, floats("zero", &[], &[0.0])],
        )
    };
    let program = of(5, 3).unwrap();
    let found = result(&program, &[1.0, -1.0, 2.0, 0.0, 0.5]).unwrap();
    assert_near(&found, &[9.0], 0.0);
    assert!(of(127, 1).is_ok());
    let refused = of(128, 1).unwrap_err();
    assert!(refused.contains("INT8"), "{refused}");
}

/// By products, roots, quotients, and e^(y · ln x).
#[test]
fn powers_are_onnxs() {
    let exponent = |y: f32| vec![floats("e", &[], &[y])];
    let power = || vec![operator("Pow", &["x", "e"], "y")];
    let input = [0.25, 1.0, 2.0, 3.5];
    for y in [0.5, 1.5, -1.0, -0.5, -0.1, 0.3, 2.5] {
        let program = program(&[1, 4], power(), exponent(y)).unwrap();
        let expected = input.map(|x: f64| x.powf(f64::from(y)));
        let greatest = expected.iter().copied().fold(1.0, f64::max);
        assert_near(&result(&program, &input).unwrap(), &expected, 0.02 * greatest);
    }
    for base in [10_f32, 0.5] {
        let nodes = vec![operator("Pow", &["e", "x"], "y")];
        let program = program(&[1, 4], nodes, exponent(base)).unwrap();
        let input = [-1.0, 0.0, 0.5, 1.25];
        let expected = input.map(|x| f64::from(base).powf(x));
        let greatest = expected.iter().copied().fold(1.0, f64::max);
        assert_near(&result(&program, &input).unwrap(), &expected, 0.02 * greatest);
    }
    let none = program(&[1, 4], power(), exponent(f32::NAN));
    assert!(none.is_err());
}

/// What a function has no result for has no proof, and a plain error.
#[test]
fn functions_are_held_to_their_domains() {
    for (function, domain, inside, outside) in [
        ("Sqrt", "at least 0", [0.0, 4.0], -0.5),
        ("Log", "at least 0.00390625", [0.5, 2.0], 0.0),
        ("Acosh", "at least 1", [1.0, 3.0], 0.75),
        ("Acos", "from -1 to 1", [-1.0, 1.0], -1.25),
        ("Asin", "from -1 to 1", [-0.5, 0.5], 1.25),
        ("Atanh", "from -0.99609375 to 0.99609375", [-0.5, 0.5], 1.0),
    ] {
        let program = program(&[1, 2], vec![operator(function, &["x"], "y")], Vec::new()).unwrap();
        let held = Domain::sentences(&program.domains().collect::<Vec<_>>());
        assert_eq!(held.len(), 1, "{function}: {held:?}");
        assert!(
            held[0].contains(&format!("must be {domain}, ")),
            "{function}: {held:?}"
        );
        assert!(program.is_partial(), "{function}");
        let of = |x: f64| match function {
            "Sqrt" => x.sqrt(),
            "Log" => x.ln(),
            "Acosh" => x.acosh(),
            "Acos" => x.acos(),
            "Asin" => x.asin(),
            _ => x.atanh(),
        };
        assert_near(&result(&program, &inside).unwrap(), &inside.map(of), 0.01);
        let error = result(&program, &[inside[0], outside]).unwrap_err();
        assert!(
            matches!(error, ProgramError::Domain { .. }),
            "{function}: {error}"
        );
    }
}

/// A position that names no element has no proof, and one that is counted from the end has.
#[test]
fn positions_that_are_none_have_no_proof() {
    let table = || floats("table", &[4, 1], &[10.0, 11.0, 12.0, 13.0]);
    let of_rows = vec![
        cast("x", DataType::Int64, "i"),
        operator("Gather", &["table", "i"], "y"),
    ];
    let rows = program(&[1, 2], of_rows, vec![table()]).unwrap();
    assert_near(&result(&rows, &[1.0, -1.0]).unwrap(), &[11.0, 13.0], 0.0);
    let of_lists = vec![
        cast("x", DataType::Int64, "i"),
        operator("GatherND", &["square", "i"], "y"),
    ];
    let square = floats("square", &[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let lists = program(&[1, 2], of_lists, vec![square]).unwrap();
    assert_near(&result(&lists, &[1.0, -1.0]).unwrap(), &[5.0], 0.0);
    for (program, none) in [
        (&rows, [0.0, 4.0]),
        (&rows, [-5.0, 0.0]),
        (&lists, [0.0, 5.0]),
        (&lists, [2.0, 0.0]),
        (&lists, [-3.0, 0.0]),
    ] {
        let error = result(program, &none).unwrap_err();
        assert!(matches!(error, ProgramError::Domain { .. }), "{none:?}: {error}");
    }
}

/// The range of a circuit's input has as many negative numbers as positive ones, and one more of these than a type with a sign.
#[test]
fn an_input_of_a_narrow_type_holds_no_other_numbers() {
    for (element, held, others) in [
        (DataType::Uint8, [0.0, 255.0], [-1.0, 256.0]),
        (DataType::Int8, [-128.0, 127.0], [-129.0, 128.0]),
    ] {
        let nodes = vec![
            cast("x", DataType::Float, "f"),
            operator("Neg", &["f"], "n"),
            operator("Relu", &["n"], "y"),
        ];
        let program = program_of_integers(element, &[1, 2], nodes, Vec::new()).unwrap();
        let expected = held.map(|x: f64| (-x).max(0.0));
        assert_near(&result(&program, &held).unwrap(), &expected, 0.0);
        for other in others {
            let error = result(&program, &[0.0, other]).unwrap_err();
            assert!(
                matches!(error, ProgramError::Domain { .. }),
                "{element:?} {other}: {error}"
            );
        }
    }
}

/// Beside an input of floats, all have their scale: an input of integers is held to whole numbers.
#[test]
fn integers_beside_floats_are_whole() {
    for element in [DataType::Int64, DataType::Int32, DataType::Int8] {
        let nodes = vec![
            cast("x", DataType::Float, "f"),
            operator("Sub", &["one", "f"], "g"),
            operator("Mul", &["f", "g"], "product"),
            operator("Relu", &["product"], "r"),
            operator("Add", &["r", "z"], "y"),
        ];
        let mut model = small(&[1, 2], nodes, vec![floats("one", &[], &[1.0])]);
        let graph = model.graph.as_mut().unwrap();
        let mut other = graph.input[0].clone();
        "z".clone_into(&mut other.name);
        graph.input.push(other);
        if let Some(Type::TensorType(tensor)) = &mut graph.input[0].r#type.as_mut().unwrap().value {
            tensor.elem_type = element as i32;
        }
        let program = program_of(&model, Integers::of_input(SCALE, 8.0)).unwrap();
        let found = result(&program, &[2.0, -3.0, 0.5, 0.25]).unwrap();
        assert_near(&found, &[0.5, 0.25], 0.01);
        for fraction in [0.5, 0.25, -0.5, 1.0 - 1.0 / 256.0] {
            let error = result(&program, &[2.0, fraction, 0.5, 0.25]).unwrap_err();
            assert!(
                matches!(error, ProgramError::Domain { .. }),
                "{element:?} {fraction}: {error}"
            );
        }
    }
}

/// Integers that a value picks from a table are of the table's type.
#[test]
fn a_table_of_integers_keeps_its_type() {
    let both = |table: &str, out: &str| operator("Gather", &[table, "x"], out);
    let quotients = vec![both("a", "p"), both("b", "q"), operator("Div", &["p", "q"], "y")];
    let tables = vec![integers("a", &[7, 9, 20]), integers("b", &[2, 4, 6])];
    let program = program_of_integers(DataType::Int64, &[3], quotients, tables).unwrap();
    assert_near(
        &result(&program, &[0.0, 1.0, 2.0]).unwrap(),
        &[3.0, 2.0, 3.0],
        0.0,
    );
    let bytes = |name: &str| TensorProto {
        data_type: DataType::Int8 as i32,
        int32_data: vec![100, 1],
        int64_data: Vec::new(),
        ..integers(name, &[0, 0])
    };
    let sums = vec![both("a", "p"), both("b", "q"), operator("Add", &["p", "q"], "y")];
    let refused = program_of_integers(DataType::Int64, &[2], sums, vec![bytes("a"), bytes("b")]);
    assert!(refused.unwrap_err().contains("INT8"));
    let wide = vec![integers("a", &[16_777_217, 3])];
    let refused = program_of_integers(DataType::Int64, &[2], vec![both("a", "y")], wide);
    assert!(refused.unwrap_err().contains("16777217"));
}

/// A value to the power 2^times, as so many products of a value with itself.
fn power(from: &str, last: &str, times: usize) -> Vec<NodeProto> {
    let name = |at: usize| match at {
        0 => from.to_owned(),
        at if at == times => last.to_owned(),
        at => format!("{last}{at}"),
    };
    let product = |at: usize| operator("Mul", &[&name(at), &name(at)], &name(at + 1));
    (0..times).map(product).collect()
}

/// Runtimes wrap around where integers leave their type: in 64 bits, behind a node that computes the same in another type, and for any input
/// that a table lets in.
#[test]
fn integers_of_a_file_stay_within_their_type() {
    // 256^(2^times).
    for (times, fits) in [(2, true), (3, false)] {
        let program = program_of_integers(DataType::Int64, &[1, 2], power("x", "y", times), Vec::new());
        assert_eq!(program.is_ok(), fits, "{times}: {program:?}");
    }
    let shared = [
        power("x", "a", 2),
        vec![cast("x", DataType::Int32, "narrow")],
        power("narrow", "b", 2),
        vec![
            cast("b", DataType::Int64, "wide"),
            operator("Sub", &["a", "wide"], "y"),
        ],
    ];
    let refused = program_of_integers(DataType::Int64, &[1, 2], shared.concat(), Vec::new());
    assert!(refused.unwrap_err().contains("wrap around"));

    let square = power("x", "y", 1);
    let program = program_of_integers(DataType::Int32, &[1, 2], square, Vec::new()).unwrap();
    let within = |most: i128| {
        let input = Interval {
            least: -most,
            greatest: most,
        };
        program.bounds_within(input, LookUpTable { greatest: most })
    };
    assert!(within(46_340).is_ok());
    assert_eq!(within(46_341).unwrap_err(), LooseRange::Function);
}

/// A divisor of either sign, but not 0.
#[test]
fn quotients_have_the_divisors_sign() {
    let bounds = vec![
        integers("a", &[0]),
        integers("b", &[4]),
        integers("c", &[8]),
        integers("axis", &[1]),
    ];
    let nodes = vec![
        part("a", "b", "n"),
        part("b", "c", "d"),
        operator("Div", &["n", "d"], "y"),
    ];
    let program = program(&[1, 8], nodes, bounds).unwrap();
    let found = result(&program, &[1.0, -1.0, 3.0, 0.5, 2.0, -2.0, -0.25, 1.0]).unwrap();
    assert_near(&found, &[0.5, 0.5, -12.0, 0.5], 0.6);
    let error = result(&program, &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]).unwrap_err();
    assert!(error.to_string().contains("divisor"), "{error}");
}

/// A mask that is a constant costs nothing: elements are moved.
#[test]
fn constants_choose_without_a_product() {
    let truth = TensorProto {
        data_type: DataType::Bool as i32,
        int32_data: vec![1, 0, 1],
        int64_data: Vec::new(),
        ..integers("t", &[1, 0, 1])
    };
    let nodes = vec![operator("Where", &["t", "x", "other"], "y")];
    let program = program(&[2, 3], nodes, vec![truth, floats("other", &[], &[-10.0])]).unwrap();
    assert!(
        !program
            .steps
            .iter()
            .any(|step| matches!(step, Step::Multiply { .. } | Step::Sum { .. })),
        "{:?}",
        program.steps
    );
    let found = result(&program, &[0.5, 1.5, 2.5, 3.5, 4.5, 5.5]).unwrap();
    assert_near(&found, &[0.5, -10.0, 2.5, 3.5, -10.0, 5.5], 0.0);
}

/// Weights that are whole keep whole numbers whole: a position that a table gives is one that another is compared with.
#[test]
fn whole_weights_keep_whole_numbers() {
    let nodes = vec![
        cast("x", DataType::Int64, "i"),
        operator("Gather", &["table", "i"], "row"),
        with(
            operator("OneHot", &["row", "depth", "values"], "y"),
            int("axis", -1),
        ),
    ];
    let constants = vec![
        integers("table", &[2, 0, 3, 1]),
        integers("depth", &[4]),
        floats("values", &[2], &[0.0, 1.0]),
    ];
    let program = program(&[1, 2], nodes, constants).unwrap();
    let found = result(&program, &[1.0, 2.0]).unwrap();
    assert_near(&found, &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], 0.0);
}

/// Where EZKL objects, what no committed circuit has is named beside that.
#[test]
fn a_refusal_names_what_no_committed_circuit_has() {
    let refused = program(&[2, 2], vec![operator("NonZero", &["x"], "y")], Vec::new()).unwrap_err();
    for reason in ["which EZKL does not support", "no committed circuit: NonZero y: "] {
        assert!(refused.contains(reason), "{refused}");
    }
}

fn matrix(name: &str, factors: [i64; 2]) -> TensorProto {
    TensorProto {
        dims: vec![2, 1],
        ..integers(name, &factors)
    }
}

/// What a table would round of integers is not covered, wherever it stands: behind a layer, in a product of values, or in a comparison.
#[test]
fn integers_are_not_rounded_for_a_table() {
    let product = || operator("MatMul", &["x", "w"], "t");
    let of = |factor: i64, nodes: Vec<NodeProto>| {
        let constants = vec![matrix("w", [factor, 1]), integers("c", &[12345])];
        program_of_integers(DataType::Int64, &[1, 2], nodes, constants)
    };
    for (factor, fits) in [(100, true), (1000, false)] {
        let absolute = of(factor, vec![product(), operator("Abs", &["t"], "y")]);
        assert_eq!(absolute.is_ok(), fits, "{factor}: {absolute:?}");
        let compared = vec![
            product(),
            operator("Abs", &["t"], "a"),
            operator("Equal", &["a", "c"], "e"),
            with(operator("Cast", &["e"], "y"), int("to", 7)),
        ];
        assert_eq!(of(factor, compared).is_ok(), fits, "{factor}");
    }
    let gate = vec![
        operator("Mul", &["x", "x"], "p"),
        operator("Mul", &["p", "x"], "t"),
        operator("Equal", &["t", "c"], "e"),
        with(operator("Cast", &["e"], "y"), int("to", 7)),
    ];
    assert!(of(1, gate).is_err());
}

/// Beside a fraction, whole numbers are compared as whole numbers.
#[test]
fn whole_numbers_are_compared_with_a_fraction_exactly() {
    for (operator_name, greater, expected) in [
        ("Greater", "t", [0.0, 1.0]),
        ("GreaterOrEqual", "t", [0.0, 1.0]),
        ("Less", "t", [1.0, 0.0]),
        ("LessOrEqual", "t", [1.0, 0.0]),
        ("Greater", "c", [1.0, 0.0]),
        ("LessOrEqual", "c", [0.0, 1.0]),
    ] {
        let other = if greater == "t" { "c" } else { "t" };
        let (first, second) = (greater.replace('t', "f"), other.replace('t', "f"));
        let nodes = vec![
            operator("MatMul", &["x", "w"], "t"),
            with(operator("Cast", &["t"], "f"), int("to", 1)),
            operator(operator_name, &[&first, &second], "e"),
            with(operator("Cast", &["e"], "y"), int("to", 1)),
        ];
        let constants = vec![matrix("w", [100, 1]), floats("c", &[], &[12345.5])];
        let program = program_of_integers(DataType::Int64, &[1, 2], nodes, constants).unwrap();
        for (x, expected) in [[123.0, 45.0], [123.0, 46.0]].into_iter().zip(expected) {
            let found = result(&program, &x).unwrap();
            assert_eq!(found, [expected], "{operator_name} {greater} {x:?}");
        }
    }
}

/// Constants that are none of their type, and what hangs on digits that 32 bits do not hold.
#[test]
fn constants_that_are_read_otherwise_elsewhere_are_refused() {
    let truth = |data: i32| TensorProto {
        name: "b".to_owned(),
        data_type: DataType::Bool as i32,
        int32_data: vec![data],
        ..TensorProto::default()
    };
    let shown = || {
        vec![
            with(operator("Cast", &["b"], "f"), int("to", 1)),
            operator("Add", &["x", "f"], "y"),
        ]
    };
    assert!(program(&[1, 2], shown(), vec![truth(1)]).is_ok());
    assert!(program(&[1, 2], shown(), vec![truth(2)]).is_err());
    let double = |name: &str, number: f64| TensorProto {
        name: name.to_owned(),
        data_type: DataType::Double as i32,
        double_data: vec![number],
        ..TensorProto::default()
    };
    let equal = |a: f64, b: f64| {
        let nodes = vec![
            operator("Identity", &["a"], "same"),
            operator("Equal", &["same", "b"], "e"),
            with(operator("Cast", &["e"], "f"), int("to", 1)),
            operator("Add", &["x", "f"], "y"),
        ];
        program(&[1, 2], nodes, vec![double("a", a), double("b", b)])
    };
    assert!(equal(0.5, 0.25).is_ok());
    assert!(equal(0.1, 0.1 + 1e-10).is_err());
    // What is computed in 64 bits, cast or not, is none of 32 bits.
    let decided = |operators: Vec<NodeProto>| {
        let shown = [
            with(operator("Cast", &["decided"], "f"), int("to", 1)),
            operator("Add", &["x", "f"], "y"),
        ];
        let constants = vec![
            double("a", 16_777_216.0),
            double("b", 1.0),
            double("c", 2.999_999_999_9),
        ];
        program(&[1, 2], [operators, shown.to_vec()].concat(), constants)
    };
    assert!(decided(vec![operator("Floor", &["c"], "decided")]).is_err());
    assert!(decided(vec![operator("Floor", &["b"], "decided")]).is_ok());
    let sum = || operator("Add", &["a", "b"], "sum");
    assert!(decided(vec![sum(), operator("Equal", &["sum", "a"], "decided")]).is_err());
    let single = |name: &str, result: &str| with(operator("Cast", &[name], result), int("to", 1));
    let of_singles = vec![
        sum(),
        single("sum", "s"),
        single("a", "t"),
        operator("Equal", &["s", "t"], "decided"),
    ];
    assert!(decided(of_singles).is_err());
    let stored = vec![single("c", "s"), operator("Floor", &["s"], "decided")];
    assert!(decided(stored).is_ok());
}
