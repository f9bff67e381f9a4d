//! The Kafka wire protocol on a byte stream.
