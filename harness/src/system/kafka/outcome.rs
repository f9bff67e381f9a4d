//! What the answers to a produce request mean: acknowledged, certainly without effect, or unknown.
//!
//! | outcome | when |
//! |---|---|
//! | ok | no error |
//! | fail | it was never sent; or a [`REFUSALS`] error |
//! | info | any other error; disconnect or time-out after sending; every send with acks=0 |
//!
//! Only what the protocol promises is believed: an error that may also be given for records which are in the
//! log already leaves the outcome unknown. NOT_LEADER_OR_FOLLOWER is one of these, since a leader that steps
//! down answers it to the acks=all requests that wait, whose records it has appended.

use std::error::Error;
use std::sync::Arc;

use highwater_broker::wire::RpcError;
use highwater_checkers::ids::Offset;
use kafka_protocol::ResponseError;

use crate::system::SendOutcome;

/// The errors that say that nothing was appended, and nothing will be.
///
/// UNKNOWN_TOPIC_OR_PARTITION is one because the workload deletes no topic: a broker that does not know the
/// topic *yet* cannot have appended to it.
const REFUSALS: [ResponseError; 6] = [
    ResponseError::NotEnoughReplicas,
    ResponseError::MessageTooLarge,
    ResponseError::InvalidRecord,
    ResponseError::CorruptMessage,
    ResponseError::TopicAuthorizationFailed,
    ResponseError::UnknownTopicOrPartition,
];

/// The outcome of a send with acks 1 or all that was answered with `error_code`.
pub(super) fn of_answer(error_code: i16, base_offset: i64) -> SendOutcome {
    match ResponseError::try_from_code(error_code) {
        None => SendOutcome::Ok { offset: (base_offset >= 0).then_some(Offset(base_offset)) },
        Some(error) if REFUSALS.contains(&error) => SendOutcome::Fail(name(error_code)),
        Some(_) => SendOutcome::Info(name(error_code)),
    }
}

/// The outcome of a send that has no answer.
pub(super) fn of_failure(error: &RpcError) -> SendOutcome {
    if error.was_sent() { SendOutcome::Info(reason(error)) } else { SendOutcome::Fail(reason(error)) }
}

/// Whether the leader is where it was believed to be, so that metadata need not be asked for again.
///
/// A leader that no longer hears from its followers lets acks=all time out, for as long as it takes it for
/// its own: REQUEST_TIMED_OUT confirms nothing.
pub(super) fn confirms_leader(error_code: i16) -> bool {
    use ResponseError as E;
    match ResponseError::try_from_code(error_code) {
        None => true,
        Some(error) => matches!(
            error,
            E::NotEnoughReplicas
                | E::NotEnoughReplicasAfterAppend
                | E::MessageTooLarge
                | E::InvalidRecord
                | E::CorruptMessage
        ),
    }
}

/// The protocol's name of an error: `NOT_LEADER_OR_FOLLOWER`.
pub(super) fn name(error_code: i16) -> Arc<str> {
    match ResponseError::try_from_code(error_code) {
        None => "NONE".into(),
        Some(ResponseError::Unknown(code)) => format!("error {code}").into(),
        Some(error) => {
            let mut name = String::new();
            for letter in format!("{error:?}").chars() {
                if letter.is_uppercase() && !name.is_empty() {
                    name.push('_');
                }
                name.push(letter.to_ascii_uppercase());
            }
            name.into()
        }
    }
}

/// An error with its causes: `cannot connect to b1:9092: connection refused`.
pub(super) fn reason(error: &RpcError) -> Arc<str> {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_answer_without_an_error_is_ok() {
        assert_eq!(of_answer(0, 41), SendOutcome::Ok { offset: Some(Offset(41)) });
        assert_eq!(of_answer(0, -1), SendOutcome::Ok { offset: None });
    }

    #[test]
    fn refusals_have_no_effect() {
        for (code, name) in [
            (2, "CORRUPT_MESSAGE"),
            (3, "UNKNOWN_TOPIC_OR_PARTITION"),
            (10, "MESSAGE_TOO_LARGE"),
            (19, "NOT_ENOUGH_REPLICAS"),
            (29, "TOPIC_AUTHORIZATION_FAILED"),
            (87, "INVALID_RECORD"),
        ] {
            assert_eq!(of_answer(code, -1), SendOutcome::Fail(name.into()), "{code}");
        }
    }

    #[test]
    fn what_may_be_in_the_log_is_unknown() {
        for (code, name) in [
            (-1, "UNKNOWN_SERVER_ERROR"),
            (5, "LEADER_NOT_AVAILABLE"),
            (6, "NOT_LEADER_OR_FOLLOWER"),
            (7, "REQUEST_TIMED_OUT"),
            (20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND"),
            (56, "KAFKA_STORAGE_ERROR"),
            (74, "FENCED_LEADER_EPOCH"),
            (9_999, "error 9999"),
        ] {
            assert_eq!(of_answer(code, -1), SendOutcome::Info(name.into()), "{code}");
        }
    }

    #[test]
    fn without_an_answer_it_matters_whether_it_was_sent() {
        let peer = || "b1:9092".to_owned();
        let never_sent = RpcError::Connect { peer: peer(), source: io::ErrorKind::ConnectionRefused.into() };
        let text = "cannot connect to b1:9092: connection refused";
        assert_eq!(of_failure(&never_sent), SendOutcome::Fail(text.into()));
        let disconnected = RpcError::Disconnected { peer: peer(), source: io::ErrorKind::BrokenPipe.into() };
        let timed_out = RpcError::TimedOut { peer: peer(), waited: Duration::from_secs(2) };
        let malformed = RpcError::Malformed { peer: peer() };
        for error in [disconnected, timed_out, malformed] {
            assert!(matches!(of_failure(&error), SendOutcome::Info(_)), "{error}");
        }
    }

    #[test]
    fn only_doubt_about_the_leader_asks_for_metadata() {
        for code in [0, 19, 20, 10] {
            assert!(confirms_leader(code), "{code}");
        }
        for code in [3, 5, 6, 7, 56, 74, -1, 9_999] {
            assert!(!confirms_leader(code), "{code}");
        }
    }
}
