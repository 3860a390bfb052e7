"""From the numbers of a satellite file to top-of-atmosphere (TOA) reflectance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from ..contract.errors import InputError

# Exo-atmospheric irradiance of RapidEye's bands, W m-2 um-1 (Planet Imagery Product Specification, v6.1).
# By name: a swapped blue and red is the classic error in public RapidEye code.
RAPIDEYE_EAI: Mapping[str, float] = MappingProxyType(
    {"blue": 1997.8, "green": 1863.5, "red": 1560.4, "red_edge": 1395.0, "nir": 1124.4}
)


def reflectance_gain(radiance_gain: float, irradiance: float, sun_elevation_deg: float, day: date) -> float:
    """The factor from file counts to TOA reflectance: pi L d^2 / (EAI cos(sun zenith)), with L = counts * gain.

    Args:
        radiance_gain: Radiance of one count, W m-2 sr-1 um-1.
        irradiance: Exo-atmospheric irradiance (EAI) of the band at 1 AU, W m-2 um-1.
        sun_elevation_deg: Height of the sun above the horizon.
        day: Day of acquisition (UTC).

    Raises:
        InputError: The sun is not above the horizon.
    """
    if not 0 < sun_elevation_deg <= 90:
        raise InputError(
            "radiometry.sun",
            f"A sun elevation of {sun_elevation_deg:g} degrees gives no reflectance.",
            "Check the sun elevation in the metadata of the scene: it must lie between 0 and 90 degrees.",
            sun_elevation_deg=sun_elevation_deg,
        )
    cos_zenith = math.sin(math.radians(sun_elevation_deg))
    return math.pi * radiance_gain * sun_earth_distance_au(day) ** 2 / (irradiance * cos_zenith)


def sun_earth_distance_au(day: date) -> float:
    """Distance between sun and earth in astronomical units (Spencer 1971), good to 5e-4."""
    angle = 2 * math.pi * (day.timetuple().tm_yday - 1) / 365
    inverse_square = (
        1.000110
        + 0.034221 * math.cos(angle)
        + 0.001280 * math.sin(angle)
        + 0.000719 * math.cos(2 * angle)
        + 0.000077 * math.sin(2 * angle)
    )
    return 1 / math.sqrt(inverse_square)
