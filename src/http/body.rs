//! The bodies of responses: complete, cut off halfway, or streamed.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep};

use super::budget::Share;
use super::state::InFlight;

/// Size of the pieces in which a complete body is handed to hyper. Over HTTP/2 an exchange is over for us with its last
/// piece, however slowly the client reads it.
const LARGE: usize = 256 << 10;

/// Size of the pieces in which half a body is sent. Hyper takes the next one only when most of the previous ones are out.
const PIECE: usize = 16 << 10;

/// How long to wait until the sent half of a body is out: what is still buffered then is lost with the connection.
const GRACE: Duration = Duration::from_millis(100);

/// The error that ends a response early: hyper closes the connection, or resets the HTTP/2 stream.
#[derive(Debug, thiserror::Error)]
#[error("cut off on purpose")]
pub(super) struct Cut;

/// The body of a response.
#[derive(Debug)]
pub(super) struct Body {
    content: Content,
    /// Keeps the exchange open as long as its body is being sent.
    in_flight: Option<InFlight>,
    /// The memory that the body takes until it is sent.
    share: Option<Share>,
}

#[derive(Debug)]
enum Content {
    Whole(Bytes),
    Half { whole: u64, half: Bytes, grace: Option<Pin<Box<Sleep>>> },
    Parts { parts: mpsc::Receiver<Bytes>, left: Option<u64> },
}

impl Body {
    pub(super) fn whole(body: Bytes) -> Self {
        Self { content: Content::Whole(body), in_flight: None, share: None }
    }

    /// Announces the length of the complete body but sends only the first half.
    pub(super) fn half(mut body: Bytes) -> Self {
        if body.is_empty() {
            return Self::whole(body);
        }
        let whole = body.len() as u64;
        body.truncate(body.len() / 2);
        Self { content: Content::Half { whole, half: body, grace: None }, in_flight: None, share: None }
    }

    pub(super) fn parts(parts: mpsc::Receiver<Bytes>, length: Option<u64>) -> Self {
        Self { content: Content::Parts { parts, left: length }, in_flight: None, share: None }
    }

    fn wait_for_client(&self, is_waiting: bool) {
        if let Some(in_flight) = &self.in_flight {
            in_flight.set_waiting(is_waiting);
        }
    }

    /// The memory that the body takes until it is sent. A streamed body states it itself.
    pub(super) fn size(&self) -> usize {
        match &self.content {
            Content::Whole(body) | Content::Half { half: body, .. } => body.len(),
            Content::Parts { .. } => 0,
        }
    }

    /// Keeps the exchange open until the body is sent.
    pub(super) fn hold(&mut self, in_flight: InFlight, share: Share) {
        (self.in_flight, self.share) = (Some(in_flight), Some(share));
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        // Hyper polls when it has room for more, so that only what it already has can be waiting for the client.
        self.wait_for_client(false);
        let next = match &mut self.content {
            Content::Whole(body) => {
                Some(body.split_to(body.len().min(LARGE))).filter(|piece| !piece.is_empty())
            }
            Content::Half { half, .. } if !half.is_empty() => Some(half.split_to(half.len().min(PIECE))),
            Content::Half { grace, .. } => {
                let grace = grace.get_or_insert_with(|| Box::pin(sleep(GRACE)));
                ready!(grace.as_mut().poll(cx));
                return Poll::Ready(Some(Err(Cut)));
            }
            Content::Parts { left: Some(0), .. } => None,
            Content::Parts { parts, left } => match (ready!(parts.poll_recv(cx)), left) {
                (None, Some(_)) => return Poll::Ready(Some(Err(Cut))),
                (Some(mut part), Some(left)) => {
                    part.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= part.len() as u64;
                    Some(part)
                }
                (part, None) => part,
            },
        };
        self.wait_for_client(next.is_some());
        Poll::Ready(next.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(body) => body.is_empty(),
            Content::Half { .. } => false,
            Content::Parts { left, .. } => *left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(body) => SizeHint::with_exact(body.len() as u64),
            Content::Half { whole, .. } => SizeHint::with_exact(*whole),
            Content::Parts { left: Some(left), .. } => SizeHint::with_exact(*left),
            Content::Parts { left: None, .. } => SizeHint::default(),
        }
    }
}
