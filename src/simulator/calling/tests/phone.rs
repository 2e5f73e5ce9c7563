//! Tests that phone calls sound like phone calls, in every business line and language.

use proptest::prelude::{Just, any, prop, prop_oneof};
use proptest::strategy::{self, Strategy as _, ValueTree as _};

use super::*;
use crate::content::voice::{Business, endings, milliseconds};
use crate::simulator::rules::calling::{Question, Robot};

/// The rows of a task.
const MANY: usize = 500;

const LOCALES: [&str; 12] =
    ["ar", "en", "en-IN", "en-PH", "es-MX", "hi", "id", "ms", "th", "tl", "vi", "zh-CN"];

const LINES: [(Business, &str); 3] = [
    (Business::Collection, "collection"),
    (Business::Telemarketing, "telemarketing"),
    (Business::InfoCheck, "info_check"),
];

/// Words that are said in chats and never on the phone.
const CHAT_WORDS: [&str; 47] = [
    "http",
    "www",
    "://",
    "chat",
    "emoji",
    "whatsapp",
    "click",
    "tap here",
    "type ",
    "unsubscribe",
    "reply with",
    "klik",
    "ketik",
    "balas ",
    "taip",
    "clic",
    "pincha",
    "mensaje de texto",
    "nhấn vào",
    "tin nhắn",
    "bấm",
    "nhắn",
    "คลิก",
    "แชท",
    "แชต",
    "พิมพ์",
    "ข้อความ",
    "क्लिक",
    "चैट",
    "टाइप",
    "मैसेज",
    "संदेश",
    "点击",
    "聊天",
    "回复",
    "输入",
    "微信",
    "链接",
    "短信",
    "الرابط",
    "اضغط",
    "دردشة",
    "رسالة",
    "i-click",
    "i-type",
    "pindutin",
    "mensahe",
];

/// Returns robots, one for each line and language.
fn robots() -> Vec<Robot> {
    let of = |(business, line): (Business, &'static str)| {
        LOCALES.map(|locale| Robot {
            name: format!("{line} {locale}"),
            business,
            locale: Some(locale.to_owned()),
            ..Robot::default()
        })
    };
    LINES.into_iter().flat_map(of).collect()
}

const NUMBERS: [&str; 5] = ["+6281112", "+6391712", "+5215512", "+6681212", "+9198765"];

/// Returns a row as lists have them, with more or fewer fields.
fn row_of(number: usize, (name, gender, unit, more): (&str, u8, &str, bool)) -> Value {
    let mut row = json!({
        "Mobile": format!("{}{:05}", NUMBERS[number % NUMBERS.len()], number),
        "Comments": number,
        "Platform": "Kirana",
        "mock_outcome": "talked",
        "LoanAmount": 2_000_000,
        "LoanDate": "2029-01-01",
    });
    if !name.is_empty() {
        row["Debtor"] = name.into();
    }
    match gender {
        0 => row["Gender"] = "male".into(),
        1 => row["Gender"] = "female".into(),
        _ => {}
    }
    if !unit.is_empty() {
        row["Arrears"] = json!(1_250_000);
        row["Unit"] = unit.into();
    }
    if more {
        row["company_name"] = "Toko Melati".into();
        row["home_address"] = "Jalan Kenanga".into();
        row["monthly_income"] = "7500000".into();
        row["birth_date"] = "1990-05-17".into();
        row["ExtraA"] = "abc".into();
    }
    row
}

fn calls(seed: u64, line: &str, rows: &[Value]) -> Vec<(&'static str, Value, Value)> {
    let rules = Rules { robots: robots(), channels: 2_000, ..Rules::default() };
    let behaviour = Behaviour { calling: Arc::new(rules), ..Behaviour::default() };
    let mut vendor = Vendor::new(seed, behaviour, assert_sums);
    let mut rows = rows.to_vec();
    for (number, row) in rows.iter_mut().enumerate() {
        row["RobotID"] = format!("{line} {}", LOCALES[number % LOCALES.len()]).into();
    }
    let task = id(vendor.request("task.create", json!({ "TaskName": "calls", "Details": rows })).unwrap());
    vendor.pass(DAY);
    let answer = vendor.request("task.detail", json!({ "TaskID": task })).unwrap();
    let details = answer["detail"].as_array().unwrap().clone();
    assert_eq!(details.len(), rows.len());
    let locales = LOCALES.into_iter().cycle();
    locales.zip(rows).zip(details).map(|((locale, row), detail)| (locale, row, detail)).collect()
}

