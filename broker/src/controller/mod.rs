//! The cluster's metadata: what the controllers decide, and how they decide it.
