//! 32 lower-case hexadecimal digits, the form of the vendor's ids.

/// The digits of 16 bytes.
#[derive(Clone, Copy)]
pub(crate) struct Hex32([u8; 32]);

impl Hex32 {
    /// Formats bytes as digits.
    pub(crate) fn of(bytes: &[u8; 16]) -> Self {
        let mut text = [b'0'; 32];
        hex::encode_to_slice(bytes, &mut text).expect("32 digits for 16 bytes");
        Self(text)
    }

    /// The digits as text.
    pub(crate) fn as_str(&self) -> &str {
        // Digits are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Reads digits. Upper case is refused, since it would be another text for the same value.
    pub(crate) fn read(text: &str) -> Option<[u8; 16]> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        (!text.bytes().any(|digit| digit.is_ascii_uppercase())).then_some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_lower_case_is_read() {
        let text = "0123456789abcdef0123456789abcdef";
        assert!(Hex32::read(text).is_some());
        for wrong in [
            "",
            "0",
            &text[1..],
            &format!("{text}0"),
            &text.to_uppercase(),
            &text.replace('f', "g"),
            &text.replace('f', "/"),
            &text.replace('f', ":"),
            &text.replace("ef", "é"),
        ] {
            assert_eq!(Hex32::read(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(bytes: [u8; 16]) {
            let digits = Hex32::of(&bytes);
            prop_assert_eq!(digits.as_str(), hex::encode(bytes));
            prop_assert_eq!(Hex32::read(digits.as_str()), Some(bytes));
        }
    }
}
