//! A provider of a chain, asked by JSON-RPC over HTTP.
//!
//! Goes in: a method and its parameters. Comes out: its result. An answer has limits on size and time. A provider's URL often holds a key,
//! in its path, its query or before its host: nothing that is shown has more of it than scheme, host and port, and words of the provider's
//! own that repeat a part of it are not shown either.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U64};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::http::Uri;

use evmbench_evm::nodes::json_rpc::{self, Refusal};
use evmbench_host::format;
use evmbench_host::hint::Hint;

/// How many characters of a provider's own words are shown.
const QUOTED: usize = 300;

/// How many characters of a URL's hidden part in a row give it away.
const GIVEN_AWAY: usize = 6;

/// What one answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Its length, in bytes.
    pub answer_bytes: u64,
    /// Time from the request to the answer's last byte.
    pub wait: Duration,
}

impl Default for Limits {
    /// 4 MiB, which any chain's largest contract fits several times, and a minute.
    fn default() -> Self {
        Self {
            answer_bytes: 1 << 22,
            wait: Duration::from_mins(1),
        }
    }
}

/// A block, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block(pub u64);

/// A provider that can be asked.
pub struct Provider {
    agent: ureq::Agent,
    url: String,
    /// Scheme, host and port.
    name: String,
    /// What of the URL is not shown, in lower case.
    hidden: Vec<String>,
    limits: Limits,
}

impl fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Provider({})", self.name)
    }
}

/// Why a provider gives no answer of use. No variant holds more of its URL than scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The URL is none.
    #[error("--rpc takes an http:// or https:// URL; what was given is not shown, as it may hold a key")]
    Url,
    /// There is no connection.
    #[error("{provider} cannot be asked {method}: {why}")]
    Unreachable {
        /// Whom.
        provider: String,
        /// What.
        method: &'static str,
        /// Why not.
        why: String,
    },
    /// It takes too long.
    #[error("{provider} did not answer {method} within {}", format::seconds(wait.as_secs_f64()))]
    Late {
        /// Who.
        provider: String,
        /// What.
        method: &'static str,
        /// How long was waited.
        wait: Duration,
    },
    /// The answer is too long.
    #[error("{provider} answers {method} with more than {}", format::bytes(*most))]
    Long {
        /// Who.
        provider: String,
        /// What.
        method: &'static str,
        /// How much is read, in bytes.
        most: u64,
    },
    /// An HTTP status that is no success.
    #[error("{provider} answers {method} with HTTP status {status}")]
    Status {
        /// Who.
        provider: String,
        /// What.
        method: &'static str,
        /// The status.
        status: u16,
    },
    /// The answer is not what the method gives.
    #[error("{provider}'s answer to {method} cannot be read")]
    Garbled {
        /// Whose.
        provider: String,
        /// To what.
        method: &'static str,
    },
    /// The provider refuses the request.
    #[error("{provider} refuses {method}: {words} ({code})")]
    Refused {
        /// Who.
        provider: String,
        /// What.
        method: &'static str,
        /// JSON-RPC's error code.
        code: i64,
        /// The provider's words.
        words: String,
    },
    /// The provider makes calls, and none on a state with contracts that are not there.
    #[error(
        "{provider} takes no state overrides with eth_call, so that a verifier that is not deployed cannot be asked there{}",
        words.as_ref().map_or_else(String::new, |words| format!(": {words}"))
    )]
    NoOverrides {
        /// Who.
        provider: String,
        /// The provider's words, if it has any.
        words: Option<String>,
    },
}

impl Hint for ProviderError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Url => "write it as in --rpc \"$RPC_URL\", with RPC_URL=https://HOST/KEY".into(),
            Self::Unreachable { .. } => "check host and port, and the network".into(),
            Self::Late { .. } => "try again, or ask another provider or a node of your own".into(),
            Self::Long { .. } | Self::Garbled { .. } => {
                "is it a JSON-RPC endpoint of an EVM chain? Ask another provider, or a node of your own".into()
            }
            Self::Status { status, .. } => match status {
                401 | 403 => "the provider does not take the key in the URL".into(),
                429 => "the provider takes no more requests now: wait, or use a key".into(),
                _ => "check the URL's path, or ask another provider".into(),
            },
            Self::Refused { .. } => {
                "what the provider says is its own; another one, or a node of your own, may allow more".into()
            }
            Self::NoOverrides { .. } => {
                "ask a node that takes them (geth, Erigon, Nethermind, Reth and anvil do), or deploy the contracts \
                 (`evmbench export-foundry --deploy`) and ask with --at ADDRESS"
                    .into()
            }
        })
    }
}

