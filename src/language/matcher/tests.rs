use serde_json::json;
use toml::de::DeTable;

use super::*;
use crate::files::{Problems, SourceFile};

fn differences(wanted: Value, got: &Value) -> Vec<String> {
    mismatches(&wanted, got).unwrap().iter().map(Mismatch::to_string).collect()
}

#[test]
fn values_are_compared_as_far_as_they_are_wanted() {
    let got = json!({"code": 200, "data": {"list": [1, 2], "x": "y"}});
    assert!(differences(json!({"code": 200.0, "data": {"x": "y", "list": [1, 2]}}), &got).is_empty());
    assert_eq!(
        differences(json!({"code": 1, "data": {"list": [1, 3], "z": {}}}), &got),
        ["`code` is 200, expected 1", "`data.list[1]` is 2, expected 3", "`data.z` is missing, expected {}",]
    );
    assert_eq!(differences(json!({"data": {"list": [1]}}), &got), ["`data.list` is [1,2], expected [1]"]);
    assert_eq!(differences(json!({"code": 0}), &json!([])), ["the body is [], expected {\"code\":0}"]);
    let large = json!({"id": 9_007_199_254_740_993_u64});
    assert!(differences(json!({"id": 9_007_199_254_740_993_u64}), &large).is_empty());
    assert_eq!(differences(json!({"id": 9_007_199_254_740_992_u64}), &large).len(), 1);
}

/// For every word of a matcher: what it accepts, and the message about what it does not accept.
#[test]
fn matchers_say_what_they_expect() {
    let got = json!({
        "text": "my order 17", "n": 5, "millis": "1500", "items": [{"id": "a", "n": 1}, {"id": "b"}], "o": {"a": 1, "b": 2},
    });
    let right = json!({
        "text": {"contains": "order", "matches": "[0-9]+$", "not": "hello"},
        "n": {"above": 4, "at_least": 5, "below": 5.5, "at_most": 5, "one_of": [4, 5], "matches": "^5$"},
        "millis": {"above": 1000},
        "items": {"count": 2, "contains": {"id": {"one_of": ["b", "c"]}}, "exists": true},
        "o": {"contains": {"a": 1}, "equals": {"b": 2.0, "a": 1}},
        "gone": {"exists": false, "equals": "whatever"},
        "also_gone": {"not": 3},
    });
    assert_eq!(differences(right, &got), Vec::<String>::new());
    let wrong = json!({
        "text": {"contains": "refund", "matches": "^[0-9]+$", "not": {"contains": "order"}},
        "n": {"above": 5, "below": 5, "at_least": 6, "at_most": 4, "one_of": [4, "5"]},
        "items": {"count": {"at_least": 3}, "contains": {"id": "c"}},
        "o": {"equals": {"a": 1}, "exists": false},
        "millis": {"count": 1},
        "gone": {"exists": true},
        "none": {"at_least": 1},
    });
    insta::assert_snapshot!(differences(wrong, &got).join("\n"));
}

#[test]
fn a_table_of_fields_is_no_matcher() {
    let page = json!({"data": {"count": 3, "list": []}, "count": 3});
    assert!(differences(json!({"count": 3, "data": {"count": 3}}), &page).is_empty());
    assert_eq!(differences(json!({"data": {"count": 4}}), &page), ["`data.count` is 3, expected 4"]);
    assert_eq!(
        differences(json!({"data": {"list": {"count": 1}}}), &page),
        ["the count of `data.list` is 0, expected 1"]
    );
    assert_eq!(differences(json!({"x": {"contians": "y"}}), &json!({"x": "y"})).len(), 1);
}

#[test]
fn a_matcher_that_makes_no_sense_is_an_error() {
    let error = |wanted: Value| mismatches(&wanted, &json!({"x": "y"})).unwrap_err().to_string();
    assert!(error(json!({"x": {"matches": "("}})).contains("`(` is not a regular expression"));
    assert!(
        error(json!({"x": {"exists": "yes"}})).starts_with("the matcher of `x` can't be used: invalid type")
    );
}

#[test]
fn mistakes_of_matchers_are_marked() {
    let text = "where = { a = { matches = '[' }, b = [{ exists = 'x' }], c = { count = '2', one_of = 'x' }, \
                d = { above = '{{ n }}', below = 'x' }, e = { not = { matches = 3 } }, f = { count = { at_most = true } } }\n\
                good = { a = { equals = { exists = 3 }, count = 2, contains = 'x' }, count = 'x' }\n";
    let source = SourceFile::new("a.toml", text);
    let tree = DeTable::parse(text).unwrap();
    let mut problems = Problems::new();
    for key in ["where", "good"] {
        let table = tree.get_ref().get(key).unwrap().get_ref().as_table().unwrap();
        problems.extend(check::check(&source, table));
    }
    insta::assert_snapshot!(problems.to_string());
}

#[test]
fn paths_lead_into_tables_and_lists() {
    let wanted = json!({ "user.id": "5", "messages[0].text": "hi", "a.b": 1, "x.y": 2 });
    let mut got = json!({ "user": { "id": "5" }, "messages": [{ "text": "hi" }], "a": { "b": 1 }, "a.b": 2 });
    add_paths(&wanted, &mut got);
    let found = mismatches(&wanted, &got).unwrap();
    let found: Vec<String> = found.iter().map(Mismatch::to_string).collect();
    assert_eq!(found.len(), 2, "a field of that very name comes first: {found:?}");
    assert!(found[0].starts_with("`a.b` is ") && found[1].starts_with("`x.y` is missing"), "{found:?}");
}

#[test]
fn limits_that_no_number_meets_are_mistakes() {
    for (matcher, mistake) in [
        ("{ at_least = 3, at_most = 3 }", ""),
        ("{ above = 3, below = 5.5 }", ""),
        ("{ above = 5, below = 3 }", "no number is above 5 and below 3"),
        ("{ at_least = 3, below = 3 }", "no number is at least 3 and below 3"),
        ("{ one_of = [] }", "`one_of` is empty, so nothing matches it"),
    ] {
        let text = format!("a = {matcher}\n");
        let tree = DeTable::parse(&text).unwrap();
        let mut problems = Problems::new();
        problems.extend(check::check(&SourceFile::new("a.toml", &text), tree.get_ref()));
        let found = problems.sentences();
        assert_eq!(found.split(';').next().unwrap_or_default(), mistake, "{matcher}");
    }
}
