"""What a test that fails shows."""

import pytest

from airudder_mock import NotMet, client


def test_a_failure_shows_the_lines_of_the_test_alone(airudder):
    with pytest.raises(NotMet) as caught:
        airudder.wait_for(callback="session.end", within="0s")
    files = {str(entry.path) for entry in caught.traceback}
    shown = {str(entry.path) for entry in caught.traceback.filter(caught)}
    assert client.__file__ in files
    assert shown == {__file__}
