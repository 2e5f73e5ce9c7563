//! Bodies that cannot be read, or say strange things.

use serde_json::json;

use super::case::{Case, Envelope, Wanted, World};

const TASK: &str = "/service/cloud/task";
const JSON: &str = "Content-Type: application/json\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

fn refused(word: &'static str) -> Wanted {
    Wanted::Refused(Envelope::Cloud, 400, word)
}

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Vec::new();
    broken_json(world, &mut table);
    strange_tasks(world, &mut table);
    forms(world, &mut table);
    parts(world, &mut table);
    table
}

fn broken_json(world: &World, table: &mut Vec<Case>) {
    let good = world.new_task().to_string();
    let deep =
        |open: &str, close: &str| format!("{{\"a\":{}1{}}}", open.repeat(10_000), close.repeat(10_000));
    let mut add = |name: &str, body: &[u8], word: &'static str| {
        for (kind, headers) in [("JSON", JSON), ("nothing", "")] {
            let bytes = world.post_bytes(TASK, headers, body);
            table.push(Case::new(format!("{name}, announced as {kind}"), bytes, refused(word)));
        }
    };
    for at in [1, 2, 12, good.len() / 2, good.len() - 1] {
        add("JSON that is cut off", &good.as_bytes()[..at], "not JSON");
    }
    add("a list", b"[1]", "must be a JSON object");
    add("JSON and more", format!("{good}}}").as_bytes(), "not JSON");
    add("JSON twice", format!("{good}{good}").as_bytes(), "not JSON");
    add("a comma too many", b"{\"a\":1,}", "not JSON");
    add("a colon too few", b"{\"a\" 1}", "not JSON");
    add("single quotes", b"{'a':1}", "not JSON");
    add("no quotes", b"{a:1}", "not JSON");
    add("a comment", b"{/* a */\"a\":1}", "not JSON");
    add("NaN", b"{\"a\":NaN}", "not JSON");
    add("Infinity", b"{\"a\":-Infinity}", "not JSON");
    add("a leading zero", b"{\"a\":01}", "not JSON");
    add("a hexadecimal number", b"{\"a\":0x1}", "not JSON");
    add("half a number", b"{\"a\":1.}", "not JSON");
    add("a lone surrogate", b"{\"TaskName\":\"\\ud800\"}", "not JSON");
    add("surrogates in the wrong order", b"{\"TaskName\":\"\\udc00\\ud800\"}", "not JSON");
    add("an unknown escape", b"{\"a\":\"\\x\"}", "not JSON");
    add("a raw line break in a text", b"{\"a\":\"\n\"}", "not JSON");
    add("a raw NUL in a text", b"{\"a\":\"\0\"}", "not JSON");
    add("a NUL behind", b"{}\0", "not JSON");
    add("no UTF-8 in a text", b"{\"TaskName\":\"\xff\xfe\"}", "not UTF-8");
    add("no UTF-8 in a name", b"{\"\xc3\x28\":1}", "not UTF-8");
    add("a surrogate as UTF-8", b"{\"a\":\"\xed\xa0\x80\"}", "not UTF-8");
    add("overlong UTF-8", b"{\"a\":\"\xc0\xaf\"}", "not UTF-8");
    add("lists 10,000 deep", deep("[", "]").as_bytes(), "127");
    add("objects 10,000 deep", deep("{\"a\":", "}").as_bytes(), "127");
    add("lists that never end", format!("{{\"a\":{}", "[".repeat(100_000)).as_bytes(), "127");
    add("a number of 10,000 digits", format!("{{\"a\":1{}}}", "0".repeat(10_000)).as_bytes(), "too large");
    add("a list that is no list", b"{\"Details\":[}", "not JSON");
    let mut add = |name: &str, body: &[u8], word: &'static str| {
        table.push(Case::new(name, world.post_bytes(TASK, JSON, body), refused(word)));
    };
    add("a text", b"\"x\"", "must be a JSON object");
    add("a number", b"1", "must be a JSON object");
    add("null", b"null", "must be a JSON object");
    add("UTF-16", b"\xff\xfe{\0}\0", "not UTF-8");
    add("a NUL in front", b"\0{}", "not JSON");
    add("nothing", b"", "TaskName is missing");
    add("blanks", b" \r\n\t ", "TaskName is missing");
    add("nothing but the mark of UTF-8", b"\xef\xbb\xbf", "TaskName is missing");
    add("no fields", b"{}", "TaskName is missing");
    add("random bytes", &[0x1f, 0x8b, 8, 0, 0xca, 0xfe], "not UTF-8");
}

