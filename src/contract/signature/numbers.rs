//! The ways in which other languages write a number into JSON: parsed and written again, `1.0` may become `1`.
//!
//! serde_json reads doubles with many digits correctly except for the last digit; a rewriting with such a number is missed.

use serde_json::Number;

/// The language whose notation is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Integers are exact, other numbers are written as serde_json does in Rust.
    Exact,
    /// ECMAScript, and Go where it parses into `any`: every number is a double, whole ones have no point.
    Double,
    /// Python: integers exact, doubles by `repr`.
    Python,
}

/// The integer up to which every integer has its own double.
const SAFE: u64 = 1 << 53;

impl Numbers {
    pub(super) fn write(self, number: &Number, out: &mut Vec<u8>) {
        let safe = number.as_i64().is_some_and(|n| n.unsigned_abs() <= SAFE);
        let text = match (self, number.as_f64()) {
            (Self::Double, Some(double)) if !safe => ecma(double),
            (Self::Python, Some(double)) if number.is_f64() => python(double),
            _ => number.to_string(),
        };
        out.extend_from_slice(text.as_bytes());
    }
}

/// Takes a finite double apart: sign, shortest digits, and the position of the point counted from their start.
fn digits(double: f64) -> (&'static str, String, i32) {
    let sign = if double.is_sign_negative() { "-" } else { "" };
    let text = format!("{:e}", double.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    (sign, mantissa.replace('.', ""), point)
}

fn ecma(double: f64) -> String {
    if double == 0.0 {
        return "0".to_owned();
    }
    let (sign, digits, point) = digits(double);
    match point {
        -5..=21 => format!("{sign}{}", fixed(&digits, point)),
        _ => scientific(sign, &digits, point, 1),
    }
}

fn python(double: f64) -> String {
    let (sign, digits, point) = digits(double);
    if double != 0.0 && !(-3..=16).contains(&point) {
        return scientific(sign, &digits, point, 2);
    }
    let text = fixed(&digits, point);
    let tail = if text.contains('.') { "" } else { ".0" };
    format!("{sign}{text}{tail}")
}

fn fixed(digits: &str, point: i32) -> String {
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    if point <= 0 {
        format!("0.{}{digits}", zeros(-point))
    } else if point >= count {
        format!("{digits}{}", zeros(point - count))
    } else {
        let (whole, rest) = digits.split_at(usize::try_from(point).unwrap_or(0));
        format!("{whole}.{rest}")
    }
}

fn scientific(sign: &str, digits: &str, point: i32, exponent_digits: usize) -> String {
    let (first, rest) = digits.split_at(1);
    let dot = if rest.is_empty() { "" } else { "." };
    let exponent = point - 1;
    let mark = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{first}{dot}{rest}e{mark}{:0exponent_digits$}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns were made with `node -p 'JSON.stringify(JSON.parse(t))'` and Python's `json.dumps(json.loads(t))`.
    #[test]
    fn as_node_and_python_write_them() {
        for (text, node, python) in [
            ("0", "0", "0"),
            ("-1", "-1", "-1"),
            ("1.0", "1", "1.0"),
            ("-0.0", "0", "-0.0"),
            ("3.14", "3.14", "3.14"),
            ("1e2", "100", "100.0"),
            ("123456.789", "123456.789", "123456.789"),
            ("0.0001", "0.0001", "0.0001"),
            ("0.00001", "0.00001", "1e-05"),
            ("0.000001", "0.000001", "1e-06"),
            ("1.5e-7", "1.5e-7", "1.5e-07"),
            ("1e15", "1000000000000000", "1000000000000000.0"),
            ("1e16", "10000000000000000", "1e+16"),
            ("1e21", "1e+21", "1e+21"),
            ("1.25e22", "1.25e+22", "1.25e+22"),
            ("9007199254740993", "9007199254740992", "9007199254740993"),
            ("12345678901234567890", "12345678901234567000", "12345678901234567890"),
            ("-9223372036854775808", "-9223372036854776000", "-9223372036854775808"),
        ] {
            let number: Number = serde_json::from_str(text).unwrap();
            let write = |numbers: Numbers| {
                let mut out = Vec::new();
                numbers.write(&number, &mut out);
                String::from_utf8(out).unwrap()
            };
            assert_eq!(write(Numbers::Double), node, "{text}");
            assert_eq!(write(Numbers::Python), python, "{text}");
        }
    }
}
