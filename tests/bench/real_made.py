"""The row of real_data.py of models/zoo/dcgan_mnist.net: are the pictures that it makes digits?"""

import os
import struct

import numpy as np
import torch.nn.functional as F

from real_common import MODELS, Netc, Row
from real_pictures import as_images, read_mnist

MADE = 2000


class Reader:
    """models/mnist_conv.net, behind two epochs of MNIST: which digits it takes pictures for."""

    def __init__(self, options, data, folder):
        self.data, self.file = data, os.path.join(folder, "made.idx")
        self.netc = Netc(options, os.path.join(MODELS, "mnist_conv"),
                         os.path.join(folder, "reader"))
        self.netc.train(data, 2)

    def read(self, pictures):
        """The share of [n, 1, 32, 32], of -1 to 1, that it is surer of than 0.9, and how many of
        the digits are at least 2 of 100 of these."""
        pixels = np.rint((pictures.reshape(-1, 32, 32)[:, 2:30, 2:30] + 1) * 127.5).astype(np.uint8)
        with open(self.file, "wb") as file:
            file.write(struct.pack(">4i", 0x803, len(pixels), 28, 28) + pixels.tobytes())
        chances = self.netc.predict(self.data, self.file)[:, 1:]
        sure = chances.max(1) > 0.9
        counts = np.bincount(chances[sure].argmax(1), minlength=10)
        return sure.mean(), (counts >= 0.02 * sure.sum()).sum()


def dcgan_mnist(options, folder):
    data = os.path.join(options.data, "mnist")
    reader = Reader(options, data, folder)
    netc = Netc(options, "dcgan_mnist", folder, "--define", "size=16")
    seconds = netc.train(data, options.epochs or 3)
    asked = os.path.join(folder, "asked.idx")
    with open(asked, "wb") as file:
        file.write(struct.pack(">4i", 0x803, MADE, 28, 28) + bytes(MADE * 784))
    share, digits = reader.read(netc.predict(data, asked))
    real = 2 * F.pad(as_images(read_mnist(options.data, "t10k")[0]), (2,) * 4).numpy() - 1
    its_share, its_digits = reader.read(real)
    beside = "MNIST's test rows"
    return [Row("share read as a digit", share, beside, its_share, seconds),
            Row("digits among them", digits, beside, its_digits, seconds)]
