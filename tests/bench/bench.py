#!/usr/bin/env python3
"""`make bench`: a training step here and in PyTorch, in turns, with the same threads.

Prints a table and writes an array of objects to --out (keys and units as below). A time is the
median of the rounds' medians; `ratio` is the time of PyTorch's best variant by netc's,
`ratio_eager` that of eager; `peak_share` is netc's share of the multiply-add rate that the trainer
measures in the same process. Each variant is a process of its own, so that its memory and its time
to the first step are its own (netc's with compiling, PyTorch's with its imports); all stand still
while one works. What cannot be had is null, and `note` says why. A second table, of networks of
models/zoo, is of two threads, and torch.compile's only where --variants asks for it. Of all models,
convolutions (convolutions.py), waiting for data (loading.py) and, where python3 has it, JAX's jit
(jax_rows.py) follow.
"""

import argparse
import contextlib
import importlib.util
import itertools
import json
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile

import convolutions
import jax_rows
import loading
from turns import Others, Torch, Trainer, compile_trainer

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
VARIANTS = ["eager", "channels_last", "compile"]

# name, the .net file, the function in torch_models.py, batch sizes, other kinds of convolution that
# have a row of their own
CASES = [
    ("cnet", os.path.join(HERE, "dense.net"), "cnet", [64, 128], []),
    ("mnist_conv", "models/mnist_conv.net", "mnist_conv", [64], []),
    ("lenet5", "models/cifar10_lenet5.net", "lenet5", [64], []),
    ("autoencoder", "models/mnist_denoise.net", "autoencoder", [64], []),
    ("imdb_embedding_conv", "models/imdb_embedding_conv.net", "imdb_embedding_conv", [64], []),
    ("imdb_bow", "models/imdb_bow_l2.net", "imdb_bow", [64], []),
    ("meli_cnn", "models/meli_cnn.net", "meli_cnn", [128], []),
    ("cifar100_alexnet", "models/cifar100_alexnet.net", "cifar100_alexnet", [64], []),
    ("cifar10_vgg16", "models/cifar10_vgg16.net", "cifar10_vgg16", [64], []),
    ("cifar10_resnet18", "models/cifar10_resnet18.net", "cifar10_resnet18", [64], ["direct"]),
]
# The second table: networks of tests/pytorch/networks; behind a name, values of its file's lets
NETWORKS = [
    ("imdb_lstm", "models/zoo/imdb_lstm.net", "imdb_lstm", [64], []),
    ("imdb_bilstm", "models/zoo/imdb_bilstm.net", "imdb_bilstm", [64], []),
    ("imdb_gru", "models/zoo/imdb_gru.net", "imdb_gru", [64], []),
    ("imdb_transformer_128", "models/zoo/imdb_transformer.net", "imdb_transformer length=128",
     [64], []),
    ("imdb_transformer", "models/zoo/imdb_transformer.net", "imdb_transformer", [64], []),
    ("gpt_nano", "models/zoo/gpt_nano.net", "gpt_nano", [64], []),
    ("vit_cifar10", "models/zoo/vit_cifar10.net", "vit_cifar10", [64], []),
    ("mixer_s16", "models/zoo/mixer_s16.net", "mixer_s16", [8], []),
    ("unet", "models/zoo/unet.net", "unet", [8], []),
    ("efficientnet_b0", "models/zoo/efficientnet_b0.net", "efficientnet_b0", [16], []),
    ("mobilenet_v3_small", "models/zoo/mobilenet_v3_small.net", "mobilenet_v3_small", [16], []),
    ("neumf", "models/zoo/neumf.net", "neumf", [256], []),
    ("entity_embeddings", "models/zoo/entity_embeddings.net", "entity_embeddings", [128], []),
]
OTHERS = ["networks", "convolutions", "loading", "jax"]      # tables, by their names
IMAGES = {"mnist_conv", "lenet5", "autoencoder", "cifar100_alexnet", "cifar10_vgg16",
          "cifar10_resnet18", "unet", "efficientnet_b0",
          "mobilenet_v3_small"}         # channels_last has a meaning


# ---- the rows of one model -----------------------------------------------------------------------

def reason_without(variant, model_name, asked, installed):
    """Why a variant is not even started, or None."""
    if variant not in asked:
        return "not asked for"
    if not installed:
        return "PyTorch is not installed"
    if variant == "channels_last" and model_name not in IMAGES:
        return "no images"
    return None


