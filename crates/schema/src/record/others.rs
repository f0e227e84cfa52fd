//! What other processes took of the machine while a run was made: times of a machine that others used as well are longer than they
//! need be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Processors that others may take before times are said to be made beside other work. A machine at rest has less to do.
const MOST_PROCESSORS: f64 = 0.5;

/// Processor time of other processes, other virtual machines of the same host among them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OtherWork {
    /// Their processor time during the run, in seconds.
    pub cpu_seconds: f64,
    /// How long the run was, in seconds.
    pub seconds: f64,
}

impl OtherWork {
    /// Processors that others took on the mean.
    pub fn processors(&self) -> f64 {
        if self.seconds > 0.0 {
            self.cpu_seconds / self.seconds
        } else {
            0.0
        }
    }

    /// Whether it was so much that times are longer than they need be.
    pub fn is_much(&self) -> bool {
        self.processors() > MOST_PROCESSORS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_processor_is_much() {
        let work = |cpu_seconds| OtherWork {
            cpu_seconds,
            seconds: 10.0,
        };
        assert!(!work(5.0).is_much() && work(5.1).is_much());
        assert!(
            !OtherWork {
                cpu_seconds: 0.0,
                seconds: 0.0
            }
            .is_much()
        );
    }
}
