//! Tests of the doubts about a file.

use std::path::Path;

use super::*;
use crate::content::Country;
use crate::scenario::load::{Texts, load_text};
use crate::seed::Seed;
use crate::simulator::{Behaviour, Opening, Simulator};

#[test]
fn the_names_of_the_built_in_values_are_those_of_a_conversation() {
    let mut simulator = Simulator::new(Seed(7), Behaviour::default());
    let now = "2030-01-01T00:00:00Z".parse().unwrap();
    let opening = Opening { story: None, seed: Seed(7), country: Country::Id, locale: None, now };
    let key = simulator.open(opening);
    let (user, session) = simulator.view(key);
    let names = |value: serde_json::Value| -> Vec<String> {
        let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    let sorted = |names: &[&str]| {
        let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(serde_json::to_value(&user).unwrap()), sorted(&USER));
    assert_eq!(names(serde_json::to_value(&session).unwrap()), sorted(&SESSION));
}

/// What is doubted in a story: the text in question, and what is said about it.
fn doubted(text: &str) -> Vec<(String, String)> {
    let path = Path::new("story.toml");
    let texts = Texts::from([(path.to_owned(), SourceFile::new("story.toml", text))]);
    let doubts = load_text(&texts, path, Catalog::builtin(), &[])
        .unwrap_or_else(|problems| panic!("{problems}"))
        .doubts;
    let shown = |one: &Diagnostic| {
        let help = one.help.iter().map(|help| format!("; {help}")).collect::<String>();
        (text[one.span.clone().unwrap()].to_owned(), format!("{}{help}", one.message))
    };
    doubts.sorted().into_iter().map(shown).collect()
}

#[track_caller]
fn assert_doubted(text: &str, wanted: &[(&str, &str)]) {
    let found = doubted(text);
    let found: Vec<(&str, &str)> = found.iter().map(|(at, what)| (at.as_str(), what.as_str())).collect();
    assert_eq!(found, wanted, "{text}");
}

/// Steps that save a callback and a request, before a `check`.
fn check(condition: &str) -> String {
    format!(
        "[[steps]]\nsend = 'session.transfer'\nsave = 'tr'\n\
         [[steps]]\nawait = 'chatbot.send_message'\nsave = 'm'\n[[steps]]\ncheck = {condition}\n"
    )
}

#[test]
fn fields_of_a_check_are_those_of_what_was_saved() {
    for right in [
        "{ m = { body = { messages = [{ text = 'x' }] }, answer = { status = 200, body = { code = 0 } } } }",
        "{ m = { body = { messages = { contains = { text = { contains = 'x' } } } } }, tr = { attempts = 1 } }",
        "{ m = { exists = true }, tr = { answer = { status = 200 } } }",
    ] {
        assert_doubted(&check(right), &[]);
    }
    let messages = ("mesages", "`chatbot.send_message` has no field `mesages`; did you mean `messages`?");
    assert_doubted(&check("{ m = { body = { mesages = { not = 'x' } } } }"), &[messages]);
    assert_doubted(&check("{ m = { body = { mesages = { exists = false } } } }"), &[messages]);
    assert_doubted(&check("{ m = { not = { body = { mesages = 'x' } } } }"), &[messages]);
    let item = check("{ m = { body = { messages = { contains = { txt = 'x' } } } } }");
    let text = "`chatbot.send_message` has no field `messages.txt`; did you mean `text`?";
    assert_doubted(&item, &[("txt", text)]);
    let saved = "`tr` has no field `anser`; did you mean `answer`?";
    assert_doubted(&check("{ tr = { anser = { not = 500 } } }"), &[("anser", saved)]);
    let status = "`m.answer` has no field `staus`; did you mean `status`?";
    assert_doubted(&check("{ m = { answer = { staus = 200 } } }"), &[("staus", status)]);
    let answer = "the response to `chatbot.send_message` has no field `cod`; did you mean `code`?";
    assert_doubted(&check("{ m = { answer = { body = { cod = 0 } } } }"), &[("cod", answer)]);
}

#[test]
fn a_field_of_an_item_is_looked_up_as_well() {
    assert_doubted(&check("\"{{ m.body.messages[0].text == 'a' and tr.body['transfer'].call_id }}\""), &[]);
    let (at, told) = doubted(&check("\"{{ m.body.messages[0].txt == 'a' }}\"")).remove(0);
    assert_eq!(at, "messages[0].txt");
    assert!(told.starts_with("`chatbot.send_message` has no field `messages.txt`"), "{told}");
}

#[test]
fn fields_of_faults_are_those_of_the_request_or_callback() {
    let end = "[[steps]]\nsend = 'session.end'\n";
    for right in [
        "faults = ['duplicate of session.end where session_end_reason=seat account=2', 'duplicate where no.such=1']\n",
        "faults = [{ callback = 'session.*', kind = 'drop', where = { anything = 1 } }]\n",
        "faults = [{ call = 'chatbot.send_message', status = 503, where = { account = '2', call_id = 'x' } }]\n",
    ] {
        assert_doubted(&format!("{right}{end}"), &[]);
    }
    let reason = |of: &str, near: &str| format!("`session.end` has no field `{of}`; did you mean `{near}`?");
    assert_doubted(
        &format!("faults = ['duplicate of session.end where session_end_reson=seat']\n{end}"),
        &[("session_end_reson", &reason("session_end_reson", "session_end_reason"))],
    );
    assert_doubted(
        &format!(
            "{end}[[faults]]\ncallback = 'session.end'\nkind = 'duplicate'\nwhere = {{ chanel = 'x' }}\n"
        ),
        &[("chanel", &reason("chanel", "channel"))],
    );
}

#[test]
fn what_can_never_hold_is_doubted() {
    let of = |condition: &str| format!("[[steps]]\nawait = 'chatbot.send_message'\nwhere = {condition}\n");
    assert_doubted(&of("{ messages = { count = { above = 1 } }, call_id = { contains = 'a' } }"), &[]);
    assert_doubted(
        &of("{ messages = { above = 3 } }"),
        &[(
            "above",
            "`messages` of `chatbot.send_message` is a list, so `above` never holds; for the number of its items write \
             `count = { above = ... }`",
        )],
    );
    let (at, told) = doubted(&of("{ call_id = { count = 2 } }")).remove(0);
    assert_eq!(at, "count");
    assert!(
        told.starts_with("`call_id` of `chatbot.send_message` is a text, so `count` never holds"),
        "{told}"
    );
}

#[test]
fn a_url_has_one_placeholder() {
    let story = |url: &str| format!("callback_url = '{url}'\n[[steps]]\nsend = 'session.end'\n");
    assert_doubted(&story("http://127.0.0.1:3000/{event}"), &[]);
    assert_doubted(
        &story("http://127.0.0.1:3000/{evnt}"),
        &[("{evnt}", "`{evnt}` is not filled in; `{event}` becomes the id of the callback")],
    );
}

#[test]
fn a_conversation_in_which_nothing_is_sent_gets_no_request() {
    let story = |sends: &str, waits: &str| {
        format!(
            "[[steps]]\nsend = 'session.transfer'\n{sends}[[steps]]\n{waits}await = 'chatbot.agent_transfer_result'\n"
        )
    };
    for (sends, waits) in [("", ""), ("conversation = 'a'\n", "conversation = 'a'\n")] {
        assert_doubted(&story(sends, waits), &[]);
    }
    assert_doubted(
        &story("conversation = 'a'\n", "conversation = 'aa'\n"),
        &[(
            "'aa'",
            "the story sends nothing in the conversation `aa`, so this waits in vain; it sends in `a`",
        )],
    );
    // A request of the integrator may begin it.
    let begun = format!(
        "{}[[on]]\ncall = 'chatbot.channel_message'\nset = {{ n = 1 }}\n",
        story("", "conversation = 'b'\n")
    );
    assert_doubted(&begun, &[]);
}

#[test]
fn a_key_of_a_step_in_a_reaction_is_a_mistake_that_names_steps() {
    let path = Path::new("story.toml");
    let text = "[[on]]\ncall = 'chatbot.send_message'\nwithin = '5s'\n[[steps]]\npause = '1s'\n";
    let texts = Texts::from([(path.to_owned(), SourceFile::new("story.toml", text))]);
    let mistakes = load_text(&texts, path, Catalog::builtin(), &[]).unwrap_err().sentences();
    assert_eq!(
        mistakes,
        "unknown key `within` in a reaction; `within` is a key of `steps`, and of the top of the file"
    );
}

#[test]
fn what_only_the_story_sends_is_not_awaited() {
    let sends = "[[steps]]\nsend = 'session.transfer'\n";
    let waits = "[[steps]]\nawait = 'session.transfer'\n";
    assert_doubted(
        &format!("{sends}{waits}"),
        &[(
            "'session.transfer'",
            "only the story itself sends `session.transfer`, so this waits in vain; an `await` takes callbacks that the mock \
             sends by itself; a `send` waits until its own is delivered",
        )],
    );
    // It may come in another conversation, or by itself after a request.
    assert_doubted(waits, &[]);
    assert_doubted(&format!("[[steps]]\nawait = 'chatbot.channel_message'\n{sends}{waits}"), &[]);
    let ends = "[[steps]]\nawait = 'chatbot.end_session'\n[[steps]]\nawait = 'session.end'\n";
    assert_doubted(&format!("{sends}{ends}"), &[]);
}
