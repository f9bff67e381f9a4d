//! The stream of output events of highwater, and what draws from it.
//!
//! Whoever runs scenarios tells what happens as a stream of [`Event`]s, and every output is a [`Sink`] of that
//! one stream: [`terminal`] for people, [`json`] for programs, [`junit`], [`sarif`], [`markdown`] and [`github`] for CI
//! and reviews, [`progress`] while it lasts.
//! Reading order: [`event`] for the stream, [`summary`] for what its events hold, then any sink.

pub mod check;
pub mod consistency;
pub mod event;
pub mod explain;
pub mod file;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod location;
pub mod markdown;
pub mod narrate;
pub mod progress;
pub mod published;
pub mod sarif;
pub mod style;
pub mod summary;
pub mod table;
pub mod terminal;
pub mod timeline;

pub use event::{Event, RunId, Sink, SinkError};
pub use summary::{CampaignSummary, Conclusion, Outcome, RunSummary, ScenarioSummary};
