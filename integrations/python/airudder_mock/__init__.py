"""Test helpers for airudder-mock: a thin client of its control API."""

from .client import Mock, MockError, Namespace, NotMet, start

__all__ = ["Mock", "MockError", "Namespace", "NotMet", "start"]
