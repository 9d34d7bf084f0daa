"""Losses that are values, library.net's of the language, and parameters as values, in PyTorch."""

import torch
import torch.nn.functional as F

from models import CONV, Case, arrays, batchnorm, classes_case, dense
from networks.layers import info_nce, nt_xent


def file_values(folder, how="square"):
    def network(m, x):
        x = CONV(3, 3, padding="same")(m, "body.conv2d", x)
        return dense(1)(m, "ops.dense", F.relu(x).flatten(1)), x

    def pinball(p, target, q):
        return torch.maximum(q * (target - p), (q - 1) * (target - p)).mean()

    def loss(y, target):
        number, clean, (p, rebuilt) = target[:, :1], target[:, 1:].reshape(-1, 3, 9, 9), y
        if how == "square":
            return F.mse_loss(p, number)
        if how == "poisson":
            return F.poisson_nll_loss(p, number)
        if how == "masked":
            return ((number - p).square() * (number != 1)).mean() + (
                (clean - rebuilt).square() * (rebuilt.relu() == 0)
                + rebuilt.abs() * (rebuilt.maximum(clean) == clean)).mean()
        return (pinball(p, number, 0.9) - pinball(rebuilt, clean, 0.5) / 5
                + 0.1 * rebuilt.square().mean())
    images, labels = arrays(folder)
    both = torch.cat([labels.float().unsqueeze(1) / 2, images.flatten(1)], 1)
    return Case(images, both, network, loss)


def file_library(folder):
    def network(m, x):
        x = torch.tanh(dense(7)(m, "body.features", x.flatten(1)))
        p, rate, v = (dense(n)(m, f"body.dense_{i + 1}", x) for i, n in enumerate((5, 1, 1)))
        return p, rate, F.softplus(v)

    def focal(p, t, gamma, alpha):
        s = torch.sigmoid(p)
        each = (1 - s * t - (1 - s) * (1 - t)) ** gamma * F.softplus((1 - 2 * t) * p)
        return (each * (alpha * t + (1 - alpha) * (1 - t)) if alpha >= 0 else each).mean()

    def loss(y, target):
        number, ones, (p, rate, variance) = target[:, :1], target[:, 1:], y
        s, alike, hinge = torch.sigmoid(p), ones[:, 0], (1 - p * (2 * ones - 1)).relu()
        apart, late = ((p - ones).square().sum(1) + 0.1).sqrt(), number - rate
        dice = (2 * (s * ones).sum(1) + 1) / (s.sum(1) + ones.sum(1) + 1)
        return (hinge.mean() + hinge.square().mean() + focal(p, ones, 1.5, 0.25) - dice.mean()
                + focal(p, ones, 2, -1) + 1.5 - F.cosine_similarity(p, ones).mean() / 2
                + (alike * apart ** 2 + (1 - alike) * (2 - apart).relu() ** 2).mean()
                + F.triplet_margin_loss(p[:, :2], p[:, 1:3], p[:, 3:], margin=0.7)
                + info_nce(p, ones, 0.6) / 5 + nt_xent(p, p.exp()) / 5
                + (0.8 * late).maximum(-0.2 * late).mean()
                + F.poisson_nll_loss(variance, number, log_input=False)
                + F.gaussian_nll_loss(rate, number, variance)
                - (1 + p / 2 - p.square() - (p / 2).exp()).sum(1).mean() / 10)
    images, labels = arrays(folder)
    both = torch.cat([labels.float().unsqueeze(1) / 2, F.one_hot(labels, 5)], 1)
    return Case(images, both, network, loss)


def file_learned(folder):
    def network(m, x):
        x = CONV(6, 3, padding="same")(m, "ops.first", x)
        x = x * m("ops.scale", "weight").reshape(6, 1, 1) + m("ops.each", "weight")
        return dense(5)(m, "ops.dense", F.relu(x).flatten(1))
    return classes_case(arrays(folder), network)


def two_heads(m, x):
    x = CONV(7, 3)(m, "body.conv2d", x)
    x = F.relu(batchnorm()(m, "body.batchnorm", x)).flatten(1)
    return dense(5)(m, "kind.dense", x), dense(1)(m, "size.dense", x)


def file_heads(folder, share=0.3):
    def loss(y, target):
        kind, size = y
        number = target.to(size.dtype).unsqueeze(1) / 2
        return (F.cross_entropy(kind, target) + share * F.mse_loss(size, number)
                - F.l1_loss(size, number) / 50)
    return classes_case(arrays(folder), two_heads, loss)


def file_weighted(folder, smooth=0.1):
    """Each loss over the sum of what its rows count, and their classes."""
    def loss(y, target):
        kind, size = y
        number = target.to(size.dtype).unsqueeze(1) / 2
        worth, classes = target.to(size.dtype) / 3, torch.tensor([1, 2, 0.5, 3, 1]).to(size.dtype)

        def mean(each, count=worth):
            return (worth * each).sum() / count.sum()
        return (mean(F.cross_entropy(kind, target, classes, reduction="none",
                                     label_smoothing=smooth), worth * classes[target])
                + 0.3 * mean(F.mse_loss(size, number, reduction="none").squeeze(1))
                + mean(F.cross_entropy(kind, target, reduction="none")) / 2
                + 0.1 * mean((size.exp() - number * size).squeeze(1)))
    return classes_case(arrays(folder), two_heads, loss)
