"""Networks for the classes of pictures of 224 x 224 and 32 x 32, and of grids of 32 x 32 x 32, by
convolutions of their time."""

import torch
import torch.nn.functional as F
from torch import nn


def relu_conv(inputs, outputs, kernel, stride=1, padding=0):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.ReLU())


def norm_conv(inputs, outputs, kernel, stride=1, groups=1):
    """Of the same size, without bias, and its batchnorm."""
    return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs)]


def pooled_head(inputs, classes, p=0.0):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(p), nn.Linear(inputs, classes)]


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84),
        nn.Tanh(), nn.Linear(84, 10)), F.cross_entropy


def voxnet():
    return nn.Sequential(
        nn.Conv3d(1, 32, 5, 2), nn.LeakyReLU(0.1), nn.Dropout(0.2), nn.Conv3d(32, 32, 3),
        nn.LeakyReLU(0.1), nn.MaxPool3d(2), nn.Dropout(0.3), nn.Flatten(), nn.Linear(6912, 128),
        nn.ReLU(), nn.Dropout(0.4), nn.Linear(128, 40)), F.cross_entropy


def alexnet():
    return nn.Sequential(
        relu_conv(3, 64, 11, 4, 2), nn.MaxPool2d(3, 2), relu_conv(64, 192, 5, 1, 2),
        nn.MaxPool2d(3, 2), relu_conv(192, 384, 3, 1, 1), relu_conv(384, 256, 3, 1, 1),
        relu_conv(256, 256, 3, 1, 1), nn.MaxPool2d(3, 2), nn.Flatten(), nn.Dropout(),
        nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Linear(4096, 1000)), F.cross_entropy


def vgg(stages):
    layers, before = [], 3
    for channels, count in stages:
        for _ in range(count):
            layers.append(relu_conv(before, channels, 3, 1, 1))
            before = channels
        layers.append(nn.MaxPool2d(2))
    layers.append(nn.Flatten())
    for inputs in 25088, 4096:
        layers += [nn.Linear(inputs, 4096), nn.ReLU(), nn.Dropout()]
    return nn.Sequential(*layers, nn.Linear(4096, 1000)), F.cross_entropy


def vgg11():
    return vgg([(64, 1), (128, 1), (256, 2), (512, 2), (512, 2)])


def vgg16():
    return vgg([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)])


def nin():
    def part(inputs, outputs, kernel, last, **options):
        return nn.Sequential(relu_conv(inputs, outputs, kernel, **options),
                             relu_conv(outputs, outputs, 1), relu_conv(outputs, last, 1))

    def pool():
        return nn.MaxPool2d(3, 2, ceil_mode=True)
    return nn.Sequential(
        part(3, 96, 11, 96, stride=4), pool(), part(96, 256, 5, 256, padding=2), pool(),
        part(256, 384, 3, 384, padding=1), pool(), nn.Dropout(), part(384, 1024, 3, 1000,
                                                                      padding=1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten()), F.cross_entropy


class Fire(nn.Module):
    def __init__(self, inputs, squeeze, expand):
        super().__init__()
        self.squeeze = relu_conv(inputs, squeeze, 1)
        self.one = relu_conv(squeeze, expand, 1)
        self.three = relu_conv(squeeze, expand, 3, padding=1)

    def forward(self, x):
        s = self.squeeze(x)
        return torch.cat([self.one(s), self.three(s)], 1)


def squeezenet():
    layers, before = [relu_conv(3, 64, 3, stride=2)], 64
    for stage in [(16, 64)] * 2, [(32, 128)] * 2, [(48, 192)] * 2 + [(64, 256)] * 2:
        layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
        for squeeze, expand in stage:
            layers.append(Fire(before, squeeze, expand))
            before = 2 * expand
    return nn.Sequential(*layers, nn.Dropout(), relu_conv(512, 1000, 1), nn.AdaptiveAvgPool2d(1),
                         nn.Flatten()), F.cross_entropy


class Inception(nn.Module):
    def __init__(self, inputs, one, three_first, three, five_first, five, pooled):
        super().__init__()
        self.branches = nn.ModuleList([
            inception_conv(inputs, one, 1),
            nn.Sequential(inception_conv(inputs, three_first, 1),
                          inception_conv(three_first, three, 3)),
            nn.Sequential(inception_conv(inputs, five_first, 1),
                          inception_conv(five_first, five, 3)),
            nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True),
                          inception_conv(inputs, pooled, 1))])

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


