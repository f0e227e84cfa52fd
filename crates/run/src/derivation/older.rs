//! What a record of an older schema may lack or say in other words.
//!
//! An older record is judged by today's rules. What its schema did not have yet may be absent ([`evmbench_schema::record::leaves`] for
//! fields, [`SINCE`] for items of the ledger), its ledger's sentences may be an older evmbench's, and nothing else.

use evmbench_ledger::ledger::{Item, Ledger, What};
use evmbench_schema::record::{Record, SCHEMA};

use super::Discrepancy;

/// Items that came after the first ledger, with the schema that has them first.
const SINCE: [(What, u32); 2] = [(What::ProofBytes, 3), (What::Challenge, 3)];

/// Schemas that revisions of evmbench write: those that published records are from.
const WRITTEN_BY: [(&str, u32); 7] = [
    ("34e230322d5cf2299bfa93dc2dc29cf307de844d", 1),
    ("7da4e14cdea1c4c65e4a62a6d83b1dc7e1b937ce", 1),
    ("ca708c954ae7c19d1c7abcd1fd4a14eb150c107b", 1),
    ("9ac604a8811fe2e7a2ceedacf21eabdd1021547e", 2),
    ("76f476e7de13756d5aa9cd9bc8037e91af19adc9", 3),
    ("77b76989ca76f5210d3c47511547dc8ec25a184b", 5),
    ("e126b51f008f89feb2c460df28f78c4d6e99c78b", 6),
];

/// What a judged run holds that no record of an earlier schema does.
const FUNCTION_SINCE: u32 = 6;

/// Takes over what an older evmbench said otherwise without meaning anything else: the sentences of its ledger, and which of its
/// outputs solc was asked for, which changes no code. What is told to the reader is how many sentences were not compared.
pub(super) fn as_written_then(stored: &Record, again: &mut Record) -> Option<String> {
    const OUTPUTS: &str = "outputSelection";
    if stored.schema >= SCHEMA {
        return None;
    }
    if let (Some(stored), Some(verifier)) = (&stored.verifier, &mut again.verifier)
        && let Some(outputs) = stored.solc.standard_json_settings.get(OUTPUTS)
    {
        verifier.solc.standard_json_settings[OUTPUTS] = outputs.clone();
    }
    let (Some(then), Some(now)) = (&stored.ledger, &again.ledger) else {
        return None;
    };
    let (ledger, others) = ledger_of(stored.schema, then, now);
    again.ledger = Some(ledger);
    (others > 0).then(|| {
        format!(
            "{others} sentences of the ledger are not this evmbench's: the record is of schema {}, and they were not compared. What \
             counts are findings and levels",
            stored.schema
        )
    })
}

/// Today's ledger as a schema has it, with the sentences of `then` where finding and level are the same; and how many of these are
/// other sentences.
fn ledger_of(schema: u32, then: &Ledger, now: &Ledger) -> (Ledger, usize) {
    let since = |what: What| SINCE.iter().find(|(item, _)| *item == what);
    let had = |item: &&Item| since(item.what).is_none_or(|&(_, since)| schema >= since);
    let mut others = 0;
    let items = now.items.iter().filter(had).map(|item| {
        let older = then.item(item.what);
        let same = older.filter(|older| older.finding == item.finding && older.level == item.level);
        let sentence = same.map_or(&item.sentence, |older| &older.sentence);
        others += usize::from(*sentence != item.sentence);
        Item {
            sentence: sentence.clone(),
            ..item.clone()
        }
    });
    let ledger = Ledger::of_items(items.collect());
    (ledger, others)
}

/// A schema below the one that the evmbench writes which the record names.
pub(super) fn too_low(record: &Record) -> Option<Discrepancy> {
    let wrote = |revision: &Option<String>| revision.as_deref().and_then(written_by);
    let by = match &record.renewal {
        Some(renewal) => &renewal.git_revision,
        None => &record.environment.git_revision,
    };
    let schema = wrote(by).filter(|&schema| schema > record.schema)?;
    Some(Discrepancy {
        place: "schema".to_owned(),
        what: format!(
            "{} in the record, and the evmbench that wrote it writes {schema}",
            record.schema
        ),
    })
}

fn written_by(revision: &str) -> Option<u32> {
    if revision == env!("EVMBENCH_GIT_REVISION") {
        return Some(SCHEMA);
    }
    let known = WRITTEN_BY.iter().find(|(known, _)| *known == revision);
    known.map(|&(_, schema)| schema)
}

/// A run with a proof was judged before it was proved. A renewed record can be of an older run, and so can the run that a record
/// goes through again ([`evmbench_ezkl::PhaseSource::Cached`] proofs).
pub(super) fn lacks_function(record: &Record, goes_through_again: bool) -> Option<Discrepancy> {
    let was_judged = record.schema >= FUNCTION_SINCE && record.renewal.is_none() && !goes_through_again;
    let lacks = was_judged && record.proof.is_some() && record.function.is_none();
    lacks.then(|| Discrepancy {
        place: "function".to_owned(),
        what: "the run has a proof, and was not judged".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use evmbench_ledger::ledger::{Finding, Level};

    use super::*;

    fn item(what: What, sentence: &str) -> Item {
        Item {
            what,
            finding: Finding::None,
            level: Level::Sound,
            sentence: sentence.to_owned(),
        }
    }

    #[test]
    fn a_schema_lacks_the_items_that_came_later_and_no_others() {
        let now = Ledger::of_items(vec![
            item(What::Model, "now"),
            item(What::ProofBytes, "now"),
            item(What::Challenge, "now"),
        ]);
        let then = Ledger::of_items(Vec::new());
        let items = |schema| -> Vec<What> {
            let (ledger, _) = ledger_of(schema, &then, &now);
            ledger.items.iter().map(|item| item.what).collect()
        };
        assert_eq!(items(2), [What::Model]);
        assert_eq!(items(3), [What::Model, What::ProofBytes, What::Challenge]);
    }

    #[test]
    fn an_older_sentence_stands_only_where_finding_and_level_do() {
        let now = Ledger::of_items(vec![item(What::Model, "now"), item(What::Input, "now")]);
        let mut then = Ledger::of_items(vec![item(What::Model, "then"), item(What::Input, "then")]);
        then.items[1].level = Level::Unknown;
        let (ledger, others) = ledger_of(5, &then, &now);
        let sentences: Vec<&str> = ledger.items.iter().map(|item| &item.sentence[..]).collect();
        assert_eq!((sentences, others), (vec!["then", "now"], 1));
    }
}
