"""Reading rasters safely, and writing cloud-optimised GeoTIFFs that are whole or absent."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from ..arrays.windows import tiles
from ..contract.errors import InputError, OutputError
from .files import explain, scratch_folder
from .grid import Grid
from .raw import RawPixels
from .stamp import stamped

# MiB of blocks that GDAL keeps. A row of windows of 1024 px over five bands of a sensor's tile (5000 px wide, stored in
# whole rows) takes 51. Told to the process, because a setting of one thread's ends with that thread for all others.
CACHE_MB = 64
os.environ.setdefault("GDAL_CACHEMAX", str(CACHE_MB))
_CACHE_MB_WRITING = 16  # every block of a finished map is read and written once
_COMPARED_PX = 1024  # whole blocks of the file, which are read once then
_OVERVIEW_PX = 512  # no overview is needed below this size
# rasterio.shutil lets GDAL's own errors through, and a SystemError where GDAL fails without a word.
_GDAL_ERRORS = (RasterioError, CPLE_BaseError, SystemError)


def no_side_files() -> rasterio.Env:
    """A context in which GDAL writes no .aux.xml beside any file."""
    return rasterio.Env(GDAL_PAM_ENABLED=False)


@contextmanager
def open_raster(path: Path) -> Iterator[DatasetReader]:
    """Opens a raster for reading. Read inside `readable`.

    Raises:
        InputError: It is missing, empty, a Git-LFS pointer, or no raster.
    """
    _check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # the caller says it in plain words
            source = rasterio.open(path)
    except RasterioError as error:
        raise InputError("raster.not-a-raster", f"{path} cannot be read as a raster: it is none, or damaged.",
                         "Give a raster such as a GeoTIFF that opens in QGIS.", path=str(path)) from error
    with source:
        if source.count == 0:
            raise InputError("raster.no-bands", f"{path} holds no image itself.",
                             "Export the image that you want from it as a GeoTIFF.", path=str(path))
        yield source


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns an error of GDAL while reading `path` into an `InputError` that names it."""
    try:
        yield
    except RasterioError as error:
        raise InputError("raster.damaged", f"{path} is damaged or incomplete: a part of it cannot be read.",
                         "Copy or download the file again.", path=str(path)) from error


def read_grid(path: Path) -> Grid:
    """The grid that a raster lies on.

    Raises:
        InputError: The file cannot be read, or has no CRS.
    """
    with open_raster(path) as source:
        return Grid(crs_name(source, path), source.transform, source.width, source.height)


def read_window(path: Path, rows: slice, cols: slice, band: int = 1) -> np.ndarray:
    """One band in a window of a raster's own pixels.

    Returns:
        (h, w) in the file's type; in float rasters NaN where there is no data, in others the nodata value as it is.

    Raises:
        InputError: The file cannot be read.
    """
    with open_raster(path) as source:
        with readable(path):
            values: np.ndarray = source.read(band, window=Window.from_slices(rows, cols))
        if source.nodata is not None and values.dtype.kind == "f":
            values[values == source.nodata] = np.nan
        return values


def crs_name(source: DatasetReader, path: Path) -> str:
    """The CRS of an open raster, "EPSG:32645" where it has a code.

    Raises:
        InputError: It has none.
    """
    if not source.crs or not (source.crs.is_projected or source.crs.is_geographic):
        hint = "Assign its coordinate system in QGIS: Raster > Projections > Assign Projection."
        if source.gcps[0] or source.rpcs is not None:
            hint = "It has control points only: bring it onto a map grid in QGIS (Raster > Projections > Warp)."
        raise InputError("raster.no-crs", f"{path} has no coordinate system.", hint, path=str(path))
    if source.transform.is_identity:
        raise InputError("raster.no-position", f"{path} has a coordinate system but no position on the map.",
                         "Georeference it in QGIS (Layer > Georeferencer).", path=str(path))
    code = source.crs.to_epsg()
    return f"EPSG:{code}" if code else str(source.crs.to_wkt())