fn turns(detail: &Value) -> Vec<(&str, &str)> {
    let dialog = detail["Dialog"].as_array().unwrap();
    dialog.iter().map(|turn| (turn["Speaker"].as_str().unwrap(), turn["Text"].as_str().unwrap())).collect()
}

fn is_emoji(letter: char) -> bool {
    matches!(letter, '\u{2190}'..='\u{2bff}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}' | '\u{20e3}')
}

/// Checks what holds for every call, whatever its subject.
fn is_a_call(business: Business, locale: &'static str, row: &Value, detail: &Value) {
    let turns = turns(detail);
    let about = || format!("{locale} {row}\n{turns:#?}");
    assert!(turns.len() >= 3, "{}", about());
    assert_eq!(turns[0].0, "robot", "the person never opens a call: {}", about());
    let said: Vec<String> = turns.iter().map(|(_, text)| (*text).to_owned()).collect();
    let values = row.as_object().unwrap().values().filter_map(Value::as_str);
    for text in &said {
        // A name that begins like the Thai word for typing.
        let lower = text.to_lowercase().replace("พิมพ์ชนก", "");
        for word in CHAT_WORDS {
            assert!(!lower.contains(word), "`{word}`: {}", about());
        }
        assert!(!text.contains(is_emoji) && !text.contains(['{', '}', '_', '@', '#']), "{}", about());
        // No placeholder is left empty.
        for blank in ["  ", " ,", " .", " ?", "¿?", "，，", "、，"] {
            assert!(!text.contains(blank), "`{blank}`: {}", about());
        }
        assert!(text.trim() == text && !text.is_empty(), "{}", about());
    }
    // Nothing is typed: figures are sums, days, and values of the row itself.
    let values: String = values.collect::<Vec<_>>().join(" ");
    let answers: String = detail["CheckResults"].to_string();
    for text in said.iter().filter(|text| text.contains(char::is_numeric)) {
        for figure in text.split(|letter: char| !letter.is_ascii_digit()).filter(|part| part.len() > 3) {
            let is_known = values.contains(figure) || answers.contains(figure) || locale == "zh-CN";
            assert!(is_known, "{figure}: {}", about());
        }
    }
    if let Some(unit) = row.get("Unit").and_then(Value::as_str).filter(|unit| *unit == "points") {
        for text in said.iter().filter(|text| {
            ["1,250,000", "1.250.000", "12,50,000", "1250000"].iter().any(|sum| text.contains(sum))
        }) {
            assert!(text.contains(unit), "{}", about());
        }
    }
    // The end fits the person's intention.
    let letter = detail["Intention"].as_str().unwrap();
    let last = turns.last().unwrap();
    assert_eq!(last.0, "robot");
    let fits = |wanted: &str| endings(business, locale, wanted).iter().any(|text| text == last.1);
    assert!(fits(letter), "{letter} ends otherwise: {}", about());
    let others = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "--"];
    assert!(others.iter().filter(|other| **other != letter).all(|other| !fits(other)), "{}", about());
    // The call takes as long as it takes to say the words.
    let seconds = detail["TalkDuration"].as_u64().unwrap();
    let words: u32 = said.iter().map(|text| milliseconds(text)).sum();
    assert!(
        (60..=105).contains(&(u64::from(words) / 10 / seconds.max(1))),
        "{seconds} s for {words} ms: {}",
        about()
    );
    let offsets: Vec<u64> =
        detail["Dialog"].as_array().unwrap().iter().map(|turn| turn["Offset"].as_u64().unwrap()).collect();
    assert!(offsets.is_sorted() && offsets[offsets.len() - 1] < seconds, "{}", about());
}

/// Checks that the results of a check were said in the call.
fn checks_are_said(row: &Value, detail: &Value) {
    let turns = turns(detail);
    let results = detail["CheckResults"].as_array().unwrap();
    let mut rest = &turns[..];
    for result in results {
        let of = |name: &str| result[name].as_str().unwrap();
        let expected = match row.get(of("Item")) {
            Some(Value::String(text)) => text.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(of("Expected"), expected);
        let (answer, compared) = (of("Answer"), of("Result"));
        match compared {
            "unanswered" => assert_eq!(answer, ""),
            "match" => assert_eq!(answer, expected),
            "mismatch" => assert!(answer != expected && !answer.is_empty()),
            other => panic!("{other}"),
        }
        if answer.is_empty() {
            continue;
        }
        let at = rest.iter().position(|(speaker, text)| *speaker == "user" && text.contains(answer));
        let at = at.unwrap_or_else(|| panic!("{answer} was not said: {result}\n{turns:#?}"));
        rest = &rest[at + 1..];
    }
}

/// Returns the words of a text, or pairs of letters if the language has no gaps between words.
fn words(text: &str) -> BTreeSet<String> {
    if text.chars().any(|letter| matches!(letter, '\u{e00}'..='\u{e7f}' | '\u{4e00}'..='\u{9fff}')) {
        let letters: Vec<char> = text.chars().collect();
        return letters.windows(2).map(|pair| pair.iter().collect()).collect();
    }
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| word.chars().count() > 3).map(str::to_lowercase).collect()
}

