//! onnxruntime in a worker process: ONNX bytes and inputs → outputs, as `f64`.
//!
//! It shares nothing with EZKL's reader of ONNX files (tract). Its wheels are pinned by digest and installed into the environment that
//! EZKL's workers run in, when they are first needed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use evmbench_ezkl::{CircuitSettings, Observer, Toolchain, ToolchainError};
use evmbench_host::hint::Hint;
use evmbench_host::trouble::Trouble;
use evmbench_model::float::FloatError;
use evmbench_model::graph::Tensor;
use evmbench_model::onnx::{FloatType, Unreadable, Value, with_every_value};

/// The pinned version; `requirements.txt` pins its files' digests.
pub const ONNXRUNTIME_VERSION: &str = "1.32.0";

const REQUIREMENTS: &str = include_str!("requirements.txt");

const WORKER: &str = include_str!("onnxruntime.py");

/// How often a running worker is looked at.
const POLL: Duration = Duration::from_millis(5);

/// How much of the end of the worker's stderr an error quotes, in characters.
const STDERR_QUOTED: usize = 1000;

/// There is nothing to judge a circuit by.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// onnxruntime cannot be installed.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// A file of the worker's could not be used, or the worker could not be started.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The machine ended the worker, or broke its answer off.
    #[error("onnxruntime's worker: {0}")]
    Machine(Trouble),
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
    /// onnxruntime cannot load the model.
    #[error("onnxruntime {ONNXRUNTIME_VERSION} cannot load the model: {0}")]
    Refused(String),
    /// onnxruntime cannot run the model.
    #[error("onnxruntime {ONNXRUNTIME_VERSION} cannot run the model: {0}")]
    Model(String),
    /// The float model cannot load or run the model.
    #[error(transparent)]
    Float(#[from] FloatError),
    /// The bytes cannot be edited.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl JudgeError {
    /// The same about a model that evmbench has made of the user's file: that it is not loaded says nothing about the file.
    pub(super) fn of_made(self) -> Self {
        match self {
            Self::Refused(reason) => Self::Model(reason),
            other => other,
        }
    }

    /// Whether it is a finding about the model, and no trouble of the machine's.
    pub fn is_of_the_model(&self) -> bool {
        matches!(
            self,
            Self::Refused(_) | Self::Model(_) | Self::Float(_) | Self::Unreadable(_)
        )
    }

    /// What of the machine stood in the way; none where it was something else.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Io { source, .. } => Some(Trouble::of(source)),
            Self::Machine(trouble) => Some(*trouble),
            _ => None,
        }
    }
}

impl Hint for JudgeError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Toolchain(error) => error.hint(),
            Self::Refused(_) | Self::Model(_) | Self::Float(_) | Self::Unreadable(_) => {
                Some("check the file with onnx.checker.check_model(path, full_check=True)".into())
            }
            Self::Io { .. } | Self::Machine(_) => self.trouble().map(|trouble| trouble.remedy().into()),
            Self::Interrupted => None,
        }
    }
}

/// The outputs of a model on several sets of inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Outputs {
    /// For each graph output whether its elements are floats; whatever they are, they are converted to `f64`.
    pub are_floats: Vec<bool>,
    /// For each set of inputs and each graph output the elements, row-major; NaN alone where the model refuses the set.
    pub sets: Vec<Vec<Vec<f64>>>,
}

/// onnxruntime beside an installed EZKL.
#[derive(Debug, Clone)]
pub struct OnnxRuntime {
    python: PathBuf,
    packages: PathBuf,
    /// Set once the packages were seen to be whole.
    is_whole: OnceLock<()>,
}

/// Name, element type, and number of elements where the shape is static.
type PortAnswer = (String, String, Option<u64>);

#[derive(Deserialize)]
struct Answer {
    error: Option<String>,
    inputs: Vec<PortAnswer>,
    outputs: Vec<PortAnswer>,
    loaded: bool,
    sizes: Vec<Option<usize>>,
}

