//! Connections: turmoil's, with a header before each write that says when the reader may see it.
//!
//! turmoil hands every write on as one segment within a tick of its sending. The reader holds it back until
//! it is due, so that latency, delays and cuts need no task of their own, and asks the network again then
//! whether a cut came in between. The order within a connection is that of the writes.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use highwater_broker::env::{Listener, Task};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep_until};
use turmoil::net::{TcpListener, TcpStream};

use super::gate;
use super::network::{Fate, Parcel, hash};
use super::process::Process;
use crate::world::{Frame, Link, Time};

/// Connections that may wait to be accepted; more are closed at once.
const BACKLOG_MAX: usize = 1_024;

/// The greatest write, in bytes: more takes several frames.
const WRITE_BYTES_MAX: usize = 1 << 20;

/// A connection between two nodes of the simulated world.
pub struct SimStream {
    inner: TcpStream,
    process: Arc<Process>,
    to_peer: Link,
    incoming: Incoming,
    timer: Option<Pin<Box<Sleep>>>,
    outgoing: Outgoing,
    /// When the last write is due: none overtakes another.
    last_due: Time,
    /// Header and bytes of the write that is being made.
    segment: Vec<u8>,
}

/// How far the reading of the next segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Incoming {
    /// Nothing of it is here.
    Awaited,
    /// It is on its way.
    InFlight(Header),
    /// As [`Incoming::InFlight`], and a cut holds it.
    Held(Header),
    /// It is here; so many bytes are left to read.
    Here(usize),
    /// The peer has closed its side.
    Closed,
    /// A segment was lost: nothing comes any more.
    Silent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outgoing {
    Open,
    /// The segment waits for turmoil's window.
    Stalled,
    /// We have closed our side.
    Closed,
    /// A segment was lost: nothing that is written arrives any more.
    Silent,
}

/// What stands before each segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    sent: Time,
    due: Time,
    /// Of the bytes that follow; 0 closes the connection in this direction.
    len: u32,
    /// Whether it was sent while a cut held the link.
    into_cut: bool,
}

const HEADER_BYTES: usize = 21;

impl Header {
    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&(self.sent.as_nanos() as u64).to_le_bytes());
        bytes[8..16].copy_from_slice(&(self.due.as_nanos() as u64).to_le_bytes());
        bytes[16..20].copy_from_slice(&self.len.to_le_bytes());
        bytes[20] = self.into_cut.into();
        bytes
    }

    fn from_bytes(bytes: [u8; HEADER_BYTES]) -> Self {
        let time = |at: usize| {
            let word = bytes[at..at + 8].try_into().expect("eight bytes");
            Time::from_nanos(u64::from_le_bytes(word))
        };
        let len = u32::from_le_bytes(bytes[16..20].try_into().expect("four bytes"));
        Self { sent: time(0), due: time(8), len, into_cut: bytes[20] != 0 }
    }
}

impl SimStream {
    fn new(inner: TcpStream, process: Arc<Process>, to_peer: Link) -> Self {
        Self {
            inner,
            process,
            to_peer,
            incoming: Incoming::Awaited,
            timer: None,
            outgoing: Outgoing::Open,
            last_due: Time::ZERO,
            segment: Vec::new(),
        }
    }

    /// The link from the peer.
    fn back(&self) -> Link {
        (self.to_peer.1, self.to_peer.0)
    }

    /// Makes the next segment of `bytes`. If it is lost, so is all that follows.
    fn prepare(&mut self, bytes: &[u8]) {
        let now = self.process.now();
        let len = u32::try_from(bytes.len()).expect("a write is bounded");
        let frame = Frame { at: now, from: self.to_peer.0, to: self.to_peer.1, len, hash: hash(bytes) };
        let mut network = self.process.network();
        network.record(&frame);
        if self.outgoing == Outgoing::Silent && !network.is_dropping(self.to_peer) {
            return;
        }
        let Some(due) = network.send(self.to_peer, Parcel::Message, now) else {
            self.outgoing = Outgoing::Silent;
            return;
        };
        let into_cut = network.is_holding(self.to_peer);
        drop(network);
        self.last_due = due.max(self.last_due);
        let header = Header { sent: now, due: self.last_due, len, into_cut };
        self.segment.clear();
        self.segment.extend_from_slice(&header.to_bytes());
        self.segment.extend_from_slice(bytes);
    }

