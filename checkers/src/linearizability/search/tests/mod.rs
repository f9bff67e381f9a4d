//! Tests of the search: against trying all orders, without one rule at a time, on changed histories, and of what
//! a witness says.

mod arbitrary;
mod budgets;
mod differential;
mod generator;
mod metamorphic;
mod rules;
mod witness;