class RasterWriter:
    """Takes a raster in windows and leaves a cloud-optimised GeoTIFF, or nothing.

    The windows go to a plain file whose whole room is claimed at the start, so that a full disk is known before the
    work and not after it. On a clean exit, or when `publish` is called, it becomes a COG, which is compared with what
    was written before it gets its name: GDAL reports neither a full disk nor a broken block when it closes a file.

    Args:
        path: The raster to write; its folder exists.
        grid: Where its pixels lie.
        dtype: For example "uint8" or "float32".
        nodata: Stands where nothing is written; None: 0 stands there, and the file names no nodata value.
        count: Number of bands.
        descriptions: Names of the bands.
        tags: Metadata of the file, beside what the run says of itself (`stamp`).
        colours: Red, green, blue and opacity, 0 to 255, by value: the colour table of a file of classes.
        unit: Of the values, for people; it stands with every band, and as a tag of the file.

    Raises:
        OutputError: The folder is missing, read-only or full.
    """

    def __init__(
        self,
        path: Path,
        grid: Grid,
        dtype: str,
        nodata: float | None,
        count: int = 1,
        descriptions: Sequence[str] = (),
        tags: Mapping[str, Any] | None = None,
        colours: Mapping[int, tuple[int, int, int, int]] | None = None,
        unit: str = "",
    ) -> None:
        self.path = path
        self.grid = grid
        self.dtype = np.dtype(dtype)
        self.nodata = nodata
        self.count = count
        self.descriptions = descriptions
        self.unit = unit
        self.tags = stamped({**(tags or {}), **({"unit": unit} if unit else {})})
        self.colours = colours
        self._open = ExitStack()
        self._overviews: list[str] = []
        self._published = False

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self._folder = opening.enter_context(scratch_folder(self.path))
            with self._writing():
                self._pixels = RawPixels(self._folder / "pixels", (self.count, *self.grid.shape), self.dtype)
                opening.callback(self._pixels.close)
                self._pixels.fill(self.nodata or 0)
            self._open = opening.pop_all()
        return self

    def write(self, array: np.ndarray, row_off: int, col_off: int) -> None:
        """Writes (h, w) or (count, h, w) pixels with their upper left corner at this row and column.

        Raises:
            OutputError: The disk is full.
        """
        bands = np.ascontiguousarray(array if array.ndim == 3 else array[np.newaxis], dtype=self.dtype)
        n, height, width = bands.shape
        if n != self.count or min(row_off, col_off) < 0 \
                or row_off + height > self.grid.height or col_off + width > self.grid.width:
            raise ValueError(f"{bands.shape} at {row_off, col_off} does not fit into {self.count, *self.grid.shape}")
        with self._writing():
            self._pixels.write(bands, row_off, col_off)

    def written(self, top: int, bottom: int) -> Iterator[np.ndarray]:
        """Rows of the first band as they stand now, from the top, a few at a time: (h, W).

        Raises:
            OutputError: The disk fails.
        """
        with self._writing():
            for _, rows in self._pixels.stripes(0, top, bottom):
                yield rows

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._open:
            if kind is None and not self._published:
                self.publish()

    def publish(self) -> None:
        """Makes the file; nothing can be written afterwards.

        Raises:
            OutputError: The disk is full.
        """
        with self._writing():
            self._publish()
        self._published = True

    def _publish(self) -> None:
        description, cog = self._folder / "pixels.vrt", self._folder / "cog.tif"
        self.add_overviews()
        description.write_text(self._vrt(), encoding="utf-8")
        # Differences between neighbours help counts; probabilities and classes they make larger and slower. The lowest
        # level of compression takes half the time of the usual one for 4 % more bytes.
        predictor = "STANDARD" if self.dtype.kind != "f" and self.dtype.itemsize > 1 else "NO"
        with rasterio.Env(GDAL_PAM_ENABLED=False, GDAL_CACHEMAX=_CACHE_MB_WRITING * 2**20):
            rasterio.shutil.copy(description, cog, driver="COG", compress="DEFLATE", level=1, predictor=predictor,
                                 num_threads="ALL_CPUS", bigtiff="IF_SAFER")
            if not self._same_as_written(cog):
                raise RasterioError("what was written reads back differently")
        cog.replace(self.path)

    def add_overviews(self) -> None:
        """Makes the smaller images of the file from what is written so far; `publish` does where it was not done.

        Our own take a tenth of the time of GDAL's, which compresses them twice.

        Raises:
            OutputError: The disk is full.
        """
        if self._overviews:
            return
        with self._writing():
            self._halve()

    def _halve(self) -> None:
        level = self._pixels
        while max(level.shape[1:]) > _OVERVIEW_PX:
            level = level.halved(self._folder / f"half-{len(self._overviews) + 1}", self.nodata)
            self._open.callback(level.close)
            description = level.path.with_suffix(".vrt")
            bands = "".join(level.vrt_band(band, "") for band in range(self.count))
            _, height, width = level.shape
            description.write_text(f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}">{bands}</VRTDataset>',
                                   encoding="utf-8")
            self._overviews.append(description.name)

    def _same_as_written(self, cog: Path) -> bool:
        with rasterio.open(cog) as written:
            return all(
                written.read(band + 1, window=Window.from_slices(*part)).tobytes()
                == self._pixels.read(band, *part).tobytes()
                for band in range(self.count)
                for part in tiles(*self.grid.shape, _COMPARED_PX)
            )

    def _vrt(self) -> str:
        """The description with which GDAL reads the plain file."""
        grid = self.grid
        nodata = "" if self.nodata is None else f"<NoDataValue>{self.nodata}</NoDataValue>"
        colours = "" if self.colours is None else _colour_table(self.colours)
        unit = f"<UnitType>{escape(self.unit)}</UnitType>" if self.unit else ""
        names = [*self.descriptions, *[""] * (self.count - len(self.descriptions))]
        bands = "".join(
            self._pixels.vrt_band(band, f"<Description>{escape(name)}</Description>{unit}{colours}{nodata}" + "".join(
                f'<Overview><SourceFilename relativeToVRT="1">{overview}</SourceFilename>'
                f"<SourceBand>{band + 1}</SourceBand></Overview>" for overview in self._overviews
            ))
            for band, name in enumerate(names)
        )
        tags = "".join(f"<MDI key={quoteattr(key)}>{escape(value)}</MDI>" for key, value in self.tags.items())
        return (
            f'<VRTDataset rasterXSize="{grid.width}" rasterYSize="{grid.height}">'
            f"<SRS>{escape(rasterio.CRS.from_user_input(grid.crs).to_wkt())}</SRS>"
            f"<GeoTransform>{', '.join(repr(float(v)) for v in grid.transform.to_gdal())}</GeoTransform>"
            f"<Metadata>{tags}</Metadata>{bands}</VRTDataset>"
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except _GDAL_ERRORS as error:  # before OSError, which some of them are
            raise OutputError("output.failed", f"{self.path} could not be written completely.",
                              "The disk may be full: free some space or choose another folder.",
                              path=str(self.path)) from error
        except OSError as error:
            raise explain(error, self.path) from error


def _colour_table(colours: Mapping[int, tuple[int, int, int, int]]) -> str:
    entries = "".join('<Entry c1="{}" c2="{}" c3="{}" c4="{}"/>'.format(*colours.get(value, (0, 0, 0, 0)))
                      for value in range(256))
    return f"<ColorInterp>Palette</ColorInterp><ColorTable>{entries}</ColorTable>"


def _check_file(path: Path) -> None:
    if not path.exists():
        raise InputError("raster.missing", f"{path} does not exist.", "Check the path of the file.", path=str(path))
    if path.is_dir():
        raise InputError("raster.folder", f"{path} is a folder.", "Give the image file inside it.", path=str(path))
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise InputError("raster.no-permission", f"{path} cannot be opened ({error.strerror}).",
                         "Check the permissions of the file.", path=str(path)) from error
    if not start:
        raise InputError("raster.empty", f"{path} is an empty file.", "Copy or download the file again.",
                         path=str(path))
    if start.startswith(b"version https://git-lfs"):
        raise InputError("raster.lfs-pointer", f"{path} is only a pointer of Git LFS, not the file itself.",
                         "Fetch the file with `git lfs pull`, or download it from the web page of its repository.",
                         path=str(path))
