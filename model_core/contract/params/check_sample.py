"""Parameters of check-sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ..errors import UsageError
from ..fields import param
from .inputs import require

_MAX_POINTS = 100000


@dataclass(frozen=True)
class CheckSampleParams:
    """Accuracy and area from points: draws them on a map, then reckons with the answers that an analyst filled in."""

    prediction: Optional[str] = param(None, label="Mapped raster", help="Probability or binary raster, as predict "
                                      "writes them: random points are drawn on it.", role="raster", group="Draw points")
    polygons: Optional[str] = param(None, label="Mapped polygons", help="In place of the raster: all ground outside "
                                    "them is mapped as no landslide. Give a grid too.", role="vector",
                                    group="Draw points")
    grid: Optional[str] = param(None, label="Grid of the polygons", help="Raster, for example the image, whose pixels "
                                "and extent the polygons are checked on; its pixels without data are left out.",
                                role="raster", group="Draw points")
    threshold: Optional[float] = param(None, label="Threshold", help="Probability from which a pixel counts as "
                                       "landslide; has no effect on a binary raster. Default: the one that predict "
                                       "noted in the raster, else 0.5. Out-of-fold probabilities were cut block by "
                                       "block and have none.", minimum=0.01, maximum=0.99,
                                       group="Draw points")
    searched: Optional[str] = param(None, label="Ground to check", help="Polygons; no point lies outside them, and the "
                                    "area holds for them alone. Default: all ground that the map covers.",
                                    role="vector", group="Draw points")
    earlier: Optional[str] = param(None, label="Earlier landslides", help="Polygons, for example of last year: where "
                                   "they are not mapped any more they become a stratum of their own.", role="vector",
                                   group="Draw points")
    edge_px: int = param(2, label="Edge [px]", help="Pixels up to this far from an outline, on both sides, are a "
                         "stratum of their own: maps are most often wrong there.", minimum=1, maximum=50,
                         group="Draw points")
    n_points: int = param(500, label="Points", help="Points altogether; shared out by the size of the strata.",
                          minimum=10, maximum=_MAX_POINTS, group="Draw points")
    n_min: int = param(75, label="Least points of a stratum", help="Rare strata get this many points, or all their "
                       "pixels; 50 to 100 are usual.", minimum=2, maximum=_MAX_POINTS, group="Draw points")
    n_landslide: Optional[int] = param(None, label="Points in landslides", help="Default: by the rule above.",
                                       minimum=2, maximum=_MAX_POINTS, group="Draw points", advanced=True)
    n_edge: Optional[int] = param(None, label="Points on edges", help="Default: by the rule above.", minimum=2,
                                  maximum=_MAX_POINTS, group="Draw points", advanced=True)
    n_earlier: Optional[int] = param(None, label="Points in earlier landslides", help="Default: by the rule above.",
                                     minimum=2, maximum=_MAX_POINTS, group="Draw points", advanced=True)
    n_rest: Optional[int] = param(None, label="Points elsewhere", help="Default: by the rule above.", minimum=2,
                                  maximum=_MAX_POINTS, group="Draw points", advanced=True)
    seed: int = param(0, label="Seed", help="Start of the random numbers that place the points.", minimum=0,
                      maximum=2**31 - 1, group="Draw points", advanced=True)
    points: Optional[str] = param(None, label="Checked points", help="The GeoPackage of points with the column answer "
                                  "filled in (yes, no or unsure). Nothing else is needed then.", role="vector",
                                  group="Use the answers")
    out: str = param("", label="Output folder", help="New folder for the points, or for accuracy and area.",
                     role="output_folder", group="Output")

    def check(self) -> None:
        """Raises UsageError unless either a map to draw points on or checked points are given."""
        require(self, "out")
        given = [name for name in ("prediction", "polygons", "points") if getattr(self, name)]
        if len(given) != 1:
            raise UsageError(
                "params.map-or-points",
                f"{' and '.join(given).capitalize()} are given together." if given else
                "Neither a map nor checked points are given.",
                "Give a map (--prediction, or --polygons with --grid) to draw points, or --points with the answers.",
            )
        if self.polygons and not self.grid:
            raise UsageError("params.no-grid", "Polygons are given without a grid.",
                             "Give --grid with the image or another raster that covers the checked ground.")
