//! The controllers' consensus: a small Raft as a pure state machine, and its driver.
