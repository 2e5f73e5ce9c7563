//! Telling a story once, without a network, to see what it sends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use crate::contract::Catalog;
use crate::contract::signature::Signer;
use crate::delivery::{Attempt, AttemptResult, ReceiverResponse, StatusSet};
use crate::engine::{Engine, EngineOptions};
use crate::journal::Journal;
use crate::net::Target;
use crate::scenario::{Story, StoryRun};
use crate::seed::Seed;
use crate::settings::{AssumedFile, Settings};
use crate::simulator::user_endpoints::Custom;

/// What a story sends at most, to be told from one that never ends.
const MOST_SENT: usize = 1_000;

/// The context that stories are told in: that of `run`, but for the network.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// The list of what exists.
    pub catalog: &'a Arc<Catalog>,
    /// Signs callbacks.
    pub signer: &'a Signer,
    /// Where callbacks go unless a story says otherwise.
    pub target: Option<&'a Arc<Target>>,
    /// Whether that wins over a story's own URL.
    pub target_wins: bool,
    /// Variables of the stories, in place of those of the files.
    pub set: &'a [(String, Value)],
}

/// How a story is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling<'a> {
    pub(crate) seed: Seed,
    pub(crate) copy: u32,
    pub(crate) at: Timestamp,
    /// The body of every answer.
    pub(crate) answer: &'a str,
}

impl Context<'_> {
    /// Everything an engine needs, with a journal that nobody reads. At most `in_flight` tries go out at a time.
    pub(crate) fn engine(&self, seed: Seed, in_flight: usize, mock_url: &str) -> EngineOptions {
        EngineOptions {
            catalog: Arc::clone(self.catalog),
            signer: self.signer.clone(),
            default_target: self.target.cloned(),
            target_wins: self.target_wins,
            policy: Arc::new(self.settings.policy.clone()),
            assumed: match self.settings.assumed {
                AssumedFile::Warn => AssumedFile::Serve,
                other => other,
            },
            seed,
            behaviour: self.settings.behaviour(mock_url, true),
            faults: self.settings.faults.clone(),
            custom: Custom::new(&self.settings.custom, seed),
            max_in_flight: in_flight,
            journal: Journal::default(),
        }
    }

    /// Tells a story at one moment, every callback answered at once with `200` and the given body. Errs in words if
    /// it does not come to its end at that moment: then it waits for something.
    pub(crate) fn tell(&self, story: &Arc<Story>, how: Telling<'_>) -> Result<Vec<Arc<Attempt>>, String> {
        let Telling { seed, copy, at, answer } = how;
        let mut engine = Engine::new(self.engine(seed, 1, "http://127.0.0.1"));
        let mut play = StoryRun::new(Arc::clone(story), Arc::from("probe"), 0, copy, seed, at);
        for (name, value) in self.set {
            play.preset(name, value);
        }
        engine.add_story(play);
        let mut sent = Vec::new();
        let mut wanted = story.wanted_statuses();
        loop {
            engine.advance(at);
            let Some(attempt) = engine.start(at) else { break };
            let answer = ReceiverResponse {
                status: wanted.next().map_or(200, StatusSet::usual),
                headers: Vec::new(),
                body: Bytes::copy_from_slice(answer.as_bytes()),
                truncated: false,
            };
            engine.finish(&attempt, AttemptResult { result: Ok(answer), elapsed: Duration::ZERO }, at);
            sent.push(attempt);
            if sent.len() > MOST_SENT {
                return Err(format!("it sends more than {MOST_SENT} callbacks at one moment"));
            }
        }
        match engine.stories().first() {
            Some(play) if play.is_over() && !sent.is_empty() => Ok(sent),
            Some(play) if play.is_over() => Err("it sends nothing".to_owned()),
            _ => Err("it waits for something between its callbacks".to_owned()),
        }
    }
}
