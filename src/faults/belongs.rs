//! The words that `where` accepts beside the fields of a request or of a callback's body: what it belongs to, and where it comes
//! from.

use serde_json::Value;

use super::file::FaultFile;
use crate::files::Tree;
use crate::files::diagnostic::{joined, quoted};
use crate::language::matcher::has_fields;

/// What a request or callback belongs to, and where it comes from. Unknown values are missing.
#[derive(Clone, Debug, Default)]
pub struct Belongs<'a> {
    /// The name of the account.
    pub account: Option<&'a str>,
    /// The id of the workflow template.
    pub workflow: Option<i64>,
    /// The id of the node in that template.
    pub node: Option<&'a str>,
    /// The id of the conversation.
    pub conversation: Option<&'a str>,
    /// The ids of the task, the plan and the instance of the workflow.
    pub tasks: Vec<&'a str>,
}

/// A word of `where` that is not a field unless the body has one of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Account,
    Workflow,
    Node,
    Conversation,
    Task,
}

impl Word {
    const ALL: [(&'static str, Self); 5] = [
        ("account", Self::Account),
        ("workflow", Self::Workflow),
        ("node", Self::Node),
        ("conversation", Self::Conversation),
        ("task", Self::Task),
    ];
}

/// Whether a name of a `where` may stand for what a request or callback belongs to.
pub(crate) fn is_origin(name: &str) -> bool {
    Word::ALL.iter().any(|(word, _)| *word == name)
}

impl Belongs<'_> {
    fn values(&self, word: Word) -> Vec<Value> {
        let text = |text: Option<&str>| text.map(Value::from).into_iter().collect();
        match word {
            Word::Account => text(self.account),
            Word::Workflow => self.workflow.map(Value::from).into_iter().collect(),
            Word::Node => text(self.node),
            Word::Conversation => text(self.conversation),
            Word::Task => self.tasks.iter().copied().map(Value::from).collect(),
        }
    }
}

/// The conditions of a `where`, taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    /// The conditions on fields.
    fields: Tree,
    /// The conditions on what it belongs to: the word, and a table with this one key.
    belongs: Vec<(&'static str, Word, Tree)>,
}

impl Conditions {
    pub(super) fn of(wanted: &Tree) -> Self {
        let mut fields = wanted.clone();
        let belongs = Word::ALL.into_iter().filter_map(|(name, word)| {
            let wanted = match fields.shift_remove(name)? {
                // In a line of text `account=2` reads as a number, but names are texts. Ids of templates are numbers.
                Value::Number(number) if word != Word::Workflow => Value::String(number.to_string()),
                Value::String(text) if word == Word::Workflow => {
                    text.parse::<i64>().map_or(Value::String(text), Value::from)
                }
                wanted => wanted,
            };
            Some((name, word, Tree::from_iter([(name.to_owned(), wanted)])))
        });
        let belongs = belongs.collect();
        Self { fields, belongs }
    }

    /// Whether a request or callback meets them. An invalid matcher was refused with the file.
    pub(super) fn meets(&self, fields: &Value, belongs: &Belongs<'_>) -> bool {
        let has = |wanted: &Tree, got: &Value| has_fields(wanted, got) == Ok(true);
        has(&self.fields, fields)
            && self.belongs.iter().all(|(name, word, wanted)| {
                if fields.get(*name).is_some() {
                    return has(wanted, fields);
                }
                belongs
                    .values(*word)
                    .into_iter()
                    .any(|value| has(wanted, &Value::Object(Tree::from_iter([((*name).to_owned(), value)]))))
            })
    }
}

/// Describes in a sentence what a fault names that does not exist: such a fault never hits, unless a body has a field of this
/// name.
pub fn strangers(fault: &FaultFile, accounts: &[&str], workflows: &[i64]) -> Option<String> {
    let conditions = Conditions::of(fault.where_.as_ref()?);
    conditions.belongs.iter().find_map(|(name, word, wanted)| {
        let known: Vec<String> = match (word, wanted.get(*name)?) {
            (Word::Account, Value::String(wanted)) if !accounts.contains(&wanted.as_str()) => {
                accounts.iter().copied().map(quoted).collect()
            }
            (Word::Workflow, Value::Number(wanted))
                if !workflows.iter().any(|id| wanted.as_i64() == Some(*id)) =>
            {
                workflows.iter().map(i64::to_string).collect()
            }
            _ => return None,
        };
        let (fault, wanted, known) = (fault.named(), wanted.get(*name)?, joined(&known, "and"));
        Some(format!("the fault `{fault}` never applies: there is no {name} {wanted}; there are {known}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn meets(wanted: Value, fields: Value) -> bool {
        let belongs = Belongs {
            account: Some("2"),
            workflow: Some(1001),
            node: Some("push"),
            conversation: Some("c1"),
            tasks: vec!["t1", "w1"],
        };
        Conditions::of(wanted.as_object().unwrap()).meets(&fields, &belongs)
    }

    #[test]
    fn what_it_belongs_to_is_asked_beside_its_fields() {
        for wanted in [
            json!({ "account": "2" }),
            json!({ "account": 2, "workflow": "1001", "node": "push" }),
            json!({ "workflow": { "above": 1000 }, "n": 1 }),
            json!({ "conversation": "c1", "task": "w1" }),
            json!({ "task": { "one_of": ["t1", "t2"] } }),
        ] {
            assert!(meets(wanted.clone(), json!({ "n": 1 })), "{wanted}");
        }
        for wanted in [
            json!({ "account": "3" }),
            json!({ "workflow": 1002 }),
            json!({ "task": "t2" }),
            json!({ "account": "2", "n": 2 }),
        ] {
            assert!(!meets(wanted.clone(), json!({ "n": 1 })), "{wanted}");
        }
    }

    #[test]
    fn names_that_nothing_has_are_told() {
        let told =
            |text: &str| strangers(&crate::faults::read_text(text).unwrap(), &["default", "2"], &[1001]);
        assert_eq!(told("drop where account=2 workflow=1001 n=7"), None);
        assert_eq!(
            told("drop where account=3").unwrap(),
            "the fault `drop` never applies: there is no account \"3\"; there are `default` and `2`"
        );
        assert!(told("drop where workflow=7").unwrap().ends_with("there is no workflow 7; there are 1001"));
    }

    #[test]
    fn a_field_of_this_name_comes_first() {
        assert!(meets(json!({ "account": "mine" }), json!({ "account": "mine" })));
        assert!(!meets(json!({ "account": "2" }), json!({ "account": "mine" })));
    }

    #[test]
    fn what_is_not_known_is_not_met() {
        let conditions = Conditions::of(json!({ "account": "2" }).as_object().unwrap());
        assert!(!conditions.meets(&json!({}), &Belongs::default()));
    }
}