    /// Tells the peer that no more comes.
    fn close(&mut self) {
        if self.outgoing == Outgoing::Open {
            self.prepare(&[]);
        }
        if self.outgoing == Outgoing::Open {
            // If the window is full, or the peer gone, then so is the connection: nobody reads this.
            let _ = self.inner.try_write(&self.segment);
            self.outgoing = Outgoing::Closed;
        }
    }

    /// Takes the next header from turmoil.
    fn poll_header(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Incoming>> {
        let mut bytes = [0; HEADER_BYTES];
        let mut buf = ReadBuf::new(&mut bytes);
        let result = ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buf));
        let filled = buf.filled().len();
        Poll::Ready(match result {
            // turmoil's own end of the stream knows no cut: only our closing header counts, and where that
            // was lost, the connection is silent.
            Ok(()) if filled == 0 => Ok(Incoming::Silent),
            Ok(()) => {
                assert_eq!(filled, HEADER_BYTES, "a segment begins with its header");
                Ok(Incoming::InFlight(Header::from_bytes(bytes)))
            }
            // A reset is the peer's answer to what we sent: it too is lost in a cut.
            Err(_) if self.process.network().is_dropping(self.back()) => Ok(Incoming::Silent),
            Err(error) => Err(error),
        })
    }

    /// Waits until a segment that is under way arrives.
    fn poll_arrival(&mut self, cx: &mut Context<'_>, header: Header, held: bool) -> Poll<Incoming> {
        let link = self.back();
        let now = self.process.now();
        let mut network = self.process.network();
        let at = match network.fate(link, header.sent, header.due) {
            Fate::Arrives(at) if at > now => at,
            Fate::Arrives(_) if header.len == 0 => return Poll::Ready(Incoming::Closed),
            Fate::Arrives(_) => return Poll::Ready(Incoming::Here(header.len as usize)),
            Fate::Lost(fault) => {
                network.effect_mut(fault).dropped += 1;
                return Poll::Ready(Incoming::Silent);
            }
            Fate::Held(fault) => {
                if !held {
                    // What was sent into a cut was counted then.
                    if !header.into_cut {
                        network.effect_mut(fault).held += 1;
                    }
                    self.incoming = Incoming::Held(header);
                }
                network.wait(link, cx.waker());
                return Poll::Pending;
            }
        };
        drop(network);
        let at = self.process.clock.instant(at);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx).map(|()| Incoming::InFlight(header))
    }
}

impl AsyncRead for SimStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            this.incoming = match this.incoming {
                Incoming::Awaited => ready!(this.poll_header(cx))?,
                Incoming::InFlight(header) => ready!(this.poll_arrival(cx, header, false)),
                Incoming::Held(header) => ready!(this.poll_arrival(cx, header, true)),
                Incoming::Here(left) => {
                    let before = buf.filled().len();
                    ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
                    // turmoil never reads past the end of a segment.
                    let left = left - (buf.filled().len() - before);
                    this.incoming = if left == 0 { Incoming::Awaited } else { Incoming::Here(left) };
                    return Poll::Ready(Ok(()));
                }
                Incoming::Closed => return Poll::Ready(Ok(())),
                Incoming::Silent => return Poll::Pending,
            };
        }
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let bytes = &buf[..buf.len().min(WRITE_BYTES_MAX)];
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if matches!(this.outgoing, Outgoing::Open | Outgoing::Silent) {
            this.prepare(bytes);
        }
        match this.outgoing {
            Outgoing::Open | Outgoing::Stalled => {}
            Outgoing::Closed => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            Outgoing::Silent => return Poll::Ready(Ok(bytes.len())),
        }
        let written = Pin::new(&mut this.inner).poll_write(cx, &this.segment);
        this.outgoing = if written.is_pending() { Outgoing::Stalled } else { Outgoing::Open };
        let written = match ready!(written) {
            Ok(written) => written,
            // The reset that says so cannot have come through a cut.
            Err(_) if this.process.network().is_dropping(this.back()) => {
                this.outgoing = Outgoing::Silent;
                return Poll::Ready(Ok(bytes.len()));
            }
            Err(error) => return Poll::Ready(Err(error)),
        };
        assert_eq!(written, this.segment.len(), "turmoil takes a segment whole");
        Poll::Ready(Ok(written - HEADER_BYTES))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().close();
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        // Outside of a simulation, when it is taken down as a whole, there is nobody to tell.
        if turmoil::in_simulation() {
            self.close();
        }
    }
}

