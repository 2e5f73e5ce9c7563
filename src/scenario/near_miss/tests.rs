use serde_json::json;

use super::*;
use crate::json::differences;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_893_456_000_000 + millis).unwrap()
}

fn came(millis: i64, id: &str, fields: Value) -> Arrival {
    Arrival {
        at: at(millis),
        what: Came::Request(id.into()),
        fields: Arc::new(fields),
        conversation: None,
        outcome: Outcome::Good,
        story: None,
        taken: None,
    }
}

fn place(line: usize) -> Place {
    Place { file: "story.toml".into(), line }
}

const SENDS: &str = "chatbot.send_message";

/// Returns the message for these arrivals, of a step that waits for a message with the text `b` and began 1 s after its story.
fn said(arrivals: &[Arrival]) -> String {
    said_in(arrivals, None, &|_| None)
}

fn said_in(
    arrivals: &[Arrival],
    conversation: Option<(ConversationKey, String)>,
    names: &dyn Fn(ConversationKey) -> Option<String>,
) -> String {
    let wanted = Wanted {
        trigger: &Trigger::Request(SENDS.into()),
        place: &place(5),
        story: "mine",
        story_began: at(0),
        step_began: at(1_000),
        conversation,
        names,
        differences: &|fields| differences(&json!({ "text": "b" }), fields, 9),
        is_under_way: false,
    };
    near_miss(&wanted, arrivals.iter()).to_string()
}

fn refused(millis: i64, fields: Value, reason: &str, is_proof: bool) -> Arrival {
    let outcome = Outcome::Refused { code: 409, reason: reason.to_owned(), is_proof };
    Arrival { outcome, ..came(millis, SENDS, fields) }
}

fn two_keys() -> [ConversationKey; 2] {
    use crate::seed::Seed;
    use crate::simulator::{Behaviour, Opening, Simulator};
    let mut simulator = Simulator::new(Seed(7), Behaviour::default());
    [1, 2].map(|seed| {
        let country = crate::content::Country::Id;
        simulator.open(Opening { story: Some(0), seed: Seed(seed), country, locale: None, now: at(0) })
    })
}

#[test]
fn what_came_is_told_by_what_was_wrong_with_it() {
    let right = || json!({ "text": "b" });
    let stray = |meant: &[&str]| Arrival {
        what: Came::Stray {
            asked: "POST /api/v1/message/sent".to_owned(),
            meant: meant.iter().map(|id| Arc::from(*id)).collect(),
        },
        ..came(1_500, "", Value::Null)
    };
    let mut callback = came(1_500, "", right());
    callback.what = Came::Callback("session.end".into());
    let cases: [(&str, Vec<Arrival>, &str); 13] = [
        ("nothing", vec![], "it never arrived, nor did any other request"),
        ("only the mock's own", vec![callback.clone()], "it never arrived, nor did any other request"),
        (
            "another request",
            vec![came(1_200, "chatbot.mark_read", json!({})), callback],
            "it never arrived; the last request was `chatbot.mark_read`, 200ms after the step began",
        ),
        (
            "another path",
            vec![stray(&[SENDS])],
            "POST /api/v1/message/sent arrived 500ms after the step began, where nothing is served; this is probably the request that was meant",
        ),
        (
            "a path that means something else",
            vec![stray(&["chatbot.mark_read"])],
            "it never arrived; the last request was POST /api/v1/message/sent, where nothing is served, 500ms after the step \
             began",
        ),
        (
            "other fields",
            vec![came(1_000, SENDS, json!({ "text": "a" }))],
            "it arrived as the step began, but with other fields:\n    `text` is \"a\", expected \"b\"",
        ),
        (
            "refused",
            vec![refused(3_000, right(), "the conversation has ended", false)],
            "it arrived 2s after the step began, but the mock refused it: code 409, the conversation has ended",
        ),
        (
            "unsigned",
            vec![refused(3_000, Value::Null, "the header is missing", true)],
            "it arrived 2s after the step began, but without valid credentials: code 409, the header is missing",
        ),
        (
            "on purpose",
            vec![Arrival { outcome: Outcome::OnPurpose, ..came(2_000, SENDS, right()) }],
            "it arrived 1s after the step began, but a fault of a story or of the settings kept it from taking effect",
        ),
        (
            "taken before",
            vec![Arrival { taken: Some(place(2)), ..came(400, SENDS, right()) }],
            "it arrived 600ms before the step, but the step at story.toml:2 took it",
        ),
        (
            "taken by an earlier round",
            vec![Arrival { taken: Some(place(5)), ..came(400, SENDS, right()) }],
            "the last one arrived 600ms before the step, but an earlier repetition of the step took it",
        ),
        (
            "before the story",
            vec![came(-500, SENDS, right())],
            "it arrived 1.5s before the step, before the story began",
        ),
        (
            "another story's",
            vec![Arrival { story: Some("other".into()), ..came(1_500, SENDS, right()) }],
            "it arrived 500ms after the step began, but belongs to the story \"other\"",
        ),
    ];
    for (name, arrivals, text) in cases {
        assert_eq!(said(&arrivals), text, "{name}");
    }
}

