"""Fixtures: `airudder` gives each test its own mock, on one server for all tests."""

from __future__ import annotations

import os
from typing import Iterator

import pytest

from .client import Mock, Namespace, Started, start

# The server of a session under pytest-xdist, and the key by which its workers learn its URL.
_SERVER = pytest.StashKey[Started]()
_URL = "airudder_mock_url"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    """Starts the server that all workers of pytest-xdist share, before the first of them."""
    if os.environ.get("AIRUDDER_MOCK_URL"):
        return
    stash = node.config.stash
    if _SERVER not in stash:
        try:
            stash[_SERVER] = start("--speed", "0")
        except (OSError, RuntimeError):
            return  # the first test that needs it fails and says why
    node.workerinput[_URL] = stash[_SERVER].base_url


def pytest_unconfigure(config) -> None:
    """Stops that server after the last worker."""
    if _SERVER in config.stash:
        config.stash[_SERVER].stop()


@pytest.fixture(scope="session")
def airudder_mock(request: pytest.FixtureRequest) -> Iterator[Mock]:
    """The server: the one at AIRUDDER_MOCK_URL, that of all workers, or one that lives as long as the session."""
    url = os.environ.get("AIRUDDER_MOCK_URL") or getattr(request.config, "workerinput", {}).get(_URL)
    if url:
        yield Mock(url)
        return
    mock = start("--speed", "0")
    yield mock
    mock.stop()


@pytest.fixture
def airudder_options() -> dict:
    """The options of a test's namespace; override this fixture to set more, such as `callback_url`."""
    return {}


@pytest.fixture
def airudder(airudder_mock: Mock, airudder_options: dict) -> Iterator[Namespace]:
    """A namespace for one test: its own account, secret, clock, state and journal. Its clock stands still until it is moved,
    unless `airudder_options` says otherwise."""
    namespace = airudder_mock.namespace(**{"speed": "0", **airudder_options})
    yield namespace
    airudder_mock.remove(namespace)
