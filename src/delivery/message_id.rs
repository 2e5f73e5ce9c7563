//! Message ids, by which receivers recognise duplicates.

use rand::RngExt;

use crate::seed::Seed;

/// Makes unique message ids: a prefix that differs between runs, followed by a number.
#[derive(Clone, Debug)]
pub struct MessageIds(String);

impl MessageIds {
    /// Creates the message ids of a run.
    pub fn new(seed: Seed) -> Self {
        let begin: [u8; 8] = seed.stream("message ids", 0).random();
        Self(format!("msg_{}", hex::encode(begin)))
    }

    /// Returns the id of the message with this number.
    pub fn of(&self, number: u64) -> String {
        format!("{}{number}", self.0)
    }

    /// Returns the prefix of all ids.
    pub fn begin(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_seeds_give_equal_ids() {
        let ids = |seed| MessageIds::new(Seed(seed)).of(41);
        assert_eq!(ids(1), ids(1));
        assert_ne!(ids(1), ids(2));
        assert!(ids(1).starts_with("msg_") && ids(1).ends_with("41") && ids(1).len() == 22, "{}", ids(1));
    }
}
