//! What a run will take, said before it is made, and what is chosen by that.
//!
//! | module | what goes in | what comes out |
//! |---|---|---|
//! | [`machine`] | `/proc` | the machine that this process runs on, as records and calibrations name it |
//! | [`forecast`] | EZKL's settings alone | sizes, gas, memory and time |
//! | [`budget`] | a subject and a memory budget | where to split the model |
//! | [`tune`] | a subject, what may be changed, limits | the circuits that nothing beats, and a profile of the best |

pub mod budget;
pub mod forecast;
pub mod machine;
pub mod tune;
