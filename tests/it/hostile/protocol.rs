//! Requests that are hardly HTTP, or more of it than fits.

use super::case::{Case, Envelope, Wanted, World};

const ROBOT: &str = "/service/cloud/robot";
const TASK: &str = "/service/cloud/task";

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Vec::new();
    targets(world, &mut table);
    methods(world, &mut table);
    framing(world, &mut table);
    sizes(world, &mut table);
    garbage(&mut table);
    table
}

fn targets(world: &World, table: &mut Vec<Case>) {
    let unknown = || Wanted::Refused(Envelope::Nobody, 404, "nothing is served");
    // Whoever misses a path of a family reads the envelope of that family.
    let missed = || Wanted::Refused(Envelope::Cloud, 404, "nothing is served");
    for (target, wanted) in [
        ("http://localhost/service/cloud/robot", Wanted::Taken),
        ("http://mock.test/service/cloud/robot", Wanted::Bare(421)),
        ("https://user:pass@localhost:1/service/cloud/robot?x=%00", Wanted::Taken),
        ("/service/cloud/robot/", Wanted::Taken),
        ("/service/cloud/r%6Fbot", Wanted::Taken),
        ("/service/cloud/robot?", Wanted::Taken),
        ("/service/cloud/robot?&&=&%&%zz=%FE", Wanted::Refused(Envelope::Cloud, 400, "not UTF-8")),
        ("/service/cloud/robot?x=%", Wanted::Taken),
        ("/service/cloud/robot?????", Wanted::Taken),
        ("/service/cloud/robot%00", missed()),
        ("/service/cloud/robot%", missed()),
        ("/service/cloud/robot%2", missed()),
        ("/service/cloud/robot%FF", missed()),
        ("/service/cloud/robot%0d%0aX:%20y", missed()),
        ("/service/cloud%2Frobot", unknown()),
        ("/service/cloud/../cloud/robot", missed()),
        ("//service/cloud/robot", unknown()),
        ("/service//cloud/robot", unknown()),
        ("/SERVICE/CLOUD/ROBOT", unknown()),
        ("/", unknown()),
        ("/service/cloud/{name}", missed()),
        ("/%e2%80%ae", unknown()),
        ("http://localhost", unknown()),
        ("/.git/config", unknown()),
        ("/download/20300101/../../b.wav", unknown()),
        ("/_mockery", unknown()),
    ] {
        table.push(Case::new(target, world.get(target), wanted));
    }
    let long = format!("/{}", "a/".repeat(3_000));
    table.push(Case::new("a path of three thousand parts", world.get(&long), Wanted::Bare(404)));
    for target in ["/_mock/none", "/_mock//"] {
        table.push(Case::new(
            target,
            world.get(target),
            Wanted::Refused(Envelope::Unread, 404, "there is no such request"),
        ));
    }
    for (body, word) in [
        ("{", "not JSON"),
        ("{\"by\":1}", "by"),
        ("{\"by\":\"-1s\"}", "by"),
        ("{\"by\":\"1e9h\"}", "by"),
        ("{}", "by"),
    ] {
        let wanted = Wanted::Refused(Envelope::Unread, 400, word);
        table.push(Case::new(format!("/_mock/clock {body}"), world.post_text("/_mock/clock", body), wanted));
    }
    let bytes = world.post_text("/_mock/tokens/expire", "{\"app_key\":[]}");
    table.push(Case::new("tokens of a list", bytes, Wanted::Refused(Envelope::Unread, 400, "app_key is []")));
}

