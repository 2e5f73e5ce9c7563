//! The compiled declarations: nothing is left to be looked up by name except at run time.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use toml::Spanned;

use super::fields::FieldCheck;
use super::file::{
    AskFile, CallbackFile, EndpointAnswerFile, EndpointFile, FindFile, RefuseFile, SendFile, StoreFile,
    StoreMode, UserEndpointsFile,
};
use crate::files::Tree;
use crate::language::FormatMistake;
use crate::language::template::{Template, TemplateSet};
use crate::language::tree::TreeTemplate;
use crate::time::DurationRange;

const NO_TIME: DurationRange = DurationRange { min: Duration::ZERO, max: Duration::ZERO };

/// The user's own endpoints and callbacks, compiled. Cheap to clone; the default has none.
#[derive(Clone, Debug, Default)]
pub struct Declarations(Arc<Plan>);

/// The contents of the declarations.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) set: TemplateSet,
    pub(super) endpoints: BTreeMap<Arc<str>, Endpoint>,
    pub(super) callbacks: BTreeMap<Arc<str>, DeclaredCallback>,
    /// The initial objects, by collection.
    pub(super) state: BTreeMap<String, Tree>,
}

/// A callback of the user's own.
#[derive(Debug)]
pub(super) struct DeclaredCallback {
    pub(super) body: TreeTemplate,
}

/// An endpoint of the user's own.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) open: bool,
    pub(super) fields: Vec<FieldCheck>,
    pub(super) find: Vec<Find>,
    pub(super) set: Vec<(String, TreeTemplate)>,
    pub(super) refuse: Vec<Refuse>,
    pub(super) ask: Vec<Ask>,
    pub(super) store: Vec<Store>,
    pub(super) answer: AnswerPlan,
    pub(super) send: Vec<Send>,
}

#[derive(Debug)]
pub(super) struct Find {
    pub(super) collection: String,
    pub(super) key: Template,
    pub(super) name: Option<String>,
    pub(super) code: i64,
    pub(super) message: Option<Template>,
}

#[derive(Debug)]
pub(super) struct Refuse {
    pub(super) when: Template,
    pub(super) code: i64,
    pub(super) message: Template,
}

#[derive(Debug)]
pub(super) struct Ask {
    pub(super) endpoint: String,
    pub(super) fields: Option<TreeTemplate>,
    pub(super) name: Option<String>,
}

#[derive(Debug)]
pub(super) struct Store {
    pub(super) collection: String,
    pub(super) key: Template,
    pub(super) value: Option<TreeTemplate>,
    pub(super) mode: StoreMode,
    pub(super) name: Option<String>,
}

#[derive(Debug)]
pub(super) enum AnswerPlan {
    /// Success, with optional data.
    Data(Option<TreeTemplate>),
    /// The complete response.
    Whole { status: u16, headers: Vec<(String, Template)>, body: TreeTemplate },
}

#[derive(Debug)]
pub(super) struct Send {
    pub(super) event: Option<Arc<str>>,
    pub(super) after: DurationRange,
    pub(super) when: Option<Template>,
    pub(super) store: Vec<Store>,
    /// The complete body of a user's own callback, or the differences from the simulator's body.
    pub(super) body: TreeTemplate,
    pub(super) target: Option<Template>,
}

impl Declarations {
    /// Compiles the declarations. An error means that the earlier check missed something; it says where, and what.
    pub(crate) fn compile(file: &UserEndpointsFile<'_>) -> Result<Self, (Range<usize>, String)> {
        let bodies: BTreeMap<&str, Tree> = file
            .callbacks
            .iter()
            .map(Spanned::get_ref)
            .map(|callback| (callback.id.as_str(), usual_body(callback)))
            .collect();
        let mut compiler = Compiler { set: TemplateSet::default(), bodies: &bodies };
        let mut plan = Plan { state: file.state.cloned().unwrap_or_default(), ..Plan::default() };
        for callback in file.callbacks {
            let compiled =
                TreeTemplate::compile_table(&bodies[callback.get_ref().id.as_str()], &mut compiler.set);
            let body = compiled.map_err(|mistake| (callback.span(), mistake.message))?;
            plan.callbacks.insert(callback.get_ref().id.as_str().into(), DeclaredCallback { body });
        }
        for endpoint in file.endpoints {
            let compiled = compiler.endpoint(endpoint.get_ref());
            let compiled = compiled.map_err(|message| (endpoint.span(), message))?;
            plan.endpoints.insert(endpoint.get_ref().id.as_str().into(), compiled);
        }
        plan.set = compiler.set;
        Ok(Self(Arc::new(plan)))
    }

    pub(super) fn plan(&self) -> &Arc<Plan> {
        &self.0
    }
}

/// Returns a callback's body as written, with the event's name in front if it is given and the body has none.
fn usual_body(callback: &CallbackFile) -> Tree {
    let mut body = callback.body.clone().unwrap_or_default();
    if let (Some(event), false) = (&callback.event, body.contains_key("event")) {
        body.shift_insert(0, "event".to_owned(), Value::String(event.clone()));
    }
    body
}

