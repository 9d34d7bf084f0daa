#!/usr/bin/env python3
"""What ONNX Runtime makes of exported networks, beside `predict`: a line a case of cases.txt.

    onnx_runtime.py [--netc build/netc] [CASE...]

The networks are those that losses.py compares with PyTorch, with initial weights; the rows are the
ones that they train on, prepared. The whole file is read by onnx.checker first. Exit 1 where a
number of a row differs by more than 1e-5 of the largest one of all rows, or of 1.
"""

import argparse
import os
import re
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch

import losses
import models
import published

TOLERANCE = 1e-5
# A target that is scaled: predict gives values in the units of the data.
SCALED = re.compile(r"^ *target (\w+)[^=]*= \w+ -> scale\(1/(\d+)\)", re.MULTILINE)


def run_onnx(path, x):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    values = x if isinstance(x, (tuple, list)) else [x]
    feeds = {}
    for wanted, value in zip(session.get_inputs(), values):
        dtype = np.int32 if "int32" in wanted.type else np.float32
        shape = [size if isinstance(size, int) else -1 for size in wanted.shape]
        feeds[wanted.name] = value.numpy().astype(dtype).reshape(shape)
    return session.run(None, feeds)


def difference(case, netc, folder):
    trainer = losses.compile_case(case, netc, folder)
    weights = losses.initial_weights(trainer, 1, folder)
    path, said = os.path.join(folder, "network.onnx"), os.path.join(folder, "said.npz")
    losses.run_program(trainer, "export", "--weights", weights, "-o", path)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    losses.run_program(trainer, "predict", "--data", folder, "--weights",
                       os.path.dirname(weights), "--part", "train", "--format", "npz", "-o", said)
    options = {key: models.evaluate(value) for key, value in case.defines.items()
               if key not in ("optimizing", "scheduling", "limit", "rate")}
    given = run_onnx(path, published.case_of(case.file, losses.TORCH, options).x)
    with open(case.path) as file:
        units = {name: int(divisor) for name, divisor in SCALED.findall(file.read())}
    said, worst = np.load(said), 0
    for one, name in zip(given, said.files, strict=True): # a prediction for each target
        wanted = said[name] / units.get(name, 1)
        error = np.abs(one.reshape(wanted.shape) - wanted).max() / max(1, np.abs(wanted).max())
        worst = error if not error <= worst else worst
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    options = parser.parse_args()
    onnxruntime.set_default_logger_severity(3)
    torch.manual_seed(0)
    failed = count = 0
    for case in losses.cases(options.cases):
        with tempfile.TemporaryDirectory() as folder:
            losses.unpack_data(folder)
            try:
                worst = difference(case, os.path.abspath(options.netc), folder)
            except (RuntimeError, onnx.checker.ValidationError) as error:
                print(f"{case.name}: {error}", file=sys.stderr)
                worst = float("nan")
            except StopIteration:   # its rows are none of published.py's
                print(f"{case.name:32} is not compared", flush=True)
                continue
        right = worst <= TOLERANCE
        count, failed = count + 1, failed + (not right)
        print(f"{case.name:32} {worst:9.1e}{'' if right else '  FAILED'}", flush=True)
    print(f"{count - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
