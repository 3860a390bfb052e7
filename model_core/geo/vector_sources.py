"""Finds the file and the layer that a text such as "slides.gpkg|layername=2015" means."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyogrio
from pyogrio.errors import DataSourceError, GeometryError

from ..contract.errors import InputError
from ..contract.paths import is_path

# Otherwise GDAL leaves an .aux.xml beside every GeoPackage that it reads and that has metadata.
pyogrio.set_gdal_config_options({"GDAL_PAM_ENABLED": False})

_IN_ARCHIVES = (".shp", ".gpkg", ".geojson", ".fgb")


@dataclass(frozen=True)
class Source:
    """A layer that can be read.

    Attributes:
        dataset: What OGR opens.
        layer: Name of the layer.
        where: Filter that QGIS put on the layer ("subset"), or None.
        messages: Choices made for the analyst, in plain words.
    """

    dataset: str
    layer: str
    where: str | None
    messages: tuple[str, ...]


def find_layer(source: str | Path, layer: str | None, role: str) -> Source:
    """Chooses the layer: `layer`, else the one named in `source`, else one called like `role`, else the first.

    Raises:
        InputError: No such file or layer, not a vector file, or no layer of polygons in it.
    """
    dataset, options = _parse(str(source))
    dataset, kinds = _open(dataset, role)
    names = list(kinds)
    wanted = layer or options.get("layername")
    if wanted is None and "layerid" in options:
        wanted = names[int(options["layerid"])] if int(options["layerid"]) < len(names) else options["layerid"]
    if wanted is not None and wanted not in kinds:
        raise InputError(
            "vector.layer-missing",
            f"{dataset} ({role}) has no layer named {wanted}.",
            f"Its layers are: {', '.join(names)}." if names else "It has no layers at all.",
            path=dataset,
            layer=wanted,
            layers=names,
        )
    usable = [name for name in ([wanted] if wanted else names) if _may_hold_polygons(kinds[name])]
    if not usable:
        raise not_polygons(dataset, role, {kinds[name] or "no geometry" for name in ([wanted] if wanted else names)})
    chosen = next((name for name in usable if name.lower() in (role, role.replace(" ", "_"))), usable[0])
    said = () if len(usable) == 1 else (f"{dataset} has the layers {', '.join(usable)}; {chosen} is used.",)
    return Source(dataset, chosen, options.get("subset"), said)


def not_polygons(dataset: str, role: str, kinds: set[str]) -> InputError:
    """The error for a layer of lines or points."""
    words = {word for kind in kinds for word in ("line", "point") if word in kind.lower()}
    found = " and ".join(f"{word}s" for word in sorted(words)) or "nothing that could be used"
    return InputError(
        "vector.not-polygons",
        f"{dataset} ({role}) holds {found}, but no polygons.",
        "Give a layer of polygons; QGIS turns closed lines into them (Vector > Geometry Tools > Lines to Polygons).",
        path=dataset,
        role=role,
    )


def _parse(text: str) -> tuple[str, dict[str, str]]:
    """Takes QGIS's way of naming a layer apart; the filter comes last and may hold bars itself."""
    text, has_subset, subset = text.partition("|subset=")
    dataset, *rest = text.split("|")
    options = dict(part.split("=", 1) for part in rest if "=" in part)
    if has_subset:
        options["subset"] = subset
    return dataset, options


def _open(dataset: str, role: str) -> tuple[str, dict[str, str | None]]:
    """The dataset, or the one inside a zip archive, and its layers with their geometry types."""
    if is_path(dataset) and not Path(dataset).exists():
        raise InputError(
            "vector.missing", f"There is no file {dataset} ({role}).", "Check the path.", path=dataset
        )
    try:
        return dataset, dict(pyogrio.list_layers(dataset).tolist())
    except (DataSourceError, GeometryError) as error:
        inside = _in_archive(dataset) if is_path(dataset) and zipfile.is_zipfile(dataset) else None
        if inside:
            return _open(inside, role)
        raise InputError(
            "vector.unreadable",
            f"{dataset} ({role}) cannot be read as a vector layer.",
            "Give a GeoPackage, shapefile, GeoJSON or another file that QGIS opens as polygons.",
            path=dataset,
            reason=str(error),
        ) from error


def _in_archive(archive: str) -> str | None:
    """What to open in an archive that OGR does not open by itself, because its files lie in a folder."""
    with zipfile.ZipFile(archive) as opened:
        files = [PurePosixPath(name) for name in opened.namelist() if name.lower().endswith(_IN_ARCHIVES)]
    root = f"/vsizip/{Path(archive).as_posix()}"
    if len(files) == 1:
        return f"{root}/{files[0]}"
    folders = {file.parent for file in files}
    if len(folders) == 1 and all(file.suffix.lower() == ".shp" for file in files):
        return f"{root}/{folders.pop()}"
    if not files:
        return None
    raise InputError(
        "vector.archive-ambiguous",
        f"{archive} holds several vector files.",
        f"Name one of them, for example {root}/{files[0]}.",
        path=archive,
        files=[str(file) for file in files],
    )


def _may_hold_polygons(kind: str | None) -> bool:
    return kind is not None and any(word in kind for word in ("Polygon", "GeometryCollection", "Unknown"))
