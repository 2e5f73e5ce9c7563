//! Runs every target over its corpus and over mutations of it. The number of runs is fixed, so that equal programs do the
//! same; `FUZZ_RUNS` sets another one, and `FUZZ_SECONDS` a time for each target instead.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rand::RngExt;

use super::TARGETS;
use crate::seed::{Rng, Seed};

/// Words that occur in the languages of all parsers.
const WORDS: [&[u8]; 24] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"'",
    b"{{",
    b"}}",
    b"%",
    b"=",
    b"\r\n",
    b"\xff",
    b"\0",
    b"-1",
    b"0",
    b"1",
    b"99999999999999999999",
    b"1e309",
    b"\\u0000",
    b"..",
    b"/",
    b":",
    b",",
    b"\xc3\xa9",
];

/// Reads the stored inputs of a target.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Changes an input in several places.
fn mutate(input: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut Rng) {
    let most = input.len().max(8 << 10);
    for _ in 0..rng.random_range(1..=6) {
        let at = rng.random_range(0..=input.len());
        match rng.random_range(0..6) {
            0 if at < input.len() => input[at] = rng.random(),
            1 if at < input.len() => input[at] ^= 1 << rng.random_range(0..8),
            2 => {
                let end = rng.random_range(at..=input.len());
                input.drain(at..end);
            }
            3 => {
                let from = rng.random_range(0..=input.len());
                let end = (from + rng.random_range(0..=32)).min(input.len());
                let piece = input[from..end].to_vec();
                input.splice(at..at, piece);
            }
            4 => {
                let other = &others[rng.random_range(0..others.len())];
                let from = rng.random_range(0..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let word = WORDS[rng.random_range(0..WORDS.len())];
                input.splice(at..at, word.iter().copied());
            }
        }
    }
    input.truncate(most);
}

/// Number of mutations of each target, according to the cost of one run.
fn runs(target: &str) -> usize {
    let asked = std::env::var("FUZZ_RUNS").ok().and_then(|runs| runs.parse().ok());
    asked.unwrap_or(match target {
        "settings" | "user_endpoints" | "merge" | "edge" => 60,
        _ => 300,
    })
}

/// Runs a target over its corpus and over mutations of it: a number of them, or for a time.
fn fuzz(name: &str, target: fn(&[u8]), time: Option<Duration>) {
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "{name} has no corpus");
    corpus.iter().for_each(|input| target(input));
    let mut rng = Seed(1).stream(name, 0);
    let (began, most) = (Instant::now(), runs(name));
    let mut run = 0;
    while time.map_or(run < most, |time| began.elapsed() < time) {
        let mut input = corpus[run % corpus.len()].clone();
        mutate(&mut input, &corpus, &mut rng);
        let caught = std::panic::catch_unwind(|| target(&input));
        assert!(caught.is_ok(), "{name} does not stand {:?}", String::from_utf8_lossy(&input));
        run += 1;
    }
    println!("{name}: {run} runs in {:.1?}", began.elapsed());
}

#[test]
fn every_target_stands_its_corpus_and_mutations_of_it() {
    let one = std::env::var("FUZZ_TARGET").ok();
    let time = std::env::var("FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let time = time.map(Duration::from_secs);
    let targets: Vec<_> =
        TARGETS.iter().filter(|(name, _)| one.as_deref().is_none_or(|one| one == *name)).collect();
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get());
    // A panic in one of them ends the scope with it.
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((name, target)) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    fuzz(name, *target, time);
                }
            });
        }
    });
}