impl OnnxRuntime {
    /// In the environment of a toolchain. Nothing is installed yet.
    pub fn beside(toolchain: &Toolchain) -> Self {
        Self {
            python: toolchain.python().to_owned(),
            packages: toolchain
                .environment()
                .join(format!("onnxruntime-{ONNXRUNTIME_VERSION}")),
            is_whole: OnceLock::new(),
        }
    }

    /// Whether it is there.
    pub fn is_installed(&self) -> bool {
        self.packages.is_dir()
    }

    /// Installs it where it is missing or broken. The folder appears whole or not at all.
    ///
    /// # Errors
    /// [`JudgeError::Toolchain`]: no network, a wheel whose digest differs, a Python that has no wheel.
    pub fn install(&self) -> Result<(), JudgeError> {
        if self.is_whole.get().is_some() {
            return Ok(());
        }
        Toolchain::install_packages(
            &self.python,
            REQUIREMENTS,
            &self.packages,
            "pip install onnxruntime",
            "check the network and any package index that pip is configured for; there are wheels for CPython 3.11 to 3.14 on \
             Linux (glibc 2.28 or later) and on macOS 14 or later with an ARM processor; for another Python, set \
             EVMBENCH_PYTHON, remove EZKL's folder from evmbench's cache folder, and run `evmbench setup`",
        )?;
        self.is_whole.get_or_init(|| ());
        Ok(())
    }

