//! Jepsen's histories: events as maps of EDN, one after the other or in one enclosing vector or list.

mod event;
mod literal;
mod parser;
mod print;
mod token;

pub(super) use event::read;
pub(super) use parser::Parser;
pub(crate) use print::{Limits, print_within};
pub(super) use print::{edn_text, print};
pub(super) use token::{is_name, is_number, is_symbol, is_tag, unicode_escape};
