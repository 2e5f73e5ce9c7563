//! Identifiers that encode the object they stand for, readable by the simulator alone.
//!
//! A list of a million numbers has a million calls, each with an id and a recording that a client may ask for later. Instead of
//! storing them, an id is the position of its object, encrypted under a key that is derived from the seed: 32 hexadecimal
//! digits that cannot be guessed and that lead back without a table.

use std::fmt;

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Block};

use crate::seed::hex32::Hex32;
use crate::seed::{Seed, ids};

/// The kind of object that an id stands for. The numbers are part of every id: changing one changes all recorded runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Task = 1,
    Plan = 2,
    /// An attempt to call a number: task, row, attempt.
    Call = 3,
    /// The two halves of a recording's URL.
    Recording = 4,
    RecordingFolder = 5,
    /// All recordings of a task.
    Archive = 6,
    ArchiveFolder = 7,
    Strategy = 8,
    Robot = 9,
    Sms = 10,
    DialerTask = 50,
    /// A call of the dialer: task, position among its calls.
    DialerCall = 51,
    /// The two halves of the URL of a dialer call's recording.
    DialerRecording = 52,
    DialerRecordingFolder = 53,
    /// An instance of a workflow.
    Workflow = 40,
    /// A node of a workflow's template.
    Node = 41,
    /// The run of a node: instance, node.
    NodeTask = 42,
    /// The WhatsApp task of a node: instance, node.
    WabaTask = 43,
    /// A row of an instance.
    Detail = 44,
    /// The WhatsApp message of a row: instance, row, node.
    WabaMessage = 45,
    /// The conversation of a row: instance, row, node.
    Chat = 46,
}

/// Up to three numbers that distinguish an object from all others of its kind.
pub(super) type Place = (u32, u32, u32);

/// Creates and decodes ids.
pub(super) struct Ids(Box<Aes128>);

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ids")
    }
}

impl Ids {
    pub(super) fn new(seed: Seed) -> Self {
        Self(Box::new(Aes128::new(&ids::key(seed).into())))
    }

    /// Returns the id of an object: 32 lower-case hexadecimal digits.
    pub(super) fn seal(&self, kind: Kind, (a, b, c): Place) -> String {
        let mut bytes = [0; 16];
        bytes[0] = kind as u8;
        bytes[4..8].copy_from_slice(&a.to_be_bytes());
        bytes[8..12].copy_from_slice(&b.to_be_bytes());
        bytes[12..].copy_from_slice(&c.to_be_bytes());
        let mut block = Block::from(bytes);
        self.0.encrypt_block(&mut block);
        ids::sealed(Hex32::of(&block.into()).as_str().to_owned())
    }

    /// Returns the object that an id stands for, or `None` if it is not an id of this kind. One foreign text in four thousand
    /// million is mistaken for an id; its numbers are then out of range.
    pub(super) fn open(&self, kind: Kind, id: &str) -> Option<Place> {
        let mut block = Block::from(Hex32::read(id)?);
        self.0.decrypt_block(&mut block);
        let number = |at: usize| u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
        (block[0] == kind as u8 && block[1..4] == [0; 3]).then(|| (number(4), number(8), number(12)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_key_is_pinned() {
        // A change here would change every recorded run of every user.
        let ids = Ids::new(Seed(1));
        assert_eq!(ids.seal(Kind::Task, (0, 0, 0)), "b650c69aa799de9838277ec42ca2d529");
    }

    #[test]
    fn ids_of_another_kind_or_seed_stand_for_nothing() {
        let ids = Ids::new(Seed(1));
        let id = ids.seal(Kind::Call, (1, 2, 3));
        assert_eq!(ids.open(Kind::Call, &id), Some((1, 2, 3)));
        assert_eq!(ids.open(Kind::Task, &id), None);
        assert_eq!(Ids::new(Seed(2)).open(Kind::Call, &id), None);
        assert_eq!(ids.open(Kind::Call, &id.to_uppercase()), None);
        assert_eq!(ids.open(Kind::Call, ""), None);
        assert_eq!(ids.open(Kind::Call, &id[1..]), None);
    }

    proptest! {
        #[test]
        fn there_and_back(a: u32, b: u32, c: u32, text: String) {
            let ids = Ids::new(Seed(7));
            prop_assert_eq!(ids.open(Kind::Recording, &ids.seal(Kind::Recording, (a, b, c))), Some((a, b, c)));
            prop_assert_eq!(ids.open(Kind::Recording, &text), None);
        }
    }
}