#[test]
fn another_conversation_is_named_by_its_id_and_by_what_the_story_calls_it() {
    let [own, other] = two_keys();
    let fields = json!({ "call_id": "c2", "text": "b" });
    let elsewhere = [Arrival { conversation: Some(other), ..came(2_000, SENDS, fields) }];
    assert_eq!(
        said_in(&elsewhere, Some((own, "c1".to_owned())), &|_| Some("second".to_owned())),
        "it arrived 1s after the step began, but in another conversation, c2 (the story's `second`); the conversation of the step is c1"
    );
    assert_eq!(
        said_in(&elsewhere, None, &|_| None),
        "it arrived 1s after the step began, when its `where` was not true yet",
        "a step whose conversation is open takes any"
    );
}

#[test]
fn the_nearest_counts_and_of_equally_near_ones_the_latest() {
    let other = |millis, text: &str| came(millis, SENDS, json!({ "text": text }));
    let near = [other(1_100, "x"), other(1_200, "y"), came(1_300, "chatbot.mark_read", json!({}))];
    assert!(said(&near).contains("`text` is \"y\""), "{}", said(&near));
    let whole = refused(1_050, json!({ "text": "b" }), "no", false);
    let partly = refused(1_400, json!({ "text": "z" }), "never", false);
    let near = [whole, near[0].clone(), partly];
    assert!(said(&near).ends_with("code 409, no"), "{}", said(&near));
}

#[test]
fn callbacks_have_reasons_of_their_own() {
    let id = "session.end";
    let callback = |outcome| {
        let what = Came::Callback(id.into());
        [Arrival { what, outcome, ..came(1_500, "", json!({ "text": "b" })) }]
    };
    let said = |arrivals: &[Arrival], is_under_way| {
        let wanted = Wanted {
            trigger: &Trigger::Callback(id.into()),
            place: &place(5),
            story: "mine",
            story_began: at(0),
            step_began: at(1_000),
            conversation: None,
            names: &|_| None,
            differences: &|_| Vec::new(),
            is_under_way,
        };
        near_miss(&wanted, arrivals.iter()).to_string()
    };
    let dead = callback(Outcome::Undelivered("the answer was 500".to_owned()));
    assert_eq!(
        said(&dead, false),
        "the mock sent it, but gave up 500ms after the step began: the answer was 500"
    );
    assert!(said(&callback(Outcome::OfStory), false).starts_with("the story itself sent it"));
    assert_eq!(said(&[], true), "it is on its way, but not delivered yet");
    let request = [came(1_200, SENDS, json!({}))];
    assert!(
        said(&request, false).starts_with("it never arrived; the last request was `chatbot.send_message`")
    );
}

#[test]
fn a_path_where_nothing_is_served_is_nearer_than_another_request() {
    let asked = "POST /api/v1/elsewhere".to_owned();
    let stray = Arrival { what: Came::Stray { asked, meant: Vec::new() }, ..came(1_100, "", Value::Null) };
    let both = [stray, came(1_300, "chatbot.mark_read", json!({}))];
    assert!(said(&both).contains("the last request was POST /api/v1/elsewhere, where nothing is served"));
}

#[test]
fn what_the_story_sent_in_its_own_conversation_is_nearer_than_another_conversation() {
    let [own, other] = two_keys();
    let callback = |key, outcome| {
        let what = Came::Callback("session.end".into());
        Arrival { what, outcome, conversation: Some(key), ..came(1_500, "", json!({})) }
    };
    let told = |of_story| {
        let wanted = Wanted {
            trigger: &Trigger::Callback("session.end".into()),
            place: &place(5),
            story: "mine",
            story_began: at(0),
            step_began: at(1_000),
            conversation: Some((own, "c1".to_owned())),
            names: &|_| None,
            differences: &|_| Vec::new(),
            is_under_way: false,
        };
        near_miss(&wanted, [callback(of_story, Outcome::OfStory), callback(other, Outcome::Good)].iter())
            .kind()
    };
    assert_eq!(told(own), FailureKind::AwaitOfStory);
    assert_eq!(told(other), FailureKind::AwaitOtherConversation);
}
