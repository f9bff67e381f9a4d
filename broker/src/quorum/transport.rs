//! How voters reach each other: bounded frames over one connection in each direction.
//!
//! A voter connects to a peer when it has a request for it; the answers come back on the same connection.
//! So a connection that has silently died shows itself: a request stays unanswered, and the next one goes
//! out on a new connection. What is lost on the way the quorum sends again by itself.
//!
//! A frame is its body's length (u32, big-endian) and the body in postcard's encoding: first one [`Hello`]
//! from the side that connected, then [`Message`]s.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::driver::Event;
use super::{Message, VoterId};
use crate::env::{Env, Listener, Task};

/// The greatest payload of a message in bytes.
pub(super) const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// The most entries on their way to one follower.
pub(super) const IN_FLIGHT_MAX: u64 = 128;
/// Messages that wait for one connection; more are dropped.
pub(super) const QUEUE_MAX: usize = 64;

/// Payload, and at most 32 bytes about each entry and about the message.
const FRAME_BYTES_MAX: usize = MESSAGE_BYTES_MAX + 32 * (IN_FLIGHT_MAX as usize + 1);
const LENGTH_BYTES: usize = 4;
const CONNECTIONS_MAX: usize = 64;

const CONNECT_TIME_OUT: Duration = Duration::from_millis(500);
const HELLO_TIME_OUT: Duration = Duration::from_millis(1000);
const SEND_TIME_OUT: Duration = Duration::from_millis(500);
const ANSWER_TIME_OUT: Duration = Duration::from_millis(500);
const BACK_OFF_MIN: Duration = Duration::from_millis(50);
const BACK_OFF_MAX: Duration = Duration::from_millis(500);

/// Who has connected to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) from: VoterId,
    pub(super) to: VoterId,
}

/// Sends `requests` to the peer at `host:port`, and hands its answers to the driver, as long as both the
/// driver and the task live.
pub(super) async fn request<E: Env>(
    env: E,
    hello: Hello,
    (host, port): (String, u16),
    mut requests: mpsc::Receiver<Message>,
    events: mpsc::Sender<Event>,
) {
    let mut back_off = BACK_OFF_MIN;
    while let Some(first) = requests.recv().await {
        let mut answered = false;
        let outcome = match timeout(CONNECT_TIME_OUT, env.connect(&host, port)).await {
            Ok(Ok(stream)) => converse(stream, hello, first, &mut requests, &events, &mut answered).await,
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        if let Err(error) = outcome {
            tracing::debug!(from = %hello.from, to = %hello.to, %error, "lost the connection to a voter");
        }
        if answered {
            back_off = BACK_OFF_MIN;
        } else {
            sleep(back_off).await;
            back_off = BACK_OFF_MAX.min(back_off * 2);
            // What has waited meanwhile is out of date.
            while requests.try_recv().is_ok() {}
        }
    }
}

/// One connection, until it fails or a request stays unanswered.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    hello: Hello,
    first: Message,
    requests: &mut mpsc::Receiver<Message>,
    events: &mpsc::Sender<Event>,
    answered: &mut bool,
) -> io::Result<()> {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut frames = Frames::new(reader);
    send(&mut writer, &hello).await?;
    send(&mut writer, &first).await?;
    let mut waiting_since = Some(Instant::now());
    loop {
        tokio::select! {
            biased;
            answer = frames.next() => {
                let event = Event::Message { from: hello.to, message: answer? };
                waiting_since = None;
                *answered = true;
                if events.send(event).await.is_err() {
                    return Ok(());
                }
            }
            request = requests.recv() => {
                let Some(request) = request else { return Ok(()) };
                if waiting_since.is_some_and(|since| since.elapsed() > ANSWER_TIME_OUT) {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                send(&mut writer, &request).await?;
                waiting_since = waiting_since.or(Some(Instant::now()));
            }
        }
    }
}

/// Accepts connections from the other `voters`.
pub(super) async fn accept<E: Env>(
    env: E,
    id: VoterId,
    voters: BTreeSet<VoterId>,
    mut listener: E::Listener,
    events: mpsc::Sender<Event>,
) {
    let mut connections: Vec<Task> = Vec::new();
    loop {
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::error!(voter = %id, %error, "no more connections are accepted");
                return;
            }
        };
        connections.retain(|connection| !connection.is_finished());
        if connections.len() == CONNECTIONS_MAX {
            tracing::warn!(voter = %id, CONNECTIONS_MAX, "refusing a connection: there are too many");
            continue;
        }
        let (voters, events) = (voters.clone(), events.clone());
        connections.push(env.spawn(async move {
            if let Err(error) = answer(stream, id, &voters, &events).await {
                tracing::debug!(voter = %id, %error, "lost a connection from a voter");
            }
        }));
    }
}

/// One connection that a peer has made, until it fails or the peer makes another.
async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    id: VoterId,
    voters: &BTreeSet<VoterId>,
    events: &mpsc::Sender<Event>,
) -> io::Result<()> {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut frames = Frames::new(reader);
    let Hello { from, to } = timeout(HELLO_TIME_OUT, frames.next()).await??;
    if to != id || from == id || !voters.contains(&from) {
        return Err(invalid(format!(
            "{from} asks for {to}, and this is {id}: compare the voters' addresses"
        )));
    }
    let (answers, mut to_answer) = mpsc::channel(QUEUE_MAX);
    let mut event = Event::Connected { from, answers };
    loop {
        if events.send(event).await.is_err() {
            return Ok(());
        }
        event = loop {
            tokio::select! {
                biased;
                answer = to_answer.recv() => match answer {
                    Some(answer) => send::<Message>(&mut writer, &answer).await?,
                    // A newer connection has taken this one's place.
                    None => return Ok(()),
                },
                message = frames.next() => break Event::Message { from, message: message? },
            }
        };
    }
}

async fn send<T: Serialize>(writer: &mut (impl AsyncWrite + Unpin), value: &T) -> io::Result<()> {
    let frame = frame(value);
    timeout(SEND_TIME_OUT, async {
        writer.write_all(&frame).await?;
        writer.flush().await
    })
    .await?
}

fn frame<T: Serialize>(value: &T) -> BytesMut {
    let mut start = BytesMut::new();
    start.put_bytes(0, LENGTH_BYTES);
    let mut frame = postcard::to_extend(value, start).expect("a message always has an encoding");
    let length = frame.len() - LENGTH_BYTES;
    assert!(length <= FRAME_BYTES_MAX, "a frame of {length} bytes is over the limit");
    frame[..LENGTH_BYTES].copy_from_slice(&(length as u32).to_be_bytes());
    frame
}

/// Reads frames. What was read of the next one is kept here, so that `next` may be dropped half-way.
struct Frames<R> {
    reader: R,
    read: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Frames<ReadHalf<S>> {
    fn new(reader: ReadHalf<S>) -> Self {
        Self { reader, read: BytesMut::new() }
    }

    async fn next<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        loop {
            if let Some(length) = self.read.first_chunk() {
                let length = u32::from_be_bytes(*length) as usize;
                if length > FRAME_BYTES_MAX {
                    return Err(invalid(format!(
                        "a frame of {length} bytes, and {FRAME_BYTES_MAX} are allowed"
                    )));
                }
                if let Some(body) = self.read.get(LENGTH_BYTES..LENGTH_BYTES + length) {
                    let value = postcard::from_bytes(body).map_err(|error| invalid(error.to_string()))?;
                    self.read.advance(LENGTH_BYTES + length);
                    return Ok(value);
                }
            }
            if self.reader.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
