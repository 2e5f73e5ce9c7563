//! The walls of the house: which room may use which, held against the imports of `src/`.
//!
//! The table of rooms stands in `docs/architecture.md`. There is no list of exceptions.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use imports::{FileUses, Sources};

/// What decides is handed the time and the chance and never asks for them; sockets and threads are the shells' business.
const AMBIENT: [&str; 24] = [
    "std::time::Instant::now",
    "std::time::SystemTime",
    "tokio::time",
    "tokio::spawn",
    "tokio::task",
    "tokio::net",
    "tokio::runtime",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "std::thread",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::net::ToSocketAddrs",
    "std::process",
    "mio",
    "socket2",
    "nix",
    "rand::rng",
    "rand::random",
    "rand::rngs::SysRng",
    "rand::rngs::ThreadRng",
    "getrandom",
    "hyper_util",
];

/// A row of the table of rooms.
#[derive(Debug)]
struct Room {
    may_use: BTreeSet<String>,
    /// The files that own sockets, threads, clocks or ambient randomness: all of them, none, or these.
    shells: Shells,
}

#[derive(Debug)]
enum Shells {
    All,
    These(BTreeSet<String>),
}

/// The words in backticks of a cell.
fn quoted(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// The table of rooms of a document.
fn table(document: &str) -> BTreeMap<String, Room> {
    let rows = document.split("<!-- rooms -->").nth(1).expect("the table of rooms").lines();
    let mut rooms = BTreeMap::new();
    for row in
        rows.take_while(|line| !line.contains("<!-- /rooms -->")).filter(|line| line.starts_with("| `"))
    {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _holds, may_use, shells] = cells[..] else { panic!("a row of four cells: {row}") };
        let shells = match shells {
            "all" => Shells::All,
            "none" => Shells::These(BTreeSet::new()),
            files => Shells::These(quoted(files).collect()),
        };
        for name in quoted(name) {
            let room = Room {
                may_use: quoted(may_use).collect(),
                shells: match &shells {
                    Shells::All => Shells::All,
                    Shells::These(files) => Shells::These(files.clone()),
                },
            };
            assert!(rooms.insert(name, room).is_none(), "a room stands twice in the table: {row}");
        }
    }
    rooms
}

type Uses = BTreeMap<Vec<String>, FileUses>;

/// Every breach of the table and of the house's rules, a line each.
fn breaches(rooms: &BTreeMap<String, Room>, uses: &Uses) -> Vec<String> {
    let mut found = Vec::new();
    let name = |file: &[String]| file.join("::");
    for (file, used) in uses {
        // The crate's own file only declares the rooms.
        let Some(own) = file.first() else { continue };
        let Some(room) = rooms.get(own) else {
            found.push(format!("{} is in no room of the table", name(file)));
            continue;
        };
        for other in &used.files {
            let Some(target) = other.first() else { continue };
            if target != own && !room.may_use.contains(target) {
                found.push(format!("{} uses {}: `{own}` may not use `{target}`", name(file), name(other)));
            }
        }
        let is_shell = match &room.shells {
            Shells::All => true,
            Shells::These(files) => files.contains(&file[1..].join("::")),
        };
        if !is_shell {
            for outside in &used.outside {
                let is_ambient = AMBIENT.iter().any(|path| {
                    outside == path || outside.strip_prefix(path).is_some_and(|rest| rest.starts_with("::"))
                });
                if is_ambient {
                    found.push(format!("{} uses {outside}: what decides is handed that in", name(file)));
                }
            }
        }
    }
    let between_rooms: BTreeMap<String, BTreeSet<String>> = rooms
        .iter()
        .map(|(name, room)| {
            (name.clone(), room.may_use.iter().filter(|other| *other != name).cloned().collect())
        })
        .collect();
    found.extend(
        circles(&between_rooms).into_iter().map(|rooms| format!("a circle of rooms: {}", rooms.join(", "))),
    );
    let between_files: BTreeMap<String, BTreeSet<String>> = uses
        .iter()
        .map(|(file, used)| {
            let others =
                used.files.iter().filter(|other| !other.starts_with(file) && !file.starts_with(other));
            (name(file), others.map(|other| name(other)).collect())
        })
        .collect();
    found.extend(
        circles(&between_files).into_iter().map(|files| format!("a circle of files: {}", files.join(", "))),
    );
    found
}

