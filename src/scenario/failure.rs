//! What kinds of failures there are: a word for each, by which reports group them.

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// A callback was not answered, or did not end, as `expect` wants it.
    Expectation,
    /// A callback that the mock sends by itself was not delivered.
    Undelivered,
    /// What must never come came.
    Never,
    /// A `check` found other variables.
    Check,
    /// A template has no value.
    Template,
    /// A callback could not be sent at all.
    Unsendable,
    /// The story takes longer than it may.
    TimeLimit,
    /// Reactions set each other off without end.
    Endless,
    /// An `await` came before it could be answered as the step wants.
    AnsweredBefore,
    /// A request is wrong in a way that fails the story.
    Request,
    /// The run ended before the story.
    CutShort,
    /// An `await` got nothing, because it was refused.
    AwaitRefused,
    /// The same, because nothing proved who asks.
    AwaitUnproved,
    /// It had other fields.
    AwaitOtherFields,
    /// A fault answered it.
    AwaitFault,
    /// It was of another conversation.
    AwaitOtherConversation,
    /// It came when `where` was not yet true of it.
    AwaitTooEarly,
    /// It went to a path where nothing is served.
    AwaitOtherPath,
    /// Another step took it.
    AwaitTaken,
    /// It came before the story began.
    AwaitBeforeStory,
    /// Another story took it.
    AwaitOtherStory,
    /// The awaited callback was given up.
    AwaitUndelivered,
    /// The awaited callback is under way.
    AwaitUnderWay,
    /// The story sends the awaited callback itself.
    AwaitOfStory,
    /// Another request came, and not this one.
    AwaitOtherRequest,
    /// Nothing came at all.
    AwaitNothing,
}

impl FailureKind {
    /// The word for it.
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
