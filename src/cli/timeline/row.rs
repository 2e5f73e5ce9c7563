//! The content of a line of the timeline: from an entry of the journal, or from the JSON of an entry sent by another mock.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::journal::{Entry, Event, RefusedRequest, RequestEntry};

/// The content of a line of the timeline.
#[derive(Debug, PartialEq)]
pub(super) struct Row<'a> {
    pub at: Timestamp,
    pub story: Option<&'a str>,
    pub what: What<'a>,
}

/// The event, as far as it is shown.
#[derive(Debug, PartialEq)]
pub(super) enum What<'a> {
    StoryStarted,
    StoryFinished {
        passed: bool,
    },
    Failed {
        place: &'a str,
        message: &'a str,
    },
    /// A story stopped before a step, and this many further ones.
    Skipped {
        step: &'a str,
        place: &'a str,
        more: u64,
    },
    TooLate {
        place: &'a str,
        message: &'a str,
    },
    Waiting {
        request: &'a str,
        within: Duration,
    },
    Note(&'a str),
    Error(&'a str),
    Attempted(Attempted<'a>),
    GivenUp {
        attempts: u64,
        message: &'a str,
    },
    /// A callback that a fault dropped, so that it was never sent.
    Dropped {
        callback: u64,
    },
    Requested(Requested<'a>),
}

/// An attempt to deliver a callback.
#[derive(Debug, PartialEq)]
pub(super) struct Attempted<'a> {
    pub callback: u64,
    pub event: &'a str,
    pub number: u64,
    /// The status, or the class of the failure.
    pub outcome: Result<u16, &'a str>,
    pub elapsed: Duration,
    pub retry_at: Option<Timestamp>,
    /// Its faults.
    pub faults: Vec<&'a str>,
    pub body: &'a [u8],
}

/// A request that got a response.
#[derive(Debug, PartialEq)]
pub(super) struct Requested<'a> {
    pub name: &'a str,
    /// The intended host, if it came through the proxy.
    pub host: Option<&'a str>,
    pub status: u16,
    /// The code and the reason, if it was refused.
    pub refusal: Option<(i64, &'a str)>,
    /// The fault that was applied, if any.
    pub fault: Option<&'a str>,
    pub body: &'a [u8],
    pub answer: &'a [u8],
}

impl<'a> Row<'a> {
    /// Creates the row of an entry. `None` for entries that are not shown.
    pub(super) fn of(entry: &'a Entry) -> Option<Self> {
        Some(Self { at: entry.at, story: entry.story.as_deref(), what: What::of(&entry.event)? })
    }

    /// Creates the row of a complete entry sent by a mock. `None` for entries that are not shown or can't be read.
    pub(super) fn of_line(line: &'a Value) -> Option<Self> {
        let at = line["at"].as_str()?.parse().ok()?;
        Some(Self { at, story: line["story"].as_str(), what: What::of_line(line)? })
    }
}

impl<'a> What<'a> {
    fn of(event: &'a Event) -> Option<Self> {
        Some(match event {
            Event::StoryStarted => Self::StoryStarted,
            Event::StoryFinished { passed } => Self::StoryFinished { passed: *passed },
            Event::Failed { place, message, .. } => Self::Failed { place, message },
            Event::Skipped(steps) => {
                let first = steps.first()?;
                Self::Skipped { step: &first.step, place: &first.place, more: steps.len() as u64 - 1 }
            }
            Event::Explained { place, message } => Self::TooLate { place, message },
            Event::Waiting { request, within } => Self::Waiting { request, within: *within },
            Event::Note(text) | Event::Found { message: text, is_error: false } => Self::Note(text),
            Event::Found { message, is_error: true } => Self::Error(message),
            Event::Attempted { attempt, result, retry_at } => Self::Attempted(Attempted {
                callback: attempt.callback.id.0,
                event: &attempt.callback.event,
                number: attempt.number.into(),
                outcome: match &result.result {
                    Ok(response) => Ok(response.status),
                    Err(failure) => Err(failure.class.as_str()),
                },
                elapsed: result.elapsed,
                retry_at: *retry_at,
                faults: attempt.faults.iter().map(|fault| fault.as_str()).collect(),
                body: &attempt.body,
            }),
            Event::Ended { callback, end } if end.is_dropped() => Self::Dropped { callback: callback.id.0 },
            Event::Ended { end, .. } => {
                let failure = end.failure.as_ref()?;
                Self::GivenUp { attempts: end.attempts.into(), message: &failure.message }
            }
            Event::Requested(RequestEntry { id, request, status, answer, refusal, fault, .. }) => {
                Self::Requested(Requested {
                    name: id.as_deref().unwrap_or(&request.path),
                    host: request.proxied_host(),
                    status: *status,
                    refusal: refusal
                        .as_deref()
                        .map(|RefusedRequest { code, reason }| (*code, reason.as_str())),
                    fault: fault.as_deref(),
                    body: &request.body,
                    answer,
                })
            }
            // Assumed entries are not of a story, so that the timeline tells them itself, if at all; a callback is shown when it is attempted.
            Event::Assumed { .. } | Event::Queued(_) => return None,
        })
    }

    fn of_line(line: &'a Value) -> Option<Self> {
        let text = |key: &str| line[key].as_str().unwrap_or_default();
        let status = || line["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        Some(match line["kind"].as_str()? {
            "story_started" => Self::StoryStarted,
            "story_finished" => Self::StoryFinished { passed: line["passed"] == true },
            "failed" => Self::Failed { place: text("place"), message: text("message") },
            "skipped" => {
                let steps = line["steps"].as_array()?;
                let first = steps.first()?;
                let (step, place) = (first["step"].as_str()?, first["place"].as_str()?);
                Self::Skipped { step, place, more: steps.len() as u64 - 1 }
            }
            "explained" => Self::TooLate { place: text("place"), message: text("message") },
            "waiting" => {
                let within = Duration::from_millis(line["within_ms"].as_u64().unwrap_or_default());
                Self::Waiting { request: text("call"), within }
            }
            "note" => Self::Note(text("text")),
            "error" => Self::Error(text("text")),
            "tried" => Self::Attempted(Attempted {
                callback: line["callback"].as_u64()?,
                event: text("event"),
                number: line["try"].as_u64()?,
                outcome: status().ok_or_else(|| text("error")),
                elapsed: Duration::from_micros(line["elapsed_us"].as_u64().unwrap_or_default()),
                retry_at: line["retry_at"].as_str().and_then(|at| at.parse().ok()),
                faults: line["faults"].as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
                body: text("body").as_bytes(),
            }),
            "dropped" => Self::Dropped { callback: line["callback"].as_u64()? },
            "dead" => Self::GivenUp { attempts: line["tries"].as_u64()?, message: line["message"].as_str()? },
            "called" => Self::Requested(Requested {
                name: line["call"].as_str().unwrap_or_else(|| text("path")),
                host: line["host"].as_str(),
                status: status()?,
                refusal: line["refused"]["code"]
                    .as_i64()
                    .map(|code| (code, line["refused"]["reason"].as_str().unwrap_or_default())),
                fault: line["faults"][0].as_str(),
                body: text("body").as_bytes(),
                answer: text("answer").as_bytes(),
            }),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::journal::{Lines, Sink};
    use crate::mock::Mock;

    /// Compares the rows of an entry and of its JSON.
    #[derive(Clone, Default)]
    struct Compared(Arc<Mutex<Vec<&'static str>>>);

    impl Sink for Compared {
        fn entry(&mut self, entry: &Entry) {
            let lines = Lines { timing: true, whole: true, show_secrets: true, ..Lines::default() };
            let line = Value::Object(lines.line(entry));
            let (mut own, mut told) = (Row::of(entry), Row::of_line(&line));
            // JSON has a resolution of microseconds.
            for row in own.iter_mut().chain(&mut told) {
                if let What::Attempted(attempted) = &mut row.what {
                    attempted.elapsed = Duration::ZERO;
                }
            }
            assert_eq!(own, told, "{line}");
            self.0.lock().unwrap().push(entry.event.kind());
        }
    }

    #[tokio::test]
    async fn a_line_of_json_tells_what_its_entry_tells() {
        let compared = Compared::default();
        // The receiver closes connections, so that the attempt fails and the callback is given up.
        let receiver = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let hook = format!("http://{}/hook", receiver.local_addr().unwrap());
        std::thread::spawn(move || receiver.incoming().for_each(drop));
        let mock = Mock::builder()
            .settings_text("[delivery]\nattempts = 1")
            .callback_url(hook)
            .listen("127.0.0.1:0")
            .sink(compared.clone())
            .start()
            .await
            .unwrap();
        let ask = |path: &str, body: &str| {
            let request = crate::net::HttpRequest {
                method: "POST".into(),
                path: path.into(),
                body: body.to_owned().into(),
                headers: [("content-type", "application/json")].into_iter().collect(),
                ..Default::default()
            };
            crate::http::request(mock.address(), request)
        };
        ask("/service/cloud/auth", "{}").await.unwrap();
        ask("/_mock/emit", r#"{"event": "session.transfer"}"#).await.unwrap();
        ask("/_mock/settle", "{}").await.unwrap();
        mock.stop().await;
        let kinds = compared.0.lock().unwrap().clone();
        for kind in ["called", "queued", "tried", "dead"] {
            assert!(kinds.contains(&kind), "{kinds:?}");
        }
    }

    #[test]
    fn stories_are_told_alike() {
        use crate::journal::{Journal, SkippedStep};
        let mut journal = Journal::default();
        let compared = Compared::default();
        journal.add_sink(Box::new(compared.clone()));
        let (place, message): (Arc<str>, _) = ("a.toml:1".into(), "m\nn".to_owned());
        let step = SkippedStep { place: "a.toml:2".into(), step: "await x".into() };
        for event in [
            Event::StoryStarted,
            Event::StoryFinished { passed: true },
            Event::StoryFinished { passed: false },
            Event::Failed { place: place.clone(), kind: "k", message: message.clone() },
            Event::Skipped(vec![step.clone(), step]),
            Event::Explained { place, message: message.clone() },
            Event::Waiting { request: "task.create".into(), within: Duration::from_millis(1_500) },
            Event::Note(message.clone()),
            Event::Found { message: message.clone(), is_error: false },
            Event::Found { message, is_error: true },
            Event::Assumed { id: "x".into(), what: "y".into(), refused: false },
        ] {
            journal.write(Timestamp::UNIX_EPOCH, Some("one".into()), event);
        }
        assert_eq!(compared.0.lock().unwrap().len(), 11);
    }
}
