#!/usr/bin/env python3
"""The networks of models/zoo beside PyTorch: are they the same, and how long is a step?

    zoo.py [--netc build/netc] [NETWORK...]
    zoo.py --no-steps       differences alone, which no other program's load changes
    zoo.py --no-differences steps alone
    zoo.py --variants eager,channels_last,compile   PyTorch's best of these
    zoo.py --gradcheck SECONDS      `gradcheck --synthetic` too

Prints a table in Markdown, a row a network, and what went wrong; the exit is 1 then.

- parameters: netc's, and PyTorch's where they are others.
- losses of 10 steps by the file's optimizer and clip, without its schedule, from the same weights
  (those of `init`) on the same rows, both sides without what is drawn (dropout and the like, see
  networks/net_file.py): the largest relative difference from PyTorch's. Of several train sections
  the sums. --rate: of training that diverges on drawn rows, at a part of its rate.
- gradients of the first step, of several sections each from the first weights: the largest
  difference in a tensor by its largest number (by the largest of all where a tensor's gradient is 0
  in double). Behind both the distances of netc and of PyTorch from PyTorch in double. Where netc is
  further from it than 1e-4 and than 1.5 times PyTorch, it is told how near netc is to double when
  relus and maxima whose inputs are nearer than rounding decide in its first step as netc's
  gradients have it (networks/decisions.py), and if that is not near, how far double goes when the
  weights are moved by 2^-22 of them and what netc convolves by Winograd by as much as that rounds
  (networks/layers.py). Beyond that is a fault.
- threads: whether one thread and two give the same losses and weights to the bit.
- compile: processor seconds of netc with clang, of the file as it is.
- step: medians on --threads threads in turns, of the file as it is, of several sections one behind
  the other; MB: the processes' peaks.
  --processor: processor time on one thread, which a busy machine changes less.
- gradcheck: how many tensors it finds right, of the file with smaller inputs (zoo_gradcheck.py),
  before its processor seconds are up.
"""

import argparse
import contextlib
import csv
import importlib.util
import os
import re
import resource
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "pytorch"))

import bench
import turns
import zoo_gradcheck

STEPS = 10
NO_GRADIENT = 1e-10     # of the largest gradient: 0 in double
LOSS_LIMIT = GRADIENT_LIMIT = 1e-4
TIMES = 1.5             # PyTorch's own distance from double, or that of moved weights
MOVED, DRAWS = 2.0 ** -22, 3    # of a weight; draws of the moves

# rows of a batch where the rule of batches() is not it: of differences, of steps
BATCHES = {"vgg11": (1, 8), "vgg16": (1, 8), "fcn32s": (1, 2), "wavenet": (1, 4),
           "wide_resnet_28_10": (2, 16), "deepfm": (16, 512), "imdb_transformer": (2, 64),
           "imdb_lstm": (4, 64), "imdb_bilstm": (4, 64), "imdb_gru": (4, 64),
           "siamese_omniglot": (2, 4), "simclr_cifar10": (8, 64), "dcgan_mnist": (64, 64)}


def batches(name, net):
    if name in BATCHES:
        return BATCHES[name]
    large = any(len(field.shape) == 3 and field.shape[1] > 100 for field in net.inputs)
    return (2, 8) if large else (8, net.batch)


def call(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}\n"
                           f"{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def compile_net(netc, path, trainer, batch):
    """Processor seconds of its own and of clang, the system's not."""
    began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    call(netc, path, "-o", trainer, "--batch", batch)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - began


# ---- netc's side ---------------------------------------------------------------------------------


def winograd_shapes(kernels):
    """Of --dump=fused: the shapes, without rows, of what convolutions by Winograd give."""
    shapes = re.findall(r" conv2d winograd \dx\d weights +-> \[([\d, ]+)\]", kernels)
    return {tuple(map(int, shape.split(", "))) for shape in shapes}


