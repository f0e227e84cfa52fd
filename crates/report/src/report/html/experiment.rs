//! The section of one experiment: what was proved, phases with their memory, gas, limits, ledger, controls, environment.

use super::super::Entry;
use super::escape;
use crate::chain::Fits;
use crate::format;
use crate::metric::{Metric, in_words};
use crate::record::{Evidence, IntegerCheck, Record};
use evmbench_backend::PhaseSource;

/// A folded section, which a link to its anchor opens. `links` leads from the page to where the records' paths begin.
pub(super) fn section(entry: &Entry, links: Option<&str>) -> String {
    let record = &entry.record;
    let parts = [
        facts(entry, links),
        phases(record),
        gas(record),
        limits(record),
        ledger(record),
        controls(record),
        environment(record),
    ];
    format!(
        "<details class=\"experiment\" id=\"{}\"><summary><strong>{}</strong> <span class=\"outcome\">{}</span></summary>\n{}</details>\n",
        entry.anchor(),
        escape(&entry.label()),
        escape(&record.outcome_and_limits()),
        parts.concat()
    )
}

type Facts = Vec<(&'static str, String)>;

fn list(facts: Facts) -> String {
    let lines: Vec<String> = facts
        .into_iter()
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{value}</dd>"))
        .collect();
    format!("<dl class=\"facts\">{}</dl>\n", lines.concat())
}

fn shapes(shapes: &[Vec<usize>]) -> String {
    let shape = |shape: &Vec<usize>| {
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        sizes.join("×")
    };
    shapes.iter().map(shape).collect::<Vec<_>>().join(", ")
}

fn facts(entry: &Entry, links: Option<&str>) -> String {
    let record = &entry.record;
    let plan = &record.request.plan;
    let mut facts: Facts = vec![
        ("model", escape(&record.model.description)),
        (
            "shapes",
            format!(
                "{} → {}",
                shapes(&record.model.input_shapes),
                shapes(&record.model.output_shapes)
            ),
        ),
        (
            "circuit",
            format!(
                "{}, scale {}; input {}, output {}, weights {}",
                plan.kind(),
                plan.scale(),
                plan.input_visibility(),
                plan.output_visibility(),
                plan.param_visibility()
            ),
        ),
    ];
    let text = |metric: Metric| metric.text(record);
    if record.circuit.is_some() {
        let [rows, logrows, cells] = [Metric::Rows, Metric::Logrows, Metric::Cells].map(text);
        facts.push(("rows", format!("{rows} of 2^{logrows}, {cells} cells")));
    }
    if let Some(proof) = &record.proof {
        let instances = format::plural(proof.instances as usize, "instance");
        let [proof, calldata] = [Metric::ProofSize, Metric::Calldata].map(text);
        facts.push(("proof", format!("{proof}, {instances}, {calldata} of calldata")));
    }
    if let Some(numerics) = &record.numerics {
        let exact = match &numerics.integer {
            IntegerCheck::Exact { outputs, .. } => {
                format!(
                    "{} equal to the integer reference, to the unit",
                    format::plural(*outputs as usize, "output")
                )
            }
            IntegerCheck::NotCovered { operators } => {
                format!("the integer reference does not know {}", operators.join(", "))
            }
        };
        let error = numerics.max_absolute_error.map_or_else(String::new, |error| {
            format!("; largest distance from the float model {error:.3e}")
        });
        let range = numerics
            .output_range
            .map_or_else(String::new, |range| format!(", of a range of {range:.3e}"));
        facts.push(("numbers", escape(&(exact + &error + &range))));
    }
    if let Some(function) = &record.function {
        facts.push(("function", escape(&function.sentence())));
    }
    if let Some(accuracy) = &record.accuracy {
        facts.push((
            "accuracy",
            format!(
                "{} of {} test images right in the circuit, {} in f32; largest distance of a logit {:.3}",
                text(Metric::Right),
                text(Metric::TestImages),
                text(Metric::FloatRight),
                accuracy.worst_logit_error
            ),
        ));
    }
    if record.verifier.is_some() {
        facts.push(("verifier", format!("{} of code", text(Metric::RuntimeCode))));
    }
    for note in &record.notes {
        facts.push(("note", escape(note)));
    }
    facts.push(("files", files(entry, links)));
    list(facts)
}

/// Links to the record and to the verifier's source.
fn files(entry: &Entry, links: Option<&str>) -> String {
    let is_reachable = entry.commit.is_none() && entry.path.is_relative();
    let Some(links) = links.filter(|_| is_reachable) else {
        return escape(&entry.path.display().to_string());
    };
    let link =
        |path: String, name: &str| format!("<a href=\"{}\">{name}</a>", escape(&(links.to_owned() + &path)));
    let record = entry.path.display().to_string().replace('\\', "/");
    let mut found = vec![link(record.clone(), "record")];
    let folder = record.strip_suffix(".json").unwrap_or(&record);
    for (file, name) in [
        (Evidence::VERIFIER_SOURCE, "verifier source"),
        (Evidence::SETTINGS, "settings"),
        (Evidence::PROOF, "proof"),
        (Evidence::CALLDATA, "calldata"),
    ] {
        if let Some(evidence) = entry
            .record
            .evidence
            .iter()
            .find(|evidence| evidence.name == file)
        {
            let large = if evidence.large { "large/" } else { "" };
            found.push(link(format!("{folder}.evidence/{large}{file}.gz"), name));
        }
    }
    found.join(", ")
}

/// Phases one after the other, each as long as its process ran, with its peak memory below.
fn phases(record: &Record) -> String {
    let total: f64 = record.phases.iter().map(|phase| phase.process_seconds).sum();
    let most = record
        .phases
        .iter()
        .filter_map(|phase| phase.peak_rss_bytes)
        .max();
    let mut from = 0.0;
    let rows: String = record
        .phases
        .iter()
        .map(|phase| {
            let share = |part: f64| if total > 0.0 { 100.0 * part / total } else { 0.0 };
            let memory = phase.peak_rss_bytes.zip(most).map_or_else(String::new, |(bytes, most)| {
                format!("<i class=\"memory\" style=\"--size:{:.2}%\"></i>", 100.0 * bytes as f64 / most as f64)
            });
            let source = match phase.source {
                PhaseSource::Measured => "",
                PhaseSource::Cached => " (cached)",
                PhaseSource::WarmUp => " (warm-up)",
            };
            let row = format!(
                "<span>{}{source}</span><span class=\"track\"><i style=\"--from:{:.2}%;--size:{:.2}%\"></i>{memory}</span><span class=\"value\">{}, {}</span>",
                escape(&phase.phase.to_string()),
                share(from),
                share(phase.process_seconds),
                format::seconds(phase.process_seconds),
                phase.peak_rss_bytes.map_or_else(|| "-".to_owned(), format::bytes),
            );
            from += phase.process_seconds;
            row
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<h4>Phases</h4><p class=\"muted\">Each from its start to its end; the thin bar is its peak memory, against the largest.</p><div class=\"bars\">{rows}</div>\n"
    )
}

fn bars(title: &str, parts: Vec<(String, i128)>) -> String {
    let most = parts.iter().map(|(_, gas)| gas.unsigned_abs()).max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let rows: String = parts
        .into_iter()
        .map(|(name, gas)| {
            format!(
                "<span>{}</span><span class=\"track\"><i style=\"--size:{:.2}%\"></i></span><span class=\"value\">{}</span>",
                escape(&name),
                100.0 * gas.unsigned_abs() as f64 / most as f64,
                format::signed(gas)
            )
        })
        .collect();
    format!("<h4>{title}</h4><div class=\"bars\">{rows}</div>\n")
}

fn gas(record: &Record) -> String {
    let Some(verification) = &record.verification else {
        return String::new();
    };
    let causes = verification.gas_by_cause.as_ref().map(|causes| {
        let parts = causes.iter().filter(|&(_, gas)| gas != 0);
        parts
            .map(|(cause, gas)| (in_words(&cause), i128::from(gas)))
            .collect()
    });
    let sections = verification.gas_by_section.as_ref().map(|sections| {
        let parts = sections.iter();
        parts
            .map(|(section, gas)| (in_words(&section), i128::from(gas)))
            .collect()
    });
    let samples: Vec<String> = record
        .tx_gas_samples
        .iter()
        .map(|&gas| format::count(gas))
        .collect();
    let samples = if samples.is_empty() {
        String::new()
    } else {
        format!(
            "<p class=\"muted\">Gas of each proof of this run: {}.</p>\n",
            samples.join(", ")
        )
    };
    [
        causes.map_or_else(String::new, |parts| bars("Verification gas by cause", parts)),
        sections.map_or_else(String::new, |parts| {
            bars("Execution gas by part of the verifier", parts)
        }),
        samples,
    ]
    .concat()
}

/// Every limit of every fork, and how much of it is used.
fn limits(record: &Record) -> String {
    let mut rows = String::new();
    for fit in record.fits() {
        let transactions = [
            ("deployment", &fit.deployment.margins),
            ("verification", &fit.verification.margins),
        ];
        for (transaction, margins) in transactions {
            for margin in margins {
                let class = if margin.is_broken() { "bad" } else { "" };
                rows += &format!(
                    "<tr><td>{}</td><td>{transaction}</td><td>{}</td><td class=\"figure\">{}</td><td class=\"figure\">{}</td><td class=\"figure {class}\">{:.1}%</td></tr>",
                    fit.fork().name(),
                    margin.rule,
                    format::count(margin.value),
                    format::count(margin.limit),
                    100.0 * margin.value as f64 / margin.limit as f64
                );
            }
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let verdicts: Vec<String> = record
        .fits()
        .iter()
        .map(|fit| format!("{}: {}", fit.fork().name(), Fits::of(fit).name()))
        .collect();
    format!(
        "<h4>Limits</h4><p>{}</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Limits\"><table><thead><tr><th>fork</th><th>transaction</th><th>limit of</th>\
         <th class=\"figure\">value</th><th class=\"figure\">limit</th><th class=\"figure\">used</th></tr></thead><tbody>{rows}</tbody></table></div>\n",
        verdicts.join("; ")
    )
}

fn ledger(record: &Record) -> String {
    let Some(ledger) = &record.ledger else {
        return String::new();
    };
    let items: String = ledger
        .items
        .iter()
        .map(|item| {
            format!(
                "<li><b>{}</b> {}: {}</li>",
                escape(&item.level.to_string()),
                item.what.name(),
                escape(&item.sentence)
            )
        })
        .collect();
    format!(
        "<h4>What an accepted proof proves: {}</h4><ul class=\"ledger\">{items}</ul>\n",
        ledger.level
    )
}

fn controls(record: &Record) -> String {
    let Some(controls) = &record.controls else {
        return String::new();
    };
    let verdict = if controls.passed() {
        "every wrong proof was rejected, and the right one accepted before and after"
    } else {
        "NOT every wrong proof was rejected"
    };
    let rows: String = controls
        .tallies
        .iter()
        .map(|tally| {
            format!(
                "<tr><td>{}</td><td class=\"figure\">{}</td><td class=\"figure\">{}</td></tr>",
                escape(&in_words(&tally.kind)),
                tally.tried,
                tally.rejected
            )
        })
        .collect();
    format!(
        "<h4>Negative controls</h4><p>{verdict}.</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Negative controls\"><table><thead><tr><th>kind</th>\
         <th class=\"figure\">tried</th><th class=\"figure\">rejected</th></tr></thead><tbody>{rows}</tbody></table></div>\n"
    )
}

fn environment(record: &Record) -> String {
    let environment = &record.environment;
    let machine = &environment.machine;
    let memory = machine.memory_bytes.map_or_else(|| "-".to_owned(), format::bytes);
    let mut facts: Facts = vec![
        ("finished", escape(&record.finished_at)),
        (
            "machine",
            escape(&format!(
                "{}: {}, {} cores, {memory}, {}",
                machine.fingerprint, machine.cpu, machine.cores, machine.system
            )),
        ),
        ("threads", environment.threads.to_string()),
        (
            "versions",
            escape(&format!(
                "evmbench {}, EZKL {}, solc {}, revm {}",
                environment.evmbench_version,
                environment.ezkl_version,
                environment.solc_version,
                environment.revm_version
            )),
        ),
    ];
    if let Some(others) = &record.others {
        let remark = if others.is_much() {
            ": times are longer than they need be"
        } else {
            ""
        };
        let processors = format::real(others.processors());
        facts.push((
            "other work",
            format!("{processors} processors on the mean{remark}"),
        ));
    }
    if let Some(revision) = &environment.git_revision {
        facts.push(("revision", escape(revision)));
    }
    if let Some(renewal) = &record.renewal {
        facts.push(("part on chain renewed", escape(&renewal.renewed_at)));
    }
    if let Some(keys) = &record.keys {
        let kind = in_words(&keys.srs.kind);
        facts.push((
            "reference string",
            escape(&format!("{kind}, SHA-256 {}", keys.srs.sha256)),
        ));
    }
    format!("<h4>Environment</h4>{}", list(facts))
}
