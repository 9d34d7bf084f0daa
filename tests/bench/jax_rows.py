"""jax_rows.py -- steps of small models beside JAX's jit, in turns: a table of `make bench`."""

import contextlib
import importlib.util
import os

from jax_step import MODELS
from turns import Torch, Trainer, compile_trainer


class Jax(Torch):
    worker = os.path.join(os.path.dirname(os.path.abspath(__file__)), "jax_step.py")


def show(cases, options, folder):
    """cases: name, path of the .net file, batch"""
    from bench import three_digits
    if not importlib.util.find_spec("jax"):
        print("\npython3 has no jax (pip install jax): no steps beside it")
        return
    print(f"\n{'':23} {'batch':>5} {'thr':>3} {'netc, ms':>8} {'JAX, ms':>8} {'faster':>6}")
    for name, path, batch in cases:
        output = os.path.join(folder, name + "_jax")
        seconds = compile_trainer(options.netc, path, output, "--batch", batch)
        for threads in options.threads:
            ours = Trainer(output, seconds, batch, threads)
            with contextlib.closing(Jax(name, "jit", batch, threads)) as other:
                for _ in range(options.rounds):
                    ours.turn(options.turn)
                    other.turn(options.turn)
                if other.fault:
                    print(f"{name:23} {batch:5} {threads:3} {other.fault}")
                    continue
                step, theirs = ours.median("step_ms"), other.median("step_ms")
            print(f"{name:23} {batch:5} {threads:3} {three_digits(step):>8} "
                  f"{three_digits(theirs):>8} {theirs / step:6.2f}", flush=True)
