//! The steps of a check, as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// One step: it sends something (`send`, `same`), has the receiver restarted, asks the probe, or looks at its calls.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Step {
    /// Sends a new callback with this id of the catalog.
    pub send: Option<String>,
    /// Sends once more what this check has sent and saved under this name.
    pub same: Option<String>,
    /// Keeps what is sent under this name.
    pub save: Option<String>,
    /// Lies over the generated body. `{id}` in a text is an id of 32 hex digits, the same in the whole check.
    pub set: Value,
    /// This text as the body.
    pub raw: Option<String>,
    /// So many messages in one body.
    pub messages: Option<usize>,
    /// The conversation it belongs to, by any name. Default: a new one.
    pub conversation: Option<String>,
    /// How the body is written.
    pub form: Form,
    /// Headers in place of the usual ones, or beside them.
    pub headers: BTreeMap<String, String>,
    /// What is wrong or unusual with the signature.
    pub signature: Signature,
    /// Signs with this secret.
    pub secret: Option<String>,
    /// Takes the signature of what was saved under this name.
    pub signature_of: Option<String>,
    /// How the request is written to the connection.
    pub wire: Wire,
    /// Over which connection it goes.
    pub connection: Reuse,
    /// What else is there at the same time.
    pub beside: Beside,
    /// So many at the same time.
    pub at_once: Option<usize>,
    /// All of them are the same one.
    pub identical: bool,
    /// What the answer has to be.
    pub expect: Expect,
    /// Runs the command that restarts the receiver.
    pub restart: bool,
    /// So many events were worked off since the check began, by the probe.
    pub worked: Option<u64>,
    /// The receiver's own calls about the conversation of the latest `send`.
    pub calls: Option<Calls>,
    /// From now on to the end of the check, the receiver's calls go wrong like this.
    pub fails: Option<String>,
    /// With `same`: only if what was sent last was not accepted.
    pub unless_accepted: bool,
}

/// Which calls the receiver has to have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Calls {
    /// At least one that was served. How many there are is what is usual in this check.
    Some,
    /// As many as usual.
    AsUsual,
    /// At least one that was served, in the end.
    InTheEnd,
    /// None.
    None,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Form {
    /// As the vendor's: no white space.
    #[default]
    Compact,
    /// White space where JSON allows it.
    Spaced,
    /// The same, with CR LF.
    LineEnds,
    /// A newline behind it.
    TrailingNewline,
    /// The keys of every object in the opposite order.
    Reversed,
    /// Escaped slashes, and letters outside of ASCII as `\uXXXX`.
    Escaped,
}

/// What the signature is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Signature {
    #[default]
    Right,
    /// By a secret that nobody knows.
    Wrong,
    Missing,
    Empty,
    FirstHalf,
    FirstLetter,
    /// Two headers.
    RightAndWrong,
    WrongAndRight,
    /// Right but for the last letters, which are none of ASCII.
    OddLetters,
    LowerCaseName,
    UpperCaseName,
    /// By the secret of `--next-secret`.
    NextSecret,
    /// Right, an hour ago.
    Stale,
    /// Right, in an hour.
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
    /// Half of the body, then the connection ends.
    Broken,
    /// Half of the body, then the connection is reset.
    Reset,
}

impl Step {
    /// Whether it has a sense only where the callback is signed.
    pub(super) fn is_of_signatures(&self) -> bool {
        self.signature != Signature::Right || self.secret.is_some() || self.signature_of.is_some()
    }
}

impl Wire {
    /// Whether half of the body is all that comes.
    pub(super) fn breaks_off(self) -> bool {
        matches!(self, Self::Broken | Self::Reset)
    }
}

/// Over which connection a request goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reuse {
    /// A new one.
    #[default]
    New,
    /// That of the step before, if the receiver keeps it open.
    Same,
}

/// What is there beside a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Beside {
    #[default]
    Nothing,
    /// A connection over which half of a head came.
    Stalled,
}

/// What the answer has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Expect {
    /// 2xx.
    #[default]
    Accepted,
    /// Anything but 2xx.
    Refused,
    /// 4xx.
    RefusedInOrder,
    /// 2xx or 4xx.
    InOrder,
    /// Anything, or nothing at all.
    Anything,
    /// 2xx, soon.
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
    /// 2xx, with the status of the first of this check.
    SameAnswer,
}