class Ours:
    """The trainer of a copy, in a folder with its rows."""

    def __init__(self, netc, net, batch, folder, seed):
        self.netc, self.net, self.batch, self.folder = netc, net, batch, folder
        self.weights = os.path.join(folder, "initial", "model.safetensors")
        self.trainer = self.compiled(net.copy())
        summary = call(netc, self.trainer + ".net", "--summary")
        self.count = int(re.search(r"Trainable params: ([\d,]+)", summary)[1].replace(",", ""))
        call(self.trainer, "train", "--data", folder, "--seed", seed, "--epochs", 0, "--out",
             os.path.join(folder, "initial"), "--quiet")

    def compiled(self, text):
        path = os.path.join(self.folder, "trainer")
        with open(path + ".net", "w") as file:
            file.write(text)
        compile_net(self.netc, path + ".net", path, self.batch)
        return path

    def winograd_outputs(self):
        return winograd_shapes(call(self.netc, self.trainer + ".net", "--dump=fused", "--batch",
                                    self.batch))

    def steps(self, count, threads, *flags):
        """The losses, and the tensors behind the last step."""
        from losses import read_safetensors
        log, out = os.path.join(self.folder, "steps.csv"), os.path.join(self.folder, "run")
        call(self.trainer, "train", "--data", self.folder, "--weights", self.weights,
             "--no-shuffle", "--epochs", 1, "--max-steps", count, "--keep", "last", "--threads",
             threads, "--log-steps", log, "--out", out, "--force", "--quiet", *flags)
        with open(log) as file:
            losses = [float(row["loss"]) for row in csv.DictReader(file)]
        return losses, read_safetensors(os.path.join(out, "model.safetensors"))

    def gradients(self):
        """Of the first step, by the names of tensors: what sgd's momentum is behind it."""
        from losses import read_safetensors
        flags = ["--optimizer", "sgd", "--lr", 1e-12, "--momentum", 0.9, "--weight-decay", 0,
                 "--clip", 0]
        if len(self.net.sections) > 1:      # which no flag is for
            text = re.sub(r"^    clip .*\n", "", self.net.copy(), flags=re.M)
            self.compiled(re.sub(r"^(    optimizer *=).*", r"\1 sgd(lr=1e-12, momentum=0.9)", text,
                                flags=re.M))
            flags = []
        self.steps(1, 2, *flags)
        state = read_safetensors(os.path.join(self.folder, "run", "checkpoint.safetensors"))
        prefix = "optimizer.1."
        return {name[len(prefix):]: tensor.double() for name, tensor in state.items()
                if name.startswith(prefix)}


def trained(tensors):
    """Without statistics, in the order of PyTorch's modules."""
    names = [name for name in tensors if ".running_" not in name]
    for i in reversed(range(len(names))):
        if names[i].endswith("out_proj.weight") and names[i + 1].endswith("in_proj_bias"):
            names[i:i + 2] = names[i + 1], names[i]
    return {name: tensors[name] for name in names}


# ---- PyTorch's side ------------------------------------------------------------------------------


def as_shape(tensor, shape):
    """netc's tensor as PyTorch's: axes of one number come and go, positions are turned."""
    def many(sizes):
        return [size for size in sizes if size != 1]
    if many(tensor.shape) == many(shape):
        return tensor.reshape(shape)
    if tensor.dim() == 2 and list(tensor.shape[::-1]) == list(shape):
        return tensor.T
    raise RuntimeError(f"a tensor is {list(tensor.shape)} here and {list(shape)} in PyTorch")


