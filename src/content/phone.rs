//! Mobile numbers with the right length and prefix for their country.
//!
//! The rules follow the public numbering plans. A number generated here may belong to a real person: the mock never dials
//! it, and it should not be passed to a system that does.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::country::Country;
use crate::seed::Rng;
use crate::seed::ids::{self, IdShape};

/// The prefixes of one length of number: the prefix is followed by random digits up to `length`.
struct Plan {
    /// Number of digits after the dialing code.
    length: usize,
    prefixes: &'static [&'static str],
}

/// Indonesia: `8`, two digits of the operator, 7 or 8 more (plans allow 9 to 12 digits in all).
const ID: [Plan; 2] = [
    Plan {
        length: 11,
        prefixes: &[
            "811", "812", "813", "821", "822", "823", "852", "853", "851", "815", "856", "857", "858", "817",
            "818", "819", "859", "877", "878", "831", "838", "895", "896", "897", "898", "881", "882", "887",
        ],
    },
    Plan { length: 10, prefixes: &["811", "812", "813", "815", "816", "817", "818", "819", "855", "899"] },
];
/// The Philippines: 10 digits, `9` and two digits of the operator first.
const PH: [Plan; 1] = [Plan {
    length: 10,
    prefixes: &[
        "905", "906", "915", "916", "917", "926", "927", "935", "936", "945", "953", "956", "965", "966",
        "975", "977", "995", "997", "908", "909", "910", "912", "918", "919", "920", "921", "928", "929",
        "930", "938", "939", "946", "947", "949", "951", "961", "998", "999", "991", "992",
    ],
}];
/// Mexico: 10 digits, the area code first, with two digits in the three largest cities and three elsewhere; mobile
/// and fixed numbers look alike. The digit after the area code is not 0 or 1.
const MX: [Plan; 1] = [Plan {
    length: 10,
    prefixes: &[
        "55", "56", "33", "81", "222", "228", "229", "442", "444", "449", "461", "477", "614", "656", "662",
        "664", "667", "722", "744", "777", "844", "871", "951", "961", "998", "999",
    ],
}];
/// Thailand: 9 digits, the first 6, 8 or 9.
const TH: [Plan; 1] = [Plan {
    length: 9,
    prefixes: &[
        "61", "62", "63", "64", "65", "80", "81", "82", "83", "84", "85", "86", "87", "88", "89", "90", "91",
        "92", "93", "94", "95", "96", "97", "98", "99",
    ],
}];
/// Vietnam: 9 digits, the first 3, 5, 7, 8 or 9, the second by operator.
const VN: [Plan; 1] = [Plan {
    length: 9,
    prefixes: &[
        "32", "33", "34", "35", "36", "37", "38", "39", "52", "56", "58", "59", "70", "76", "77", "78", "79",
        "81", "82", "83", "84", "85", "86", "88", "89", "90", "91", "93", "94", "96", "97", "98",
    ],
}];
/// Malaysia: `11` and 8 digits, or another mobile prefix (not `15`, which is internet telephony) and 7 digits.
const MY: [Plan; 2] = [
    Plan { length: 9, prefixes: &["10", "12", "13", "14", "16", "17", "18", "19"] },
    Plan { length: 10, prefixes: &["11"] },
];
/// India: 10 digits, the first 6 to 9. These prefixes are in use in many circles.
const IN: [Plan; 1] = [Plan {
    length: 10,
    prefixes: &[
        "62", "63", "70", "72", "73", "74", "75", "76", "77", "78", "79", "80", "81", "82", "83", "84", "85",
        "86", "87", "88", "89", "90", "91", "93", "94", "95", "96", "97", "98", "99",
    ],
}];
/// China: 11 digits, `1`, then 3 to 9, the third digit by operator.
const CN: [Plan; 1] = [Plan {
    length: 11,
    prefixes: &[
        "130", "131", "132", "133", "134", "135", "136", "137", "138", "139", "145", "147", "150", "151",
        "152", "153", "155", "156", "157", "158", "159", "166", "173", "175", "176", "177", "178", "180",
        "181", "182", "183", "185", "186", "187", "188", "189", "191", "198", "199",
    ],
}];

