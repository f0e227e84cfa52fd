//! What an accepted proof proves.
//!
//! | module | what goes in | what comes out |
//! |---|---|---|
//! | [`ledger`] | facts about a proof's circuit, key, verifier and use | the ledger, item by item |
//! | [`facts`] | a record, its evidence and its model | these facts |

pub mod facts;
pub mod ledger;
