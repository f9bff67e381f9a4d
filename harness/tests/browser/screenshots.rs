//! The pictures of the README, taken anew where `HIGHWATER_SCREENSHOTS` asks for it.

use std::fs;
use std::path::Path;

use crate::browser::{Browser, alone};
use crate::runs;

/// A picture is no larger, so that the README loads at once.
const BYTES_MAX: usize = 150_000;

#[test]
fn the_pictures_of_the_readme() {
    let _alone = alone();
    let browser = Browser::open("failing", runs::failing());
    browser.wait_until_ready();
    // What is left of the window is the page.
    browser.resize(1200, 800);
    browser.wait("highwater.timeline.right < 1200");
    let keep = |name: &str| {
        let picture = browser.screenshot();
        assert!((10_000..BYTES_MAX).contains(&picture.len()), "{name} has {} bytes", picture.len());
        if std::env::var_os("HIGHWATER_SCREENSHOTS").is_some() {
            let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
            fs::write(docs.join(name), picture).expect("the picture is written");
        }
    };
    keep("report-failing-run.png");
    // The lost record's send, selected, from just before the fault to the election that cost it.
    browser.click("#witness a[href^='#op=']");
    browser.wait("highwater.inSight().picked >= 0");
    browser.evaluate(
        "const { data } = highwater; const at = data.call[data.witness[0]] * data.unit / 1e9; \
         location.hash = `#t=${at - 0.1}..${at + 1.9}`; document.querySelector('#picture').scrollIntoView()",
    );
    browser.wait("highwater.inSight().to - highwater.inSight().from < highwater.inSight().length / 8");
    keep("report-timeline.png");
}
