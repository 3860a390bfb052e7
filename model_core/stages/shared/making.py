"""What the files of a run say of how they were made."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ... import __version__
from ...contract.errors import MtlError
from ...contract.fields import to_dict
from ...contract.series import read_series
from ...geo.remarks import REMARK, remark_of_layer, remark_of_raster
from .fingerprints import ELSEWHERE, INPUTS


def making(stage: str, params: Any) -> dict[str, str]:
    """The tags of every file of a run: stage, engine, parameters, and the remarks of what it was made from.

    Files among the parameters go by their name alone; the job file beside the results has their whole paths.
    """
    roles = {field.name: field.metadata.get("role") for field in dataclasses.fields(params)}
    values = {
        name: _names(value) if roles[name] in INPUTS else value
        for name, value in to_dict(params).items() if value not in (None, "", []) and name not in ELSEWHERE
    }
    tags = {"stage": stage, "engine": __version__, "parameters": json.dumps(values, ensure_ascii=False)}
    remarks = " ".join(dict.fromkeys(remark for remark in _remarks(params, roles) if remark))
    return {**tags, REMARK: remarks} if remarks else tags


def _remarks(params: Any, roles: dict[str, Any]) -> Iterator[str]:
    readers: dict[str, Callable[[str], str]] = {
        "file": _remark_of_series, "raster": remark_of_raster, "vector": remark_of_layer}
    for name, role in roles.items():
        value = getattr(params, name)
        if value and role in readers:
            yield from map(readers[role], [value] if isinstance(value, str) else value)


def _remark_of_series(path: str) -> str:
    try:
        return read_series(Path(path)).remark if path.endswith(".json") else ""
    except MtlError:  # whoever uses the file says what is wrong with it
        return ""


def _names(value: Any) -> Any:
    return Path(value).name if isinstance(value, str) else [Path(path).name for path in value]
