"""The networks of models/ in PyTorch, on the rows of tests/pytorch: a function for each file.

As they are compared: without what is drawn (dropout, noise, augmentation) and without splits.
"""

import csv
import gzip
import os

import numpy as np
import torch
import torch.nn.functional as F

import models
import values
from data import bags, frequent, numbered, tokens
from models import CONV, Case, batchnorm, classes_case, convolution, dense, embedding, plain

KERAS = batchnorm(momentum=0.01, eps=1e-3)


class Layers:
    """The layers of a network, numbered as their names are: one for each use."""

    def __init__(self, m, path):
        self.m, self.path = m, path
        self.used = {}

    def __call__(self, kind, layer, x):
        number = self.used[kind] = self.used.get(kind, 0) + 1
        path = f"{self.path}.{kind}"
        return layer(self.m, path if self.m(path, "weight") is not None else f"{path}_{number}", x)

    def dense(self, x, l2=0):
        return self("dense", dense(0, l2=l2), x)

    def conv(self, x, **options):
        return self("conv2d", CONV(0, 0, **options), x)

    def norm(self, x, layer=KERAS):
        return self("batchnorm", layer, x)


# ---- data ----------------------------------------------------------------------------------------


def records(folder, name, bytes_before):
    with gzip.open(os.path.join(folder, name), "rb") as file:
        rows = np.frombuffer(file.read(), np.uint8).reshape(-1, bytes_before + 3072)
    images = rows[:, bytes_before:].reshape(-1, 3, 32, 32).astype(np.float32) / np.float32(255)
    return torch.tensor(images), torch.tensor(rows[:, bytes_before - 1].astype(np.int64))


def cifar10(folder):
    images, labels = records(folder, "data_batch_1.bin.gz", 1)
    mean, std = torch.tensor([0.49, 0.48, 0.45]), torch.tensor([0.25, 0.24, 0.26])
    return (images - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1), labels


def keras_cifar10(folder):
    images, labels = records(folder, "data_batch_1.bin.gz", 1)
    return standardize(images), labels


def standardize(x):
    x = x.double()
    deviation = x.std(0, correction=0)
    return ((x - x.mean(0)) / deviation.where(deviation > 0, 1)).float()


