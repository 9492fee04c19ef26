"""Arguments of public functions: what is not of the kind that its annotation names is told in one line."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from numbers import Integral, Real
from types import UnionType
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, Union, Unpack, get_args, get_origin, get_type_hints

from .errors import InputError, suggest

P = ParamSpec("P")
R = TypeVar("R")
MOST = 2**63
Count = Annotated[int, 1]
"""A whole number of 1 or more."""
Natural = Annotated[int, 0]
"""A whole number of 0 or more."""


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function raise `InputError` for an argument that is not what its annotation says.

    Numbers of numpy are numbers, truth values are none.
    """
    signature = inspect.signature(function)
    known: dict[str, Any] = {}  # found at the first call: annotations may name what comes later

    @wraps(function)
    def call(*args: P.args, **settings: P.kwargs) -> R:
        if not known:
            known.update({"": Any, **_hints(function)})
        for name, value in signature.bind(*args, **settings).arguments.items():
            kind, hint = signature.parameters[name].kind, known.get(name, Any)
            if kind is kind.VAR_KEYWORD:
                _refuse_words(value, hint)
                continue
            for one in value if kind is kind.VAR_POSITIONAL else (value,):
                _refuse(name, one, hint)
        return function(*args, **settings)

    return call


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except NameError:  # a name that only a type checker imports
        return {name: hint for name, hint in function.__annotations__.items() if not isinstance(hint, str)}


def _refuse_words(given: dict[str, Any], hint: Any) -> None:
    """Raise `InputError` for a keyword that is not among those of a typed dictionary, or has another kind of value."""
    if get_origin(hint) is not Unpack:
        return
    known = get_type_hints(get_args(hint)[0], include_extras=True)
    for name, value in given.items():
        if name not in known:
            raise InputError(f"there is no argument {name!r}" + (suggest(name, known) or f": give {', '.join(known)}"))
        _refuse(name, value, known[name])


def _refuse(name: str, value: Any, hint: Any) -> None:
    if not _fits(value, hint):
        raise InputError(f"{name} is {brief(value)} where {_words(hint)} was expected: give one")


def _fits(value: Any, hint: Any) -> bool:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _fits(value, parts[0]) and (isinstance(parts[1], str) or value >= parts[1])
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    kind = origin or hint
    if kind in (int, float):
        number = isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
        return number and (-MOST <= int(value) < MOST if isinstance(value, Integral) else math.isfinite(value))
    if hint is Any or not isinstance(kind, type):
        return True
    if kind is Sequence:
        several = hasattr(value, "__len__") and hasattr(value, "__getitem__")
        listed = several and not isinstance(value, Mapping) and not hasattr(value, "shape")
        return listed and (not isinstance(value, list | tuple | str) or all(_fits(one, parts[0]) for one in value))
    return isinstance(value, kind)


def _words(hint: Any) -> str:
    parts = get_args(hint)
    if get_origin(hint) is Annotated:
        return parts[1] if isinstance(parts[1], str) else f"{_words(parts[0])} of {parts[1]} or more"
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_words(part) for part in parts)
    if get_origin(hint) is Literal:
        return ", ".join(map(str, parts))
    plain = {int: "a whole number", float: "a number", type(None): "None"}
    return plain.get(hint, f"a {getattr(get_origin(hint) or hint, '__name__', hint)}")


def brief(value: Any) -> str:
    """Return a value in a few words: itself where it is short, else its type and its shape."""
    text = "" if hasattr(value, "shape") else repr(value)
    if 0 < len(text) <= 40 and "\n" not in text:
        return text
    shape = getattr(value, "shape", None)
    return f"a {type(value).__name__}" + (f" of shape {tuple(shape)}" if shape is not None else "")
