"""The model of `benches/kernel.rs` in numpy, one thread: what the kernel is compared with.

    OMP_NUM_THREADS=1 python risk/benches/numpy_reference.py

Two ways: `normals` draws epsilon for each name and scenario, as the model is written; `uniforms` draws U and compares it
with Phi of the threshold, by scipy where it is there.
"""

import sys
import time

import numpy as np

CHUNK = 2_000


def book(names):
    n = np.arange(names)
    exposure = 50_000_000 + n * 7_919 % 100_000_000
    pd = (2_000_000 + n * 15_485 % 16_000_000) / 1e9
    a = np.sqrt(0.1 + 0.2 * (n * 31 % 100) / 100)
    return np.round(0.45 * exposure).astype(np.int64), pd, a


def quantile(p):
    """Phi^-1 by bisection; set-up only."""
    from math import erfc, sqrt

    low, high = -9.0, 9.0
    for _ in range(80):
        middle = (low + high) / 2
        if 0.5 * erfc(-middle / sqrt(2)) < p:
            low = middle
        else:
            high = middle
    return low


def normals(rng, losses, c, a, scenarios):
    own = np.sqrt(1 - a * a)
    total = np.empty(scenarios, np.int64)
    for first in range(0, scenarios, CHUNK):
        count = min(CHUNK, scenarios - first)
        z = rng.standard_normal((count, 1))
        x = rng.standard_normal((count, len(a)))
        x *= own
        x += a * z
        total[first : first + count] = (x < c) @ losses.astype(np.float64)
    return total


def uniforms(rng, losses, c, a, scenarios):
    from scipy.special import ndtr

    own = np.sqrt(1 - a * a)
    total = np.empty(scenarios, np.int64)
    for first in range(0, scenarios, CHUNK):
        count = min(CHUNK, scenarios - first)
        z = rng.standard_normal((count, 1))
        p = ndtr((c - a * z) / own)
        u = rng.random((count, len(a)))
        total[first : first + count] = (u < p) @ losses.astype(np.float64)
    return total


def main():
    ways = [normals]
    try:
        import scipy.special  # noqa: F401

        ways.append(uniforms)
    except ImportError:
        print("no scipy: normals only")
    sizes = [int(size) for size in sys.argv[1:]] or [100, 1_000, 10_000]
    print(f"numpy {np.__version__}")
    for names in sizes:
        losses, pd, a = book(names)
        c = np.array([quantile(p) for p in pd])
        for way in ways:
            scenarios = 20_000_000 // names
            rng = np.random.Generator(np.random.Philox(1))
            start, used = time.perf_counter(), time.process_time()
            total = way(rng, losses, c, a, scenarios)
            wall, cpu = time.perf_counter() - start, time.process_time() - used
            q = np.quantile(total, 0.99)
            print(
                f"{way.__name__:9} {names:6} names: {scenarios / wall:12,.0f} scenarios/s wall,"
                f" {scenarios / cpu:12,.0f} a cpu second; EL {total.mean():.4g}, VaR 99 {q:.4g}"
            )


if __name__ == "__main__":
    main()
