"""The rows that cases train on, as PyTorch takes them: pictures, labels, token ids, bags."""

import collections
import csv
import gzip
import os

import numpy as np
import torch


def arrays(folder):
    images = np.load(os.path.join(folder, "images.npy")).astype(np.float32) / np.float32(255)
    labels = np.load(os.path.join(folder, "labels.npy")).astype(np.int64)
    return torch.tensor(images), torch.tensor(labels)


def texts(folder, name="texts.csv"):
    open_file = gzip.open if name.endswith(".gz") else open
    with open_file(os.path.join(folder, name), "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"].split() for row in rows], torch.tensor([int(row["label"]) for row in rows])


def frequent(rows, size, least=1):
    counts = collections.Counter(word for row in rows for word in row)
    words = [word for word in counts if counts[word] >= least]
    return sorted(words, key=lambda word: (-counts[word], word))[:size]


def numbered(rows, known, length, begin=False, end=False):
    """Row 0 is padding, 1 an unknown word; then the words, the most frequent first, behind the mark
    of begin and end."""
    marks = ["a mark"] if begin or end else []
    ids = {word: row for row, word in enumerate(marks + known, 2)}
    table = torch.zeros(len(rows), length, dtype=torch.int64)
    for row, words in enumerate(rows):
        for place, word in enumerate((marks * begin + words + marks * end)[:length]):
            table[row, place] = ids.get(word, 1)
    return table


def tokens(folder, size, length, name="texts.csv"):
    rows, labels = texts(folder, name)
    return numbered(rows, frequent(rows, size), length), labels


def pixels(folder):
    """A class of each pixel of the images, 255 at the edge."""
    return torch.tensor(np.load(os.path.join(folder, "pixels.npy")).astype(np.int64))


def bags(folder, size, name="texts.csv"):
    rows, labels = texts(folder, name)
    columns = {word: column for column, word in enumerate(frequent(rows, size))}
    table = torch.zeros(len(rows), size)
    for row, words in enumerate(rows):
        for word in words:
            if word in columns:
                table[row, columns[word]] += 1
    return table, labels
