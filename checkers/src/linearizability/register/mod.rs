//! A register.