class Theirs:
    """A network in PyTorch with netc's weights, and the rows of its steps."""

    def __init__(self, net, find, weights, rows, batch, dtype):
        import torch
        from networks.layers import draw_nothing
        self.net, self.rows, self.batch, self.dtype = net, rows, batch, dtype
        self.network, losses = find()
        draw_nothing(self.network)
        self.network.to(dtype)
        self.parameters = list(self.network.parameters())
        if len(self.parameters) != len(weights):
            raise RuntimeError(f"{len(weights)} tensors here, {len(self.parameters)} in PyTorch")
        with torch.no_grad():
            for parameter, tensor in zip(self.parameters, weights.values()):
                tensor = as_shape(tensor, parameter.shape)
                if not parameter.requires_grad and (tensor - parameter).abs().max() > 1e-5:
                    raise RuntimeError("a tensor that is not trained is another in PyTorch")
                parameter.copy_(tensor)
        self.sections = net.in_turn(self.network, losses)
        self.count = sum(p.numel() for _, learning in self.sections for p in learning)

    def part(self, tensors, step):
        for tensor in tensors:
            tensor = tensor[step * self.batch:(step + 1) * self.batch]
            yield tensor.to(self.dtype) if tensor.is_floating_point() else tensor.long()

    def outputs(self, step):
        return self.network(*self.part(self.rows[0], step))

    def loss(self, section=0, step=0, outputs=None):
        """Of `outputs`, or of what the network gives."""
        outputs = self.outputs(step) if outputs is None else outputs
        return self.sections[section][0](outputs, *self.part(self.rows[1], step))

    def gradients(self):
        """Of the first step of each section from the same weights, as double."""
        import torch
        found, outputs = {}, self.outputs(0)
        for section, (_, learning) in enumerate(self.sections):
            loss = self.loss(section, 0, outputs)
            found.update(zip(learning, torch.autograd.grad(loss, learning, retain_graph=True,
                                                           allow_unused=True)))
        return self.as_double(found)

    def as_double(self, found):
        """Copies of gradients by their parameters, 0 where a parameter has none."""
        import torch
        return [torch.zeros_like(p, dtype=torch.float64) if found.get(p) is None
                else found[p].to(torch.float64, copy=True) for p in self.parameters]

    def run(self, turned=(), steps=STEPS):
        """The losses, and the gradients of the first step; with decisions turned over in it. Of one
        section those are its own, of several they are taken before all steps."""
        from networks.decisions import Decisions
        from networks.layers import bound

        def deciding(step):
            return Decisions(turned) if turned and step == 0 else contextlib.nullcontext()
        gradients = None
        if len(self.sections) > 1:
            with deciding(0):
                gradients = self.gradients()
        optimizers, losses = [self.net.optimizer(learning, section)
                              for section, (_, learning) in enumerate(self.sections)], []
        for step in range(steps):
            mode, of_step = deciding(step), 0
            with mode:
                outputs = self.outputs(step)
            for section, optimizer in enumerate(optimizers):
                optimizer.zero_grad()
                with mode:
                    loss = self.loss(section, step, outputs)
                loss.backward()
                if gradients is None:
                    gradients = self.as_double({p: p.grad for p in self.parameters})
                self.net.clip(self.sections[section][1])
                optimizer.step()
                bound(self.network)
                of_step += loss.item()
            losses.append(of_step)
        return losses, gradients


def moved(weights, seed):
    """Each weight by at most MOVED of itself."""
    import torch
    generator = torch.Generator().manual_seed(seed)
    return {name: tensor.double() * (1 + MOVED * (2 * torch.rand(
        tensor.shape, generator=generator, dtype=torch.float64) - 1))
        for name, tensor in weights.items()}


# ---- a row ---------------------------------------------------------------------------------------


def loss_distance(losses, right):
    return max(abs(a - b) / abs(b) for a, b in zip(losses, right))


def sizes_of(exact):
    """By which distances of gradients are told; `exact`: those in double."""
    sizes = [g.abs().max().item() for g in exact]
    return [size if size > NO_GRADIENT * max(sizes) else max(sizes) for size in sizes]


def gradient_distance(gradients, right, exact):
    """The largest, and the number of its tensor."""
    return max(((a - b).abs().max().item() / size, i)
               for i, (a, b, size) in enumerate(zip(gradients, right, sizes_of(exact))))


