//! Header blocks of HTTP/2 (RFC 7541), as far as a load needs them: requests without the dynamic table and without
//! Huffman codes, and the status of a response.

/// Indexes of header names in the static table.
const CONTENT_LENGTH: usize = 28;
const CONTENT_TYPE: usize = 31;
const USER_AGENT: usize = 58;

/// Appends a number in the lower bits of a first byte, and in further bytes if it does not fit.
fn integer(first: u8, bits: u32, number: usize, out: &mut Vec<u8>) {
    let most = (1_usize << bits) - 1;
    if number < most {
        out.push(first | number as u8);
        return;
    }
    out.push(first | most as u8);
    let mut rest = number - most;
    while rest >= 0x80 {
        out.push((rest % 0x80) as u8 | 0x80);
        rest /= 0x80;
    }
    out.push(rest as u8);
}

fn text(text: &[u8], out: &mut Vec<u8>) {
    integer(0, 7, text.len(), out);
    out.extend_from_slice(text);
}

/// Appends a header whose name is in the static table.
fn named(index: usize, value: &[u8], out: &mut Vec<u8>) {
    integer(0, 4, index, out);
    text(value, out);
}

/// Appends a header. Names are in lower case in HTTP/2.
pub(super) fn header(name: &str, value: &[u8], out: &mut Vec<u8>) {
    let known =
        [("content-length", CONTENT_LENGTH), ("content-type", CONTENT_TYPE), ("user-agent", USER_AGENT)];
    match known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some((_, index)) => named(index, value, out),
        None => {
            out.push(0);
            integer(0, 7, name.len(), out);
            out.extend(name.bytes().map(|byte| byte.to_ascii_lowercase()));
            text(value, out);
        }
    }
}

/// Appends the length of the body.
pub(super) fn content_length(length: usize, out: &mut Vec<u8>) {
    named(CONTENT_LENGTH, itoa::Buffer::new().format(length).as_bytes(), out);
}

/// Appends the pseudo-headers, which precede all headers.
pub(super) fn request(method: &str, is_tls: bool, authority: &str, path: &str, out: &mut Vec<u8>) {
    match method {
        "GET" => out.push(0x82),
        "POST" => out.push(0x83),
        other => named(2, other.as_bytes(), out),
    }
    out.push(if is_tls { 0x87 } else { 0x86 });
    named(1, authority.as_bytes(), out);
    named(4, path.as_bytes(), out);
}

/// Reads the status of a response's header block; `None` if it does not begin with a readable one. The dynamic table is not
/// in use, since we announce a size of zero.
pub(super) fn status(block: &[u8]) -> Option<u16> {
    const KNOWN: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    let mut rest = block;
    // Changes of the size of the dynamic table may come first.
    while rest.first()? & 0xe0 == 0x20 {
        rest = read_integer(rest, 5)?.1;
    }
    let first = *rest.first()?;
    if first & 0x80 != 0 {
        let (index, _) = read_integer(rest, 7)?;
        return KNOWN.get(index.checked_sub(8)?).copied();
    }
    let (index, after) = read_integer(rest, if first & 0x40 != 0 { 6 } else { 4 })?;
    let after = match index {
        0 => {
            let (is_coded, name, after) = read_text(after)?;
            (!is_coded && name == b":status").then_some(after)?
        }
        8..=14 => after,
        _ => return None,
    };
    let (is_coded, value, _) = read_text(after)?;
    let digits = if is_coded { coded_digits(value)? } else { value.to_vec() };
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

fn read_integer(bytes: &[u8], bits: u32) -> Option<(usize, &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    let most = (1_usize << bits) - 1;
    let mut number = usize::from(*first) & most;
    if number < most {
        return Some((number, rest));
    }
    for shift in [0, 7, 14, 21] {
        let (byte, after) = rest.split_first()?;
        number += (usize::from(*byte) & 0x7f) << shift;
        rest = after;
        if byte & 0x80 == 0 {
            return Some((number, rest));
        }
    }
    None
}

/// Reads a text; returns whether it is Huffman-coded, its bytes, and the rest.
fn read_text(bytes: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let is_coded = bytes.first()? & 0x80 != 0;
    let (length, rest) = read_integer(bytes, 7)?;
    let (text, rest) = rest.split_at_checked(length)?;
    Some((is_coded, text, rest))
}

/// Decodes Huffman-coded digits: 0 to 2 have five bits, 3 to 9 have six; the rest of the last byte is ones.
fn coded_digits(bytes: &[u8]) -> Option<Vec<u8>> {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    let number = |from: usize, count: usize| {
        let bits = bits.get(from..from + count)?;
        Some(bits.iter().fold(0_u8, |number, bit| number << 1 | bit))
    };
    let (mut digits, mut at) = (Vec::new(), 0);
    while bits.len() - at >= 5 {
        match (number(at, 5)?, number(at, 6)) {
            (short @ 0..=2, _) => {
                digits.push(b'0' + short);
                at += 5;
            }
            (_, Some(long @ 0x19..=0x1f)) => {
                digits.push(b'3' + (long - 0x19));
                at += 6;
            }
            _ => break,
        }
    }
    bits[at..].iter().all(|bit| *bit == 1).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_standard() {
        // RFC 7541, C.1.
        for (number, bits, bytes) in [(10, 5, &[0x0a][..]), (1337, 5, &[0x1f, 0x9a, 0x0a]), (42, 8, &[0x2a])]
        {
            let mut out = Vec::new();
            integer(0, bits, number, &mut out);
            assert_eq!(out, bytes);
            assert_eq!(read_integer(&out, bits), Some((number, &[][..])));
        }
    }

    #[test]
    fn requests_are_written_without_tables() {
        let mut out = Vec::new();
        request("POST", false, "a:1", "/h", &mut out);
        header("X-Sign", b"f0", &mut out);
        content_length(7, &mut out);
        assert_eq!(out, b"\x83\x86\x01\x03a:1\x04\x02/h\x00\x06x-sign\x02f0\x0f\x0d\x017");
    }

    #[test]
    fn a_status_is_read_in_every_form() {
        let literal = |value: &[u8]| [&[0x08, value.len() as u8][..], value].concat();
        for (block, expected) in [
            (vec![0x88], Some(200)),
            (vec![0x8e], Some(500)),
            (vec![0x20, 0x88], Some(200)),
            (vec![0x3f, 0xe1, 0x1f, 0x8d], Some(404)),
            (literal(b"418"), Some(418)),
            ([&[0x48, 0x03][..], b"503"].concat(), Some(503)),
            ([&[0x00, 0x07][..], b":status\x03", b"201"].concat(), Some(201)),
            // RFC 7541, C.6.1 and C.6.2: 302 and 307 in Huffman codes.
            (vec![0x48, 0x82, 0x64, 0x02], Some(302)),
            (vec![0x48, 0x83, 0x64, 0x0e, 0xff], Some(307)),
            (vec![0x61], None),
            (vec![], None),
            (vec![0x08, 0x7f], None),
        ] {
            assert_eq!(status(&block), expected, "{block:x?}");
        }
    }
}
