# What the decorator makes of a class is an Op, but type checkers do not follow decorators of classes.
from typing import Any

def __getattr__(name: str) -> Any: ...
