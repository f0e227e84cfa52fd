//! What a plan needs: the forecaster, and EZKL where it has to lay out a circuit of its own.

use std::cell::OnceCell;
use std::path::Path;
use std::time::Duration;

use super::error::CliError;
use super::progress::{self, Progress};
use super::session_arguments::SessionArguments;
use super::setup;
use crate::forecast::{Calibration, Forecast, Forecaster};
use crate::home::Home;
use crate::prover::{CircuitCache, CircuitSettings, EzklOptions, EzklProver, Failure, Phase, SrsStore};
use crate::store;
use crate::subject::Subject;

/// See the module.
pub(super) struct Planner {
    home: Home,
    options: EzklOptions,
    prover: OnceCell<EzklProver>,
    pub(super) forecaster: Forecaster,
    pub(super) progress: Progress,
}

impl Planner {
    /// Nothing is installed yet.
    pub(super) fn open(arguments: &SessionArguments, srs: Option<SrsStore>) -> Result<Self, CliError> {
        progress::watch_interrupts()?;
        let home = Home::from_environment()?;
        let defaults = EzklOptions::for_home(&home);
        let options = EzklOptions {
            memory_limit_bytes: arguments.memory_limit.or(defaults.memory_limit_bytes),
            timeout: Duration::from_secs(arguments.timeout),
            threads: arguments.threads.unwrap_or(defaults.threads),
            srs: srs.unwrap_or(defaults.srs),
            cache: CircuitCache::new(home.circuits(), arguments.cache_limit),
        };
        Ok(Self {
            forecaster: Forecaster {
                calibration: Calibration::load(&home, options.threads),
                memory_limit_bytes: arguments
                    .effective_memory_limit_bytes()
                    .filter(|_| !arguments.force),
                // Who asks for a batch says how large.
                batch: None,
            },
            home,
            options,
            prover: OnceCell::new(),
            progress: Progress::new(),
        })
    }

    /// The folder of tools and caches.
    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    /// EZKL, which the first caller installs.
    pub(super) fn prover(&self) -> Result<&EzklProver, CliError> {
        if let Some(prover) = self.prover.get() {
            return Ok(prover);
        }
        let toolchain = setup::toolchain(&self.home, &self.progress)?;
        Ok(self
            .prover
            .get_or_init(|| EzklProver::new(&self.home, toolchain, self.options.clone())))
    }

    /// Threads of the prover.
    pub(super) fn threads(&self) -> usize {
        self.options.threads
    }

    /// Memory that a worker may take.
    pub(super) fn memory_limit_bytes(&self) -> Option<u64> {
        self.options.memory_limit_bytes
    }

    /// Where reference strings come from.
    pub(super) fn strings(&self) -> &SrsStore {
        &self.options.srs
    }

    /// How fast the machine is, where that was measured.
    pub(super) fn calibration(&self) -> Option<&Calibration> {
        self.forecaster.calibration.as_ref()
    }

    /// Forecasts times of the machine that a file of `plan --calibrate` is of.
    pub(super) fn calibrated_as(&mut self, path: &Path) -> Result<(), CliError> {
        self.forecaster.calibration = Some(store::read_json(path)?);
        Ok(())
    }

    /// Measures how fast this machine is, and keeps it.
    pub(super) fn calibrate(&mut self) -> Result<(), CliError> {
        self.progress.label("calibration".to_owned());
        let prover = self.prover()?;
        let calibration = Calibration::measure(&self.home, prover, self.options.threads, &self.progress)?;
        if calibration.was_disturbed() {
            self.progress
                .line("calibration: other work took part of the machine, so that times come out too long");
        }
        self.forecaster.calibration = Some(calibration);
        Ok(())
    }

    /// The settings that the subject's circuit is laid out with, and what its run would take; or why EZKL lays out none. A
    /// committed circuit tells by itself, without EZKL.
    pub(super) fn laid_out(
        &self,
        position: &str,
        subject: &Subject,
    ) -> Result<Result<(CircuitSettings, Forecast), Failure>, CliError> {
        self.progress
            .label(format!("{position} {}", subject.request.name()));
        let settings = match &subject.committed {
            Some(committed) => {
                let settings = CircuitSettings::of_circuit(&committed.circuit);
                settings.map_err(|error| Failure::Failed {
                    phase: Phase::Settings,
                    message: error.to_string(),
                })
            }
            None => self
                .prover()?
                .calibrated_settings(&subject.job(), &self.progress)?,
        };
        Ok(match settings {
            Ok(settings) => {
                let forecast = self.forecaster.forecast(subject, &settings)?;
                Ok((settings, forecast))
            }
            Err(failure) => Err(failure),
        })
    }
}
