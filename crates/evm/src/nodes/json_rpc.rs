//! JSON-RPC 2.0 as Ethereum's nodes speak it: a request's text, and what a response's text says.

use serde::Deserialize;
use serde_json::{Value, json};

/// Why a node refuses a request.
#[derive(Debug, Deserialize)]
pub struct Refusal {
    /// JSON-RPC's error code.
    pub code: i64,
    /// In the node's words.
    #[serde(default)]
    pub message: String,
    /// What a call that reverted returned, and other details; null where there are none.
    #[serde(default)]
    pub data: Value,
}

/// The text of a request.
#[must_use]
pub fn request(method: &str, parameters: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).to_string()
}

/// What a response says: the method's result, or why there is none.
///
/// # Errors
/// The text is no response.
pub fn response(text: &str) -> serde_json::Result<Result<Value, Refusal>> {
    #[derive(Deserialize)]
    struct Response {
        #[serde(default)]
        result: Value,
        error: Option<Refusal>,
    }
    let Response { result, error } = serde_json::from_str(text)?;
    Ok(error.map_or(Ok(result), Err))
}
