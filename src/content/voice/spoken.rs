//! How sums are said, and how long it takes to say a text.

use super::texts::voices;

/// A sum of money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) units: u64,
    /// Hundredths, 0 to 99.
    pub(crate) cents: u8,
    /// The currency as the row gives it: `IDR`, `Rp`, or any word.
    pub(crate) unit: String,
}

/// The currency codes for the currency names in lists.
const CODES: [(&str, &str); 24] = [
    ("RP", "IDR"),
    ("RUPIAH", "IDR"),
    ("₱", "PHP"),
    ("PESO", "PHP"),
    ("MX$", "MXN"),
    ("MEX$", "MXN"),
    ("฿", "THB"),
    ("BAHT", "THB"),
    ("บาท", "THB"),
    ("Đ", "VND"),
    ("₫", "VND"),
    ("VNĐ", "VND"),
    ("DONG", "VND"),
    ("RM", "MYR"),
    ("RINGGIT", "MYR"),
    ("₹", "INR"),
    ("RS", "INR"),
    ("RUPEES", "INR"),
    ("¥", "CNY"),
    ("RMB", "CNY"),
    ("元", "CNY"),
    ("YUAN", "CNY"),
    ("$", "USD"),
    ("US$", "USD"),
];

/// Words a sum as it is said: `1.250.000 rupiah`.
pub(super) fn sum(sum: &Sum, locale: &str) -> String {
    let (group, point) = match locale {
        "id" | "vi" => (Some('.'), ','),
        "zh-CN" => (None, '.'),
        _ => (Some(','), '.'),
    };
    // India groups the digits before the last three by two.
    let size = if matches!(locale, "hi" | "en-IN") { 2 } else { 3 };
    let digits = sum.units.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len() - index;
        if index > 0 && left >= 3 && (left - 3).is_multiple_of(size) {
            text.extend(group);
        }
        text.push(digit);
    }
    if sum.cents > 0 {
        text.push(point);
        text.push_str(&format!("{:02}", sum.cents));
    }
    let given = sum.unit.trim();
    let upper = given.to_uppercase();
    let upper = upper.trim_end_matches('.');
    let code = CODES.iter().find(|(name, _)| *name == upper).map_or(upper, |(_, code)| code);
    let unit = voices(locale).find_map(|voices| voices.money.get(code)).map_or(given, String::as_str);
    if locale != "zh-CN" && !unit.is_empty() {
        text.push(' ');
    }
    text.push_str(unit);
    text
}

/// Milliseconds that a turn takes in addition to its letters.
const ONSET: u32 = 400;

/// Estimates how long it takes to say a text. Scripts differ in how much one letter stands for.
pub(crate) fn milliseconds(text: &str) -> u32 {
    let letters = text.chars().map(|letter| match letter {
        'a'..='z' => 68,
        '0'..='9' => 260,
        '\u{4e00}'..='\u{9fff}' => 220,
        '.' | '?' | '!' | '。' | '？' | '！' | '؟' | '।' => 250,
        '\u{600}'..='\u{6ff}' => 85,
        '\u{900}'..='\u{97f}' | '\u{e00}'..='\u{e7f}' => 72,
        ' ' => 30,
        _ => 68,
    });
    letters.fold(ONSET, u32::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_said_in_the_unit_of_the_row() {
        for (units, cents, unit, locale, text) in [
            (1_250_000, 0, "IDR", "id", "1.250.000 rupiah"),
            (1_250_000, 0, "Rp", "en", "1,250,000 rupiah"),
            (450, 63, "MXN", "es-MX", "450.63 pesos"),
            (450, 0, "US$", "en", "450 dollars"),
            (125_000, 0, "₹", "en-IN", "1,25,000 rupees"),
            (1_200, 5, "CNY", "zh-CN", "1200.05元"),
            (90, 0, "points", "en", "90 points"),
            (90, 0, "", "en", "90"),
        ] {
            assert_eq!(sum(&Sum { units, cents, unit: unit.to_owned() }, locale), text);
        }
    }

    #[test]
    fn what_is_longer_takes_longer() {
        assert!(
            (2_500..6_000)
                .contains(&milliseconds("Good day, am I speaking with Ms Clark? It is about a bill."))
        );
        assert!((2_500..6_000).contains(&milliseconds("您好，请问您是王女士本人吗？想跟您核实一下。")));
        assert!(milliseconds("Yes.") < 1_200);
    }
}
