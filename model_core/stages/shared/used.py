"""Which kind of landslides a number comes from."""

from __future__ import annotations

import geopandas as gpd

MANUAL, PREDICTED, INVENTORY = "manual", "predicted", "inventory"


def used(frame: gpd.GeoDataFrame) -> str:
    """What a layer holds, as its columns tell: an inventory has origins, a prediction has a model."""
    columns = set(frame.columns)
    if {"origin", "reviewed"} <= columns:
        return INVENTORY
    return PREDICTED if {"model_id", "prob_mean"} <= columns else MANUAL
