#!/usr/bin/env python3
"""The first losses of every case of tests/pytorch/cases.txt, here and in PyTorch.

    losses.py compare [CASE...]   both now, from weights drawn with another seed
    losses.py compare --record    against PyTorch in float64 too; the table into differences.md
    losses.py make [CASE...]      write PyTorch's in float64 to losses.csv, from weights of seed 1
    losses.py data                write the rows that they train on, into this folder

stored.sh compares with losses.csv where there is no PyTorch; `compare` is `make test-torch`. Both
sides start from the weights of `trainer init` and read the same rows in the same order. What is
drawn (dropout, gaussian_noise, augmentation) cannot be compared and is left out.
"""

import argparse
import csv
import gzip
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import torch

import drawn_rows
import models
import published
import sections_in_turn

HERE = os.path.dirname(os.path.abspath(__file__))
TORCH = HERE
MODELS = os.path.join(HERE, "..", "..", "models")
TOLERANCE = 1e-4        # of a loss; fp32 sums in another order
MODEL_TOLERANCE = 1e-5  # of a loss of a file of models/
TENSOR_TOLERANCE = 5e-3 # of a tensor's largest number, after the last step
UPDATE_TOLERANCE = 2e-2 # of a tensor's largest change in all steps, in a file of models/
UPDATE_FLOOR = 1e-3     # of the largest change of all: a change below it is rounding alone
MAX_TIMES = 10         # a loss's error in errors of PyTorch's own, in float32, against float64
UNIT = 2**-24           # an error below it is none


# ---- cases ---------------------------------------------------------------------------------------


class Case:
    """A line of cases.txt, and the train section of its file."""

    def __init__(self, line):
        self.name, self.file, *words = line.split()
        self.defines = dict(word.split("=", 1) for word in words if "=" in word)
        self.convolution = self.defines.pop("conv", None)
        flags = [word for word in words if "=" not in word]
        flags = dict(zip(flags[::2], flags[1::2]))
        self.flags = [word for pair in flags.items() for word in pair if pair[0] != "--max-steps"]
        self.numbers = {key[2:]: float(value) for key, value in flags.items()
                        if key in ("--lr", "--momentum", "--eps")}
        folder = TORCH
        if self.file.startswith("models/"):
            folder = os.path.join(HERE, "..", "..")
        self.path = os.path.join(folder, self.file + ".net")
        with open(self.path) as file:
            text = file.read()
        self.said = dict(re.findall(r"^let (\w+) *= *(.*?) *$", text, re.M))
        self.said.update(self.defines)
        self.section = dict(re.findall(r"^    (\w+) *= *(.*?) *(?:#.*)?$",
                                       text[re.search(r"\ntrain[ {]", text).start():], re.M))
        self.batch = int(flags.get("--batch", self.section["batch"]))
        self.whole = self.file.startswith("models/")
        self.tolerance = MODEL_TOLERANCE if self.whole else TOLERANCE
        self.steps = int(flags.get("--max-steps", 10))

    def value(self, key, otherwise=None):
        """The value of a key of the train section, its `let` looked up."""
        text = self.section.get(key, otherwise)
        text = self.said.get(text, text)
        for name, value in self.said.items():
            text = re.sub(rf"\b{name}\b", value, text)
        return models.evaluate(text)


    def rate(self, name):
        """What `rates` has for the parameter of that name."""
        rates = re.findall(r"([\d.e-]+) \* (\w+)", self.section.get("rates", ""))
        return next((float(factor) for factor, part in rates if f".{part}." in name), 1)


def cases(names):
    with open(os.path.join(TORCH, "cases.txt")) as file:
        found = [Case(line) for line in file if line.strip() and not line.startswith("#")]
    unknown = set(names) - {case.name for case in found}
    if unknown:
        sys.exit(f"no case {', '.join(sorted(unknown))} in cases.txt")
    return [case for case in found if not names or case.name in names]


def read_safetensors(path):
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            assert entry["dtype"] == "F32", (name, entry["dtype"])
            begin, end = entry["data_offsets"]
            values = np.frombuffer(data[begin:end], np.float32).reshape(entry["shape"])
            tensors[name] = torch.tensor(values)
    return tensors


