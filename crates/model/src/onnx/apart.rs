//! tract's analysis in a process of its own, so that a file on which tract aborts, does not end or takes any amount of memory is
//! a refusal and not the end of the program.
//!
//! Goes in: ONNX bytes, through a pipe. Comes out: what tract makes of them, or the node at which its process ended. The process
//! is the program itself with a command that [`answer`] serves; it writes the number of each node that it begins with, and at the
//! end its answer. A library that is used by another program has no such command and analyses in its own process.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use prost::Message as _;
use tract_onnx::pb::ModelProto;

use super::loaded::{Loaded, Refusal, load};

/// Processor time that the analysis of one file may take.
const MOST_SECONDS: u64 = 60;

/// Memory that any analysis may take, in bytes.
const LEAST_MEMORY: u64 = 4 << 30;

/// How many times its file's size an analysis may take beyond that.
const COPIES: u64 = 16;

/// The arguments with which this program serves [`answer`], where it does.
static COMMAND: OnceLock<&'static str> = OnceLock::new();

/// Has files analysed in a process of their own from now on: this program with that command, which must call [`answer`].
pub fn analyse_apart(command: &'static str) {
    let _ = COMMAND.set(command);
}

/// Serves one analysis: reads a file's bytes to their end, and writes what tract makes of them. The process then has no more
/// memory and processor time than that needs.
///
/// # Errors
/// Reading and writing.
pub fn answer(input: &mut impl io::Read, output: &mut impl Write) -> io::Result<()> {
    let mut onnx = Vec::new();
    input.read_to_end(&mut onnx)?;
    limit(LEAST_MEMORY + COPIES * onnx.len() as u64)?;
    let model = ModelProto::decode(&onnx[..]).map_err(io::Error::other)?;
    let answer = load(&onnx, &model, |step| {
        // Who does not read steps reads no answer either.
        let _ = writeln!(output, "{step}").and_then(|()| output.flush());
    });
    serde_json::to_writer(output, &answer).map_err(io::Error::other)
}

/// Limits this process; what is stricter already stays.
fn limit(memory_bytes: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    for (resource, most) in [
        (Resource::Data, memory_bytes),
        (Resource::Cpu, MOST_SECONDS),
        (Resource::Core, 0),
    ] {
        let Rlimit { current, maximum } = getrlimit(resource);
        let current = Some(current.map_or(most, |current| current.min(most)));
        setrlimit(resource, Rlimit { current, maximum })?;
    }
    Ok(())
}

/// Has tract load a file, in a process of its own where there is a command for that.
///
/// # Errors
/// No process can be started. The inner error is why the file cannot be proved.
pub(super) fn analyse(onnx: &[u8], model: &ModelProto) -> io::Result<Result<Loaded, Refusal>> {
    match COMMAND.get() {
        Some(command) => ask(Command::new(this_program()?).arg(command), onnx),
        None => Ok(load(onnx, model, |_| ())),
    }
}

/// The file that this process runs, which may have been replaced since.
fn this_program() -> io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() {
        Ok(running)
    } else {
        std::env::current_exe()
    }
}

fn ask(command: &mut Command, onnx: &[u8]) -> io::Result<Result<Loaded, Refusal>> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    // It reads to the end before it writes. Where it ends before, its status tells why.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(onnx);
    }
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (steps, last) = text.rsplit_once('\n').unwrap_or(("", &text));
    if let Ok(answer) = serde_json::from_str(last) {
        return Ok(answer);
    }
    let node = steps.lines().next_back().and_then(|step| step.parse().ok());
    Ok(Err(Refusal {
        node,
        reason: format!("the analysis {}", ending(output.status)),
        remedy: "check its sizes and attributes, and simplify the model or prove a smaller one".to_owned(),
    }))
}

/// How a process ended that gave no answer.
fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    const TIME: i32 = rustix::process::Signal::XCPU.as_raw();
    const ABORT: i32 = rustix::process::Signal::ABORT.as_raw();
    match status.signal() {
        Some(TIME) => format!("does not end within {MOST_SECONDS} s of processor time"),
        Some(ABORT) => format!(
            "takes more memory than {} GiB and {COPIES} times the file, or nests too deeply",
            LEAST_MEMORY >> 30
        ),
        _ => format!("breaks off ({status})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a process that ends in these ways is taken for.
    #[test]
    fn however_the_process_ends_there_is_a_reason_and_a_node() {
        let shell = |script: &str| {
            let script = format!("cat > /dev/null; {script}");
            ask(Command::new("sh").args(["-c", &script]), b"onnx").unwrap()
        };
        for (script, node, reason) in [
            (
                "echo 0; echo 7; kill -XCPU $$",
                Some(7),
                "does not end within 60 s",
            ),
            ("echo 3; kill -ABRT $$", Some(3), "takes more memory than 4 GiB"),
            ("echo 3; kill -SEGV $$", Some(3), "breaks off"),
            ("exit 101", None, "breaks off"),
            ("echo 1; echo all; echo '{'", None, "breaks off"),
        ] {
            let refusal = shell(script).err().unwrap();
            assert_eq!(refusal.node, node, "{script}");
            assert!(refusal.reason.contains(reason), "{script}: {}", refusal.reason);
        }
        let loaded = r#"{"Ok":{"means":[],"not_finite":[],"misread":[],"output_shapes":[[1,3]]}}"#;
        let answer = shell(&format!("echo 0; printf '%s' '{loaded}'"));
        assert_eq!(answer.ok().unwrap().output_shapes, [[1, 3]]);
        assert!(ask(&mut Command::new("/nowhere/program"), b"").is_err());
        // One that ends before it has read everything.
        assert!(
            ask(Command::new("sh").args(["-c", "exit 1"]), &vec![0; 1 << 20])
                .unwrap()
                .is_err()
        );
    }
}
