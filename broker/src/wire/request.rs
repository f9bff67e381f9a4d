//! Requests as they arrive: header, check of every length, then the typed body.

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages as k;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request};
use thiserror::Error;

use super::layout::{self, Walk};
use super::{APIS, Api};

/// What identifies a request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which API.
    pub key: i16,
    /// Which version of it.
    pub version: i16,
    /// Repeated in the answer.
    pub correlation_id: i32,
}

/// Why a frame is not a request. The connection is closed: nothing sensible can follow.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Shorter than a header.
    #[error("a frame of {bytes} bytes is too short for a request header")]
    TooShort {
        /// The frame's length.
        bytes: usize,
    },
    /// An API or version that was not advertised.
    #[error("api {key} version {version} is not spoken here")]
    Unsupported {
        /// The API's key.
        key: i16,
        /// The version asked for.
        version: i16,
    },
    /// Lengths that the frame does not hold, or bytes that do not decode.
    #[error("a malformed request of api {key} version {version}")]
    Malformed {
        /// The API's key.
        key: i16,
        /// The version asked for.
        version: i16,
    },
}

macro_rules! bodies {
    ($($name:ident($request:ident)),* $(,)?) => {
        /// A decoded request.
        #[derive(Debug)]
        pub enum RequestBody {
            /// `ApiVersions` in a version that is unknown here; it is answered in version 0 (KIP-35).
            UnknownApiVersions,
            $(
                #[doc = concat!("[`k::", stringify!($request), "`]")]
                $name(k::$request)
            ),*
        }

        fn decode_body(header: Header, body: &mut Bytes) -> Option<RequestBody> {
            Some(match header.key {
                $(<k::$request as Request>::KEY => {
                    RequestBody::$name(k::$request::decode(body, header.version).ok()?)
                })*
                _ => return None,
            })
        }
    };
}

bodies! {
    Produce(ProduceRequest),
    Fetch(FetchRequest),
    ListOffsets(ListOffsetsRequest),
    Metadata(MetadataRequest),
    ApiVersions(ApiVersionsRequest),
    CreateTopics(CreateTopicsRequest),
    DeleteTopics(DeleteTopicsRequest),
    OffsetForLeaderEpoch(OffsetForLeaderEpochRequest),
    AlterPartition(AlterPartitionRequest),
    BrokerRegistration(BrokerRegistrationRequest),
    BrokerHeartbeat(BrokerHeartbeatRequest),
}

/// Decodes a frame. No length inside it is believed before it was held against the frame's own.
pub fn decode_request(mut frame: Bytes) -> Result<(Header, RequestBody), DecodeError> {
    let bytes = frame.len();
    if bytes < 8 {
        return Err(DecodeError::TooShort { bytes });
    }
    let header = Header { key: frame.get_i16(), version: frame.get_i16(), correlation_id: frame.get_i32() };
    let Header { key, version, .. } = header;
    let &(_, min, max) =
        APIS.iter().find(|api| api.0 == key).ok_or(DecodeError::Unsupported { key, version })?;
    let api_versions = <k::ApiVersionsRequest as Request>::KEY;
    if !(min..=max).contains(&version) {
        if key == api_versions {
            return Ok((header, RequestBody::UnknownApiVersions));
        }
        return Err(DecodeError::Unsupported { key, version });
    }

    let malformed = || DecodeError::Malformed { key, version };
    let flexible = key != api_versions || version >= 3;
    let body_at = {
        let mut walk = Walk(&frame);
        walk_header(&mut walk, flexible).ok_or_else(malformed)?;
        let body_at = frame.len() - walk.0.len();
        if flexible {
            let shape = layout::of(key).expect("every api has a layout");
            walk.structure(shape).ok_or_else(malformed)?;
        }
        if !walk.0.is_empty() {
            return Err(malformed());
        }
        body_at
    };
    frame.advance(body_at);
    let body = decode_body(header, &mut frame).ok_or_else(malformed)?;
    Ok((header, body))
}

