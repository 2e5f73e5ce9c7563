//! The table of all faults. Names in files and texts, the listing, the documentation and the tests of completeness are
//! all derived from it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::files::suggest::nearest;

/// The part of the communication between mock and integrator that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Which callbacks are sent, when, how often and where.
    Delivery,
    /// The headers of a callback's signature.
    Signature,
    /// A callback's body.
    Body,
    /// The connection that a callback is sent over.
    Connection,
    /// The mock's responses to requests.
    Api,
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Delivery, Self::Signature, Self::Body, Self::Connection, Self::Api];

    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Signature => "signature",
            Self::Body => "body",
            Self::Connection => "connection",
            Self::Api => "api",
        }
    }
}

/// A parameter of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// The delay.
    After,
    /// Maximum waiting time.
    Within,
    /// The time over which it is spread.
    Over,
    /// A count.
    Count,
    /// A number of bytes.
    Bytes,
    /// The field of the body.
    Field,
    /// The secret.
    Secret,
    /// The scheme of signatures.
    Scheme,
    /// The URL.
    To,
}

impl Parameter {
    /// Returns its key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::After => "after",
            Self::Within => "within",
            Self::Over => "over",
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::Field => "field",
            Self::Secret => "secret",
            Self::Scheme => "scheme",
            Self::To => "to",
        }
    }
}

macro_rules! faults {
    ($($(#[$meta:meta])* $variant:ident $name:literal $group:ident [$($parameter:ident $default:literal),*] $what:literal;)*) => {
        /// Everything that can go wrong on purpose, by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[schemars(extend("x-listed" = "airudder-mock catalog --faults"))]
        pub enum FaultName {
            $(#[doc = $what] #[serde(rename = $name)] $variant,)*
        }

        impl FaultName {
            /// All of them, group by group.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns its name in files and texts.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns the part that goes wrong.
            pub fn group(self) -> Group {
                match self { $(Self::$variant => Group::$group,)* }
            }

            /// Returns the effect in a sentence.
            pub fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }

            /// Returns its parameters, each with its default.
            pub fn parameters(self) -> &'static [(Parameter, &'static str)] {
                match self { $(Self::$variant => &[$((Parameter::$parameter, $default)),*],)* }
            }
        }
    };
}

