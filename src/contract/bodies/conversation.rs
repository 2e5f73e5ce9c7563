//! Parts of conversations that callbacks and lists of several families share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A user by id alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserRef {
    /// The id of the user within the channel.
    pub id: String,
}

/// A user by id and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// The id of the user within the channel.
    pub id: String,
    /// The name of the user.
    pub name: String,
}

/// Why a message was not delivered (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SendError {
    /// A number for programs.
    pub code: i64,
    /// A sentence for people.
    pub reason: String,
}

/// Whether a conversation goes on (example).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionStatus {
    /// It goes on (assumed).
    Open,
    /// It is over (example).
    Closed,
}

/// Who or what ended a conversation (example).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EndReason {
    /// The robot (example).
    Robot,
    /// The agent (assumed).
    Seat,
    /// The user (assumed).
    User,
    /// Nobody said anything for too long (assumed).
    Timeout,
}
