#!/usr/bin/env python3
"""How long does one build of netc take to make trainers, beside another?

    compile_times.py --netc build/netc --vs /elsewhere/build/netc [--fastest] [MODEL.net...]

Without models, those of `make bench`. Both compile each model in turns, A B, B A, A B and so on, so
that what else the machine does meets both alike. `cpu` are seconds of the processor of netc and its
clang, `clock` seconds from start to end, each a median; with --fastest the least. A ratio is
--netc's by --vs's. Models need no data.
"""

import argparse
import os
import statistics
import sys
import tempfile

from bench import ROOT
from same_bits import Fault
from step_times import Side, in_turns, read_models


def read_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default=os.path.join(ROOT, "build/netc"))
    parser.add_argument("--vs", required=True, help="the netc that it is measured by")
    parser.add_argument("--target", default="native")
    parser.add_argument("--rounds", type=int, default=3, help="times that each compiles (3)")
    parser.add_argument("--fastest", action="store_true", help="the least of the rounds")
    parser.add_argument("models", nargs="*", metavar="MODEL.net")
    options = parser.parse_args()
    options.netc, options.vs = os.path.abspath(options.netc), os.path.abspath(options.vs)
    options.models = options.models or sorted({path for _, path, _, _ in read_models([])})
    if options.rounds < 1:
        parser.error("--rounds is 1 or more")
    return options


def measure(path, options, folder):
    """[cpu, cpu of --vs, clock, clock of --vs] of a model."""
    with open(path) as file:
        text = file.read()
    sides = [Side(netc, os.path.join(folder, which))
             for which, netc in (("netc", options.netc), ("vs", options.vs))]
    in_turns(sides, options.rounds, lambda side: side.compile(text, "--target", options.target))
    middle = min if options.fastest else statistics.median
    return [middle([times[which] for times in side.compiled])
            for which in (0, 2) for side in sides]


def show(name, row):
    cpu, cpu_vs, clock, clock_vs = row
    print(f"{name:24}{cpu:8.2f}{cpu_vs:8.2f}{cpu / cpu_vs:8.3f}"
          f"{clock:8.2f}{clock_vs:8.2f}{clock / clock_vs:8.3f}", flush=True)


def main():
    options = read_options()
    rows = []
    print(f"{'model':24}{'cpu, s':>8}{'vs':>8}{'ratio':>8}{'clock':>8}{'vs':>8}{'ratio':>8}")
    with tempfile.TemporaryDirectory(prefix="compile-times-") as folder:
        for path in options.models:
            try:
                rows.append(measure(path, options, folder))
            except Fault as fault:
                sys.exit(f"{path}: {fault}")
            show(os.path.basename(path).removesuffix(".net"), rows[-1])
    show("all", [sum(column) for column in zip(*rows)])


if __name__ == "__main__":
    main()