faults! {
    Duplicate "duplicate" Delivery [Count "1", After "0"]
        "The callback is sent again after its first attempt: the same headers and bytes.";
    SignedAnew "signed-anew" Delivery [Count "1", After "0"]
        "The same event is sent again after its first attempt, with another message id and a new signature.";
    Reorder "reorder" Delivery [Count "1", Within "10s"]
        "The next callbacks of the conversation overtake it.";
    Delay "delay" Delivery [After "30s"]
        "It is sent later. Callbacks that sum it up wait for it.";
    Drop "drop" Delivery []
        "It is never sent.";
    Hold "hold" Delivery [Count "3", Within "1m"]
        "It is held until `count` others of any conversation have been attempted.";
    Burst "burst" Delivery [Count "10", Within "10s"]
        "Callbacks are held until there are `count` of them, then all are sent at the same time.";
    Replay "replay" Delivery [After "1h"]
        "It is sent again much later: the same headers and bytes, with a timestamp that is old by then.";
    AnswerLost "answer-lost" Delivery []
        "Your response is discarded, so that it is sent again although you accepted it.";
    Elsewhere "elsewhere" Delivery [To "required"]
        "It is sent to another URL.";
    AtOnce "at-once" Delivery []
        "It is sent twice at the same time, over two connections.";

    SignatureWrong "signature-wrong" Signature []
        "The signature has the right form, but one character is wrong.";
    SignatureMissing "signature-missing" Signature []
        "The header of the signature is missing.";
    SignatureEmpty "signature-empty" Signature []
        "The header of the signature is empty.";
    SignatureOtherSecret "signature-other-secret" Signature [Secret "other-secret"]
        "It is signed with another secret.";
    SignatureRotated "signature-rotated" Signature [Secret "new-secret"]
        "It is signed with a new secret, or with the new and the old one where the scheme takes several.";
    SignatureOtherBody "signature-other-body" Signature []
        "The signature is of another body.";
    SignatureReserialised "signature-reserialised" Signature []
        "The signature is of the body before its JSON was rewritten with other white space.";
    SignatureUpperCase "signature-upper-case" Signature []
        "The signature is in upper case.";
    SignatureTruncated "signature-truncated" Signature []
        "The second half of the signature is missing.";
    SignatureDoubled "signature-doubled" Signature []
        "The header of the signature is sent twice: first the right one, then a wrong one.";
    SignatureDoubledWrongFirst "signature-doubled-wrong-first" Signature []
        "The header of the signature is sent twice: first a wrong one, then the right one.";
    SignatureHeaderCase "signature-header-case" Signature []
        "The names of the signature's headers are in lower case, or in upper case if they already were. \
        The signature is right.";
    SignatureStale "signature-stale" Signature [After "1h"]
        "It is signed with a timestamp that is too old. Needs a scheme with timestamps.";
    SignatureFuture "signature-future" Signature [After "1h"]
        "It is signed with a timestamp in the future. Needs a scheme with timestamps.";
    SignatureReusedNonce "signature-reused-nonce" Signature []
        "It has the message id of the previous callback. Needs a scheme with message ids.";
    SignatureOtherScheme "signature-other-scheme" Signature [Scheme "sha256-body-secret, or airudder where that is the scheme"]
        "It is signed by another scheme, in the usual header.";

    BodyTruncated "body-truncated" Body []
        "Half of the body is sent, then the sender closes its side of the connection.";
    BodyLengthMore "body-length-more" Body [Bytes "10", Over "1s"]
        "Content-Length announces more than is sent; after a while the sender closes its side.";
    BodyLengthLess "body-length-less" Body [Bytes "10"]
        "Content-Length announces less than is sent.";
    BodyChunked "body-chunked" Body [Bytes "1"]
        "The body is sent in tiny chunks, with Transfer-Encoding: chunked. It is right.";
    BodyTrickle "body-trickle" Body [Over "3s"]
        "The body is sent a few bytes at a time. It is right.";
    BodyBom "body-bom" Body []
        "The body begins with a byte-order mark, and is signed with it.";
    BodyUnknownFields "body-unknown-fields" Body []
        "The body has unknown fields. It is right.";
    BodyMissingField "body-missing-field" Body [Field "the first"]
        "A field of the body is missing.";
    BodyWrongType "body-wrong-type" Body [Field "the first"]
        "A field of the body has a value of another type.";
    BodyNull "body-null" Body [Field "the first"]
        "A field of the body is null.";
    BodyUnknownEvent "body-unknown-event" Body [Field "event, or else type"]
        "The body names an event that does not exist.";
    BodyEmpty "body-empty" Body []
        "The body is empty, and the signature is of an empty body.";
    BodyHuge "body-huge" Body [Bytes "1048576"]
        "The body has a field with a very long text.";
    BodyEscaped "body-escaped" Body []
        "Texts in the body are escaped (\\uXXXX) where they need not be. It is right.";
    BodyEmoji "body-emoji" Body [Field "the longest text"]
        "A text of the body contains emoji and right-to-left words. It is right.";
    BodyDuplicateKeys "body-duplicate-keys" Body []
        "The first key of the body appears twice; the last one has the value.";
    BodyNumbersAsStrings "body-numbers-as-strings" Body []
        "All numbers of the body are texts.";
    BodySpaced "body-spaced" Body []
        "The body's JSON has white space and line ends. It is right.";
    BodyKeyOrder "body-key-order" Body []
        "The keys of the body are in reverse order. It is right.";

    ConnectionResetBefore "connection-reset-before" Connection []
        "The connection is reset before the request.";
    ConnectionResetDuring "connection-reset-during" Connection []
        "The connection is reset in the middle of the body.";
    ConnectionResetAfter "connection-reset-after" Connection []
        "The connection is reset right after the request, before a response is read.";
    ConnectionClosedKeptAlive "connection-closed-kept-alive" Connection []
        "The connection is kept alive, and closed without notice after the response.";
    ConnectionHttp10 "connection-http10" Connection []
        "The request uses HTTP/1.0.";
    ConnectionExpectContinue "connection-expect-continue" Connection [Within "1s"]
        "The sender sends Expect: 100-continue, and waits before it sends the body.";
    ConnectionNoKeepAlive "connection-no-keep-alive" Connection []
        "The request has the header Connection: close.";
    ConnectionMany "connection-many" Connection [Count "50"]
        "`count` other connections are open beside it, over which nothing is sent.";
    ConnectionTlsBroken "connection-tls-broken" Connection []
        "A TLS handshake is started and aborted.";

    Reset "reset" Api []
        "The connection is reset.";
    Half "half" Api []
        "About half of the response is sent, then the connection is closed.";
    Never "never" Api []
        "There is no response until the client gives up.";
    Garbage "garbage" Api []
        "The response is not JSON.";
    Close "close" Api []
        "The connection is closed without a response.";
    ExpiredToken "expired-token" Api []
        "The response says that the token has expired.";
    DoneThenClosed "done-then-closed" Api []
        "The request takes effect, then the connection is closed without a response.";
    RefusedThoughDone "refused-though-done" Api []
        "The request takes effect, and is answered with 503.";
    Late "late" Api [After "5s"]
        "The usual response is late, in real time.";
    RecordingFails "recording-fails" Api []
        "The download of a recording is answered with 503.";
    RecordingExpires "recording-expires" Api []
        "The link of a recording has expired: 410.";
    RecordingTruncated "recording-truncated" Api []
        "Half of a recording is sent, then the connection is closed.";
}