fn a_row() -> impl strategy::Strategy<Value = (&'static str, u8, &'static str, bool)> {
    let names =
        prop_oneof![Just("Budi Santoso"), Just("Siti Rahma"), Just("สมชาย ใจดี"), Just("王秀英"), Just("")];
    (names, 0_u8..3, prop_oneof![Just("IDR"), Just("THB"), Just("points"), Just("")], any::<bool>())
}

#[test]
fn hundreds_of_calls_of_each_line_are_calls() {
    let mut runner = proptest::test_runner::TestRunner::default();
    // A different seed each time: the assertions hold for all.
    let seed = prop::num::u64::ANY.new_tree(&mut runner).unwrap().current();
    eprintln!("the calls are those of the seed {seed}");
    let mut vocabulary: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for (business, line) in LINES {
        let strategy = prop::collection::vec(a_row(), MANY);
        let rows = strategy.new_tree(&mut runner).unwrap().current();
        let rows: Vec<Value> =
            rows.into_iter().enumerate().map(|(number, row)| row_of(number, row)).collect();
        let mut seen = BTreeSet::new();
        let mut checked = 0;
        for (locale, row, detail) in calls(seed, line, &rows) {
            is_a_call(business, locale, &row, &detail);
            seen.insert(detail["Intention"].as_str().unwrap().to_owned());
            assert_eq!(detail.get("CheckResults").is_some(), business == Business::InfoCheck);
            if business == Business::InfoCheck {
                checks_are_said(&row, &detail);
                checked += 1;
            }
            let robot = turns(&detail).into_iter().filter(|(speaker, _)| *speaker == "robot");
            vocabulary.entry((locale, line)).or_default().extend(robot.flat_map(|(_, text)| words(text)));
        }
        assert_eq!(seen.len(), 10, "every intention comes up");
        assert_eq!(checked, if business == Business::InfoCheck { MANY } else { 0 });
    }
    for locale in LOCALES {
        for (_, line) in LINES {
            let own = &vocabulary[&(locale, line)];
            let others = LINES.into_iter().filter(|(_, other)| *other != line);
            let others: BTreeSet<&String> =
                others.flat_map(|(_, other)| &vocabulary[&(locale, other)]).collect();
            let only = own.iter().filter(|word| !others.contains(word)).count();
            assert!(only >= 20, "{locale} {line} has {only} words of its own of {}", own.len());
        }
    }
}

#[test]
fn scripted_outcomes_choose_what_is_said() {
    let scripted = |line: &str, word: &str| {
        let mut row = row_of(1, ("Budi Santoso", 0, "IDR", true));
        row["mock_outcome"] = word.into();
        calls(3, line, &vec![row; 12]).into_iter().map(|(_, _, detail)| detail).collect::<Vec<_>>()
    };
    for detail in scripted("info_check", "mismatch_2 unanswered_3") {
        let results = detail["CheckResults"].as_array().unwrap();
        let words: Vec<&str> = results.iter().map(|result| result["Result"].as_str().unwrap()).collect();
        assert_eq!(words, ["match", "mismatch", "unanswered", "match", "match"], "{detail}");
        assert_eq!(detail["Intention"], "A");
    }
    for detail in scripted("info_check", "all_match") {
        assert!(detail["CheckResults"].as_array().unwrap().iter().all(|result| result["Result"] == "match"));
    }
    for detail in scripted("info_check", "intention_f") {
        assert!(detail["CheckResults"].as_array().unwrap().iter().all(|result| result["Answer"] == ""));
    }
    for detail in scripted("collection", "intention_c intention_a") {
        assert_eq!((&detail["Intention"], &detail["Multi_intention"]), (&json!("A"), &json!("C,A")));
    }
    // Even if the person would hang up at once without the forced long talk.
    for word in ["long_talk", "long_talk intention_g", "long_talk intention_h"] {
        for (detail, locale) in scripted("telemarketing", word).into_iter().zip(LOCALES) {
            let turns = turns(&detail);
            assert_eq!(detail["TalkDuration"], 600);
            let words: u32 = turns.iter().map(|(_, text)| milliseconds(text)).sum();
            assert!(
                (450_000..=600_000).contains(&words),
                "{locale}, {word}: {words} ms of words in {} turns",
                turns.len()
            );
        }
    }
}

