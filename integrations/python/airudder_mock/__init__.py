"""Tests against airudder-mock: a thin client of its control surface."""

from .client import Mock, MockError, Namespace, NotMet, start

__all__ = ["Mock", "MockError", "Namespace", "NotMet", "start"]
