"""Writes statistics.npz and statistics_compressed.npz: the mean and covariance of the vectors `a` of frechet.json.

The first is np.savez's, the second compressed, with the covariance in column-major order and float32, and a
third array that says nothing here.
Run: python3 test/golden/make_statistics.py

With --read it prints a file's arrays as JSON instead, so that files written elsewhere can be checked by NumPy.
"""

import json
import sys
from pathlib import Path

import numpy as np


def write():
    golden = json.loads(Path(__file__).with_name("frechet.json").read_text())
    a = np.reshape(golden["a"], (-1, golden["width"]))
    mu, sigma = a.mean(0), np.cov(a, rowvar=False)
    np.savez(Path(__file__).with_name("statistics.npz"), mu=mu, sigma=sigma)
    columns = np.asfortranarray(sigma.astype(np.float32))
    path = Path(__file__).with_name("statistics_compressed.npz")
    np.savez_compressed(path, mu=mu.astype(np.float32), sigma=columns, label=np.array(["other"]))


def read(path):
    with np.load(path) as file:
        arrays = {
            name: {"dtype": str(file[name].dtype), "shape": file[name].shape, "values": file[name].ravel().tolist()}
            for name in file.files
        }
    print(json.dumps(arrays))


if sys.argv[1:2] == ["--read"]:
    read(sys.argv[2])
else:
    write()
