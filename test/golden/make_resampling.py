"""Writes resampling.json: small images at other sizes, by Pillow, PyTorch and the rule of TensorFlow 1.

- bilinear: PyTorch's interpolate, align_corners False (what pytorch-fid does)
- bilinear-antialiased, bicubic-antialiased: Pillow on each channel in float32 (the second is what clean-fid does)
- bilinear-tf1: output i lies at i * from / to, with no half pixel (what TensorFlow 1 and torch-fidelity do)
Run: python3 test/golden/make_resampling.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image


def by_pillow(image, height, width, kernel):
    channels = [Image.fromarray(channel.astype(np.float32), mode="F") for channel in np.moveaxis(image, -1, 0)]
    return np.stack([np.asarray(channel.resize((width, height), kernel)) for channel in channels])


def by_torch(image, height, width):
    planes = torch.tensor(np.moveaxis(image, -1, 0)[None].astype(np.float64))
    size = (height, width)
    return torch.nn.functional.interpolate(planes, size=size, mode="bilinear", align_corners=False)[0].numpy()


def line(values, to):
    """One axis, the last, by TensorFlow 1's rule."""
    extent = values.shape[-1]
    at = np.arange(to) * (extent / to)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, extent - 1)
    return values[..., low] * (1 - (at - low)) + values[..., high] * (at - low)


def by_tensorflow1(image, height, width):
    planes = np.moveaxis(image, -1, 0).astype(np.float64)
    return line(line(planes, width).swapaxes(1, 2), height).swapaxes(1, 2)


rng = np.random.default_rng(3)
golden = []
for height, width, to_height, to_width in [(9, 13, 5, 7), (6, 8, 11, 13), (20, 12, 4, 17)]:
    image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    made = {
        "bilinear": by_torch(image, to_height, to_width),
        "bilinear-tf1": by_tensorflow1(image, to_height, to_width),
        "bilinear-antialiased": by_pillow(image, to_height, to_width, Image.BILINEAR),
        "bicubic-antialiased": by_pillow(image, to_height, to_width, Image.BICUBIC),
    }
    golden.append(
        {
            "size": [height, width],
            "to": [to_height, to_width],
            "image": image.ravel().tolist(),
            "planes": {name: [round(float(value), 4) for value in planes.ravel()] for name, planes in made.items()},
        }
    )
Path(__file__).with_name("resampling.json").write_text(json.dumps(golden) + "\n")
