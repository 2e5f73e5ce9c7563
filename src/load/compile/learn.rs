//! Finds the gaps of a story by iteration it several times: what differs by the hour is a time, what differs by the
//! copy's number is that number, and what differs by the seed and looks like an id is an id. Everything else that
//! differs by the seed, such as names and texts, comes from as many variants as were told.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::context::{Context, Telling};
use super::leaves::leaves;
use super::template::{
    IdForm, IdKeys, Made, RequestTemplate, Segment, Segments, SignatureField, StoryTemplate, TimeForm,
    Variant,
};
use crate::contract::signature::Scheme;
use crate::delivery::{Attempt, SuccessRule};
use crate::scenario::Story;
use crate::seed::Seed;

/// How many people and texts take turns.
const VARIANTS: u64 = 32;

/// Between two iterations that show what is a time, in seconds: too short to change a date in a text.
const LATER: i64 = 61;

/// The numbers of two iterations that show where the number stands: no text holds them by chance.
const COPIES: [u32; 2] = [73_400_339, 84_500_617];

/// Ids shorter than this are not looked for within other texts.
const SHORTEST_WITHIN: usize = 8;

impl StoryTemplate {
    /// Learns a story. Errs with the reason if what it sends is not known beforehand: then it has to be told for real.
    pub fn learn(
        context: &Context<'_>,
        story: &Arc<Story>,
        seed: Seed,
        today: Timestamp,
    ) -> Result<Self, String> {
        Self::learn_variants(context, story, seed, today, VARIANTS)
    }

    fn learn_variants(
        context: &Context<'_>,
        story: &Arc<Story>,
        seed: Seed,
        today: Timestamp,
        variants: u64,
    ) -> Result<Self, String> {
        if let Some(obstacle) = story.obstacle() {
            return Err(obstacle);
        }
        // At noon no date changes within a minute.
        let noon = today.as_second().div_euclid(86_400) * 86_400 + 43_200;
        let at = Timestamp::from_second(noon).map_err(|error| error.to_string())?;
        let usual = story.policy.success.body.as_ref().map_or_else(|| "{}".to_owned(), ToString::to_string);
        let tell = |number: u64, copy: u32, at: Timestamp, answer: &str| {
            let seed = seed.derive("load variant", number);
            let attempts = context.tell(story, Telling { seed, copy, at, answer })?;
            attempts
                .iter()
                .map(|attempt| Sent::of(attempt, context.signer.scheme()))
                .collect::<Result<Vec<_>, String>>()
        };
        let later =
            at.checked_add(Duration::from_secs(LATER.unsigned_abs())).map_err(|error| error.to_string())?;
        let mut triples = Vec::new();
        for number in 0..variants {
            let base = tell(number, COPIES[0], at, &usual)?;
            triples.push([
                tell(number, COPIES[0], later, &usual)?,
                tell(number, COPIES[1], at, &usual)?,
                base,
            ]);
        }
        let Some([_, _, first]) = triples.first() else { return Err("it was never told".to_owned()) };
        // An answer with something in it that nobody asked for: whoever looks at answers now says something else.
        if story.policy.success.body.is_none() {
            let other = tell(0, COPIES[0], at, r#"{"code":73400339,"message":"73400339"}"#)?;
            if !same_bytes(first, &other) {
                return Err("what it sends depends on the answers".to_owned());
            }
        }
        for told in triples.iter().flatten() {
            same_course(first, told)?;
        }
        let learner = Learner::new(&triples);
        let mut slots = Slots::default();
        let mut variants = Vec::new();
        for [later, other, base] in &triples {
            variants.push(learner.variant(base, later, other, noon, &mut slots)?);
        }
        let mut success: Vec<SuccessRule> = story
            .wanted_statuses()
            .map(|status| SuccessRule { status: status.clone(), body: story.policy.success.body.clone() })
            .collect();
        success.truncate(first.len());
        if success.len() != first.len() {
            return Err("more goes out than the steps say".to_owned());
        }
        Ok(Self {
            target: Arc::clone(&first[0].attempt.callback.target),
            success,
            events: first.iter().map(|sent| Arc::clone(&sent.attempt.callback.event)).collect(),
            repeating: slots.repeating.into_iter().collect(),
            variants,
            signer: context.signer.clone(),
            keys: IdKeys::new(seed),
        })
    }
}

/// A request that was sent.
struct Sent {
    attempt: Arc<Attempt>,
    /// The headers in the order of the wire, without those of the signature, `Content-Length` last if there is one.
    headers: Vec<(Arc<str>, String)>,
    signature: Vec<(Arc<str>, SignatureField)>,
    /// The values in the headers and in the body.
    values: Vec<Value>,
}

/// A value of a request.
struct Value {
    /// Where it is: the path of a field, or `header NAME`.
    path: String,
    /// In the body; nothing for a header.
    place: Option<Range<usize>>,
    text: String,
    is_text: bool,
}

impl Sent {
    fn of(attempt: &Arc<Attempt>, scheme: &Scheme) -> Result<Self, String> {
        let callback = &attempt.callback;
        if callback.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Is-Encrypted")) {
            return Err("its callbacks are encrypted".to_owned());
        }
        let (own, added) = attempt.headers.split_at(callback.headers.len());
        let mut signature = Vec::new();
        for (name, _) in added {
            let is = |other: &Option<Arc<str>>| other.as_ref().is_some_and(|other| other == name);
            signature.push((
                Arc::clone(name),
                match () {
                    () if is(&scheme.timestamp_header) => SignatureField::Timestamp,
                    () if is(&scheme.nonce_header) => SignatureField::Nonce,
                    () => SignatureField::Signature,
                },
            ));
        }
        // The client writes `Host` first, and all values of a name where its first one stands.
        let mut headers: Vec<(Arc<str>, String)> = Vec::new();
        let has_host = own.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
        if !has_host {
            headers.push((Arc::from("Host"), callback.target.authority().to_owned()));
        }
        for (index, (name, _)) in own.iter().enumerate() {
            if own[..index].iter().any(|(before, _)| before.eq_ignore_ascii_case(name)) {
                continue;
            }
            let same = own.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
            headers.extend(same.cloned());
        }
        crate::delivery::check(attempt).map_err(|failure| failure.message)?;
        let mut values: Vec<Value> = headers
            .iter()
            .map(|(name, value)| Value {
                path: format!("header {name}"),
                place: None,
                text: value.clone(),
                is_text: true,
            })
            .collect();
        let body = &callback.body;
        match leaves(body) {
            Some(found) => values.extend(found.into_iter().map(|leaf| Value {
                text: String::from_utf8_lossy(&body[leaf.place.clone()]).into_owned(),
                path: leaf.path,
                place: Some(leaf.place),
                is_text: leaf.is_text,
            })),
            // Another form of body is one text.
            None => values.push(Value {
                path: String::new(),
                text: std::str::from_utf8(body)
                    .map_err(|_| "a body is neither JSON nor text".to_owned())?
                    .to_owned(),
                place: Some(0..body.len()),
                is_text: true,
            }),
        }
        Ok(Self { attempt: Arc::clone(attempt), headers, signature, values })
    }

