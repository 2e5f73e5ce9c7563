//! Compares two renderings of one request, made with other ids, at another time and with another number. Where both hold
//! the same known value there is a gap, and everything else has to be equal. So nothing is guessed: the template fits both
//! renderings by construction, or there is none.

use super::ids::IdForm;
use super::segments::{Segment, Segments, Since, TimeForm};
use crate::seed::ids::{DrawnId, IdShape};

/// The known values of one rendering.
pub(super) struct Values {
    pub(super) ids: Vec<DrawnId>,
    pub(super) copy: String,
}

/// The moments of one rendering, in Unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) now: i64,
    /// The moment of the first request of its story.
    pub(super) begun: i64,
}

/// Finds the gaps of a story's requests, and numbers its ids in order of appearance.
pub(super) struct Aligner<'a> {
    values: [&'a Values; 2],
    /// The bytes with which a known value can begin in the first text. Nearly all bytes of a long body are none of them,
    /// and are skipped at once.
    beginnings: [bool; 256],
    /// The index of each drawn id among the forms, once it has appeared.
    numbers: Vec<Option<usize>>,
    forms: Vec<IdForm>,
}

impl<'a> Aligner<'a> {
    pub(super) fn new(one: &'a Values, other: &'a Values) -> Self {
        let mut beginnings = [false; 256];
        // Every form of a time begins with a digit.
        beginnings[usize::from(b'0')..=usize::from(b'9')].fill(true);
        let texts = one.ids.iter().map(|id| &id.text).chain([&one.copy]);
        for first in texts.filter_map(|text| text.bytes().next()) {
            beginnings[usize::from(first)] = true;
        }
        Self { values: [one, other], beginnings, numbers: vec![None; one.ids.len()], forms: Vec::new() }
    }

    /// Returns the forms of the ids that appeared.
    pub(super) fn into_forms(self) -> Vec<IdForm> {
        self.forms
    }

    /// Appends what two texts have in common, with gaps. Fails with the position in the first text where they differ
    /// otherwise.
    pub(super) fn align(
        &mut self,
        one: &[u8],
        other: &[u8],
        moments: [Moments; 2],
        into: &mut Segments,
    ) -> Result<(), usize> {
        let (mut i, mut j) = (0, 0);
        while i < one.len() || j < other.len() {
            let plain = one[i..].iter().zip(&other[j..]);
            let plain = plain.take_while(|(a, b)| a == b && !self.beginnings[usize::from(**a)]).count();
            if plain > 0 {
                into.push_fixed(&one[i..i + plain]);
                (i, j) = (i + plain, j + plain);
                continue;
            }
            let is_within_number = i > 0 && one[i - 1].is_ascii_digit();
            let time = if is_within_number { None } else { time(&one[i..], &other[j..], moments) };
            if let Some((segment, length, other_length)) = self.gap(&one[i..], &other[j..], time) {
                into.push(segment);
                (i, j) = (i + length, j + other_length);
            } else if i < one.len() && one.get(i) == other.get(j) {
                into.push_fixed(&one[i..=i]);
                (i, j) = (i + 1, j + 1);
            } else {
                return Err(i);
            }
        }
        Ok(())
    }

    /// Finds the longest gap at the beginning of two texts, which may begin with a time, and its length in each.
    fn gap(
        &mut self,
        one: &[u8],
        other: &[u8],
        time: Option<(Segment, usize, usize)>,
    ) -> Option<(Segment, usize, usize)> {
        let [first, second] = self.values;
        let starts = |a: &str, b: &str| one.starts_with(a.as_bytes()) && other.starts_with(b.as_bytes());
        let copy = (Segment::Copy, first.copy.len(), second.copy.len());
        let copy = starts(&first.copy, &second.copy).then_some(copy);
        let ids = first.ids.iter().zip(&second.ids).enumerate();
        let ids = ids
            .filter(|(_, (a, b))| starts(&a.text, &b.text))
            .map(|(index, (a, b))| (Segment::Id(index), a.text.len(), b.text.len()));
        // If several have the same length, the last: an id rather than anything else.
        let gaps = time.into_iter().chain(copy).chain(ids);
        let mut longest = gaps.max_by_key(|(_, length, _)| *length)?;
        if let (Segment::Id(index), ..) = &mut longest {
            *index = self.number(*index);
        }
        Some(longest)
    }

    fn number(&mut self, index: usize) -> usize {
        let next = self.forms.len();
        let number = *self.numbers[index].get_or_insert(next);
        if number == next {
            let DrawnId { shape, text } = &self.values[0].ids[index];
            // Digit ids are counted separately: they have the same number in all variants and never collide.
            let is_same = |form: &&IdForm| (form.shape == IdShape::Digits) == (*shape == IdShape::Digits);
            let number = self.forms.iter().filter(is_same).count();
            self.forms.push(IdForm { shape: *shape, length: text.len(), number });
        }
        number
    }
}

/// Finds a moment at the beginning of two texts with the same offset from the present, or else from the first request, in
/// both.
fn time(one: &[u8], other: &[u8], [first, second]: [Moments; 2]) -> Option<(Segment, usize, usize)> {
    let (ones, others) = (TimeForm::read(one), TimeForm::read(other));
    let sinces = [(Since::Now, first.now, second.now), (Since::Begun, first.begun, second.begun)];
    sinces.into_iter().find_map(|(since, at, other_at)| {
        ones.iter().find_map(|(form, length, moment)| {
            let offset = form.offset(*moment, at);
            let same = others
                .iter()
                .find(|(other, _, moved)| other == form && form.offset(*moved, other_at) == offset);
            same.map(|(_, other_length, _)| (Segment::Time(*form, since, offset), *length, *other_length))
        })
    })
}