fn methods(world: &World, table: &mut Vec<Case>) {
    for (method, target) in [
        ("DELETE", TASK),
        ("PUT", TASK),
        ("PATCH", ROBOT),
        ("TRACE", ROBOT),
        ("OPTIONS", ROBOT),
        ("BREW", ROBOT),
        ("GET", TASK),
        ("POST", ROBOT),
        ("get!", ROBOT),
        ("M-SEARCH", ROBOT),
    ] {
        let wanted = Wanted::Refused(Envelope::Cloud, 405, "is served with");
        table.push(Case::new(format!("{method} {target}"), world.bare(method, target), wanted));
    }
    table.push(Case::new("a method in lower case", world.bare("get", ROBOT), Wanted::Taken));
    for (line, status) in [
        ("OPTIONS * HTTP/1.1", 404),
        ("CONNECT localhost:80 HTTP/1.1", 404),
        ("GET /service/cloud/robot", 400),
        ("GET  /service/cloud/robot HTTP/1.1", 400),
        ("GET /service/cloud/ro bot HTTP/1.1", 400),
        ("GET service/cloud/robot HTTP/1.1", 400),
        ("GET /service/cloud/robot HTTP/9.9", 400),
        ("GET /service/cloud/robot http/1.1", 400),
        ("GET /service/cloud/robot HTTP/1.", 400),
        ("G\u{0}T /service/cloud/robot HTTP/1.1", 400),
        ("GET /service/cloud/robot\u{0} HTTP/1.1", 400),
        ("GET /service/cloud/robot?\u{1} HTTP/1.1", 400),
        ("GET /service/cloud/robot#x HTTP/1.1", 401),
        (" GET /service/cloud/robot HTTP/1.1", 400),
        ("HTTP/1.1 200 OK", 400),
    ] {
        let case = Case::new(
            format!("{line:?}"),
            format!("{line}\r\nHost: localhost\r\n\r\n"),
            Wanted::Bare(status),
        );
        table.push(case.garbles());
    }
    let long = format!("{} {ROBOT} HTTP/1.1\r\nHost: localhost\r\n\r\n", "M".repeat(5_000));
    table.push(Case::new("a long method", long, Wanted::Bare(405)).garbles());
}

