//! Mistakes of workflow templates beyond the form of their keys: names that lead nowhere, keys that a kind of node does not
//! have, flows that never end.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::files::diagnostic::quoted;
use crate::files::suggest::nearest;
use crate::files::tables::{items, spanned_text as text, table, tables};
use crate::files::{Diagnostic, SourceFile};
use crate::simulator::dialer::Rules;

/// The keys that only some kinds of nodes have, and these kinds.
const KEYS: [(&str, &[&str]); 9] = [
    ("robot", &["voice"]),
    ("line", &["voice"]),
    ("group", &["dialer"]),
    ("repeat_number", &["voice", "dialer"]),
    ("repeat_interval", &["voice", "dialer"]),
    ("template", &["whatsapp"]),
    ("reply_within", &["whatsapp"]),
    ("wait", &["wait"]),
    ("cases", &["branch"]),
];

/// A name and the place where it is written.
type Name<'a> = (&'a str, Range<usize>);

/// A node of the file.
struct Node<'a> {
    id: Name<'a>,
    kind: &'a str,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    /// The nodes to which rows proceed.
    ways: Vec<Name<'a>>,
}

/// Finds every mistake in the templates of a file.
pub(super) fn check(source: &Arc<SourceFile>, tree: &DeTable<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    let groups = groups(tree);
    let robots = table(tree, "calling").filter(|calling| calling.contains_key("robots")).map(|calling| {
        tables(calling, "robots")
            .into_iter()
            .filter_map(|robot| Some(text(robot, "name")?.0))
            .collect::<Vec<_>>()
    });
    for template in tables(tree, "workflow_templates") {
        if let Some(id) = template.get("id")
            && let Some(number) = id.get_ref().as_integer()
        {
            let number = number.to_string();
            if seen.contains(&number) {
                let message = format!("two workflow templates have the id {number}");
                found.push(Diagnostic::at(source, id.span(), message));
            }
            seen.push(number);
        }
        nodes(source, template, &mut found);
        for node in tables(template, "nodes") {
            let robot = text(node, "robot").filter(|(name, _)| !is_id(name));
            if let (Some(robots), Some((name, span))) = (&robots, robot)
                && !robots.contains(&name)
            {
                let help = match nearest(name, robots.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the robots of `[calling]` are {}", robots.join(", ")),
                };
                let message = format!("there is no robot {}", quoted(name));
                found.push(Diagnostic::at(source, span, message).help(help));
            }
            let is_dialer = text(node, "kind").is_some_and(|(kind, _)| kind == "dialer");
            if let Some((name, span)) = text(node, "group").filter(|_| is_dialer)
                && !groups.iter().any(|group| group == name)
            {
                let message = format!("there is no group of agents {}", quoted(name));
                let near = nearest(name, groups.iter().map(String::as_str));
                let help = match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the groups are {}", groups.join(", ")),
                };
                found.push(Diagnostic::at(source, span, message).maybe_help(Some(help)));
            }
        }
    }
    found
}

/// Whether a name may be the id of a robot, which depends on the seed.
fn is_id(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the groups of agents: those of the file, or else the default ones.
fn groups(tree: &DeTable<'_>) -> Vec<String> {
    match table(tree, "dialer").filter(|dialer| dialer.contains_key("groups")) {
        Some(dialer) => tables(dialer, "groups")
            .into_iter()
            .filter_map(|group| Some(text(group, "name")?.0.to_owned()))
            .collect(),
        None => Rules::default().groups.into_iter().map(|group| group.name).collect(),
    }
}

fn nodes<'a>(source: &Arc<SourceFile>, template: &'a DeTable<'a>, found: &mut Vec<Diagnostic>) {
    let read = |item: &'a Spanned<DeValue<'a>>| {
        let (table, span) = (item.get_ref().as_table()?, item.span());
        let mut ways: Vec<Name<'_>> = text(table, "next").into_iter().collect();
        ways.extend(tables(table, "cases").into_iter().filter_map(|case| text(case, "next")));
        Some(Node { id: text(table, "id")?, kind: text(table, "kind")?.0, table, span, ways })
    };
    let nodes: Vec<Node<'_>> = items(template, "nodes").filter_map(read).collect();
    let mut wrong = |span: &Range<usize>, message: String, help: Option<String>| {
        found.push(Diagnostic::at(source, span.clone(), message).maybe_help(help));
    };
    let place = |name: &str| nodes.iter().position(|node| node.id.0 == name);
    let mut is_whole = true;
    for (at, node) in nodes.iter().enumerate() {
        let (id, span) = &node.id;
        if place(id) != Some(at) {
            wrong(span, format!("two nodes of this template have the id {}", quoted(id)), None);
            is_whole = false;
        }
        for (name, span) in &node.ways {
            if place(name).is_none() {
                let near = nearest(name, nodes.iter().map(|node| node.id.0));
                let help = near.map(|near| format!("did you mean `{near}`?"));
                wrong(span, format!("there is no node {} in this template", quoted(name)), help);
                is_whole = false;
            }
        }
        for (key, kinds) in KEYS {
            if let Some((written, _)) = node.table.get_key_value(key)
                && !kinds.contains(&node.kind)
            {
                let kinds: Vec<String> = kinds.iter().map(|kind| format!("`{kind}`")).collect();
                let message =
                    format!("`{key}` goes with {} nodes, this is {}", kinds.join(" and "), quoted(node.kind));
                wrong(&written.span(), message, None);
            }
        }
        if let ("end", Some((_, span))) = (node.kind, text(node.table, "next")) {
            wrong(&span, "an `end` node has no next node".to_owned(), Some("remove `next`".to_owned()));
        }
        for (kind, key) in [("wait", "wait"), ("branch", "cases")] {
            if node.kind == kind && !node.table.contains_key(key) {
                wrong(&node.span, format!("a `{kind}` node needs `{key}`"), None);
            }
        }
    }
    // Ways are followed only if all of them lead somewhere; otherwise one slip would be reported twice.
    if !is_whole || nodes.is_empty() {
        return;
    }
    let next = |at: usize| nodes[at].ways.iter().filter_map(|(name, _)| place(name));
    let mut state = vec![State::New; nodes.len()];
    if let Some(back) = walk(0, &next, &mut state) {
        let (name, span) = &nodes[back].id;
        let message = format!("rows return to {} and never reach an end", quoted(name));
        wrong(span, message, Some("a flow may branch and join again, but not loop".to_owned()));
        return;
    }
    for (node, _) in nodes.iter().zip(&state).filter(|(_, state)| **state == State::New) {
        wrong(&node.id.1, format!("no path leads from the first node to {}", quoted(node.id.0)), None);
    }
}