    fn event(&self) -> &str {
        &self.attempt.callback.event
    }
}

fn same_bytes(one: &[Sent], other: &[Sent]) -> bool {
    let bytes = |sent: &[Sent]| -> Vec<_> {
        sent.iter().map(|sent| (sent.headers.clone(), sent.attempt.callback.body.clone())).collect()
    };
    bytes(one) == bytes(other)
}

/// Whether two iterations send the same events to the same place.
fn same_course(one: &[Sent], other: &[Sent]) -> Result<(), String> {
    let events = |sent: &[Sent]| sent.iter().map(|sent| sent.event().to_owned()).collect::<Vec<_>>();
    if events(one) != events(other) {
        return Err("it does not always send the same events".to_owned());
    }
    let (first, all) = (&one[0].attempt.callback.target, one.iter().chain(other));
    if all.into_iter().any(|sent| sent.attempt.callback.target != *first) {
        return Err("its callbacks go to several URLs".to_owned());
    }
    Ok(())
}

/// What is known of all iterations together.
struct Learner {
    /// The values a field has in the iterations, by step and path.
    seen: BTreeMap<(usize, String), BTreeSet<String>>,
    /// How many iterations there were.
    variants: usize,
}

/// Gives each field that holds an id a number, the same in every variant, so that ids of one field never meet.
#[derive(Default)]
struct Slots {
    numbers: BTreeMap<(usize, String), usize>,
    repeating: BTreeSet<String>,
}

impl Slots {
    fn number(&mut self, step: usize, path: &str) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry((step, path.to_owned())).or_insert(next)
    }
}

/// An id of a variant.
struct Id {
    text: String,
    number: usize,
}

impl Learner {
    fn new(triples: &[[Vec<Sent>; 3]]) -> Self {
        let mut seen: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for [_, _, base] in triples {
            for (step, sent) in base.iter().enumerate() {
                for value in &sent.values {
                    seen.entry((step, value.path.clone())).or_default().insert(value.text.clone());
                }
            }
        }
        Self { seen, variants: triples.len() }
    }

