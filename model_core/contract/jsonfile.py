"""Reads the small JSON files that people and programs write: jobs, series, model cards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_json(path: Path) -> Any:
    """What a JSON file holds, in UTF-8, UTF-16 or UTF-32, with or without a byte-order mark.

    Raises:
        OSError: It cannot be opened.
        ValueError: It is no JSON; half a sentence says where.
    """
    try:
        return json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON ({error})") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError("it is no JSON") from error
