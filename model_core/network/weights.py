"""Weights files: `.weights.h5`, nothing but numbers. A file that is something else is refused before it is loaded."""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy as np

from ..contract.card import sha256
from ..contract.errors import ModelError

SUFFIX = ".weights.h5"

_LFS = b"version https://git-lfs"
_OVERHEAD_BYTES = 2**20  # what HDF5 needs beside the numbers, at most
_FIRST_KERNEL = "layers/conv2d/vars/0"  # (3, 3, bands, filters)

Shapes = list[tuple[int, ...]]


def save(model: keras.Model, path: Path, *, half: bool = False) -> str:
    """Writes the weights beside `path` and renames them; returns the file's SHA-256 in hexadecimal.

    Args:
        model: Compiled or not; the optimiser's state, twice as large as the weights, is left out.
        path: Ends in `.weights.h5`.
        half: Store kernels as float16, in half the bytes, for models to be shipped. Loading gives float32 again.
    """
    partial = path.with_name(f".{path.name.removesuffix(SUFFIX)}.partial{SUFFIX}")
    try:
        claim_room(partial, model.weights)
        _uncompiled(model).save_weights(partial)
        if half:
            _halve(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return sha256(path)


def claim_room(path: Path, variables: list[keras.Variable]) -> None:
    """Finds out whether the disk has room for these numbers: HDF5, which does not, crashes the process at its end.

    Raises:
        OSError: It has not.
    """
    need = sum(int(np.prod(variable.shape)) * 4 for variable in variables) + _OVERHEAD_BYTES
    block = bytes(_OVERHEAD_BYTES)
    try:
        with path.open("wb") as file:
            for start in range(0, need, len(block)):
                file.write(block[: need - start])
    finally:
        path.unlink(missing_ok=True)


def load(model: keras.Model, path: Path, digest: str | None = None) -> None:
    """Puts the file's weights into the model. Runs no code from the file, whatever it is.

    Args:
        model: From `build_unet`.
        path: From `save`.
        digest: SHA-256 that the file must have; None: not checked.

    Raises:
        ModelError: The file is missing, damaged, something else, or of another network. The model is then unchanged.
    """
    found, expected = _shapes(path), sorted(tuple(w.shape) for w in model.weights)
    if digest is not None and sha256(path) != digest:
        raise ModelError("weights.checksum", f"The checksum of the weights {path.name} is not the expected one.",
                         "Copy weights and card again from where they were made.", path=str(path))
    if sorted(found.values()) != expected:
        raise _misfit(path, found, model)
    _uncompiled(model).load_weights(path)


def _uncompiled(model: keras.Model) -> keras.Model:
    """The same layers without the optimiser."""
    # The name stands in the file; Keras' own would count the models of the process, and the checksum change with it.
    return keras.Model(model.inputs, model.outputs, name=model.name)


def _halve(path: Path) -> None:
    """Rewrites kernels as float16; a new file, because HDF5 keeps the space of what is deleted."""
    smaller = path.with_name(f"{path.name}.half")
    try:
        with h5py.File(path) as source, h5py.File(smaller, "w") as target:

            def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
                if isinstance(item, h5py.Dataset):
                    # Statistics and biases stay: variances can exceed float16, and they are few.
                    target.create_dataset(name, data=item[()].astype(np.float16) if item.ndim > 1 else item[()])
                else:
                    target.require_group(name).attrs.update(item.attrs)

            source.visititems(copy)
        smaller.replace(path)
    finally:
        smaller.unlink(missing_ok=True)


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the weights in a file by their place, after a look at whether it is a weights file at all."""
    try:
        with path.open("rb") as stream:
            start = stream.read(len(_LFS))
    except OSError as error:
        raise ModelError("weights.missing", f"The weights {path} cannot be read.",
                         "Keep weights and card in the same folder.", path=str(path)) from error
    if not start:
        raise _refused(path, "is empty", "Copy or download it again.")
    if start == _LFS:
        raise _refused(path, "is a Git LFS pointer, not the weights themselves", "Fetch them with `git lfs pull`.")
    found: dict[str, tuple[int, ...]] = {}
    try:
        with h5py.File(path) as file:
            whole_model = "model_config" in file.attrs or "model_weights" in file
            if "layers" in file:
                file["layers"].visititems(
                    lambda name, item: found.update({f"layers/{name}": item.shape}) if hasattr(item, "shape") else None
                )
    except OSError as error:
        raise _refused(path, "is damaged or no HDF5 file", "Copy or download it again.") from error
    if whole_model:
        raise _refused(path, "is a whole model of an old Keras version, which can hold program code; nothing of it was "
                       "run", "Use weights that this tool has trained.")
    if not found:
        raise _refused(path, "holds no weights of this tool", f"Choose a *{SUFFIX} file that this tool has written.")
    return found


def _misfit(path: Path, found: dict[str, tuple[int, ...]], model: keras.Model) -> ModelError:
    ours = tuple(model.get_layer("encoder_1_conv_1").kernel.shape)
    theirs = found.get(_FIRST_KERNEL, ())
    if len(theirs) != len(ours):
        difference = "are of another kind of network"
    elif theirs != ours:
        difference = (f"are for {theirs[2]} bands and {theirs[3]} filters, the network here has {ours[2]} bands and "
                      f"{ours[3]} filters")
    else:
        difference = "are of a network with other up-convolutions (scaled or paper)"
    return ModelError("weights.misfit", f"The weights {path.name} {difference}.",
                      "Use the model card that belongs to the weights.", path=str(path))


def _refused(path: Path, what: str, hint: str) -> ModelError:
    return ModelError("weights.refused", f"The weights file {path.name} {what}.", hint, path=str(path))
