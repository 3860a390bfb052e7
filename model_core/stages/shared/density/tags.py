"""What a raster of density says of itself."""

from __future__ import annotations

from typing import Any

from ....contract.params.density import DensityParams
from .changes import Change
from .maps import DensityMap


def tags_of(one: DensityMap, params: DensityParams) -> dict[str, Any]:
    """Tags of the density of a date."""
    layer = one.layer
    return {
        "layer": layer.name, "landslides": layer.source or "none found", "used": layer.used, "kernel": "quartic",
        "radius_m": _metres(layer.radius_m),
        "radius_from": "given" if params.radius_m else "all layers" if params.common_radius else "this layer",
        "n": int(layer.inside.sum()), "n_around": int((~layer.inside).sum()), "weight": params.weight,
        "position": params.position, "edge_correction": params.edge_correction,
    }


def change_tags(one: Change, params: DensityParams) -> dict[str, Any]:
    """Tags of the change from one date to another, of the landslides that count in it."""
    a, b = one.earlier, one.later
    kept = tags_of(b, params)
    return {name: kept[name] for name in ("kernel", "weight", "position", "edge_correction", "used")
            } | {"difference": f"{b.layer.name} - {a.layer.name}",
                 "radius_m": f"{_metres(b.layer.radius_m)}, {_metres(a.layer.radius_m)}",
                 "n": f"{b.layer.inside.sum()}, {a.layer.inside.sum()}"}


def _metres(radius_m: float | None) -> str:
    return "none" if radius_m is None else f"{radius_m:.3f}"