#[test]
fn names_forms_and_company_are_those_of_the_row() {
    let row = json!({
        "Mobile": "+6281112340001", "Debtor": "Siti Rahma", "Gender": "female", "Platform": "Kirana", "Unit": "USD",
        "Arrears": 450, "LoanAmount": 900, "LoanDate": "2029-01-01", "mock_outcome": "intention_a",
    });
    for (locale, _, detail) in calls(5, "collection", &vec![row; 240]) {
        let said: String = turns(&detail).iter().map(|(_, text)| format!("{text}\n")).collect();
        assert!(said.contains("Kirana"), "{locale}: {said}");
        if locale.starts_with("en") {
            assert!(
                !said.contains("Mr ") && said.matches("450").count() == said.matches("450 dollars").count(),
                "{said}"
            );
        }
    }
}

#[test]
fn a_robots_own_script_and_questions_are_spoken() {
    let script: Script = toml::from_str(
        r#"
open = ["This is Rosa from {company}, hello {name}."]
ends.F = { person = ["Not today."], robot = ["Then good bye from Rosa."] }
[[talks]]
intention = "A"
turns = [{ robot = "Rosa here." }, { person = "Yes?" }, { questions = true }, { robot = "That was all." }]
"#,
    )
    .unwrap();
    let robot = Robot {
        name: "Rosa".to_owned(),
        business: Business::InfoCheck,
        locale: Some("en".to_owned()),
        script: Some("rosa".to_owned()),
        questions: vec![
            Question {
                item: "pet".to_owned(),
                ask: Some("What is your pet, {name}?".to_owned()),
                others: vec!["a parrot".to_owned()],
            },
            Question { item: "LoanAmount".to_owned(), ask: None, others: Vec::new() },
            Question { item: "absent".to_owned(), ask: None, others: Vec::new() },
        ],
    };
    let scripts = BTreeMap::from([("rosa".to_owned(), script)]);
    let mut vendor = a_vendor(Rules { robots: vec![robot], scripts, ..Rules::default() });
    let row = |word: &str| {
        json!({
            "Mobile": "+6281112340001", "Comments": word, "Debtor": "Budi", "Platform": "Kirana", "LoanAmount": 900,
            "pet": "a cat", "RobotID": "Rosa", "mock_outcome": word,
        })
    };
    let fields = json!({ "TaskName": "t", "Details": [row("mismatch_1"), row("intention_f")] });
    let task = id(vendor.request("task.create", fields).unwrap());
    vendor.pass(DAY);
    let rows = details(&mut vendor, &task);
    let said =
        |word: &str| turns(&rows[word]).into_iter().map(|(_, text)| text.to_owned()).collect::<Vec<_>>();
    let written = said("mismatch_1");
    assert_eq!(written[..3], ["Rosa here.", "Yes?", "What is your pet, Budi?"]);
    assert!(written[3].contains("a parrot") && written[4].contains("amount"), "{written:?}");
    assert_eq!(written.last().unwrap(), "That was all.");
    let results = rows["mismatch_1"]["CheckResults"].as_array().unwrap();
    assert_eq!(results.len(), 2, "rows without a field are not asked for it");
    assert_eq!((&results[0]["Answer"], &results[1]["Expected"]), (&json!("a parrot"), &json!("900")));
    let built = said("intention_f");
    assert_eq!(built[0], "This is Rosa from Kirana, hello Budi.");
    assert_eq!(built[built.len() - 2..], ["Not today.", "Then good bye from Rosa."]);
}

#[test]
fn a_robot_nobody_declared_speaks_of_what_the_row_has() {
    let mut vendor = a_vendor(Rules::default());
    let debt = json!({ "Mobile": "+6281112340001", "Comments": "debt", "Arrears": 5, "mock_outcome": "intention_a" });
    let offer = json!({ "Mobile": "+6281112340001", "Comments": "offer", "mock_outcome": "intention_a" });
    let fields = json!({ "TaskName": "t", "RobotID": "Nobody's", "Details": [debt, offer] });
    let task = id(vendor.request("task.create", fields).unwrap());
    vendor.pass(DAY);
    for (name, row) in details(&mut vendor, &task) {
        let business = if name == "debt" { Business::Collection } else { Business::Telemarketing };
        let last = turns(&row).last().unwrap().1.to_owned();
        assert!(endings(business, "id", "A").contains(&last), "{name}: {last}");
    }
}
