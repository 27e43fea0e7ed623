"""Writes image_metrics.json: pairs of small RGB images with their PSNR and SSIM by NumPy.

SSIM follows Wang et al. 2004, section III.C, window by window: weighted means, then weighted sums of products of the
deviations from them (the code under test blurs squares and subtracts). Luma is (77 R + 150 G + 29 B) / 256 rounded.
Where scikit-image is installed, its function under the settings of docs/evaluation.md must give the same.
Run: python3 test/golden/make_image_metrics.py
"""

import base64
import json
from pathlib import Path

import numpy as np


def luma(image):
    r, g, b = np.moveaxis(image.astype(int), -1, 0)
    return np.floor((77 * r + 150 * g + 29 * b) / 256 + 0.5)


def ssim(a, b, size=11, sigma=1.5, c1=(0.01 * 255) ** 2, c2=(0.03 * 255) ** 2):
    y, x = np.mgrid[:size, :size] - size // 2
    window = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    window /= window.sum()
    a, b = luma(a), luma(b)
    found = []
    for top in range(a.shape[0] - size + 1):
        for left in range(a.shape[1] - size + 1):
            p, q = (image[top : top + size, left : left + size] for image in (a, b))
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            both = (window * (p - mp) * (q - mq)).sum()
            found.append((2 * mp * mq + c1) * (2 * both + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return float(np.mean(found))


def by_scikit_image(a, b):
    from skimage.metrics import structural_similarity

    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    return float(structural_similarity(luma(a), luma(b), **settings))


def psnr(a, b):
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


rng = np.random.default_rng(11)
height, width = 14, 17
y, x = np.mgrid[:height, :width]
slope = np.stack([8 * x + 40, 6 * y + 90, 200 - 5 * x - 4 * y], axis=-1)
waves = np.stack([128 + 90 * np.sin(x / 2), 128 + 90 * np.cos(y / 3), 128 + 60 * np.sin((x + y) / 4)], axis=-1)


def image(values):
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def noisy(values, strength):
    return image(values + rng.normal(0, strength, values.shape))


pairs = {
    "noise beside noise": (noisy(0 * slope + 128, 50), noisy(0 * slope + 128, 50)),
    "a little noise": (image(slope), noisy(slope, 6)),
    "less contrast": (image(waves), image(100 + (waves - 128) * 0.6)),
    "the negative": (image(waves), image(255 - waves)),
}
golden = [
    {
        "name": name,
        "width": width,
        "height": height,
        "a": base64.b64encode(a.tobytes()).decode(),
        "b": base64.b64encode(b.tobytes()).decode(),
        "psnr": psnr(a, b),
        "ssim": ssim(a, b),
    }
    for name, (a, b) in pairs.items()
]
try:
    for found, (a, b) in zip(golden, pairs.values()):
        assert abs(by_scikit_image(a, b) - found["ssim"]) < 1e-9, (found["name"], by_scikit_image(a, b))
    print("as scikit-image")
except ImportError:
    print("scikit-image is not installed: not compared with it")
Path(__file__).with_name("image_metrics.json").write_text(json.dumps(golden, indent=2) + "\n")