class Sides:
    """What was found of a network: netc's, PyTorch's in float32 and in double."""

    def __init__(self, netc, net, find, batch, seed=1):
        import torch
        self.net, self.find, self.batch = net, find, batch
        with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
            drawn = net.draw(STEPS * batch, seed)
            net.write(drawn, folder)
            self.rows = net.tensors(drawn, net.inputs), net.tensors(drawn, net.targets)
            ours = Ours(netc, net, batch, folder, seed)
            self.count, self.rounded = ours.count, ours.winograd_outputs()
            from losses import read_safetensors
            self.weights = trained(read_safetensors(ours.weights))
            losses, tensors = ours.steps(STEPS, 2)
            again, others = ours.steps(STEPS, 1)
            gradients = ours.gradients()
        self.alike = losses == again and all(torch.equal(tensors[n], others[n]) for n in tensors)
        single = self.side(self.weights, torch.float32)
        self.theirs, self.their_count = single.run(), single.count
        self.double = self.side(self.weights, torch.float64).run()
        self.ours = losses, [as_shape(gradients[name], p.shape) if p.requires_grad
                             else torch.zeros_like(p).double()
                             for name, p in zip(self.weights, single.parameters)]

    def side(self, weights, dtype):
        return Theirs(self.net, self.find, weights, self.rows, self.batch, dtype)

    def distances(self, one, other):
        """Of losses, of gradients, and the tensor of the latter."""
        found, tensor = gradient_distance(one[1], other[1], self.double[1])
        return loss_distance(one[0], other[0]), found, list(self.weights)[tensor]

    def far(self, own, allowed):
        """Which of losses and gradients are too far from double."""
        limits = LOSS_LIMIT, GRADIENT_LIMIT
        whats = "losses", "gradients"
        return [what for what, mine, limit, its in zip(whats, own, limits, allowed)
                if not mine <= max(limit, TIMES * its)]

    def steps_of(self, own):
        """Of a run in double that is to explain what is far: losses that are near need none."""
        return STEPS if "losses" in self.far(own, (0.0, 0.0)) else 1

    def as_decided(self, own, most):
        """The run in double where near decisions of the first step, at most so many, are those of
        netc; how many it takes otherwise, and the largest of their margins."""
        import torch
        from networks.decisions import explain
        double = self.side(self.weights, torch.float64)
        found = zip(double.parameters, self.ours[1], sizes_of(self.double[1]))
        turned, margin = explain(double.loss, *zip(*(f for f in found if f[0].requires_grad)),
                                 most)
        del double, found
        run = self.side(self.weights, torch.float64).run(turned, self.steps_of(own))
        return run, len(turned), margin

    def by_moves(self, own):
        """How far double goes by moved weights and outputs, (losses, gradients), in as many draws
        as want."""
        import torch
        from networks.layers import move_outputs
        most = 0.0, 0.0
        for seed in range(DRAWS):
            side = self.side(moved(self.weights, seed), torch.float64)
            move_outputs(side.network, self.rounded, seed)
            run = side.run((), self.steps_of(own))
            most = tuple(map(max, most, self.distances(run, self.double)[:2]))
            if not self.far(own, most):
                break
        return most


def compare(netc, net, find, batch, seed, decisions):
    """The cells of differences; what is to be told of them, and whether it is a fault. `decisions`:
    that are taken otherwise, at the most."""
    sides = Sides(netc, net, find, batch, seed)
    apart, own, its = (sides.distances(*pair) for pair in (
        (sides.ours, sides.theirs), (sides.ours, sides.double), (sides.theirs, sides.double)))
    cells = [batch, f"{sides.count:,}", *(f"{d[0]:.0e}" for d in (apart, own, its)),
             *(f"{d[1]:.0e}" for d in (apart, own, its)), "same" if sides.alike else "NO"]
    told = [] if sides.alike else ["one thread and two differ"]
    if sides.count != sides.their_count:
        told.append(f"{sides.their_count:,} parameters in PyTorch")
    wrong = bool(told)
    far = sides.far(own, its)
    if far:
        told.append(f"{' and '.join(far)} are far from double (gradients: {own[2]})")
    if "gradients" in far and len(net.sections) == 1:
        run, count, margin = sides.as_decided(own, decisions)
        own = sides.distances(sides.ours, run)
        told.append(f"{count} decisions nearer than {margin:.0e} are taken otherwise than in "
                    f"double, which with these is {own[0]:.0e} and {own[1]:.0e} from netc")
    if sides.far(own, its):
        moves = sides.by_moves(own)
        wrong = wrong or bool(sides.far(own, moves))
        told.append(f"moved weights and outputs make {moves[0]:.0e} of losses, "
                    f"{moves[1]:.0e} of gradients")
    return cells, told, wrong


