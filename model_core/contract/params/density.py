"""Parameters of density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from ..errors import UsageError
from ..fields import param
from .inputs import require
from .layers import UsedInputs

POSITIONS = ("centroid", "point-on-surface")
WEIGHTS = ("number", "area")


@dataclass(frozen=True)
class DensityParams(UsedInputs):
    """Maps how densely landslides lie, at one or more dates, and how that changes from date to date."""

    series: Optional[str] = param(None, label="Series file", help="Study file with several dates: their landslides "
                                  "and searched ground; then leave landslides, names and observed ground empty.",
                                  role="file", group="Input")
    landslides: Tuple[str, ...] = param((), label="Landslides", help="Polygon layers, one a date, in the order of "
                                        "time.", role="vector", group="Input")
    names: Tuple[str, ...] = param((), label="Names", help="A name or year for each layer. Default: the names of the "
                                   "layers or files.", group="Input")
    area: Optional[str] = param(None, label="Area of interest", help="Polygons; the maps show nothing outside. "
                                "Default: the observed ground, else all ground that a landslide reaches.",
                                role="vector", group="Input")
    observed: Tuple[str, ...] = param((), label="Observed ground", help="Polygons of the ground on which landslides "
                                      "would have been seen: one layer for all dates, or one for each, - for "
                                      "the area of interest. It may reach beyond the area: landslides around it then "
                                      "count at its border. Default: the area of interest.", role="vector",
                                      group="Input")
    out: str = param("", label="Output folder", help="New folder for rasters, peaks, table and figures.",
                     role="output_folder", group="Output")
    radius_m: Optional[float] = param(None, label="Radius [m]", help="Reach of a landslide. Default: ArcGIS' rule, "
                                      "from the spread of the landslides.", minimum=1.0, maximum=1e6, group="Density")
    common_radius: bool = param(True, label="One radius for all dates", help="From the landslides of all dates "
                                "together, so that the dates can be compared. Otherwise, as in the paper, each date "
                                "gets its own.", group="Density")
    weight: str = param("number", label="Weight", help="What is mapped: number of landslides per km², or landslide "
                        "area in m² per km².", choices=WEIGHTS, group="Density")
    edge_correction: bool = param(True, label="Edge correction", help="Makes up for what a landslide near the border "
                                  "of the observed ground would lose beyond it, so that the map sums to the number "
                                  "of landslides. The paper has none.", group="Density")
    position: str = param("centroid", label="Position", help="Where a landslide is: its centroid, which may lie "
                          "outside a bent one, or a point on it.", choices=POSITIONS, group="Density", advanced=True)
    crs: Optional[str] = param(None, label="CRS of the results", help="Coordinate reference system, for example "
                               "EPSG:32645. Default: that of the first layer if it is metric, else the UTM zone.",
                               role="crs", group="Grid", advanced=True)
    pixel_size_m: Optional[float] = param(None, label="Pixel size [m]", help="Default: about a fiftieth of the "
                                          "radius.", minimum=0.1, maximum=100000.0, group="Grid")

    def check(self) -> None:
        """Raises UsageError where layers are missing, or names and observed ground do not fit them."""
        require(self, "out")
        if bool(self.series) == bool(self.landslides):
            raise UsageError(
                "params.series-or-landslides",
                "Both a series file and landslides are given." if self.series else "No landslides are given.",
                "Give either --series or --landslides.",
            )
        self.check_used()
        n = len(self.landslides)
        for name, values, allowed in (("names", self.names, (0, n)), ("observed", self.observed, (0, 1, n))):
            if len(values) not in allowed or (values and self.series):
                what = "the epochs of a series" if self.series else f"{n} layer{'' if n == 1 else 's'} of landslides"
                label = type(self).__dataclass_fields__[name].metadata["label"]
                raise UsageError("params.number-of-layers", f"{label} ({name}) with {len(values)} entries does not "
                                 f"fit {what}.", "Leave it out, or give one for each layer.", name=name)
