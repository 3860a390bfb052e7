"""Declares a parameter once: its default, limits, unit, label and help live in the dataclass field.

The command line, the Processing parameters, the widgets and the manual read them from here.
"""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import MISSING, Field
from typing import Any, Dict, Optional, Tuple, Type, TypeVar

from .errors import UsageError

T = TypeVar("T")

# What a text parameter stands for, so that a user interface can offer the right widget.
ROLES = ("text", "raster", "vector", "file", "folder", "output_folder", "output_file", "crs", "date", "model", "bands")


def param(
    default: Any = MISSING,
    *,
    label: str,
    help: str,
    minimum: Optional[float] = None,
    maximum: Optional[float] = None,
    choices: Optional[Tuple[Any, ...]] = None,
    role: str = "text",
    group: str = "",
    advanced: bool = False,
) -> Any:
    """Returns a dataclass field that carries everything a user interface needs to know."""
    metadata = {
        "label": label,
        "help": help,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "role": role,
        "group": group,
        "advanced": advanced,
    }
    if default is MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def from_dict(cls: Type[T], values: Dict[str, Any], base: Optional[T] = None) -> T:
    """Builds `cls` from plain values, lists becoming tuples, over the defaults of `base` if given.

    Raises:
        UsageError: An unknown or missing name, a value of the wrong type or outside its limits.
    """
    hints = typing.get_type_hints(cls)
    known = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]  # mypy: T is not bound to dataclass
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise UsageError(
            "params.unknown",
            f"Unknown parameter{'s' if len(unknown) > 1 else ''}: {', '.join(unknown)}.",
            f"Known are: {', '.join(known)}.",
            unknown=unknown,
        )
    given = {name: _coerce(known[name], hints[name], value) for name, value in values.items()}
    if base is not None:
        return validate(dataclasses.replace(base, **given))  # type: ignore[type-var]  # as above
    missing = [name for name, f in known.items() if name not in given and _required(f)]
    if missing:
        raise UsageError(
            "params.missing",
            f"Missing parameter{'s' if len(missing) > 1 else ''}: {', '.join(missing)}.",
            "Give each of them a value.",
            missing=missing,
        )
    return validate(cls(**given))


def to_dict(params: Any) -> Dict[str, Any]:
    """The plain, JSON-ready values of a parameter object."""
    return {
        f.name: list(value) if isinstance(value, tuple) else value
        for f in dataclasses.fields(params)
        for value in [getattr(params, f.name)]
    }


def validate(params: T) -> T:
    """Checks every value against its field's limits and returns the object unchanged.

    Raises:
        UsageError: Names the parameter, its value and its limits.
    """
    for f in dataclasses.fields(params):  # type: ignore[arg-type]  # T is a dataclass instance
        value = getattr(params, f.name)
        if value is None:
            continue
        low, high, choices = (f.metadata.get(key) for key in ("minimum", "maximum", "choices"))
        if choices:
            wrong = [v for v in (value if isinstance(value, tuple) else (value,)) if v not in choices]
            if wrong:
                raise _outside(f, wrong[0], f"Choose from: {', '.join(map(str, choices))}.")
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                continue
            if number != number or (low is not None and number < low) or (high is not None and number > high):
                raise _outside(f, number, f"It must lie {_limits(low, high)}.")
    check = getattr(params, "check", None)
    if callable(check):
        check()
    return params


def _required(f: Field[Any]) -> bool:
    return f.default is MISSING and f.default_factory is MISSING


def _limits(low: Optional[float], high: Optional[float]) -> str:
    if low is None:
        return f"at or below {high}"
    if high is None:
        return f"at or above {low}"
    return f"between {low} and {high}"


def _outside(f: Field[Any], value: Any, hint: str) -> UsageError:
    label = f.metadata.get("label", f.name)
    message = f"{label} ({f.name}) cannot be {value!r}."
    return UsageError("params.outside-limits", message, hint, name=f.name, value=value)


def _coerce(f: Field[Any], hint: Any, value: Any) -> Any:
    """Fits a JSON value to the field's type: int to float, list to tuple; refuses anything else."""
    args = typing.get_args(hint)
    if type(None) in args:
        # A user interface writes an empty text where nothing was given.
        return None if value in (None, "") else _coerce(f, next(a for a in args if a is not type(None)), value)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, (list, tuple)):
            raise _wrong_type(f, hint, value)
        return tuple(_coerce(f, args[0], v) for v in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, hint) or (hint is not bool and isinstance(value, bool)):
        raise _wrong_type(f, hint, value)
    return value


_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def _wrong_type(f: Field[Any], hint: Any, value: Any) -> UsageError:
    label = f.metadata.get("label", f.name)
    many = typing.get_origin(hint) is tuple
    expected = f"a list, each item {_WORDS[typing.get_args(hint)[0]]}" if many else _WORDS[hint]
    return UsageError(
        "params.wrong-type", f"{label} ({f.name}) cannot be {value!r}.", f"It must be {expected}.", name=f.name
    )
