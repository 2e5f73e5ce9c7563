//! Whatever a receiver does wrong: the run ends in its time, the sums match, and the failure has a name and advice.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::harness::{Loaded, command, each, finished, load, load_story, number, seen, story, transfer};
use super::receiver::{OK, Receiver, Then, answer, raw};
use crate::support::{free_address, stdout};

/// A short run at a modest rate: 100 events.
const SHORT: [&str; 4] = ["--rate", "500/s", "--duration", "200ms"];

fn url(address: SocketAddr) -> String {
    format!("http://{address}/hook")
}

fn with<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&SHORT[..], args].concat()
}

/// Asserts that everything that was sent failed in one way, with this in the words about it.
#[track_caller]
fn assert_failed(run: &Loaded, class: &str, advice: &str) {
    assert_eq!((run.count("planned"), run.count("ok")), (100, 0), "{}", run.report["counts"]);
    assert_eq!(run.errors(class), run.count("sent"), "{}", run.report["errors"]);
    assert!(run.first(class).contains(advice), "{}", run.first(class));
    // A run of which nothing was answered as wanted has failed.
    run.assert_code(i32::from(run.count("ok") == 0));
}

/// Reads a request, if one comes.
fn read(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 16 * 1024]), Ok(1..))
}

#[test]
fn nobody_listens() {
    let address = free_address();
    for more in [&[][..], &["--http2"]] {
        let run = load(&url(address), &with(more));
        assert_failed(&run, "refused", "start your receiver there");
        assert!(stdout(&run.output).contains("nothing listens"), "{}", stdout(&run.output));
    }
}

