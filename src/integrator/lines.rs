//! The lines of the agents of the sample desk, and their languages. All texts are ours.

/// A language that the agents speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Indonesian.
    Indonesian,
    /// Spanish.
    Spanish,
}

/// Words of a user that show the language. Each word occurs in one language only.
const WORDS: [(Language, &[&str]); 3] = [
    (
        Language::Indonesian,
        &[
            "saya", "terima", "kasih", "makasih", "tidak", "sudah", "belum", "bisa", "halo", "mohon",
            "tolong", "pesanan",
        ],
    ),
    (
        Language::Spanish,
        &[
            "hola", "gracias", "quiero", "necesito", "puedo", "adiós", "adios", "buenas", "pedido", "cuándo",
            "ayuda",
        ],
    ),
    (
        Language::English,
        &["the", "hello", "thanks", "thank", "please", "want", "need", "when", "order", "bye"],
    ),
];

/// Country names in the names of business units, in lower case.
const COMPANIES: [(&str, Language); 8] = [
    ("indonesia", Language::Indonesian),
    ("mexico", Language::Spanish),
    ("méxico", Language::Spanish),
    ("colombia", Language::Spanish),
    ("peru", Language::Spanish),
    ("chile", Language::Spanish),
    ("argentina", Language::Spanish),
    ("spain", Language::Spanish),
];

/// Country codes of phone numbers.
const CODES: [(&str, Language); 7] = [
    ("62", Language::Indonesian),
    ("34", Language::Spanish),
    ("51", Language::Spanish),
    ("52", Language::Spanish),
    ("54", Language::Spanish),
    ("56", Language::Spanish),
    ("57", Language::Spanish),
];

/// Words that end a conversation.
const FAREWELLS: [&str; 9] =
    ["thank", "thanks", "bye", "goodbye", "makasih", "terima kasih", "gracias", "adiós", "hasta luego"];

