"""Weight matching of two MLPs with numpy and scipy: weight_matching.py <reference> <model> <widths as JSON> <starts>.

Both files are float32, layer after layer: kernel [inputs, units], then bias. Coordinate ascent over the hidden layers in random
order (Ainsworth et al., 2023, algorithm 1), gains by numpy's matrix product, assignments by scipy, until a sweep changes
nothing. Then the first layer's assignment alone, several times. Prints one line of JSON: seconds of CPU of each start, sweeps,
objective, milliseconds of an assignment. Needs numpy and scipy.
"""

import json
import sys
import time

import numpy
import scipy
from scipy.optimize import linear_sum_assignment


def read(path, widths):
    flat = numpy.fromfile(path, numpy.float32)
    layers, at = [], 0
    for inputs, units in zip(widths, widths[1:]):
        kernel = flat[at : at + inputs * units].reshape(inputs, units)
        at += inputs * units
        layers.append((kernel, flat[at : at + units]))
        at += units
    return layers


def gains(a, b, orders, layer):
    (kernel_a, bias_a), (kernel_b, bias_b) = a[layer], b[layer]
    (next_a, _), (next_b, _) = a[layer + 1], b[layer + 1]
    before = kernel_b if layer == 0 else kernel_b[orders[layer - 1]]
    after = next_b if layer + 1 == len(orders) else next_b[:, orders[layer + 1]]
    return kernel_a.T @ before + numpy.outer(bias_a, bias_b) + next_a @ after.T


def match(a, b, rng):
    orders = [numpy.arange(len(bias)) for _, bias in a[:-1]]
    for sweep in range(1, 101):
        changed = False
        for layer in rng.permutation(len(orders)):
            gain = gains(a, b, orders, layer)
            order = linear_sum_assignment(gain, maximize=True)[1]
            rows = numpy.arange(len(order))
            rise = gain[rows, order].sum(dtype=float) - gain[rows, orders[layer]].sum(dtype=float)
            if rise > 1e-6 * abs(gain[rows, order].sum(dtype=float)):
                orders[layer] = order
                changed = True
        if not changed:
            break
    return orders, sweep


def objective(a, b, orders):
    total, before = 0.0, None
    for layer, ((kernel_a, bias_a), (kernel_b, bias_b)) in enumerate(zip(a, b)):
        moved = kernel_b if before is None else kernel_b[before]
        if layer < len(orders):
            before = orders[layer]
            moved, bias_b = moved[:, before], bias_b[before]
            total += numpy.dot(bias_a.astype(float), bias_b)
        total += numpy.sum(kernel_a.astype(float) * moved)
    return total


def cpu(call):
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


reference_path, model_path, widths, starts = sys.argv[1:]
a, b = (read(path, json.loads(widths)) for path in (reference_path, model_path))
seconds, sweeps, objectives = [], [], []
for seed in range(int(starts)):
    taken, (orders, count) = cpu(lambda: match(a, b, numpy.random.default_rng(seed)))
    seconds.append(taken)
    sweeps.append(count)
    objectives.append(objective(a, b, orders))
first = gains(a, b, [numpy.arange(len(bias)) for _, bias in a[:-1]], 0).astype(float)
assignment = min(cpu(lambda: linear_sum_assignment(first, maximize=True))[0] for _ in range(12))
print(
    json.dumps(
        {
            "versions": f"numpy {numpy.__version__}, scipy {scipy.__version__}",
            "seconds": seconds,
            "sweeps": sweeps,
            "objectives": objectives,
            "assignmentMs": 1000 * assignment,
        }
    )
)
