//! The page of `evmbench report` in a headless Chromium: it loads without a complaint, asks for no other file, and sorting,
//! filtering, comparing, keyboard, light and dark, and a phone's width work.

use std::path::{Path, PathBuf};

use evmbench::report::{Dataset, Format, Prices, Report, output};
use serde_json::json;

use crate::common::browser::Browser;

/// Where pictures of the page are kept, if anywhere: for people to look at.
const PICTURES: &str = "EVMBENCH_PICTURES";

fn page(folder: &Path) -> PathBuf {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let dataset = Dataset::read(&[results.display().to_string()]).unwrap();
    let report = Report::new(dataset, &Prices::read(None).unwrap());
    output::write(folder, &output::files(&report, Format::Html).unwrap()).unwrap();
    folder.join("index.html")
}

/// Keeps a picture where somebody asked for it.
fn keep_picture(browser: &mut Browser, name: &str) {
    if let Some(folder) = std::env::var_os(PICTURES) {
        let picture = browser.picture();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(Path::new(&folder).join(format!("{name}.png.base64")), picture).unwrap();
    }
}

const COLUMN: &str = "(index) => [...document.querySelectorAll('#records-table tbody tr')].filter(row => !row.hidden) \
                      .map(row => row.cells[index].dataset.value).filter(value => value !== undefined)";

#[test]
#[expect(clippy::too_many_lines, reason = "one visit to the page, step after step")]
fn the_page_works_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let page = page(folder.path());
    let mut browser = Browser::start();
    browser.show_on(1280, 900, "light");
    browser.open(&page, "");

    let count = browser.evaluate("document.querySelectorAll('#records-table tbody tr').length");
    let count = count.as_u64().unwrap();
    assert!(count >= 30, "{count}");
    let loaded = browser.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)");
    let others = loaded
        .as_array()
        .unwrap()
        .iter()
        .filter(|name| !name.as_str().unwrap().starts_with("data:"));
    assert_eq!(others.count(), 0, "{loaded}");
    keep_picture(&mut browser, "top-light");

    // Sorting: the heading of rows is clicked twice; figures stand by their size, what is not there last.
    let heading = "[...document.querySelectorAll('#records-table th button')].find(button => button.textContent === 'rows')";
    let index = browser.evaluate(&format!(
        "[...{heading}.closest('tr').cells].indexOf({heading}.closest('th'))"
    ));
    let column = format!("({COLUMN})({index}).map(Number)");
    browser.evaluate(&format!("{heading}.click()"));
    let rows: Vec<f64> = serde_json::from_value(browser.evaluate(&column)).unwrap();
    assert!(rows.len() > 10 && rows.is_sorted(), "{rows:?}");
    assert_eq!(
        browser.evaluate(&format!("{heading}.closest('th').getAttribute('aria-sort')")),
        json!("ascending")
    );
    browser.evaluate(&format!("{heading}.click()"));
    let rows: Vec<f64> = serde_json::from_value(browser.evaluate(&column)).unwrap();
    assert!(rows.is_sorted_by(|one, other| one >= other), "{rows:?}");

    // Filtering by words and by a choice.
    let shown = "[...document.querySelectorAll('#records-table tbody tr')].filter(row => !row.hidden).map(row => row.textContent)";
    browser.evaluate("{ const filter = document.getElementById('filter'); filter.value = 'dense study'; filter.dispatchEvent(new Event('input')); }");
    let texts: Vec<String> = serde_json::from_value(browser.evaluate(shown)).unwrap();
    assert!(!texts.is_empty() && texts.len() < count as usize);
    assert!(
        texts
            .iter()
            .all(|text| text.contains("dense") && text.contains("study")),
        "{texts:?}"
    );
    browser.evaluate("document.getElementById('clear').click()");
    browser.evaluate("{ const choice = document.querySelector('select[data-filter=outcome]'); choice.value = 'out_of_memory'; choice.dispatchEvent(new Event('change')); }");
    let texts: Vec<String> = serde_json::from_value(browser.evaluate(shown)).unwrap();
    assert!(
        !texts.is_empty() && texts.iter().all(|text| text.contains("out of memory")),
        "{texts:?}"
    );
    browser.evaluate("document.getElementById('clear').click()");
    assert_eq!(browser.evaluate(&format!("{shown}.length")), json!(count));

    // Two runs side by side, and any two costs.
    let figures = browser.evaluate("document.querySelectorAll('#runs-table tbody tr').length");
    assert!(figures.as_u64().unwrap() > 20, "{figures}");
    let marks = "document.querySelectorAll('#trade-plot circle').length";
    let before = browser.evaluate(marks).as_u64().unwrap();
    assert!(before > 5, "{before}");
    browser.evaluate("{ const choice = document.getElementById('trade-y'); choice.value = '1'; choice.dispatchEvent(new Event('change')); }");
    assert!(
        browser
            .evaluate("document.getElementById('trade-plot').textContent")
            .as_str()
            .unwrap()
            .contains("peak memory")
    );

    // Keyboard alone: a heading takes the focus by the tab key and sorts by the space bar.
    browser.evaluate("document.getElementById('clear').focus()");
    browser.press("Tab", "");
    browser.press("Tab", "");
    let focused = browser.evaluate("document.activeElement.closest('th') !== null");
    assert_eq!(focused, json!(true));
    browser.press(" ", " ");
    assert_eq!(
        browser.evaluate("document.activeElement.closest('th').getAttribute('aria-sort')"),
        json!("ascending")
    );

    // A link to an experiment opens it.
    browser.evaluate("document.querySelector('#records-table tbody a').click()");
    browser.evaluate("new Promise(done => setTimeout(done, 200))");
    assert_eq!(
        browser.evaluate("document.querySelectorAll('details.experiment[open]').length"),
        json!(1)
    );
    keep_picture(&mut browser, "experiment-light");

    // Light and dark: by the system, and by the button.
    let background = "getComputedStyle(document.body).backgroundColor";
    let light = browser.evaluate(background);
    browser.evaluate("document.getElementById('theme').click()");
    let dark = browser.evaluate(background);
    assert_ne!(light, dark);
    browser.show_on(1280, 900, "dark");
    browser.open(&page, "");
    assert_eq!(browser.evaluate(background), dark);
    keep_picture(&mut browser, "top-dark");
    for (name, anchor) in [
        ("plots", "#plots"),
        ("compare", "#compare"),
        ("tables", "#tables"),
    ] {
        browser.open(&page, anchor);
        browser.evaluate("new Promise(done => setTimeout(done, 100))");
        keep_picture(&mut browser, &format!("{name}-dark"));
    }

    // A phone: nothing makes the page itself wider than the screen.
    browser.show_on(360, 740, "light");
    browser.open(&page, "");
    let widths = browser.evaluate("[document.documentElement.scrollWidth, window.innerWidth]");
    assert_eq!(widths, json!([360, 360]));
    for (name, anchor) in [
        ("top", ""),
        ("records", "#records"),
        ("plots", "#plots"),
        ("experiments", "#experiments"),
    ] {
        browser.open(&page, anchor);
        browser.evaluate("document.querySelector('details.experiment').open = true");
        browser.evaluate("new Promise(done => setTimeout(done, 100))");
        keep_picture(&mut browser, &format!("{name}-phone"));
    }
    let widths = browser.evaluate("[document.documentElement.scrollWidth, window.innerWidth]");
    assert_eq!(widths, json!([360, 360]));

    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
}
