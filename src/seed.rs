//! Seeded randomness: every entity draws from a stream of its own, so that what happens to one never changes another.

use std::convert::Infallible;
use std::ops::{Deref, DerefMut};

pub(crate) mod hex32;
pub(crate) mod ids;

use rand::rngs::ChaCha8Rng;
use rand::{SeedableRng, TryRng};
use sha2::{Digest, Sha256};

use hex32::Hex32;

/// A generator whose output for a given seed never changes between versions of this program. A clone draws the same values
/// from here on.
#[derive(Debug, PartialEq, Eq)]
pub struct Rng(ChaCha8Rng);

impl Clone for Rng {
    fn clone(&self) -> Self {
        let mut rng = ChaCha8Rng::from_seed(self.0.get_seed());
        rng.set_word_pos(self.0.get_word_pos());
        Self(rng)
    }
}

impl TryRng for Rng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)
    }
}

/// The seed of a run. The same seed, scenario, epoch and responses give the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// Returns the stream of the `n`-th entity of a kind. Streams of different labels or numbers are independent.
    pub fn stream(self, label: &str, n: u64) -> Rng {
        let mut hash = Sha256::new();
        hash.update(self.0.to_le_bytes());
        hash.update(n.to_le_bytes());
        hash.update(label.as_bytes());
        Rng(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// Derives a seed from this one, for a part of the run that numbers its own entities.
    pub fn derive(self, label: &str, n: u64) -> Self {
        use rand::RngExt;
        Self(self.stream(label, n).random())
    }
}

/// A stream that stores its position instead of the generator's state, which would take twenty times the memory.
#[derive(Clone, Debug)]
pub(crate) struct Resting {
    seed: Seed,
    label: &'static str,
    /// Number of words drawn.
    drawn: u64,
}

impl Resting {
    /// The first stream of a label, at its beginning.
    pub(crate) fn new(seed: Seed, label: &'static str) -> Self {
        Self { seed, label, drawn: 0 }
    }

    /// The seed of the stream.
    pub(crate) fn seed(&self) -> Seed {
        self.seed
    }

    /// Returns the stream at its current position. Drawing from it advances the position.
    pub(crate) fn draw(&mut self) -> Drawing<'_> {
        let mut rng = self.seed.stream(self.label, 0);
        rng.0.set_word_pos(self.drawn.into());
        Drawing { rng, rests: self }
    }
}

/// A stream that is being drawn from. Its position is stored when this is dropped.
#[derive(Debug)]
pub(crate) struct Drawing<'a> {
    rng: Rng,
    rests: &'a mut Resting,
}

impl Drop for Drawing<'_> {
    fn drop(&mut self) {
        self.rests.drawn = u64::try_from(self.rng.0.get_word_pos()).unwrap_or(u64::MAX);
    }
}

impl Deref for Drawing<'_> {
    type Target = Rng;

    fn deref(&self) -> &Rng {
        &self.rng
    }
}

impl DerefMut for Drawing<'_> {
    fn deref_mut(&mut self) -> &mut Rng {
        &mut self.rng
    }
}

/// 32 lower-case hexadecimal digits, the form of the vendor's identifiers.
pub fn hex32(rng: &mut Rng) -> String {
    use rand::RngExt;
    ids::draw(rng, ids::IdShape::Hex, |rng| Hex32::of(&rng.random()).as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::RngExt;

    use super::*;

    proptest! {
        /// A stream gives the same values however often it rests in between.
        #[test]
        fn a_stream_goes_on_after_resting(draws in prop::collection::vec((0_u8..6, any::<bool>()), 0..200)) {
            let mut resting = Resting::new(Seed(7), "session");
            let mut whole = Seed(7).stream("session", 0);
            let draw = |rng: &mut super::Rng, kind: u8| match kind {
                0 => u64::from(rng.random::<u32>()),
                1 => rng.random(),
                2 => u64::from(rng.random::<bool>()),
                3 => rng.random_range(0..1_000),
                4 => u64::from_le_bytes(rng.random::<[u8; 16]>()[8..].try_into().unwrap()),
                _ => rng.random_range(0..7_u8).into(),
            };
            let mut at = 0;
            while at < draws.len() {
                let mut drawing = resting.draw();
                loop {
                    prop_assert_eq!(draw(&mut drawing, draws[at].0), draw(&mut whole, draws[at].0));
                    at += 1;
                    if at == draws.len() || draws[at].1 {
                        break;
                    }
                }
            }
        }
    }

    #[test]
    fn streams_are_reproducible_and_independent() {
        let draw = |seed: u64, label: &str, n: u64| Seed(seed).stream(label, n).random::<u64>();
        assert_eq!(draw(1, "a", 0), draw(1, "a", 0));
        assert_ne!(draw(1, "a", 0), draw(1, "a", 1));
        assert_ne!(draw(1, "a", 0), draw(1, "b", 0));
        assert_ne!(draw(1, "a", 0), draw(2, "a", 0));
    }

    #[test]
    fn the_generator_is_pinned() {
        // A change here would change every recorded run of every user.
        assert_eq!(hex32(&mut Seed(7).stream("session", 0)), "cfd498cee5636cbfafbeac4675302266");
    }
}
