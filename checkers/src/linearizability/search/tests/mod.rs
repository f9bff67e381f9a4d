//! Tests of the search: against trying all orders, without one rule at a time, and on changed histories.

mod budgets;
mod differential;
mod generator;
mod metamorphic;
mod rules;
