"""Parameters of evaluate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ..errors import UsageError
from ..fields import param
from .inputs import require


@dataclass(frozen=True)
class JudgeInputs:
    """What evaluate and compare share: the reference, the ground that counts, and how finely it is judged."""

    reference: str = param("", label="Reference landslides", help="Polygons that the map is judged against.",
                           role="vector", group="Input")
    reference_name: str = param("", label="Name of the reference", help="Who drew it and when; stands in all tables. "
                                "Default: the name of its file.", group="Input")
    searched: Optional[str] = param(None, label="Searched ground", help="Polygons of the ground that was searched "
                                    "completely for the reference; nothing outside counts. Default: all ground that "
                                    "the map covers.", role="vector", group="Input")
    ignore: Optional[str] = param(None, label="Doubtful ground", help="Polygons that do not count, for example "
                                  "clouds.", role="vector", group="Input")
    min_area_m2: float = param(200.0, label="Minimum area [m²]", help="Smaller landslides are left out of the "
                               "reference and of the map, by the same bound; their ground in the reference does not "
                               "count.", minimum=0.0, maximum=1e6, group="Polygons")
    tile_m: float = param(640.0, label="Tile for intervals [m]", help="With fewer than five blocks, intervals come "
                          "from square tiles of this side, drawn again and again.", minimum=10.0, maximum=100000.0,
                          group="Split", advanced=True)
    label_shift_m: Optional[float] = param(None, label="Shift of the labels [m]", help="How far the reference lies "
                                           "beside the image, if it was measured; the tables then say which F1 a map "
                                           "without any error would get.", minimum=0.0, maximum=1000.0, group="Input",
                                           advanced=True)
    seed: int = param(0, label="Seed", help="Start of the random numbers behind the intervals.", minimum=0,
                      maximum=2**31 - 1, group="Split", advanced=True)
    out: str = param("", label="Output folder", help="New folder for tables, confusion raster and matched objects.",
                     role="output_folder", group="Output")


@dataclass(frozen=True)
class EvaluateParams(JudgeInputs):
    """Judges a map of landslides against reference landslides, by pixels and by objects."""

    prediction: Optional[str] = param(None, label="Mapped raster", help="Probability or binary raster, as predict "
                                      "writes them. Pixels are judged on it, before small objects are removed.",
                                      role="raster", group="Input")
    polygons: Optional[str] = param(None, label="Mapped polygons", help="Objects are judged on them. Default: made "
                                    "from the raster.", role="vector", group="Input")
    blocks: Optional[str] = param(None, label="Blocks", help="Blocks of the training (layer 'blocks', columns block "
                                  "and role). Only test blocks tell the accuracy.", role="vector", group="Input")
    model: Optional[str] = param(None, label="Model", help="Model that made the map: its card tells whether it was "
                                 "trained on the judged ground.", role="model", group="Input")
    threshold: Optional[float] = param(None, label="Threshold", help="Probability from which a pixel counts as "
                                       "landslide; has no effect on a binary raster. Default: the one that predict "
                                       "noted in the raster, else 0.5. Out-of-fold probabilities were cut block by "
                                       "block and have none.", minimum=0.01, maximum=0.99,
                                       group="Polygons")
    pixel_size_m: float = param(5.0, label="Pixel size [m]", help="Pixels on which polygons are judged where there is "
                                "no raster.", minimum=0.1, maximum=1000.0, group="Polygons", advanced=True)

    def check(self) -> None:
        """Raises UsageError where something to judge, to judge by or to write to is missing."""
        require(self, "reference", "out")
        if not (self.prediction or self.polygons):
            raise UsageError("params.no-map", "No map is given to judge.",
                             "Give a mapped raster (--prediction), mapped polygons (--polygons) or both.")
