"""Parameters that several stages share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Tuple

from ..errors import UsageError
from ..fields import param

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
DEVICES = ("auto", "cpu", "gpu")


def require(params: Any, *names: str) -> None:
    """Raises UsageError naming the first of `names` that was left empty."""
    for name in names:
        if not getattr(params, name):
            label = type(params).__dataclass_fields__[name].metadata["label"]
            raise UsageError("params.missing", f"{label} ({name}) is missing.", "Give it a value.", name=name)


def min_slope() -> Any:
    """The field of a least slope, the same wherever maps are made."""
    return param(None, label="Least slope [°]", help="Landslides on ground that is flatter on average are marked in "
                 "the column `review`; none is removed. Needs an elevation model.", minimum=0.0, maximum=90.0,
                 group="Polygons", advanced=True)


@dataclass(frozen=True)
class SceneInputs:
    """One or more dates: either a series file, or the scenes of one date."""

    series: Optional[str] = param(None, label="Series file", help="Study file with several dates; then leave the "
                                  "inputs of a single date empty.", role="file", group="Input")
    scene: Tuple[str, ...] = param((), label="Scene", help="Image of one date; several tiles become one mosaic.",
                                   role="raster", group="Input")
    bands: Tuple[str, ...] = param((), label="Bands", help="Names of the image's bands in file order, where the file "
                                   "does not tell: blue, green, red, red_edge, nir.", role="bands", group="Input")
    date: Optional[str] = param(None, label="Date", help="Date of the image, YYYY-MM-DD, where the file does not "
                                "tell; several tiles may be of a span of days, YYYY-MM-DD/YYYY-MM-DD.", role="date",
                                group="Input")
    unusable: Optional[str] = param(None, label="Unusable ground", help="Polygons of clouds or other unusable ground "
                                    "in the image.", role="vector", group="Input")
    crs: Optional[str] = param(None, label="CRS of the results", help="Coordinate reference system, for example "
                               "EPSG:32645. Default: the image's own if it is metric, else the UTM zone.", role="crs",
                               group="Input", advanced=True)
    pixel_size_m: Optional[float] = param(None, label="Pixel size [m]", help="Default: the image's own.", minimum=0.1,
                                          maximum=1000.0, group="Input", advanced=True)
    area: Optional[str] = param(None, label="Area of interest", help="Polygons; nothing outside their extent is read.",
                                role="vector", group="Input")

    def check(self) -> None:
        """Raises UsageError unless exactly one of series and scene is given."""
        if bool(self.series) == bool(self.scene):
            raise UsageError(
                "params.series-or-scene",
                "Both a series file and a scene are given." if self.series else "No image is given.",
                "Give either --series or --scene.",
            )


@dataclass(frozen=True)
class DateInputs(SceneInputs):
    """Some dates of a series; the grid is that of all of them."""

    dates: Tuple[str, ...] = param((), label="Dates", help="Names of the dates of the series file to work on. "
                                    "Default: all.", group="Input", advanced=True)


@dataclass(frozen=True)
class GroundInputs(SceneInputs):
    """Scenes with what is known about the ground."""

    landslides: Optional[str] = param(None, label="Landslides", help="Polygons of the landslides in the image.",
                                      role="vector", group="Input")
    searched: Optional[str] = param(None, label="Searched ground", help="Polygons of the ground that was searched "
                                    "completely. Outside it undrawn ground counts neither as landslide nor as "
                                    "background. Default: the whole image.", role="vector", group="Input")
    ignore: Optional[str] = param(None, label="Doubtful ground", help="Polygons that count neither as landslide nor "
                                  "as background.", role="vector", group="Input")


@dataclass(frozen=True)
class DeviceInputs:
    """Where and how precisely the network computes."""

    device: str = param("auto", label="Device", help="Where the network runs.", choices=DEVICES, group="Device",
                        advanced=True)
    precision: str = param("auto", label="Precision", help="Number format of the network; auto takes the fastest that "
                           "the device computes natively.", choices=PRECISIONS, group="Device", advanced=True)
    threads: Optional[int] = param(None, label="Threads", help="Processor threads to use. Default: all.", minimum=1,
                                   maximum=256, group="Device", advanced=True)
