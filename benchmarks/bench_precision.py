"""Claim: where the processor has bfloat16, it trains and predicts at least 1.5 times as fast as float32.

Both precisions take turns in one run, so what else the machine does meets both; medians are compared.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from model_core.network import backend

FILTERS, BATCH, PATCH_PX, WINDOW_PX, N_BANDS = 32, 32, 128, 1024, 5
ROUNDS = 5


def main():
    device = backend.setup(seed=0)
    print(f"{device.name}, {device.threads} threads, {device.backend} {device.backend_version}. {device.reason}")
    from model_core.network.inference import Predictor
    from model_core.network.losses import Tversky
    from model_core.network.unet import build_unet

    rng = np.random.default_rng(0)
    patches = rng.normal(size=(BATCH, PATCH_PX, PATCH_PX, N_BANDS)).astype(np.float32)
    targets = np.ones((BATCH, PATCH_PX, PATCH_PX, 2), np.float32)
    window = rng.normal(size=(1, WINDOW_PX, WINDOW_PX, N_BANDS)).astype(np.float32)

    work = {}
    for precision, policy in (("float32", "float32"), ("bfloat16", "mixed_bfloat16")):
        model = build_unet(N_BANDS, FILTERS, policy=policy)
        model.compile("adam", Tversky())
        work["training step", precision] = lambda model=model: model.train_on_batch(patches, targets)
        predictor = Predictor(model)
        work[f"predicting {WINDOW_PX} px", precision] = lambda predictor=predictor: predictor.predict(window)
    seconds = {key: [] for key in work}
    for step in work.values():
        step()  # compiles
    for _ in range(ROUNDS):
        for key, step in work.items():
            start = time.perf_counter()
            step()
            seconds[key].append(time.perf_counter() - start)

    print(f"{'':20}{'float32 [s]':>14}{'bfloat16 [s]':>14}{'ratio':>8}")
    for name in dict.fromkeys(name for name, _ in work):
        slow, fast = (np.median(seconds[name, precision]) for precision in ("float32", "bfloat16"))
        print(f"{name:20}{slow:14.3f}{fast:14.3f}{slow / fast:8.2f}")


if __name__ == "__main__":
    main()
