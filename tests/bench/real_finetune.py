"""The row of real_data.py of a network that goes on from another's weights."""

import os
import struct

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from real_common import Netc, Row, train_torch
from real_pictures import as_images, read_mnist


def lenet5():
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
                         nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
                         nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(),
                         nn.Linear(84, 5))


def write_digits(data, folder, first):
    """The pictures of five digits and their labels from 0, of both parts."""
    os.mkdir(folder)
    parts = []
    for part in "train", "t10k":
        images, labels = read_mnist(data, part)
        chosen = (labels >= first) & (labels < first + 5)
        images, labels = images[chosen], labels[chosen] - np.uint8(first)
        for kind, array, magic in ("images", images, 0x803), ("labels", labels, 0x801):
            with open(os.path.join(folder, f"{part}.{kind}"), "wb") as file:
                file.write(struct.pack(f">{1 + array.ndim}i", magic, *array.shape))
                file.write(array.tobytes())
        parts.append((images, labels))
    return parts


def finetune(options, folder):
    """LeNet-5 learns the digits 0 to 4 in an epoch, then 5 to 9 in one: by a new head alone, by a
    new head and all layers, and from its first values; each beside PyTorch."""
    epochs = options.epochs or 1
    parts = {name: write_digits(options.data, os.path.join(folder, name), first)
             for name, first in (("low", 0), ("high", 5))}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "finetune.net"),
              encoding="utf-8") as file:
        text = file.read()

    def ours(name, digits, lines):
        place = os.path.join(folder, name)
        os.mkdir(place)
        with open(place + ".net", "w", encoding="utf-8") as file:
            file.write(text.replace("    metrics ", lines + "    metrics "))
        netc = Netc(options, place, place)
        return netc, netc.train(os.path.join(folder, digits), epochs), netc.eval(
            os.path.join(folder, digits))["accuracy"]

    def train(model, digits, trained):
        images, labels = parts[digits][0]
        labels = torch.tensor(labels).long()
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        for parameter in trained.parameters():
            parameter.requires_grad_(True)
        return train_torch(model, lambda rows: F.cross_entropy(model(as_images(images[rows])),
                                                               labels[rows]),
                           len(labels), 64, epochs, 1e-3)

    def accuracy(model, digits):
        images, labels = parts[digits][1]
        with torch.no_grad():
            return (model(as_images(images)).argmax(1).numpy() == labels).mean()
    netc, seconds, reached = ours("first", "low", "")
    first = lenet5()
    its_seconds = train(first, "low", first)
    rows = [Row("accuracy, digits 0 to 4", reached, "PyTorch", accuracy(first, "low"), seconds,
                its_seconds)]
    start = f'    start     = weights("{netc.run}", except=[head])\n'
    for name, told, lines in (("head", "a new head alone", start + "    frozen    = [body]\n"),
                              ("all", "a new head, all trained", start), ("new", "anew", "")):
        _, seconds, reached = ours(name, "high", lines)
        model = lenet5()
        if lines:
            model[:-1].load_state_dict(first[:-1].state_dict())
        its_seconds = train(model, "high", model[-1] if name == "head" else model)
        rows.append(Row(f"accuracy, digits 5 to 9, {told}", reached, "PyTorch",
                        accuracy(model, "high"), seconds, its_seconds))
    return rows
