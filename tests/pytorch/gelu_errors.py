"""Largest errors of PyTorch's gelu and its gradient in float32 against double, over 2^20 numbers of
each range: the bounds of tests/kernels/gelu.c, as its rows. Of PyTorch's two ways, with oneDNN and
without, the smaller; below 1/4 relative errors too.

    python3 tests/pytorch/gelu_errors.py
"""

import numpy
import torch

EDGES = [-10, -6, -5, -4, -3, -2, -1.5, -1, -0.5, -0.25, -0.125, 0,
         0.125, 0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 10]
SMALL = [0.25, 1e-2, 1e-4, 1e-6]


def both(x):
    """gelu and its gradient"""
    x = x.clone().requires_grad_(True)
    y = torch.nn.functional.gelu(x)
    y.backward(torch.ones_like(y))
    return y.detach().double(), x.grad.double()


def errors(low, high, relative):
    x = torch.from_numpy(numpy.linspace(low, high, 1 << 20).astype(numpy.float32))
    exact, least = both(x.double()), [numpy.inf] * 2
    for enabled in True, False:
        with torch.backends.mkldnn.flags(enabled=enabled):
            for i, got in enumerate(both(x)):
                error = (got - exact[i]).abs()
                if relative:
                    error /= exact[i].abs()
                least[i] = min(least[i], error.max().item())
    return least


ROWS = [(low, high, 0) for low, high in zip(EDGES, EDGES[1:])]
ROWS += [(-high, -low, 1) for high, low in zip(SMALL, SMALL[1:])] + [(-1e-29, -1e-30, 1)]
ROWS += [(low, high, 1) for high, low in zip(SMALL, SMALL[1:])] + [(1e-30, 1e-29, 1)]
for row in ROWS:
    print("    {%g, %g, %d, %.2e, %.2e}," % (*row, *errors(*row)))
