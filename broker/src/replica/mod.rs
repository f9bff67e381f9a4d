//! Replicas of partitions: leaders, followers, ISR, high watermark.
