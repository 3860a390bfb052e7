"""The patches of Landslide4Sense (Ghorbanzadeh et al. 2022) as they are, and where each lies on the ground.

The patches of a region were cut side by side from one mosaic and numbered row by row: the last column of a patch and
the first of the patch with the next number agree, and so do its last row and the first of the patch a whole row of
numbers further on. With rows of 41 numbers in Taiwan and 26 in Kodagu that is so in 96 and 99 % of all pairs; at no
other width in more than 5 %. So neighbours in the north and south are as close as those in the east and west.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_core.contract.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
SIZE_PX, PIXEL_M = 128, 10.0
BANDS = ("blue", "green", "red")
TAIWAN, KODAGU = "Taiwan", "Kodagu_India"
COLUMNS = {TAIWAN: 41, KODAGU: 26}
SOURCE = {
    "name": "Landslide4Sense", "licence": "MIT",
    "citation": "Ghorbanzadeh, O., Xu, Y., Ghamisi, P., Kopp, M., Kreil, D. (2022): Landslide4Sense: Reference "
                "benchmark data and deep learning models for landslide detection. IEEE Transactions on Geoscience and "
                "Remote Sensing 60, 5633017.",
}


@dataclass(frozen=True)
class Patches:
    """The patches of one region.

    Attributes:
        region: Its name in the file.
        images: (n, 128, 128, 3) uint8 blue, green, red: floor(255 x / largest value of the patch).
        masks: (n, 128, 128) bool, landslide.
        ids: (n,) official number, ascending.
    """

    region: str
    images: np.ndarray
    masks: np.ndarray
    ids: np.ndarray

    @property
    def places(self) -> np.ndarray:
        """(n, 2) row and column on the ground, in patches."""
        return np.stack(np.divmod(self.ids - 1, COLUMNS[self.region]), axis=1)


@dataclass(frozen=True)
class FiveBands:
    """The few patches that are there in RapidEye's five bands, each band divided by its mean.

    Attributes:
        images: (n, 128, 128, 5) float32 in the order of contract.bands.BANDS.
        masks: (n, 128, 128) bool, landslide.
    """

    images: np.ndarray
    masks: np.ndarray


def data_folder() -> Path:
    """Where the data lies: the folder that MTL_REALDATA names, or shared/data beside the project.

    Raises:
        InputError: It is not there.
    """
    folder = Path(os.environ.get("MTL_REALDATA") or ROOT / ".." / "shared" / "data").resolve()
    if not (folder / "landslide4sense" / "rgb_pairs.npz").is_file():
        raise InputError("weights.no-data", f"The training data of the bundled models is not below {folder}.",
                         "Set MTL_REALDATA to the folder that holds landslide4sense/rgb_pairs.npz.", path=str(folder))
    return folder


def read_patches(folder: Path, region: str) -> Patches:
    """The patches of a region, in the order of their numbers."""
    with np.load(folder / "landslide4sense" / "rgb_pairs.npz") as file:
        own = np.flatnonzero(file["region"] == region)
        ids = file["official_id"][own]
        order = np.argsort(ids)
        own = own[order]
        return Patches(region, file["image"][own], file["mask"][own] > 0, ids[order])


def read_unseen_five_bands(folder: Path) -> FiveBands:
    """Those that lie on no ground of Taiwan that others learn from or are judged on: eleven of 22.

    Their bands are Sentinel-2's B2, B3, B4, B5 and B8, in the order of `contract.bands.BANDS`.
    """
    with np.load(folder / "landslide4sense" / "five_band_pairs.npz") as file:
        own = file["region"] != TAIWAN
        return FiveBands(file["image"][own], file["mask"][own] > 0)
