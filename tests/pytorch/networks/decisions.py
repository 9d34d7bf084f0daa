"""Which decisions explain another program's gradients: the sign of a relu's input and the larger of
two inputs of a maximum decide where a gradient goes, and rounding decides where they are near.

A decision is near if the input, or the difference of the two largest, is at most NEAR of the
largest number of the layer. Turned over, it moves the output by no more than that, the gradients of
the weights before it by as much as they like."""

import types

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

NEAR = 1e-5
ROUNDING = 2.0 ** -24    # of float32
TRIES = 20                  # decisions that were turned over and did not help


class Decisions(TorchFunctionMode):
    """PyTorch's layers that decide, with `turned`, (layer, place) in the order of their calls, the
    other way round. Behind a run, of each layer: near (places), margins (of the largest number of
    the layer) and turns (1 where turned over, else 0; the gradients are differentiable by them)."""

    def __init__(self, turned=()):
        super().__init__()
        self.turned, self.near, self.margins, self.turns = turned, [], [], []

    def __torch_function__(self, function, kinds, arguments=(), named=None):
        mine = LAYERS.get(getattr(function, "__name__", ""))
        found = mine(self, *arguments, **(named or {})) if mine else NotImplemented
        return function(*arguments, **(named or {})) if found is NotImplemented else found

    def layer(self, margins, scale):
        """Places that are near, and the turns of these."""
        margins = margins.detach().flatten() / scale.detach()
        near = (margins <= NEAR).nonzero().flatten()
        at = len(self.near)
        turns = margins.new_tensor([(at, place) in self.turned for place in near.tolist()])
        self.near.append(near)
        self.margins.append(margins[near])
        self.turns.append(turns.requires_grad_())
        return near, turns

    def relu(self, x, inplace=False):
        near, turns = self.layer(x.abs(), x.abs().max())
        passes = (x > 0).to(x.dtype).flatten()
        passes = passes.index_add(0, near, turns * (1 - 2 * passes[near]))
        return x * passes.view_as(x)

    def leaky_relu(self, x, negative_slope=0.01, inplace=False):
        positive = self.relu(x)
        return positive + negative_slope * (x - positive)

    def abs(self, x):
        return (2 * self.relu(x) - x) * (x != 0)

    def hardtanh(self, x, min_val=-1.0, max_val=1.0, inplace=False):
        return min_val + self.relu(x - min_val) - self.relu(x - max_val)

    def hardsigmoid(self, x, inplace=False):
        return self.hardtanh(x + 3, 0, 6) / 6

    def hardswish(self, x, inplace=False):
        return x * self.hardsigmoid(x)

    def largest(self, x):
        """Over the last axis."""
        if x.shape[-1] == 1:
            return x.squeeze(-1)
        first, second = x.topk(2).values.unbind(-1)
        near, turns = self.layer(first - second, first.abs().max())
        flat = first.flatten()
        moves = turns * (second.flatten()[near] - flat[near])
        return flat.index_add(0, near, moves).view_as(first)

    def max(self, x, dim=None, keepdim=False):
        if not isinstance(dim, int) or keepdim:
            return NotImplemented
        return types.SimpleNamespace(values=self.largest(x.movedim(dim, -1)))

    def max_pool(self, x, axes, kernel, stride, padding, ceil):
        """Over windows of the last `axes` axes."""
        for axis in range(axes):
            k, s, p = (one[axis] if isinstance(one, (tuple, list)) else one
                       for one in (kernel, stride or kernel, padding))
            length = x.shape[-axes]
            count = (length + 2 * p - k + (s - 1 if ceil else 0)) // s + 1
            if (count - 1) * s >= length + p:       # would lie in the padding
                count -= 1
            behind = max((count - 1) * s + k - length - p, 0)
            x = F.pad(x.movedim(-axes, -1), (p, behind), value=-torch.inf).movedim(-1, -axes)
            x = x.unfold(-axes, k, s).narrow(-axes - 1, 0, count)   # a last axis of k more
        return self.largest(x.flatten(-axes))

    def max_pool1d(self, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
                   return_indices=False):
        return self.max_pool(x, 1, kernel_size, stride, padding, ceil_mode)

    def max_pool2d(self, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
                   return_indices=False):
        return self.max_pool(x, 2, kernel_size, stride, padding, ceil_mode)

    def adaptive_max_pool1d(self, x, output_size, return_indices=False):
        return self.largest(x).unsqueeze(-1) if output_size == 1 else NotImplemented


LAYERS = {name: getattr(Decisions, name) for name in (
    "relu", "leaky_relu", "abs", "hardtanh", "hardsigmoid", "hardswish", "max", "max_pool1d",
    "max_pool2d", "adaptive_max_pool1d")}


def gradients_of(loss_of, parameters, turned):
    """And the layers; 0 where a parameter has none."""
    with Decisions(turned) as layers:
        loss = loss_of()
    found = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found)], layers


def pulls(rest, gradients, layers):
    """[(pull, (layer, place))], the most first: how much turning a decision over brings the
    gradients nearer, by its margin, since rounding turns the nearest."""
    value = sum((r.detach() * g).sum() for r, g in zip(rest, gradients))
    of_layers = torch.autograd.grad(value, layers.turns, allow_unused=True)
    found = []
    for at, pull in enumerate(of_layers):
        if pull is not None:
            signed = pull * (1 - 2 * layers.turns[at].detach()) / (layers.margins[at] + ROUNDING)
            places = zip(signed.tolist(), layers.near[at].tolist())
            found += [(p, (at, place)) for p, place in places if p > 0]
    return sorted(found, reverse=True)


def explain(loss_of, parameters, wanted, sizes, most=200):
    """The decisions, at most so many, that bring the gradients of `parameters` to `wanted` within
    NEAR of `sizes`, or as near as it goes in 2 `most` + TRIES steps: (those turned over, the
    largest of their margins)."""
    turned, trying, refused, best = frozenset(), frozenset(), set(), None
    for _ in range(2 * most + TRIES):
        gradients, layers = gradients_of(loss_of, parameters, turned ^ trying)
        parts = [(w - g.detach()) / size for w, g, size in zip(wanted, gradients, sizes)]
        apart = sum(part.square().sum().item() for part in parts)
        if best is None or apart < best:
            turned, best, left = turned ^ trying, apart, max(p.abs().max().item() for p in parts)
            margins = [layers.margins[at][layers.near[at] == place].item() for at, place in turned]
            rest = [part / size for part, size in zip(parts, sizes)]
            able, share = pulls(rest, gradients, layers), 0.5
        elif len(trying) > 1:                       # together they are too many: the first alone
            share = 1
        else:
            refused |= trying
        able = [one for one in able if one[1] not in refused]
        if left <= NEAR or not able or len(turned) >= most or len(refused) >= TRIES:
            break
        near = [place for pull, place in able if pull >= share * able[0][0]]
        trying = frozenset(near[:most - len(turned)])
    return turned, max(margins, default=0.0)
