"""Rows of real_data.py that are made of MNIST, one with CIFAR-10 behind it."""

import gzip
import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from real_common import Netc, Row, train_torch


def read_mnist(data, part):
    def read(name, skip):
        with gzip.open(os.path.join(data, "mnist", name)) as file:
            return np.frombuffer(file.read(), np.uint8)[skip:]
    return (read(f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28),
            read(f"{part}-labels-idx1-ubyte.gz", 8))


# ---- Variational autoencoder -------------------------------------------------------------------

class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.mu, self.spread = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400,
                                                                                             20)
        self.decoder = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))

    def forward(self, x):
        h = F.relu(self.first(x))
        mu, log_variance = self.mu(h), self.spread(h)
        z = mu + (0.5 * log_variance).exp() * torch.randn_like(mu) if self.training else mu
        return self.decoder(z), mu, log_variance


def minus_elbo(model, x):
    logits, mu, log_variance = model(x)
    divergence = 0.5 * (mu ** 2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x) + divergence


def vae_mnist(options, folder):
    data = os.path.join(options.data, "mnist")
    netc, epochs = Netc(options, "vae_mnist", folder), options.epochs or 10
    seconds = netc.train(data, epochs)
    (train, _), (test, _) = read_mnist(options.data, "train"), read_mnist(options.data, "t10k")
    x = torch.tensor(train[:54000].reshape(-1, 784) / np.float32(255))  # as many as netc trains
    model = Vae()
    torch_seconds = train_torch(model, lambda rows: minus_elbo(model, x[rows]), len(x), 128, epochs,
                                1e-3)
    with torch.no_grad():
        beside = minus_elbo(model, torch.tensor(test.reshape(-1, 784) / np.float32(255))).item()
    return Row("-ELBO, z = mean", netc.eval(data)["loss"], "PyTorch", beside, seconds,
               torch_seconds)


# ---- Pairs and triplets ------------------------------------------------------------------------

class Embed(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3),
                         nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1600, 64))


def as_images(bytes_):
    return torch.tensor(bytes_).unsqueeze(1).float() / 255


def draw_pairs(images, labels, rng):
    order, same = rng.permutation(len(labels)), rng.integers(0, 2, len(labels))
    by_class = [np.flatnonzero(labels == c) for c in range(10)]
    other = [rng.choice(by_class[c if s else (c + rng.integers(1, 10)) % 10])
             for c, s in zip(labels[order], same)]
    return {"left": images[order], "right": images[other], "same": same.astype(np.uint8)}


def siamese_mnist(options, folder):
    rng = np.random.default_rng(1)
    pairs, tests = (draw_pairs(*read_mnist(options.data, part), rng) for part in ("train", "t10k"))
    np.savez(os.path.join(folder, "pairs.npz"), **pairs)
    np.savez(os.path.join(folder, "tests.npz"), **tests)
    netc, epochs = Netc(options, "siamese_mnist", folder), options.epochs or 4
    seconds = netc.train(folder, epochs)
    reached = netc.eval(folder, os.path.join(folder, "tests.npz"))["accuracy"]

    embed, head = nn.Sequential(Embed(), nn.Sigmoid()), nn.Linear(64, 1)

    def logits(pairs, rows):
        left, right = as_images(pairs["left"][rows]), as_images(pairs["right"][rows])
        return head((embed(left) - embed(right)).abs()).squeeze(1)

    def loss(rows):
        return F.binary_cross_entropy_with_logits(logits(pairs, rows),
                                                  torch.tensor(pairs["same"][rows]).float())
    torch_seconds = train_torch(nn.ModuleList([embed, head]), loss, 54000, 64, epochs, 1e-3)
    with torch.no_grad():
        said = torch.cat([logits(tests, rows) for rows in torch.arange(10000).split(500)]) >= 0
    return Row("accuracy of pairs", reached, "PyTorch", (said.numpy() == tests["same"]).mean(),
               seconds, torch_seconds)


def nearest_accuracy(known, labels, asked, truth):
    """Of the class of the nearest embedding."""
    right = 0
    for begin in range(0, len(asked), 1000):
        part = slice(begin, begin + 1000)
        found = torch.cdist(torch.tensor(asked[part]), torch.tensor(known)).argmin(1).numpy()
        right += (labels[found] == truth[part]).sum()
    return right / len(asked)


