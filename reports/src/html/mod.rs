//! One page of HTML that holds a run or a history, and everything to look into it: no file beside it, no network.
//!
//! [`Page`] is what the page shows, as columns of small numbers; [`run`] and [`history`] make one, [`Page::render`]
//! puts it into the template under `page/`, whose scripts draw it.

mod bands;
mod columns;
mod logs;
mod operations;
mod render;
mod run;

pub use columns::Page;
pub use run::run;
