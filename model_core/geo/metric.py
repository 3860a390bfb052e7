"""Coordinate systems that measure metres on the ground."""

from __future__ import annotations

from collections.abc import Callable

import pyproj
from pyproj.exceptions import CRSError

from ..contract.errors import UsageError

AREA_TOLERANCE = 0.02  # every UTM or national system in its own area, but not web Mercator


def short_name(crs: pyproj.CRS) -> str:
    """A CRS as text: "EPSG:32645" where it has a code, else its WKT."""
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else str(crs.to_wkt())


def has_metres(crs: pyproj.CRS) -> bool:
    """Whether a CRS counts in metres, true to the ground or not."""
    return bool(crs.is_projected) and all(axis.unit_conversion_factor == 1 for axis in crs.axis_info[:2])


def checked(wanted: str, fits: Callable[[pyproj.CRS], bool], utm: Callable[[], str]) -> str:
    """The short name of a CRS that somebody asked for.

    Args:
        wanted: As it was written.
        fits: Whether a CRS measures metres on the ground where it is needed.
        utm: Name of the UTM zone there, for the advice.

    Raises:
        UsageError: It is unknown, or measures no metres there.
    """
    try:
        crs = pyproj.CRS.from_user_input(wanted)
    except CRSError as error:
        raise UsageError("grid.crs", f"{wanted} is not a known coordinate system.", "Give it like EPSG:32645.",
                         crs=wanted) from error
    if not fits(crs):
        raise UsageError("grid.crs-not-metric", f"{wanted} ({crs.name}) does not measure metres on the ground here.",
                         f"Choose a metric system, for example the UTM zone {utm()}.", crs=wanted)
    return short_name(crs)
