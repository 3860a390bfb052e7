"""Parameters of inventory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from ..errors import UsageError
from ..fields import param
from .inputs import require


@dataclass(frozen=True)
class InventoryParams:
    """Joins traced, reviewed and mapped landslides to one inventory of each date, in which no ground stands twice."""

    series: Optional[str] = param(None, label="Series file", help="Study file with the dates and their landslides; "
                                  "then leave landslides, names and dates empty.", role="file", group="Input")
    names: Tuple[str, ...] = param((), label="Names", help="Without a series file: the names of the dates, for "
                                   "example 2015, in the order of time.", group="Input")
    dates: Tuple[str, ...] = param((), label="Dates", help="Without a series file: the date of each name, "
                                   "YYYY-MM-DD. Default: the one that the predictions carry.", group="Input")
    landslides: Tuple[str, ...] = param((), label="Traced landslides", help="Polygon layers, one for each name.",
                                        role="vector", group="Input")
    predictions: Tuple[str, ...] = param((), label="Predictions", help="Polygons that predict wrote.", role="vector",
                                         group="Input")
    predicted_names: Tuple[str, ...] = param((), label="Dates of the predictions", help="Names of the dates that the "
                                             "predictions belong to. Default: all dates in their order.",
                                             group="Input")
    reviewed: Tuple[str, ...] = param((), label="Reviewed landslides", help="Polygons with a column origin (accepted, "
                                      "edited, assisted, imported, traced or predicted) and maybe a column review "
                                      "that says rejected: predictions that share ground with such a polygon are "
                                      "left out.", role="vector", group="Input")
    reviewed_names: Tuple[str, ...] = param((), label="Dates of the reviewed landslides", help="Names of the dates "
                                            "that the reviewed layers belong to. Default: all dates in their order.",
                                            group="Input")
    min_area_m2: float = param(200.0, label="Minimum area [m²]", help="Where a landslide loses ground to another, "
                               "pieces below it are left out. Landslides that lose nothing stay; 0 keeps all.",
                               minimum=0.0, maximum=1e6, group="Polygons")
    crs: Optional[str] = param(None, label="CRS of the result", help="Coordinate reference system, for example "
                               "EPSG:32645. Default: that of the series, else of the first layer if it is metric, "
                               "else the UTM zone.", role="crs", group="Polygons", advanced=True)
    out: str = param("", label="Output folder", help="New folder for the inventory and what was left out.",
                     role="output_folder", group="Output")

    def check(self) -> None:
        """Raises UsageError where dates are given in no way or in two, or layers do not fit them."""
        require(self, "out")
        if bool(self.series) == bool(self.names):
            raise UsageError(
                "params.series-or-names",
                "Both a series file and names of dates are given." if self.series else "No dates are given.",
                "Give either --series or --names.",
            )
        if self.series and (self.landslides or self.dates):
            raise UsageError("params.series-or-landslides", "Traced landslides or dates are given beside a series "
                             "file.", "Leave them out: the series file has them.")
        for name, names in (("landslides", ()), ("dates", ()), ("predictions", self.predicted_names),
                            ("reviewed", self.reviewed_names)):
            n, wanted = len(getattr(self, name)), len(names or self.names)
            # How many dates a series has is known when it is read.
            if n != wanted and (names or (n and not self.series)):
                label = type(self).__dataclass_fields__[name].metadata["label"]
                raise UsageError("params.number-of-layers", f"{label} ({name}) with {n} entries does not fit {wanted} "
                                 f"date{'' if wanted == 1 else 's'}.",
                                 "Give one for each date, or name the dates that they belong to.", name=name)
