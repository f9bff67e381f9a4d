//! The Kafka wire protocol on a byte stream: frames, requests that were checked before they are decoded,
//! and a connection that makes calls.

mod connection;
mod frame;
mod layout;
mod request;

pub use connection::{Connection, RpcError};
pub use frame::{FRAME_BYTES_MAX, read_frame, write_frame};
pub use request::{DecodeError, Header, RequestBody, decode_request, encode_response};

use kafka_protocol::messages as k;
use kafka_protocol::protocol::Request;

/// The port of the Kafka protocol on every broker.
pub const BROKER_PORT: u16 = 9092;

/// A request type together with the versions of it that this broker speaks.
///
/// One layout an API: all are *flexible* versions (KIP-482) whose requests do not differ in shape within the
/// range, so that one table in `layout` describes what may arrive.
pub trait Api: Request {
    /// The versions that are advertised and accepted.
    const SPOKEN: (i16, i16);
}

macro_rules! apis {
    ($($request:ident: $min:literal..=$max:literal),* $(,)?) => {
        $(impl Api for k::$request {
            const SPOKEN: (i16, i16) = ($min, $max);
        })*

        /// `(api key, first version, last version)` of every API that the broker answers.
        pub const APIS: &[(i16, i16, i16)] = &[
            $((<k::$request as Request>::KEY, $min, $max)),*
        ];
    };
}

apis! {
    ProduceRequest: 9..=11,
    FetchRequest: 16..=16,
    ListOffsetsRequest: 6..=7,
    MetadataRequest: 12..=12,
    ApiVersionsRequest: 0..=4,
    CreateTopicsRequest: 7..=7,
    DeleteTopicsRequest: 6..=6,
    OffsetForLeaderEpochRequest: 4..=4,
    AlterPartitionRequest: 3..=3,
    BrokerRegistrationRequest: 4..=4,
    BrokerHeartbeatRequest: 1..=1,
}
