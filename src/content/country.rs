//! The countries in which simulated people live.

use std::fmt;
use std::str::FromStr;

use jiff::tz::Offset;

use crate::files::suggest::nearest_of;

/// A country whose people, numbers and money the mock can generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Country {
    /// Indonesia.
    Id,
    /// The Philippines.
    Ph,
    /// Mexico.
    Mx,
    /// Thailand.
    Th,
    /// Vietnam.
    Vn,
    /// Malaysia.
    My,
    /// India.
    In,
    /// China.
    Cn,
}

/// The fixed facts of a country.
struct Row {
    code: &'static str,
    /// The three-letter code of ISO 3166.
    alpha3: &'static str,
    name: &'static str,
    dialing: &'static str,
    locale: &'static str,
    offset_minutes: i32,
    /// The three-letter code of ISO 4217.
    currency: &'static str,
}

impl Country {
    /// Every country, in the order of the documentation.
    pub const ALL: [Self; 8] =
        [Self::Id, Self::Ph, Self::Mx, Self::Th, Self::Vn, Self::My, Self::In, Self::Cn];

    /// Finds the country of a phone number: its digits without `+`.
    pub fn of_number(digits: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|country| digits.starts_with(country.dialing_code()))
    }

    // For a country with several time zones, the row holds that of the capital. None of them has daylight saving time.
    const fn row(self) -> Row {
        #[rustfmt::skip]
        let (code, alpha3, name, dialing, locale, offset_minutes, currency) = match self {
            Self::Id => ("ID", "IDN", "Indonesia", "62", "id", 420, "IDR"),
            Self::Ph => ("PH", "PHL", "Philippines", "63", "en-PH", 480, "PHP"),
            Self::Mx => ("MX", "MEX", "Mexico", "52", "es-MX", -360, "MXN"),
            Self::Th => ("TH", "THA", "Thailand", "66", "th", 420, "THB"),
            Self::Vn => ("VN", "VNM", "Vietnam", "84", "vi", 420, "VND"),
            Self::My => ("MY", "MYS", "Malaysia", "60", "ms", 480, "MYR"),
            Self::In => ("IN", "IND", "India", "91", "hi", 330, "INR"),
            Self::Cn => ("CN", "CHN", "China", "86", "zh-CN", 480, "CNY"),
        };
        Row { code, alpha3, name, dialing, locale, offset_minutes, currency }
    }

    /// Returns the two-letter code of ISO 3166, upper case.
    pub const fn code(self) -> &'static str {
        self.row().code
    }

    /// Returns the English name.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns the digits after the `+` of an international number.
    pub const fn dialing_code(self) -> &'static str {
        self.row().dialing
    }

    /// Returns the language that its people write in unless a story says otherwise.
    pub const fn default_locale(self) -> &'static str {
        self.row().locale
    }

    /// Returns the code of its currency, for example `IDR`.
    pub const fn currency(self) -> &'static str {
        self.row().currency
    }

    /// Returns its offset from UTC, the same all year.
    pub fn offset(self) -> Offset {
        Offset::from_seconds(self.row().offset_minutes * 60).expect("every row is within 14 hours of UTC")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl serde::Serialize for Country {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// A text that does not name a known country.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a known country, use one of ID, PH, MX, TH, VN, MY, IN, CN{}", did_you_mean(.suggestion))]
pub struct UnknownCountry {
    /// The text as written.
    pub given: String,
    /// The country that was probably meant.
    pub suggestion: Option<Country>,
}

fn did_you_mean(suggestion: &Option<Country>) -> String {
    suggestion.map(|country| format!("; did you mean `{country}`?")).unwrap_or_default()
}

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, UnknownCountry> {
        let given = text.trim();
        if let Some(country) = Self::ALL.into_iter().find(|c| c.code().eq_ignore_ascii_case(given)) {
            return Ok(country);
        }
        let names = Self::ALL.into_iter().flat_map(|c| [(c.name(), c), (c.row().alpha3, c)]);
        let suggestion = nearest_of(given, names);
        Err(UnknownCountry { given: given.to_owned(), suggestion })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_and_write_alike() {
        for country in Country::ALL {
            assert_eq!(country.to_string().parse(), Ok(country));
            assert_eq!(country.code().to_lowercase().parse(), Ok(country));
        }
    }

    #[test]
    fn near_misses_get_a_suggestion() {
        for (given, meant) in [
            ("Indonesia", "ID"),
            ("philipines", "PH"),
            ("MEX", "MX"),
            ("THA", "TH"),
            ("Viet Nam", "VN"),
            ("malaysia", "MY"),
            ("India", "IN"),
            ("CHN", "CN"),
        ] {
            let error = given.parse::<Country>().unwrap_err().to_string();
            assert!(error.ends_with(&format!("did you mean `{meant}`?")), "{error}");
        }
        assert_eq!(
            "XX".parse::<Country>().unwrap_err().to_string(),
            "`XX` is not a known country, use one of ID, PH, MX, TH, VN, MY, IN, CN"
        );
    }

    #[test]
    fn offsets_agree_with_the_zone_names() {
        let now: jiff::Timestamp = "2030-07-01T00:00:00Z".parse().unwrap();
        let zones = [
            "Jakarta",
            "Manila",
            "Mexico_City",
            "Bangkok",
            "Ho_Chi_Minh",
            "Kuala_Lumpur",
            "Kolkata",
            "Shanghai",
        ];
        for (country, name) in Country::ALL.into_iter().zip(zones) {
            let area = if country == Country::Mx { "America" } else { "Asia" };
            let zone = jiff::tz::TimeZone::get(&format!("{area}/{name}")).unwrap();
            assert_eq!(zone.to_offset(now), country.offset(), "{country}");
        }
    }
}