fn strange_tasks(world: &World, table: &mut Vec<Case>) {
    let mut add = |name: &str, body: String, wanted: Wanted| {
        table.push(Case::new(name, world.post_text(TASK, &body), wanted));
    };
    let task = |field: &str, value: serde_json::Value| {
        let mut task = world.new_task();
        task[field] = value;
        task.to_string()
    };
    let row = "[{\"Mobile\":\"+6281112345678\"}]";
    let rows = |text: &str| task("Details", "(rows)".into()).replacen("\"(rows)\"", text, 1);
    add("the same name twice: the last counts", rows(&format!("1,\"Details\":{row}")), Wanted::Taken);
    add("a name and then none", rows(&format!("{row},\"TaskName\":null")), refused("TaskName"));
    add(
        "rows twice in a row",
        rows("[{\"Mobile\":\"+6281112345678\",\"Mobile\":\"x\"}]"),
        Wanted::RowRefused("Mobile"),
    );
    add("no row at all", rows("[]"), refused("Details"));
    add(
        "rows deep within a variable",
        rows(&format!(
            "[{{\"Mobile\":\"+6281112345678\",\"x\":{}{}}}]",
            "[".repeat(10_000),
            "]".repeat(10_000)
        )),
        Wanted::Taken,
    );
    add("a row within rows", rows(&format!("[{row}]")), Wanted::RowRefused("expected an object"));
    add("rows that are not closed", rows("[{\"Mobile\":\"+62\"]"), refused("not JSON"));
    add(
        "a lone surrogate in a row",
        rows("[{\"Mobile\":\"+6281112345678\",\"Debtor\":\"\\ud800\"}]"),
        Wanted::RowRefused("Debtor"),
    );
    add(
        "a lone surrogate in comments",
        rows("[{\"Mobile\":\"+6281112345678\",\"Comments\":\"\\udfff\"}]"),
        Wanted::RowRefused("Comments"),
    );
    add(
        "a lone surrogate as a key",
        rows("[{\"Mobile\":\"+6281112345678\",\"\\ud800\":1}]"),
        Wanted::RowRefused("cannot be read"),
    );
    add(
        "an escaped name",
        rows("[{\"Mob\\u0069le\":\"+62811\\u00312345678\",\"Gender\":\"m\\u0061le\"}]"),
        Wanted::Taken,
    );
    for number in [
        "",
        "+",
        "+62",
        "62811123456",
        "+062811123456",
        "+6281112345678901",
        "+62 811 1234567",
        "+６２８１１１２３４５",
        "+62811-123456",
        "++62811123456",
        "+62811123456x",
        "\u{0}+62811123456",
        "+62811123456\u{0}",
        "+-6281112345",
    ] {
        let text = serde_json::to_string(&json!([{ "Mobile": number }])).unwrap();
        add(&format!("the number {number:?}"), rows(&text), Wanted::RowRefused("Mobile"));
    }
    for day in [
        "2030-02-30",
        "2030-13-01",
        "0000-00-00",
        "99999-01-01",
        "-2030-01-01",
        "2030/01/01",
        "2030-01-01 00:00:00",
        "01.01.2030",
        "2030-1-1x",
        "\u{0}",
    ] {
        let text = serde_json::to_string(&json!([{ "Mobile": "+6281112345678", "DueDate": day }])).unwrap();
        add(&format!("the day {day:?}"), rows(&text), Wanted::RowRefused("DueDate"));
    }
    for moment in [
        "2030-02-30 09:00:00",
        "2030-01-02T09:00:00Z",
        "2030-01-02",
        "09:00:00",
        "2030-01-02 25:00:00",
        "2030-01-02 09:60:00",
        "2030-01-02 09:00:00+07:00",
        "2030-01-02 09:00:00 ",
        "99999-01-01 00:00:00",
        "-9999-01-01 00:00:00",
        "1893456000",
    ] {
        add(
            &format!("the start {moment:?}"),
            task("ScheduleStartTime", moment.into()),
            refused("ScheduleStartTime"),
        );
    }
    add(
        "an end before the start",
        task("ScheduleEndTime", "2030-01-01 09:00:00".into()),
        refused("ScheduleEndTime"),
    );
    add(
        "an end at the start",
        task("ScheduleEndTime", "2030-01-02 09:00:00".into()),
        refused("ScheduleEndTime"),
    );
    add("a start in the past", task("ScheduleStartTime", "0001-01-01 00:00:00".into()), Wanted::Taken);
    add(
        "a start in the last year there is",
        task("ScheduleStartTime", "9999-12-31 00:00:00".into()),
        refused("ScheduleEndTime"),
    );
    add(
        "an end in the last year there is",
        task("ScheduleEndTime", "9999-12-30 23:59:59".into()),
        Wanted::Taken,
    );
    add("a name that is one letter too long", task("TaskName", "é".repeat(64).into()), refused("63"));
    add("a name that is as long as can be", task("TaskName", "é".repeat(63).into()), Wanted::Taken);
    let name = "\u{1b}[2J\u{0}\r\n\u{202e}";
    add("a name that moves the cursor", task("TaskName", name.into()), Wanted::Taken);
    add(
        "the same name again",
        task("TaskName", name.into()),
        Wanted::Refused(Envelope::Cloud, 409, "TaskName"),
    );
    add("other letter case", task("Type", "Normal".into()), refused("Type"));
    add("an unknown action", json!({}).to_string(), refused("TaskName"));
    add("the most repeats", task("RepeatNumber", 100.into()), Wanted::Taken);
    add("a repeat too many", task("RepeatNumber", 101.into()), refused("RepeatNumber"));
    add("no repeat", task("RepeatNumber", (-1).into()), refused("RepeatNumber"));
    add("repeats in words", task("RepeatNumber", " 3 ".into()), Wanted::Taken);
    add("repeats as 2^64", task("RepeatNumber", u64::MAX.into()), refused("RepeatNumber"));
    add("an interval beyond all bounds", task("RepeatInterval", i64::MAX.into()), refused("RepeatInterval"));
    add(
        "a thousand unknown fields",
        {
            let mut task = world.new_task();
            for number in 0..1_000 {
                task[format!("field {number}")] = number.into();
            }
            task.to_string()
        },
        Wanted::Taken,
    );
    for (page, wanted) in [
        ("Page=9223372036854775807&Number=1000", Wanted::Taken),
        ("Page=9223372036854775808", refused("Page")),
        ("Page=0", refused("Page")),
        ("Number=1001", refused("Number")),
        ("Number=%2B5", Wanted::Taken),
    ] {
        table.push(Case::new(page, world.get(&format!("/service/cloud/list?{page}")), wanted));
    }
    for id in [
        "0123456789abcdef0123456789abcdef",
        &world.task.to_uppercase(),
        &world.task[1..],
        &format!("{}0", world.task),
        &format!("%20{}", world.task),
        &world.plan,
        "../../etc/passwd",
        "%2e%2e%2f",
        "'%20OR%201=1--",
        "$%7Bjndi:ldap://x%7D",
        "%F0%9F%92%A9",
    ] {
        let wanted = Wanted::Refused(Envelope::Cloud, 404, "TaskID");
        table.push(Case::new(
            format!("TaskID={id}"),
            world.get(&format!("/service/cloud/detail?TaskID={id}")),
            wanted,
        ));
    }
    for target in [
        "/download/20300101/a/b.wav",
        "/download/99999999/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef.zip",
        "/download/20300101/%00/%00.wav",
        "/download/20300101/a/b/c.wav",
    ] {
        table.push(Case::new(target, world.get(target), Wanted::Refused(Envelope::Nobody, 404, "recording")));
    }
    let delete = world.bare("DELETE", "/download/20300101/a/b.wav");
    table.push(Case::new("deleting a recording", delete, Wanted::Refused(Envelope::Nobody, 405, "GET")));
}

