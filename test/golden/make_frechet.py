"""Writes frechet.json: two small sets of feature vectors and their Fréchet distance by NumPy and SciPy.

The matrix square root here is SciPy's general one (Schur), not the symmetric route of the code under test.
Run: python3 test/golden/make_frechet.py
"""

import json
from pathlib import Path

import numpy as np
from scipy import linalg


def vectors(rng, n, mixing, mean):
    return np.round(rng.standard_normal((n, len(mean))) @ mixing + mean, 5)


def distance(a, b):
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.real(linalg.sqrtm(s1 @ s2))
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s1 + s2 - 2 * root))


rng = np.random.default_rng(7)
width = 6
a = vectors(rng, 40, rng.standard_normal((width, width)), rng.standard_normal(width) * 3)
b = vectors(rng, 55, rng.standard_normal((width, width)) * 0.7, rng.standard_normal(width) * 3)
golden = {
    "width": width,
    "a": a.ravel().tolist(),
    "b": b.ravel().tolist(),
    "meanA": a.mean(0).tolist(),
    "covarianceA": np.cov(a, rowvar=False).ravel().tolist(),
    "distance": distance(a, b),
}
Path(__file__).with_name("frechet.json").write_text(json.dumps(golden) + "\n")
