//! The public values of a circuit that EZKL makes of a model, held against the record's input.

use evmbench_ezkl::{CircuitSettings, ShownInstances};
use evmbench_model::integer::{integer_from_word, quantise};
use evmbench_schema::record::Evidence;
use evmbench_subject::subject::Subject;

/// Where the proof's public values are not the subject's input, if they show it and are not. No reference of the model's is
/// needed for that: EZKL rounds each element at its input's scale.
pub(super) fn otherwise(
    subject: &Subject,
    settings: &CircuitSettings,
    evidence: &Evidence,
) -> Result<(), String> {
    let (Some(instances), Some(outputs)) = (&evidence.instances, &evidence.outputs) else {
        return Ok(());
    };
    let sizes: Vec<usize> = subject.inputs.iter().map(|input| input.data.len()).collect();
    let outputs: Vec<usize> = outputs.iter().map(Vec::len).collect();
    let shown = ShownInstances::locate(subject.request.plan, &sizes, &outputs, instances.len())
        .map_err(|error| error.to_string())?;
    let Some(shown) = shown.inputs else {
        return Ok(());
    };
    let expected = quantised(subject, settings).ok_or("the settings do not tell each input's scale")?;
    let mut pairs = instances[shown].iter().zip(&expected);
    match pairs.position(|(word, &integer)| integer_from_word(word.to_be_bytes()) != integer) {
        None => Ok(()),
        Some(element) => Err(format!(
            "element {element} of the public input is another than the record's input"
        )),
    }
}

/// Every element as EZKL reads it; within, none for one that it cannot read.
fn quantised(subject: &Subject, settings: &CircuitSettings) -> Option<Vec<Option<i128>>> {
    let kinds = settings.file().truncated_inputs()?;
    let scales = settings.input_scales();
    if [kinds.len(), scales.len()] != [subject.inputs.len(); 2] {
        return None;
    }
    let inputs = subject.inputs.iter().zip(kinds).zip(scales);
    let elements = inputs.flat_map(|((input, is_whole), &scale)| {
        let read = input
            .data
            .iter()
            .map(move |&x| if is_whole { x.trunc() } else { x });
        read.map(move |x| quantise(x, scale))
    });
    Some(elements.collect())
}
