"""CPU milliseconds of byzfl's rules (PyPI, MIT) on twenty updates of d numbers, one thread, the best of several runs.

    python robust_byzfl.py d runs

Prints one JSON object: rule -> {"numpy": ms, "torch": ms}. Only the folder of aggregators is loaded, because the package
also imports its benchmark, which wants far more.
"""

import importlib.util
import json
import os
import sys
import time
import types

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402

folder = os.path.dirname(importlib.util.find_spec("byzfl").origin)
package = types.ModuleType("byzfl")
package.__path__ = [folder]
sys.modules["byzfl"] = package
from byzfl.aggregators import aggregators as rules  # noqa: E402
from byzfl.aggregators import preaggregators as steps  # noqa: E402

COUNT, ATTACKERS = 20, 4


def contenders(x):
    f = ATTACKERS
    radius = float(np.median(np.linalg.norm(np.asarray(x), axis=1)))
    return {
        "mean": lambda: rules.Average()(x),
        "median": lambda: rules.Median()(x),
        "trimmed": lambda: rules.TrMean(f)(x),
        "krum": lambda: rules.Krum(f)(x),
        "multi-krum": lambda: rules.MultiKrum(f)(x),
        "centred-clip:1,1": lambda: rules.CenteredClipping(L=1, tau=radius)(x),
        "geometric-median": lambda: rules.GeometricMedian()(x),
        "minimum-diameter": lambda: rules.MDA(f)(x),
        "nnm|trimmed": lambda: rules.TrMean(f)(steps.NNM(f)(x)),
    }


def milliseconds(run, runs):
    best = float("inf")
    for _ in range(runs):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return 1000 * best


def main():
    size, runs = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    x = np.random.default_rng(1).normal(size=(COUNT, size)).astype(np.float32)
    found = {}
    for kind, vectors in (("numpy", x), ("torch", torch.from_numpy(x))):
        for name, run in contenders(vectors).items():
            found.setdefault(name, {})[kind] = milliseconds(run, runs)
    json.dump(found, sys.stdout)


main()
