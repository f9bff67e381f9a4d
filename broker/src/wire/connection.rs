//! The calling side of a connection: one request at a time, each with a time-out.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::ResponseHeader;
use kafka_protocol::protocol::{Decodable, HeaderVersion, Request};
use thiserror::Error;
use tokio::time::timeout;

use super::request::encode_request;
use super::{Api, read_frame, write_frame};
use crate::env::Env;

/// Why a call has no answer.
#[derive(Debug, Error)]
pub enum RpcError {
    /// There is no connection: the request was never sent.
    #[error("cannot connect to {peer}")]
    Connect {
        /// `host:port`.
        peer: String,
        /// The system's reason; a time-out where it is `TimedOut`.
        source: io::Error,
    },
    /// No answer came in time. The request may have reached the peer, and may take effect later.
    #[error("no answer from {peer} within {} ms", waited.as_millis())]
    TimedOut {
        /// `host:port`.
        peer: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The connection broke after the request had begun to leave.
    #[error("the connection to {peer} broke")]
    Disconnected {
        /// `host:port`.
        peer: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The answer does not decode, or is that of another request.
    #[error("a malformed answer from {peer}")]
    Malformed {
        /// `host:port`.
        peer: String,
    },
}

impl RpcError {
    /// Whether the request may have reached the peer, so that its effect is unknown.
    pub fn was_sent(&self) -> bool {
        !matches!(self, Self::Connect { .. })
    }
}

/// A connection to a broker. After an error it is of no further use: open another.
pub struct Connection<E: Env> {
    stream: E::Stream,
    peer: String,
    client_id: String,
    correlation_id: i32,
}

impl<E: Env> Connection<E> {
    /// Connects to `host:port` within `limit`.
    pub async fn open(
        env: &E,
        host: &str,
        port: u16,
        client_id: &str,
        limit: Duration,
    ) -> Result<Self, RpcError> {
        let peer = format!("{host}:{port}");
        match timeout(limit, env.connect(host, port)).await {
            Ok(Ok(stream)) => Ok(Self { stream, peer, client_id: client_id.to_owned(), correlation_id: 0 }),
            Ok(Err(source)) => Err(RpcError::Connect { peer, source }),
            Err(_) => Err(RpcError::Connect { peer, source: io::ErrorKind::TimedOut.into() }),
        }
    }

    /// Sends a request and waits for its answer, both within `limit`.
    pub async fn call<R: Api>(&mut self, request: &R, limit: Duration) -> Result<R::Response, RpcError>
    where
        <R as Request>::Response: HeaderVersion,
    {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let frame = encode_request(self.correlation_id, &self.client_id, request);
        let exchange = async {
            write_frame(&mut self.stream, frame).await?;
            read_frame(&mut self.stream).await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        };
        match timeout(limit, exchange).await {
            Ok(Ok(answer)) => self.decode::<R>(answer),
            Ok(Err(source)) => Err(RpcError::Disconnected { peer: self.peer.clone(), source }),
            Err(_) => Err(RpcError::TimedOut { peer: self.peer.clone(), waited: limit }),
        }
    }

    /// Sends a request that has no answer: a produce with acks 0.
    pub async fn send<R: Api>(&mut self, request: &R, limit: Duration) -> Result<(), RpcError> {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let frame = encode_request(self.correlation_id, &self.client_id, request);
        match timeout(limit, write_frame(&mut self.stream, frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => Err(RpcError::Disconnected { peer: self.peer.clone(), source }),
            Err(_) => Err(RpcError::TimedOut { peer: self.peer.clone(), waited: limit }),
        }
    }

    fn decode<R: Api>(&self, mut answer: Bytes) -> Result<R::Response, RpcError> {
        let malformed = || RpcError::Malformed { peer: self.peer.clone() };
        if answer.remaining() < 4 {
            return Err(malformed());
        }
        let version = R::SPOKEN.1;
        let header =
            ResponseHeader::decode(&mut answer, <R::Response as HeaderVersion>::header_version(version))
                .map_err(|_| malformed())?;
        if header.correlation_id != self.correlation_id {
            return Err(malformed());
        }
        R::Response::decode(&mut answer, version).map_err(|_| malformed())
    }
}
