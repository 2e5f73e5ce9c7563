//! Counts the memory of bodies that have several owners.

use std::collections::HashMap;

use bytes::Bytes;

/// Bodies in use. Bodies that share their bytes count once.
#[derive(Clone, Debug, Default)]
pub struct SharedBytes {
    /// Number of owners of each body, by its address. Only looked up, so that the random order has no effect.
    held: HashMap<usize, usize>,
    sum: usize,
}

impl SharedBytes {
    /// Adds an owner of a body. The body must stay in memory until it is let go.
    pub fn hold(&mut self, body: &Bytes) {
        if body.is_empty() {
            return;
        }
        let times = self.held.entry(place(body)).or_default();
        if *times == 0 {
            self.sum += body.len();
        }
        *times += 1;
    }

    /// Removes an owner of a body.
    pub fn let_go(&mut self, body: &Bytes) {
        let place = place(body);
        let Some(times) = self.held.get_mut(&place) else { return };
        *times -= 1;
        if *times == 0 {
            self.held.remove(&place);
            self.sum -= body.len();
        }
    }

    /// Returns the size of all bodies together, in bytes.
    pub fn sum(&self) -> usize {
        self.sum
    }
}

fn place(body: &Bytes) -> usize {
    body.as_ptr().addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_bytes_count_once() {
        let (one, other) = (Bytes::from(vec![1; 100]), Bytes::from(vec![1; 10]));
        let mut bytes = SharedBytes::default();
        for body in [&one, &one.clone(), &other, &Bytes::new()] {
            bytes.hold(body);
        }
        assert_eq!(bytes.sum(), 110);
        bytes.let_go(&one);
        assert_eq!(bytes.sum(), 110);
        for body in [&one, &other, &Bytes::new(), &one] {
            bytes.let_go(body);
        }
        assert_eq!((bytes.sum(), bytes.held.len()), (0, 0));
    }
}
