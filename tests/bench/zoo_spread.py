#!/usr/bin/env python3
"""How far the gradients of evaluations in float32 that are equally right lie from double.

    zoo_spread.py [--netc build/netc] [--rows 2] [--seed 1] [--tensors] NETWORK...

Of the first step of zoo.py: those of netc, as it is and by `conv = direct`, of PyTorch, of PyTorch
in channels_last and without oneDNN, which sum in other orders; of double where the weights are
moved by 2^-22 of them, and where what netc convolves by Winograd is moved by what that rounds.
Prints the largest difference in a tensor by its largest number, that of all gradients by their
norm, and the largest in the running statistics of a batchnorm, which tell of the way forward;
--tensors: each tensor's, in the order of the layers.
"""

import argparse
import copy
import os
import re
import tempfile

import torch

import zoo
import networks
from losses import read_safetensors
from networks.layers import move_outputs
from networks.net_file import NetFile


class Evaluation:
    """Of a side of zoo.py: its gradients, and running statistics behind that step."""

    def __init__(self, side):
        self.gradients = side.gradients()
        self.statistics = [tensor.double() for name, tensor in side.network.named_buffers()
                           if ".running_" in name]


class Netc:
    """Likewise of netc, in the shapes of PyTorch's parameters; `direct`: without Winograd."""

    def __init__(self, ours, weights, parameters, direct=False):
        if direct:
            ours.net = copy.copy(ours.net)
            ours.net.text = re.sub(r"^(train\b.*\{)$", r"\1\n    conv = direct", ours.net.text,
                                   flags=re.M)
            ours.compiled(ours.net.copy())
        found = ours.gradients()
        self.gradients = [zoo.as_shape(found[tensor], p.shape)
                          for tensor, p in zip(weights, parameters)]
        behind = read_safetensors(os.path.join(ours.folder, "run", "model.safetensors"))
        self.statistics = [tensor.double() for name, tensor in behind.items()
                           if ".running_" in name]


class Spread:
    """{evaluation: what it gives}, and that in double."""

    def __init__(self, netc, name, batch, seed):
        net = NetFile(os.path.join(zoo.ROOT, "models", "zoo", name + ".net"))
        self.net, self.find, self.batch = net, networks.find(name), batch
        with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
            drawn = net.draw(batch, seed)
            net.write(drawn, folder)
            self.rows = net.tensors(drawn, net.inputs), net.tensors(drawn, net.targets)
            ours = zoo.Ours(netc, net, batch, folder, seed)
            self.weights = zoo.trained(read_safetensors(ours.weights))
            self.rounded = ours.winograd_outputs()
            double = self.side(torch.float64)
            self.found = {"netc": Netc(ours, self.weights, double.parameters),
                          "netc, direct": Netc(ours, self.weights, double.parameters, True)}
        self.exact = Evaluation(double)
        self.found["PyTorch"] = Evaluation(self.side(torch.float32))
        self.found["channels_last"] = Evaluation(self.channels_last())
        with torch.backends.mkldnn.flags(enabled=False):
            self.found["without oneDNN"] = Evaluation(self.side(torch.float32))
        self.found["double, moved"] = Evaluation(
            self.side(torch.float64, zoo.moved(self.weights, 0)))
        self.found["double, outputs moved"] = Evaluation(self.outputs_moved())

    def side(self, dtype, weights=None):
        return zoo.Theirs(self.net, self.find, weights or self.weights, self.rows, self.batch,
                          dtype)

    def channels_last(self):
        side = self.side(torch.float32)
        side.network.to(memory_format=torch.channels_last)
        side.rows = [x.to(memory_format=torch.channels_last) if x.dim() == 4 else x
                     for x in side.rows[0]], side.rows[1]
        return side

    def outputs_moved(self):
        side = self.side(torch.float64)
        move_outputs(side.network, self.rounded, 0)
        return side

    def cells(self, of):
        found, tensor = zoo.gradient_distance(of.gradients, self.exact.gradients,
                                              self.exact.gradients)
        apart = sum((a - b).square().sum() for a, b in zip(of.gradients, self.exact.gradients))
        norm = sum(g.square().sum() for g in self.exact.gradients)
        statistics = max(((a - b).abs().max() / b.abs().max() for a, b in zip(
            of.statistics, self.exact.statistics)), default=0.0)
        return (f"{found:.1e}", f"`{list(self.weights)[tensor]}`",
                f"{(apart / norm).sqrt().item():.1e}", f"{statistics:.1e}")

    def tensors(self):
        exact = self.exact.gradients
        for i, (tensor, size) in enumerate(zip(self.weights, zoo.sizes_of(exact))):
            yield tensor, [f"{(of.gradients[i] - exact[i]).abs().max().item() / size:.1e}"
                           for of in self.found.values()]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--rows", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1, help="of weights and rows")
    parser.add_argument("--tensors", action="store_true")
    parser.add_argument("networks", nargs="+", metavar="NETWORK")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.networks:
        spread = Spread(os.path.abspath(options.netc), name, options.rows, options.seed)
        print(f"{name}, {options.rows} rows, seed {options.seed}\n")
        print("| evaluation | largest | of | all | statistics |\n"
              "| --- | ---: | --- | ---: | ---: |")
        for evaluation, of in spread.found.items():
            print(f"| {evaluation} | {' | '.join(spread.cells(of))} |")
        if options.tensors:
            print(f"\n| tensor | {' | '.join(spread.found)} |")
            print("| --- |" + " ---: |" * len(spread.found))
            for tensor, distances in spread.tensors():
                print(f"| `{tensor}` | {' | '.join(distances)} |")
        print()


if __name__ == "__main__":
    main()
