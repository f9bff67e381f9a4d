//! Tests of the checkers of sets, queues and counters.

mod counter;
mod fuzz;
mod independent;
mod real;
mod set;
mod set_full;
mod total_queue;

use super::Examples;
use crate::history::{Event, History};

/// The events of a history in a few words: `0 invoke add 5`, one an item, with the nanosecond as its place.
#[track_caller]
fn events(lines: &[&str]) -> Vec<Event> {
    let mut text = String::new();
    for (place, line) in lines.iter().enumerate() {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().unwrap_or("nil");
        let (process, outcome, function, value) = (word(), word(), word(), word());
        text += &format!(
            "{{:process {process}, :type :{outcome}, :f :{function}, :value {value}, :time {}}}\n",
            place * 10
        );
    }
    History::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}")).events
}

/// The elements, as EDN.
fn names(examples: &Examples) -> Vec<String> {
    examples.first.iter().map(ToString::to_string).collect()
}