def inception_conv(inputs, outputs, kernel, stride=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
                         nn.BatchNorm2d(outputs, eps=1e-3), nn.ReLU())


def googlenet():
    stages = [[(64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)],
              [(192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
               (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128)],
              [(256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)]]
    layers = [inception_conv(3, 64, 7, 2), nn.MaxPool2d(3, 2, ceil_mode=True),
              inception_conv(64, 64, 1), inception_conv(64, 192, 3)]
    before = 192
    for stage, size in zip(stages, (3, 3, 2)):
        layers.append(nn.MaxPool2d(size, 2, ceil_mode=True))
        for widths in stage:
            layers.append(Inception(before, *widths))
            before = widths[0] + widths[2] + widths[4] + widths[5]
    return nn.Sequential(*layers, *pooled_head(1024, 1000, 0.2)), F.cross_entropy


class Residual(nn.Module):
    """relu(body(x) + skip(x))."""

    def __init__(self, body, skip):
        super().__init__()
        self.body, self.skip = nn.Sequential(*body), nn.Sequential(*skip)

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x))


def resnet_stem():
    return [*norm_conv(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]


def resnet18():
    layers, before = resnet_stem(), 64
    for channels, stride in (64, 1), (128, 2), (256, 2), (512, 2):
        for s in stride, 1:
            layers.append(Residual([*norm_conv(before, channels, 3, s), nn.ReLU(),
                                    *norm_conv(channels, channels, 3)],
                                   norm_conv(before, channels, 1, s) if s > 1 else []))
            before = channels
    return nn.Sequential(*layers, *pooled_head(512, 1000)), F.cross_entropy


def bottlenecks(wider, groups):
    layers, before = resnet_stem(), 64
    for channels, count, stride in (64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2):
        for s in [stride] + [1] * (count - 1):
            inner, outer = wider * channels, 4 * channels
            body = [*norm_conv(before, inner, 1), nn.ReLU(), *norm_conv(inner, inner, 3, s, groups),
                    nn.ReLU(), *norm_conv(inner, outer, 1)]
            layers.append(Residual(body, norm_conv(before, outer, 1, s) if before != outer else []))
            before = outer
    return nn.Sequential(*layers, *pooled_head(2048, 1000)), F.cross_entropy


def resnet50():
    return bottlenecks(1, 1)


def resnext50():
    return bottlenecks(2, 32)


class WideBlock(nn.Module):
    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU())
        self.skip = None
        if inputs != channels:
            self.skip = nn.Conv2d(inputs, channels, 1, stride, bias=False)
        self.body = nn.Sequential(*norm_conv(inputs, channels, 3, stride), nn.ReLU(),
                                  nn.Conv2d(channels, channels, 3, padding=1, bias=False))

    def forward(self, x):
        y = self.first(x)
        return self.body(y) + (self.skip(y) if self.skip else x)


def wide_resnet_28_10():
    layers, before = [nn.Conv2d(3, 16, 3, padding=1, bias=False)], 16
    for channels, stride in (160, 1), (320, 2), (640, 2):
        for s in stride, 1, 1, 1:
            layers.append(WideBlock(before, channels, s))
            before = channels
    return nn.Sequential(*layers, nn.BatchNorm2d(640), nn.ReLU(),
                         *pooled_head(640, 10)), F.cross_entropy


def dense_conv(inputs, outputs, kernel):
    return [nn.BatchNorm2d(inputs), nn.ReLU(),
            nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)]


class DenseLayer(nn.Sequential):
    def forward(self, x):
        return torch.cat([x, super().forward(x)], 1)


def densenet121():
    layers, channels, growth = resnet_stem(), 64, 32
    for count in 6, 12, 24, 16:
        if channels > 64:
            layers += [*dense_conv(channels, channels // 2, 1), nn.AvgPool2d(2)]
            channels //= 2
        for _ in range(count):
            layers.append(DenseLayer(*dense_conv(channels, 4 * growth, 1),
                                     *dense_conv(4 * growth, growth, 3)))
            channels += growth
    return nn.Sequential(*layers, nn.BatchNorm2d(1024), nn.ReLU(),
                         *pooled_head(1024, 1000)), F.cross_entropy
