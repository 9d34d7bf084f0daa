"""torch_models.py -- PyTorch's form of the models that `make bench` measures: a function a model
gives (module, optimizer, loss, batch maker); the batch maker gives (inputs, targets)."""

import torch
import torch.nn as nn
import torch.nn.functional as F


def images(channels, size, classes):
    return lambda n: (torch.rand(n, channels, size, size), torch.randint(0, classes, (n,)))


def sgd(model, **options):
    return torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, **options)


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=1e-3)


def cnet():
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128),
                          nn.ReLU(), nn.Linear(128, 10))
    return model, sgd(model), F.cross_entropy, images(1, 28, 10)


def mnist_conv():
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.BatchNorm2d(32, momentum=0.01, eps=1e-3),
        nn.Conv2d(32, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.BatchNorm2d(16, momentum=0.01, eps=1e-3),
        nn.Flatten(), nn.Linear(784, 10))
    return model, adam(model), F.cross_entropy, images(1, 28, 10)


def lenet5():
    model = nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten(), nn.Linear(120, 84),
        nn.ReLU(), nn.Linear(84, 10))
    return model, sgd(model, weight_decay=1e-4), F.cross_entropy, images(3, 32, 10)


class Permute(nn.Module):
    """[batch, length, channels] to [batch, channels, length]."""

    def forward(self, x):
        return x.transpose(1, 2)


def binary(prediction, target):
    return F.binary_cross_entropy_with_logits(prediction.flatten(), target)


def imdb_embedding_conv():
    model = nn.Sequential(
        nn.Embedding(10000, 16), Permute(), nn.BatchNorm1d(16),
        nn.Conv1d(16, 16, 3, padding=1), nn.ReLU(), nn.MaxPool1d(2), nn.BatchNorm1d(16),
        nn.Conv1d(16, 64, 3, padding=1), nn.ReLU(), nn.MaxPool1d(2), nn.BatchNorm1d(64),
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(8000, 1))
    return (model, adam(model), binary,
            lambda n: (torch.randint(0, 10000, (n, 500)), torch.randint(0, 2, (n,)).float()))


class BagOfWords(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(10000, 100), nn.Linear(100, 10)
        self.out = nn.Linear(10010, 1)

    def forward(self, x):
        return self.out(torch.cat([x, F.relu(self.two(F.relu(self.one(x))))], 1))


def imdb_bow():
    model = BagOfWords()

    def batch(n):       # about 130 different words a review, as in the data
        x = torch.zeros(n, 10000)
        x.scatter_(1, torch.randint(0, 10000, (n, 130)), 1.0)
        return x, torch.randint(0, 2, (n,)).float()
    return model, adam(model), binary, batch


class Titles(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(50002, 300, padding_idx=0)
        self.convolutions = nn.ModuleList(nn.Conv1d(300, 100, k) for k in (2, 3, 4))
        self.hidden, self.out = nn.Linear(300, 1024), nn.Linear(1024, 632)

    def forward(self, x):
        x = self.words(x).transpose(1, 2)
        x = torch.cat([F.relu(c(x)).amax(2) for c in self.convolutions], 1)
        return self.out(F.relu(self.hidden(x)))


def meli_cnn():
    model = Titles()
    return (model, sgd(model), F.cross_entropy,
            lambda n: (torch.randint(0, 50002, (n, 32)), torch.randint(0, 632, (n,))))


def cifar100_alexnet():
    def conv(a, b, k, **options):
        return [nn.Conv2d(a, b, k, **options), nn.ReLU()]

    def head(a):
        return [nn.Linear(a, 512), nn.ReLU(), nn.Dropout(0.5), nn.BatchNorm1d(512)]
    model = nn.Sequential(
        *conv(3, 96, 4, stride=2), nn.MaxPool2d(3, 1), nn.BatchNorm2d(96),
        *conv(96, 256, 3, stride=2), nn.MaxPool2d(2, 1), nn.BatchNorm2d(256),
        *conv(256, 384, 3, padding=1), nn.BatchNorm2d(384),
        *conv(384, 384, 3, padding=1), nn.BatchNorm2d(384),
        *conv(384, 256, 3, padding=1), nn.MaxPool2d(2, 1), nn.BatchNorm2d(256),
        nn.Flatten(), *head(4096), *head(512), nn.Linear(512, 100))
    return model, adam(model), F.cross_entropy, images(3, 32, 100)


def cifar10_vgg16():
    layers, channels = [], 3
    for stage in ([64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3):
        for width in stage:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width),
                       nn.ReLU6()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))
    return model, sgd(model), F.cross_entropy, images(3, 32, 10)


class Basic(nn.Module):
    def __init__(self, before, width, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU6(),
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        self.skip = nn.Identity() if stride == 1 else nn.Sequential(
            nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        return F.relu6(self.body(x) + self.skip(x))


def cifar10_resnet18():
    layers, before = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU6()], 64
    for width in (64, 128, 256, 512):
        layers += [Basic(before, width, 1 if width == 64 else 2), Basic(width, width, 1)]
        before = width
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    return model, sgd(model), F.cross_entropy, images(3, 32, 10)


def autoencoder():
    def conv(a, b):
        return nn.Conv2d(a, b, 3, padding=1)
    model = nn.Sequential(
        conv(1, 32), nn.ReLU(), nn.MaxPool2d(2), conv(32, 32), nn.ReLU(), nn.MaxPool2d(2),
        conv(32, 8), nn.ReLU(), nn.Upsample(scale_factor=2), conv(8, 8), nn.ReLU(),
        nn.Upsample(scale_factor=2), conv(8, 1), nn.Sigmoid())
    return (model, adam(model), F.mse_loss,
            lambda n: (torch.rand(n, 1, 28, 28), torch.rand(n, 1, 28, 28)))
