"""The numbers that stand for ground on a grid (uint8)."""

from __future__ import annotations

from typing import Final

# Label codes: what is known about a pixel.
BACKGROUND: Final = 0  # searched ground without landslide
LANDSLIDE: Final = 1
IGNORE: Final = 255  # unobserved, unsearched or doubtful: no loss, no metric

# Roles: what a pixel is used for.
TRAIN: Final = 0
VALIDATION: Final = 1
TEST: Final = 2
NOWHERE: Final = 255  # guard between roles, or ground that no role uses

ROLE_NAMES: Final = {TRAIN: "train", VALIDATION: "validation", TEST: "test"}
