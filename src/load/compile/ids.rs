//! The ids of compiled stories. An id is a function of the seed and the iteration's number, which no two workers or shards
//! share, so that it is the same however the work is divided.

use crate::seed::Seed;
use crate::seed::ids::IdShape;

/// An id of a story: its form, and its index among the ids of that form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdForm {
    pub(super) shape: IdShape,
    pub(super) length: usize,
    pub(super) number: usize,
}

/// The keys from which ids are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdKeys {
    first: u64,
    second: u64,
}

impl IdKeys {
    pub(super) fn new(seed: Seed) -> Self {
        Self { first: seed.derive("load ids", 0).0, second: seed.derive("load ids", 1).0 }
    }

    /// Returns the iteration of an id: the first 16 hexadecimal digits give it, and the next 16 must follow from them.
    /// Other ids, such as numbers padded with zeros, have none.
    pub(super) fn iteration_of(self, id: &str) -> Option<u64> {
        let first = u64::from_str_radix(id.get(..16)?, 16).ok()?;
        let place = gather(first) ^ self.first;
        let second = format!("{:016x}", self.second_of(place, first));
        let rest = &id[16..];
        let follows = rest.get(..16).map_or_else(|| second.starts_with(rest), |rest| rest == second);
        follows.then_some(place / IDS)
    }

    /// Returns the 128 bits of an id. The first 64 are a bijection of iteration and id, so that they never repeat.
    fn bits(self, iteration: u64, id: usize) -> (u64, u64) {
        let place = iteration.wrapping_mul(IDS).wrapping_add(id as u64 % IDS);
        let first = scatter(place ^ self.first);
        (first, self.second_of(place, first))
    }

    fn second_of(self, place: u64, first: u64) -> u64 {
        scatter(first ^ self.second.wrapping_add(place))
    }
}

/// Maximum number of ids of a kind in an iteration.
const IDS: u64 = 1 << 12;

/// A bijection of 64 bits without a visible pattern: the finalizer of SplitMix64.
fn scatter(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The inverse of [`scatter`].
fn gather(mut bits: u64) -> u64 {
    let unshift = |bits: u64, by: u32| (1..64 / by + 1).fold(bits, |found, _| bits ^ (found >> by));
    bits = unshift(bits, 31).wrapping_mul(0x3196_42b2_d24d_8ec3);
    bits = unshift(bits, 27).wrapping_mul(0x96de_1b17_3f11_9089);
    unshift(bits, 30).wrapping_sub(0x9e37_79b9_7f4a_7c15)
}

impl IdForm {
    /// Appends the id of an iteration. Ids with at least 16 hexadecimal digits never repeat; ids with `n` decimal digits do
    /// not repeat within `10^n` consecutive iterations.
    pub(super) fn write(&self, keys: IdKeys, iteration: u64, out: &mut Vec<u8>) {
        let (first, second) = keys.bits(iteration, self.number);
        let power = |exponent: usize| 10_u64.pow(u32::try_from(exponent).unwrap_or(u32::MAX).min(18));
        match self.shape {
            IdShape::Hex => {
                let bytes = (u128::from(first) << 64 | u128::from(second)).to_be_bytes();
                let mut text = [0; 32];
                hex::encode_to_slice(bytes, &mut text).expect("32 digits are 16 bytes");
                out.extend(text.iter().cycle().take(self.length));
            }
            IdShape::Digits => {
                let room = power(self.length);
                // A factor coprime to 10 makes each number appear once before any appears again.
                let factor = (room / 1000 * 618) | 1;
                let factor = if factor % 5 == 0 { factor + 2 } else { factor };
                let offset = scatter(keys.first ^ self.number as u64) % room;
                let product = u128::from(iteration % room) * u128::from(factor) + u128::from(offset);
                write_padded((product % u128::from(room)) as u64, self.length, out);
            }
            IdShape::Number => {
                let low = power(self.length.saturating_sub(1));
                write_padded(low + first % (low * 9), self.length, out);
            }
        }
    }
}

fn write_padded(number: u64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(number);
    out.resize(out.len() + width.saturating_sub(text.len()), b'0');
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn text(shape: IdShape, length: usize, iteration: u64, number: usize) -> String {
        let mut out = Vec::new();
        IdForm { shape, length, number }.write(IdKeys::new(Seed(1)), iteration, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_iteration_is_told_from_an_id() {
        let keys = IdKeys::new(Seed(1));
        for iteration in [0, 1, 77, 1_000_000, 1 << 40] {
            for number in [0, 3, 4_095] {
                let id = text(IdShape::Hex, 32, iteration, number);
                assert_eq!(keys.iteration_of(&id), Some(iteration));
            }
        }
        for bits in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            assert_eq!(gather(scatter(bits)), bits);
        }
        for other in
            ["short", "00000000000000000000000000000001", "00000000000000000000000000000002", "ééééééééé"]
        {
            assert_eq!(keys.iteration_of(other), None, "{other}");
        }
    }

    #[test]
    fn ids_have_their_form_and_never_repeat() {
        for (shape, length, letters) in [
            (IdShape::Hex, 32, "0123456789abcdef"),
            (IdShape::Hex, 16, "0123456789abcdef"),
            (IdShape::Hex, 40, "0123456789abcdef"),
            (IdShape::Digits, 6, "0123456789"),
        ] {
            let all: HashSet<String> =
                (0..4_000).map(|iteration| text(shape, length, iteration, 3)).collect();
            assert_eq!(all.len(), 4_000, "{shape:?} {length}");
            assert!(
                all.iter().all(|id| id.len() == length && id.chars().all(|c| letters.contains(c))),
                "{shape:?} {length}"
            );
            assert_ne!(text(shape, length, 5, 3), text(shape, length, 5, 4), "{shape:?} {length}");
        }
        // All numbers with this many digits appear before one appears again.
        for length in 1..5 {
            let all: HashSet<String> = (0..10_u64.pow(length as u32))
                .map(|iteration| text(IdShape::Digits, length, iteration, 0))
                .collect();
            assert_eq!(all.len(), 10_usize.pow(length as u32));
        }
        let drawn: HashSet<String> =
            (0..100_000).map(|iteration| text(IdShape::Number, 4, iteration, 0)).collect();
        assert_eq!(drawn.len(), 9000);
        assert!(drawn.iter().all(|id| id.len() == 4 && !id.starts_with('0')));
    }
}
