//! A model's exact integer program, lowered once for the settings that decide its integers.

use std::sync::{Arc, Mutex, PoisonError};

use evmbench_ezkl::settings::QuantisationError;
use evmbench_model::graph::Graph;
use evmbench_model::integer::{self, IntegerError, Lowered, Quantisation};
use evmbench_model::onnx::{self, Uncovered};

/// Why a model has no exact integer program under some settings.
#[derive(Debug, thiserror::Error)]
pub enum NoIntegers {
    /// The model has nodes that are not known as layers.
    #[error("nothing is known of the values of these operators: {}", onnx::operators(.0).join(", "))]
    Uncovered(Vec<Uncovered>),
    /// The settings do not decide the integers.
    #[error(transparent)]
    Settings(#[from] QuantisationError),
    /// The layers have no such program.
    #[error(transparent)]
    Program(#[from] IntegerError),
}

/// A program, or why there is none.
type Made = Result<Arc<Lowered>, IntegerError>;

/// The last program that was lowered, and for which integers.
#[derive(Debug, Default)]
pub struct IntegerProgram(Mutex<Option<(Quantisation, Made)>>);

/// A clone knows no program yet: its graph may become another.
impl Clone for IntegerProgram {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl IntegerProgram {
    /// The program of a graph, which is always the same one, for a quantisation.
    ///
    /// # Errors
    /// [`IntegerError`] where the graph has no such program.
    pub(crate) fn of(&self, graph: &Graph, quantisation: &Quantisation) -> Made {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((of, made)) if of == quantisation => made.clone(),
            _ => {
                let made = integer::lower(graph, quantisation).map(Arc::new);
                *last = Some((quantisation.clone(), made.clone()));
                made
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use evmbench_model::graph::Op;

    use super::*;

    fn quantisation(scale: i32) -> Quantisation {
        Quantisation {
            input_scale: scale,
            param_scale: scale,
            rebase_scale: None,
            scale_rebase_multiplier: 1,
            rebase_frac_zero_constants: false,
            epsilon: f64::EPSILON,
            lookup_range: (-100, 100),
            logrows: 10,
            decomp_base: 1024,
            decomp_legs: 2,
            inputs_range_checked: true,
            outputs_range_checked: true,
        }
    }

    #[test]
    fn a_graph_is_lowered_once_for_the_same_integers() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 4]).unwrap();
        let y = graph.apply("relu", "y", Op::Relu, &[x]).unwrap();
        graph.outputs.push(y);
        let program = IntegerProgram::default();
        let of = |program: &IntegerProgram, scale| program.of(&graph, &quantisation(scale)).unwrap();
        let first = of(&program, 7);
        assert!(Arc::ptr_eq(&first, &of(&program, 7)));
        let other = of(&program, 8);
        assert!(!Arc::ptr_eq(&first, &other) && Arc::ptr_eq(&other, &of(&program, 8)));
        // The graph of a clone may be another.
        assert!(!Arc::ptr_eq(&other, &of(&program.clone(), 8)));
    }
}
