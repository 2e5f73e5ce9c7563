//! The table of error codes. The meanings are in our words; the vendor's own messages are unknown.

use crate::contract::{Family, Provenance};

/// A code in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The number in the envelope.
    pub code: i64,
    /// The provenance of the code.
    pub provenance: Provenance,
    /// The meaning, as a fragment that fits into a message.
    pub meaning: &'static str,
}

const fn row(code: i64, provenance: Provenance, meaning: &'static str) -> Code {
    Code { code, provenance, meaning }
}

/// The codes of the calling API and the workflow. The numbers are documented as a list, without their meanings.
const CLOUD: &[Code] = &[
    row(200, Provenance::Documented, "success"),
    row(400, Provenance::Assumed, "a parameter is missing or wrong"),
    row(401, Provenance::Documented, "the credentials are wrong, or the token is missing, wrong or expired"),
    row(403, Provenance::Documented, "the account is not allowed to do this"),
    row(404, Provenance::Assumed, "there is no such object"),
    row(405, Provenance::Assumed, "the path is served with another method"),
    row(409, Provenance::Assumed, "the object exists already"),
    row(413, Provenance::Assumed, "the body is too large"),
    row(429, Provenance::Assumed, "too many requests"),
    row(500, Provenance::Documented, "internal error"),
    row(503, Provenance::Assumed, "the request cannot be recorded now"),
];

const CHATBOT: &[Code] = &[
    row(200, Provenance::Example, "success"),
    row(400, Provenance::Assumed, "a parameter is missing or wrong"),
    row(401, Provenance::Assumed, "the signature is missing or wrong"),
    row(403, Provenance::Assumed, "the account is not allowed to do this"),
    row(404, Provenance::Assumed, "there is no such object"),
    row(405, Provenance::Assumed, "the path is served with another method"),
    row(409, Provenance::Assumed, "the object exists already"),
    row(413, Provenance::Assumed, "the body is too large"),
    row(429, Provenance::Assumed, "too many requests"),
    row(500, Provenance::Assumed, "internal error"),
    row(503, Provenance::Assumed, "the request cannot be recorded now"),
];

const DIALER: &[Code] = &[
    row(0, Provenance::Client, "success"),
    row(-1, Provenance::Client, "internal error"),
    row(400, Provenance::Assumed, "the request cannot be read"),
    // Seen as an HTTP status; that the envelope repeats it is assumed.
    row(401, Provenance::Assumed, "the credentials are wrong, or the token is missing, wrong or expired"),
    row(404, Provenance::Assumed, "the request is not served"),
    row(405, Provenance::Assumed, "the path is served with another method"),
    row(413, Provenance::Assumed, "the body is too large"),
    row(429, Provenance::Assumed, "too many requests"),
    row(503, Provenance::Assumed, "the request cannot be recorded now"),
    row(10201, Provenance::Client, "internal error"),
    row(10301, Provenance::Client, "the app key is wrong"),
    row(10302, Provenance::Client, "the account could not be checked"),
    row(10501, Provenance::Client, "the task could not be created"),
    row(10502, Provenance::Client, "the task id is empty"),
    row(10503, Provenance::Client, "the callback URL is empty"),
    row(10504, Provenance::Client, "the callback URL is invalid"),
    row(10505, Provenance::Client, "the contact list is empty"),
    row(10506, Provenance::Client, "there is no such task"),
    row(10507, Provenance::Client, "the task was not executed"),
    row(10508, Provenance::Client, "a task of this name exists already"),
    row(10509, Provenance::Client, "the start lies in the past"),
    row(10510, Provenance::Client, "the phone number is wrong: a leading + and at most 14 digits"),
    row(10511, Provenance::Client, "there is no such group"),
    row(10512, Provenance::Client, "the group name is empty"),
    row(10513, Provenance::Client, "the task is finished"),
    row(10514, Provenance::Client, "the task has not started"),
    row(10515, Provenance::Client, "the task is not finished"),
    row(10516, Provenance::Client, "there are no recordings"),
    row(10517, Provenance::Client, "privateData is wrong"),
    row(10518, Provenance::Client, "the task name is wrong"),
    row(10519, Provenance::Client, "the task to copy is empty"),
    row(10520, Provenance::Client, "the pause time is wrong"),
    row(10521, Provenance::Client, "repeatTimes is wrong"),
    row(10522, Provenance::Client, "bulkCallInterval is wrong"),
    row(10523, Provenance::Client, "the voicemail settings are wrong"),
    row(10524, Provenance::Client, "the quality inspection settings are wrong"),
    row(10525, Provenance::Client, "the maximum lost rate is wrong"),
    row(10526, Provenance::Client, "the interval between the numbers of a contact is wrong"),
    row(10527, Provenance::Client, "the list cannot be extended"),
    row(10550, Provenance::Client, "the agent name is wrong"),
    row(10551, Provenance::Client, "the agent is not in the group"),
    row(10605, Provenance::Client, "the task is not in state Not Started"),
    row(10606, Provenance::Client, "the task could not be checked"),
    row(10607, Provenance::Client, "the detail could not be checked"),
    row(10608, Provenance::Client, "the call id is empty"),
    row(10609, Provenance::Client, "the call id is invalid"),
    row(10610, Provenance::Client, "the call id cannot be verified"),
    row(10611, Provenance::Client, "the call is not finished"),
    row(10612, Provenance::Client, "no agent answered the call"),
    row(10613, Provenance::Client, "the task is not in state Running"),
    row(10614, Provenance::Client, "the task is not in state Paused"),
    row(10617, Provenance::Client, "there is no customer information"),
    row(10618, Provenance::Client, "the column of phone numbers is missing"),
    row(10620, Provenance::Client, "the end is less than 5 minutes after the start"),
    row(10621, Provenance::Client, "start and end lie on different days"),
    row(10702, Provenance::Client, "the task id is invalid"),
    row(10703, Provenance::Client, "the object cannot be verified"),
    row(10704, Provenance::Client, "this is not allowed on a task of a workflow"),
    row(10705, Provenance::Client, "the query limit is exceeded"),
    row(10801, Provenance::Client, "the user or the password is wrong"),
    row(10802, Provenance::Client, "the user is not an agent"),
    row(10803, Provenance::Client, "the organization is wrong"),
    row(10810, Provenance::Client, "the user token is empty"),
    row(10811, Provenance::Client, "the user token cannot be parsed"),
    row(10812, Provenance::Client, "the user token is invalid"),
    row(10813, Provenance::Client, "the user token has expired"),
    row(10814, Provenance::Client, "there is no such user"),
    row(10820, Provenance::Client, "the file is missing"),
    row(10901, Provenance::Client, "voicemail is not enabled"),
];

