"""Several train sections in turn, in PyTorch: gan.net."""

import torch
import torch.nn.functional as F

import models
from data import arrays, pixels


def discriminate(m, x):
    conv, norm = models.CONV, models.batchnorm()
    x = F.leaky_relu(conv(8, 3, stride=2, padding=1, bias=False)(m, "d.conv2d_1", x), 0.2)
    x = norm(m, "d.batchnorm", conv(20, 3, stride=2, padding=1, bias=False)(m, "d.conv2d_2", x))
    return torch.sigmoid(conv(1, 3)(m, "d.conv2d_3", F.leaky_relu(x, 0.2)).flatten(1))


def generate(m, z):
    turn = models.convolution(F.conv_transpose2d)
    z = turn(12, 3, bias=False)(m, "g.conv2d_transpose_1", z[:, :, None, None])
    z = F.relu(models.batchnorm()(m, "g.batchnorm", z))
    return torch.tanh(turn(3, 3, stride=3, bias=False)(m, "g.conv2d_transpose_2", z))


def run(case, weights, folder, dtype):
    """The sums of both losses, and the tensors after the last step."""
    m = models.Run(weights, folder)
    trained = {name: tensor.requires_grad_() for name, tensor in m.weights.items()
               if ".running_" not in name}
    of_d, of_g = ([tensor for name, tensor in trained.items() if name[:2] == part]
                  for part in ("d.", "g."))
    steps = [torch.optim.Adam(of_d, lr=2e-3, betas=(0.5, 0.999)),
             torch.optim.SGD(of_g, lr=0.1, momentum=0.9)]
    images, noise = arrays(folder)[0].to(dtype), (pixels(folder).flatten(1).float() / 255).to(dtype)
    losses = []
    for step in range(case.steps):
        at = step % (len(images) // case.batch) * case.batch
        x, z = images[at:at + case.batch], noise[at:at + case.batch]
        made, real, fake = generate(m, z), torch.ones(len(x), 1), torch.zeros(len(x), 1)
        real, fake = real.to(dtype), fake.to(dtype)
        steps[0].zero_grad()
        first = (F.binary_cross_entropy(discriminate(m, x), real) +
                 F.binary_cross_entropy(discriminate(m, made.detach()), fake))
        first.backward()
        steps[0].step()
        steps[1].zero_grad()
        second = F.binary_cross_entropy(discriminate(m, made), real)
        second.backward()
        steps[1].step()
        losses.append(first.item() + second.item())
    return losses, {name: tensor.detach() for name, tensor in m.weights.items()}
