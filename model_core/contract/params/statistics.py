"""Parameters of statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from ..errors import UsageError
from ..fields import param
from .inputs import require
from .layers import ReferenceInputs, check_number


@dataclass(frozen=True)
class StatisticsParams(ReferenceInputs):
    """Counts and measures landslides: number, area, density, and the distribution of their sizes."""

    landslides: Tuple[str, ...] = param((), label="Landslides", help="Polygons; one layer a year or map.",
                                        role="vector", group="Input")
    names: Tuple[str, ...] = param((), label="Names", help="Years or other names of the layers, in their order. "
                                   "Default: the names of the layers or files.", group="Input")
    series: Optional[str] = param(None, label="Series file", help="Study file whose epochs have the landslides, the "
                                  "searched ground and the area of interest.", role="file", group="Input")
    observed: Tuple[str, ...] = param((), label="Observed ground", help="Polygons of the ground that was searched "
                                      "completely, to which densities refer; one for all layers, or one for each, - "
                                      "for the whole area. Default: the area of interest, or each epoch's searched "
                                      "ground.", role="vector", group="Input")
    area: Optional[str] = param(None, label="Area of interest", help="Polygons. Landslides are counted where a point "
                                "on their surface lies, and clipped at the border for areas.", role="vector",
                                group="Input")
    min_area_m2: float = param(200.0, label="Minimum area [m²]", help="Smaller landslides are left out; 0 keeps all.",
                               minimum=0.0, maximum=1e6, group="Polygons")
    together: bool = param(False, label="All layers together", help="Also treat all layers as one. Only right where "
                           "each landslide stands in one layer alone, as in maps of what is new each year.",
                           group="Polygons")
    repetitions: int = param(1000, label="Repetitions", help="Simulated samples behind the p-value of a power law; "
                             "0 leaves it out.", minimum=0, maximum=100000, group="Polygons", advanced=True)
    seed: int = param(0, label="Seed", help="Start of the random numbers behind p-value and intervals.", minimum=0,
                      maximum=2**31 - 1, group="Polygons", advanced=True)
    out: str = param("", label="Output folder", help="New folder for the tables, the figure and the landslides at the "
                     "border.", role="output_folder", group="Output")

    def check(self) -> None:
        """Raises UsageError where landslides are given in no way or in two, or their names do not fit."""
        if bool(self.series) == bool(self.landslides):
            raise UsageError(
                "params.series-or-landslides",
                "Both a series file and landslides are given." if self.series else "No landslides are given.",
                "Give either --series or --landslides.",
            )
        if self.names and len(self.names) != len(self.landslides):
            raise UsageError(
                "params.names",
                f"{len(self.landslides)} layers of landslides have {len(self.names)} names.",
                "Give one name a layer (--names), or none; the epochs of a series have names already.",
            )
        self.check_reference()
        check_number(self, "observed", one_for_all=True)
        require(self, "out")
