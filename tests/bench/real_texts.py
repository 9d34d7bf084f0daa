"""Rows of real_data.py that read texts."""

import functools
import math
import os
import sys
from collections import Counter
from pydoc_data.topics import topics

import torch
import torch.nn.functional as F
from torch import nn

from real_common import Netc, Row, train_torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pytorch"))


def reviews(name, epochs):
    def row(options, folder):
        data, netc = os.path.join(options.data, "imdb"), Netc(options, name, folder)
        seconds = netc.train(data, options.epochs or epochs)
        return Row("accuracy", netc.eval(data)["accuracy"], "wanted", 0.86, seconds)
    return row


# ---- The next character ------------------------------------------------------------------------

LENGTH, STRIDE, CLASSES = 128, 16, 66


def windows(text):
    """Numbers of characters [n, LENGTH + 1], as models/zoo/gpt_nano.net reads them: those to train
    on, and the last tenth, which shares no character with them."""
    begins = range(0, len(text) - LENGTH, STRIDE)
    held_out = begins[len(begins) - round(0.1 * len(begins))]
    most = Counter(text[:held_out]).most_common(CLASSES - 1)
    number = {c: 1 + i for i, c in enumerate(sorted(c for c, _ in most))}
    numbers = torch.tensor([number.get(c, 0) for c in text])
    return (torch.stack([numbers[i:i + LENGTH + 1] for i in begins if i + LENGTH < held_out]),
            torch.stack([numbers[i:i + LENGTH + 1] for i in begins if i >= held_out]))


def gpt_nano(options, folder):
    """Bits of a character of Python's language reference, in the package pydoc_data that is part of
    Python: the last tenth, behind 128 characters at the most."""
    from networks.texts import Gpt
    text = "\n".join(topics[name] for name in sorted(topics))
    with open(os.path.join(folder, "shakespeare.txt"), "w", encoding="utf-8") as file:
        file.write(text)
    netc, epochs = Netc(options, "gpt_nano", folder), options.epochs or 2
    seconds = netc.train(folder, epochs)
    reached = netc.eval(folder, "--part", "validation")["loss"] / math.log(2)

    (train, held_out), model = windows(text), Gpt()
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        elif isinstance(module, nn.MultiheadAttention):
            nn.init.normal_(module.in_proj_weight, std=0.02)

    def loss(rows):
        return F.cross_entropy(model(rows[:, :-1]), rows[:, 1:])
    kind = functools.partial(torch.optim.AdamW, betas=(0.9, 0.95), weight_decay=0.1)
    its_seconds = train_torch(model, lambda rows: loss(train[rows]), len(train), 64, epochs, 5e-4,
                              kind, clip=1.0)
    with torch.no_grad():
        nats = sum(loss(rows).item() * len(rows) for rows in held_out.split(64)) / len(held_out)
    return Row("bits of a character", reached, "PyTorch", nats / math.log(2), seconds, its_seconds)
