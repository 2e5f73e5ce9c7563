//! The functions that templates can call. All randomness comes from the story's own stream.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::{Timestamp, tz::TimeZone};
use minijinja::value::{Object, Rest};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use rand::RngExt;

use super::HELPERS;
use crate::content::facts::Facts;
use crate::content::phrases;
use crate::content::{self, Country, Person};
use crate::seed::ids::{self, IdShape};
use crate::seed::{self, Rng};
use crate::sync::lock;

/// The names of the functions, for checks and suggestions.
pub(super) const NAMES: [&str; 11] =
    ["between", "chance", "counter", "digits", "hex", "id", "name", "now", "phone", "phrase", "pick"];

/// Maximum number of digits or hex digits that one call gives, and maximum length of a list to pick from.
const MOST: usize = 10_000;

/// The random stream and settings of the functions; each story has its own.
#[derive(Debug)]
pub struct Helpers(Mutex<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    rng: Rng,
    country: Country,
    locale: String,
    now: Timestamp,
    counters: BTreeMap<String, i64>,
}

impl Object for Helpers {}

impl Helpers {
    /// Draws from `rng`. `now` is the moment that `now()` returns until [`Helpers::set_now`].
    pub fn new(rng: Rng, country: Country, locale: Option<&str>, now: Timestamp) -> Self {
        let locale = locale.unwrap_or(country.default_locale()).to_owned();
        Self(Mutex::new(Inner { rng, country, locale, now, counters: BTreeMap::new() }))
    }

    fn copy(&self) -> Self {
        Self(Mutex::new(self.lock().clone()))
    }

    /// Sets the moment that `now()` returns.
    pub fn set_now(&self, now: Timestamp) {
        self.lock().now = now;
    }

    /// Draws from the stream, for values that the story needs outside of templates.
    pub fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.lock().rng)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A stream can still be drawn from after a panic.
        lock(&self.0)
    }
}

/// The helpers of one owner, which passes them to templates. A clone draws the same values from here on, independently.
#[derive(Debug)]
pub struct OwnHelpers(Arc<Helpers>);

impl From<Helpers> for OwnHelpers {
    fn from(helpers: Helpers) -> Self {
        Self(Arc::new(helpers))
    }
}

impl Clone for OwnHelpers {
    fn clone(&self) -> Self {
        self.0.copy().into()
    }
}

impl Deref for OwnHelpers {
    type Target = Arc<Helpers>;

