//! The broker on the real machine: three of them over loopback and real folders, the server binary, and its
//! document.

mod binary;
mod client;
mod cluster;
mod document;

use std::fmt::Display;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Far more than anything here takes: the machine may be busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts at something.
const PAUSE: Duration = Duration::from_millis(50);

/// Tries until something comes of it.
async fn eventually<T, E: Display>(what: &str, mut attempt: impl AsyncFnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let why = match attempt().await {
            Ok(result) => return result,
            Err(why) => why,
        };
        assert!(Instant::now() < deadline, "{what}: still not after {PATIENCE:?}: {why}");
        sleep(PAUSE).await;
    }
}

/// Ports on which nobody listens, given out once. They lie below those that systems choose for outgoing
/// connections: one of these could take the port of a broker that is down, or even connect to itself.
fn free_ports<const N: usize>() -> [u16; N] {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 10_000;
    static TRIED: AtomicU16 = AtomicU16::new(0);
    // Processes that run at a time begin at different places.
    let begin = std::process::id().wrapping_mul(64) % u32::from(COUNT);
    let mut free = std::iter::repeat_with(|| {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        assert!(tried < COUNT, "no port is free");
        FIRST + (begin as u16 + tried) % COUNT
    })
    .filter(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok());
    std::array::from_fn(|_| free.next().expect("there is always a next one"))
}