fn framing(world: &World, table: &mut Vec<Case>) {
    let body = world.new_task().to_string();
    let length = body.len();
    let framed = |headers: &str, body: &[u8]| world.raw_post(TASK, headers, body);
    let cut = Wanted::Refused(Envelope::Unread, 400, "truncated");
    for (name, headers, body) in [
        ("fewer bytes than announced", format!("Content-Length: {}\r\n", length + 10), body.as_bytes()),
        ("no bytes at all", format!("Content-Length: {length}\r\n"), b""),
        ("a chunk that is cut off", "Transfer-Encoding: chunked\r\n".to_owned(), b"10\r\n{\"a\":"),
        ("no last chunk", "Transfer-Encoding: chunked\r\n".to_owned(), b"2\r\n{}\r\n"),
        ("a chunk without a size", "Transfer-Encoding: chunked\r\n".to_owned(), b"\r\n\r\n"),
        ("a size that is no number", "Transfer-Encoding: chunked\r\n".to_owned(), b"zz\r\n{}\r\n0\r\n\r\n"),
        ("a negative size", "Transfer-Encoding: chunked\r\n".to_owned(), b"-2\r\n{}\r\n0\r\n\r\n"),
        ("a size beyond all bounds", "Transfer-Encoding: chunked\r\n".to_owned(), b"fffffffffffffffff\r\n{}"),
        (
            "a chunk longer than its size",
            "Transfer-Encoding: chunked\r\n".to_owned(),
            b"1\r\n{}\r\n0\r\n\r\n",
        ),
        ("broken trailers", "Transfer-Encoding: chunked\r\n".to_owned(), b"2\r\n{}\r\n0\r\nbro\0ken\r\n\r\n"),
        ("raw text as chunks", "Transfer-Encoding: chunked\r\n".to_owned(), b"{\"TaskName\":1}"),
    ] {
        table.push(Case::new(name, framed(&headers, body), cut.clone()).ends());
    }
    for (name, headers) in [
        ("two lengths", "Content-Length: 2\r\nContent-Length: 3\r\n"),
        ("a negative length", "Content-Length: -1\r\n"),
        ("a length in words", "Content-Length: two\r\n"),
        ("an empty length", "Content-Length:\r\n"),
        ("a length beyond all bounds", "Content-Length: 99999999999999999999999\r\n"),
        ("a length with a plus", "Content-Length: +2\r\n"),
        ("an unknown framing", "Transfer-Encoding: gzip\r\n"),
        ("chunked before another framing", "Transfer-Encoding: chunked, gzip\r\n"),
        ("a name with a blank", "Content Length: 2\r\n"),
        ("a name with a NUL", "Conte\0nt: 2\r\n"),
        ("no name", ": 2\r\n"),
        ("no colon", "nothing\r\n"),
        ("a value with a NUL", "X: a\0b\r\n"),
        ("a header that is folded", "X: a\r\n b: c\r\n"),
    ] {
        table.push(Case::new(name, framed(headers, b"{}"), Wanted::Bare(400)).garbles());
    }
    // What is left over counts as the next request, and is none.
    let short = framed("Content-Type: application/json\r\nContent-Length: 5\r\n", body.as_bytes());
    table.push(
        Case::new("more bytes than announced", short, Wanted::Refused(Envelope::Cloud, 400, "not JSON"))
            .garbles(),
    );
    let empty = framed("", body.as_bytes());
    table.push(
        Case::new("a body that nobody announced", empty, Wanted::Refused(Envelope::Cloud, 400, "TaskName"))
            .garbles(),
    );
    let whole = framed("Expect: something else\r\nContent-Length: 2\r\n", b"{}");
    table.push(Case::new("an unknown expectation", whole, Wanted::Refused(Envelope::Cloud, 400, "TaskName")));
    let sized = framed("Transfer-Encoding: chunked\r\n", b"2;a=b;c=\"d\"\r\n{}\r\n0\r\nX: y\r\n\r\n");
    table.push(Case::new(
        "extensions and trailers",
        sized,
        Wanted::Refused(Envelope::Cloud, 400, "TaskName"),
    ));
    // A client that means to say two things at once is not heard again.
    let both = framed("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n");
    table.push(
        Case::new("a length and chunks", both, Wanted::Refused(Envelope::Cloud, 400, "TaskName")).garbles(),
    );
    let get = world.get_with(ROBOT, "Content-Length: 5\r\n");
    table.push(Case::new("a GET with a body", [&get[..], b"\xff\0{x:"].concat(), Wanted::Taken));
    let latin = [
        b"GET /service/cloud/robot HTTP/1.1\r\nHost: localhost\r\nX: \xe9\r\nAuthorization: Token ",
        world.token.as_bytes(),
        b"\r\n\r\n",
    ]
    .concat();
    table.push(Case::new("headers that are no UTF-8", latin, Wanted::Taken));
    for (name, path) in [("path", &b"/service/\xff\xfe"[..]), ("query", b"/service/cloud/robot?x=\xff\xc3")] {
        let bytes = [b"GET ", path, b" HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat();
        table.push(Case::new(format!("a {name} that is no UTF-8"), bytes, Wanted::Bare(400)).garbles());
    }
    let old = format!("GET {ROBOT} HTTP/1.0\r\nAuthorization: Token {}\r\n\r\n", world.token);
    table.push(Case::new("HTTP/1.0", old, Wanted::Taken).garbles());
    let hostless = format!("GET {ROBOT} HTTP/1.1\r\nAuthorization: Token {}\r\n\r\n", world.token);
    table.push(Case::new("no host", hostless, Wanted::Bare(400)).garbles());
    for (name, hosts, status) in [
        ("two hosts", "Host: localhost\r\nHost: localhost\r\n", 400),
        ("a host of somebody else's", "Host: evil.example\r\n", 421),
        ("a host that is no text", "Host: \u{7f}\r\n", 400),
    ] {
        let bytes = format!("GET {ROBOT} HTTP/1.1\r\n{hosts}Authorization: Token {}\r\n\r\n", world.token);
        table.push(Case::new(name, bytes, Wanted::Bare(status)).garbles());
    }
    let upgrade = world
        .get_with(ROBOT, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n");
    table.push(Case::new("an upgrade", upgrade, Wanted::Taken));
}

fn sizes(world: &World, table: &mut Vec<Case>) {
    let large = "x".repeat((1 << 20) + 1);
    let too_large = || Wanted::Refused(Envelope::Cloud, 413, "1048576");
    table.push(Case::new("a body that is too large", world.post_text(TASK, &large), too_large()));
    let chunks = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let chunks = world.raw_post(TASK, "Transfer-Encoding: chunked\r\n", chunks.as_bytes());
    table.push(Case::new("chunks that are too large", chunks, too_large()));
    let announced = world.raw_post(TASK, "Content-Length: 1000000000000\r\n", b"{");
    table.push(Case::new("a terabyte that is announced", announced, too_large()).ends());
    let waiting = world.raw_post(TASK, "Expect: 100-continue\r\nContent-Length: 2000000\r\n", b"");
    table.push(Case::new("too much, politely asked", waiting, too_large()));
    let get = world.get_with(ROBOT, &format!("Content-Length: {}\r\n", large.len()));
    table.push(Case::new(
        "a GET whose body is too large",
        [&get[..], large.as_bytes()].concat(),
        too_large(),
    ));
    let just = format!("{{\"a\":\"{}\"}}", "x".repeat((1 << 20) - 8));
    assert_eq!(just.len(), 1 << 20);
    let wanted = Wanted::Refused(Envelope::Cloud, 400, "TaskName");
    table.push(Case::new("a body as large as can be", world.post_text(TASK, &just), wanted));
    for (name, bytes) in [
        ("a header that is too long", world.get_with(ROBOT, &format!("X: {}\r\n", "x".repeat(9_000)))),
        ("a header name that is too long", world.get_with(ROBOT, &format!("{}: x\r\n", "x".repeat(9_000)))),
        ("a target that is too long", world.get(&format!("{ROBOT}?x={}", "x".repeat(9_000)))),
        ("too many headers", world.get_with(ROBOT, &"X: y\r\n".repeat(150))),
        ("far too many headers", world.get_with(ROBOT, &"X: y\r\n".repeat(5_000))),
        (
            "a token that is too long",
            format!("GET {ROBOT} HTTP/1.1\r\nAuthorization: Token {}\r\n\r\n", "x".repeat(9_000))
                .into_bytes(),
        ),
    ] {
        table.push(Case::new(name, bytes, Wanted::Bare(431)).garbles());
    }
    let full = world.get_with(ROBOT, &"X: y\r\n".repeat(97));
    table.push(Case::new("as many headers as can be", full, Wanted::Taken));
}

fn garbage(table: &mut Vec<Case>) {
    for (name, bytes) in [
        ("a text", &b"hello?\r\n\r\n"[..]),
        ("bytes", b"\x00\x01\x02\xff\xfe\r\n\r\n"),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefghijklmnopqrstuvwxyz\r\n\r\n"),
        ("SSH", b"SSH-2.0-OpenSSH_9.9\r\n"),
        ("Redis", b"*1\r\n$4\r\nPING\r\n"),
        ("JSON", b"{\"TaskName\":\"x\"}\r\n\r\n"),
        ("half of the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\n"),
        ("another preface", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
    ] {
        table.push(Case::new(format!("garbage: {name}"), bytes, Wanted::Bare(400)).ends());
    }
    for (name, bytes) in [
        ("nothing", &b""[..]),
        ("half a line", b"GET /serv"),
        ("half a head", b"GET / HTTP/1.1\r\nHost: m"),
        ("line breaks", b"\r\n\r\n\r\n"),
    ] {
        table.push(Case::new(format!("garbage: {name}"), bytes, Wanted::Closed).ends());
    }
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for (name, frames) in [
        ("text", &b"garbage garbage garbage"[..]),
        ("a frame beyond all bounds", b"\xff\xff\xff\x00\x00\x00\x00\x00\x01"),
        ("data before headers", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01x"),
        (
            "broken header blocks",
            b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x04\x01\x05\x00\x00\x00\x01\xff\xff\xff\xff",
        ),
    ] {
        let bytes = [&preface[..], frames].concat();
        table.push(Case::new(format!("HTTP/2 with {name}"), bytes, Wanted::Closed).ends());
    }
}