/// Codes of the dialer for failures of the vendor itself. No state of a task leads to them; only faults return them.
pub const INTERNAL: [i64; 2] = [-1, 10201];

/// Codes of the dialer that none of its seven endpoints here can return, with the reason. The subjects of the codes are known;
/// which endpoints return them is assumed from that. Faults can return them nevertheless.
pub const ELSEWHERE: &[(&[i64], &str)] = &[
    (&[10527], "no request adds contacts to a task"),
    (&[10605], "no request changes or starts a task, which must be in state Not Started"),
    (&[10613], "no request pauses a task, which must be in state Running"),
    (&[10614], "no request resumes a task, which must be in state Paused"),
    (&[10801, 10802, 10803], "no request logs a user in: requests use the account's app key and secret"),
    (
        &[10810, 10811, 10812, 10813, 10814],
        "no request belongs to a user: requests carry the account's token, and are refused with HTTP \
        status 401 without it",
    ),
    (&[10820], "no request uploads a file"),
];

const SMS: &[Code] = &[
    row(0, Provenance::Client, "success"),
    row(400, Provenance::Assumed, "a parameter is missing or wrong"),
    row(401, Provenance::Assumed, "the token is missing, wrong or expired"),
    row(404, Provenance::Assumed, "the request is not served"),
    row(405, Provenance::Assumed, "the path is served with another method"),
    row(413, Provenance::Assumed, "the body is too large"),
    row(429, Provenance::Assumed, "too many requests"),
    row(500, Provenance::Assumed, "internal error"),
    row(503, Provenance::Assumed, "the request cannot be recorded now"),
];

const DETECTION: &[Code] = &[
    row(200, Provenance::Assumed, "success"),
    row(400, Provenance::Assumed, "a parameter is missing or wrong"),
    row(401, Provenance::Assumed, "the signature is missing or wrong"),
    row(404, Provenance::Assumed, "the request is not served"),
    row(405, Provenance::Assumed, "the path is served with another method"),
    row(413, Provenance::Assumed, "the body is too large"),
    row(429, Provenance::Assumed, "too many requests"),
    row(500, Provenance::Assumed, "internal error"),
    row(503, Provenance::Assumed, "the request cannot be recorded now"),
];

/// Returns every code of a family, success first.
pub fn codes(family: Family) -> &'static [Code] {
    match family {
        Family::Cloud | Family::Workflow => CLOUD,
        Family::Chatbot => CHATBOT,
        Family::Dialer => DIALER,
        Family::Sms => SMS,
        Family::Detection => DETECTION,
    }
}

/// Returns a code of a family.
pub fn code(family: Family, code: i64) -> Option<&'static Code> {
    codes(family).iter().find(|known| known.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::envelope::success_code;

    #[test]
    fn every_family_begins_with_its_success_and_repeats_no_code() {
        for family in Family::ALL {
            let table = codes(family);
            assert_eq!(table[0].code, success_code(family), "{family}");
            for (index, one) in table.iter().enumerate() {
                assert!(table[..index].iter().all(|other| other.code != one.code), "{family} {}", one.code);
                assert_eq!(code(family, one.code), Some(one));
            }
        }
        assert_eq!(code(Family::Dialer, 10506).map(|code| code.meaning), Some("there is no such task"));
        assert_eq!(code(Family::Dialer, 1), None);
    }

    #[test]
    fn the_dialer_table_is_complete() {
        // The codes that clients know, as ranges.
        let known = [
            -1..=-1,
            0..=0,
            10201..=10201,
            10301..=10302,
            10501..=10527,
            10550..=10551,
            10605..=10614,
            10617..=10618,
            10620..=10621,
            10702..=10705,
            10801..=10803,
            10810..=10814,
            10820..=10820,
            10901..=10901,
        ];
        let mut wanted: Vec<i64> = known.into_iter().flatten().collect();
        wanted.sort_unstable();
        let mut listed: Vec<i64> = DIALER
            .iter()
            .filter(|code| code.provenance == Provenance::Client)
            .map(|code| code.code)
            .collect();
        listed.sort_unstable();
        assert_eq!(listed, wanted);
    }
}
