//! Faults on the wire, where the bytes differ from what an HTTP library would write.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::delivery::Attempt;
use crate::faults::{CallbackFault, FaultName};

/// Number of parts of a body that is sent in small pieces.
const DROPS: usize = 20;

/// The beginning of a TLS handshake that never continues.
const HELLO: [u8; 11] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];

/// One action on the sender's side of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum Step {
    /// Writes these bytes.
    Write(Bytes),
    /// Pauses for this long, in real time.
    Pause(Duration),
    /// Waits for `100 Continue` from the receiver, but no longer than this.
    AwaitContinue(Duration),
    /// Closes the sender's side.
    Shutdown,
    /// Resets the connection.
    Reset,
}

/// How the body is framed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Framing {
    #[default]
    Whole,
    Half,
    More(usize, Duration),
    Less(usize),
    Chunked(usize),
    Drops(Duration),
}

/// Where the connection is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResetAt {
    Before,
    During,
    After,
}

/// How an attempt deviates from the usual on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::delivery) struct Plan {
    framing: Framing,
    reset: Option<ResetAt>,
    is_http10: bool,
    expect: Option<Duration>,
    says_close: bool,
    breaks_tls: bool,
    /// Number of other connections that are kept open.
    pub(in crate::delivery) others: u32,
    /// Whether the response is discarded.
    pub(in crate::delivery) loses_answer: bool,
    /// Whether the request is written by hand, over its own connection.
    pub(in crate::delivery) is_scripted: bool,
}

impl Plan {
    /// Creates the plan for the faults of an attempt.
    pub(in crate::delivery) fn of(faults: &[Arc<CallbackFault>]) -> Self {
        use FaultName as Name;
        let mut plan = Self::default();
        for fault in faults {
            plan.is_scripted |= fault.name != Name::AnswerLost;
            match fault.name {
                Name::AnswerLost => plan.loses_answer = true,
                Name::BodyTruncated => plan.framing = Framing::Half,
                Name::BodyLengthMore => plan.framing = Framing::More(fault.bytes, fault.over),
                Name::BodyLengthLess => plan.framing = Framing::Less(fault.bytes),
                Name::BodyChunked => plan.framing = Framing::Chunked(fault.bytes.max(1)),
                Name::BodyTrickle => plan.framing = Framing::Drops(fault.over),
                Name::ConnectionResetBefore => plan.reset = Some(ResetAt::Before),
                Name::ConnectionResetDuring => plan.reset = Some(ResetAt::During),
                Name::ConnectionResetAfter => plan.reset = Some(ResetAt::After),
                Name::ConnectionHttp10 => plan.is_http10 = true,
                Name::ConnectionExpectContinue => plan.expect = Some(fault.within),
                Name::ConnectionNoKeepAlive => plan.says_close = true,
                Name::ConnectionMany => plan.others = fault.count,
                Name::ConnectionTlsBroken => plan.breaks_tls = true,
                // A separate connection is closed after the response anyway.
                Name::ConnectionClosedKeptAlive => {}
                _ => {}
            }
        }
        plan
    }

    /// Whether the connection is torn down, so that it ends with a reset and not with an orderly close.
    pub(in crate::delivery) fn is_abrupt(&self) -> bool {
        self.reset.is_some() || self.breaks_tls
    }

    /// Whether the connection is used without a TLS handshake.
    pub(in crate::delivery) fn is_bare(&self) -> bool {
        self.breaks_tls || self.reset == Some(ResetAt::Before)
    }

    /// Returns the steps on the sender's side, in order.
    pub(in crate::delivery) fn steps(&self, attempt: &Attempt) -> Vec<Step> {
        if self.breaks_tls {
            return vec![Step::Write(Bytes::from_static(&HELLO)), Step::Reset];
        }
        if self.reset == Some(ResetAt::Before) {
            return vec![Step::Reset];
        }
        let body = &attempt.body;
        let framing = self.framing;
        let mut steps = vec![Step::Write(self.head(attempt))];
        steps.extend(self.expect.map(Step::AwaitContinue));
        if self.reset == Some(ResetAt::During) {
            steps.extend([Step::Write(body.slice(..body.len() / 2)), Step::Reset]);
            return steps;
        }
        match framing {
            Framing::Whole | Framing::Less(_) => steps.push(Step::Write(body.clone())),
            Framing::Half => steps.extend([Step::Write(body.slice(..body.len() / 2)), Step::Shutdown]),
            Framing::More(_, over) => {
                steps.extend([Step::Write(body.clone()), Step::Pause(over), Step::Shutdown]);
            }
            Framing::Chunked(size) => {
                steps.extend(parts(body, size).map(|part| {
                    let head = format!("{:x}\r\n", part.len());
                    Step::Write([head.as_bytes(), &part, b"\r\n"].concat().into())
                }));
                steps.push(Step::Write(Bytes::from_static(b"0\r\n\r\n")));
            }
            Framing::Drops(over) => {
                let size = body.len().div_ceil(DROPS).max(1);
                let count = body.len().div_ceil(size).max(1);
                let pause = over / u32::try_from(count).unwrap_or(u32::MAX);
                steps.extend(parts(body, size).flat_map(|part| [Step::Pause(pause), Step::Write(part)]));
            }
        }
        if self.reset == Some(ResetAt::After) {
            steps.push(Step::Reset);
        }
        steps
    }

    fn head(&self, attempt: &Attempt) -> Bytes {
        let callback = &attempt.callback;
        let version = if self.is_http10 { "1.0" } else { "1.1" };
        let mut head = format!("{} {} HTTP/{version}\r\n", callback.method, callback.target.path_and_query());
        let mut put = |name: &str, value: &str| {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        };
        if !attempt.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            put("Host", callback.target.authority());
        }
        attempt.headers.iter().for_each(|(name, value)| put(name, value));
        if self.says_close {
            put("Connection", "close");
        }
        if self.expect.is_some() {
            put("Expect", "100-continue");
        }
        let length = attempt.body.len();
        match self.framing {
            Framing::Chunked(_) => put("Transfer-Encoding", "chunked"),
            Framing::More(bytes, _) => put("Content-Length", &(length + bytes).to_string()),
            Framing::Less(bytes) => put("Content-Length", &length.saturating_sub(bytes).to_string()),
            Framing::Whole | Framing::Half | Framing::Drops(_) => put("Content-Length", &length.to_string()),
        }
        head.push_str("\r\n");
        head.into()
    }
}

/// Splits a body into parts of a size.
fn parts(body: &Bytes, size: usize) -> impl Iterator<Item = Bytes> + '_ {
    (0..body.len()).step_by(size).map(move |at| body.slice(at..body.len().min(at + size)))
}
