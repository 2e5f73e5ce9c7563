//! The steps of a check, as written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// One step: it sends something (`send`, `same`), restarts the receiver, asks the probe, or checks the receiver's requests.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Step {
    /// Sends a new callback with this id of the catalog.
    pub send: Option<String>,
    /// Sends again what this check has sent and saved under this name.
    pub same: Option<String>,
    /// Saves the sent callback under this name.
    pub save: Option<String>,
    /// Merged into the generated body. `{id}` in a text is an id of 32 hex digits, the same in the whole check.
    pub set: Value,
    /// Sends this text as the body.
    pub raw: Option<String>,
    /// Puts this many messages into one body.
    pub messages: Option<usize>,
    /// The name of the conversation it belongs to. Default: a new one.
    pub conversation: Option<String>,
    /// How the body is written.
    pub form: Form,
    /// Headers that replace or supplement the usual ones.
    pub headers: BTreeMap<String, String>,
    /// What is wrong or unusual about the signature.
    pub signature: Signature,
    /// Signs with this secret.
    pub secret: Option<String>,
    /// Uses the signature of the callback saved under this name.
    pub signature_of: Option<String>,
    /// How the request is written to the connection.
    pub wire: Wire,
    /// The connection over which it is sent.
    pub connection: Reuse,
    /// What else happens at the same time.
    pub beside: Beside,
    /// Sends this many callbacks at the same time.
    pub at_once: Option<usize>,
    /// Whether all of them are the same callback.
    pub identical: bool,
    /// The expected response.
    pub expect: Expect,
    /// Runs the command that restarts the receiver.
    pub restart: bool,
    /// The number of events processed since the check began, according to the probe.
    pub worked: Option<u64>,
    /// The expected requests of the receiver about the conversation of the latest `send`.
    #[serde(rename = "calls")]
    pub requests: Option<Requests>,
    /// The fault of the receiver's requests from now on to the end of the check.
    pub fails: Option<String>,
    /// With `same`: sends only if the latest callback was not accepted.
    pub unless_accepted: bool,
}

/// The requests that the receiver must have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Requests {
    /// At least one that was served. Their number becomes the usual one of this check.
    Some,
    /// As many as usual.
    AsUsual,
    /// At least one that was served by now.
    InTheEnd,
    /// None.
    None,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Form {
    /// Like the vendor's: no white space.
    #[default]
    Compact,
    /// With white space where JSON allows it.
    Spaced,
    /// The same, with CR LF.
    LineEnds,
    /// With a newline at the end.
    TrailingNewline,
    /// With the keys of every object in reverse order.
    Reversed,
    /// With escaped slashes, and non-ASCII letters as `\uXXXX`.
    Escaped,
}

/// The kind of signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Signature {
    #[default]
    Right,
    /// Made with a secret that the receiver does not know.
    Wrong,
    Missing,
    Empty,
    FirstHalf,
    FirstLetter,
    /// Two headers.
    RightAndWrong,
    WrongAndRight,
    /// Right except for the last letters, which are not ASCII.
    OddLetters,
    LowerCaseName,
    UpperCaseName,
    /// Made with the secret of `--next-secret`.
    NextSecret,
    /// Right, but an hour old.
    Stale,
    /// Right, but an hour ahead.
    Future,
}

/// How a request is written to the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Wire {
    #[default]
    Whole,
    /// In chunks, without a length.
    Chunked,
    /// In six pieces over a second.
    Slow,
    /// In pieces that begin within characters.
    SplitCharacter,
    /// Half of the body, after which the connection is closed.
    Broken,
    /// Half of the body, after which the connection is reset.
    Reset,
}

impl Step {
    /// Whether it only makes sense for signed callbacks.
    pub(super) fn is_of_signatures(&self) -> bool {
        self.signature != Signature::Right || self.secret.is_some() || self.signature_of.is_some()
    }
}

impl Wire {
    /// Whether only half of the body is sent.
    pub(super) fn breaks_off(self) -> bool {
        matches!(self, Self::Broken | Self::Reset)
    }
}

/// The connection over which a request is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reuse {
    /// A new connection.
    #[default]
    New,
    /// The connection of the previous step, if the receiver keeps it open.
    Same,
}

/// What happens beside a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Beside {
    #[default]
    Nothing,
    /// A connection on which half of a head was sent.
    Stalled,
}

/// The expected response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Expect {
    /// 2xx.
    #[default]
    Accepted,
    /// Anything except 2xx.
    Refused,
    /// 4xx.
    RefusedInOrder,
    /// 2xx or 4xx.
    InOrder,
    /// Anything, or no response.
    Anything,
    /// 2xx, within the time for quick responses.
    Quick,
    /// 200.
    #[serde(rename = "status-200")]
    Status200,
    /// A body that is a JSON object.
    JsonObject,
    /// The content type of JSON.
    JsonType,
    /// 2xx, and the connection stays open.
    Kept,
    /// 2xx, with the status of the first response of this check.
    SameAnswer,
}
