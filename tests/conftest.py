"""Fixtures that start once for the whole run."""

from tests.objects import objects

__all__ = ["objects"]
