"""Rows for same_bits.py, whose cases they train for a few steps."""

import glob
import gzip
import os
import re
import shutil
import struct
import sys


def torch_folder(root):
    """Where cases.txt lies with its rows."""
    for name in ("pytorch", "torch"):
        if os.path.exists(os.path.join(root, "tests", name, "cases.txt")):
            return os.path.join(root, "tests", name)
    sys.exit(f"{root}/tests has no cases.txt in pytorch/ or torch/; say --root")


# Of every data set the first rows, so many that a batch is left that no block of 16 divides.

def first_idx(source, output, rows):
    with gzip.open(source) as file:
        head = file.read(4)
        sizes = struct.unpack(f">{head[3]}I", file.read(4 * head[3]))
        length = rows
        for size in sizes[1:]:
            length *= size
        data = file.read(length)
    with gzip.open(output, "wb", 1) as file:
        file.write(head + struct.pack(f">{len(sizes)}I", rows, *sizes[1:]) + data)


def first_bytes(source, output, count):
    with open(source, "rb") as file, open(output, "wb") as out:
        out.write(file.read(count))


def first_lines(source, output, rows):
    with gzip.open(source) as file, gzip.open(output, "wb", 1) as out:
        for _ in range(rows + 1):
            out.write(file.readline())


def write_vectors(titles, output):
    """Numbers from a small generator for every second word of the titles."""
    with gzip.open(titles, "rt") as file:
        words = sorted(set(re.findall("[a-z]{3,}", file.read().lower())))[::2]
    state, lines = 1, [f"{len(words)} 300"]
    for word in words:
        numbers = []
        for _ in range(300):
            state = (state * 1103515245 + 12345) % 2**31
            numbers.append(f"{(state >> 16) % 2000 / 1000 - 1:g}")
        lines.append(" ".join([word, *numbers]))
    with gzip.open(output, "wt", 1) as file:
        file.write("\n".join(lines) + "\n")


def one_of(pattern):
    found = sorted(glob.glob(pattern))
    if not found:
        raise FileNotFoundError(2, "there is no", pattern)
    return found[0]


def lay_out(data, root, source, folder):
    """The rows of one name of MODELS, into the folder."""
    def to(name):
        return os.path.join(folder, name)

    if data == "torch":
        for name in os.listdir(torch_folder(root)):
            path = os.path.join(torch_folder(root), name)
            if name.endswith(".bin.gz"):
                with gzip.open(path) as packed, open(to(name[:-3]), "wb") as file:
                    shutil.copyfileobj(packed, file)
            elif os.path.isfile(path) and not name.endswith(".net"):
                shutil.copy(path, folder)
    elif data == "mnist":
        for name, rows in (("train-images-idx3-ubyte.gz", 210), ("train-labels-idx1-ubyte.gz", 210),
                           ("t10k-images-idx3-ubyte.gz", 50), ("t10k-labels-idx1-ubyte.gz", 50)):
            first_idx(os.path.join(source, "mnist", name), to(name), rows)
    elif data in ("cifar10", "cifar10-few"):
        few = data == "cifar10-few"
        for name, rows in (("data_batch_1.bin", 45 if few else 230),
                           ("test_batch.bin", 10 if few else 50)):
            first_bytes(os.path.join(source, "cifar-10-batches-bin", name), to(name), rows * 3073)
    elif data == "cifar100":
        for name, rows in (("train", 230), ("test", 50)):
            path = one_of(os.path.join(source, "cifar-100-binary", name + "*.bin"))
            first_bytes(path, to(name + ".bin"), rows * 3074)
    elif data == "imdb":
        for name, rows in (("train.csv.gz", 370), ("test.csv.gz", 50)):
            first_lines(os.path.join(source, "imdb", name), to(name), rows)
    elif data == "titles":
        first_lines(os.path.join(source, "meli2019", "train_sample.csv.gz"), to("train.csv.gz"),
                    1260)
        shutil.copy(os.path.join(root, "models", "stopwords_es.txt"), folder)
        write_vectors(to("train.csv.gz"), to("vectors.vec.gz"))
    elif data:
        name = {"boston": "housing.csv", "pima": "diabetes.csv"}[data]
        shutil.copy(os.path.join(source, data, name), folder)
