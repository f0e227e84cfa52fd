//! The layers, the scales, the scaling study and the composites.

use super::{Figures, further_records};
use crate::prover::CircuitKind;
use crate::report::data::{Dataset, Entry};
use crate::report::table::{Cell, Column, Table};
use crate::suite::{self, Category, ModelSpec, STUDY_SCALES};

/// What every table of layers shows of a run, behind its names.
fn run_columns() -> Vec<Column> {
    vec![
        Column::integer("rows", None),
        Column::integer("2^k", None),
        Column::real("set-up", Some("s"), 1),
        Column::real("prove", Some("s"), 1),
        Column::real("peak memory", Some("GiB"), 2),
        Column::integer("proof", Some("B")),
        Column::integer("instances", None),
        Column::integer("code", Some("B")),
        Column::integer("verify gas", None),
        Column::integer("with guard", None),
        Column::text("fits"),
        Column::text("outcome"),
    ]
}

fn run_cells(figures: &Figures) -> Vec<Cell> {
    vec![
        figures.rows(),
        figures.logrows(),
        figures.setup_seconds(),
        figures.prove_seconds(),
        figures.prove_peak(),
        figures.proof_bytes(),
        figures.instances(),
        figures.code_bytes(),
        figures.verification_gas(),
        figures.guarded_gas(),
        figures.fits(),
        figures.outcome(),
    ]
}

const RUN_CAPTION: &str = "\"set-up\" and \"prove\" are mean seconds inside EZKL's call; \"peak memory\" is the proving process's own \
     high-water mark; \"verify gas\" is the whole transaction, base price and calldata included, under Osaka.";

/// The headlines of one part of the study, of circuits that a user would deploy.
fn deployable(dataset: &Dataset, category: Category) -> Vec<&Entry> {
    let mut entries = dataset.headlines();
    entries.retain(|entry| entry.kind() != CircuitKind::Study && is_of(entry, category));
    entries
}

fn is_of(entry: &Entry, category: Category) -> bool {
    entry.request().onnx_sha256.is_none()
        && suite::find(&entry.request().id).is_ok_and(|model| model.category == category)
}

/// Every record in the columns of a table of layers, in the order of the dataset: what the page sorts and filters.
pub fn overview(dataset: &Dataset) -> Table {
    let mut columns = vec![Column::text("record"), Column::text("circuit")];
    columns.extend(run_columns());
    columns.push(Column::text("proves"));
    let rows = dataset.entries.iter().map(|entry| {
        let figures = Figures::of(Some(entry));
        let mut cells = vec![Cell::text(entry.label()), Cell::text(entry.kind().to_string())];
        cells.extend(run_cells(&figures));
        cells.push(figures.level());
        cells
    });
    Table {
        name: "overview",
        title: "All records",
        caption: format!(
            "{RUN_CAPTION} \"proves\" is how far an accepted proof can be relied on, by the record's ledger."
        ),
        rows: rows.collect(),
        columns,
        notes: Vec::new(),
    }
}

/// What was proved and verified, in few columns: the table of the README.
pub fn results(dataset: &Dataset) -> Table {
    let mut columns = vec![Column::text("")];
    columns.extend(run_columns());
    // Set-up, which is paid once for a model, is in the table of layers; what the chain says is in the outcome.
    let dropped = ["set-up", "fits"];
    let kept: Vec<bool> = columns
        .iter()
        .map(|column| !dropped.contains(&column.name.as_str()))
        .collect();
    let verified = dataset.headlines().into_iter().filter(|entry| {
        entry.kind() != CircuitKind::Study && entry.record.outcome == crate::record::Outcome::Verified
    });
    let rows = verified.map(|entry| {
        let mut cells = vec![Cell::text(entry.label())];
        let figures = Figures::of(Some(entry));
        cells.extend(run_cells(&figures));
        cells.pop();
        cells.push(figures.outcome_and_limits());
        only(&kept, cells)
    });
    let rows = rows.collect();
    Table {
        name: "results",
        title: "Results",
        caption: format!(
            "Everything that was proved and verified in a circuit that a user would deploy. {RUN_CAPTION}"
        ),
        rows,
        columns: only(&kept, columns),
        notes: further_records(dataset).into_iter().collect(),
    }
}

/// The parts that are kept.
fn only<T>(kept: &[bool], parts: Vec<T>) -> Vec<T> {
    let parts = parts.into_iter().zip(kept);
    parts.filter(|(_, kept)| **kept).map(|(part, _)| part).collect()
}

