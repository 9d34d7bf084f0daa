"""What several networks are made of, and what is drawn in them."""

import torch
import torch.nn.functional as F
from torch import nn

WINOGRAD = 1.7e-6   # root mean square of F(4x4)'s errors, by the result's: docs/numerics.md


class Call(nn.Module):
    """A function as a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def bounded(layer, most):
    """The layer, whose filters have a norm of at most that after a step (bound)."""
    layer.most_norm = most
    return layer


def bound(network):
    for layer in network.modules():
        if hasattr(layer, "most_norm"):
            weight = layer.weight.data
            weight.copy_(torch.renorm(weight, 2, 0, layer.most_norm))


class Positions(nn.Module):
    """Plus a learned vector a position; x is [batch, length, width]."""

    def __init__(self, length, width):
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(length, width))

    def forward(self, x):
        return x + self.weight


class DropPath(nn.Module):
    """Stochastic depth: a row's branch is left out with probability p."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        kept = x.new_empty(len(x), *[1] * (x.dim() - 1)).bernoulli_(1 - self.p)
        return x * kept / (1 - self.p)


class Reparameterize(nn.Module):
    """A draw from N(mu, exp(log_variance)); p times its noise."""

    p = 1

    def forward(self, mu, log_variance):
        if not self.training or self.p == 0:
            return mu
        return mu + self.p * (0.5 * log_variance).exp() * torch.randn_like(mu)


def draw_nothing(network):
    """Without dropout and noise, whose draws are another program's."""
    for module in network.modules():
        if isinstance(module, nn.MultiheadAttention):
            module.dropout = 0.0
        elif hasattr(module, "p"):
            module.p = 0


def move_outputs(network, shapes, seed):
    """What 3x3 convolutions give, of these shapes without rows, moved by as much as Winograd
    rounds."""
    generator = torch.Generator().manual_seed(seed)

    def move(_, inputs, y):
        if tuple(y.shape[1:]) not in shapes:
            return y
        drawn = torch.randn(y.shape, generator=generator, dtype=y.dtype)
        return y + WINOGRAD * y.detach().square().mean().sqrt() * drawn
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
            layer.register_forward_hook(move)


class Encoder(nn.Module):
    """A block of a transformer, normalized first; x is [batch, length, width]."""

    def __init__(self, width, heads, p=0.0, weights_p=0.0, eps=1e-5, gelu="none"):
        super().__init__()
        self.norm = nn.LayerNorm(width, eps)
        self.attention = nn.MultiheadAttention(width, heads, weights_p, batch_first=True)
        self.mlp_norm = nn.LayerNorm(width, eps)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(gelu),
                                 nn.Linear(4 * width, width))
        self.drop = nn.Dropout(p)

    def forward(self, x, padding=None, causal=None):
        y = self.norm(x)
        y, _ = self.attention(y, y, y, padding, False, causal, is_causal=causal is not None)
        x = x + self.drop(y)
        return x + self.drop(self.mlp(self.mlp_norm(x)))


def causal_mask(length):
    """True where a position may not look."""
    return torch.ones(length, length, dtype=torch.bool).triu(1)


def padding_of(words):
    """True where no word is; None where there are words everywhere."""
    padding = words == 0
    return padding if padding.any() else None


def info_nce(a, b, temperature=0.1):
    """Of each row of a, whose positive is the same row of b."""
    scores = F.normalize(a) @ F.normalize(b).T / temperature
    return F.cross_entropy(scores, torch.arange(len(a)))


def nt_xent(a, b, temperature=0.5):
    """Of each row of both views, beside all others of both."""
    z = F.normalize(torch.cat([a, b]))
    itself = torch.eye(len(z), dtype=torch.bool)
    scores = (z @ z.T / temperature).masked_fill(itself, -torch.inf)
    return F.cross_entropy(scores, torch.arange(len(z)).roll(len(a)))


def binary(logit, target):
    return F.binary_cross_entropy_with_logits(logit.flatten(), target)