#[test]
fn breaks_off_within_an_answer() {
    let receiver = || {
        Receiver::with(|stream, _| {
            answer(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
            Then::Close
        })
    };
    for more in [&[][..], &["--mode", "simulated", "--listen", "127.0.0.1:0"]] {
        let receiver = receiver();
        let run = load(&receiver.url(), &with(more));
        assert_failed(&run, "reset", "within its 200 response, 3 bytes into the body");
        let shown = stdout(&run.output);
        assert!(!shown.contains("before it answered"), "{shown}");
    }
}

#[test]
fn nobody_listens_and_nobody_waits() {
    let begun = Instant::now();
    let run = load(&url(free_address()), &["--rate", "max", "--duration", "300ms"]);
    assert_eq!(run.count("ok"), 0);
    // Whoever is refused rests before another attempt.
    let sent = run.count("sent");
    assert!((32..5_000).contains(&sent), "{sent}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn dies_and_comes_back() {
    let mut receiver = Receiver::new();
    let (mock, folder) = (free_address(), tempfile::tempdir().unwrap());
    let args = ["--rate", "400/s", "--duration", "4s", "--listen", &mock.to_string()];
    let child = command(folder.path(), &transfer(), &receiver.url(), &args).spawn().unwrap();
    receiver.wait_for(100);
    receiver.die();
    let before = receiver.count();
    seen(mock, |run| number(&run["counts"]["failed"]) > 50);
    receiver.revive();
    let run = finished(child, folder);
    assert_eq!(run.count("planned"), 1_600);
    assert!(run.errors("refused") > 20, "{}", run.report["errors"]);
    assert!(receiver.count() > before + 100, "{} then {}", before, receiver.count());
    assert!(run.count("ok") <= receiver.count() && run.count("ok") > 300, "{}", run.report["counts"]);
}

#[test]
fn resets_connections() {
    let receiver = Receiver::with(|_, _| Then::Reset);
    assert_failed(&load(&receiver.url(), &with(&[])), "reset", "closed the connection before it responded");
    assert_eq!(receiver.count(), 100);
    // Not even a request is read.
    let (address, _) = raw(|stream, _| {
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    assert_failed(&load(&url(address), &with(&[])), "reset", "closed the connection");
}

#[test]
fn closes_after_each_answer() {
    let receiver = Receiver::with(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
        Then::Close
    });
    load(&receiver.url(), &with(&[])).assert_all_well(100);
    assert_eq!(receiver.connections(), 100);
    // Without a length the end of the connection is that of the answer; without a version it is assumed.
    each(["HTTP/1.1 200 OK\r\n\r\n{}", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"], |head| {
        let receiver = Receiver::with(move |stream, _| {
            let _ = stream.write_all(head.as_bytes());
            Then::Close
        });
        load(&receiver.url(), &with(&[])).assert_all_well(100);
    });
}

#[test]
fn closes_without_saying_so() {
    // Keeps the connection by its words, and closes it.
    let receiver = Receiver::with(|stream, _| {
        answer(stream, OK);
        Then::Close
    });
    let run = load(&receiver.url(), &with(&[]));
    // One may be under way when the connection ends; most are not.
    assert!(run.count("ok") >= 50, "{}", run.report["counts"]);
    assert_eq!(run.count("planned"), 100);
    assert_eq!(run.count("ok") + run.errors("reset"), 100, "{}", run.report["errors"]);
}

#[test]
fn closes_while_nothing_is_asked() {
    let receiver = Receiver::with(|stream, number| {
        let then = answer(stream, OK);
        // Some idle connections are closed long before the next request comes.
        if number.is_multiple_of(2) { Then::Close } else { then }
    });
    let run = load(&receiver.url(), &["--rate", "20/s", "--duration", "1s"]);
    run.assert_all_well(20);
    assert!(receiver.connections() >= 10, "{}", receiver.connections());
}

#[test]
fn is_too_slow() {
    let receiver = Receiver::with(|stream, number| {
        if number.is_multiple_of(5) {
            // Nothing more comes before it is given up.
            let _ = stream.read(&mut [0; 1]);
        }
        answer(stream, OK)
    });
    let run = load(&receiver.url(), &with(&["--timeout", "200ms"]));
    assert_eq!(run.count("planned"), 100);
    assert!(run.count("timed_out") >= 15, "{}", run.report["counts"]);
    assert!(run.count("ok") >= 50, "{}", run.report["counts"]);
    assert!(
        run.first("timeout").contains("respond first and process afterwards"),
        "{}",
        run.first("timeout")
    );
}

#[test]
fn never_answers() {
    each(
        [&["--timeout", "200ms"][..], &["--timeout", "200ms", "--in-flight", "4", "--drop-after", "100ms"]],
        |args| {
            let receiver = Receiver::with(|stream, _| {
                let _ = stream.read(&mut [0; 1]);
                Then::Close
            });
            let begun = Instant::now();
            let run = load(&receiver.url(), &with(args));
            assert_failed(&run, "timeout", "within 200ms");
            assert_eq!(run.count("timed_out"), run.count("sent"));
            assert_eq!(run.count("dropped") > 0, args.len() > 2, "{}", run.report["counts"]);
            assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        },
    );
}

#[test]
fn never_takes_a_connection() {
    // A listener whose queue is full does not answer to further ones.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let run = load(&url(listener.local_addr().unwrap()), &with(&["--timeout", "200ms"]));
    assert_failed(&run, "timeout", "within 200ms");
}

#[test]
fn answers_byte_by_byte() {
    let receiver = Receiver::with(|stream, _| {
        for byte in
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nX: y\r\n\r\n"
        {
            if stream.write_all(&[*byte]).is_err() {
                return Then::Close;
            }
        }
        Then::Keep
    });
    load(&receiver.url(), &with(&["--in-flight", "8"])).assert_all_well(100);
    assert!(receiver.connections() <= 8, "{}", receiver.connections());
}

#[test]
fn answers_in_other_forms() {
    let long = "x".repeat(100_000);
    each(
        [
            (
                "chunked",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_owned(),
            ),
            (
                "an interim answer first",
                format!("HTTP/1.1 100 Continue\r\n\r\n{}", String::from_utf8_lossy(OK)),
            ),
            (
                "early hints",
                format!("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n{}", String::from_utf8_lossy(OK)),
            ),
            ("nothing in it", "HTTP/1.1 204 No Content\r\n\r\n".to_owned()),
            (
                "a long head",
                format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 0\r\n\r\n", &long[..30_000]),
            ),
            (
                "many headers",
                format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", "X-A: b\r\n".repeat(200)),
            ),
            ("bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}".to_owned()),
            ("a long body", format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{long}", long.len())),
        ],
        |(form, answer)| {
            let receiver = Receiver::saying(answer);
            let run = load(&receiver.url(), &with(&["--in-flight", "16"]));
            assert_eq!(run.count("ok"), 100, "{form}: {}", run.report["errors"]);
            assert!(receiver.connections() <= 16, "{form}: {}", receiver.connections());
        },
    );
}

#[test]
fn answers_wrong_statuses() {
    let receiver = Receiver::with(|stream, number| match number % 4 {
        0 => answer(stream, b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops"),
        1 => {
            answer(stream, b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n")
        }
        2 => answer(stream, b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"),
        _ => answer(stream, OK),
    });
    let run = load(&receiver.url(), &with(&[]));
    // Most went wrong, which fails a run of which nobody says otherwise.
    run.assert_code(1);
    assert!(stdout(&run.output).contains("errors>50%: errors is 75.0 %"), "{}", stdout(&run.output));
    assert_eq!((run.count("ok"), run.count("wrong_status")), (25, 75), "{}", run.report["counts"]);
    let wanted = serde_json::json!({ "200": 25, "302": 25, "500": 25, "999": 25 });
    assert_eq!(run.report["statuses"], wanted);
    assert_eq!(receiver.count(), 100, "nobody follows a redirect");
    load(&receiver.url(), &with(&["--fail-if", "never"])).assert_code(0);
}

#[test]
fn speaks_no_http() {
    each(
        [
            ("SSH-2.0-OpenSSH_9.6\r\n", "is not HTTP"),
            ("220 mail.test ESMTP\r\n", "is not HTTP"),
            ("\x15\x03\x01\x00\x02\x02\x46", "is not HTTP"),
            ("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "is not HTTP"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "is not the size of a chunk"),
        ],
        |(text, advice)| {
            let receiver = Receiver::saying(text);
            assert_failed(&load(&receiver.url(), &with(&[])), "bad_answer", advice);
        },
    );
}

#[test]
fn speaks_before_it_is_asked() {
    let (address, _) = raw(|mut stream, _| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n");
        while read(&mut stream) {}
    });
    assert_failed(
        &load(&url(address), &with(&[])),
        "bad_answer",
        "check that an HTTP/1.1 server listens there",
    );
}

#[test]
fn answers_before_it_reads() {
    // The body is far larger than what fits into the buffers of the system.
    let (_folder, file) =
        story(&format!("[[steps]]\nsend = \"session.end\"\nraw = \"{}\"\n", "x".repeat(3_000_000)));
    let (address, _) = raw(|mut stream, _| {
        let _ = socket2::SockRef::from(&stream).set_recv_buffer_size(16 * 1024);
        let mut byte = [0];
        let _ = stream.read(&mut byte);
        let _ = stream.write_all(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        // Closes its end and reads the rest, as servers do so that the answer is not lost by a reset.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut piece = vec![0; 1 << 20];
        while matches!(stream.read(&mut piece), Ok(1..)) {}
    });
    let run =
        load_story(&file, &url(address), &["--rate", "50/s", "--duration", "200ms", "--in-flight", "2"]);
    assert_eq!((run.count("planned"), run.count("wrong_status")), (10, 10), "{}", run.report["errors"]);
}

#[test]
fn never_reads() {
    let (_folder, file) =
        story(&format!("[[steps]]\nsend = \"session.end\"\nraw = \"{}\"\n", "x".repeat(3_000_000)));
    let held = Mutex::new(Vec::new());
    let (address, _) = raw(move |stream, _| {
        // What the system takes for it is little.
        let _ = socket2::SockRef::from(&stream).set_recv_buffer_size(16 * 1024);
        held.lock().unwrap().push(stream);
    });
    let args = ["--rate", "20/s", "--duration", "200ms", "--in-flight", "4", "--timeout", "300ms"];
    let run = load_story(&file, &url(address), &args);
    assert_eq!((run.count("planned"), run.count("timed_out")), (4, 4), "{}", run.report["counts"]);
}

#[test]
fn answers_without_end() {
    // Small chunks take longer to read than to write, so that there is always something left to read.
    let plain = ("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(1 << 20));
    let chunks = ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n".repeat(1 << 17));
    for (head, piece) in [plain, chunks] {
        let (address, _) = raw(move |mut stream, _| {
            if read(&mut stream) && stream.write_all(head.as_bytes()).is_ok() {
                while stream.write_all(piece.as_bytes()).is_ok() {}
            }
        });
        let args = ["--rate", "20/s", "--duration", "200ms", "--in-flight", "4", "--timeout", "300ms"];
        let run = load(&url(address), &args);
        assert_eq!((run.count("planned"), run.count("timed_out")), (4, 4), "{}", run.report["counts"]);
        // Nobody's time-out waits for the end of what has none.
        let took = number(&run.report["latency"]["sent"]["max_us"]);
        assert!(took < 800_000, "{took} µs");
        let peak = run.report["sender"]["peak_bytes"].as_u64().unwrap();
        assert!(peak < 200_000_000, "{peak} bytes");
    }
}

#[test]
fn sends_heads_without_end() {
    let (address, _) = raw(|mut stream, _| {
        if !read(&mut stream) {
            return;
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"X-More: and more, and more\r\n").is_ok() {}
    });
    let run = load(&url(address), &["--rate", "50/s", "--duration", "200ms", "--timeout", "5s"]);
    assert_eq!(run.errors("bad_answer"), 10, "{}", run.report["errors"]);
}

#[test]
fn answers_less_than_it_announces() {
    let receiver = Receiver::with(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}");
        Then::Close
    });
    assert_failed(&load(&receiver.url(), &with(&[])), "reset", "closed the connection");
}

#[test]
fn answers_more_than_it_announces() {
    let receiver = Receiver::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{}{}");
    load(&receiver.url(), &with(&[])).assert_all_well(100);
    assert_eq!(receiver.connections(), 100, "such a connection is not used again");
}
