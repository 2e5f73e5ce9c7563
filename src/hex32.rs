//! 32 lower-case hexadecimal digits, the form of the vendor's ids. Every call reads and writes some.

/// The digits of 16 bytes.
#[derive(Clone, Copy)]
pub(crate) struct Hex32([u8; 32]);

impl Hex32 {
    /// Writes bytes as digits.
    pub(crate) fn of(bytes: &[u8; 16]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Self(text)
    }

    /// The digits as text.
    pub(crate) fn as_str(&self) -> &str {
        // Digits are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Reads digits. Upper case would be another text with the same meaning, and is none.
    pub(crate) fn read(text: &str) -> Option<[u8; 16]> {
        let digits: &[u8; 32] = text.as_bytes().try_into().ok()?;
        let mut bytes = [0; 16];
        // What is no digit shows in the upper half, whichever it is.
        let mut wrong = 0;
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
            wrong |= high | low;
            *byte = high << 4 | low & 15;
        }
        (wrong < 16).then_some(bytes)
    }
}

/// What each byte is worth as a digit.
static VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut digit = 0;
    while digit < 16_u8 {
        let byte = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        values[byte as usize] = digit;
        digit += 1;
    }
    values
};

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
