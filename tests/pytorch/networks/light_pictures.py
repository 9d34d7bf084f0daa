"""Networks for the classes of pictures by few products, by attention and by dense layers."""

import functools

import torch
import torch.nn.functional as F
from torch import nn

from .layers import Call, DropPath, Encoder, Positions
from .pictures import norm_conv, pooled_head

smooth = functools.partial(F.cross_entropy, label_smoothing=0.1)


def mobilenet_v1():
    layers, before = [*norm_conv(3, 32, 3, 2), nn.ReLU()], 32
    for channels, stride, count in [(64, 1, 1), (128, 2, 1), (128, 1, 1), (256, 2, 1), (256, 1, 1),
                                    (512, 2, 1), (512, 1, 5), (1024, 2, 1), (1024, 1, 1)]:
        for _ in range(count):
            layers += [*norm_conv(before, before, 3, stride, before), nn.ReLU(),
                       *norm_conv(before, channels, 1), nn.ReLU()]
            before = channels
    return nn.Sequential(*layers, *pooled_head(1024, 1000, 0.001)), F.cross_entropy


class Gate(nn.Module):
    """Squeeze and excitation: a factor for each channel, of the means of all."""

    def __init__(self, channels, squeezed, inner, outer):
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, squeezed, 1), inner,
                                  nn.Conv2d(squeezed, channels, 1), outer)

    def forward(self, x):
        return x * self.gate(x)


class Inverted(nn.Module):
    """An inverted residual: wide in the middle, a filter a channel there."""

    def __init__(self, inputs, wide, outputs, kernel, stride, activation, gate=None,
                 conv=norm_conv):
        super().__init__()
        body = [*conv(inputs, wide, 1), activation()] if wide > inputs else []
        body += [*conv(wide, wide, kernel, stride, wide), activation()]
        self.body = nn.Sequential(*body, *([gate] if gate else []), *conv(wide, outputs, 1))
        self.whole = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.whole else self.body(x)


def mobilenet_v2():
    layers, before = [*norm_conv(3, 32, 3, 2), nn.ReLU6()], 32
    for expansion, channels, count, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2),
                                               (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                                               (6, 320, 1, 1)]:
        for s in [stride] + [1] * (count - 1):
            layers.append(Inverted(before, before * expansion, channels, 3, s, nn.ReLU6))
            before = channels
    return nn.Sequential(*layers, *norm_conv(320, 1280, 1), nn.ReLU6(),
                         *pooled_head(1280, 1000, 0.2)), F.cross_entropy


