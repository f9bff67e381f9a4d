//! Histories that nobody here wrote, where `HIGHWATER_HISTORIES` names their folder.

use std::path::Path;

use crate::history::{Event, History};
use crate::objects::{Staleness, Validity, counter, independent, set, set_full};

#[test]
fn elle_clis_histories_have_their_verdicts() {
    let Some(folder) = std::env::var_os("HIGHWATER_HISTORIES") else { return };
    let read = |name: &str| -> Vec<Event> {
        let bytes = std::fs::read(Path::new(&folder).join("elle-cli").join(name)).expect("can be read");
        History::read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}")).events
    };
    assert_eq!(set(&read("set.edn")).unwrap().validity, Validity::Valid);
    assert_eq!(counter(&read("counter.edn")).unwrap().validity, Validity::Valid);
    for name in ["set_full.edn", "set_full.json"] {
        let events = read(name);
        // Its elements are tuples, and its read has none of them.
        let report = set_full(&events, Staleness::Permitted).unwrap();
        assert_eq!((report.validity, report.lost.count), (Validity::Invalid, 293), "{report:?}");
        assert!(independent(&events).is_err());
    }
}