/// The groups of names that lead to each other.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> = arrows
        .keys()
        .map(|from| {
            let mut seen = BTreeSet::new();
            let mut open: Vec<&String> = arrows[from].iter().collect();
            while let Some(next) = open.pop() {
                if seen.insert(next) {
                    open.extend(arrows.get(next).into_iter().flatten());
                }
            }
            (from, seen)
        })
        .collect();
    let mut found: Vec<Vec<String>> = Vec::new();
    for (name, seen) in &reach {
        if !seen.contains(name) || found.iter().flatten().any(|known| known == *name) {
            continue;
        }
        let both = seen.iter().filter(|other| reach.get(**other).is_some_and(|back| back.contains(*name)));
        found.push(both.map(|other| (*other).clone()).collect());
    }
    found
}

fn architecture() -> BTreeMap<String, Room> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    table(&std::fs::read_to_string(path).expect("docs/architecture.md"))
}

#[test]
fn the_walls_hold() {
    let rooms = architecture();
    let sources = Sources::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let uses = sources.uses();
    let found = breaches(&rooms, &uses);
    assert!(found.is_empty(), "{} breaches of docs/architecture.md:\n{}", found.len(), found.join("\n"));
    let rooms_there: BTreeSet<&String> = uses.keys().filter_map(|file| file.first()).collect();
    let listed: BTreeSet<&String> = rooms.keys().collect();
    assert_eq!(rooms_there, listed, "the table lists the rooms there are");
}

/// A small house in which something is wrong.
fn planted(files: &[(&str, &str)]) -> Vec<String> {
    let document = "<!-- rooms -->\n| room | holds | may use | shells |\n| --- | --- | --- | --- |\n\
        | `ground` | data | | none |\n| `vendor` | rules | `ground` | `clock` |\n| `cli` | commands | `ground` `vendor` | all |\n\
        <!-- /rooms -->";
    let mut sources = Sources::default();
    sources.add("lib.rs", "pub mod cli; mod ground; mod vendor;");
    sources.add("cli.rs", "use crate::vendor::Vendor; fn now() { std::time::Instant::now(); }");
    sources.add("ground.rs", "pub struct Seed;");
    sources
        .add("vendor/mod.rs", "mod clock; mod desk; mod rules; pub use rules::Vendor; pub use desk::Desk;");
    sources.add("vendor/clock.rs", "use std::time::Instant; fn now() -> Instant { Instant::now() }");
    sources.add("vendor/desk.rs", "pub struct Desk;");
    sources
        .add("vendor/rules.rs", "use super::Desk; use crate::ground::Seed; pub struct Vendor(Seed, Desk);");
    for (file, text) in files {
        sources.add(file, text);
    }
    breaches(&table(document), &sources.uses())
}

#[test]
fn a_sound_house_has_no_breach() {
    assert_eq!(planted(&[]), Vec::<String>::new());
}

#[test]
fn planted_breaches_are_found() {
    let one = |file: &str, text: &str| planted(&[(file, text)]).join("\n");
    let lines = [
        one("ground.rs", "use crate::vendor::Vendor; pub struct Seed;"),
        one("ground.rs", "pub struct Seed; fn sneak() { crate::vendor::Vendor::new(); }"),
        one("ground.rs", "pub struct Seed; fn sneak() { println!(\"{}\", crate::vendor::Vendor::new()); }"),
        one("vendor/desk.rs", "use super::Vendor; pub struct Desk(Box<Vendor>);"),
        one("vendor/desk.rs", "use crate::vendor as v; pub struct Desk(Box<v::Vendor>);"),
        one("vendor/rules.rs", "use std::time; pub struct Vendor; fn now() { time::Instant::now(); }"),
        one(
            "vendor/rules.rs",
            "use jiff::Timestamp; pub struct Vendor; fn now() { let _ = Timestamp::now(); }",
        ),
        one("vendor/rules.rs", "pub struct Vendor; fn draw() -> u8 { rand::random() }"),
        one("vendor/rules.rs", "pub struct Vendor; use tokio::net::TcpStream;"),
        one("vendor/rules.rs", "pub struct Vendor; fn go() { std::thread::spawn(|| ()); }"),
        planted(&[("lib.rs", "pub mod cli; mod ground; mod vendor; mod attic;"), ("attic.rs", "")])
            .join("\n"),
        planted(&[("vendor/rules.rs", "pub struct Vendor; #[cfg(test)] mod tests { use crate::cli::x; }")])
            .join("\n"),
    ];
    insta::assert_snapshot!(lines.join("\n\n"));
}