/// The progress of the search at a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// The node's ways are being followed.
    Open,
    Done,
}

/// Follows every way from a node. Returns the first node that a way comes back to.
fn walk<I: Iterator<Item = usize>>(
    start: usize,
    next: &impl Fn(usize) -> I,
    state: &mut [State],
) -> Option<usize> {
    // An explicit stack: a template may have a thousand nodes in a row.
    let mut stack = vec![(start, next(start))];
    state[start] = State::Open;
    while let Some((at, ways)) = stack.last_mut() {
        match ways.next() {
            None => {
                state[*at] = State::Done;
                stack.pop();
            }
            Some(to) => match state[to] {
                State::Open => return Some(to),
                State::Done => {}
                State::New => {
                    state[to] = State::Open;
                    stack.push((to, next(to)));
                }
            },
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Catalog;
    use crate::settings::check_file;

    fn problems(text: &str) -> String {
        let source = SourceFile::new("settings.toml", text);
        match check_file(&source, Catalog::builtin()) {
            Ok(_) => String::new(),
            Err(problems) => problems.to_string(),
        }
    }

    #[test]
    fn the_shipped_templates_check() {
        assert_eq!(problems(include_str!("../simulator/rules/templates.toml")), "");
    }

    #[test]
    fn every_mistake_of_a_template_has_its_place() {
        let text = r#"
[[workflow_templates]]
id = 7
name = "Wrong"
nodes = [
    { id = "call", kind = "voice", wait = "5m", robto = "x", next = "fork" },
    { id = "fork", kind = "branch", next = "puhs" },
    { id = "later", kind = "wait", next = "push" },
    { id = "agents", kind = "dialer", group = "Colections", line = "x" },
    { id = "robot", kind = "voice", group = "Night shift" },
    { id = "push", kind = "api", robot = "x", repeat_number = 0 },
    { id = "push", kind = "voize" },
    { id = "choice", kind = "branch", cases = [{ when = ["no_anser"], next = "push" }, { when = [], next = "later" }] },
    { id = "end", kind = "end", next = "push" },
]

[[workflow_templates]]
id = 7
name = "Round"
nodes = [
    { id = "call", kind = "voice", next = "message" },
    { id = "message", kind = "whatsapp", next = "call" },
]

[[workflow_templates]]
id = 8
name = "Lonely"
nodes = [{ id = "call", kind = "voice" }, { id = "message", kind = "whatsapp" }]

[[workflow_templates]]
name = "Empty"
nodes = []
"#;
        insta::assert_snapshot!(problems(text));
    }

    #[test]
    fn a_long_flow_is_no_trouble() {
        let mut text = "[[workflow_templates]]\nid = 1\nname = \"long\"\n".to_owned();
        for at in 0..1_000 {
            text += &format!("[[workflow_templates.nodes]]\nid = \"n{at}\"\nkind = \"api\"\n");
            if at < 999 {
                text += &format!("next = \"n{}\"\n", at + 1);
            }
        }
        assert_eq!(problems(&text), "");
    }
}