    fn variant(
        &self,
        base: &[Sent],
        later: &[Sent],
        other: &[Sent],
        noon: i64,
        slots: &mut Slots,
    ) -> Result<Variant, String> {
        let mut ids: Vec<Id> = Vec::new();
        let mut forms: Vec<IdForm> = Vec::new();
        for (step, sent) in base.iter().enumerate() {
            for value in &sent.values {
                let seen = &self.seen[&(step, value.path.clone())];
                if seen.len() < 2 || ids.iter().any(|id| id.text == value.text) {
                    continue;
                }
                let Some(form) = form(value, seen) else {
                    let many = seen.len() > self.variants / 2;
                    if is_id_key(&value.path) && many {
                        slots.repeating.insert(format!("{} of {}", value.path, sent.event()));
                    }
                    continue;
                };
                let number = slots.number(step, &value.path);
                if forms.len() <= number {
                    forms.resize(number + 1, IdForm::default());
                }
                forms[number] = form;
                ids.push(Id { text: value.text.clone(), number });
            }
        }
        // Longer ids first, so that one within another is not mistaken for it.
        ids.sort_by_key(|id| std::cmp::Reverse(id.text.len()));
        let mut requests = Vec::new();
        for (step, sent) in base.iter().enumerate() {
            let (later, other) = (&later[step], &other[step]);
            requests.push(self.request(step, sent, later, other, noon, &ids)?);
        }
        Ok(Variant { ids: forms, requests })
    }

    fn request(
        &self,
        step: usize,
        base: &Sent,
        later: &Sent,
        other: &Sent,
        noon: i64,
        ids: &[Id],
    ) -> Result<RequestTemplate, String> {
        let paths = |sent: &Sent| sent.values.iter().map(|value| value.path.clone()).collect::<Vec<_>>();
        if paths(base) != paths(later) || paths(base) != paths(other) {
            return Err(format!("the fields of `{}` depend on the time", base.event()));
        }
        let callback = &base.attempt.callback;
        let (mut head, mut body) = (Segments::default(), Segments::default());
        head.push_fixed(
            format!("{} {} HTTP/1.1\r\n", callback.method, callback.target.path_and_query()).as_bytes(),
        );
        let mut written = 0;
        for ((value, later), other) in base.values.iter().zip(&later.values).zip(&other.values) {
            let seen = &self.seen[&(step, value.path.clone())];
            let pieces = split(value, later, other, noon, if seen.len() > 1 { ids } else { &[] })
                .map_err(|why| format!("`{}` of `{}` {why}", value.path, base.event()))?;
            let out = match &value.place {
                Some(place) => {
                    body.push_fixed(&callback.body[written..place.start]);
                    written = place.end;
                    &mut body
                }
                None => {
                    let name = value.path.trim_start_matches("header ");
                    head.push_fixed(format!("{name}: ").as_bytes());
                    &mut head
                }
            };
            for piece in pieces {
                match piece {
                    Part::Fixed(text) => out.push_fixed(text.as_bytes()),
                    Part::Gap(piece) => out.push(piece),
                }
            }
            if value.place.is_none() {
                head.push_fixed(b"\r\n");
            }
        }
        body.push_fixed(&callback.body[written..]);
        let bodyless = callback.body.is_empty() && matches!(&*callback.method, "GET" | "HEAD");
        Ok(RequestTemplate { head, signature: base.signature.clone(), has_length: !bodyless, body })
    }
}

/// A part of a value.
#[derive(Debug, PartialEq)]
enum Part<'a> {
    Fixed(&'a str),
    Gap(Segment),
}

/// The parts of a value, by what it is at another time and in another copy.
fn split<'a>(
    value: &'a Value,
    later: &Value,
    other: &Value,
    noon: i64,
    ids: &[Id],
) -> Result<Vec<Part<'a>>, String> {
    if value.text != later.text {
        let (form, second) = time_form(&value.text, &later.text)
            .ok_or("depends on the time in a way that is not understood")?;
        return Ok(vec![Part::Gap(Segment::Time(form, second - noon))]);
    }
    let [copy, next] = COPIES.map(|copy| copy.to_string());
    if value.text.replace(&copy, &next) != other.text {
        return Err("depends on the copy's number in a way that is not understood".to_owned());
    }
    let mut marks: Vec<(&str, Segment)> = vec![(&copy, Segment::Copy)];
    for id in ids {
        if id.text.len() >= SHORTEST_WITHIN || id.text == value.text {
            marks.push((&id.text, Segment::Id(id.number)));
        }
    }
    let mut parts = Vec::new();
    let mut rest = value.text.as_str();
    while let Some((at, mark, piece)) = marks
        .iter()
        .filter_map(|(mark, piece)| rest.find(mark).map(|at| (at, *mark, piece)))
        .min_by_key(|(at, mark, _)| (*at, std::cmp::Reverse(mark.len())))
    {
        parts.push(Part::Fixed(&rest[..at]));
        parts.push(Part::Gap(piece.clone()));
        rest = &rest[at + mark.len()..];
    }
    parts.push(Part::Fixed(rest));
    Ok(parts)
}