fn forms(world: &World, table: &mut Vec<Case>) {
    let auth = "/service/cloud/auth";
    let mut add = |name: &str, path: &str, headers: &str, body: &[u8], wanted: Wanted| {
        table.push(Case::new(name, world.post_bytes(path, headers, body), wanted));
    };
    add("a form of broken text", auth, FORM, b"APPKey=%FF&APPSecret=x", refused("APPKey"));
    add("a form with a broken name", auth, FORM, b"%FF=1", refused("not UTF-8"));
    add("a form of raw bytes", auth, FORM, b"APPKey=\xff", refused("not UTF-8"));
    add(
        "a form of wrong percents",
        auth,
        FORM,
        b"APPKey=%&APPSecret=%z",
        Wanted::Refused(Envelope::Cloud, 401, "APPKey"),
    );
    add("a form of nothing but signs", auth, FORM, b"&&&===&&%", refused("APPKey"));
    add("a form that says everything twice", auth, FORM, b"APPKey=a&APPKey=b", refused("APPKey"));
    add(
        "a form with NUL",
        auth,
        FORM,
        b"APPKey=a\0b&APPSecret=%00",
        Wanted::Refused(Envelope::Cloud, 401, "APPKey"),
    );
    add("a long form", auth, FORM, "a=b&".repeat(100_000).as_bytes(), refused("APPKey"));
    add("a form as JSON", auth, JSON, b"APPKey=a", refused("not JSON"));
    add(
        "rows in a form that are none",
        TASK,
        FORM,
        b"TaskName=in%20a%20form&Details=%5B",
        refused("Details"),
    );
    add(
        "rows in a form that are a text",
        TASK,
        FORM,
        b"TaskName=in%20a%20form&Details=x",
        refused("Details"),
    );
    add(
        "rows in a form, twice",
        TASK,
        FORM,
        b"TaskName=in%20a%20form&Details=%5B1%5D&Details=%5B1%5D",
        refused("Details"),
    );
    for content_type in ["image/png", "application/xml", "x", "\u{1b}[31m", "application/x-protobuf; a=b"] {
        let headers = format!("Content-Type: {content_type}\r\n");
        let wanted =
            if content_type.contains('\u{1b}') { Wanted::Bare(400) } else { refused("content type") };
        let case = Case::new(content_type, world.post_bytes(auth, &headers, b"x"), wanted.clone());
        table.push(if matches!(wanted, Wanted::Bare(_)) { case.garbles() } else { case });
    }
}

