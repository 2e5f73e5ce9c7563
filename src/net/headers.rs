//! The headers of a request, stored in one allocation, since every request has some.

use std::fmt;

/// Headers in order, all in one text. Names of received requests are in lower case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    text: String,
    /// For each header, where its name and its value end in the text.
    ends: Vec<(usize, usize)>,
}

impl Headers {
    /// Empty, with capacity for `count` headers of `bytes` bytes in total.
    pub(crate) fn with_capacity(count: usize, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(count) }
    }

    /// Appends a header.
    pub fn push(&mut self, name: &str, value: &str) {
        self.text.push_str(name);
        let name_end = self.text.len();
        self.text.push_str(value);
        self.ends.push((name_end, self.text.len()));
    }

    /// Returns names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        let mut begin = 0;
        self.ends.iter().map(move |(name_end, end)| {
            let both = (&self.text[begin..*name_end], &self.text[*name_end..*end]);
            begin = *end;
            both
        })
    }

    /// Returns the first value of a header whose name is written exactly so.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.of(move |other| other == name.as_bytes(), name.len()).next()
    }

    /// Returns the values of a header, in order, regardless of the letter case of its name.
    pub fn values<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s str> {
        self.of(|other| other.eq_ignore_ascii_case(name.as_bytes()), name.len())
    }

    /// Returns the values of all headers whose name has this length and matches.
    fn of(&self, is_it: impl Fn(&[u8]) -> bool, length: usize) -> impl Iterator<Item = &str> {
        let mut begin = 0;
        self.ends.iter().filter_map(move |(name_end, end)| {
            let name_begin = std::mem::replace(&mut begin, *end);
            let is_it =
                name_end - name_begin == length && is_it(&self.text.as_bytes()[name_begin..*name_end]);
            is_it.then(|| &self.text[*name_end..*end])
        })
    }

    /// Whether there are no headers.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<N: AsRef<str>, V: AsRef<str>> Extend<(N, V)> for Headers {
    fn extend<T: IntoIterator<Item = (N, V)>>(&mut self, headers: T) {
        for (name, value) in headers {
            self.push(name.as_ref(), value.as_ref());
        }
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Headers {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(headers: T) -> Self {
        let mut all = Self::default();
        all.extend(headers);
        all
    }
}

impl<N: AsRef<str>, V: AsRef<str>> From<&[(N, V)]> for Headers {
    fn from(headers: &[(N, V)]) -> Self {
        headers.iter().map(|(name, value)| (name, value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_stay_apart() {
        let list = [("a", "1"), ("", "2"), ("b", ""), ("", ""), ("a", "3")];
        let headers = Headers::from(&list[..]);
        assert_eq!(headers.iter().collect::<Vec<_>>(), list);
        assert_eq!((headers.get("a"), headers.get(""), headers.get("c")), (Some("1"), Some("2"), None));
        assert_eq!(headers.values("A").collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!((headers.is_empty(), Headers::default().is_empty()), (false, true));
        assert_eq!(format!("{headers:?}"), format!("{list:?}"));
    }
}
