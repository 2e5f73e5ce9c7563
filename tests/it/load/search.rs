//! The highest rate that holds.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::harness::load;
use super::receiver::{OK, Receiver, answer};
use crate::support::stdout;

/// A receiver that serves one request after the other and takes so long for each, to the microsecond over time: a late
/// wake-up is made up for.
fn serial(service: Duration) -> Receiver {
    let free_at = Mutex::new(Instant::now());
    Receiver::with(move |stream, _| {
        let ends = {
            let mut free_at = free_at.lock().unwrap();
            *free_at = (*free_at).max(Instant::now()) + service;
            *free_at
        };
        thread::sleep(ends.saturating_duration_since(Instant::now()));
        answer(stream, OK)
    })
}

#[test]
fn the_limit_of_a_receiver_is_found() {
    let receiver = serial(Duration::from_millis(4));
    let args = ["--find-max", "--rate", "200/s", "--duration", "500ms", "--slo", "p99<60ms,errors<1%"];
    let run = load(&receiver.url(), &args);
    run.assert_code(0);
    let best = run.report["search"]["best"].as_f64().unwrap();
    let probes = &run.report["search"]["probes"];
    // The limit is 250/s. A short probe may hold a little more, as its queue has no time to grow. How much less a busy machine
    // holds is its own affair: that the search closes in on a limit is tested beside the code, on receivers made of numbers.
    assert!(best > 0.0 && best <= 290.0, "{best} of {probes}");
    assert!(stdout(&run.output).contains("is the highest rate that met"), "{}", stdout(&run.output));
    // The report is that of the rate that held.
    assert_eq!(run.count("planned"), run.count("ok"), "{}", run.report["counts"]);
}

#[test]
fn nothing_holds() {
    let receiver = Receiver::saying("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    let args = ["--find-max", "--rate", "1/s", "--duration", "50ms", "--slo", "errors<1%"];
    let run = load(&receiver.url(), &args);
    run.assert_code(1);
    assert_eq!(run.report["search"]["best"], 0.0);
    assert!(stdout(&run.output).contains("no rate met errors<1%"), "{}", stdout(&run.output));
}
