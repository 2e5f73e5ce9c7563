"""Fixtures: `airudder` gives each test its own mock, on one server for all tests."""

from __future__ import annotations

import os
from typing import Iterator

import pytest

from .client import Mock, Namespace, start


@pytest.fixture(scope="session")
def airudder_mock() -> Iterator[Mock]:
    """The server: the one at AIRUDDER_MOCK_URL, otherwise one that lives as long as the session."""
    url = os.environ.get("AIRUDDER_MOCK_URL")
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