/// Draws a mobile number of the country in E.164 form with its `+`.
pub fn phone(rng: &mut Rng, country: Country) -> String {
    let plans: &[Plan] = match country {
        Country::Id => &ID,
        Country::Ph => &PH,
        Country::Mx => &MX,
        Country::Th => &TH,
        Country::Vn => &VN,
        Country::My => &MY,
        Country::In => &IN,
        Country::Cn => &CN,
    };
    let plan = plans.choose(rng).expect("every country has a plan");
    let prefix = plan.prefixes.choose(rng).expect("every plan has prefixes");
    // Country and operator do not distinguish two people.
    let subscriber = ids::draw(rng, IdShape::Digits, |rng| {
        let first = rng.random_range(b'2'..=b'9');
        let rest = (prefix.len() + 1..plan.length).map(|_| rng.random_range(b'0'..=b'9'));
        std::iter::once(first).chain(rest).map(char::from).collect()
    });
    format!("+{}{prefix}{subscriber}", country.dialing_code())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seed::Seed;

    /// Matches digits against a pattern: `9` stands for any digit, `[abc]` for one of those digits.
    fn matches(mut pattern: &str, digits: &str) -> bool {
        let mut digits = digits.chars();
        while let Some(wanted) = pattern.chars().next() {
            let Some(digit) = digits.next().filter(char::is_ascii_digit) else { return false };
            if let Some(rest) = pattern.strip_prefix('[') {
                let (set, rest) = rest.split_once(']').unwrap();
                if !set.contains(digit) {
                    return false;
                }
                pattern = rest;
            } else {
                if wanted != '9' && wanted != digit {
                    return false;
                }
                pattern = &pattern[1..];
            }
        }
        digits.next().is_none()
    }

    /// Based on the numbering plans, not on the tables above.
    fn looks_mobile(country: Country, number: &str) -> bool {
        let patterns: &[&str] = match country {
            Country::Id => &["+628[1235789]99999999", "+628[1235789]999999999", "+628[1235789]9999999999"],
            Country::Ph => &["+63[9]999999999"],
            Country::Mx => &[
                "+525[56][23456789]9999999",
                "+5233[23456789]9999999",
                "+5281[23456789]9999999",
                "+52[2346789][12345679][123456789][23456789]999999",
                "+52[46789][4679][1246789][23456789]999999",
                "+52[9][9][89][23456789]999999",
            ],
            Country::Th => &["+66[689]99999999"],
            Country::Vn => &["+84[35789]99999999"],
            Country::My => &["+6011[123456789]9999999", "+601[02346789]9999999"],
            Country::In => &["+91[6789]999999999"],
            Country::Cn => &["+861[3456789]999999999"],
        };
        let digits = number.strip_prefix('+').unwrap_or("x");
        patterns.iter().any(|pattern| matches(&pattern[1..], digits))
    }

    #[test]
    fn the_check_knows_wrong_numbers() {
        for (country, wrong) in [
            (Country::Id, "+6221555012"),
            (Country::Ph, "+63812345678"),
            (Country::Mx, "+5215512345678"),
            (Country::Th, "+6621234567"),
            (Country::Vn, "+84212345678"),
            (Country::My, "+60112345678"),
            (Country::In, "+915123456789"),
            (Country::Cn, "+8612012345678"),
        ] {
            assert!(!looks_mobile(country, wrong), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_mobile_numbers_of_their_country(seed: u64) {
            let mut rng = Seed(seed).stream("phone", 0);
            for country in Country::ALL {
                let number = phone(&mut rng, country);
                prop_assert!(looks_mobile(country, &number), "{country} {number}");
            }
        }
    }
}
