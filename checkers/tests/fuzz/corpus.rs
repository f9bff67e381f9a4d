//! Small histories of every object, in every format.

use highwater_checkers::history::{Actor, Event, Format, History, Outcome, write_edn, write_json};

/// As Knossos writes them: one event is `[process type function value]`.
const HISTORIES: [&str; 16] = [
    // A register: unique values, a read that never returned, and a stale one.
    "[0 :invoke :write 1] [0 :ok :write 1] [1 :invoke :write 2] [2 :invoke :read nil] [2 :ok :read 2]
     [3 :invoke :read nil] [3 :info :read nil :timed-out] [2 :invoke :read nil] [2 :ok :read 1] [1 :ok :write 2]",
    // Compare-and-sets in a chain, one of which failed and one that never returned.
    "[0 :invoke :write 0] [0 :ok :write 0] [1 :invoke :cas [0 1]] [2 :invoke :cas [1 2]] [1 :ok :cas [0 1]]
     [2 :info :cas [1 2] :timed-out] [3 :invoke :cas [7 8]] [3 :fail :cas [7 8]] [4 :invoke :read nil] [4 :ok :read 2]",
    // Few values, written again and again, with the nemesis between.
    "[0 :invoke :write 1] [1 :invoke :write 2] [0 :ok :write 1] [2 :invoke :read nil] [:nemesis :info :start nil]
     [2 :ok :read 1] [1 :ok :write 2] [0 :invoke :write 1] [0 :info :write 1] [:nemesis :info :stop nil]
     [3 :invoke :cas [1 2]] [3 :ok :cas [1 2]] [2 :invoke :read nil] [2 :ok :read 2]",
    // Registers by their keys.
    "[0 :invoke :write [x 1]] [1 :invoke :write [y 1]] [0 :ok :write [x 1]] [1 :ok :write [y 1]]
     [0 :invoke :read [y nil]] [0 :ok :read [y 1]] [1 :invoke :read [x nil]] [1 :ok :read [x nil]]",
    // A lock, twice held.
    "[0 :invoke :acquire nil] [0 :ok :acquire nil] [1 :invoke :acquire nil] [0 :invoke :release nil]
     [0 :ok :release nil] [1 :ok :acquire nil] [2 :invoke :acquire nil] [2 :info :acquire nil]",
    "[0 :invoke :acquire nil] [0 :ok :acquire nil] [1 :invoke :acquire nil] [1 :ok :acquire nil]",
    // A queue: in order, out of order, empty, unknown, drained.
    "[0 :invoke :enqueue 1] [0 :ok :enqueue 1] [0 :invoke :enqueue 2] [0 :ok :enqueue 2] [1 :invoke :dequeue nil]
     [1 :ok :dequeue 1] [2 :invoke :dequeue nil] [2 :ok :dequeue 2] [1 :invoke :dequeue nil] [1 :fail :dequeue nil :empty]",
    "[0 :invoke :enqueue 1] [0 :ok :enqueue 1] [0 :invoke :enqueue 2] [0 :info :enqueue 2] [1 :invoke :dequeue nil]
     [1 :info :dequeue nil] [2 :invoke :enqueue 3] [2 :ok :enqueue 3] [3 :invoke :drain nil] [3 :ok :drain [2 3]]",
    "[0 :invoke :enqueue 1] [0 :ok :enqueue 1] [1 :invoke :enqueue 1] [1 :ok :enqueue 1] [2 :invoke :dequeue nil]
     [2 :ok :dequeue 1] [2 :invoke :dequeue nil] [2 :ok :dequeue 5]",
    // A set: read along the way, and at the end.
    "[0 :invoke :add 1] [0 :ok :add 1] [1 :invoke :add 2] [2 :invoke :read nil] [2 :ok :read #{1}] [1 :info :add 2]
     [3 :invoke :add 3] [3 :fail :add 3] [2 :invoke :read nil] [2 :ok :read #{1 2}]",
    "[0 :invoke :add 1] [0 :ok :add 1] [1 :invoke :contains 1] [1 :ok :contains [1 true]] [2 :invoke :contains 2]
     [2 :ok :contains [2 false]] [3 :invoke :read nil] [3 :ok :read []]",
    // A counter.
    "[0 :invoke :add 1] [0 :ok :add 1] [1 :invoke :add 2] [2 :invoke :read nil] [2 :ok :read 3] [1 :ok :add 2]
     [2 :invoke :read nil] [2 :ok :read 3] [0 :invoke :add -1] [0 :info :add -1]",
    // A log, with offsets as far as they go, an empty poll, an abort, and a value that nobody sent.
    "[0 :invoke :send [[:send x 1]]] [0 :ok :send [[:send x [0 1]]]] [1 :invoke :send [[:send x 2]]]
     [1 :ok :send [[:send x [4611686018427387904 2]]]] [2 :invoke :poll [[:poll]]] [2 :ok :poll [[:poll {}]]]
     [2 :invoke :poll [[:poll]]] [2 :ok :poll [[:poll {x [[0 1] [4611686018427387904 2]]}]]]",
    "[0 :invoke :assign [x y]] [0 :ok :assign [x y]] [1 :invoke :txn [[:send x 1] [:poll] [:send y 2]]]
     [1 :ok :txn [[:send x [0 1]] [:poll {y [[0 2]]}] [:send y [0 2]]]] [0 :invoke :poll [[:poll]]]
     [0 :ok :poll [[:poll {x [[0 1]], y [[0 2] [1 9]]}]]] [2 :invoke :send [[:send x 3]]] [2 :fail :send [[:send x 3]]]",
    "[0 :invoke :subscribe [x]] [0 :ok :subscribe [x]] [1 :invoke :send [[:send x 1]]] [1 :info :send [[:send x 1]]]
     [2 :invoke :crash nil] [2 :info :crash nil] [0 :invoke :poll [[:poll]]] [0 :ok :poll [[:poll {x [[1 1] [0 2]]}]]]
     [3 :invoke :poll [[:poll]]] [3 :fail :poll [[:poll {x [[0 1]]}]]]",
    // Nothing but the nemesis.
    "[:nemesis :info :start nil] [:nemesis :info :start {n1 #{n2}}]",
];

/// As Porcupine writes its key-value store.
const KEY_VALUES: &str = r#"
    {:process 0, :type :invoke, :f :append, :key "0", :value "x 0 0 y"}
    {:process 1, :type :invoke, :f :get, :key "0", :value nil}
    {:process 0, :type :ok, :f :append, :key "0", :value "x 0 0 y"}
    {:process 1, :type :ok, :f :get, :key "0", :value ""}
    {:process 0, :type :invoke, :f :put, :key "1", :value "a"}
    {:process 1, :type :invoke, :f :get, :key "0", :value nil}
    {:process 1, :type :ok, :f :get, :key "0", :value "x 0 0 y"}
    {:process 0, :type :info, :f :put, :key "1", :value "a"}
    {:process 1, :type :invoke, :f :get, :key "1", :value nil}
    {:process 1, :type :ok, :f :get, :key "1", :value "a"}
"#;

/// The texts of each format, by the places of the formats in [`Format::ALL`].
pub(crate) struct Corpus(Vec<Vec<Vec<u8>>>);

impl Corpus {
    pub(crate) fn new() -> Self {
        let read = |format: Format, text: &str| {
            let read = format.read(text.as_bytes());
            read.unwrap_or_else(|error| panic!("{error}: {text}"))
        };
        let mut histories: Vec<History> =
            HISTORIES.iter().map(|text| read(Format::Knossos, &text.replace("] [", "]\n["))).collect();
        histories.push(read(Format::Edn, KEY_VALUES));
        histories.push(History::default());
        let texts = |format: Format| {
            let has_place = |history: &&History| match format {
                Format::Edn | Format::Json => true,
                // These know no keys beside the value.
                Format::JepsenLog | Format::Knossos => history.events.iter().all(|event| event.key.is_none()),
            };
            histories.iter().filter(has_place).map(|history| text(history, format)).collect()
        };
        Self(Format::ALL.into_iter().map(texts).collect())
    }

    /// The texts of one format.
    pub(crate) fn texts(&self, format: Format) -> &[Vec<u8>] {
        let place = Format::ALL.iter().position(|other| *other == format).expect("is one of all");
        &self.0[place]
    }
}

/// The history as a text, one event a line.
fn text(history: &History, format: Format) -> Vec<u8> {
    let mut text = Vec::new();
    match format {
        Format::Edn => write_edn(history, &mut text).expect("can be written"),
        Format::Json => write_json(history, &mut text).expect("can be written"),
        Format::JepsenLog | Format::Knossos => {
            for event in &history.events {
                text.extend(line(event, format).into_bytes());
            }
        }
    }
    text
}

fn line(event: &Event, format: Format) -> String {
    let process = match &event.process {
        Actor::Process(process) => process.to_string(),
        Actor::Named(name) => format!(":{name}"),
    };
    let outcome = match event.outcome {
        Outcome::Invoke => "invoke",
        Outcome::Ok => "ok",
        Outcome::Fail => "fail",
        Outcome::Info => "info",
    };
    let (function, value) = (&event.function, &event.value);
    let error = event.error.as_ref().map(ToString::to_string);
    if format == Format::Knossos {
        let error = error.map_or_else(String::new, |error| format!(" {error}"));
        format!("[{process} :{outcome} :{function} {value}{error}]\n")
    } else {
        let error = error.map_or_else(String::new, |error| format!("\t{error}"));
        format!("INFO  jepsen.util - {process}\t:{outcome}\t:{function}\t{value}{error}\n")
    }
}
