"""What the rows of real_data.py have in common: a trainer of models/zoo, and PyTorch's loop.

A row is a function of the options and of a folder of its own, and gives a Row, or several."""

import json
import math
import os
import subprocess
import sys
import time
from typing import NamedTuple, Optional

import numpy as np
import torch
from torch import nn

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models")
ZOO = os.path.join(MODELS, "zoo")


class Row(NamedTuple):
    measured: str
    netc: float
    beside: str                 # PyTorch, scikit-learn, …
    reaches: float              # what is beside
    seconds: float              # of netc's training
    its_seconds: Optional[float] = None     # where something is trained beside


class Netc:
    """A model's trainer, and its run, in a folder."""

    def __init__(self, options, name, folder, *flags):
        self.trainer = os.path.join(folder, os.path.basename(name))
        self.run = os.path.join(folder, "run")
        self.threads = str(options.threads)
        os.makedirs(folder, exist_ok=True)
        self.call(options.netc, os.path.join(ZOO, name + ".net"), "-o", self.trainer, *flags)

    def call(self, *command):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stderr}")
        return done.stdout

    def train(self, data, epochs, *flags):
        began = time.perf_counter()
        self.call(self.trainer, "train", "--data", data, "--out", self.run, "--force", "--epochs",
                  epochs, "--threads", self.threads, "--quiet", *flags)
        return time.perf_counter() - began

    def eval(self, data, *rows):
        return json.loads(self.call(self.trainer, "eval", "--weights", self.run, "--data", data,
                                    "--json", *(rows or ("--part", "test"))))

    def predict(self, data, file):
        text = self.call(self.trainer, "predict", "--weights", self.run, "--data", data, file)
        return np.array([line.split() for line in text.splitlines()], np.float32)


def train_torch(model, loss, rows, batch, epochs, rate, kind=torch.optim.Adam, clip=math.inf):
    """Seconds; `loss` is of the indices of a batch's rows, `kind` the optimizer's, and `clip` the
    norm that all gradients have at most."""
    optimizer, began = kind(model.parameters(), lr=rate), time.perf_counter()
    model.train()
    for _ in range(epochs):
        for chosen in torch.randperm(rows).split(batch):
            optimizer.zero_grad()
            loss(chosen).backward()
            if clip < math.inf:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
    model.eval()
    return time.perf_counter() - began