def make_row(name, ours, torch, reasons):
    """torch: {variant: its answers}; reasons: {variant: why it is not there}."""
    row = {"model": name, "batch": ours.batch, "threads": ours.threads}
    row["netc_ms"] = ours.median("step_ms")
    for variant in VARIANTS:
        row[f"torch_{variant}_ms"] = torch[variant].median("step_ms") if variant in torch else None
    best = min(torch.values(), key=lambda t: t.median("step_ms")) if torch else None
    row["ratio"] = best.median("step_ms") / row["netc_ms"] if best else None
    row["ratio_eager"] = row["torch_eager_ms"] / row["netc_ms"] if "eager" in torch else None
    row["peak_share"] = ours.median("peak_share")
    row["netc_peak_mb"] = ours.median("peak_mb")
    row["torch_peak_mb"] = best.median("peak_mb") if best else None
    row["samples_per_second"] = 1e3 * ours.batch / row["netc_ms"]
    row["gflops"] = ours.median("gflops")
    row["netc_compile_s"] = ours.compiling
    row["netc_first_step_s"] = ours.compiling + ours.median("first_step_s")
    row["torch_first_step_s"] = best.first if best else None
    for part in ("forward_ms", "backward_ms", "update_ms"):
        row[f"netc_{part}"] = ours.median(part)
        row[f"torch_{part}"] = best.median(part) if best else None
    row["peak_gflops"], row["bandwidth_gbs"] = ours.median("peak_gflops"), ours.median(
        "bandwidth_gbs")
    row["note"] = "; ".join(f"{v}: {reasons[v]}" for v in VARIANTS if v in reasons) or None
    return row


def measure(trainers, model_name, batch, threads, options, installed):
    """trainers: {name: (path, seconds to compile)}; a row for each, beside the same PyTorch."""
    ours = {name: Trainer(*made, batch, threads) for name, made in trainers.items()}
    reasons = {v: reason_without(v, model_name, options.variants, installed) for v in VARIANTS}
    torch = {}
    with contextlib.ExitStack() as open_ones:       # closes them whatever happens
        for variant in [v for v in VARIANTS if not reasons[v]]:
            torch[variant] = Torch(model_name, variant, batch, threads)
            open_ones.callback(torch[variant].close)
        for _ in range(options.rounds):
            for one in [*ours.values(), *torch.values()]:
                one.turn(options.turn)
    reasons.update({v: f"failed: {one.fault}" for v, one in torch.items() if one.fault})
    torch = {v: one for v, one in torch.items() if not one.fault}
    reasons = {v: why for v, why in reasons.items() if why}
    return [make_row(name, one, torch, reasons) for name, one in ours.items()]


# ---- the table -----------------------------------------------------------------------------------

# group, head, width, the row's key
COLUMNS = [("", "model", 23, "model"), ("", "batch", 5, "batch"), ("", "thr", 3, "threads"),
           ("netc, ms", "step", 5, "netc_ms"), ("netc, ms", "fwd", 5, "netc_forward_ms"),
           ("netc, ms", "bwd", 5, "netc_backward_ms"), ("netc, ms", "upd", 5, "netc_update_ms"),
           ("", "rows/s", 6, "samples_per_second"), ("", "GF/s", 4, "gflops"),
           ("", "peak", 4, "peak_share"), ("PyTorch, ms", "eager", 5, "torch_eager_ms"),
           ("PyTorch, ms", "chlast", 6, "torch_channels_last_ms"),
           ("PyTorch, ms", "compile", 7, "torch_compile_ms"), ("faster than", "best", 5, "ratio"),
           ("faster than", "eager", 5, "ratio_eager"), ("MB", "netc", 4, "netc_peak_mb"),
           ("MB", "torch", 5, "torch_peak_mb"), ("first, s", "netc", 5, "netc_first_step_s"),
           ("first, s", "torch", 5, "torch_first_step_s")]


def three_digits(value):
    """0.328, 1.48, 22.7, 446, 1220: three digits that matter, at most three places."""
    places = 2 - math.floor(math.log10(value)) if value > 0 else 0
    return f"{value:.{min(max(places, 0), 3)}f}"


def cell(value, key):
    if value is None:
        return "-"
    if isinstance(value, (int, str)):
        return str(value)
    if key == "peak_share":
        return f"{100 * value:.0f}%"
    return f"{value:.2f}" if key.startswith("ratio") else three_digits(value)


def line_of(cells):
    """The first to the left, the others to the right of their columns."""
    return " ".join(f"{c:>{w}}" if i else f"{c:{w}}"
                    for i, (c, (_, _, w, _)) in enumerate(zip(cells, COLUMNS)))


def print_heads():
    groups = ""
    for group, columns in itertools.groupby(COLUMNS, key=lambda column: column[0]):
        width = sum(w + 1 for _, _, w, _ in columns) - 1
        groups += f"{group:-^{width}} " if group else " " * (width + 1)
    print(groups.rstrip())
    print(line_of([head for _, head, _, _ in COLUMNS]))


def print_row(row):
    print(line_of([cell(row[key], key) for _, _, _, key in COLUMNS]), flush=True)