impl Provider {
    /// A provider, which is not asked anything yet.
    ///
    /// # Errors
    /// [`ProviderError::Url`].
    pub fn new(url: &str, limits: Limits) -> Result<Self, ProviderError> {
        let url = url.trim();
        let parsed: Uri = url.parse().map_err(|_| ProviderError::Url)?;
        let scheme = parsed
            .scheme_str()
            .filter(|scheme| ["http", "https"].contains(scheme));
        let host = parsed.host().filter(|host| !host.is_empty());
        let (Some(scheme), Some(host)) = (scheme, host) else {
            return Err(ProviderError::Url);
        };
        let port = parsed.port().map_or_else(String::new, |port| format!(":{port}"));
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(limits.wait))
            // The provider's own words come with such a status, too.
            .http_status_as_error(false)
            // A key goes to the host that it is for.
            .max_redirects(0)
            .max_redirects_will_error(false);
        // The machine's proxy is for other machines.
        let agent = if ["localhost", "127.0.0.1", "[::1]"].contains(&host) {
            agent.proxy(None)
        } else {
            agent
        };
        Ok(Self {
            agent: agent.build().new_agent(),
            url: url.to_owned(),
            name: format!("{scheme}://{host}{port}"),
            hidden: hidden(&parsed),
            limits,
        })
    }

    /// Scheme, host and port.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The chain's id.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub fn chain_id(&self) -> Result<u64, ProviderError> {
        self.number("eth_chainId")
    }

    /// The newest block.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub fn newest_block(&self) -> Result<Block, ProviderError> {
        self.number("eth_blockNumber").map(Block)
    }

    /// The runtime code at an address; empty where there is none.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub fn code(&self, address: Address, block: Block) -> Result<Bytes, ProviderError> {
        self.request("eth_getCode", &json!([address, quantity(block.0)]))
    }

    /// A word of a contract's storage.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub fn storage(&self, address: Address, slot: B256, block: Block) -> Result<B256, ProviderError> {
        self.request("eth_getStorageAt", &json!([address, slot, quantity(block.0)]))
    }

    /// What a contract returns.
    ///
    /// # Errors
    /// [`ProviderError`]; [`ProviderError::Refused`] also where the call reverts.
    pub fn call(&self, contract: Address, data: &Bytes, block: Block) -> Result<Bytes, ProviderError> {
        let call = json!({"to": contract, "data": data});
        self.request("eth_call", &json!([call, quantity(block.0)]))
    }

    fn number(&self, method: &'static str) -> Result<u64, ProviderError> {
        let number: U64 = self.request(method, &json!([]))?;
        Ok(number.to())
    }

    /// The result of a method.
    pub(super) fn request<T: DeserializeOwned>(
        &self,
        method: &'static str,
        parameters: &Value,
    ) -> Result<T, ProviderError> {
        let lost = |error| self.lost(method, &error);
        let provider = self.name.clone();
        let request = self.agent.post(&self.url).content_type("application/json");
        let mut answer = request
            .send(json_rpc::request(method, parameters))
            .map_err(lost)?;
        let status = answer.status();
        let text = answer.body_mut().with_config();
        let text = text.limit(self.limits.answer_bytes).lossy_utf8(true);
        let text = text.read_to_string().map_err(lost)?;
        match json_rpc::response(&text) {
            Ok(Err(Refusal { code, message, .. })) => Err(ProviderError::Refused {
                provider,
                method,
                code,
                words: self.shown(&message),
            }),
            _ if !status.is_success() => Err(ProviderError::Status {
                provider,
                method,
                status: status.as_u16(),
            }),
            Ok(Ok(result)) => {
                serde_json::from_value(result).map_err(|_| ProviderError::Garbled { provider, method })
            }
            Err(_) => Err(ProviderError::Garbled { provider, method }),
        }
    }

    /// Why there is no answer. ureq's own words may hold the URL.
    fn lost(&self, method: &'static str, error: &ureq::Error) -> ProviderError {
        let provider = self.name.clone();
        let why = match error {
            ureq::Error::Timeout(_) => {
                return ProviderError::Late {
                    provider,
                    method,
                    wait: self.limits.wait,
                };
            }
            ureq::Error::BodyExceedsLimit(most) => {
                return ProviderError::Long {
                    provider,
                    method,
                    most: *most,
                };
            }
            ureq::Error::HostNotFound => "there is no such host".to_owned(),
            ureq::Error::Io(source) => source.kind().to_string(),
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => "the TLS connection failed".to_owned(),
            ureq::Error::InvalidProxyUrl => {
                "the proxy that the environment names has no proper URL".to_owned()
            }
            ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => {
                "its answer is not valid HTTP".to_owned()
            }
            _ => "the connection failed".to_owned(),
        };
        ProviderError::Unreachable {
            provider,
            method,
            why,
        }
    }

    /// The provider's words as they are shown: not at all where they repeat what the URL hides.
    fn shown(&self, words: &str) -> String {
        let lower = words.to_lowercase();
        let gives_away = |hidden: &String| {
            let characters: Vec<char> = hidden.chars().collect();
            let most = GIVEN_AWAY.min(characters.len());
            characters
                .windows(most)
                .any(|window| lower.contains(&window.iter().collect::<String>()))
        };
        if self.hidden.iter().any(gives_away) {
            return "its words repeat a part of the URL, and are not shown".to_owned();
        }
        words.chars().take(QUOTED).collect()
    }
}

