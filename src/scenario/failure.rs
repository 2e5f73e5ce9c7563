//! The kinds of failures: reports group failures by the word of their kind.

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The response to a callback, or its end, was not as `expect` requires.
    Expectation,
    /// A callback that the mock sends by itself was not delivered.
    Undelivered,
    /// A request or callback arrived that a `never` forbids.
    Never,
    /// The variables were not as a `check` requires.
    Check,
    /// A template has no value.
    Template,
    /// A callback could not be sent at all.
    Unsendable,
    /// The story exceeded its time limit.
    TimeLimit,
    /// Reactions trigger each other endlessly.
    Endless,
    /// The awaited request arrived before it could be answered as the step requires.
    AnsweredBefore,
    /// A request has a mistake that fails the story.
    Request,
    /// The run ended before the story.
    CutShort,
    /// The awaited request was refused.
    AwaitRefused,
    /// It was refused because authentication failed.
    AwaitUnproved,
    /// It had other fields.
    AwaitOtherFields,
    /// A fault answered it.
    AwaitFault,
    /// It belonged to another conversation.
    AwaitOtherConversation,
    /// It arrived before its `where` was true.
    AwaitTooEarly,
    /// It went to a path where nothing is served.
    AwaitOtherPath,
    /// Another step took it.
    AwaitTaken,
    /// It arrived before the story began.
    AwaitBeforeStory,
    /// Another story took it.
    AwaitOtherStory,
    /// The awaited callback was given up.
    AwaitUndelivered,
    /// The awaited callback is being delivered.
    AwaitUnderWay,
    /// The story sends the awaited callback itself.
    AwaitOfStory,
    /// Another request arrived instead.
    AwaitOtherRequest,
    /// Nothing arrived at all.
    AwaitNothing,
}

impl FailureKind {
    /// Returns the word of the kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expectation => "expectation",
            Self::Undelivered => "undelivered",
            Self::Never => "never",
            Self::Check => "check",
            Self::Template => "template",
            Self::Unsendable => "unsendable",
            Self::TimeLimit => "time-limit",
            Self::Endless => "endless",
            Self::AnsweredBefore => "answered-before",
            Self::Request => "request",
            Self::CutShort => "cut-short",
            Self::AwaitRefused => "await.refused",
            Self::AwaitUnproved => "await.unproved",
            Self::AwaitOtherFields => "await.other-fields",
            Self::AwaitFault => "await.fault",
            Self::AwaitOtherConversation => "await.other-conversation",
            Self::AwaitTooEarly => "await.too-early",
            Self::AwaitOtherPath => "await.other-path",
            Self::AwaitTaken => "await.taken",
            Self::AwaitBeforeStory => "await.before-story",
            Self::AwaitOtherStory => "await.other-story",
            Self::AwaitUndelivered => "await.undelivered",
            Self::AwaitUnderWay => "await.under-way",
            Self::AwaitOfStory => "await.of-story",
            Self::AwaitOtherRequest => "await.other-request",
            Self::AwaitNothing => "await.nothing",
        }
    }
}