def print_ends(rows):
    """What was measured of the machine, and what is missing in the rows."""
    for threads in sorted({row["threads"] for row in rows}):
        best = {key: max(row[key] for row in rows if row["threads"] == threads)
                for key in ("peak_gflops", "bandwidth_gbs")}
        print(f"{threads} threads of this machine: {best['peak_gflops']:.0f} GFLOP/s, "
              f"{best['bandwidth_gbs']:.1f} GB/s")
    for note in dict.fromkeys(row["note"] for row in rows if row["note"]):
        print(note + ":", ", ".join(dict.fromkeys(r["model"] for r in rows if r["note"] == note)))


def machine_text():
    """The processor, how many cores may be used, and PyTorch's version."""
    name = platform.processor() or platform.machine()
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
    return f"{name}, {len(os.sched_getaffinity(0))} cores"


def torch_text():
    if not importlib.util.find_spec("torch"):
        return None
    return subprocess.run([sys.executable, "-c", "import torch; print(torch.__version__)"],
                          capture_output=True, text=True).stdout.strip()


# ---- the command ---------------------------------------------------------------------------------

def read_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--out", default="bench.json")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turn", type=float, default=0.6, help="seconds of a turn, at least")
    parser.add_argument("--models", default="", help="some of: " + " ".join(
        [c[0] for c in CASES + NETWORKS] + OTHERS))
    parser.add_argument("--threads", help="default: 1,2; of networks 2")
    parser.add_argument("--variants", help="of PyTorch, some of " + ",".join(VARIANTS) +
                        ", which is the default; of networks all but compile; \"\": none")
    parser.add_argument("--data", default=os.environ.get("NETC_DATA", "data"),
                        help="the folder of the data sets, for loading")
    options = parser.parse_args()
    options.netc = os.path.abspath(options.netc)
    options.threads = [int(t) for t in (options.threads or "").split(",") if t]
    options.models = options.models.replace(",", " ").split()
    if options.variants is not None:
        options.variants = [v for v in options.variants.split(",") if v]
    if set(options.variants or []) - set(VARIANTS):
        parser.error(f"--variants takes some of {','.join(VARIANTS)}")
    known = [c[0] for c in CASES + NETWORKS] + OTHERS
    unknown = set(options.models) - set(known)
    if unknown:
        parser.error(f"no model {' '.join(sorted(unknown))}; there are {' '.join(known)}")
    return options


def defines_of(model_name):
    """netc's flags of the lets behind a network's name."""
    return [word for let in model_name.split()[1:] for word in ("--define", let)]


def bench_models(cases, options, installed, folder):
    """Prints a table of them and gives its rows."""
    print_heads()
    rows = []
    for name, path, model_name, batches, kinds in cases:
        for batch in batches:
            trainers = {}
            for kind in [None, *kinds]:
                output = os.path.join(folder, f"{name}_{batch}_{kind or ''}")
                seconds = compile_trainer(options.netc, os.path.join(ROOT, path), output,
                                          "--batch", batch, *defines_of(model_name),
                                          conv=kind)
                trainers[f"{name}_{kind}" if kind else name] = output, seconds
            for threads in options.threads:
                made = measure(trainers, model_name, batch, threads, options, installed)
                for row in made:
                    print_row(row)
                rows += made
            for output, _ in trainers.values():
                os.remove(output)
    print_ends(rows)
    return rows


def with_defaults(options, threads, variants):
    """The options of a table."""
    return argparse.Namespace(**{**vars(options), "threads": options.threads or threads,
                                 "variants": variants if options.variants is None
                                 else options.variants})


def end_on_signal():
    """SIGTERM unwinds like Ctrl-C, so that what stands still is closed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def main():
    options = read_options()
    version = torch_text()
    if not options.models:
        options.models = [c[0] for c in CASES] + OTHERS
    if "networks" in options.models:
        options.models += [c[0] for c in NETWORKS]
    others = Others()
    print(machine_text() + ";", f"PyTorch {version};" if version
          else "python3 has no torch (pip install torch): netc alone;", others.before())
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for cases, threads, variants in ((CASES, [1, 2], VARIANTS), (NETWORKS, [2], VARIANTS[:2])):
            wanted = [c for c in cases if c[0] in options.models]
            if wanted:
                rows += bench_models(wanted, with_defaults(options, threads, variants),
                                     bool(version), folder)
        if rows:
            with open(options.out, "w") as file:
                json.dump(rows, file, indent=1)
                file.write("\n")
        options = with_defaults(options, [1, 2], VARIANTS)
        if "convolutions" in options.models:
            convolutions.show(options, folder)
        if "loading" in options.models:
            loading.show(options, folder)
        if "jax" in options.models:
            jax_rows.show([(name, os.path.join(ROOT, path), batches[0])
                           for name, path, _, batches, _ in CASES if name in jax_rows.MODELS],
                          options, folder)
    print("\n" + others.after())


if __name__ == "__main__":
    end_on_signal()
    main()
