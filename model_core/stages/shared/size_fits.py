"""The distribution of landslide sizes: what can be fitted, what is refused, and both in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays.frequency import magnitude_mls
from ...arrays.inverse_gamma import MIN_AREAS, InverseGamma, fit_inverse_gamma
from ...arrays.power_law import MIN_TAIL, RULED_OUT, PowerLaw, bootstrap_distances, fit_power_law
from ...contract.events import Report

FITTED, UNLIKE, TOO_FEW = "fitted", "ruled out", "too few"
NOT_ASSESSED = "not assessed"
ROLLOVER, NO_ROLLOVER = "fitted", "none told"


@dataclass(frozen=True)
class SizeFits:
    """What the sizes of some landslides say.

    Attributes:
        areas_m2: (n,) the sizes that were used.
        power_law: The tail, also where it is refused.
        p_value: Of the power law; None where it was not assessed.
        inverse_gamma: Of all sizes; None for too few.
        mls: Landslide-event magnitude by Tanyas et al. 2018; None without a power law.
    """

    areas_m2: np.ndarray
    power_law: PowerLaw | None
    p_value: float | None
    inverse_gamma: InverseGamma | None
    mls: float | None

    @property
    def tail(self) -> str:
        """Whether the power law may be used: FITTED, UNLIKE or TOO_FEW."""
        if self.power_law is None or self.power_law.n_tail < MIN_TAIL:
            return TOO_FEW
        return UNLIKE if self.p_value is not None and self.p_value < RULED_OUT else FITTED

    @property
    def peak(self) -> str:
        """Whether there is a rollover: ROLLOVER, NO_ROLLOVER or TOO_FEW."""
        if self.inverse_gamma is None:
            return TOO_FEW
        return NO_ROLLOVER if self.inverse_gamma.rollover_m2 is None else ROLLOVER


def fit_sizes(areas_m2: np.ndarray, repetitions: int, seed: int, report: Report) -> SizeFits:
    """Fits tail and whole distribution; a tail below the bound is kept for show, without p-value and magnitude.

    Args:
        areas_m2: (n,) of whole landslides.
        repetitions: Samples behind the p-value; 0 for none.
        seed: Of the random numbers.
        report: Told the progress.
    """
    power_law = fit_power_law(areas_m2)
    p_value = mls = None
    if power_law is not None and power_law.n_tail >= MIN_TAIL:
        mls = magnitude_mls(areas_m2, power_law.xmin_m2, power_law.alpha)
        worse = 0
        samples = bootstrap_distances(areas_m2, power_law, repetitions, seed)
        for done, (distance, observed) in enumerate(samples, start=1):
            worse += distance >= observed
            report.progress(done / repetitions)
        p_value = worse / repetitions if repetitions else None
    report.check()
    return SizeFits(areas_m2, power_law, p_value, fit_inverse_gamma(areas_m2), mls)


def size_row(fits: SizeFits, n_landslides: int) -> dict[str, Any]:
    """The flat row of a table; what does not apply is None. `n_landslides` counts those at the border too."""
    law, gamma = fits.power_law, fits.inverse_gamma
    return {
        "sizes": len(fits.areas_m2),
        "power_law": fits.tail,
        "alpha": law and law.alpha,
        "alpha_se": law and law.alpha_se,
        "xmin_m2": law and law.xmin_m2,
        "tail": law and law.n_tail,
        "ks": law and law.ks,
        "p": fits.p_value,
        "inverse_gamma": fits.peak,
        "rho": gamma and gamma.rho,
        "a_m2": gamma and gamma.a_m2,
        "s_m2": gamma and gamma.s_m2,
        "truncated_at_m2": gamma and gamma.from_m2,
        "rollover_m2": gamma and gamma.rollover_m2,
        "rollover_low_m2": gamma and gamma.rollover_low_m2,
        "rollover_high_m2": gamma and gamma.rollover_high_m2,
        "p_no_rollover": gamma and gamma.p_no_rollover,
        "mL": math.log10(n_landslides) if n_landslides else None,
        "mLS": fits.mls,
        "mLS_interval": None if fits.mls is None else NOT_ASSESSED,
    }


def size_sentences(fits: SizeFits) -> list[str]:
    """What an analyst must know before using the numbers, one sentence each."""
    law, gamma = fits.power_law, fits.inverse_gamma
    if len(fits.areas_m2) == 0:
        return []
    said = []
    if law is None:
        said.append("No power law: fewer than two landslides of different sizes.")
    elif fits.tail == TOO_FEW:
        said.append(f"No power law: {law.n_tail} landslides in the tail (from {law.xmin_m2:,.0f} m² on) are too few, "
                    f"{MIN_TAIL} are needed; its alpha of {law.alpha:.2f} is below the bound.")
    elif fits.tail == UNLIKE:
        said.append(f"A power law is ruled out (its p is below {RULED_OUT:g}): alpha and mLS describe the tail only "
                    "roughly.")
    if gamma is None:
        said.append(f"No inverse gamma distribution: fewer than {MIN_AREAS} landslides.")
    elif gamma.rollover_m2 is None:
        said.append(f"No rollover can be told: the sizes fit a steady decline from the smallest mapped ones "
                    f"({gamma.from_m2:,.0f} m²) on as well, or its peak lies below that.")
    return said
