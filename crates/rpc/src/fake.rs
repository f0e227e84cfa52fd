//! A provider on this machine's loopback address, for tests.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// A provider that answers each request by itself, on a connection of its own.
pub(super) struct Fake {
    url: String,
    asked: Arc<Mutex<Vec<Value>>>,
}

/// A result, or an error's code and message.
pub(super) type Answer = Result<Value, (i64, String)>;

impl Fake {
    /// Answers with what is made of a method and its parameters.
    pub(super) fn answering(answer: impl Fn(&str, &Value) -> Answer + Send + 'static) -> Self {
        Self::serving(move |request, stream| {
            let method = request["method"].as_str().unwrap();
            let body = match answer(method, &request["params"]) {
                Ok(result) => json!({"jsonrpc": "2.0", "id": 1, "result": result}),
                Err((code, message)) => {
                    json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}})
                }
            };
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            // Whoever has read enough leaves.
            let _ = stream.write_all((head + &body).as_bytes());
        })
    }

    /// Answers everything with these bytes.
    pub(super) fn sending(response: &'static str) -> Self {
        Self::serving(|_, stream| {
            let _ = stream.write_all(response.as_bytes());
        })
    }

    /// Takes requests, and answers none.
    pub(super) fn silent() -> Self {
        Self::serving(|_, _| std::thread::sleep(Duration::from_secs(10)))
    }

    /// Begins an answer, and sends a byte of it now and then.
    pub(super) fn dripping() -> Self {
        Self::serving(|_, stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n");
            while stream.write_all(b" ").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
        })
    }

    fn serving(serve: impl Fn(&Value, &mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read(&stream);
                noted.lock().unwrap().push(request.clone());
                serve(&request, &mut stream);
            }
        });
        Self { url, asked }
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// The requests so far.
    pub(super) fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }
}

/// The body of a request.
fn read(stream: &TcpStream) -> Value {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}
