//! The forecast against every record: what follows from settings alone is what the run measured.

use std::path::Path;

use evmbench::prover::{CircuitSettings, CircuitShape};
use evmbench::store;

/// Every record that has keys, with its settings.
fn records() -> Vec<(String, evmbench::record::Record)> {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let paths = store::record_paths(&results).unwrap();
    paths
        .into_iter()
        .filter_map(|path| {
            let record = store::load(&results.join(&path)).ok()?;
            record.keys.is_some().then(|| (path.display().to_string(), record))
        })
        .collect()
}

#[test]
fn columns_follow_from_settings() {
    let mut n=0;
    for (name, record) in records() {
        let circuit = record.circuit.as_ref().unwrap();
        let settings = CircuitSettings::parse(&circuit.settings.to_string()).unwrap();
        let shape = CircuitShape::of(&settings).unwrap();
        let columns = circuit.columns.unwrap();
        n+=1;
        println!("{name} {:?} {:?} A {} P {}", columns, (&shape.fixed_columns, shape.likely_fixed_columns), shape.advice_columns(), shape.permutation_columns);
        assert_eq!(shape.advice_columns(), columns.advice_columns, "{name}");
        assert_eq!(shape.likely_fixed_columns, columns.fixed_columns, "{name}");
        assert_eq!(shape.permutation_columns, columns.permutation_columns, "{name}");
    }
    println!("{n}");
}
