"""Bands go by name. The order below is the one of RapidEye files and of every model that says nothing else."""

from __future__ import annotations

from typing import Dict, Tuple

BANDS: Tuple[str, ...] = ("blue", "green", "red", "red_edge", "nir")

# What people and files call them; compared in lower case without spaces, hyphens and underscores.
SYNONYMS: Dict[str, str] = {
    "b": "blue",
    "g": "green",
    "r": "red",
    "re": "red_edge",
    "rededge": "red_edge",
    "rededge1": "red_edge",
    "n": "nir",
    "ir": "nir",
    "nearinfrared": "nir",
    "nir1": "nir",
}


def canonical(name: str) -> str:
    """Returns the standard name of a band, or the name itself in lower case where there is none."""
    key = name.strip().lower().replace(" ", "").replace("-", "").replace("_", "")
    plain = {band.replace("_", ""): band for band in BANDS}
    return plain.get(key) or SYNONYMS.get(key) or name.strip().lower().replace(" ", "_").replace("-", "_")
