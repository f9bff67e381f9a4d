//! A partition's log on [`crate::env::Disk`].
