//! Whatever a recording says is shown as it stands, and does nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_checkers::fault::{Effect, FaultEvent, FaultPhase, Occurrence, Target, YamlPosition};
use highwater_checkers::ids::{
    BrokerId, ClientId, Offset, OperationIndex, Process, Time, TopicPartition, Value,
};
use highwater_checkers::operation::{
    Acks, Body, Operation, Outcome, PartitionRead, Phase, Poll, Record, Seen, Send,
};
use highwater_checkers::recording::{Ending, Event, Footer, Header, Recording, TraceHash, VERSION};
use highwater_checkers::trace::{Change, TraceEvent};
use highwater_reports::html;
use serde_json::json;

use crate::browser::{Browser, alone};
use crate::runs;

/// Ends a script, an attribute, a string of JavaScript, and begins scripts in all the ways that there are.
const EVIL: &str = "</script><script>window.injected=1</script><img src=x onerror=\"window.injected=2\">\
    \"onerror=\"window.injected=3\" '-window.injected-' \u{2028}window.injected=4\u{2029}// {{script}} ${window.injected=5} \
    <!--<script> ]]> &lt;b&gt; \\u003cscript>alert(1)</script> javascript:alert(2)";

#[test]
fn a_hostile_recording_is_text() {
    let _alone = alone();
    let browser = Browser::open("hostile", &page());
    browser.wait_until_ready();
    for selector in ["title", "h1", "#reproduce", "#faults", "#facts", "#log-partition", "#partition"] {
        let text = browser.text(selector);
        assert!(text.contains(EVIL), "{selector} does not show it as it stands: {text}");
    }
    // The operation that failed with that error, and on that partition.
    browser.evaluate("location.hash = '#op=1'");
    browser.wait("highwater.inSight().picked === 1");
    let detail = browser.text("#detail");
    // Its partition, in words and at its value, and its error.
    assert_eq!(detail.matches(EVIL).count(), 3, "{detail}");
    // It can be searched for, and linked to.
    browser.evaluate("location.hash = '#find=' + encodeURIComponent('</script><script>')");
    browser.wait("highwater.inSight().hits?.length > 0");
    browser.evaluate(
        "document.querySelector('#detail a[href^=\"#record\"]')?.click(); \
         document.querySelector('#log a[href^=\"#op\"]').click()",
    );
    browser.wait("highwater.inSight().picked >= 0");
    assert_eq!(
        browser.evaluate("return [typeof window.injected, document.scripts.length]"),
        json!(["undefined", 3])
    );
    let foreign = "return document.querySelectorAll('img, b, iframe, object, embed, link, base, form, svg, \
        [onerror], [onload], [onclick], [src]').length";
    assert_eq!(browser.evaluate(foreign), json!(0), "elements that the page has not made");
    assert!(!browser.has_dialog());
    browser.assert_clean();
}

fn page() -> String {
    let partition = TopicPartition::new(EVIL, 0);
    let time = Time::from_millis;
    let occurrence = Occurrence { entry: 0, repetition: 0 };
    let fault = |at: u64, phase: FaultPhase| Event::Fault(FaultEvent { occurrence, time: time(at), phase });
    let operation = |index: u64, process: u64, outcome: Outcome, body: Body, error: Option<&str>| {
        Event::Operation(Operation {
            index: OperationIndex(index),
            time: time(10 + 10 * index),
            process: Process(process),
            client: ClientId(1 + u32::try_from(process).expect("it is small")),
            outcome,
            phase: Phase::Load,
            body,
            error: error.map(Arc::from),
        })
    };
    let send = |value: u64, offset: Option<i64>| {
        Body::Send(Send {
            partition: partition.clone(),
            value: Value(value),
            offset: offset.map(Offset),
            acks: Acks::All,
        })
    };
    let poll = |records: &[(i64, u64)]| {
        let record = |(offset, value): &(i64, u64)| Record { offset: Offset(*offset), value: Value(*value) };
        let records = records.iter().map(record).collect();
        Body::Poll(Poll {
            reads: [PartitionRead { partition: partition.clone(), records, seen: Seen::default() }].into(),
        })
    };
    let planned =
        FaultPhase::Planned { kind: EVIL.into(), yaml: YamlPosition::default(), at: None, may_miss: false };
    let started = Change::BrokerStarted { incarnation: 1 };
    let counters = BTreeMap::from([(Arc::from(EVIL), 3)]);
    let events = vec![
        fault(0, planned),
        Event::Trace(TraceEvent { time: time(1), broker: BrokerId(1), change: started }),
        fault(5, FaultPhase::Injected { targets: [Target::Host(EVIL.into())].into() }),
        operation(0, 0, Outcome::Invoke, send(1, None), None),
        operation(1, 1, Outcome::Invoke, send(2, None), None),
        operation(2, 0, Outcome::Ok, send(1, Some(0)), None),
        operation(3, 1, Outcome::Info, send(2, None), Some(EVIL)),
        operation(4, 2, Outcome::Invoke, poll(&[]), None),
        // Nobody sent 9007199254740993, and no double holds it.
        operation(5, 2, Outcome::Ok, poll(&[(0, 1), (1, 9_007_199_254_740_993)]), None),
        fault(80, FaultPhase::Healed),
        fault(80, FaultPhase::Effect(Effect { bit: true, counters })),
    ];
    let footer = Footer {
        end: time(100),
        events: events.len() as u64,
        hash: TraceHash::default(),
        counters: BTreeMap::new(),
    };
    let header = Header {
        version: VERSION,
        scenario: EVIL.to_owned(),
        scenario_hash: String::new(),
        seed: 7,
        build: EVIL.to_owned(),
        plan: serde_json::Value::Null,
    };
    let recording = Recording { header, events, ending: Ending::Complete(footer) };
    let mut summary = runs::judged(&recording);
    summary.reproduce = format!("highwater replay {EVIL}");
    html::run(&recording, &summary).render()
}
