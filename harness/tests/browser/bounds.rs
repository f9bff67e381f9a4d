//! A page of 100,000 operations stays small, opens at once, and moves without a jerk.
//!
//! Here alone time is asserted: these bounds are promised, for a machine of two processors.

use std::fs;

use highwater_reports::html;
use serde_json::Value;
use tokio::time::Instant;

use crate::browser::{Browser, alone};
use crate::large::large;

/// How many bytes a page may have: for each operation, for each returned record, and in any case.
const BYTES: [usize; 3] = [60, 12, 1_000_000];
const RENDERED_WITHIN_MS: f64 = 2_000.0;
const MEMORY_BYTES_MAX: usize = 500_000_000;
const READY_WITHIN_MS: f64 = 2_000.0;
const DRAW_MEDIAN_MS_MAX: f64 = 16.0;

/// Draws 60 pictures one frame after another, each of another part, and tells the median of what each took, in ms. Reading
/// a pixel back makes the browser finish the picture instead of putting it off.
const MEASURE: &str = "
    const told = arguments[arguments.length - 1];
    const { timeline: t } = highwater;
    const view = t.view;
    const took = [];
    const draw = () => {
        const i = took.length;
        SHOW
        const began = performance.now();
        t.drawNow();
        t.g.getImageData(i, 100, 1, 1);
        took.push(performance.now() - began);
        if (took.length < 60) requestAnimationFrame(draw);
        else told(took.sort((a, b) => a - b)[30]);
    };
    requestAnimationFrame(draw);";

/// The least of up to five measurements; the first one within the bound settles it. What else the machine does at the same
/// time can make a page slower, and never faster.
fn least(bound: f64, mut measure: impl FnMut() -> f64) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..5 {
        least = least.min(measure());
        if least <= bound {
            break;
        }
    }
    least
}

#[test]
fn a_hundred_thousand_operations() {
    let _alone = alone();
    let large = large();
    assert!(large.operations >= 100_000, "{} operations", large.operations);
    let mut page = String::new();
    let took = least(RENDERED_WITHIN_MS, || {
        let began = Instant::now();
        page = html::run(&large.recording, &large.summary).render();
        began.elapsed().as_secs_f64() * 1_000.0
    });
    let bound = BYTES[0] * large.operations + BYTES[1] * large.records + BYTES[2];
    println!(
        "{} operations, {} returned records: {} bytes of at most {bound}, rendered in {took:.0} ms, peak memory {} MB",
        large.operations,
        large.records,
        page.len(),
        peak_memory() / 1_000_000
    );
    assert!(page.len() <= bound, "{} bytes are more than {bound}", page.len());
    assert!(took <= RENDERED_WITHIN_MS, "rendering took {took} ms");
    assert!(peak_memory() <= MEMORY_BYTES_MAX, "{} bytes of memory at the peak", peak_memory());

    let browser = Browser::open("large", &page);
    let number = |value: Value| value.as_f64().expect("it is a number");
    let ready = least(READY_WITHIN_MS, || {
        browser.open_again();
        browser.wait_until_ready();
        number(browser.evaluate("return highwater.ready"))
    });
    let plotted = number(browser.evaluate("return highwater.plotted"));
    println!("ready after {ready:.0} ms, with its plots after {plotted:.0} ms");
    assert!(ready <= READY_WITHIN_MS, "ready after {ready} ms");
    let all = browser.in_sight();
    assert_eq!(all["operations"], large.operations, "all is in sight at first");

    let parts = [
        ("everything", "view.fit(); view.zoom(1 - i / 1000);"),
        ("half, on the move", "const w = view.length / 2; view.set(i / 60 * w, w + i / 60 * w);"),
        ("a minute, on the move", "const w = view.length / 10; view.set(i * w / 7, w + i * w / 7);"),
        (
            "a second, on the move",
            "const w = view.length / 600; view.set(100 * w + i * w / 20, 101 * w + i * w / 20);",
        ),
        ("zooming in", "if (i === 0) view.fit(); view.zoom(0.85);"),
        (
            "everything by the order of events",
            "if (i === 0) view.toggle(); view.fit(); view.zoom(1 - i / 1000);",
        ),
        ("a part by the order of events", "const w = view.length / 50; view.set(i * w / 3, w + i * w / 3);"),
    ];
    for (what, show) in parts {
        let script = MEASURE.replace("SHOW", show);
        let median = least(DRAW_MEDIAN_MS_MAX, || number(browser.evaluate_later(&script)));
        println!("{what}: {median:.1} ms a draw");
        assert!(median <= DRAW_MEDIAN_MS_MAX, "{what}: the median draw takes {median} ms");
    }
    browser.assert_clean();
}

/// The greatest resident set of this process so far, in bytes.
fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it has a peak");
    let kilobytes: usize = peak.trim().trim_end_matches(" kB").parse().expect("it is a number");
    kilobytes * 1_024
}
