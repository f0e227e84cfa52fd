//! What a person sees while a long step runs: a spinner on a terminal, plain lines in a pipe. Always on stderr.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::format;
use super::output::note;
use crate::fuzz::Watch;
use crate::prover::{CircuitSettings, Observer};

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// How long work may go on after Ctrl-C without noticing it.
const NOTICE: Duration = Duration::from_millis(700);

/// Exit status of an interrupted program.
pub(super) const INTERRUPTED_STATUS: u8 = 130;

/// Whether the user has pressed Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Whether the work that goes on has heard of it, and ends by itself.
static NOTICED: AtomicBool = AtomicBool::new(false);

/// Whether the user has pressed Ctrl-C. Whoever is told so ends its work.
pub(super) fn interrupted() -> bool {
    let interrupted = INTERRUPTED.load(Ordering::SeqCst);
    if interrupted {
        NOTICED.store(true, Ordering::SeqCst);
    }
    interrupted
}

/// Turns the first Ctrl-C into a request to stop, which the running phase answers by ending its worker, and the second
/// into an exit at once (workers die with their parent). Work in this process that does not ask (references, lowering, the
/// EVM) is left in the middle: records are replaced whole or not at all, so that nothing is lost.
pub(super) fn watch_interrupts() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(INTERRUPTED_STATUS.into());
        }
        note!("stopping: ending the worker; press Ctrl-C again to leave at once");
        // This thread alone sees a second Ctrl-C, so that another one waits.
        std::thread::spawn(|| {
            std::thread::sleep(NOTICE);
            if !NOTICED.load(Ordering::SeqCst) {
                std::process::exit(INTERRUPTED_STATUS.into());
            }
        });
    })
}

/// Shows how many cases of a campaign have ended, and how many end in a second.
#[derive(Debug)]
pub(super) struct Counter {
    bar: ProgressBar,
}

impl Counter {
    /// A bar of so many cases where stderr is a terminal, else nothing.
    pub(super) fn new(label: String, cases: u64) -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(cases), target).with_message(label);
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {msg}  {pos} of {len} cases  {per_sec}  {eta} left")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self { bar }
    }

    /// Removes the bar.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Counter {
    fn case_ended(&self) {
        self.bar.inc(1);
    }

    fn interrupted(&self) -> bool {
        interrupted()
    }
}

/// Shows the steps of one experiment after another.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    label: String,
    step: String,
    start: Option<Instant>,
    peak_rss_bytes: Option<u64>,
}

impl Progress {
    /// A spinner where stderr is a terminal, else plain lines.
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {elapsed}  {prefix}") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            bar,
            state: Mutex::default(),
        }
    }

    /// Names what the following steps belong to.
    pub(super) fn label(&self, label: String) {
        self.state().label = label;
    }

    /// Prints a line that stays, above the spinner.
    pub(super) fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| note!("{line}")),
            None => note!("{line}"),
        }
    }

    /// Removes the spinner.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn message(&self) -> String {
        let memory = self
            .peak_rss_bytes
            .map(|bytes| format!("  {}", format::bytes(bytes)))
            .unwrap_or_default();
        let elapsed = self.start.map_or(Duration::ZERO, |start| start.elapsed());
        format!(
            "{}  {}  {}{memory}",
            self.label,
            self.step,
            format::seconds(elapsed.as_secs_f64())
        )
    }
}

impl Observer<CircuitSettings> for Progress {
    fn started(&self, step: &str) {
        let mut state = self.state();
        step.clone_into(&mut state.step);
        state.start = Some(Instant::now());
        state.peak_rss_bytes = None;
        if let Some(bar) = &self.bar {
            bar.reset_elapsed();
            bar.set_prefix("");
            bar.set_message(format!("{}  {step}", state.label));
            // Steps without a worker have nothing to sample: the spinner turns by itself.
            bar.enable_steady_tick(TICK);
        }
    }

    fn sampled(&self, rss_bytes: Option<u64>) {
        let mut state = self.state();
        state.peak_rss_bytes = state.peak_rss_bytes.max(rss_bytes);
        if let Some(bar) = &self.bar {
            bar.set_prefix(rss_bytes.map(format::bytes).unwrap_or_default());
        }
    }

    fn finished(&self) {
        if self.bar.is_none() {
            note!("{}", self.state().message());
        }
    }

    fn noted(&self, line: &str) {
        self.line(&format!("note: {line}"));
    }

    fn interrupted(&self) -> bool {
        interrupted()
    }
}