fn parts(world: &World, table: &mut Vec<Case>) {
    let auth = "/service/cloud/auth";
    let part =
        |head: &str, body: &str| format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n");
    let key = part("name=\"APPKey\"", "x");
    let end = "--b--\r\n";
    let with = "multipart/form-data; boundary=b";
    for (name, content_type, body, word) in [
        ("no boundary", "multipart/form-data", format!("{key}{end}"), "boundary"),
        ("an empty boundary", "multipart/form-data; boundary=", format!("{key}{end}"), "multipart"),
        ("another boundary", "multipart/form-data; boundary=c", format!("{key}{end}"), "multipart"),
        ("no end", with, key.clone(), "multipart"),
        ("no parts", with, end.to_owned(), "APPKey"),
        ("text only", with, "no parts at all".to_owned(), "multipart"),
        ("a part without a name", with, format!("{}{end}", part("filename=\"a\"", "x")), "multipart"),
        ("a part without a head", with, format!("--b\r\n\r\nx\r\n{end}"), "multipart"),
        ("a part with a broken head", with, format!("--b\r\nbroken\r\n\r\nx\r\n{end}"), "multipart"),
        (
            "a part that is cut off",
            with,
            "--b\r\nContent-Disposition: form-data; name=\"APPKey\"\r\n\r\nx".to_owned(),
            "multipart",
        ),
        ("a head that is cut off", with, "--b\r\nContent-Disposition: form-".to_owned(), "multipart"),
        (
            "a file for a key",
            with,
            format!("{}{end}", part("name=\"APPKey\"; filename=\"a\"", "x")),
            "APPKey",
        ),
        ("the same part twice", with, format!("{key}{key}{end}"), "APPKey"),
        ("lines of one letter", with, format!("{key}{end}").replace("\r\n", "\n"), "multipart"),
        ("parts without end", with, key.repeat(10_001), "multipart"),
        ("JSON as parts", with, "{\"APPKey\":\"x\"}".to_owned(), "multipart"),
    ] {
        let bytes = world.post_bytes(auth, &format!("Content-Type: {content_type}\r\n"), body.as_bytes());
        table.push(Case::new(format!("multipart: {name}"), bytes, refused(word)));
    }
    let broken =
        [part("name=\"APPKey\"", "").trim_end().as_bytes(), b"\r\n\r\n\xff\r\n", end.as_bytes()].concat();
    let bytes = world.post_bytes(auth, &format!("Content-Type: {with}\r\n"), &broken);
    table.push(Case::new("multipart: no UTF-8", bytes, refused("APPKey")));
}
