//! What a reader does with the page of a run: looks, clicks, searches, zooms, steps, follows a link.

use serde_json::{Value, json};

use crate::browser::{Browser, alone};
use crate::runs;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The width of what is in sight.
fn width(browser: &Browser) -> f64 {
    let sight = browser.in_sight();
    number(&sight["to"]) - number(&sight["from"])
}

/// The offset of the first witness' record, and its partition.
fn lost_record(browser: &Browser) -> (String, i64, u64) {
    let lost = browser.evaluate(
        "const { data } = highwater; const op = data.witness[0]; const s = data.sendAt[op];
         return [data.parts[data.sends.part[s]], data.sends.offset[s], data.sends.value[s], op]",
    );
    (
        lost[0].as_str().expect("a partition").to_owned(),
        lost[1].as_i64().expect("an offset"),
        lost[2].as_u64().expect("a value"),
    )
}

#[test]
fn a_failing_run_shows_its_witness_first() {
    let _alone = alone();
    let browser = Browser::open("failing", runs::failing());
    browser.wait_until_ready();
    assert_eq!(browser.text("#outcome"), "violation");
    let sentence = browser.text("#sentence");
    let (part, offset, value) = lost_record(&browser);
    for told in [&*part, "lost", &offset.to_string()] {
        assert!(sentence.contains(told), "the sentence does not name `{told}`: {sentence}");
    }
    // The sentence leads to the operation, or the time, that it names.
    assert_ne!(browser.text("#sentence a"), "");
    assert_eq!(browser.text("#reproduce"), runs::REPRODUCE);

    // All of this is on the first screen, and the picture shows the witness, its client, and a fault.
    let low = "return Math.max(...['#sentence', '#witness', '#reproduce', '#timeline'].map((selector) => \
        document.querySelector(selector).getBoundingClientRect().bottom)) <= innerHeight";
    assert_eq!(browser.evaluate(low), json!(true), "the picture ends below the first screen");
    let sight = browser.in_sight();
    let witness = number(&sight["marked"][0]);
    assert!(width(&browser) < 0.7 * number(&sight["length"]), "nothing is zoomed in: {sight}");
    let call = number(&browser.evaluate("return highwater.data.call[highwater.data.witness[0]]"));
    assert!(number(&sight["from"]) < call && call < number(&sight["to"]), "{sight}");
    let rows = sight["rows"].as_array().expect("rows");
    let lane = browser
        .evaluate("const { data } = highwater; return 'lane ' + data.lanes[data.lane[data.witness[0]]]");
    for row in [&lane, &json!("faults faults"), &json!(format!("part {part}")), &json!("broker b1")] {
        assert!(rows.contains(row), "no row {row}: {sight}");
    }

    browser.click("#witness a[href^='#op=']");
    browser.wait("highwater.inSight().picked >= 0");
    assert_eq!(number(&browser.in_sight()["picked"]), witness);
    let detail = browser.text("#detail");
    assert!(detail.contains("acknowledged, and absent from the final read"), "{detail}");

    browser.click("#witness a[href^='#record=']");
    browser.wait("document.querySelector('#log tr.wanted.odd')");
    let row = browser.text("#log tr.wanted");
    assert!(row.contains(&format!("also acknowledged here, and lost: value {value} ")), "{row}");
    let at = browser.evaluate("return Number(document.querySelector('#log tr.wanted').dataset.offset)");
    assert_eq!(at, json!(offset));
    browser.assert_clean();
}

#[test]
fn a_failing_run_can_be_searched_and_filtered() {
    let _alone = alone();
    let browser = Browser::open("failing", runs::failing());
    browser.wait_until_ready();
    let (part, offset, value) = lost_record(&browser);
    let all = number(&browser.evaluate("return highwater.data.n"));
    let witness = browser.in_sight()["marked"][0].clone();
    for search in [format!("{part}@{offset}"), format!("value:{value}"), format!("op {witness}")] {
        browser.evaluate("document.querySelector('#search').value = ''");
        browser.type_into("#search", &search);
        browser.wait("document.querySelector('#found').textContent.includes('found')");
        let hits = browser.in_sight()["hits"].clone();
        assert!(hits.as_array().expect("hits").contains(&witness), "`{search}` finds {hits}");
        browser.type_into("#search", "\u{e007}");
        browser.wait("document.querySelector('#found').textContent.startsWith('1 of')");
        browser.wait("highwater.inSight().picked === highwater.inSight().hits[0]");
    }
    browser.evaluate("document.querySelector('#search').value = ''");
    browser.type_into("#search", "no such thing");
    browser.wait("document.querySelector('#found').textContent === 'nothing found'");
    browser.type_into("#search", "\u{e00c}");
    browser.wait("highwater.inSight().hits === null");

    // Of all in sight the filter leaves the indeterminate ones.
    browser.click("#fit");
    browser.wait(&format!("highwater.inSight().operations === {all}"));
    browser.click("#outcome-filter option[value='2']");
    browser.wait(&format!("highwater.inSight().operations < {all}"));
    let left = number(&browser.in_sight()["operations"]);
    let info = number(&browser.evaluate("return highwater.data.out.filter((kind) => kind === 2).length"));
    assert!(left == info && info > 0.0, "{left} in sight, {info} are indeterminate");
    assert!(browser.text("#operations-count").starts_with(&format!("{info} of ")));
    let outcomes = "return [...document.querySelectorAll('#operations tbody tr[data-op] td:nth-child(5)')].every((cell) => \
        cell.textContent === 'indeterminate')";
    assert_eq!(browser.evaluate(outcomes), json!(true));
    browser.assert_clean();
}

