"""The one family of errors that an analyst may see.

Every error names what happened (`message`) and what to do next (`hint`). `code` is stable, so that a user
interface can translate the sentence; `details` are the values that the sentence was made from.
"""

from __future__ import annotations

from typing import Any, Dict


class MtlError(Exception):
    """Root of all errors with an explanation.

    Args:
        code: Stable dotted name such as "scene.band-missing".
        message: One sentence: what happened.
        hint: One sentence: what to do next.
        **details: The values in the sentence, for translated messages.
    """

    exit_code = 1

    def __init__(self, code: str, message: str, hint: str = "", **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.details: Dict[str, Any] = details

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(MtlError):
    """A parameter is missing, unknown or outside its limits (exit code 2)."""

    exit_code = 2


class InputError(MtlError):
    """A file that was given cannot be used (exit code 3)."""

    exit_code = 3


class Cancelled(MtlError):
    """The analyst stopped the work (exit code 4)."""

    exit_code = 4


class ModelError(MtlError):
    """Weights or a model card cannot be used, or do not fit the image (exit code 5)."""

    exit_code = 5


class OutputError(MtlError):
    """Results cannot be written (exit code 6)."""

    exit_code = 6


class ResourceError(MtlError):
    """Memory or a device is not sufficient (exit code 7)."""

    exit_code = 7
