//! `GET /_mock/metrics`: metrics for Prometheus.

use std::fmt::Write as _;

use serde_json::Value;

use super::World;
use super::endpoint::{Answered, Nothing};
use super::refused::Refused;
use crate::delivery::Totals;
use crate::net::{HttpResponse, Reply};

/// The content type of the text format of Prometheus.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4";

/// Shows the metrics.
pub(super) async fn show(world: World, _: Nothing) -> Result<Answered<Value>, Refused> {
    let headers = vec![("content-type".into(), CONTENT_TYPE.into())];
    Ok(Answered::Other(Reply::Answer(HttpResponse { status: 200, headers, body: text(&world).into() })))
}

/// A metric: name, whether it is a counter, and help text.
struct Figure(&'static str, bool, &'static str);

fn text(world: &World) -> String {
    let (totals, requests, now, is_busy) = world
        .driver
        .look(|engine, now| (engine.totals(), engine.requests(), now.as_second(), engine.is_busy()));
    // Destructured completely, so that a new state can't be forgotten: `queued` is the sum of the states.
    let Totals { queued, pending, in_flight, waiting, delivered, dropped, failed, attempts } = totals;
    let kept = world.journal().counts();
    let namespaces = world.namespaces.as_ref().map_or(0, |namespaces| namespaces.list().len());
    let mut text = String::new();
    let mut put = |Figure(name, grows, help): Figure, values: &[(&str, u64)]| {
        let kind = if grows { "counter" } else { "gauge" };
        let _ = writeln!(text, "# HELP airudder_mock_{name} {help}\n# TYPE airudder_mock_{name} {kind}");
        for (label, value) in values {
            let _ = writeln!(text, "airudder_mock_{name}{label} {value}");
        }
    };
    put(
        Figure("callbacks", false, "Callbacks by state."),
        &[
            ("{state=\"pending\"}", pending),
            ("{state=\"in_flight\"}", in_flight),
            ("{state=\"waiting\"}", waiting),
            ("{state=\"delivered\"}", delivered),
            ("{state=\"dropped\"}", dropped),
            ("{state=\"failed\"}", failed),
        ],
    );
    put(Figure("callbacks_total", true, "Callbacks handed to delivery."), &[("", queued)]);
    put(Figure("attempts_total", true, "Attempts to deliver a callback."), &[("", attempts)]);
    put(Figure("requests_total", true, "Requests that reached the simulated vendor."), &[("", requests)]);
    put(
        Figure("busy", false, "Whether something is in progress that ends on its own."),
        &[("", is_busy.into())],
    );
    let seconds = u64::try_from(now).unwrap_or_default();
    put(Figure("clock_seconds", false, "The mock's time, in Unix seconds."), &[("", seconds)]);
    put(Figure("journal_entries", false, "Journal entries that are kept."), &[("", kept.entries as u64)]);
    put(
        Figure("journal_bytes", false, "Approximate size of the kept journal entries in bytes."),
        &[("", kept.bytes as u64)],
    );
    put(
        Figure("journal_dropped_total", true, "Journal entries that are no longer kept."),
        &[("", kept.dropped)],
    );
    put(Figure("namespaces", false, "Namespaces."), &[("", namespaces as u64)]);
    text
}
