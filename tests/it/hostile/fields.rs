//! Every parameter of every request, with every kind of wrong value.

use serde_json::{Value, json};

use super::case::{Case, Envelope, Wanted, World};

/// What a parameter takes.
#[derive(Clone, Copy)]
enum Kind {
    /// A text. One that nobody knows comes to this status, with this word; 200 means that it is taken.
    Text(u16, &'static str),
    /// A text of so many characters at most.
    Name,
    /// A whole number of this range.
    Whole(i64, i64),
    /// A word of a few, a moment, a phone number: no other text will do.
    Strict,
    /// A list or a table: no text, no number.
    Nested,
    /// A text or a whole number, part of what is signed.
    Signed,
    /// Anything at all.
    Any,
}

/// A parameter: its name, or its path within the body; what it takes; whether it must be there.
type Field = (&'static str, Kind, bool);

const KEY: Kind = Kind::Text(401, "APPKey");
const SECRET: Kind = Kind::Text(401, "APPSecret");
const FREE: Kind = Kind::Text(200, "");
const TASK: Field = ("TaskID", Kind::Text(404, "TaskID"), true);
const PLAN: Field = ("PlanID", Kind::Text(404, "PlanID"), true);

const ORDER: [Field; 8] = [
    ("ScheduleStartTime", Kind::Strict, false),
    ("ScheduleEndTime", Kind::Strict, false),
    ("RobotID", FREE, false),
    ("RobotMethod", Kind::Strict, false),
    ("SIPLine", FREE, false),
    ("RepeatInterval", Kind::Whole(0, 100_000), false),
    ("RepeatNumber", Kind::Whole(0, 100), false),
    ("Details", Kind::Nested, true),
];

/// A wrong value in JSON, by what it is.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Null,
    Number(f64),
    /// No double holds it.
    Huge,
    Bool,
    Text,
    Empty,
    Long,
    Nested,
    /// Deeper than anything is read.
    Deep,
}

/// A name for messages, the JSON text, and what it is.
fn values() -> Vec<(&'static str, String, Wrong)> {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    vec![
        ("null", "null".to_owned(), Wrong::Null),
        ("a number", "7".to_owned(), Wrong::Number(7.0)),
        ("a fraction", "7.5".to_owned(), Wrong::Number(7.5)),
        ("a negative number", "-5".to_owned(), Wrong::Number(-5.0)),
        ("a number of thirty digits", "123456789012345678901234567890".to_owned(), Wrong::Number(1.2e29)),
        ("a number no double holds", "1e400".to_owned(), Wrong::Huge),
        ("true", "true".to_owned(), Wrong::Bool),
        ("a text", "\"x\"".to_owned(), Wrong::Text),
        ("an empty text", "\"\"".to_owned(), Wrong::Empty),
        ("a long text", format!("\"{}\"", "x".repeat(100_000)), Wrong::Long),
        ("control characters", "\"a\\u0000\\n\\u001b[31m\\u202e\"".to_owned(), Wrong::Text),
        ("an empty list", "[]".to_owned(), Wrong::Nested),
        ("a list", "[1,null]".to_owned(), Wrong::Nested),
        ("an object", "{}".to_owned(), Wrong::Nested),
        ("nested", "{\"a\":[{\"b\":null}]}".to_owned(), Wrong::Nested),
        ("10,000 levels", deep, Wrong::Deep),
    ]
}

