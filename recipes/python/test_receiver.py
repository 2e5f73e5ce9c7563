"""Tests of the receiver: `python3 -m unittest`. The second one needs `airudder-mock` on the PATH, or AIRUDDER_MOCK_BIN."""

import os
import subprocess
import sys
import tempfile
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))
EVENTS = tempfile.TemporaryDirectory()  # the tests' events stay apart from yours
os.environ["EVENTS"] = EVENTS.name

import receiver  # noqa: E402


class Tests(unittest.TestCase):
    def test_a_signature_is_over_the_raw_bytes(self):
        raw = b'{"event": "session.end"}'
        given = receiver.sign(raw, receiver.SECRET)
        self.assertTrue(receiver.is_genuine(raw, given))
        for wrong in ["", given[:10], given + ", " + given, receiver.sign(raw, "another"), "\u00e9"]:
            self.assertFalse(receiver.is_genuine(raw, wrong), wrong)
        self.assertFalse(receiver.is_genuine(raw.replace(b" ", b""), given))

    def test_notices_are_those_that_the_vendor_does_not_sign(self):
        self.assertTrue(receiver.is_notice({"TaskID": "1", "Status": "finished"}))
        for signed in [{"event": "session.end"}, {"session_end_reason": "robot"}, [], None]:
            self.assertFalse(receiver.is_notice(signed), signed)

    def test_a_user_who_asks_for_a_person_is_accepted(self):
        program = os.environ.get("AIRUDDER_MOCK_BIN", "airudder-mock")
        command = [program, "run", "story.toml", "--speed", "max", "--", sys.executable, "receiver.py"]
        ended = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)


if __name__ == "__main__":
    unittest.main()