impl FaultName {
    /// Whether it affects callbacks, not requests.
    pub fn is_of_callbacks(self) -> bool {
        self.group() != Group::Api
    }

    /// Whether it only changes how an attempt is sent, so that the next one may be sent as usual.
    pub fn is_of_attempts(self) -> bool {
        match self.group() {
            Group::Signature | Group::Connection => true,
            Group::Delivery => self == Self::AnswerLost,
            Group::Body => matches!(
                self,
                Self::BodyTruncated
                    | Self::BodyLengthMore
                    | Self::BodyLengthLess
                    | Self::BodyChunked
                    | Self::BodyTrickle
            ),
            Group::Api => false,
        }
    }
}

impl fmt::Display for FaultName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that is not a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no fault `{name}`{near}")]
pub struct UnknownFault {
    name: String,
    near: String,
}

impl std::str::FromStr for FaultName {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        let names = || Self::ALL.iter().map(|known| known.as_str());
        Self::ALL.iter().find(|known| known.as_str() == name).copied().ok_or_else(|| UnknownFault {
            name: name.to_owned(),
            near: match nearest(name, names()) {
                Some(near) => format!(", did you mean `{near}`?"),
                None => "; `airudder-mock catalog --faults` lists them all".to_owned(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_whole() {
        let names: BTreeSet<_> = FaultName::ALL.iter().map(|name| name.as_str()).collect();
        assert_eq!(names.len(), FaultName::ALL.len(), "no name twice");
        for name in FaultName::ALL {
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
            assert_eq!(name.as_str().parse(), Ok(*name));
            assert!(name.what().ends_with(['.', ')']) && name.what().len() < 120, "{name}");
        }
        let mut groups: Vec<_> = FaultName::ALL.iter().map(|name| name.group()).collect();
        groups.dedup();
        assert_eq!(groups, Group::ALL, "group by group");
    }

    #[test]
    fn an_unknown_name_gets_a_suggestion() {
        let message = |name: &str| name.parse::<FaultName>().unwrap_err().to_string();
        assert_eq!(message("duplicat"), "there is no fault `duplicat`, did you mean `duplicate`?");
        assert!(message("xyz").ends_with("`airudder-mock catalog --faults` lists them all"));
    }
}