/// The 12 layers of the study.
pub fn core_layers(dataset: &Dataset) -> Table {
    let mut columns = vec![
        Column::text("layer"),
        Column::integer("scale", None),
        Column::text("circuit"),
    ];
    columns.extend(run_columns());
    let rows = deployable(dataset, Category::Core).into_iter().map(|entry| {
        let mut cells = vec![
            Cell::text(&entry.request().id),
            Cell::Integer(entry.scale().into()),
            Cell::text(entry.kind().to_string()),
        ];
        cells.extend(run_cells(&Figures::of(Some(entry))));
        cells
    });
    let rows: Vec<_> = rows.collect();
    Table {
        name: "core_layers",
        title: "Core layers",
        caption: RUN_CAPTION.to_owned(),
        notes: further_records(dataset)
            .into_iter()
            .chain(without_record(dataset, Category::Core))
            .collect(),
        columns,
        rows,
    }
}

/// The models of a part that no record is about.
fn without_record(dataset: &Dataset, category: Category) -> Option<String> {
    let entries = deployable(dataset, category);
    let models = suite::MODELS.iter().filter(|model| model.category == category);
    let missing: Vec<&str> = models
        .map(|model| model.id)
        .filter(|id| entries.iter().all(|entry| entry.request().id != *id))
        .collect();
    (!missing.is_empty()).then(|| format!("No record of a deployable circuit of: {}.", missing.join(", ")))
}

/// The two scales of the study, side by side.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method is not general enough in its lifetime"
)]
pub fn scale_comparison(dataset: &Dataset) -> Table {
    let headlines = dataset.headlines();
    let mut kinds: Vec<CircuitKind> = Vec::new();
    for entry in &headlines {
        if entry.kind() != CircuitKind::Study && !kinds.contains(&entry.kind()) {
            kinds.push(entry.kind());
        }
    }
    let find = |model: &ModelSpec, kind: CircuitKind, scale: u32| {
        headlines
            .iter()
            .copied()
            .find(|entry| entry.request().id == model.id && entry.kind() == kind && entry.scale() == scale)
    };
    let mut rows = Vec::new();
    for model in &suite::MODELS {
        for &kind in &kinds {
            let scales = STUDY_SCALES.map(|scale| find(model, kind, scale));
            if scales.iter().all(Option::is_none) {
                continue;
            }
            let figures = scales.map(Figures::of);
            let both = |of: fn(&Figures) -> Cell| figures.iter().map(of).collect::<Vec<_>>();
            let cells = [
                vec![Cell::text(model.id), Cell::text(kind.to_string())],
                both(|figures| figures.rows()),
                both(|figures| figures.prove_seconds()),
                both(|figures| figures.prove_peak()),
                both(|figures| figures.verification_gas()),
                both(|figures| figures.largest_error()),
                both(|figures| figures.percent_right()),
            ];
            rows.push(cells.concat());
        }
    }
    let at = |name: &str| STUDY_SCALES.map(|scale| format!("{name}, scale {scale}"));
    let mut columns = vec![Column::text("model"), Column::text("circuit")];
    columns.extend(at("rows").map(|name| Column::integer(name, None)));
    columns.extend(at("prove").map(|name| Column::real(name, Some("s"), 1)));
    columns.extend(at("peak memory").map(|name| Column::real(name, Some("GiB"), 2)));
    columns.extend(at("verify gas").map(|name| Column::integer(name, None)));
    columns.extend(at("largest error").map(|name| Column::significant(name, None)));
    columns.extend(at("right").map(|name| Column::real(name, Some("%"), 2)));
    Table {
        name: "scale_comparison",
        title: "Scale 7 against scale 10",
        caption: "The same model at both fixed-point scales, asked for and used. \"largest error\" is the largest distance of an \
                  output of the proved circuit from the float model; \"right\" counts the test images that the circuit's integers put into their class. The study's two arms were one circuit; these are two."
            .to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    }
}

/// How cost grows with the shape: the dense layers and the convolutions, smallest first.
pub fn scaling(dataset: &Dataset) -> Table {
    const SHAPES: [&str; 6] = [
        "dense_small",
        "dense",
        "dense_large",
        "conv2d_small",
        "conv2d_k3_s1",
        "conv2d_large",
    ];
    let headlines = dataset.headlines();
    let mut rows = Vec::new();
    for id in SHAPES {
        let entries = headlines.iter().filter(|entry| entry.request().id == id);
        for entry in entries {
            let figures = Figures::of(Some(entry));
            let model = &entry.record.model;
            let instances = entry.record.proof.as_ref().map(|proof| proof.instances);
            let gas = entry.verification_gas();
            let gas_per_instance = gas.zip(instances.filter(|&instances| instances > 0));
            rows.push(vec![
                Cell::text(id),
                Cell::Integer(entry.scale().into()),
                Cell::text(entry.kind().to_string()),
                Cell::count(model.parameters),
                Cell::count(model.multiply_adds),
                figures.rows(),
                figures.logrows(),
                figures.prove_seconds(),
                figures.prove_peak(),
                figures.instances(),
                figures.verification_gas(),
                Cell::real(gas_per_instance.map(|(gas, instances)| gas as f64 / instances as f64)),
                figures.outcome(),
            ]);
        }
    }
    Table {
        name: "scaling",
        title: "Scaling study",
        caption: "Dense layers and convolutions by size. Multiply-adds count each multiplication of a value with a weight; \"gas an \
                  instance\" is the whole transaction over its public values."
            .to_owned(),
        columns: vec![
            Column::text("model"),
            Column::integer("scale", None),
            Column::text("circuit"),
            Column::integer("parameters", None),
            Column::integer("multiply-adds", None),
            Column::integer("rows", None),
            Column::integer("2^k", None),
            Column::real("prove", Some("s"), 1),
            Column::real("peak memory", Some("GiB"), 2),
            Column::integer("instances", None),
            Column::integer("verify gas", None),
            Column::real("gas an instance", None, 0),
            Column::text("outcome"),
        ],
        rows,
        notes: Vec::new(),
    }
}