def mobilenet_v3_small():
    def conv(*sizes):
        layer, _ = norm_conv(*sizes)
        return [layer, nn.BatchNorm2d(layer.out_channels, eps=1e-3, momentum=0.01)]
    relu, swish = nn.ReLU, nn.Hardswish
    layers = [*conv(3, 16, 3, 2), swish()]
    for inputs, kernel, wide, squeezed, outputs, stride, activation in [
            (16, 3, 16, 8, 16, 2, relu), (16, 3, 72, 0, 24, 2, relu), (24, 3, 88, 0, 24, 1, relu),
            (24, 5, 96, 24, 40, 2, swish), (40, 5, 240, 64, 40, 1, swish),
            (40, 5, 240, 64, 40, 1, swish), (40, 5, 120, 32, 48, 1, swish),
            (48, 5, 144, 40, 48, 1, swish), (48, 5, 288, 72, 96, 2, swish),
            (96, 5, 576, 144, 96, 1, swish), (96, 5, 576, 144, 96, 1, swish)]:
        gate = Gate(wide, squeezed, nn.ReLU(), nn.Hardsigmoid()) if squeezed else None
        layers.append(Inverted(inputs, wide, outputs, kernel, stride, activation, gate, conv))
    return nn.Sequential(*layers, *conv(96, 576, 1), swish(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(576, 1024), swish(), nn.Dropout(0.2),
                         nn.Linear(1024, 1000)), F.cross_entropy


def efficientnet_b0():
    layers = [*norm_conv(3, 32, 3, 2), nn.SiLU()]
    for expansion, kernel, stride, before, channels, count in [
            (1, 3, 1, 32, 16, 1), (6, 3, 2, 16, 24, 2), (6, 5, 2, 24, 40, 2), (6, 3, 2, 40, 80, 3),
            (6, 5, 1, 80, 112, 3), (6, 5, 2, 112, 192, 4), (6, 3, 1, 192, 320, 1)]:
        for s in [stride] + [1] * (count - 1):
            wide = before * expansion
            layers.append(Inverted(before, wide, channels, kernel, s, nn.SiLU,
                                   Gate(wide, before // 4, nn.SiLU(), nn.Sigmoid())))
            before = channels
    return nn.Sequential(*layers, *norm_conv(320, 1280, 1), nn.SiLU(),
                         *pooled_head(1280, 1000, 0.2)), F.cross_entropy


class Shuffled(nn.Module):
    """Two branches side by side, their channels shuffled; `half` splits the input between them."""

    def __init__(self, left, right, half):
        super().__init__()
        self.left, self.right, self.half = nn.Sequential(*left), nn.Sequential(*right), half

    def forward(self, x):
        a, b = x.chunk(2, 1) if self.half else (x, x)
        y = torch.cat([self.left(a), self.right(b)], 1)
        return y.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)


class Grouped(nn.Module):
    """Products of groups whose channels are shuffled between; the first of a stage is half as
    large, beside the mean of what came."""

    def __init__(self, inputs, outputs, groups, stride):
        super().__init__()
        added, middle = outputs - inputs if stride == 2 else outputs, outputs // 4
        self.first = nn.Sequential(*norm_conv(inputs, middle, 1, groups=groups), nn.ReLU(),
                                   nn.ChannelShuffle(3))
        self.body = nn.Sequential(*norm_conv(middle, middle, 3, stride, middle),
                                  *norm_conv(middle, added, 1, groups=3))
        self.half = stride == 2

    def forward(self, x):
        y = self.body(self.first(x))
        return F.relu(torch.cat([F.avg_pool2d(x, 3, 2, 1), y], 1) if self.half else x + y)


def shufflenet_v1():
    layers = [*norm_conv(3, 24, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    for inputs, channels, count, groups in (24, 240, 4, 1), (240, 480, 8, 3), (480, 960, 4, 3):
        layers.append(Grouped(inputs, channels, groups, 2))
        layers += [Grouped(channels, channels, 3, 1) for _ in range(count - 1)]
    return nn.Sequential(*layers, *pooled_head(960, 1000)), F.cross_entropy


def shufflenet_v2():
    def branch(inputs, outputs, stride):
        return [*norm_conv(inputs, outputs, 1), nn.ReLU(),
                *norm_conv(outputs, outputs, 3, stride, outputs), *norm_conv(outputs, outputs, 1),
                nn.ReLU()]
    layers = [*norm_conv(3, 24, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    for inputs, channels, count in (24, 116, 4), (116, 232, 8), (232, 464, 4):
        half = channels // 2
        layers.append(Shuffled([*norm_conv(inputs, inputs, 3, 2, inputs),
                                *norm_conv(inputs, half, 1), nn.ReLU()],
                               branch(inputs, half, 2), False))
        layers += [Shuffled([], branch(half, half, 1), True) for _ in range(count - 1)]
    return nn.Sequential(*layers, *norm_conv(464, 1024, 1), nn.ReLU(),
                         *pooled_head(1024, 1000)), F.cross_entropy


def channels_last():
    """[batch, channels, height, width] to [batch, height, width, channels]."""
    return Call(lambda x: x.permute(0, 2, 3, 1))


def channels_first():
    return Call(lambda x: x.permute(0, 3, 1, 2))


class Scale(nn.Module):
    """A factor for each number of the last axis."""

    def __init__(self, count, value):
        super().__init__()
        self.weight = nn.Parameter(torch.full((count,), value))

    def forward(self, x):
        return x * self.weight


class ConvNextLayer(nn.Module):
    def __init__(self, channels, p):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 7, padding=3, groups=channels), channels_last(),
            nn.LayerNorm(channels, eps=1e-6), nn.Linear(channels, 4 * channels), nn.GELU(),
            nn.Linear(4 * channels, channels), Scale(channels, 1e-6), channels_first(), DropPath(p))

    def forward(self, x):
        return x + self.body(x)


def convnext_tiny():
    layers, before, index = [], 3, 0

    def norm(channels):
        return [channels_last(), nn.LayerNorm(channels, eps=1e-6), channels_first()]
    for channels, count in (96, 3), (192, 3), (384, 9), (768, 3):
        if index == 0:
            layers += [nn.Conv2d(3, channels, 4, 4), *norm(channels)]
        else:
            layers += [*norm(before), nn.Conv2d(before, channels, 2, 2)]
        for _ in range(count):
            layers.append(ConvNextLayer(channels, 0.1 * index / 17))
            index += 1
        before = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.LayerNorm(768, eps=1e-6), nn.Linear(768, 1000)), smooth


class Mixer(nn.Module):
    """Dense layers across patches, then across channels; x is [batch, patches, channels]."""

    def __init__(self, patches, channels):
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.across = nn.Sequential(nn.Linear(patches, 256), nn.GELU(), nn.Linear(256, patches))
        self.body = nn.Sequential(nn.LayerNorm(channels, eps=1e-6), nn.Linear(channels, 2048),
                                  nn.GELU(), nn.Linear(2048, channels))

    def forward(self, x):
        x = x + self.across(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return x + self.body(x)


def patches(width, size):
    return nn.Sequential(nn.Conv2d(3, width, size, size), nn.Flatten(2),
                         Call(lambda x: x.transpose(1, 2)))


def mixer_s16():
    return nn.Sequential(patches(512, 16), *[Mixer(196, 512) for _ in range(8)],
                         nn.LayerNorm(512, eps=1e-6), Call(lambda x: x.mean(1)),
                         nn.Linear(512, 1000)), F.cross_entropy


class Token(nn.Module):
    """A learned vector before the first position."""

    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(1, width))

    def forward(self, x):
        return torch.cat([self.weight.expand(len(x), 1, -1), x], 1)


class VisionTransformer(nn.Module):
    def __init__(self, token, width, size, count, layers, classes, eps=1e-5):
        super().__init__()
        self.patches, self.token = patches(width, size), token
        self.positions = Positions(count + 1, width)
        self.encoder = nn.Sequential(*[Encoder(width, 3, eps=eps) for _ in range(layers)])
        self.norm, self.out = nn.LayerNorm(width, eps), nn.Linear(width, classes)

    def forward(self, x):
        y = self.positions(self.token(self.patches(x)))
        return self.out(self.norm(self.encoder(y))[:, 0])


def vit_cifar10():
    token = Call(lambda x: F.pad(x, (0, 0, 1, 0)))      # zeros, to which its position is added
    return VisionTransformer(token, 192, 4, 64, 6, 10), F.cross_entropy


def vit_tiny():
    return VisionTransformer(Token(192), 192, 16, 196, 12, 1000, eps=1e-6), smooth