/// What comes of a value in JSON.
fn judged(envelope: Envelope, (name, kind, needed): Field, wrong: Wrong) -> Wanted {
    let refused = || Wanted::Refused(envelope, 400, name);
    let missing = || if needed { refused() } else { Wanted::Taken };
    match (kind, wrong) {
        // Nobody reads so far as to know the field; rows are read apart.
        (_, Wrong::Huge) => Wanted::Refused(envelope, 400, "too large"),
        (Kind::Nested, Wrong::Deep) if name == "Details" => Wanted::RowRefused("expected an object"),
        (_, Wrong::Deep) => Wanted::Refused(envelope, 400, "127"),
        (Kind::Any, _) => Wanted::Taken,
        (_, Wrong::Null) => missing(),
        (Kind::Nested, _) => refused(),
        (_, Wrong::Bool | Wrong::Nested) => refused(),
        (Kind::Signed, Wrong::Number(n)) if n.fract() != 0.0 || n > 1e19 => refused(),
        (Kind::Signed, Wrong::Number(n)) if n < 0.0 => refused(),
        (Kind::Signed, Wrong::Empty | Wrong::Text | Wrong::Long) => refused(),
        (Kind::Signed, _) => Wanted::Refused(envelope, 401, "system.sign"),
        (Kind::Whole(from, to), Wrong::Number(n))
            if n.fract() == 0.0 && (from as f64..=to as f64).contains(&n) =>
        {
            Wanted::Taken
        }
        (_, Wrong::Empty) => missing(),
        (Kind::Whole(..) | Kind::Strict, _) => refused(),
        (Kind::Text(..) | Kind::Name, Wrong::Number(_)) => refused(),
        (Kind::Text(200, _), Wrong::Long) if name == "message" => refused(),
        (Kind::Text(200, _), _) => Wanted::Taken,
        (Kind::Text(status, word), _) => Wanted::Refused(envelope, status, word),
        (Kind::Name, Wrong::Long) => refused(),
        (Kind::Name, _) => Wanted::Taken,
    }
}

/// A body with one of its values replaced by JSON text that no value can hold.
fn replaced(mut body: Value, path: &str, text: &str) -> String {
    const MARK: &str = "(here)";
    let mut place = &mut body;
    for key in path.split('.') {
        place = match key.parse::<usize>() {
            Ok(index) => &mut place[index],
            Err(_) => &mut place[key],
        };
    }
    *place = MARK.into();
    body.to_string().replacen(&format!("\"{MARK}\""), text, 1)
}

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Vec::new();
    posts(world, &mut table);
    queries(world, &mut table);
    rows(world, &mut table);
    table
}

/// A request with a body: its path, its family's envelope, a body that is taken, and the parameters to spoil.
type Post<'a> = (&'static str, Envelope, &'a dyn Fn() -> Value, Vec<Field>);

