"""The row of real_data.py of CIFAR-10 as folders of PNGs and of JPEGs, beside its binaries."""

import os
import struct

import numpy as np
from PIL import Image

from real_common import MODELS, Netc, Row

SOURCES = """    train      = cifar10("data_batch_*.bin")
    test       = cifar10("test_batch.bin")
"""


def read_cifar10(data, *names):
    """Rows [n, 3073] in the order in which folders of classes have them."""
    rows = np.concatenate([np.fromfile(os.path.join(data, "cifar-10-batches-bin", name), np.uint8)
                           .reshape(-1, 3073) for name in names])
    return rows[np.argsort(rows[:, 0], kind="stable")]


def write_pictures(folder, rows, ending):
    """A folder a class; names in the order of the rows. JPEGs of Pillow's quality, 75."""
    for label in np.unique(rows[:, 0]):
        os.makedirs(os.path.join(folder, str(label)))
    for i, row in enumerate(rows):
        picture = Image.fromarray(row[1:].reshape(3, 32, 32).transpose(1, 2, 0))
        picture.save(os.path.join(folder, str(row[0]), f"{i:05}.{ending}"))


def pictures(options, folder):
    """models/cifar10_cnn_small.net on the same rows in the same order from three kinds of files."""
    parts = {"train": read_cifar10(options.data, *(f"data_batch_{i}.bin" for i in range(1, 6))),
             "test": read_cifar10(options.data, "test_batch.bin")}
    with open(os.path.join(MODELS, "cifar10_cnn_small.net"), encoding="utf-8") as file:
        text = file.read()
    assert SOURCES in text
    reached, weights, seconds = {}, {}, {}
    for kind in "bin", "png", "jpg":
        place = os.path.join(folder, kind)
        os.mkdir(place)
        if kind == "bin":
            parts["train"].tofile(os.path.join(place, "data_batch_1.bin"))
            parts["test"].tofile(os.path.join(place, "test_batch.bin"))
        else:
            for part, rows in parts.items():
                write_pictures(os.path.join(place, part), rows, kind)
        with open(os.path.join(place, "small.net"), "w", encoding="utf-8") as file:
            file.write(text if kind == "bin" else text.replace(SOURCES, "".join(
                f'    {part} = images("{part}/*/*.{kind}", size=32)\n' for part in parts)))
        netc = Netc(options, os.path.join(place, "small"), place)
        seconds[kind] = netc.train(place, options.epochs or 10)
        reached[kind] = netc.eval(place)["accuracy"]
        with open(os.path.join(netc.run, "model.safetensors"), "rb") as file:
            data = file.read()
            weights[kind] = data[8 + struct.unpack("<Q", data[:8])[0]:]
    same = "the same" if weights["png"] == weights["bin"] else "other"
    return [Row(f"accuracy, PNG, {same} weights", reached["png"], "the binaries", reached["bin"],
                seconds["png"], seconds["bin"]),
            Row("accuracy, JPEG", reached["jpg"], "the binaries", reached["bin"], seconds["jpg"],
                seconds["bin"])]
