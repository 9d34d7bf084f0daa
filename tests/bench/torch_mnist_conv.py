#!/usr/bin/env python3
"""torch_mnist_conv.py -- models/mnist_conv.net as a script: what whole_run.py compares it with.

The same data, model, batch, optimizer, epochs, evaluations and report. All pictures are tensors
before the first epoch; a batch is an index into them."""

import argparse
import gzip
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

import torch_models

BATCH, EPOCHS, CLASSES = 64, 5, 10


def read_idx(path, header):
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


def read_part(folder, name):
    pictures = read_idx(os.path.join(folder, f"{name}-images-idx3-ubyte.gz"), 16)
    labels = read_idx(os.path.join(folder, f"{name}-labels-idx1-ubyte.gz"), 8)
    x = torch.from_numpy(pictures.copy()).view(-1, 1, 28, 28).float() / 255
    return x, torch.from_numpy(labels.astype(np.int64))


@torch.no_grad()
def evaluate(model, x, y):
    """Loss and what is predicted."""
    model.eval()
    logits = torch.cat([model(part) for part in x.split(1000)])
    model.train()
    return F.cross_entropy(logits, y).item(), logits.argmax(1)


def report(predicted, y):
    confusion = torch.zeros(CLASSES, CLASSES, dtype=torch.long)
    confusion.index_put_((y, predicted), torch.ones(len(y), dtype=torch.long), accumulate=True)
    right = confusion.diag().double()
    precision, recall = right / confusion.sum(0), right / confusion.sum(1)
    print(f"{'':5} {'precision':>9} {'recall':>9} {'f1-score':>9} {'support':>9}")
    for c in range(CLASSES):
        f1 = 2 * precision[c] * recall[c] / (precision[c] + recall[c])
        print(f"{c:5} {precision[c]:9.4f} {recall[c]:9.4f} {f1:9.4f} {confusion[c].sum():9}")
    print(confusion)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--began", type=float, default=time.time())
    parser.add_argument("--channels-last", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    x, y = read_part(options.data, "train")
    test_x, test_y = read_part(options.data, "t10k")
    order = torch.randperm(len(x))
    kept = len(x) // 10
    validation_x, validation_y = x[order[:kept]], y[order[:kept]]
    x, y = x[order[kept:]], y[order[kept:]]
    model, optimizer, loss_of, _ = torch_models.mnist_conv()
    if options.channels_last:
        model = model.to(memory_format=torch.channels_last)
        x, validation_x, test_x = (t.to(memory_format=torch.channels_last)
                                   for t in (x, validation_x, test_x))
    best, weights, first = float("inf"), None, None
    for epoch in range(EPOCHS):
        losses = torch.zeros(())
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss = loss_of(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            losses += loss.detach() * len(rows)
            first = first or time.time() - options.began
        loss, predicted = evaluate(model, validation_x, validation_y)
        accuracy = (predicted == validation_y).double().mean()
        print(f"epoch {epoch + 1}/{EPOCHS}  loss {losses / len(x):.4f}  "
              f"validation loss {loss:.4f}  accuracy {accuracy:.4f}", file=sys.stderr)
        if loss < best:
            best, weights = loss, {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(weights)
    loss, predicted = evaluate(model, test_x, test_y)
    report(predicted, test_y)
    print(f"first step after {first:.3f} s")
    print(f"test accuracy {(predicted == test_y).double().mean():.4f}")


if __name__ == "__main__":
    main()