def measure(netc, name, path, batch, options):
    """The cells of compiling and of steps."""
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder, contextlib.ExitStack() as ends:
        trainer = os.path.join(folder, "trainer")
        seconds = compile_net(netc, path, trainer, batch)
        ours = turns.Trainer(trainer, seconds, batch, options.threads)
        theirs = []
        for variant in options.variants:
            theirs.append(turns.Torch(name, variant, batch, options.threads))
            ends.callback(theirs[-1].close)
        for _ in range(options.rounds):
            for one in [ours, *theirs]:
                one.turn(options.turn)
        faults = [one.fault for one in theirs if one.fault]
        best = min((one for one in theirs if not one.fault),
                   key=lambda one: one.median("step_ms"), default=None)
        if not best:
            raise RuntimeError("; ".join(faults))
        step, other = ours.median("step_ms"), best.median("step_ms")
        if options.processor:
            step, other = ours.median("step_cpu_ms"), best.median("process_ms")
        return [f"{seconds:.1f}", batch, bench.three_digits(step), bench.three_digits(other),
                f"{other / step:.1f}", f"{ours.median('peak_mb'):.0f}",
                f"{best.median('peak_mb'):.0f}"]


HEADS = ["network", "rows", "parameters", "losses", "netc", "PyTorch", "gradients", "netc",
         "PyTorch", "threads"]
STEP_HEADS = ["compile s", "rows", "netc ms", "PyTorch ms", "times", "netc MB", "PyTorch MB"]


def table_line(cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def read_options(names):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--no-steps", dest="steps", action="store_false")
    parser.add_argument("--variants", default="eager", help="of PyTorch's steps: " + ",".join(
        bench.VARIANTS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--processor", action="store_true")
    parser.add_argument("--no-differences", dest="differences", action="store_false")
    parser.add_argument("--decisions", type=int, default=200, metavar="COUNT",
                        help="that are looked for where netc is far, at the most: each takes a "
                        "step in double and its second derivatives")
    parser.add_argument("--gradcheck", type=int, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1, help="of weights and rows of differences")
    parser.add_argument("--rate", type=float, default=1.0, metavar="FACTOR",
                        help="of differences: the optimizers' lr times this")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turn", type=float, default=0.6, help="seconds of a turn, at least")
    parser.add_argument("networks", nargs="*", metavar="NETWORK")
    options = parser.parse_args()
    options.threads = 1 if options.processor else options.threads
    options.netc, options.variants = os.path.abspath(options.netc), options.variants.split(",")
    unknown = set(options.networks) - set(names)
    if unknown:
        parser.error(f"no network {' '.join(sorted(unknown))}; there are {' '.join(names)}")
    return options


def main():
    folder = os.path.join(ROOT, "models", "zoo")
    names = sorted(name[:-4] for name in os.listdir(folder) if name.endswith(".net"))
    options = read_options(names)
    if not importlib.util.find_spec("torch"):
        sys.exit("python3 has no torch (pip install torch numpy)")
    import networks
    import torch
    from networks.net_file import NetFile
    torch.set_num_threads(1)        # differences: others are waited for on a busy machine
    others = turns.Others()
    print(f"{bench.machine_text()}; {options.threads} threads; PyTorch {torch.__version__}; "
          f"{others.before()}\n")
    heads = HEADS[:1] + (HEADS[1:] if options.differences else []) \
        + (STEP_HEADS if options.steps else []) + (["gradcheck"] if options.gradcheck else [])
    print(table_line(heads) + "\n" + table_line(["---"] + ["---:"] * (len(heads) - 1)))
    notes, faults = [], 0
    for name in options.networks or names:
        path, find = os.path.join(folder, name + ".net"), networks.find(name)
        if not find:
            notes.append(f"- `{name}`: no definition in tests/pytorch/networks")
            continue
        try:
            net = NetFile(path, rate=options.rate)
            few, many = batches(name, net)
            cells = []
            if options.differences:
                cells, told, wrong = compare(options.netc, net, find, few, options.seed,
                                             options.decisions)
                faults += wrong
                notes += [f"- `{name}`{' FAULT' if wrong else ''}: {line}" for line in told]
            if options.steps:
                cells += measure(options.netc, name, path, many, options)
            if options.gradcheck:
                cell, told, wrong = zoo_gradcheck.run(options.netc, name, path, options.gradcheck)
                faults += wrong
                notes += [f"- `{name}`{' FAULT' if wrong else ''}: {line}" for line in told]
                cells.append(cell)
        except RuntimeError as error:
            faults += 1
            notes.append(f"- `{name}` FAULT: {error}")
            continue
        print(table_line([f"`{name}`", *cells]), flush=True)
    print("\n".join(["", *notes, "", others.after()]))
    return 1 if faults else 0


if __name__ == "__main__":
    bench.end_on_signal()
    sys.exit(main())
