//! Finds out what a person writes about and in which language, from the words.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::texts::closest_locale;

/// The topics that a bot understands, the more specific ones first: `pay` also occurs in `I have paid`.
pub(crate) const TOPICS: [&str; 13] = [
    "person",
    "stop",
    "complaint",
    "loan",
    "paid",
    "promise",
    "late",
    "order",
    "payment",
    "wrong",
    "thanks",
    "bye",
    "greeting",
];

/// The words of each language, by topic; `words` only show the language.
static WORDS: LazyLock<BTreeMap<String, BTreeMap<String, Vec<Words>>>> = LazyLock::new(|| {
    let texts: BTreeMap<String, BTreeMap<String, Vec<String>>> =
        toml::from_str(include_str!("files/asks.toml")).unwrap_or_else(|error| panic!("asks.toml: {error}"));
    let of_topic =
        |(topic, texts): (String, Vec<String>)| (topic, texts.iter().map(|text| Words::new(text)).collect());
    texts.into_iter().map(|(locale, topics)| (locale, topics.into_iter().map(of_topic).collect())).collect()
});

/// A text in the form in which words are searched: in lower case, and without punctuation.
struct Text(String);

/// Words in the form in which they are searched.
struct Words {
    plain: Finder<'static>,
    /// How many words they are.
    count: usize,
}

impl Words {
    fn new(text: &str) -> Self {
        let Text(mut plain) = Text::new(text);
        // Whole words are compared where words have gaps between them. In other scripts words have none, or their combining
        // marks become gaps, since they do not count as letters.
        if text.chars().any(|letter| letter > '\u{5ff}' && !('\u{1e00}'..='\u{1eff}').contains(&letter)) {
            plain = plain[1..plain.len() - 1].to_owned();
        }
        Self { plain: Finder::new(&plain).into_owned(), count: 1 + text.matches(' ').count() }
    }
}

impl Text {
    fn new(text: &str) -> Self {
        let mut plain = String::with_capacity(text.len() + 2);
        plain.push(' ');
        for letter in text.chars() {
            match letter {
                'a'..='z' | '0'..='9' => plain.push(letter),
                'A'..='Z' => plain.push(letter.to_ascii_lowercase()),
                _ if letter.is_alphanumeric() => plain.extend(letter.to_lowercase()),
                _ if !plain.ends_with(' ') => plain.push(' '),
                _ => {}
            }
        }
        if plain.len() == 1 || !plain.ends_with(' ') {
            plain.push(' ');
        }
        Self(plain)
    }

    fn has(&self, words: &Words) -> bool {
        words.plain.find(self.0.as_bytes()).is_some()
    }

    fn topic(&self, locale: &str) -> Option<&'static str> {
        let words = WORDS.get(locale)?;
        TOPICS
            .into_iter()
            .find(|topic| words.get(*topic).is_some_and(|words| words.iter().any(|one| self.has(one))))
    }

    /// Counts how much of a language the text contains.
    fn share(&self, words: &BTreeMap<String, Vec<Words>>) -> usize {
        words.values().flatten().filter(|one| self.has(one)).map(|one| one.count).sum()
    }
}

/// Returns the language whose words are known for a locale.
fn known(locale: &str) -> &str {
    match WORDS.contains_key(locale) {
        true => locale,
        false => locale.split('-').next().unwrap_or(locale),
    }
}

/// Returns the language that a text is written in, or `usual` if the text does not show another.
pub(crate) fn language(text: &str, usual: &'static str) -> &'static str {
    let written = Text::new(text);
    let shares = WORDS.iter().map(|(locale, words)| (locale.as_str(), written.share(words)));
    let shares: BTreeMap<&str, usize> = shares.filter(|(_, share)| *share > 0).collect();
    let most = shares.values().copied().max().unwrap_or(0);
    if most == 0 || shares.get(known(usual)) == Some(&most) {
        return usual;
    }
    let best = shares.into_iter().find(|(_, share)| *share == most);
    best.map_or(usual, |(locale, _)| closest_locale(locale))
}

/// Returns the topic of a text; `None` if it is not clear.
pub(crate) fn topic(text: &str, locale: &str) -> Option<&'static str> {
    let written = Text::new(text);
    // Some people mix English words into their own language.
    [known(locale), "en"].into_iter().find_map(|locale| written.topic(locale))
}

/// Whether a text contains any of these words.
pub(crate) fn mentions(text: &str, words: &[String]) -> bool {
    let written = Text::new(text);
    words.iter().any(|one| written.has(&Words::new(one)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_there_for_every_topic() {
        for (locale, words) in WORDS.iter() {
            assert_eq!(closest_locale(locale), locale);
            for topic in TOPICS {
                assert!(words.get(topic).is_some_and(|words| words.len() >= 2), "{locale}: {topic}");
            }
            assert_eq!(words.len(), TOPICS.len() + 1, "{locale}");
        }
    }

    #[test]
    fn what_is_asked_is_understood_in_every_language() {
        for (text, locale, about) in [
            ("Where is my parcel?", "en", "order"),
            ("Can I speak to a real person, please?", "en", "person"),
            ("This is nice", "en", "unclear"),
            ("Di mana paket saya?", "id", "order"),
            ("Saya mau bicara dengan petugas", "id", "person"),
            ("Mana bungkusan saya? Tak sampai lagi", "ms", "late"),
            ("Saya nak cakap dengan orang", "ms", "person"),
            ("¿Dónde está mi pedido?", "es-MX", "order"),
            ("Quiero hablar con un asesor", "es-MX", "person"),
            ("Nasaan na po ang order ko?", "tl", "order"),
            ("Gusto ko pong makausap ang ahente", "tl", "person"),
            ("Đơn hàng của tôi ở đâu?", "vi", "order"),
            ("Cho tôi gặp nhân viên", "vi", "person"),
            ("พัสดุอยู่ที่ไหนคะ", "th", "order"),
            ("ขอคุยกับเจ้าหน้าที่ค่ะ", "th", "person"),
            ("मेरा पार्सल कहाँ है?", "hi", "order"),
            ("मुझे किसी इंसान से बात करनी है", "hi", "person"),
            ("我的快递到哪儿了？", "zh-CN", "order"),
            ("转人工", "zh-CN", "person"),
            ("أين الطرد الخاص بي؟", "ar", "order"),
            ("أريد التحدث مع موظف", "ar", "person"),
        ] {
            for usual in ["en", "id", "th"] {
                let found = language(text, usual);
                assert!(found == locale || about == "unclear", "{text}: {found}");
            }
            assert_eq!(topic(text, locale).unwrap_or("unclear"), about, "{text}");
        }
        assert_eq!(language("Where is my order?", "en-IN"), "en-IN");
        assert_eq!(language("12345", "th"), "th");
    }
}
