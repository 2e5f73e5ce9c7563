//! Who spoke when in a recording.

/// Who spoke when in a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    /// Length of the talk, in seconds. The file is exactly as long.
    pub seconds: u32,
    /// The turns, in any order. A turn ends at the latest where the next one begins. Anything after the end of the talk is
    /// not heard.
    pub turns: Vec<Voice>,
}

/// A period in which one side speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice {
    /// Who speaks.
    pub speaker: Speaker,
    /// Start, in milliseconds since the call was answered.
    pub from: u32,
    /// End, in milliseconds since the call was answered.
    pub to: u32,
}

/// One of the two sides of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// The robot: the lower tone.
    Robot,
    /// The called person: the higher tone.
    User,
}
