//! What a run is about: a model, its weights, an input, and the circuit that is proved in its place.
//!
//! | module | what goes in | what comes out |
//! |---|---|---|
//! | [`accuracy`] | a model and test images | how many are right, in `f32` and in the circuit's integers |
//! | [`trained`] | an id of the suite | the weights in `models/`, and how well they do |
//! | [`scale_factors`] | a graph and inputs | what the scale factors of its circuit rest on |
//! | [`integers`] | a graph and a quantisation | the exact integer program, lowered once |
//! | [`subject`] | a model of the suite or a user's file, and a request | a subject, and what a prover is asked about it |

pub mod accuracy;
pub mod integers;
pub mod scale_factors;
pub mod subject;
pub mod trained;