/// Walks what follows the correlation id: the client's id, whose length is of the old kind, and the tags.
fn walk_header(walk: &mut Walk<'_>, flexible: bool) -> Option<()> {
    let length = i16::from_be_bytes([*walk.0.first()?, *walk.0.get(1)?]);
    walk.skip(2 + usize::try_from(length.max(0)).ok()?)?;
    if flexible {
        for _ in 0..walk.varint()? {
            let (_tag, size) = (walk.varint()?, walk.varint()?);
            walk.skip(size as usize)?;
        }
    }
    Some(())
}

/// Encodes an answer as a frame for [`super::write_frame`].
///
/// # Panics
/// If the response has a field set that its version does not know: a defect of the broker.
pub fn encode_response<R: Encodable + HeaderVersion>(
    correlation_id: i32,
    version: i16,
    response: &R,
) -> BytesMut {
    let mut frame = BytesMut::zeroed(4);
    k::ResponseHeader::default()
        .with_correlation_id(correlation_id)
        .encode(&mut frame, R::header_version(version))
        .expect("a response header can be encoded");
    response.encode(&mut frame, version).expect("the response fits its version");
    frame
}

/// Encodes a request in the newest version spoken, as a frame for [`super::write_frame`].
pub(super) fn encode_request<R: Api>(correlation_id: i32, client_id: &str, request: &R) -> BytesMut {
    let version = R::SPOKEN.1;
    let mut frame = BytesMut::zeroed(4);
    k::RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation_id)
        .with_client_id(Some(client_id.to_owned().into()))
        .encode(&mut frame, R::header_version(version))
        .expect("a request header can be encoded");
    request.encode(&mut frame, version).expect("the request fits its version");
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::protocol::StrBytes;

    fn frame_of<R: Api>(request: &R) -> Bytes {
        encode_request(7, "test", request).freeze().slice(4..)
    }

    fn text(s: &str) -> StrBytes {
        StrBytes::from_string(s.to_owned())
    }

    /// A request of each API with every array and string filled, so that a layout which leaves a field out
    /// cannot come to the frame's end.
    fn filled() -> Vec<Bytes> {
        use uuid::Uuid;
        let id = Uuid::from_u128(7);
        vec![
            frame_of(&k::ProduceRequest::default().with_acks(-1).with_topic_data(
                vec![k::produce_request::TopicProduceData::default()
                    .with_name(text("t").into())
                    .with_partition_data(vec![k::produce_request::PartitionProduceData::default()
                        .with_records(Some(Bytes::from_static(b"abc")))])],
            )),
            frame_of(
                &k::FetchRequest::default()
                    .with_cluster_id(Some(text("c")))
                    .with_replica_state(
                        k::fetch_request::ReplicaState::default()
                            .with_replica_id(2.into())
                            .with_replica_epoch(9),
                    )
                    .with_rack_id(text("r"))
                    .with_topics(vec![
                        k::fetch_request::FetchTopic::default().with_topic_id(id).with_partitions(vec![
                            k::fetch_request::FetchPartition::default(),
                            k::fetch_request::FetchPartition::default().with_partition(1),
                        ]),
                    ])
                    .with_forgotten_topics_data(vec![
                        k::fetch_request::ForgottenTopic::default()
                            .with_topic_id(id)
                            .with_partitions(vec![1, 2]),
                    ]),
            ),
            frame_of(&k::ListOffsetsRequest::default().with_topics(vec![
                k::list_offsets_request::ListOffsetsTopic::default()
                    .with_name(text("t").into())
                    .with_partitions(vec![k::list_offsets_request::ListOffsetsPartition::default()]),
            ])),
            frame_of(&k::MetadataRequest::default().with_topics(Some(vec![
                k::metadata_request::MetadataRequestTopic::default().with_name(Some(text("t").into())),
            ]))),
            frame_of(&k::MetadataRequest::default().with_topics(None)),
            frame_of(&k::ApiVersionsRequest::default().with_client_software_name(text("x"))),
            frame_of(&k::CreateTopicsRequest::default().with_topics(vec![
                k::create_topics_request::CreatableTopic::default()
                    .with_name(text("t").into())
                    .with_assignments(vec![k::create_topics_request::CreatableReplicaAssignment::default()
                        .with_broker_ids(vec![1.into(), 2.into()])])
                    .with_configs(vec![k::create_topics_request::CreatableTopicConfig::default()
                        .with_name(text("k"))
                        .with_value(Some(text("v")))]),
            ])),
            frame_of(&k::DeleteTopicsRequest::default().with_topics(vec![
                k::delete_topics_request::DeleteTopicState::default().with_name(Some(text("t").into())),
            ])),
            frame_of(&k::OffsetForLeaderEpochRequest::default().with_topics(vec![
                k::offset_for_leader_epoch_request::OffsetForLeaderTopic::default()
                    .with_topic(text("t").into())
                    .with_partitions(vec![
                        k::offset_for_leader_epoch_request::OffsetForLeaderPartition::default(),
                    ]),
            ])),
            frame_of(&k::AlterPartitionRequest::default().with_topics(vec![
                k::alter_partition_request::TopicData::default().with_partitions(vec![
                    k::alter_partition_request::PartitionData::default().with_new_isr_with_epochs(vec![
                        k::alter_partition_request::BrokerState::default().with_broker_id(1.into()),
                    ]),
                ]),
            ])),
            frame_of(
                &k::BrokerRegistrationRequest::default()
                    .with_listeners(vec![
                        k::broker_registration_request::Listener::default().with_host(text("b1")),
                    ])
                    .with_features(vec![
                        k::broker_registration_request::Feature::default().with_name(text("f")),
                    ])
                    .with_rack(Some(text("r")))
                    .with_log_dirs(vec![id]),
            ),
            frame_of(&k::BrokerHeartbeatRequest::default().with_offline_log_dirs(vec![id, id])),
        ]
    }

    #[test]
    fn every_api_has_a_layout_that_ends_where_the_request_does() {
        let frames = filled();
        let keys: std::collections::BTreeSet<i16> =
            frames.iter().map(|f| i16::from_be_bytes([f[0], f[1]])).collect();
        assert_eq!(keys.len(), APIS.len(), "each api has a filled request here");
        for frame in frames {
            let (header, _) = decode_request(frame).expect("a well-formed request");
            assert_eq!(header.correlation_id, 7);
        }
    }

    #[test]
    fn any_corruption_is_refused_or_decoded_but_never_believed() {
        for frame in filled() {
            for cut in 0..frame.len() {
                assert!(decode_request(frame.slice(..cut)).is_err(), "a cut at {cut} was accepted");
            }
            for at in 8..frame.len() {
                for value in [0x00, 0x7f, 0x80, 0xff] {
                    let mut damaged = frame.to_vec();
                    damaged[at] = value;
                    // Allocating by a damaged length would abort here.
                    let _ = decode_request(damaged.into());
                }
            }
        }
    }

    #[test]
    fn a_huge_array_length_is_refused() {
        // Metadata v12 whose topic array claims 2^32 - 2 elements.
        let frame = [
            &3_i16.to_be_bytes()[..],
            &12_i16.to_be_bytes(),
            &1_i32.to_be_bytes(),
            &(-1_i16).to_be_bytes(),
            &[0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0],
        ]
        .concat();
        assert!(matches!(decode_request(frame.into()), Err(DecodeError::Malformed { key: 3, .. })));
    }

    #[test]
    fn an_unknown_version_of_api_versions_is_told_apart() {
        let frame = [&18_i16.to_be_bytes()[..], &99_i16.to_be_bytes(), &5_i32.to_be_bytes()].concat();
        let (header, body) = decode_request(frame.into()).expect("it is answered in version 0");
        assert_eq!(header.correlation_id, 5);
        assert!(matches!(body, RequestBody::UnknownApiVersions));
    }
}
