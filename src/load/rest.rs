//! The vendor's REST side beside a load of request templates.
//!
//! Such a load does not store what it sends. But ids are a function of the iteration's number, and the number follows from
//! the id: so a conversation is created when the first request names it, as its callbacks have described it.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::compile::{Context, IdFields, StoryTemplate};
use super::options::Options;
use super::plan::Mix;
use super::send::Job;
use crate::engine::Driver;
use crate::http::Server;
use crate::mock::LoadRuns;
use crate::net::HttpRequest;
use crate::simulator::Opening;
use crate::sync::lock;

/// Maximum number of conversations that are created: each takes a kilobyte.
const MOST: usize = 1_000_000;

/// Finds conversations by their ids.
struct Known {
    options: Options,
    templates: Arc<[StoryTemplate]>,
    fields: Vec<IdFields>,
    mix: Arc<Mix>,
    /// The iterations whose conversations have been created.
    put_up: Mutex<HashSet<u64>>,
}

/// Serves requests as long as it is polled.
///
/// # Errors
///
/// If the mock can't start.
pub(super) async fn serve(
    context: &Context<'_>,
    job: &Job,
    server: Server,
    load: Option<Arc<dyn LoadRuns>>,
) -> io::Result<()> {
    let builder = context.builder(job.options.seed, job.options.in_flight as usize).load(load);
    let service = builder.epoch(Timestamp::now()).service().map_err(io::Error::other)?;
    let known = Known {
        options: job.options.clone(),
        templates: Arc::clone(&job.templates),
        fields: job.templates.iter().map(StoryTemplate::id_fields).collect(),
        mix: Arc::clone(&job.mix),
        put_up: Mutex::default(),
    };
    let driver = service.driver().clone();
    let answering = move |request: HttpRequest| {
        known.put_up(&request, service.driver());
        service.answer(request)
    };
    let limits = context.settings.limits.clone();
    tokio::select! {
        _ = server.serve(answering, limits, std::future::pending()) => {}
        _ = driver.drive(std::future::pending()) => {}
    }
    Ok(())
}

impl Known {
    /// Creates the conversations that a request names.
    fn put_up(&self, request: &HttpRequest, driver: &Driver) {
        for id in hex_runs(request.path_and_query().as_bytes()).chain(hex_runs(&request.body)) {
            let Some((story, iteration)) = self.iteration_of(id) else { continue };
            {
                let mut put_up = lock(&self.put_up);
                if put_up.len() >= MOST || !put_up.insert(iteration) {
                    continue;
                }
            }
            let template = &self.templates[story];
            driver.with(|engine, now| {
                let (story, _) = &self.options.stories[story];
                let opening = Opening {
                    story: None,
                    seed: self.options.seed.derive("load conversation", iteration),
                    country: story.country,
                    locale: story.locale.clone(),
                    now,
                };
                engine.put_up(opening, template.bodies(iteration, now));
            });
        }
    }

    /// Returns the story and iteration of an id, if it belongs to this load.
    fn iteration_of(&self, id: &str) -> Option<(usize, u64)> {
        self.templates.iter().enumerate().find_map(|(story, template)| {
            let iteration = template.iteration_of(id)?;
            let is_of = self.mix.story(iteration) == story;
            let mut steps = 0..template.steps();
            let has =
                |step| template.ids(&self.fields[story], iteration, step).iter().any(|(_, own)| own == id);
            (is_of && steps.any(has)).then_some((story, iteration))
        })
    }
}

/// Returns the runs of hexadecimal digits in a text that are long enough for an id.
fn hex_runs(bytes: &[u8]) -> impl Iterator<Item = &str> {
    let runs = bytes.split(|byte| !byte.is_ascii_digit() && !(b'a'..=b'f').contains(byte));
    runs.filter(|run| (16..=64).contains(&run.len())).filter_map(|run| std::str::from_utf8(run).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_wherever_they_stand() {
        let id = "0123456789abcdef0123456789abcdef";
        let text = format!("{{\"call_id\":\"{id}\",\"n\":12,\"x\":\"abc\"}}");
        assert_eq!(hex_runs(text.as_bytes()).collect::<Vec<_>>(), [id]);
        assert!(hex_runs(b"").next().is_none());
    }
}
