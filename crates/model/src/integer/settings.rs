//! What decides a circuit's integers.

/// The settings that decide the integers, or whether EZKL has a witness at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantisation {
    /// Logarithm of the inputs' denominator.
    pub input_scale: i32,
    /// Logarithm of the parameters' denominator, before an operator asks for more.
    pub param_scale: i32,
    /// The scale that results are divided back to, times the multiplier; the larger of the two above if `None`.
    pub rebase_scale: Option<i32>,
    /// How many times that scale a result may reach undivided.
    pub scale_rebase_multiplier: u32,
    /// Whether parameters without fractions are kept at scale 0.
    pub rebase_frac_zero_constants: bool,
    /// What a reciprocal adds to a zero; EZKL's default is `f64::EPSILON`.
    pub epsilon: f64,
    /// Smallest and largest value that a lookup table must hold.
    pub lookup_range: (i128, i128),
    /// Logarithm of the number of rows: a table is filled up to whole columns beyond its range.
    pub logrows: u32,
    /// The base of the digits that values are decomposed into.
    pub decomp_base: u64,
    /// The number of those digits.
    pub decomp_legs: u32,
    /// Whether the inputs are decomposed; where they are not, parameters with several readers are.
    pub inputs_range_checked: bool,
    /// Whether the outputs are decomposed.
    pub outputs_range_checked: bool,
}
