"""Parameters of compare-years."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from ..errors import UsageError
from ..fields import param
from .inputs import require
from .layers import ReferenceInputs, check_number


@dataclass(frozen=True)
class CompareYearsParams(ReferenceInputs):
    """Compares number and area of landslides at several dates, on the ground that was observed at all of them."""

    series: Optional[str] = param(None, label="Series file", help="Study file: dates, images, drawn landslides, "
                                  "searched ground. Alone, its drawn landslides are compared; with landslides, these "
                                  "are maps of its dates, and its drawn ones are their reference.", role="file",
                                  group="Input")
    landslides: Tuple[str, ...] = param((), label="Landslides", help="Polygons, one layer a date.", role="vector",
                                        group="Input")
    names: Tuple[str, ...] = param((), label="Names", help="A name for each layer; with a series the names of its "
                                   "dates that the layers belong to, or without layers those to compare.",
                                   group="Input")
    dates: Tuple[str, ...] = param((), label="Dates", help="Date of each layer, YYYY-MM-DD; a series has its own.",
                                   group="Input")
    observed: Tuple[str, ...] = param((), label="Observed ground", help="Where landslides would have been seen: a "
                                      "raster of the map (no data = not observed) or polygons; one for all layers, or "
                                      "one for each, - for the whole area. Default: the area, or what the images of "
                                      "the series show.", role="vector", group="Input")
    area: Optional[str] = param(None, label="Area of interest", help="Polygons. Landslides are counted where a point "
                                "on their surface lies, and clipped at the border for areas.", role="vector",
                                group="Input")
    min_area_m2: float = param(200.0, label="Minimum area [m²]", help="Smaller landslides are left out; 0 keeps all.",
                               minimum=0.0, maximum=1e6, group="Polygons")
    block_m: Optional[float] = param(None, label="Size of blocks [m]", help="Side of the tiles of ground that the "
                                     "intervals are drawn from. Default: such that there are about 40.", minimum=10.0,
                                     maximum=1e6, group="Polygons", advanced=True)
    repetitions: int = param(2000, label="Repetitions", help="How often blocks are drawn for an interval.",
                             minimum=200, maximum=100000, group="Polygons", advanced=True)
    seed: int = param(0, label="Seed", help="Start of the random numbers behind the intervals.", minimum=0,
                      maximum=2**31 - 1, group="Polygons", advanced=True)
    out: str = param("", label="Output folder", help="New folder for the tables, the common ground and the figure.",
                     role="output_folder", group="Output")

    def check(self) -> None:
        """Raises UsageError where dates are missing, or the lists do not fit each other."""
        require(self, "out")
        self.check_reference()
        check_number(self, "observed", one_for_all=True)
        if not self.series:
            require(self, "landslides", "dates")
            check_number(self, "names")
            check_number(self, "dates")
            if not self.area and not self.observed:
                raise UsageError("years.no-ground", "Nothing tells which ground was observed.",
                                 "Give the observed ground of each date (--observed), or the area of interest "
                                 "(--area) if all of it was seen at every date.")
            return
        if self.dates or self.reference or self.reference_ground:
            raise UsageError("years.series-has-it", "A series has its own dates, and its drawn landslides are the "
                             "reference.", "Leave --dates, --reference and --reference-ground out.")
        if self.landslides and len(self.names) != len(self.landslides):
            raise UsageError("years.names", "The maps are not told apart.",
                             "Name the date of the series that each layer belongs to (--names).")
