"""What a test that fails shows."""

import socket

import pytest

from airudder_mock import Mock, NotMet, client


def test_a_failure_shows_the_lines_of_the_test_alone(airudder):
    with pytest.raises(NotMet) as caught:
        airudder.wait_for(callback="session.end", within="0s")
    files = {str(entry.path) for entry in caught.traceback}
    shown = {str(entry.path) for entry in caught.traceback.filter(caught)}
    assert client.__file__ in files
    assert shown == {__file__}


def test_an_address_where_no_mock_answers_is_named(receiver, monkeypatch):
    other = receiver.url.rsplit("/", 1)[0]
    with pytest.raises(ConnectionError) as caught:
        Mock(other).state()
    assert str(caught.value) == f"no mock answers at {other}: another program answers"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    for url in [nobody, "127.0.0.1:9"]:
        monkeypatch.setenv("AIRUDDER_MOCK_URL", url)
        with pytest.raises(ConnectionError) as caught:
            Mock(url).state()
        assert str(caught.value).startswith(f"no mock answers at {url} (AIRUDDER_MOCK_URL): ")