    /// What is known of every value of a model before it is run, by name.
    ///
    /// # Errors
    /// [`JudgeError`].
    pub fn values(
        &self,
        onnx: &[u8],
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<HashMap<String, Value>, JudgeError> {
        let folder = folder()?;
        let answer = self.call(folder.path(), &with_every_value(onnx)?, None, observer)?;
        let ports = answer.inputs.into_iter().chain(answer.outputs);
        let value = |(name, kind, elements): PortAnswer| {
            let float = FloatType::of_tensor(&kind);
            (name, Value { float, elements })
        };
        Ok(ports.map(value).collect())
    }

    /// A model's outputs on each set of inputs; a set has one tensor for each graph input.
    ///
    /// # Errors
    /// [`JudgeError`].
    pub fn run(
        &self,
        onnx: &[u8],
        sets: &[Vec<Tensor>],
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<Outputs, JudgeError> {
        let folder = folder()?;
        let answer = self.call(folder.path(), onnx, Some(sets), observer)?;
        let path = folder.path().join(OUTPUTS);
        let bytes = std::fs::read(&path).map_err(io("read", &path))?;
        let (words, _) = bytes.as_chunks::<8>();
        let mut numbers = words.iter().map(|&word| f64::from_le_bytes(word));
        let mut sizes = answer.sizes.into_iter();
        let are_floats: Vec<bool> = answer
            .outputs
            .iter()
            .map(|(_, kind, _)| FloatType::of_tensor(kind).is_some())
            .collect();
        let sets = sets.iter().map(|_| {
            let sizes = sizes.by_ref().take(are_floats.len());
            sizes
                .map(|size| match size {
                    Some(size) => numbers.by_ref().take(size).collect(),
                    None => vec![f64::NAN],
                })
                .collect()
        });
        Ok(Outputs {
            sets: sets.collect(),
            are_floats,
        })
    }

    fn call(
        &self,
        folder: &Path,
        onnx: &[u8],
        sets: Option<&[Vec<Tensor>]>,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<Answer, JudgeError> {
        self.install()?;
        let file = |name: &str| folder.join(name);
        let write =
            |name: &str, bytes: &[u8]| std::fs::write(file(name), bytes).map_err(io("write", &file(name)));
        write(MODEL, onnx)?;
        let elements = sets
            .into_iter()
            .flatten()
            .flatten()
            .flat_map(|tensor| &tensor.data);
        let elements: Vec<u8> = elements.flat_map(|x| x.to_le_bytes()).collect();
        write(INPUTS, &elements)?;
        let shapes = sets.and_then(<[_]>::first).into_iter().flatten();
        let shapes: Vec<&Vec<usize>> = shapes.map(|tensor| &tensor.shape).collect();
        let request = json!({
            "packages": self.packages,
            "model": file(MODEL),
            "sets": sets.map_or(0, <[_]>::len),
            "inputs": sets.map(|_| file(INPUTS)),
            "shapes": shapes,
            "outputs": file(OUTPUTS),
            "answer": file(ANSWER),
        });
        write(REQUEST, request.to_string().as_bytes())?;
        let status = self.work(folder, observer)?;
        let written = std::fs::read(file(ANSWER)).ok();
        let answer: Option<Answer> = written
            .as_ref()
            .and_then(|bytes| serde_json::from_slice(bytes).ok());
        let is_cut_short = written.is_some() && answer.is_none();
        match answer {
            Some(Answer { error: None, .. }) => Ok(answer.expect("matched above")),
            Some(Answer {
                error: Some(error),
                loaded,
                ..
            }) => {
                let trouble = Trouble::in_error(&error).or_else(|| Trouble::of_import(&error));
                let of_model = if loaded {
                    JudgeError::Model
                } else {
                    JudgeError::Refused
                };
                Err(trouble.map_or_else(|| of_model(error), JudgeError::Machine))
            }
            None if is_cut_short => Err(JudgeError::Machine(Trouble::AnswerCutShort)),
            None => {
                let stderr = std::fs::read(file(STDERR)).unwrap_or_default();
                let stderr = String::from_utf8_lossy(&stderr);
                let stderr = stderr.trim();
                let killed = status.signal().and_then(Trouble::of_signal);
                let said = killed.or_else(|| Trouble::in_error(stderr));
                if let Some(trouble) = said.or_else(|| Trouble::in_folder(folder, &[])) {
                    return Err(JudgeError::Machine(trouble));
                }
                let start = stderr
                    .char_indices()
                    .rev()
                    .nth(STDERR_QUOTED)
                    .map_or(0, |(index, _)| index);
                Err(JudgeError::Model(format!(
                    "the worker ended with {status}; {}",
                    &stderr[start..]
                )))
            }
        }
    }

    /// Runs the worker to its end.
    fn work(
        &self,
        folder: &Path,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<ExitStatus, JudgeError> {
        let stderr = folder.join(STDERR);
        let file = File::create(&stderr).map_err(io("create", &stderr))?;
        let start = io("start", &self.python);
        let mut child = Command::new(&self.python)
            .args(["-I", "-B", "-c", WORKER])
            .arg(folder.join(REQUEST))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .map_err(start)?;
        observer.started("onnxruntime");
        let ending = wait(&mut child, observer);
        observer.finished();
        ending
            .map_err(io("wait for", &self.python))?
            .ok_or(JudgeError::Interrupted)
    }
}

const MODEL: &str = "model.onnx";
const INPUTS: &str = "inputs.f32";
const OUTPUTS: &str = "outputs.f64";
const REQUEST: &str = "request.json";
const ANSWER: &str = "answer.json";
const STDERR: &str = "stderr";

/// The worker's status; none where the user stopped it.
fn wait(child: &mut Child, observer: &dyn Observer<CircuitSettings>) -> std::io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if observer.interrupted() {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(POLL);
    }
}

fn folder() -> Result<tempfile::TempDir, JudgeError> {
    let parent = std::env::temp_dir();
    tempfile::Builder::new()
        .prefix("evmbench-onnxruntime-")
        .tempdir_in(&parent)
        .map_err(io("create a folder in", &parent))
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> JudgeError {
    let path = path.to_owned();
    move |source| JudgeError::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_pinned_with_digests() {
        let pins: Vec<&str> = REQUIREMENTS.lines().filter(|line| line.contains("==")).collect();
        assert_eq!(pins.len(), 2);
        assert!(pins[0].starts_with(&format!("onnxruntime=={ONNXRUNTIME_VERSION} ")));
        // Four versions of CPython on three platforms, twice.
        assert_eq!(REQUIREMENTS.matches("--hash=sha256:").count(), 24);
    }
}