fn posts(world: &World, table: &mut Vec<Case>) {
    let (task, plan) = (&world.task, &world.plan);
    let with = |more: &[Field]| [more, &ORDER].concat();
    let create = with(&[
        ("TaskName", Kind::Name, true),
        ("Type", Kind::Strict, false),
        ("Perform", Kind::Whole(1, 1), false),
    ]);
    let auth = || json!({ "APPKey": "AIRudderMockKey0000001", "APPSecret": "AIRudderMockSecret0001" });
    let new_plan = || {
        let mut plan = world.new_task();
        plan["PlanName"] = plan["TaskName"].take();
        plan["StrategyID"] = "Busy lines again".into();
        plan
    };
    let number = "+6281112345678";
    let detection = || {
        json!({
            "system": {
                "appkey": "AIRudderMockKey0000001", "charset": "UTF-8", "timestamp": 1_893_456_000, "signtype": "MD5",
                "sign": "6rCtasyIYUW84xfv5nNCbA==", "version": "1.0.0",
            },
            "business": { "calls": [{ "callee": number, "callback": "aHR0cDovLzEyNy4wLjAuMTo5Lw==", "prvdata": "" }] },
        })
    };
    let sms =
        || json!({ "to": [number], "message": "text", "from": "me", "callbackUrl": "http://127.0.0.1:9/" });
    let new_task = || world.new_task();
    let stop = || json!({ "TaskID": task, "Action": "Stop" });
    let cancel = || json!({ "TaskID": task, "CalleeNumber": number });
    let cancel_in_plan = || json!({ "PlanID": plan, "CalleeNumber": number });
    let plan_fields =
        with(&[("PlanName", Kind::Name, true), ("StrategyID", Kind::Text(404, "StrategyID"), true)]);
    let all: Vec<Post<'_>> = vec![
        (
            "/service/cloud/auth",
            Envelope::Cloud,
            &auth,
            vec![("APPKey", KEY, true), ("APPSecret", SECRET, true)],
        ),
        ("/service/cloud/task", Envelope::Cloud, &new_task, create.clone()),
        ("/service/cloud/v2/task", Envelope::Cloud, &new_task, create),
        ("/service/cloud/operation", Envelope::Cloud, &stop, vec![TASK, ("Action", Kind::Strict, true)]),
        (
            "/service/cloud/cancelphonecall",
            Envelope::Cloud,
            &cancel,
            vec![TASK, ("CalleeNumber", Kind::Strict, true)],
        ),
        ("/service/cloud/plan", Envelope::Cloud, &new_plan, plan_fields),
        (
            "/service/cloud/plan/cancelphonecall",
            Envelope::Cloud,
            &cancel_in_plan,
            vec![PLAN, ("CalleeNumber", Kind::Strict, true)],
        ),
        (
            "/service/sms/message/v2/send",
            Envelope::Sms,
            &sms,
            vec![
                ("to", Kind::Strict, true),
                ("message", FREE, true),
                ("from", FREE, true),
                ("callbackUrl", Kind::Strict, false),
            ],
        ),
        (
            "/service/cloud/emptycheck",
            Envelope::Detection,
            &detection,
            vec![
                ("system", Kind::Nested, true),
                ("system.appkey", Kind::Text(401, "system.appkey"), true),
                ("system.charset", Kind::Strict, true),
                ("system.signtype", Kind::Strict, true),
                ("system.timestamp", Kind::Signed, true),
                ("system.version", Kind::Text(401, "system.sign"), true),
                ("system.sign", Kind::Text(401, "system.sign"), true),
                ("business", Kind::Nested, true),
                ("business.calls", Kind::Nested, true),
                ("business.calls.0.callee", FREE, true),
                ("business.calls.0.callback", Kind::Strict, true),
                ("business.calls.0.prvdata", Kind::Any, false),
            ],
        ),
    ];
    for (path, envelope, body, fields) in all {
        for field in fields {
            for (what, text, wrong) in values() {
                let wanted = match (field, wrong) {
                    // A list of no rows or a table is refused, a list of wrong rows makes a task without any.
                    (("Details", ..), Wrong::Nested) if text == "[1,null]" => {
                        Wanted::RowRefused("expected an object")
                    }
                    (("Details", ..), Wrong::Nested) => Wanted::Refused(envelope, 400, "Details"),
                    // The other path has taken the name.
                    (("TaskName", ..), Wrong::Text) if path.contains("v2") => {
                        Wanted::Refused(envelope, 409, "TaskName")
                    }
                    // Inside of lists, messages count.
                    ((name, kind, needed), _) if name.starts_with("business.calls.0") => {
                        let last = name.rsplit('.').next().unwrap_or_default();
                        judged(envelope, (last, kind, needed), wrong)
                    }
                    _ => judged(envelope, field, wrong),
                };
                let bytes = world.post_text(path, &replaced(body(), field.0, &text));
                table.push(Case::new(format!("{path}: {} is {what}", field.0), bytes, wanted));
            }
        }
    }
}