/// The four small CNNs, each at both scales in each kind of circuit that a record is about.
pub fn composite_comparison(dataset: &Dataset) -> Table {
    let headlines = dataset.headlines();
    let mut columns = vec![
        Column::text("model"),
        Column::integer("scale", None),
        Column::text("circuit"),
    ];
    columns.extend(run_columns());
    let outcome = columns.pop();
    columns.push(Column::significant("largest error", None));
    columns.extend(accuracy_columns());
    columns.extend(outcome);
    let mut rows = Vec::new();
    for model in suite::MODELS
        .iter()
        .filter(|model| model.category == Category::Composite)
    {
        let entries: Vec<_> = headlines
            .iter()
            .copied()
            .filter(|entry| entry.request().id == model.id)
            .collect();
        if entries.is_empty() {
            let mut cells = vec![Cell::text(model.id), Cell::Missing, Cell::Missing];
            cells.resize(columns.len() - 1, Cell::Missing);
            cells.push(Cell::text("no record"));
            rows.push(cells);
        }
        for entry in entries {
            let figures = Figures::of(Some(entry));
            let mut cells = vec![
                Cell::text(model.id),
                Cell::Integer(entry.scale().into()),
                Cell::text(entry.kind().to_string()),
            ];
            cells.extend(run_cells(&figures));
            cells.pop();
            cells.extend([
                figures.largest_error(),
                figures.float_percent_right(),
                figures.percent_right(),
                figures.outcome(),
            ]);
            rows.push(cells);
        }
    }
    Table {
        name: "composite_comparison",
        title: "Composites",
        caption: format!("{RUN_CAPTION} {ACCURACY_CAPTION}"),
        columns,
        rows,
        notes: Vec::new(),
    }
}

const ACCURACY_CAPTION: &str = "\"right in f32\" and \"right in the circuit\" count the 10,000 test images of CIFAR-10 that the float model \
     and the circuit's exact integers put into their class.";

fn accuracy_columns() -> [Column; 2] {
    [
        Column::real("right in f32", Some("%"), 2),
        Column::real("right in the circuit", Some("%"), 2),
    ]
}

/// What the trained models are worth, in `f32` and in their circuits, beside what proving and verifying them costs.
pub fn accuracies(dataset: &Dataset) -> Table {
    let mut columns = vec![
        Column::text("model"),
        Column::integer("scale", None),
        Column::text("circuit"),
    ];
    columns.extend(accuracy_columns());
    columns.extend([
        Column::real("agree", Some("%"), 2),
        Column::significant("worst logit error", None),
        Column::significant("mean logit error", None),
        Column::integer("EZKL's witnesses", None),
        Column::real("prove", Some("s"), 1),
        Column::real("peak memory", Some("GiB"), 2),
        Column::integer("verify gas", None),
    ]);
    let rows = dataset.headlines().into_iter().filter_map(|entry| {
        let accuracy = entry.record.accuracy.as_ref()?;
        let figures = Figures::of(Some(entry));
        Some(vec![
            Cell::text(&entry.request().id),
            Cell::Integer(entry.scale().into()),
            Cell::text(entry.kind().to_string()),
            figures.float_percent_right(),
            figures.percent_right(),
            Cell::Real(100.0 * accuracy.agreeing as f64 / accuracy.images.max(1) as f64),
            Cell::Real(accuracy.worst_logit_error),
            Cell::Real(accuracy.mean_logit_error),
            Cell::count(Some(accuracy.witnesses as u64)),
            figures.prove_seconds(),
            figures.prove_peak(),
            figures.verification_gas(),
        ])
    });
    Table {
        name: "accuracies",
        title: "Accuracy",
        caption: format!(
            "{ACCURACY_CAPTION} \"agree\" counts those that both put into one class; logit errors are distances of the circuit's logits \
             from the float model's, over all images; \"EZKL's witnesses\" is of how many images EZKL's own witness was computed and found \
             equal to the integers to the last one."
        ),
        columns,
        rows: rows.collect(),
        notes: Vec::new(),
    }
}