/// Accepts connections of the simulated world.
pub struct SimListener {
    accepted: mpsc::Receiver<(TcpStream, SocketAddr)>,
    process: Arc<Process>,
    _acceptor: Task,
}

impl Listener for SimListener {
    type Stream = SimStream;

    async fn accept(&mut self) -> io::Result<SimStream> {
        let (inner, peer) = self.accepted.recv().await.ok_or(io::ErrorKind::ConnectionAborted)?;
        let here = self.process.node;
        let peer = self.process.network().at(peer.ip(), here);
        Ok(SimStream::new(inner, self.process.clone(), (here, peer)))
    }
}

/// Listens on a port. As a kernel does, it accepts below the gate: also while the process is paused.
pub(super) async fn bind(process: Arc<Process>, port: u16) -> io::Result<SimListener> {
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    let (accepting, accepted) = mpsc::channel(BACKLOG_MAX);
    let acceptor = gate::spawn_below(process.clone(), async move {
        while let Ok(connection) = listener.accept().await {
            // A full backlog closes the connection.
            let _ = accepting.try_send(connection);
        }
    });
    Ok(SimListener { accepted, process, _acceptor: acceptor })
}

/// Connects to a node: refused after a round trip if nothing listens there, and without an answer if the way
/// there is cut. As in turmoil, a cut of the way back alone lets a connect succeed.
pub(super) async fn connect(process: Arc<Process>, host: &str, port: u16) -> io::Result<SimStream> {
    let (here, peer) = {
        let mut network = process.network();
        network.stats.connects += 1;
        let unknown = || io::Error::new(io::ErrorKind::NotFound, format!("no node is named {host}"));
        (process.node, network.resolve(host).ok_or_else(unknown)?)
    };
    travel(&process, (here, peer)).await;
    // A process that is down has a kernel that refuses for it: turmoil would leave the connect unanswered.
    let inner = if process.network().is_running(peer) {
        TcpStream::connect((host, port)).await
    } else {
        Err(io::Error::new(io::ErrorKind::ConnectionRefused, format!("{host}:{port} is down")))
    };
    let back = process.network().send((peer, here), Parcel::Connect, process.now());
    if let Some(back) = back {
        sleep_until(process.clock.instant(back)).await;
    }
    Ok(SimStream::new(inner?, process, (here, peer)))
}

/// Waits until a connect has crossed `link`: for ever if it is lost.
async fn travel(process: &Process, link: Link) {
    let sent = process.now();
    let Some(due) = process.network().send(link, Parcel::Connect, sent) else {
        return std::future::pending().await;
    };
    loop {
        let fate = process.network().fate(link, sent, due);
        match fate {
            Fate::Arrives(at) if at <= process.now() => return,
            Fate::Arrives(at) => sleep_until(process.clock.instant(at)).await,
            Fate::Held(_) => healed(process, link).await,
            Fate::Lost(fault) => {
                process.network().effect_mut(fault).connects_dropped += 1;
                return std::future::pending().await;
            }
        }
    }
}

/// Waits until a fault on `link` is healed.
async fn healed(process: &Process, link: Link) {
    let mut waited = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        process.network().wait(link, cx.waker());
        Poll::Pending
    })
    .await;
}