fn queries(world: &World, table: &mut Vec<Case>) {
    let task = format!("TaskID={}", world.task);
    let plan = format!("PlanID={}", world.plan);
    let callee = ("Callee", Kind::Strict, true);
    let page = [
        ("Number", Kind::Whole(1, 1_000), false),
        ("Page", Kind::Whole(1, i64::MAX), false),
        ("Type", Kind::Strict, false),
    ];
    let all: Vec<(&str, &str, Vec<Field>)> = vec![
        ("/service/cloud/list", "", page.to_vec()),
        ("/service/cloud/detail", "", vec![TASK]),
        ("/service/cloud/case", "Callee=%2B6281112345678", vec![TASK]),
        ("/service/cloud/case", &task, vec![callee]),
        ("/service/cloud/recording", "", vec![TASK]),
        ("/service/cloud/callinfo", "", vec![("CallID", Kind::Text(404, "CallID"), true)]),
        ("/service/cloud/plan/status", "", vec![PLAN]),
        ("/service/cloud/plan/rounds", "", vec![PLAN]),
        ("/service/cloud/plan/recordings", "Callee=%2B6281112345678", vec![PLAN]),
        ("/service/cloud/plan/recordings", &plan, vec![callee]),
    ];
    for (path, rest, fields) in all {
        for field @ (name, kind, needed) in fields {
            let long = "x".repeat(4_000);
            for (what, text) in [
                ("missing", ""),
                ("empty", "=&"),
                ("a number", "=7"),
                ("no double", "=1e400"),
                ("negative", "=-5"),
                ("of thirty digits", "=123456789012345678901234567890"),
                ("a text", "=x"),
                ("a long text", &long),
                ("a list", "=%5B%5D"),
                ("an object", "=%7B%22a%22%3A1%7D"),
                ("control characters", "=%00%0A%1B%5B31m"),
                ("no UTF-8", "=%FF%FE"),
                ("wrongly encoded", "=%zz%4"),
            ] {
                let text = if what == "a long text" { format!("={text}") } else { text.to_owned() };
                let wanted = match (what, kind) {
                    ("missing" | "empty", _) => judged(Envelope::Cloud, field, Wrong::Null),
                    ("no UTF-8", _) => Wanted::Refused(Envelope::Cloud, 400, name),
                    ("a number", Kind::Whole(..)) => Wanted::Taken,
                    (_, Kind::Text(status, word)) => Wanted::Refused(Envelope::Cloud, status, word),
                    _ => Wanted::Refused(Envelope::Cloud, 400, name),
                };
                let target = format!("{path}?{rest}&{name}{text}");
                table.push(Case::new(format!("{path}: {name} is {what}"), world.get(&target), wanted));
            }
            let target = format!("{path}?{rest}&{name}=x&{name}=y");
            let wanted = Wanted::Refused(Envelope::Cloud, 400, name);
            table.push(Case::new(
                format!("{path}: {name} comes twice ({needed})"),
                world.get(&target),
                wanted,
            ));
        }
    }
}

/// The keys of a row: what is wrong with one never costs the others.
fn rows(world: &World, table: &mut Vec<Case>) {
    let number = "a number";
    for (name, kind, needed) in [
        ("Mobile", "strict", true),
        ("Debtor", "text", false),
        ("LoanDate", "strict", false),
        ("DueDate", "strict", false),
        ("Arrears", number, false),
        ("LoanAmount", number, false),
        ("Unit", "anything", false),
        ("Platform", "text", false),
        ("RobotID", "text", false),
        ("Comments", "text or number", false),
        ("Gender", "strict", false),
        ("mock_outcome", "strict", false),
        ("ExtraA", "anything", false),
        ("\\u0000 é", "anything", false),
    ] {
        for (what, text, wrong) in values() {
            let taken = match (kind, wrong) {
                ("anything", _) => true,
                (_, Wrong::Null) => !needed,
                ("text or number", Wrong::Empty) => true,
                (_, Wrong::Empty) => !needed,
                ("text", wrong) => matches!(wrong, Wrong::Text | Wrong::Long),
                ("a number", Wrong::Number(_)) => true,
                ("text or number", Wrong::Number(n)) => n.fract() == 0.0 && n < 1e19,
                ("text or number", wrong) => matches!(wrong, Wrong::Text | Wrong::Long),
                _ => false,
            };
            let mut task = world.new_task();
            task["Details"] = "(rows)".into();
            let mobile =
                if name == "Mobile" { String::new() } else { "\"Mobile\":\"+6281112345678\",".to_owned() };
            let row = format!("[{{{mobile}\"{name}\":{text}}}]");
            let body = task.to_string().replacen("\"(rows)\"", &row, 1);
            let wanted = if taken { Wanted::Taken } else { Wanted::RowRefused(name) };
            let bytes = world.post_text("/service/cloud/task", &body);
            table.push(Case::new(format!("a row whose {name} is {what}"), bytes, wanted));
        }
    }
}
