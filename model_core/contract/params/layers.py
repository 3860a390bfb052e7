"""What layers of landslides are, and what tells how far a map of them errs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Sequence, Tuple

from ..errors import UsageError
from ..fields import param
from ..paths import NONE

MANUAL, PREDICTED, INVENTORY = "manual", "predicted", "inventory"
NOT_STATED = "not stated"


@dataclass(frozen=True)
class UsedInputs:
    """What the layers are."""

    used: Tuple[str, ...] = param((), label="Used", help="What the landslides are: drawn by hand, predicted by a "
                                  "network, or an inventory from elsewhere. One word for all layers, or one for each. "
                                  "Default: manual for a series; predicted for maps of this tool.",
                                  choices=(MANUAL, PREDICTED, INVENTORY), group="Input")

    def check_used(self) -> None:
        """Raises UsageError where the words do not fit the layers."""
        check_number(self, "used", one_for_all=True)

    def used_of(self, position: int) -> Optional[str]:
        """What was said of the layer at this position; None: nothing."""
        return entry(self.used, position)


@dataclass(frozen=True)
class ReferenceInputs(UsedInputs):
    """What the layers are, and drawn landslides that tell how far maps among them err."""

    reference: Tuple[str, ...] = param((), label="Reference", help="Landslides drawn by hand, one layer for each layer "
                                       "of landslides, - where there is none. They tell how far a map errs; without "
                                       "them the intervals of its numbers are not assessed.", role="vector",
                                       group="Input")
    reference_ground: Tuple[str, ...] = param((), label="Ground of the reference", help="Polygons of the ground that "
                                              "was searched completely for the reference: one layer for all, or one "
                                              "for each, - for all observed ground. Default: all observed ground.",
                                              role="vector", group="Input", advanced=True)

    def check_reference(self) -> None:
        """Raises UsageError where references or words do not fit the layers."""
        self.check_used()
        check_number(self, "reference")
        check_number(self, "reference_ground", one_for_all=True)
        if self.reference_ground and not self.reference:
            raise UsageError("params.no-reference", "Ground of a reference is given, but no reference.",
                             "Give the drawn landslides (--reference), or leave --reference-ground out.")

    def reference_of(self, position: int) -> Tuple[Optional[str], Optional[str]]:
        """Reference and its ground for the layer at this position."""
        return entry(self.reference, position), entry(self.reference_ground, position)


def entry(values: Sequence[str], position: int) -> Optional[str]:
    """What a list with one entry for all layers, or one for each, says of a layer; None where it says nothing."""
    value = values[position if len(values) > 1 else 0] if values else NONE
    return None if value == NONE else value


def check_number(params: Any, name: str, *, one_for_all: bool = False) -> None:
    """Raises UsageError unless a list is empty, or has an entry for each layer of landslides, or one for all."""
    values, n = getattr(params, name), len(params.landslides)
    if values and len(values) != n and not (one_for_all and len(values) == 1):
        label = type(params).__dataclass_fields__[name].metadata["label"]
        layers = f"{n} layer{'' if n == 1 else 's'} of landslides" if n else "a series without other layers"
        raise UsageError("params.number-of-layers", f"{label} ({name}) with {len(values)} "
                         f"entr{'y' if len(values) == 1 else 'ies'} does not fit {layers}.",
                         "Leave it out, or give one for each layer.", name=name)
