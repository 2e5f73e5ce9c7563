//! Who spoke when in a recording.

/// Who spoke when in a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    /// How long the talk was, in seconds. The file is exactly as long.
    pub seconds: u32,
    /// The turns. The order does not matter; a turn ends at the latest where the next one begins, and what lies behind
    /// the end of the talk is not heard.
    pub turns: Vec<Voice>,
}

/// A time somebody speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice {
    /// Who.
    pub speaker: Speaker,
    /// From when, in milliseconds since the call was answered.
    pub from: u32,
    /// Until when, in milliseconds since the call was answered.
    pub to: u32,
}

/// Whose voice it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// The robot: the lower tone.
    Robot,
    /// The person who was called: the higher tone.
    User,
}
