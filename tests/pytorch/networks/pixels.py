"""Networks whose results are pictures, and those that see several pictures at once."""

import functools

import torch
import torch.nn.functional as F
from torch import nn

from .layers import Reparameterize, binary, nt_xent
from .pictures import norm_conv, relu_conv

by_pixel = functools.partial(F.cross_entropy, ignore_index=255)


def two(inputs, channels, bias=False):
    layers = []
    for before in inputs, channels:
        layers += [nn.Conv2d(before, channels, 3, padding=1, bias=bias), nn.BatchNorm2d(channels),
                   nn.ReLU()]
    return nn.Sequential(*layers)


class Up(nn.Module):
    """Twice the size, and what was kept of it on the way down beside."""

    def __init__(self, width):
        super().__init__()
        self.up, self.merge = nn.ConvTranspose2d(2 * width, width, 2, 2), two(2 * width, width)

    def forward(self, x, kept):
        return self.merge(torch.cat([kept, self.up(x)], 1))


class UNet(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        widths = [32, 64, 128, 256, 512]
        self.down = nn.ModuleList(map(two, [3] + widths, widths))
        self.up = nn.ModuleList(map(Up, widths[-2::-1]))
        self.out = nn.Conv2d(32, outputs, 1)

    def forward(self, x):
        kept = []
        for down in self.down:
            x = down(F.max_pool2d(x, 2) if kept else x)
            kept.append(x)
        for up, beside in zip(self.up, kept[-2::-1]):
            x = up(x, beside)
        return self.out(x)


def unet():
    return UNet(4), by_pixel


def unet_binary():
    def loss(out, mask):
        p, axes = out.sigmoid(), (1, 2, 3)
        dice = 1 - (2 * (p * mask).sum(axes) + 1) / (p.sum(axes) + mask.sum(axes) + 1)
        return F.binary_cross_entropy_with_logits(out, mask) + dice.mean()
    return UNet(1), loss


class Fcn(nn.Sequential):
    def forward(self, x):
        return super().forward(x)[:, :, 19:19 + x.shape[2], 19:19 + x.shape[3]]


def fcn32s():
    layers, before, border = [], 3, 100
    for channels, count in (64, 2), (128, 2), (256, 3), (512, 3), (512, 3):
        for _ in range(count):
            layers.append(relu_conv(before, channels, 3, padding=border))
            before, border = channels, 1
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
    return Fcn(*layers, relu_conv(512, 4096, 7), nn.Dropout2d(), relu_conv(4096, 4096, 1),
               nn.Dropout2d(), nn.Conv2d(4096, 21, 1),
               nn.ConvTranspose2d(21, 21, 64, 32, bias=False)), by_pixel


def espcn():
    return nn.Sequential(nn.Conv2d(1, 64, 5, padding=2), nn.Tanh(), nn.Conv2d(64, 32, 3, padding=1),
                         nn.Tanh(), nn.Conv2d(32, 9, 3, padding=1), nn.PixelShuffle(3)), F.mse_loss


class Pair(nn.Module):
    """Two pictures by one network, their distance feature by feature."""

    def __init__(self, features, count):
        super().__init__()
        self.features, self.out = features, nn.Linear(count, 1)

    def forward(self, left, right):
        return self.out((self.features(left) - self.features(right)).abs())


def digits(units):
    return nn.Sequential(relu_conv(1, 32, 3), nn.MaxPool2d(2), relu_conv(32, 64, 3),
                         nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1600, units))


def siamese_mnist():
    return Pair(nn.Sequential(digits(64), nn.Sigmoid()), 64), binary


def siamese_omniglot():
    features = nn.Sequential(
        relu_conv(1, 64, 10), nn.MaxPool2d(2), relu_conv(64, 128, 7), nn.MaxPool2d(2),
        relu_conv(128, 128, 4), nn.MaxPool2d(2), relu_conv(128, 256, 4), nn.Flatten(),
        nn.Linear(9216, 4096), nn.Sigmoid())
    return Pair(features, 4096), binary


