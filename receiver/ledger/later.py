"""A module that is imported when something of it is first wanted."""

from importlib import import_module
from typing import Any


class Later:
    """Stands for a module. importlib.util.LazyLoader would do, were it safe with threads before Python 3.12."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)