#[test]
fn a_failing_run_can_be_zoomed_and_linked() {
    let _alone = alone();
    let browser = Browser::open("failing", runs::failing());
    browser.wait_until_ready();
    browser.click("#fit");
    browser.wait("highwater.inSight().operations === highwater.data.n");
    let all = width(&browser);
    browser.click("#zoom-in");
    assert!((width(&browser) / all - 0.5).abs() < 0.01, "{} of {all}", width(&browser));
    browser.type_into("#timeline", "++");
    assert!(width(&browser) < 0.25 * all, "{} of {all}", width(&browser));
    let before = browser.in_sight();
    browser.type_into("#timeline", "\u{e014}");
    assert!(number(&browser.in_sight()["from"]) > number(&before["from"]), "the arrow moves it");
    browser.type_into("#timeline", "t");
    assert_eq!(browser.in_sight()["axis"], "order");
    browser.type_into("#timeline", "t0");
    assert_eq!(browser.in_sight()["axis"], "time");
    assert!((width(&browser) - all).abs() < 1.0);

    // A time, a span, and an operation.
    let unit = 1e9 / number(&browser.evaluate("return highwater.data.unit"));
    browser.evaluate("location.hash = '#t=4.5'");
    browser.wait(&format!("highwater.inSight().to - highwater.inSight().from < {}", all / 10.0));
    let sight = browser.in_sight();
    assert!(number(&sight["from"]) < 4.5 * unit && 4.5 * unit < number(&sight["to"]), "{sight}");
    browser.evaluate("location.hash = '#t=2..3'");
    browser.wait(&format!("Math.abs(highwater.inSight().from - {}) < 1", 2.0 * unit));
    browser.assert_clean();
    drop(browser);
    let opened = Browser::open_at("failing", runs::failing(), "#op=17");
    opened.wait_until_ready();
    assert_eq!(opened.in_sight()["picked"], 17);
    assert!(opened.text("#detail").starts_with("op 17 "), "{}", opened.text("#detail"));
    assert_eq!(
        opened.evaluate("return Boolean(document.querySelector('#operations tr.picked[data-op=\"17\"]'))"),
        json!(true)
    );
    opened.assert_clean();
}

#[test]
fn a_passing_run_shows_all_of_it() {
    let _alone = alone();
    let browser = Browser::open("passing", runs::passing());
    browser.wait_until_ready();
    assert_eq!(browser.text("#outcome"), "pass");
    assert_eq!(browser.text("#witness"), "");
    let sight = browser.in_sight();
    assert_eq!(sight["operations"], browser.evaluate("return highwater.data.n"));
    assert_eq!(browser.evaluate("return document.querySelectorAll('#faults tbody tr').length"), json!(2));
    let plots = browser.text("#plots");
    let told = browser.evaluate("return highwater.data.plots.map((plot) => plot.title)");
    let told = told.as_array().expect("plots").iter().map(|title| title.as_str().expect("a title"));
    for plot in told.chain(["operations a second", "latency", "availability"]) {
        assert!(plots.contains(plot), "no plot of {plot}: {plots}");
    }
    // Every row of the log is fine.
    assert_eq!(browser.evaluate("return document.querySelectorAll('#log tr.odd').length"), json!(0));
    // Dark, and light again.
    let paper = || browser.evaluate("return getComputedStyle(document.body).backgroundColor");
    let light = paper();
    browser.click("#theme");
    assert_ne!(paper(), light);
    browser.click("#theme");
    assert_eq!(paper(), light);
    browser.assert_clean();
}

#[test]
fn an_order_can_be_stepped_through() {
    let _alone = alone();
    let browser = Browser::open("steps", &runs::with_an_order(runs::passing()));
    browser.wait_until_ready();
    // It begins where it cannot go on.
    let last = browser.evaluate("return highwater.timeline.course.order.length - 1");
    assert_eq!(browser.in_sight()["step"], last);
    browser.click("#step-stuck a");
    browser.wait("highwater.inSight().picked === highwater.timeline.course.stuck");
    browser.click("#step-first");
    browser.wait("highwater.inSight().step === 0");
    browser.click("#step-on");
    browser.wait("highwater.inSight().step === 1");
    let order = browser.evaluate("return Array.from(highwater.timeline.course.order.slice(0, 3))");
    assert_eq!(browser.in_sight()["picked"], order[1]);
    assert_eq!(browser.text("#step-state"), "the log ends at offset 2");
    browser.type_into("body", "]");
    browser.wait("highwater.inSight().step === 2");
    assert_eq!(browser.in_sight()["picked"], order[2]);
    browser.type_into("body", "[");
    browser.wait("highwater.inSight().step === 1");
    browser.evaluate("location.hash = '#step=1'");
    browser.wait("highwater.inSight().step === 0");
    assert!(browser.text("#step-text").starts_with("step 1 of "), "{}", browser.text("#step-text"));
    assert_eq!(browser.text("#step-state"), "the log ends at offset 1");
    browser.assert_clean();
}