    fn deref(&self) -> &Arc<Helpers> {
        &self.0
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

fn with<T>(state: &State, work: impl FnOnce(&mut Inner) -> Result<T, Error>) -> Result<T, Error> {
    let value = state.lookup(HELPERS).unwrap_or_default();
    let helpers = value
        .downcast_object_ref::<Helpers>()
        .ok_or_else(|| invalid("this function is not available here"))?;
    let mut inner = helpers.lock();
    work(&mut inner)
}

pub(super) fn register(env: &mut Environment<'static>) {
    env.add_function("id", |state: &State| with(state, |inner| Ok(seed::hex32(&mut inner.rng))));
    env.add_function("hex", |state: &State, count: usize| {
        with(state, |inner| text_of(inner, count, IdShape::Hex, b"0123456789abcdef"))
    });
    env.add_function("digits", |state: &State, count: usize| {
        with(state, |inner| text_of(inner, count, IdShape::Digits, b"0123456789"))
    });
    env.add_function("pick", pick);
    env.add_function("between", between);
    env.add_function("chance", |state: &State, probability: f64| {
        with(state, |inner| {
            if !(0.0..=1.0).contains(&probability) {
                return Err(invalid(format!("chance({probability}): give a number from 0.0 to 1.0")));
            }
            Ok(inner.rng.random_bool(probability))
        })
    });
    env.add_function("now", now);
    env.add_function("phrase", phrase);
    env.add_function("phone", |state: &State, country: Option<String>| {
        with(state, |inner| {
            let country = country_or(inner, country.as_deref())?;
            Ok(content::phone(&mut inner.rng, country))
        })
    });
    env.add_function("name", |state: &State, country: Option<String>| {
        with(state, |inner| {
            let country = country_or(inner, country.as_deref())?;
            Ok(Person::draw(&mut inner.rng, country, None).name)
        })
    });
    env.add_function("counter", |state: &State, name: Option<String>| {
        with(state, |inner| {
            let count = inner.counters.entry(name.unwrap_or_default()).or_insert(0);
            *count += 1;
            Ok(*count)
        })
    });
}

fn country_or(inner: &Inner, country: Option<&str>) -> Result<Country, Error> {
    country.map_or(Ok(inner.country), |text| text.parse().map_err(|error| invalid(format!("{error}"))))
}

fn text_of(inner: &mut Inner, count: usize, shape: IdShape, alphabet: &[u8]) -> Result<String, Error> {
    if count > MOST {
        return Err(invalid(format!("{count} digits are too many: the maximum is {MOST}")));
    }
    Ok(ids::draw(&mut inner.rng, shape, |rng| {
        (0..count).map(|_| char::from(alphabet[rng.random_range(0..alphabet.len())])).collect()
    }))
}

fn pick(state: &State, items: Rest<Value>) -> Result<Value, Error> {
    let choices: Vec<Value> = match items.as_slice() {
        [list] if list.as_str().is_none() => list.try_iter()?.take(MOST).collect(),
        several => several.to_vec(),
    };
    if choices.is_empty() {
        return Err(invalid("there is nothing to pick from"));
    }
    with(state, |inner| Ok(choices[inner.rng.random_range(0..choices.len())].clone()))
}

fn between(state: &State, low: Value, high: Value) -> Result<Value, Error> {
    let wrong = || invalid(format!("between({low}, {high}): give two numbers, the smaller first"));
    with(state, |inner| {
        if let (true, true, Some(from), Some(to)) =
            (low.is_integer(), high.is_integer(), low.as_i64(), high.as_i64())
        {
            return if from <= to { Ok(inner.rng.random_range(from..=to).into()) } else { Err(wrong()) };
        }
        let number = |value: &Value| f64::try_from(value.clone()).ok().filter(|number| number.is_finite());
        match (number(&low), number(&high)) {
            (Some(from), Some(to)) if from <= to && (to - from).is_finite() => {
                Ok(inner.rng.random_range(from..=to).into())
            }
            _ => Err(wrong()),
        }
    })
}

/// `now()` returns Unix seconds, `now('ms')` milliseconds, `now('iso')` `2030-01-01T00:00:00Z`. Any other text is a
/// strftime format, in UTC.
fn now(state: &State, format: Option<String>) -> Result<Value, Error> {
    with(state, |inner| {
        Ok(match format.as_deref() {
            None => inner.now.as_second().into(),
            Some("ms") => inner.now.as_millisecond().into(),
            Some("iso") => inner.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into(),
            Some(other) => {
                let zoned = inner.now.to_zoned_datetime(TimeZone::UTC);
                jiff::fmt::strtime::format(other, &zoned)
                    .map_err(|error| invalid(format!("now('{other}'): {error}")))?
                    .into()
            }
        })
    })
}

fn phrase(state: &State, key: String, locale: Option<String>) -> Result<String, Error> {
    let name =
        state.lookup("user").and_then(|user| user.get_attr("name").ok()).filter(|name| !name.is_undefined());
    with(state, |inner| {
        let name = match name {
            Some(name) => name.to_string(),
            None => Person::draw(&mut inner.rng, inner.country, None).name,
        };
        let facts = Facts::draw(&mut inner.rng, inner.country, inner.now, &name);
        let locale = locale.unwrap_or_else(|| inner.locale.clone());
        let key = phrases::find_key(&key).map_err(|error| invalid(error.to_string()))?;
        phrases::phrase_with(&mut inner.rng, key, &locale, &facts)
            .ok_or_else(|| invalid("there is no such phrase"))
    })
}
