"""CPU seconds to train on one core, beside CatBoost at its defaults on the same table.

    python benchmarks/training.py [--rows 7000] [--features 20]

The label depends on a sum and a product of features, and on chance. Starting Python and importing
the libraries is not counted. Needs ``pip install catboost``.
"""

from __future__ import annotations

import argparse
import datetime
import os
import time
from collections.abc import Callable

import numpy as np
from catboost import CatBoostClassifier
from scoring import processor
from threadpoolctl import threadpool_limits

from medchain.detect.train import fit


def main() -> None:
    """Train with labels, without, and the peer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=7000)
    parser.add_argument("--features", type=int, default=20)
    options = parser.parse_args()
    threadpool_limits(1)
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    import medchain.detect.network  # noqa: F401  before the clock starts

    random = np.random.default_rng(0)
    x = random.normal(size=(options.rows, options.features)).round(4)
    y = (x[:, 0] + x[:, 1] * x[:, 2] + random.normal(size=len(x)) > 1.8).astype(int)
    columns = [f"feature {place}" for place in range(options.features)]
    rows = [[repr(value) for value in row] for row in x.tolist()]
    labelled = [[*row, str(label)] for row, label in zip(rows, y, strict=True)]
    peer = CatBoostClassifier(verbose=0, thread_count=1, allow_writing_files=False)
    print(f"{processor()}, {datetime.date.today()}, {options.rows} x {options.features}")
    print(f"with labels     {seconds(lambda: fit([*columns, 'y'], labelled, label='y')):6.1f} s")
    print(f"without labels  {seconds(lambda: fit(columns, rows)):6.1f} s")
    print(f"CatBoost        {seconds(lambda: peer.fit(x, y)):6.1f} s")


def seconds(call: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


if __name__ == "__main__":
    main()
