"""Finds models: the bundled ones by name, all others by path."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

from .card import ModelCard, card_path_of, read_card
from .errors import ModelError

SUFFIX = ".weights.h5"


def bundled_folder() -> Path:
    """The folder of the bundled models: inside the package where it was installed, else beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "weights"
    return inside if inside.is_dir() else package.parent / "weights"


def find_model(name: str) -> Tuple[ModelCard, Path]:
    """A model's card and its folder.

    Args:
        name: Name of a bundled model, or path of a weights file, a card or a folder with one model.

    Raises:
        ModelError: There is no such model, or its card cannot be used.
    """
    path = Path(name)
    bundled = bundled_folder() / (name + SUFFIX)
    if not path.exists() and bundled.exists():
        path = bundled
    if not path.exists():
        known = ", ".join(p.name[: -len(SUFFIX)] for p in weights_below(bundled_folder())) or "none"
        raise ModelError(
            "model.not-found", f"There is no model {name}.",
            f"Give the path of a *{SUFFIX} file, or the name of a bundled model (there: {known}).", name=name,
        )
    return read_card(path), card_path_of(path).parent


def weights_below(folder: Path) -> List[Path]:
    """All weights files below a folder, in the order of their names; those of unfinished runs are none yet."""
    found = sorted(folder.rglob("*" + SUFFIX)) if folder.is_dir() else []
    return [path for path in found if ".partial" not in str(path.relative_to(folder))]