class Triplet(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = digits(64)

    def forward(self, *pictures):
        return [F.normalize(self.embed(x)) for x in pictures]


def triplet_mnist():
    return Triplet(), lambda out: F.triplet_margin_loss(*out, margin=0.2)


class Views(nn.Module):
    """One network of two pictures; its losses compare all rows."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, one, two):
        return self.network(one), self.network(two)


def simclr_cifar10():
    layers = [[nn.Conv2d(before, 128, 3, 2), nn.ReLU()] for before in (3, 128, 128, 128)]
    return Views(nn.Sequential(*sum(layers, []), nn.Flatten(), nn.Linear(128, 128), nn.ReLU(),
                               nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 128))), (
        lambda views: nt_xent(*views))


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(784, 400)
        self.mu, self.log_variance = nn.Linear(400, 20), nn.Linear(400, 20)
        self.draw = Reparameterize()
        self.decoder = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))

    def forward(self, x):
        h = F.relu(self.first(x))
        mu, log_variance = self.mu(h), self.log_variance(h)
        return self.decoder(self.draw(mu, log_variance)), mu, log_variance


def minus_elbo(out, x):
    logits, mu, log_variance = out
    divergence = 0.5 * (mu ** 2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x) + divergence


def vae_mnist():
    return Vae(), minus_elbo


def overlap(p, q):
    """What two boxes have in common, of what they cover; [batch, 4, 7, 7]."""
    a, b = p[:, 2:].square(), q[:, 2:].square()
    ends = torch.minimum(p[:, :2] / 7 + a / 2, q[:, :2] / 7 + b / 2)
    begin = torch.maximum(p[:, :2] / 7 - a / 2, q[:, :2] / 7 - b / 2)
    both = (ends - begin).clamp(min=0).prod(1, keepdim=True)
    return (both / (a.prod(1, True) + b.prod(1, True) - both + 1e-6)).detach()


def detection(y, box, object, kind):
    boxes, confidences = [y[:, 20:24], y[:, 25:29]], [y[:, 24:25], y[:, 29:30]]
    shares = [overlap(boxes[0], box), overlap(boxes[1], box)]
    second = object * (shares[1] > shares[0])
    loss = object * (y[:, :20] - kind).square().sum(1, keepdim=True)
    for p, confidence, share, better in zip(boxes, confidences, shares, (object - second, second)):
        far = (p - box).square().sum(1, keepdim=True)
        loss = loss + better * (5 * far + (confidence - share).square())
        loss = loss + 0.5 * (1 - better) * confidence.square()
    return loss.sum() / len(y)


def yolo_tiny():
    layers, before = [], 3
    for channels in 16, 32, 64, 128, 256, 512, 1024, 256:
        layers += [*norm_conv(before, channels, 3), nn.LeakyReLU(0.1)]
        if channels < 1024 and before < 1024:
            layers.append(nn.MaxPool2d(2))
        before = channels
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(12544, 1470),
                         nn.Unflatten(1, (30, 7, 7))), detection


class TinySsd(nn.Module):
    """Gives the logits of all anchors, [batch, 2, anchors], and their offsets, [batch, 4, ..]."""

    def __init__(self):
        super().__init__()
        halves = [nn.Sequential(*two(before, after, True), nn.MaxPool2d(2)) for before, after in
                  [(3, 16), (16, 32), (32, 64), (64, 128), (128, 128), (128, 128)]]
        stages = [nn.Sequential(*halves[:3]), *halves[3:], nn.AdaptiveMaxPool2d(1)]
        self.stages = nn.ModuleList()
        for stage, channels in zip(stages, (64, 128, 128, 128, 128)):
            heads = [nn.Conv2d(channels, 4 * numbers, 3, padding=1) for numbers in (2, 4)]
            self.stages.append(nn.ModuleList([stage, *heads]))

    def forward(self, x):
        kinds, offsets = [], []
        for stage, kind, offset in self.stages:
            x = stage(x)
            kinds.append(kind(x).unflatten(1, (2, 4)).flatten(2))
            offsets.append(offset(x).unflatten(1, (4, 4)).flatten(2))
        return torch.cat(kinds, 2), torch.cat(offsets, 2)


def tiny_ssd():
    def loss(out, kind, assigned, offset):
        return F.cross_entropy(out[0], kind) + (assigned * (out[1] - offset)).abs().mean()
    return TinySsd(), loss


def sized(kind, inputs, outputs, stride=2, padding=1):
    return kind(inputs, outputs, 4, stride, padding, bias=False)


class Gan(nn.Module):
    """Gives what is made of noise beside the pictures; both losses go on from there."""

    def __init__(self, size=64):
        super().__init__()
        up = functools.partial(sized, nn.ConvTranspose2d)
        down = functools.partial(sized, nn.Conv2d)
        g, d = [up(100, 4 * size, 1, 0)], [down(1, size), nn.LeakyReLU(0.2)]
        for scale in 2, 1:
            g += [nn.BatchNorm2d(2 * scale * size), nn.ReLU(), up(2 * scale * size, scale * size)]
        for scale in 2, 4:
            d += [down(scale // 2 * size, scale * size), nn.BatchNorm2d(scale * size),
                  nn.LeakyReLU(0.2)]
        self.d = nn.Sequential(*d, down(4 * size, 1, 1, 0), nn.Sigmoid(), nn.Flatten())
        self.g = nn.Sequential(*g, nn.BatchNorm2d(size), nn.ReLU(), up(size, 1), nn.Tanh())

    def forward(self, image, z):
        return 2 * F.pad(image, (2, 2, 2, 2)) - 1, self.g(z)


def dcgan_mnist(size=64):
    network = Gan(size)

    def is_real(pictures, real):
        out = network.d(pictures)
        return F.binary_cross_entropy(out, torch.full_like(out, real))
    return network, [lambda out: is_real(out[0], 1) + is_real(out[1].detach(), 0),
                     lambda out: is_real(out[1], 1)]
