"""Writes set_metrics.json: kernel distance, inception score, precision and recall of small sets by NumPy and SciPy.

Each goes another way than the code under test: the kernel pair by pair in plain loops, entropies by scipy.stats,
neighbours by a k-d tree instead of matrix products.
Run: python3 test/golden/make_set_metrics.py
"""

import json
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import softmax
from scipy.stats import entropy


def kernel(x, y):
    return (float(np.dot(x, y)) / len(x) + 1) ** 3


def unbiased_mmd2(a, b):
    m, n = len(a), len(b)
    within_a = sum(kernel(a[i], a[j]) for i in range(m) for j in range(m) if i != j)
    within_b = sum(kernel(b[i], b[j]) for i in range(n) for j in range(n) if i != j)
    between = sum(kernel(x, y) for x in a for y in b)
    return within_a / (m * (m - 1)) + within_b / (n * (n - 1)) - 2 * between / (m * n)


def inception_score(probabilities, splits):
    scores = []
    for i in range(splits):
        part = probabilities[i * len(probabilities) // splits : (i + 1) * len(probabilities) // splits]
        scores.append(np.exp(np.mean([entropy(row, part.mean(0)) for row in part])))
    return float(np.mean(scores)), float(np.std(scores))


def coverage(centres, points, k):
    """The share of points within the distance of some centre to its k-th neighbour among the centres."""
    radii = cKDTree(centres).query(centres, k + 1)[0][:, -1]  # the nearest is the centre itself
    inside = [any(np.linalg.norm(point - c) <= r for c, r in zip(centres, radii)) for point in points]
    return float(np.mean(inside))


rng = np.random.default_rng(17)
a = np.round(rng.standard_normal((24, 5)) @ rng.standard_normal((5, 5)) + 1, 5)
b = np.round(rng.standard_normal((24, 5)) @ rng.standard_normal((5, 5)), 5)
logits = np.round(rng.standard_normal((43, 7)) * 3, 5)
mean, deviation = inception_score(softmax(logits, axis=1), 4)
real = np.round(rng.standard_normal((60, 3)), 5)
made = np.round(rng.standard_normal((50, 3)) * [1.4, 1, 0.5] + [0.8, 0, 0], 5)
golden = {
    "kernel": {"width": 5, "a": a.ravel().tolist(), "b": b.ravel().tolist(), "mmd2": unbiased_mmd2(a, b)},
    "inception": {
        "classes": 7,
        "splits": 4,
        "logits": logits.ravel().tolist(),
        "mean": mean,
        "deviation": deviation,
    },
    "neighbours": {
        "width": 3,
        "real": real.ravel().tolist(),
        "made": made.ravel().tolist(),
        "precision": {k: coverage(real, made, k) for k in (1, 3, 5)},
        "recall": {k: coverage(made, real, k) for k in (1, 3, 5)},
    },
}
Path(__file__).with_name("set_metrics.json").write_text(json.dumps(golden) + "\n")