/// The parts of a URL that are not shown, in lower case: user and password, and the pieces of path and query. Where one is written with
/// percent signs, it is there as it is read, too.
fn hidden(url: &Uri) -> Vec<String> {
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let userinfo = authority.rsplit_once('@').map_or("", |(userinfo, _)| userinfo);
    let rest = url.path_and_query().map_or("", |rest| rest.as_str());
    let pieces = userinfo
        .split(':')
        .chain(rest.split(['/', '?', '&', '=', ',', ';']));
    let written = pieces.map(str::to_lowercase);
    let mut hidden: Vec<String> = written.flat_map(|piece| [decoded(&piece), piece]).collect();
    // A version or the name of a method gives nothing away, and words would be kept back for it: `v3`, `eth`.
    hidden.retain(|piece| piece.len() >= GIVEN_AWAY || userinfo.to_lowercase().contains(piece.as_str()));
    hidden.retain(|piece| !piece.is_empty());
    hidden
}

/// What is written with percent signs, as it is read.
fn decoded(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let code = piece.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&piece.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(piece.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).to_lowercase()
}

/// A number as JSON-RPC has it: `0x7b`.
pub(super) fn quantity(number: u64) -> U64 {
    U64::from(number)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::fake::Fake;
    use super::*;

    const KEY: &str = "s3cr3tk3yOfTheProvider";

    fn limits() -> Limits {
        Limits {
            answer_bytes: 1000,
            wait: Duration::from_millis(500),
        }
    }

    fn provider(fake: &Fake) -> Provider {
        let url = fake.url().replace("http://", "http://user:pa55@") + "/v3/" + KEY + "?token=" + KEY;
        Provider::new(&url, limits()).unwrap()
    }

    /// Neither the error nor anything of it in another form tells the key.
    #[track_caller]
    fn assert_silent(error: &ProviderError) {
        let said = format!("{error} {error:?} {:?}", error.hint());
        for secret in [KEY, &KEY[..8], "pa55", "user:"] {
            assert!(!said.contains(secret), "{said}");
        }
    }

    #[test]
    fn an_answer_is_read() {
        let fake = Fake::answering(|method, _| match method {
            "eth_chainId" => Ok(json!("0x2105")),
            "eth_blockNumber" => Ok(json!("0x10")),
            _ => Ok(json!("0x6001")),
        });
        let provider = provider(&fake);
        assert_eq!(provider.chain_id(), Ok(8453));
        let block = provider.newest_block().unwrap();
        assert_eq!(block, Block(16));
        assert_eq!(provider.code(Address::ZERO, block).unwrap()[..], [0x60, 0x01]);
        assert_eq!(provider.name(), fake.url());
        let asked = fake.asked();
        assert_eq!(asked[2]["params"], json!([Address::ZERO, "0x10"]));
    }

    #[test]
    fn what_the_provider_says_is_told_without_the_key() {
        for (message, told) in [
            ("method not found".to_owned(), true),
            (format!("no project {KEY}"), false),
            (format!("no project {}", KEY.to_uppercase()), false),
            (format!("key {}… is not known", &KEY[..7]), false),
            ("wrong password pa55".to_owned(), false),
            ("v3 is not v2".to_owned(), true),
        ] {
            let says = message.clone();
            let fake = Fake::answering(move |_, _| Err((-32601, says.clone())));
            let error = provider(&fake).chain_id().unwrap_err();
            assert_silent(&error);
            let ProviderError::Refused { code, words, .. } = error else {
                panic!("{error:?}")
            };
            assert_eq!(code, -32601);
            assert_eq!(words == message, told, "{words}");
        }
        let written = Provider::new("http://h/k%65yk%65y%zz", limits()).unwrap();
        assert!(written.shown("no keykey").contains("not shown"));
    }

    #[test]
    fn long_words_are_cut() {
        let fake = Fake::answering(|_, _| Err((1, "x".repeat(900))));
        let ProviderError::Refused { words, .. } = provider(&fake).chain_id().unwrap_err() else {
            panic!("a refusal")
        };
        assert_eq!(words.len(), QUOTED);
    }

    #[test]
    fn an_answer_that_is_too_long_is_not_read_to_its_end() {
        let fake = Fake::answering(|_, _| Ok(json!("0".repeat(1 << 20))));
        let error = provider(&fake).chain_id().unwrap_err();
        assert_silent(&error);
        assert!(
            matches!(error, ProviderError::Long { most: 1000, .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("with more than"), "{error}");
    }

    #[test]
    fn an_answer_that_does_not_come_is_not_waited_for() {
        for fake in [Fake::silent(), Fake::dripping()] {
            let start = Instant::now();
            let error = provider(&fake).chain_id().unwrap_err();
            assert_silent(&error);
            assert!(matches!(error, ProviderError::Late { .. }), "{error:?}");
            assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        }
    }

    #[test]
    fn what_is_no_answer_is_told() {
        for (response, expected) in [
            (
                "HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n{}",
                "HTTP status 401",
            ),
            (
                "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\n\r\n<html>",
                "HTTP status 502",
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>",
                "cannot be read",
            ),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "cannot be read"),
            // The key goes to no other host.
            (
                "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
                "HTTP status 302",
            ),
            ("no HTTP at all\r\n\r\n", "cannot be asked"),
            // JSON-RPC's error with a status of HTTP's.
            (
                "HTTP/1.1 400 Bad Request\r\ncontent-length: 43\r\n\r\n{\"error\":{\"code\":-32000,\"message\":\"stale\"}}",
                "stale (-32000)",
            ),
        ] {
            let fake = Fake::sending(response);
            let error = provider(&fake).chain_id().unwrap_err();
            assert_silent(&error);
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.hint().is_some());
        }
        // Nobody listens there.
        let nobody = Provider::new(&format!("http://127.0.0.1:1/{KEY}"), limits()).unwrap();
        let error = nobody.chain_id().unwrap_err();
        assert_silent(&error);
        assert!(matches!(error, ProviderError::Unreachable { .. }), "{error:?}");
    }

    #[test]
    fn what_is_no_url_is_not_repeated() {
        for url in [
            "",
            "x",
            "ftp://host/s3cr3tk3y",
            "http://",
            "https:// host/s3cr3tk3y",
            "/s3cr3tk3y",
        ] {
            let error = Provider::new(url, limits()).unwrap_err();
            assert_eq!(error, ProviderError::Url);
            assert_silent(&error);
        }
        let named = Provider::new("https://u:p@example.org:8545/k?x", limits()).unwrap();
        assert_eq!(named.name(), "https://example.org:8545");
        assert_eq!(format!("{named:?}"), "Provider(https://example.org:8545)");
    }
}