def triplet_mnist(options, folder):
    rng = np.random.default_rng(2)
    (images, labels), (test, truth) = (read_mnist(options.data, part) for part in ("train", "t10k"))
    pairs = [draw_pairs(images, labels, rng) for _ in range(2)]
    alike = np.concatenate([np.flatnonzero(p["same"] == 1) for p in pairs[:1]])
    by_class = [np.flatnonzero(labels != c) for c in range(10)]
    order = {images[i].tobytes(): labels[i] for i in range(len(labels))}
    anchor, positive = pairs[0]["left"][alike], pairs[0]["right"][alike]
    negative = images[[rng.choice(by_class[order[a.tobytes()]]) for a in anchor]]
    np.savez(os.path.join(folder, "triplets.npz"), anchor=anchor, positive=positive,
             negative=negative)
    netc, epochs = Netc(options, "triplet_mnist", folder), options.epochs or 4
    seconds = netc.train(folder, epochs)

    def embedded(part, name):
        file = os.path.join(folder, name + ".npz")
        np.savez(file, anchor=part, positive=part, negative=part)
        return netc.predict(folder, file)
    reached = nearest_accuracy(embedded(images[:10000], "known"), labels[:10000],
                               embedded(test, "asked"), truth)
    embed = Embed()

    def unit(x):
        return F.normalize(embed(as_images(x)), dim=1)

    def loss(rows):
        return F.triplet_margin_loss(unit(anchor[rows]), unit(positive[rows]), unit(negative[rows]),
                                     margin=0.2)
    torch_seconds = train_torch(embed, loss, len(anchor) * 9 // 10, 64, epochs, 1e-3)
    with torch.no_grad():
        known, asked = (np.concatenate([unit(x[i:i + 500]).numpy() for i in range(0, 10000, 500)])
                        for x in (images, test))
    return Row("accuracy, nearest of 10,000", reached, "PyTorch",
               nearest_accuracy(known, labels[:10000], asked, truth), seconds, torch_seconds)


# ---- Classes of pixels -------------------------------------------------------------------------

def draw_segments(options, part, count, rng):
    """Digits of two sizes and any colour over pictures of CIFAR-10: image [n, 3, 128, 128], and
    mask [n, 128, 128] of 0 beside them, 1 to 3 on digits 0-3, 4-7 and 8-9, 255 on their edges."""
    batch = os.path.join(options.data, "cifar-10-batches-bin",
                         "data_batch_1.bin" if part == "train" else "test_batch.bin")
    behind = np.fromfile(batch, np.uint8).reshape(-1, 3073)[:, 1:].reshape(-1, 3, 32, 32)
    digits, labels = read_mnist(options.data, part)
    image = behind[rng.permutation(len(behind))[:count]].repeat(4, axis=2).repeat(4, axis=3)
    mask = np.zeros((count, 128, 128), np.uint8)
    for row in range(count):
        for i in rng.integers(0, len(digits), 4):
            size = rng.integers(1, 3)
            digit = digits[i].repeat(size, axis=0).repeat(size, axis=1)
            y, x = rng.integers(0, 128 - len(digit), 2)
            place = np.s_[y:y + len(digit), x:x + len(digit)]
            share, color = digit / np.float32(255), rng.integers(0, 256, 3)
            for c in range(3):
                under = image[row, c][place]
                under[:] = under + share * (color[c] - under.astype(np.float32))
            mask[row][place][digit > 127] = 1 + labels[i] // 4
            mask[row][place][(digit > 31) & (digit <= 127)] = 255
    return {"image": image, "mask": mask}


class Two(nn.Sequential):
    def __init__(self, before, channels):
        super().__init__(nn.Conv2d(before, channels, 3, padding=1, bias=False),
                         nn.BatchNorm2d(channels), nn.ReLU(),
                         nn.Conv2d(channels, channels, 3, padding=1, bias=False),
                         nn.BatchNorm2d(channels), nn.ReLU())


class Unet(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        sizes = [width << i for i in range(5)]
        self.down = nn.ModuleList(Two(a, b) for a, b in zip([3] + sizes, sizes))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * c, c, 2, stride=2) for c in sizes[:-1])
        self.after = nn.ModuleList(Two(2 * c, c) for c in sizes[:-1])
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        skips = []
        for part in self.down:
            x = part(F.max_pool2d(x, 2) if skips else x)
            skips.append(x)
        for up, after, skip in reversed(list(zip(self.up, self.after, skips))):
            x = after(torch.cat([skip, up(x)], 1))
        return self.head(x)


def unet(options, folder):
    rng, width = np.random.default_rng(3), 16
    train = draw_segments(options, "train", 2000, rng)
    test = draw_segments(options, "t10k", 400, rng)
    np.savez(os.path.join(folder, "segments.npz"), **train)
    np.savez(os.path.join(folder, "tests.npz"), **test)
    netc = Netc(options, "unet", folder, "--define", f"width={width}")
    epochs = options.epochs or 8
    seconds = netc.train(folder, epochs)
    reached = netc.eval(folder, os.path.join(folder, "tests.npz"))["iou"]

    def tensor(part, rows):
        return torch.tensor(part["image"][rows]).float() / 255
    masks, model = torch.tensor(train["mask"]).long(), Unet(width, 4)
    torch_seconds = train_torch(
        model, lambda rows: F.cross_entropy(model(tensor(train, rows)), masks[rows],
                                            ignore_index=255), 1800, 8, epochs, 1e-3)
    with torch.no_grad():
        said = torch.cat([model(tensor(test, rows)).argmax(1)
                          for rows in torch.arange(400).split(20)]).numpy()
    counted = test["mask"] != 255
    ious = [((said == c) & (test["mask"] == c)).sum() /
            (counted & ((said == c) | (test["mask"] == c))).sum() for c in range(4)]
    return Row("mIoU of 4 classes", reached, "PyTorch", np.mean(ious), seconds, torch_seconds)