impl Language {
    /// Returns the language of a text, if its words show it.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let count = |own: &[&str]| words(&text).filter(|word| own.contains(word)).count();
        let (language, count) =
            WORDS.map(|(language, own)| (language, count(own))).into_iter().rev().max_by_key(|(_, n)| *n)?;
        (count > 0).then_some(language)
    }

    /// Returns the language of a business unit that is named after a country.
    pub(super) fn of_company(company: &str) -> Option<Self> {
        let company = company.to_lowercase();
        COMPANIES.iter().find(|(name, _)| company.contains(name)).map(|(_, language)| *language)
    }

    /// Returns the language of a user whose id is a phone number.
    pub(super) fn of_number(id: &str) -> Option<Self> {
        let digits = id.strip_prefix('+').unwrap_or(id);
        let number = (10..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let code = CODES.iter().find(|(code, _)| number && digits.starts_with(code));
        code.map(|(_, language)| *language)
    }

    /// An agent's first message.
    pub(super) fn greeting(self, n: usize, seat: &str) -> String {
        let lines: [&str; 3] = match self {
            Self::English => [
                "Hi, this is {seat} from customer care. I have read your conversation so far, give me a moment.",
                "Hello! {seat} here, I am taking over from our assistant. How can I help?",
                "Good day, you are now talking to {seat}. Could you tell me a little more about it?",
            ],
            Self::Indonesian => [
                "Halo, saya {seat} dari layanan pelanggan. Percakapan sebelumnya sudah saya baca, mohon tunggu sebentar ya.",
                "Selamat datang! Saya {seat}, yang akan membantu Kakak mulai sekarang. Apa yang bisa saya bantu?",
                "Halo Kak, dengan {seat} di sini. Boleh diceritakan sedikit lebih lengkap?",
            ],
            Self::Spanish => [
                "Hola, soy {seat} de atención al cliente. Ya leí la conversación, deme un momento por favor.",
                "¡Buen día! Le atiende {seat}, continúo en lugar del asistente. ¿En qué le puedo ayudar?",
                "Hola, habla con {seat}. ¿Me puede contar un poco más?",
            ],
        };
        pick(&lines, n).replace("{seat}", seat)
    }

    /// An agent's answer during the conversation.
    pub(super) fn answer(self, n: usize) -> String {
        let lines: [&str; 5] = match self {
            Self::English => [
                "Thank you, I am checking that in our system right now.",
                "I see it here. It was booked yesterday evening and is being processed.",
                "I have passed this to my colleagues in billing, they will look at it today.",
                "That is done. You will get a confirmation within the hour.",
                "Understood. Is the number you are writing from the best one to reach you?",
            ],
            Self::Indonesian => [
                "Terima kasih, sedang saya cek di sistem kami.",
                "Sudah saya temukan. Datanya masuk kemarin malam dan sedang diproses.",
                "Sudah saya teruskan ke bagian tagihan, akan diperiksa hari ini.",
                "Sudah selesai ya, Kak. Konfirmasinya akan dikirim dalam satu jam.",
                "Baik, saya mengerti. Apakah nomor ini yang paling mudah dihubungi?",
            ],
            Self::Spanish => [
                "Gracias, lo estoy revisando en el sistema.",
                "Ya lo veo. Se registró ayer por la noche y está en proceso.",
                "Lo pasé al área de facturación, hoy mismo lo revisan.",
                "Listo. En menos de una hora le llega la confirmación.",
                "Entiendo. ¿Este número es el mejor para contactarle?",
            ],
        };
        pick(&lines, n).to_owned()
    }

    /// An agent's last message.
    pub(super) fn closing(self, n: usize) -> String {
        let lines: [&str; 3] = match self {
            Self::English => [
                "You are welcome! I am closing this chat now, just write again if anything comes up.",
                "Glad I could help. Have a good day!",
                "Everything is noted. Thank you for your patience, goodbye!",
            ],
            Self::Indonesian => [
                "Sama-sama! Percakapan ini saya tutup ya, silakan hubungi kami lagi kapan saja.",
                "Senang bisa membantu. Semoga harinya menyenangkan!",
                "Semuanya sudah saya catat. Terima kasih atas kesabarannya, sampai jumpa!",
            ],
            Self::Spanish => [
                "¡Con gusto! Cierro esta conversación, escríbanos de nuevo cuando lo necesite.",
                "Me alegra haber ayudado. ¡Que tenga un buen día!",
                "Todo quedó anotado. Gracias por su paciencia, ¡hasta pronto!",
            ],
        };
        pick(&lines, n).to_owned()
    }
}

/// Whether a user's text ends the conversation.
pub(super) fn is_farewell(text: &str) -> bool {
    let text = text.to_lowercase();
    let text = words(&text).collect::<Vec<_>>().join(" ");
    FAREWELLS.iter().any(|farewell| format!(" {text} ").contains(&format!(" {farewell} ")))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn pick<'a>(lines: &[&'a str], n: usize) -> &'a str {
    lines[n % lines.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_by_words_company_and_number() {
        for (text, language) in [
            ("Halo, pesanan saya belum sampai", Some(Language::Indonesian)),
            ("¡Hola! Necesito ayuda con mi pedido", Some(Language::Spanish)),
            ("When will the order come?", Some(Language::English)),
            ("12345", None),
            ("", None),
        ] {
            assert_eq!(Language::of_text(text), language, "{text}");
        }
        assert_eq!(Language::of_company("Acme Indonesia"), Some(Language::Indonesian));
        assert_eq!(Language::of_company("Philippines"), None);
        assert_eq!(Language::of_number("+5215512345678"), Some(Language::Spanish));
        assert_eq!(Language::of_number("628123456789"), Some(Language::Indonesian));
        assert_eq!(Language::of_number("6281"), None);
        assert_eq!(Language::of_number("62-8123-4567-89"), None);
    }

    #[test]
    fn farewells() {
        for text in ["Thanks!", "ok thank you", "Terima  kasih, Kak", "muchas gracias", "Adiós.", "BYE"] {
            assert!(is_farewell(text), "{text}");
        }
        for text in ["", "by email", "thankless", "terima saja", "byebug"] {
            assert!(!is_farewell(text), "{text}");
        }
    }
}