/// How a moment is written, if two texts are one moment and [`LATER`]; and that moment, in Unix seconds.
fn time_form(base: &str, later: &str) -> Option<(TimeForm, i64)> {
    if let (Ok(base), Ok(later)) = (base.parse::<i64>(), later.parse::<i64>()) {
        return match later.checked_sub(base)? {
            LATER => Some((TimeForm::Seconds, base)),
            // Milliseconds keep the fraction of the present moment.
            gap if gap == LATER * 1000 && base % 1000 == 0 => Some((TimeForm::Millis, base / 1000)),
            _ => None,
        };
    }
    [TimeForm::Utc, TimeForm::Spaced].into_iter().find_map(|form| {
        let (base, later) = (form.read(base)?, form.read(later)?);
        (later.as_second() - base.as_second() == LATER).then_some((form, base.as_second()))
    })
}

impl TimeForm {
    /// The moment of a text in this form, of those that are no numbers.
    fn read(self, text: &str) -> Option<Timestamp> {
        match self {
            Self::Utc => text.ends_with('Z').then(|| text.parse().ok()).flatten(),
            Self::Spaced => {
                let civil = DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
                civil.in_tz("UTC").ok().map(|zoned| zoned.timestamp())
            }
            Self::Seconds | Self::Millis => None,
        }
    }
}

/// Whether a field is an id by its name.
fn is_id_key(path: &str) -> bool {
    const JOINED: [&str; 7] = ["callid", "taskid", "caseid", "userid", "msgid", "sessionid", "channelid"];
    let key = path.rsplit(['.', ' ']).next().unwrap_or_default();
    let lower = key.to_ascii_lowercase();
    lower == "id"
        || lower.ends_with("_id")
        || lower.ends_with("-id")
        || key.ends_with("Id")
        || key.ends_with("ID")
        || JOINED.contains(&lower.as_str())
}

/// The form of a value that is an id. `seen` is what the field holds in other iterations.
fn form(value: &Value, seen: &BTreeSet<String>) -> Option<IdForm> {
    let text = value.text.as_str();
    if !value.is_text {
        return None;
    }
    let part = |range: Range<usize>, made| {
        let (start, end) = (text.get(..range.start)?, text.get(range.end..)?);
        Some(IdForm { start: start.to_owned(), made, end: end.to_owned() })
    };
    let number = text.strip_prefix('+').unwrap_or(text);
    if text.len() == 32 && is_hex(text) {
        return part(0..32, Made::Hex(32));
    }
    if is_uuid(text) {
        return part(0..36, Made::Uuid);
    }
    if (10..=15).contains(&number.len()) && is_digits(number) {
        // Country and network stay.
        let made = (number.len() - 4).min(9);
        return part(text.len() - made..text.len(), Made::Digits(made));
    }
    if !is_id_key(&value.path) {
        return None;
    }
    // What all have in common is no part of the id: `order-7f3a`.
    let start = seen.iter().map(|other| common(text.bytes(), other.bytes())).min()?;
    let end = seen.iter().map(|other| common(text.bytes().rev(), other.bytes().rev())).min()?;
    let end = text.len() - end.min(text.len() - start);
    let middle = text.get(start..end)?;
    if middle.len() <= 17
        && seen.iter().all(|other| other.get(start..other.len() - (text.len() - end)).is_some_and(is_digits))
    {
        return part(start..end, Made::Drawn(middle.len()));
    }
    if (4..=64).contains(&middle.len()) && is_hex(middle) {
        return part(start..end, Made::Hex(middle.len()));
    }
    // A date and some letters before a number: `261106UC06251`.
    let tail = |text: &str| text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let count = seen.iter().map(|other| tail(other)).min()?.min(9);
    if count < 4 { None } else { part(text.len() - count..text.len(), Made::Digits(count)) }
}

/// How many bytes two texts have in common at their beginning.
fn common(one: impl Iterator<Item = u8>, other: impl Iterator<Item = u8>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).count()
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            14 => byte == b'4',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

#[cfg(test)]
#[path = "learn_tests.rs"]
mod tests;