# ---- PyTorch's side ------------------------------------------------------------------------------


def make_schedule(case, optimizer, epochs):
    text = case.said.get(case.section.get("schedule"), case.section.get("schedule", "constant"))
    then = re.fullmatch(r"\[warmup\((?:steps=)?(\d+)\), *(.*)\]", text)
    if then:
        return models.warmup_and(optimizer, epochs,
                                       models.evaluate(f"warmup({then[1]})"), int(then[1]),
                                       models.evaluate(then[2]))
    return models.evaluate(text)(optimizer, epochs)


def floating(tensor, dtype):
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def torch_run(case, weights, dtype=torch.float32):
    """The losses, and the tensors after the last step."""
    def initial():
        return {name: tensor.to(dtype) for name, tensor in read_safetensors(weights).items()}

    if case.file == "gan":
        return sections_in_turn.run(case, initial(), TORCH, dtype)
    torch.manual_seed(0)
    others = ("optimizing", "scheduling", "limit", "rate", "how" if case.file == "clip" else "")
    options = {k: models.evaluate(v) for k, v in case.defines.items() if k not in others}
    model = published.case_of(case.file, TORCH, options)
    model = model._replace(x=floating(model.x, dtype), y=floating(model.y, dtype))
    run = models.Run(initial(), TORCH)
    trained = {name: tensor.requires_grad_() for name, tensor in run.weights.items()
               if ".running_" not in name}
    model.network(run, model.x[:case.batch].clone())    # says what is frozen; its statistics go
    run.weights.update({name: tensor for name, tensor in initial().items()
                        if ".running_" in name})
    for name in run.frozen:
        trained.pop(name).requires_grad_(False)
    optimizer = case.value("optimizer")([{"params": [tensor]} for tensor in trained.values()])
    for name, group in zip(trained, optimizer.param_groups):
        group.update(case.numbers)
        group["lr"] *= case.rate(name)
    accumulate = case.value("accumulate", "1")
    rows_of_step = accumulate * case.batch
    epoch = -(-len(model.x) // rows_of_step) if accumulate > 1 else len(model.x) // case.batch
    by_steps = re.search("onecycle|steps=|by=step", "".join(case.said.values()))
    schedule = make_schedule(case, optimizer, case.value("epochs") * epoch if by_steps
                             else case.steps // epoch)
    ema = case.value("ema", "0")
    average = torch.optim.swa_utils.get_ema_multi_avg_fn(ema)
    losses, averaged = [], None
    for step in range(case.steps):
        begin = step % epoch * rows_of_step
        batches = [slice(at, at + case.batch)
                   for at in range(begin, min(begin + rows_of_step, len(model.x)), case.batch)]
        optimizer.zero_grad()
        total = 0
        for rows in batches:
            run.penalties.clear()
            loss = model.loss(model.network(run, model.x[rows]), model.y[rows]) + sum(run.penalties)
            (loss / len(batches)).backward()
            total += loss.item() / len(batches)
        if case.file == "clip":
            limit = float(case.said["limit"])
            if case.said["how"] == '"norm"':
                torch.nn.utils.clip_grad_norm_(trained.values(), limit)
            else:
                torch.nn.utils.clip_grad_value_(trained.values(), limit)
        elif case.file in ("concat", "tuned"):
            torch.nn.utils.clip_grad_norm_(trained.values(), 0.5)
        optimizer.step()
        for name, most in run.bounds.items():
            trained[name].data.copy_(torch.renorm(trained[name].data, 2, 0, most))
        losses.append(total)
        if averaged:
            average(averaged, [tensor.detach() for tensor in run.weights.values()], step)
        else:
            averaged = [tensor.detach().clone() for tensor in run.weights.values()]
        if by_steps or (step + 1) % epoch == 0:
            if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
                with torch.no_grad():       # the validation part is the training part again
                    schedule.step(model.loss(model.network(run, model.x), model.y))
            else:
                schedule.step()
    last = averaged if ema else [tensor.detach() for tensor in run.weights.values()]
    return losses, dict(zip(run.weights, last))


# ---- netc's side ---------------------------------------------------------------------------------


def run_program(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n"
                           f"{done.stdout}{done.stderr}")


def unpack_data(folder):
    """The rows as a model of models/ looks for them."""
    for name in os.listdir(TORCH):
        path = os.path.join(TORCH, name)
        if name.endswith(".bin.gz"):
            with gzip.open(path) as packed, open(os.path.join(folder, name[:-3]), "wb") as file:
                shutil.copyfileobj(packed, file)
        elif os.path.isfile(path) and not name.endswith(".net"):
            shutil.copy(path, folder)


def compile_case(case, netc, folder):
    path = os.path.join(folder, case.name + ".net")
    script = ["-f", os.path.join(TORCH, "plain.sed")] if case.file.startswith("models/") else []
    if case.convolution:
        script += ["-e", rf"s/^train \{{/&\n    conv = {case.convolution}/"]
    with open(path, "w") as file:
        subprocess.run(["sed", "-E", "-e", "", *script, case.path], stdout=file, check=True)
    trainer = os.path.join(folder, case.name)
    defines = [word for item in case.defines.items() for word in ("--define", "=".join(item))]
    run_program(netc, path, "-o", trainer, "--keep", *defines)
    with open(trainer + ".c") as file:
        has = " conv2d_winograd_" in file.read()
    if case.convolution and has != (case.convolution == "winograd"):
        raise RuntimeError(f"conv={case.convolution}, but the generated C has "
                           f"{'a' if has else 'no'} conv2d_winograd_ kernel")
    return trainer


def initial_weights(trainer, seed, folder):
    """Those before the first step; `init` knows no data, and so no words for pretrained rows."""
    out = os.path.join(folder, "initial")
    run_program(trainer, "train", "--data", folder, "--seed", str(seed), "--epochs", "0", "--out",
                out, "--force", "--quiet")
    return os.path.join(out, "model.safetensors")


def trainer_run(case, trainer, weights, folder):
    steps, out = os.path.join(folder, "steps.csv"), os.path.join(folder, "run")
    run_program(trainer, "train", "--data", folder, "--weights", weights, "--no-shuffle",
                "--max-steps", str(case.steps), "--keep", "last", *case.flags, "--log-steps",
                steps, "--out", out, "--force", "--quiet")
    with open(steps) as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    return losses, read_safetensors(os.path.join(out, "model.safetensors"))


# ---- commands ------------------------------------------------------------------------------------


def replace_lines(path, name_of, head, new):
    """The file's lines of cases, some of them new, in the order of cases.txt."""
    lines = {}
    if os.path.exists(path):
        with open(path) as file:
            lines = {name_of(line): line for line in file}
    lines.update(new)
    with open(path, "w") as file:
        file.write(head)
        file.writelines(lines[case.name] for case in cases([]) if case.name in lines)


def make(netc, folder, wanted):
    path, head = os.path.join(TORCH, "losses.csv"), f"# PyTorch {torch.__version__}\n"
    with open(path) as file:
        if file.readline() != head and len(wanted) < len(cases([])):
            sys.exit(f"{path} is of another PyTorch than {torch.__version__}: make all cases")
    new = {}
    for case in wanted:
        trainer = compile_case(case, netc, folder)
        weights = initial_weights(trainer, 1, folder)
        theirs, right = (torch_run(case, weights, t)[0] for t in (torch.float32, torch.float64))
        new[case.name] = ",".join([case.name, f"{loss_difference(theirs, right):.1e}",
                                   *map("{:.10g}".format, right)]) + "\n"
        os.remove(trainer)
    replace_lines(path, lambda line: line.partition(",")[0], head, new)


def largest(differences, sizes, least):
    """The largest relative difference, and its tensor."""
    found = [((differences[name].abs().max() / size.abs().max().clamp(min=least)).item(), name)
             for name, size in sizes.items()]
    return max(found, key=lambda pair: (math.isnan(pair[0]), pair))


def difference(before, ours, theirs):
    """Of the tensors after the last step, and of what the steps changed."""
    apart = {name: ours[name] - tensor for name, tensor in theirs.items()}
    changed = {name: tensor - before[name] for name, tensor in theirs.items()}
    most = max(change.abs().max().item() for change in changed.values())
    return largest(apart, theirs, 1e-3), largest(apart, changed, UPDATE_FLOOR * most)


TABLE = f"""\
# The largest relative differences from PyTorch

`python3 tests/pytorch/losses.py compare --record` writes this: both sides run, from the same
weights (of seed 7) and rows. A loss differs by at most {TOLERANCE:g} of it, in a file of models/
{MODEL_TOLERANCE:g}; the tensors after the last step by {TENSOR_TOLERANCE:g} of a tensor's largest
number, in a file of models/ by {UPDATE_TOLERANCE:g} of the largest change that the steps made.

netc and float32 are how far netc's losses, and PyTorch's in float32, are from PyTorch's in float64;
times is their quotient, errors below 2^-24 taken as that, and at most {MAX_TIMES}.

| case | steps | losses | tensors | changes | netc | float32 | times | PyTorch |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


def loss_difference(losses, right):
    return float(np.max([abs(loss - b) / abs(b) for loss, b in zip(losses, right)]))


def compare(netc, folder, wanted, record):
    failed, rows, all_times = 0, {}, []
    for case in wanted:
        try:
            trainer = compile_case(case, netc, folder)
            weights = initial_weights(trainer, 7, folder)
            ours, our_tensors = trainer_run(case, trainer, weights, folder)
        except RuntimeError as error:
            failed += 1
            print(f"{case.name:22} FAILED: {str(error).rstrip()}", flush=True)
            continue
        theirs, their_tensors = torch_run(case, weights)
        worst = loss_difference(ours, theirs)
        (apart, name), (moved, moved_name) = difference(read_safetensors(weights), our_tensors,
                                                        their_tensors)
        good = (len(ours) == case.steps and worst <= case.tolerance and
                apart <= TENSOR_TOLERANCE and
                (moved <= UPDATE_TOLERANCE or not case.whole))
        exact = ""
        if record:      # in double convolutions are slow
            right = torch_run(case, weights, torch.float64)[0]
            errors = loss_difference(ours, right), loss_difference(theirs, right)
            times = max(errors[0], UNIT) / max(errors[1], UNIT)
            all_times.append(times)
            good = good and times <= MAX_TIMES
            exact = f", {times:.1f} times PyTorch's own error"
            rows[case.name] = (f"| {case.name} | {case.steps} | {worst:.1e} | {apart:.1e} | "
                               f"{moved:.1e} | {errors[0]:.1e} | {errors[1]:.1e} | {times:.1f} | "
                               f"{torch.__version__} |\n")
        failed += not good
        print(f"{case.name:22} {case.steps:2} losses {ours[0]:.6f} to {ours[-1]:.6f}, differ by "
              f"{worst:.1e}, tensors by {apart:.1e}, changes by {moved:.1e}{exact}"
              + ("" if good else f" ({name}, {moved_name})  FAILED"), flush=True)
        os.remove(trainer)
    if all_times:
        print(f"errors beside PyTorch's own in float32: median {np.median(all_times):.2f}, "
              f"worst {max(all_times):.1f}")
    print(f"{len(wanted) - failed} passed, {failed} failed, 0 skipped "
          f"(PyTorch {torch.__version__})")
    return failed != 0, rows


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["make", "compare", "data"])
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_intermixed_args()
    if arguments.command == "data":
        return drawn_rows.write_all()
    wanted = cases(arguments.cases)
    with tempfile.TemporaryDirectory() as folder:
        unpack_data(folder)
        if arguments.command == "make":
            return make(arguments.netc, folder, wanted)
        failed, rows = compare(arguments.netc, folder, wanted, arguments.record)
    if arguments.record:
        replace_lines(os.path.join(TORCH, "differences.md"),
                      lambda line: line.strip("| ").partition(" ")[0], TABLE, rows)
    sys.exit(failed)


if __name__ == "__main__":
    main()