def mnist(folder):
    def read(name, head):
        with gzip.open(os.path.join(folder, name), "rb") as file:
            return np.frombuffer(file.read(), np.uint8)[head:]

    images = read("train-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    labels = read("train-labels-idx1-ubyte.gz", 8)
    return (torch.tensor(images.astype(np.float32) / np.float32(255)),
            torch.tensor(labels.astype(np.int64)))


def table(folder, name):
    """All columns but the last, standardized, and the last."""
    numbers = torch.tensor(np.loadtxt(os.path.join(folder, name), np.float64, delimiter=",",
                                      skiprows=1))
    return standardize(numbers[:, :-1]), numbers[:, -1:].float()


def reviews(folder):
    words, labels = tokens(folder, 9998, 500, "train.csv.gz")
    return words, labels.float().unsqueeze(1)


def titles(folder):
    """The vocabulary: words of three letters or more that are there twice."""
    with gzip.open(os.path.join(folder, "train.csv.gz"), "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    classes = sorted({row["category"] for row in rows})
    labels = torch.tensor([classes.index(row["category"]) for row in rows])
    rows = [[word for word in row["title"].split() if len(word) >= 3] for row in rows]
    return numbered(rows, frequent(rows, 50000, least=2), 32), labels


# ---- networks ------------------------------------------------------------------------------------


def file_cifar10_lenet5(folder):
    def network(m, x):
        p = "lenet5."
        x = F.max_pool2d(F.relu(CONV(6, 5)(m, p + "conv2d_1", x)), 2)
        x = F.max_pool2d(F.relu(CONV(16, 5)(m, p + "conv2d_2", x)), 2)
        x = F.relu(CONV(120, 5)(m, p + "conv2d_3", x)).flatten(1)
        return dense(10)(m, p + "dense_2", F.relu(dense(84)(m, p + "dense_1", x)))
    return classes_case(cifar10(folder), network)


def file_cifar10_resnet18(folder, activation=plain(F.relu6)):
    norm, p = batchnorm(), "resnet18."

    def basic(m, path, x, stride):
        body = CONV(0, 3, stride=stride, padding=1)(m, path + ".conv2d_1", x)
        body = activation(m, None, norm(m, path + ".batchnorm_1", body))
        body = norm(m, path + ".batchnorm_2", CONV(0, 3, padding=1)(m, path + ".conv2d_2", body))
        if stride != 1:
            x = CONV(0, 1, stride=stride)(m, path + ".conv2d_3", x)
            x = norm(m, path + ".batchnorm_3", x)
        return activation(m, None, body + x)

    def network(m, x):
        x = CONV(64, 3, padding=1)(m, p + "conv2d", x)
        x = activation(m, None, norm(m, p + "batchnorm", x))
        for block in range(8):
            x = basic(m, f"{p}basic_{block + 1}", x, 2 if block in (2, 4, 6) else 1)
        return dense(10)(m, p + "dense", x.mean((2, 3)))
    return classes_case(cifar10(folder), network)


def file_cifar10_vgg16(folder, activation=plain(F.relu6)):
    def network(m, x):
        number = 0
        for stage in (2, 2, 3, 3, 3):
            for _ in range(stage):
                number += 1
                x = CONV(0, 3, padding=1)(m, f"vgg16.conv2d_{number}", x)
                x = activation(m, None, batchnorm()(m, f"vgg16.batchnorm_{number}", x))
            x = F.max_pool2d(x, 2)
        return dense(10)(m, "vgg16.dense", x.flatten(1))
    return classes_case(cifar10(folder), network)


def file_cifar100_alexnet(folder):
    def network(m, x):
        p = "alexnet."

        def conv(number, x, **options):
            return F.relu(CONV(0, 3, **options)(m, f"{p}conv2d_{number}", x))

        def norm(number, x):
            return KERAS(m, f"{p}batchnorm_{number}", x)

        x = norm(1, F.max_pool2d(conv(1, x, stride=2), 3, 1))
        x = norm(2, F.max_pool2d(conv(2, x, stride=2), 2, 1))
        x = norm(4, conv(4, norm(3, conv(3, x, padding=1)), padding=1))
        x = norm(5, F.max_pool2d(conv(5, x, padding=1), 2, 1)).flatten(1)
        for head in (f"{p}head_1", f"{p}head_2"):
            x = KERAS(m, head + ".batchnorm", F.relu(dense(512)(m, head + ".dense", x)))
        return dense(100)(m, p + "dense", x)
    return classes_case(records(folder, "train.bin.gz", 2), network)


def file_imdb_embedding_conv(folder):
    def network(m, x):
        p = "reviews."
        x = KERAS(m, p + "batchnorm_1", embedding(16)(m, p + "embedding", x))
        for number in (1, 2):
            x = F.relu(convolution(F.conv1d)(0, 3, padding=1)(m, f"{p}conv1d_{number}", x))
            x = KERAS(m, f"{p}batchnorm_{number + 1}", F.max_pool1d(x, 2))
        return dense(1)(m, p + "dense", x.flatten(1))
    return Case(*reviews(folder), network, F.binary_cross_entropy_with_logits)


def file_cifar100_vgg16(folder):
    def stage(m, number, x, stride=1):
        layers = Layers(m, f"vgg16.stage_{number}")
        for _ in range(1 if number <= 2 else 2):
            x = layers.norm(F.relu(layers.conv(x, padding=1)))
        return F.max_pool2d(F.relu(layers.conv(x, padding=1)), 2, stride)

    def network(m, x):
        layers = Layers(m, "vgg16")
        for number in range(1, 6):
            x = stage(m, number, layers.norm(x), 2 if number == 1 else 1)
        x = x.flatten(1)
        for _ in range(3):
            x = layers.norm(F.relu(layers.dense(x)))
        return layers.dense(x)
    return classes_case(records(folder, "train.bin.gz", 2), network)


def file_cifar10_cnn_small(folder):
    def network(m, x):
        layers = Layers(m, "small")
        for _ in range(2):
            x = F.max_pool2d(F.relu(layers.conv(x)), 2)
        x = x.flatten(1)
        return layers.dense(F.relu(layers.dense(F.relu(layers.dense(x)))))
    return classes_case(cifar10(folder), network)


def keras_dense(m, x):
    layers = Layers(m, "keras_dense")
    return layers.dense(F.relu(layers.dense(x.flatten(1), l2=1e-4)), l2=1e-4)


def file_cifar10_keras_dense(folder):
    return classes_case(keras_cifar10(folder), keras_dense)


def file_cifar10_keras_dense_mse(folder):
    images, labels = keras_cifar10(folder)
    return Case(images, F.one_hot(labels, 10).float(), keras_dense, F.mse_loss)


def file_cifar10_mlp(folder):
    def network(m, x):
        layers = Layers(m, "mlp")
        x = x.flatten(1)
        for _ in range(2):
            x = F.relu(layers("x", dense(0), x))
        return layers.dense(x)
    return classes_case(cifar10(folder), network)


def file_cnet_mnist(folder):
    def network(m, x):
        layers = Layers(m, "cnet")
        x = x.flatten(1)
        for _ in range(3):
            x = torch.sigmoid(layers.dense(x))
        return x
    images, labels = mnist(folder)
    return Case(images, F.one_hot(labels, 10).float(), network, F.mse_loss)


def file_mnist_dense(folder):
    def network(m, x):
        layers = Layers(m, "mnist_dense")
        x = x.flatten(1)
        for _ in range(2):
            x = layers.norm(F.relu(layers.dense(x)))
        return layers.dense(x)
    return classes_case(mnist(folder), network)


def file_mnist_conv(folder):
    def network(m, x):
        layers = Layers(m, "mnist_conv")
        for _ in range(2):
            x = layers.norm(F.max_pool2d(F.relu(layers.conv(x, padding=1)), 2))
        return layers.dense(x.flatten(1))
    return classes_case(mnist(folder), network)


def file_mnist_denoise(folder):
    def network(m, x):
        layers = Layers(m, "denoise")
        for _ in range(2):
            x = F.max_pool2d(F.relu(layers.conv(x, padding=1)), 2)
        for _ in range(2):
            x = F.interpolate(F.relu(layers.conv(x, padding=1)), scale_factor=2)
        return torch.sigmoid(layers.conv(x, padding=1))
    images, _ = mnist(folder)
    return Case(images, images, network, F.mse_loss)


def file_digits(folder):
    def network(m, x):
        layers = Layers(m, "cnn")
        for _ in range(2):
            x = F.max_pool2d(F.relu(layers.conv(x, padding=1)), 2)
        return layers.dense(F.relu(layers.dense(x.flatten(1))))
    return classes_case(mnist(folder), network)


def file_residual_digits(folder):
    norm = batchnorm()

    def basic(m, number, x):
        layers, stride = Layers(m, f"residual.basic_{number}"), 1 if number == 1 else 2
        body = F.relu(layers.norm(layers.conv(x, stride=stride, padding=1), norm))
        body = layers.norm(layers.conv(body, padding=1), norm)
        if stride != 1:
            x = layers.norm(layers.conv(x, stride=stride), norm)
        return F.relu(body + x)

    def network(m, x):
        layers = Layers(m, "residual")
        x = F.relu(layers.norm(layers.conv(x, padding=1), norm))
        for number in 1, 2, 3:
            x = basic(m, number, x)
        return layers.dense(x.mean((2, 3)))
    return classes_case(mnist(folder), network)


def file_branches_digits(folder):
    def network(m, x):
        layers = Layers(m, "branches")
        shapes = F.max_pool2d(F.relu(layers.conv(x, stride=2, padding=2)), 2)
        shapes = F.relu(layers.dense(shapes.flatten(1)))
        outline = torch.tanh(layers("outline", dense(0), x.flatten(1)))
        return layers.dense(torch.cat([outline, shapes], 1))
    return classes_case(mnist(folder), network)


def file_boston(folder):
    def network(m, x):
        return Layers(m, "linear").dense(x, l2=1e-4)
    return Case(*table(folder, "housing.csv"), network, F.mse_loss)


def file_pima(folder):
    def network(m, x):
        layers = Layers(m, "pima")
        for _ in range(2):
            x = layers.norm(F.relu(layers.dense(x)))
        return layers.dense(x)
    return Case(*table(folder, "diabetes.csv"), network, F.binary_cross_entropy_with_logits)


def xor():
    return (torch.tensor([[-1., -1], [-1, 1], [1, -1], [1, 1]]),
            torch.tensor([[-1.], [1], [1], [-1]]))


def file_xor_split(folder):
    def network(m, x):
        layers = Layers(m, "xor_split")
        return torch.tanh(layers.dense(torch.tanh(layers.dense(x))))
    return Case(*xor(), network, F.mse_loss)


def file_xor_concat(folder):
    def network(m, x):
        layers = Layers(m, "xor_concat")
        hidden = torch.tanh(layers("hidden", dense(0), x))
        return torch.tanh(layers.dense(torch.cat([x, hidden], 1)))
    return Case(*xor(), network, F.mse_loss)


def file_logistic_map(folder):
    orbit = [0.1]
    for _ in range(10000):
        orbit.append(4 * orbit[-1] * (1 - orbit[-1]))
    orbit = torch.tensor(orbit).unsqueeze(1)

    def network(m, x):
        layers = Layers(m, "logistic")
        hidden = torch.tanh(layers("hidden", dense(0), x))
        return layers.dense(torch.cat([x, hidden], 1))
    return Case(orbit[:-1], orbit[1:], network, F.mse_loss)


def file_imdb_bow_l2(folder, norm=lambda layers, x: x):
    def network(m, words):
        layers, x = Layers(m, "bow"), words
        for _ in range(2):
            x = norm(layers, F.relu(layers.dense(x, l2=1e-4)))
        return layers.dense(torch.cat([words, x], 1), l2=1e-4)
    words, labels = bags(folder, 10000, "train.csv.gz")
    return Case(words, labels.float().unsqueeze(1), network, F.binary_cross_entropy_with_logits)


def file_imdb_bow_dropout(folder):
    return file_imdb_bow_l2(folder)


def file_imdb_bow_batchnorm(folder):
    return file_imdb_bow_l2(folder, Layers.norm)


def file_imdb_embedding_dense(folder):
    def network(m, x):
        layers = Layers(m, "reviews")
        words = x = layers("words", embedding(32), x).flatten(1)
        for _ in range(2):
            x = F.relu(layers.dense(x, l2=1e-4))
        return layers.dense(torch.cat([words, x], 1), l2=1e-4)
    return Case(*reviews(folder), network, F.binary_cross_entropy_with_logits)


def file_meli_cnn(folder, categories, frozen=False):
    def network(m, x):
        layers = Layers(m, "cnn")
        words = layers("words", embedding(300, padding_row=0, frozen=frozen), x)
        x = torch.cat([F.relu(layers(name, convolution(F.conv1d)(100, 0), words)).amax(2)
                       for name in "abc"], 1)
        return layers.dense(F.relu(layers.dense(x)))
    return classes_case(titles(folder), network)


def file_meli_cnn_pretrained(folder, categories):
    return file_meli_cnn(folder, categories, frozen=True)


def file_meli_mlp(folder, categories):
    def network(m, x):
        layers = Layers(m, "mlp")
        x = layers("x", embedding(300, padding_row=0, frozen=True), x).mean(2)
        for _ in range(2):
            x = F.relu(layers("x", dense(0), x))
        return layers.dense(x)
    return classes_case(titles(folder), network)


def case_of(file, folder, options):
    """The Case of a file of tests/pytorch or of models/."""
    name = "file_" + file.removeprefix("models/")
    homes = [globals()] if file.startswith("models/") else [vars(models), vars(values)]
    return next(home[name] for home in homes if name in home)(folder, **options)