struct Compiler<'a> {
    set: TemplateSet,
    bodies: &'a BTreeMap<&'a str, Tree>,
}

/// The result of compiling; the error is a text.
type Compiled<T> = Result<T, String>;

fn words(mistake: FormatMistake) -> String {
    mistake.message
}

impl Compiler<'_> {
    fn text(&mut self, source: &str) -> Compiled<Template> {
        self.set.add(source).map_err(words)
    }

    fn optional(&mut self, source: Option<&str>) -> Compiled<Option<Template>> {
        source.map(|source| self.text(source)).transpose()
    }

    fn tree(&mut self, tree: &Tree) -> Compiled<TreeTemplate> {
        TreeTemplate::compile_table(tree, &mut self.set).map_err(words)
    }

    fn endpoint(&mut self, file: &EndpointFile) -> Compiled<Endpoint> {
        let method = file.method.as_deref().unwrap_or("POST").to_ascii_uppercase();
        let without_body = matches!(method.as_str(), "GET" | "HEAD" | "DELETE");
        let of_path = |name: &str| file.path.contains(&format!("{{{name}}}"));
        let fields = file
            .fields
            .iter()
            .map(|(name, field)| FieldCheck::new(name, field, without_body || of_path(name)))
            .collect::<Compiled<_>>()?;
        let set = match file.set.as_ref().map(|set| self.tree(set)).transpose()? {
            Some(TreeTemplate::Table(entries)) => entries,
            _ => Vec::new(),
        };
        Ok(Endpoint {
            open: file.open,
            fields,
            find: file.find.iter().map(|find| self.find(find)).collect::<Compiled<_>>()?,
            set,
            refuse: file.refuse.iter().map(|refuse| self.refuse(refuse)).collect::<Compiled<_>>()?,
            ask: file.ask.iter().map(|ask| self.ask(ask)).collect::<Compiled<_>>()?,
            store: self.stores(&file.store)?,
            answer: self.answer(file.answer.as_ref())?,
            send: file.send.iter().map(|send| self.send(send)).collect::<Compiled<_>>()?,
        })
    }

    fn find(&mut self, file: &FindFile) -> Compiled<Find> {
        Ok(Find {
            collection: file.collection.clone(),
            key: self.text(&file.key)?,
            name: file.name.clone(),
            code: file.code.unwrap_or(404),
            message: self.optional(file.message.as_deref())?,
        })
    }

    fn refuse(&mut self, file: &RefuseFile) -> Compiled<Refuse> {
        Ok(Refuse {
            when: self.text(&file.when)?,
            code: file.code.unwrap_or(400),
            message: self.text(&file.message)?,
        })
    }

    fn ask(&mut self, file: &AskFile) -> Compiled<Ask> {
        Ok(Ask {
            endpoint: file.call.clone(),
            fields: file.fields.as_ref().map(|fields| self.tree(fields)).transpose()?,
            name: file.name.clone(),
        })
    }

    fn stores(&mut self, files: &[StoreFile]) -> Compiled<Vec<Store>> {
        let store = |file: &StoreFile| {
            Ok(Store {
                collection: file.collection.clone(),
                key: self.text(&file.key)?,
                value: file.value.as_ref().map(|value| self.tree(value)).transpose()?,
                mode: file.mode,
                name: file.name.clone(),
            })
        };
        files.iter().map(store).collect()
    }

    fn answer(&mut self, file: Option<&EndpointAnswerFile>) -> Compiled<AnswerPlan> {
        let Some(file) = file else { return Ok(AnswerPlan::Data(None)) };
        let mut value = |value: &Value| TreeTemplate::compile(value, &mut self.set).map_err(words);
        let Some(body) = &file.body else {
            return Ok(AnswerPlan::Data(file.data.as_ref().map(value).transpose()?));
        };
        let body = value(body)?;
        let headers = file
            .headers
            .iter()
            .map(|(name, value)| Ok((name.clone(), self.text(value)?)))
            .collect::<Compiled<_>>()?;
        Ok(AnswerPlan::Whole { status: file.status.unwrap_or(200), headers, body })
    }

    fn send(&mut self, file: &SendFile) -> Compiled<Send> {
        let mut body = file.body.clone().unwrap_or_default();
        // Merged before anything is filled in: a value that the endpoint itself gives need not be available to the callback.
        if let Some(usual) = file.event.as_deref().and_then(|event| self.bodies.get(event)) {
            let mut whole = Value::Object(usual.clone());
            crate::json::merge(&mut whole, Value::Object(body));
            body = match whole {
                Value::Object(whole) => whole,
                _ => Tree::new(),
            };
        }
        Ok(Send {
            event: file.event.as_deref().map(Arc::from),
            after: file.after.unwrap_or(NO_TIME),
            when: self.optional(file.when.as_deref())?,
            store: self.stores(&file.store)?,
            body: self.tree(&body)?,
            target: self.optional(file.target.as_deref())?,
        })
    }
}
