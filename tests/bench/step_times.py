#!/usr/bin/env python3
"""How fast are the steps of one build of netc beside those of another?

    step_times.py --netc build/netc --vs /elsewhere/build/netc

The models of `make bench` are compiled by both, and their trainers measure steps in turns, A B,
B A, A B and so on, so that what else the machine does meets both alike. A time is the median of the
turns' medians; a ratio is --netc's by --vs's: 1.02 is 2% slower. `pairs` is the median of the
ratios of turns side by side, with their smallest and largest; `cpu` is of the processor time of the
thread that used most, which another program's load changes less; `best` of the fastest steps. Where
all four are over --limit a mark (<) stands, and the exit is 1. Compiling: medians of the processor
seconds of netc with clang, of clang's seconds and of all by the clock.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time

from bench import CASES, NETWORKS, ROOT, defines_of, three_digits
from same_bits import Fault, compile_text
from turns import Trainer


class Side:
    """One build's trainer of a model."""

    def __init__(self, netc, output):
        self.netc, self.output, self.compiled = netc, output, []

    def compile(self, text, *flags):
        began = time.perf_counter()
        cpu, clang = compile_text(self.netc, text, self.output, *flags)
        self.compiled.append((cpu, clang or 0.0, time.perf_counter() - began))

    def seconds(self, which):
        return statistics.median(times[which] for times in self.compiled)


def in_turns(sides, rounds, work):
    """Both in every round, the other one first each time."""
    for turn in range(rounds):
        for side in sides if turn % 2 == 0 else sides[::-1]:
            work(side)


def model_text(path, conv):
    with open(path) as file:
        text = file.read()
    return text.replace("\ntrain {\n", f"\ntrain {{\n    conv = {conv}\n", 1) if conv else text


def read_models(wanted):
    """(name, path, batch, conv, flags of netc) of bench.py's models."""
    for name, path, model_name, batches, kinds in CASES + NETWORKS:
        for batch in batches[:1] if not wanted or name in wanted else []:
            for kind in [None, *kinds]:
                yield (f"{name}_{kind}" if kind else name), os.path.join(ROOT, path), batch, kind, \
                    defines_of(model_name)


def measure(sides, batch, threads, options):
    """A row of ratios; the steps of a turn are as many for both."""
    trainers = [Trainer(side.output, 0, batch, threads) for side in sides]
    first = trainers[1].bench(1)["step_ms"]
    for trainer in trainers:
        trainer.steps = int(min(max(1e3 * options.turn / first, 4), 5000))
    in_turns(trainers, options.rounds, lambda trainer: trainer.turn(options.turn))
    ours, theirs = trainers
    pairs = [a["step_ms"] / b["step_ms"] for a, b in zip(ours.answers, theirs.answers)]
    row = {key: ours.median(key) / theirs.median(key) for key in ("step_ms", "step_cpu_ms")}
    row["best"] = (min(a["step_least_ms"] for a in ours.answers)
                   / min(b["step_least_ms"] for b in theirs.answers))
    row["pairs"], row["least"], row["most"] = statistics.median(pairs), min(pairs), max(pairs)
    row["times"] = ours.median("step_ms"), theirs.median("step_ms")
    ratios = [row[key] for key in ("step_ms", "pairs", "step_cpu_ms", "best")]
    row["slow"] = min(ratios) > options.limit
    return row


def show_steps(name, batch, threads, row):
    ours, theirs = (three_digits(t) for t in row["times"])
    print(f"{name:24}{batch:6}{threads:4}{ours:>9}{theirs:>9}{row['step_ms']:8.3f}"
          f"{row['pairs']:8.3f} ({row['least']:.3f}-{row['most']:.3f})"
          f"{row['step_cpu_ms']:8.3f}{row['best']:8.3f}{' <' if row['slow'] else ''}", flush=True)


def show_compiling(compiled):
    print(f"\n{'compiling, s':24}{'cpu':>8}{'vs':>8}{'ratio':>8}{'clang':>8}{'vs':>8}{'clock':>8}"
          f"{'vs':>8}{'ratio':>8}")
    sums = [[0.0, 0.0] for _ in range(3)]
    for name, sides in [*compiled, ("all", None)]:
        both = sums if not sides else [[side.seconds(which) for side in sides]
                                       for which in range(3)]
        (cpu, cpu_vs), (clang, clang_vs), (clock, clock_vs) = both
        print(f"{name:24}{cpu:8.2f}{cpu_vs:8.2f}{cpu / cpu_vs:8.3f}{clang:8.2f}{clang_vs:8.2f}"
              f"{clock:8.2f}{clock_vs:8.2f}{clock / clock_vs:8.3f}")
        if sides:
            sums = [[a + b for a, b in zip(*pair)] for pair in zip(sums, both)]


def read_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--vs", required=True, help="the netc that it is measured by")
    parser.add_argument("--models", default="", help="some of: " + " ".join(
        c[0] for c in CASES + NETWORKS))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--target", default="native")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (5)")
    parser.add_argument("--turn", type=float, default=0.6, help="seconds of a turn, at least (0.6)")
    parser.add_argument("--compiles", type=int, default=3, help="times that each compiles (3)")
    parser.add_argument("--limit", type=float, default=1.02)
    options = parser.parse_args()
    options.netc, options.vs = os.path.abspath(options.netc), os.path.abspath(options.vs)
    options.threads = [int(t) for t in options.threads.split(",") if t]
    options.models = options.models.replace(",", " ").split()
    unknown = set(options.models) - {c[0] for c in CASES + NETWORKS}
    if unknown:
        parser.error(f"no model {' '.join(sorted(unknown))}")
    if min(options.rounds, options.compiles) < 1:
        parser.error("--rounds and --compiles are 1 or more")
    return options


def main():
    options = read_options()
    print(f"--netc {options.netc}\n--vs   {options.vs}\n\n{'':34}{'step, ms':>18}"
          f"{'ratios of':>13}\n{'model':24}{'batch':>6}{'thr':>4}{'netc':>9}{'vs':>9}{'steps':>8}"
          f"{'pairs':>8}{'':14}{'cpu':>8}{'best':>8}")
    compiled, slow = [], []
    with tempfile.TemporaryDirectory(prefix="step-times-") as folder:
        for name, path, batch, kind, defines in read_models(options.models):
            sides = [Side(netc, os.path.join(folder, which))
                     for which, netc in (("netc", options.netc), ("vs", options.vs))]
            text = model_text(path, kind)
            try:
                in_turns(sides, options.compiles, lambda side: side.compile(
                    text, "--batch", str(batch), "--target", options.target, *defines))
            except Fault as fault:
                sys.exit(f"{name}: {fault}")
            compiled.append((name, sides))
            for threads in options.threads:
                row = measure(sides, batch, threads, options)
                show_steps(name, batch, threads, row)
                if row["slow"]:
                    slow.append(f"{name} on {threads}")
    show_compiling(compiled)
    if slow:
        print(f"\nover {options.limit:g}:", ", ".join(slow))
    return 1 if slow else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
