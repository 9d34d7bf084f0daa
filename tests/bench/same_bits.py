#!/usr/bin/env python3
"""Do two builds of netc train the same weights, to the bit?

    same_bits.py --netc build/netc --record FILE        what a build trains, into FILE (JSON)
    same_bits.py --netc build/netc --against FILE       and whether another one trains the same

Every case is compiled for every target and trained for a few steps from its own seed. Compared are
the tensors of model.safetensors (names, shapes, data; no metadata), the losses of the steps as they
are printed (nine digits tell every float apart), and the losses after the last step, which are of
the evaluate graph. Cases: `torch/NAME` are those of cases.txt beside the losses of PyTorch; `NAME`
are the files of models/ on the first rows of their real data, with everything that is drawn.
What `--against` runs and FILE does not hold is told and is no difference. Exit: 0 all the same; 1 a
difference, or something that does not compile or run; 2 wrong usage.
"""

import argparse
import array
import base64
import contextlib
import csv
import fnmatch
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from bits_rows import lay_out, torch_folder

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TARGETS = ["avx512", "avx2", "generic"]
SAMPLE = 4096           # numbers of a tensor that FILE holds, to say how far apart two are
PATIENCE = 900          # seconds a program may take
LARGE = {"cifar100_alexnet", "cifar100_vgg16", "cifar10_vgg16", "cifar10_resnet18"}


# ---- cases ---------------------------------------------------------------------------------------

# the files of models/ by the folder of their data, the steps they train, and other ways to train
# some of them: a name, a kind of convolution, flags of netc
MODELS = {
    None: ["digits", "residual_digits", "branches_digits", "logistic_map", "xor_split",
           "xor_concat"],
    "mnist": ["cnet_mnist", "mnist_dense", "mnist_conv", "mnist_dense_permuted",
              "mnist_conv_permuted", "mnist_denoise"],
    "cifar10": ["cifar10_lenet5", "cifar10_resnet18", "cifar10_vgg16", "cifar10_cnn_small",
                "cifar10_mlp", "cifar10_keras_dense", "cifar10_keras_dense_mse"],
    "cifar100": ["cifar100_alexnet", "cifar100_vgg16"],
    "imdb": ["imdb_bow_l2", "imdb_bow_dropout", "imdb_bow_batchnorm", "imdb_embedding_dense",
             "imdb_embedding_conv"],
    "boston": ["boston"],
    "pima": ["pima", "pima_imputed"],
    "titles": ["meli_cnn", "meli_mlp", "meli_cnn_pretrained"],
}
STEPS = {None: 12, "boston": 24, "pima": 48, "titles": 4}      # others: 6
VARIANTS = {
    "digits": [("batch50", None, ["--batch", "50"])],
    "mnist_conv": [("direct", "direct", [])],
    "cifar10_lenet5": [("batch40", None, ["--batch", "40"])],
    "cifar10_resnet18": [("direct", "direct", []),
                         ("silu", None, ["--define", "activation=silu"])],
}
QUICK_MODELS = {"digits", "mnist_conv"}

# of cases.txt those that --quick takes: a kernel of every kind
QUICK_TORCH = set("""
    residual concat conv2d_same conv2d_winograd conv2d_uneven conv2d_point conv2d_whole
    conv2d_dilation_odd conv2d_groups_3 conv2d_depthwise conv2d_depthwise_step
    conv2d_transpose_step conv1d_depthwise maxpool2d_overlap avgpool2d_uneven upsample2d
    maxpool1d_odd max batchnorm_image layernorm_image softmax_image multiply concat_three
    embedding_padding embedding_mean_words embedding_conv_max bag_concat mse_picture
    cross_entropy_both binary_sigmoid rmsprop_centered plateau clip_norm l1_l2""".split())


class Case:
    """A model file, how it is changed and compiled, and how its trainer is run."""

    def __init__(self, name, path, data, steps, quick, edit=lambda text: text, conv=None,
                 netc_flags=(), flags=(), seed=()):
        self.name, self.path, self.data, self.steps, self.quick = name, path, data, steps, quick
        self.edit, self.conv = edit, conv
        self.netc_flags, self.flags, self.seed = list(netc_flags), list(flags), list(seed)
        self.whole = os.path.basename(os.path.dirname(path)) == "models"
        self.large = os.path.basename(path)[:-4] in LARGE

    def text(self):
        with open(self.path) as file:
            text = self.edit(file.read())
        if not self.conv:
            return text
        text, places = re.subn(r"(?m)^train \{$", rf"\g<0>\n    conv = {self.conv}", text)
        if places != 1:
            raise Fault(f"{self.path} has no line `train {{`")
        return text

    def on(self, target):
        """The flags of netc, the name of the rows and the steps: a large model has smaller batches,
        and on the slow target few rows too."""
        if not self.large or self.name.startswith("torch/"):
            return self.netc_flags, self.data, self.steps
        if target == "generic":
            return self.netc_flags + ["--batch", "16"], self.data + "-few", min(self.steps, 5)
        return self.netc_flags + ["--batch", "32"], self.data, self.steps


def plain_model(text):
    """As plain.sed has it: without splits and what is drawn, digits from files."""
    lines, dropping = [], False
    for line in text.split("\n"):
        dropping = dropping or bool(re.match(r" +(augment|validation|test) ", line))
        if not dropping:
            lines.append(line)
        elif re.match(r" +(input|target) |\}| *$", line):
            dropping = False
            lines.append(line)
    text = re.sub(r" -> (dropout|noise)\([^)]*\)", "", "\n".join(lines))
    return re.sub(r"digits\([^)]*\)", 'idx(image="train-images-idx3-ubyte.gz", '
                  'label="train-labels-idx1-ubyte.gz")', text)


def small_model(text):
    """As it stands, but on few rows, and of folds only one."""
    text = re.sub(r"digits\(rows=(\d+)", lambda found: "digits(rows=222" if int(found[1]) > 2000
                  else "digits(rows=50", text)
    return re.sub(r"kfold\(\d+\)", "holdout(0.1)", text)


def torch_cases(root):
    folder = torch_folder(root)
    with open(os.path.join(folder, "cases.txt")) as file:
        lines = [line.split() for line in file if line.strip() and not line.startswith("#")]
    for name, path, *words in lines:
        flags = [word for word in words if "=" not in word]
        values = dict(word.split("=", 1) for word in words if "=" in word)
        conv = values.pop("conv", None)
        defines = [f"{key}={value}" for key, value in values.items()]
        steps = 10
        if "--max-steps" in flags:
            place = flags.index("--max-steps")
            steps = int(flags[place + 1])
            del flags[place:place + 2]
        whole = path.startswith("models/")
        yield Case("torch/" + name, os.path.join(root if whole else folder, path + ".net"), "torch",
                   steps, name in QUICK_TORCH, plain_model if whole else lambda text: text, conv,
                   [word for define in defines for word in ("--define", define)],
                   ["--no-shuffle", *flags], ["--seed", "1"])


def model_cases(root):
    for data, names in MODELS.items():
        for name in names:
            path = os.path.join(root, "models", name + ".net")
            steps = STEPS.get(data, 6)
            more = ["--define", "categories=787"] if data == "titles" else []
            yield Case(name, path, data, steps, name in QUICK_MODELS, small_model,
                       netc_flags=more)
            for variant, conv, flags in VARIANTS.get(name, []):
                yield Case(f"{name}/{variant}", path, data, steps, False, small_model, conv,
                           more + flags)


def targets_of(case, targets, quick):
    """PyTorch's cases of whole models, and of the large ones all but ResNet-18, are not worth their
    time on the slow target; and --quick has one target for what is PyTorch's."""
    if case.name.startswith("torch/"):
        slow = not case.whole
        targets = targets[:1] if quick else targets
    else:
        slow = not case.large or case.name == "cifar10_resnet18"
    return [t for t in targets if slow or t != "generic"]


# ---- what a trainer leaves -----------------------------------------------------------------------

def sample(data):
    """Some numbers of a tensor of F32, all of them where they are few: every so-many-th."""
    numbers = array.array("f")
    numbers.frombytes(data)
    return numbers[::max(1, -(-len(numbers) // SAMPLE))]


def read_tensors(path):
    """{name: its type and shape, the SHA-256 of its data, a sample}."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            own = data[slice(*entry["data_offsets"])]
            tensors[name] = {"type": entry["dtype"], "shape": entry["shape"],
                             "sha256": hashlib.sha256(own).hexdigest()}
            if entry["dtype"] == "F32":
                tensors[name]["sample"] = base64.b64encode(sample(own).tobytes()).decode()
    return tensors


def hash_tensors(tensors):
    lines = [f"{name} {t['type']} {t['shape']} {t['sha256']}\n" for name, t in tensors.items()]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


class Fault(Exception):
    """A program that failed: the last it said."""


def run_program(*command):
    """Gives what it printed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise Fault(f"{os.path.basename(command[0])}: over {PATIENCE} s") from None
    except OSError as error:
        raise Fault(f"{os.path.basename(command[0])}: {error.strerror}") from None
    if done.returncode != 0:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        errors = [line for line in said if "error" in line] or said[-1:]
        raise Fault(f"{os.path.basename(command[0])}: exit {done.returncode}: "
                    + (errors[0][:200] if errors else ""))
    return done.stdout + done.stderr


def compile_text(netc, text, output, *flags):
    """A trainer at `output`. Gives the seconds of the processor that netc and its clang used, and
    those that clang took by the clock."""
    with open(output + ".net", "w") as file:
        file.write(text)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = run_program(netc, output + ".net", "-o", output, "-v", *flags)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    clang = re.search(r"clang (\d+) ms", said)
    return (round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 3),
            int(clang[1]) / 1e3 if clang else None)


def run_case(case, target, options, folder, rows):
    """What it trains, as --record writes it. rows: gives the folder of a name's."""
    trainer = os.path.join(folder, re.sub(r"\W", "_", case.name))
    out, steps = os.path.join(folder, "run"), os.path.join(folder, "steps.csv")
    flags, data, count = case.on(target)
    made = {}
    try:
        made["compile_s"], made["clang_s"] = compile_text(
            options.netc, case.text(), trainer, "--target", target, *flags)
        began = time.perf_counter()
        seed = [] if options.seed is None else ["--seed", str(options.seed)]
        run_program(trainer, "train", "--data", rows(data), "--max-steps", str(count),
                    *case.flags, *(seed or case.seed), "--threads", str(options.threads), "--keep",
                    "last", "--log-steps", steps, "--out", out, "--force", "--quiet")
        made["train_s"] = round(time.perf_counter() - began, 3)
        with open(steps) as file:
            made["losses"] = [row["loss"] for row in csv.DictReader(file)]
        if len(made["losses"]) != count:
            raise Fault(f"{len(made['losses'])} steps of {count}")
        made["losses_sha256"] = hashlib.sha256("\n".join(made["losses"]).encode()).hexdigest()
        made["tensors"] = read_tensors(os.path.join(out, "model.safetensors"))
        made["tensors_sha256"] = hash_tensors(made["tensors"])
        with open(os.path.join(out, "run.json")) as file:
            made["final"] = json.load(file).get("final")
    except Fault as fault:
        made["fault"] = str(fault).replace(folder + "/", "")
    for path in (trainer, trainer + ".net", trainer + ".c", steps):
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
    shutil.rmtree(out, ignore_errors=True)
    return made


# ---- comparing -----------------------------------------------------------------------------------

def apart(old, new):
    """The largest difference of the samples, by the largest number of the old one."""
    if "sample" not in old or "sample" not in new:
        return float("inf")
    pair = [array.array("f", base64.b64decode(t["sample"])) for t in (old, new)]
    largest = max(map(abs, pair[0]), default=0) or 1
    return max((abs(a - b) / largest for a, b in zip(*pair)), default=0)


def tensor_difference(old, new):
    """Of two dictionaries that are not the same: in words."""
    if old.keys() != new.keys():
        return "tensors of one only: " + ", ".join(sorted(old.keys() ^ new.keys())[:4])
    for name in old:
        for key in ("type", "shape"):
            if old[name][key] != new[name][key]:
                return f"the {key} of {name}: {old[name][key]}, now {new[name][key]}"
    names = [name for name in old if old[name]["sha256"] != new[name]["sha256"]]
    most = max(names, key=lambda name: apart(old[name], new[name]))
    size = apart(old[most], new[most])
    return (f"{len(names)} of {len(old)} tensors, " +
            (f"most {most}, by {size:.1e} of its largest" if size else
             f"the first {names[0]}, in none of the numbers that are kept"))


def difference(old, new):
    """None where they are the same."""
    if "fault" in new or "fault" in old:
        if new.get("fault") == old.get("fault"):
            return f"both fail: {new['fault']}"
        return new.get("fault") or "works, where the baseline does not: " + old["fault"]
    words = []
    for step, (a, b) in enumerate(zip(old["losses"], new["losses"]), 1):
        if a != b:
            words.append(f"the loss of step {step}: {a}, now {b}")
            break
    if len(old["losses"]) != len(new["losses"]):
        words.append(f"{len(old['losses'])} steps, now {len(new['losses'])}")
    if old["tensors_sha256"] != new["tensors_sha256"]:
        words.append(tensor_difference(old["tensors"], new["tensors"]))
    if old["final"] != new["final"] and not words:
        words.append(f"the losses after all steps: {old['final']}, now {new['final']}")
    return "; ".join(words) or None


def seconds(value):
    return f"{value:7.2f}" if value is not None else f"{'-':>7}"


def judge(name, target, old, new, options):
    """A line of the table; gives whether all is well."""
    if old is None:
        good = "fault" not in new
        word = new.get("fault") or ("recorded" if options.record else "not in the baseline")
    else:
        word = difference(old, new)
        good, word = word is None, word or "same"
    if not (options.quiet and good):
        print(f"{name:30} {target:8}{seconds((old or {}).get('compile_s'))}"
              f"{seconds(new.get('compile_s'))}  {word}", flush=True)
    return good


class Rows:
    """The folders of the rows, each laid out when it is wanted first; None where there are none."""

    def __init__(self, options, folder):
        self.options, self.folder, self.made = options, folder, {}

    def __call__(self, data):
        if data not in self.made:
            self.made[data] = os.path.join(self.folder, "rows-" + (data or "none"))
            os.mkdir(self.made[data])
            try:
                lay_out(data, self.options.root, self.options.data, self.made[data])
            except OSError as error:
                self.made[data] = None
                print(f"no {data}: {error.strerror} {error.filename}", flush=True)
        return self.made[data]


def check(options, cases, old, folder):
    """Runs all; gives the runs, those that are not well, and the models without data."""
    runs, bad, absent, rows = {}, [], [], Rows(options, folder)
    for case in cases:
        if not rows(case.data):
            absent.append(case.name)
        for target in targets_of(case, options.targets, options.quick):
            key = f"{case.name}@{target}"
            if rows(case.data):
                runs[key] = run_case(case, target, options, folder, rows)
                if not judge(case.name, target, old.get(key), runs[key], options):
                    bad.append(key)
            elif key in old:
                bad.append(key)
    return runs, bad, absent


# ---- the command ---------------------------------------------------------------------------------

def read_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--models", default="", metavar="A,B",
                        help="names or patterns, as mnist_conv or 'torch/conv*'")
    parser.add_argument("--quick", action="store_true",
                        help="about a minute: digits and mnist_conv, and 34 of PyTorch's cases on "
                             "the first of the targets alone")
    parser.add_argument("--record", metavar="FILE")
    parser.add_argument("--against", metavar="FILE")
    parser.add_argument("--data", metavar="DIR",
                        default=os.environ.get("NETC_DATA", os.path.join(ROOT, "data")),
                        help="the folder of the data sets; a model whose rows are not there is "
                             "left out")
    parser.add_argument("--root", default=ROOT, metavar="DIR",
                        help="whose models/ and tests/ are taken (default: this tree)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, help="another than each case's own")
    parser.add_argument("--quiet", action="store_true", help="show only what is not the same")
    options = parser.parse_args()
    options.netc, options.root = os.path.abspath(options.netc), os.path.abspath(options.root)
    if not os.access(options.netc, os.X_OK):
        parser.error(f"no program {options.netc}")
    options.targets = options.targets.replace(",", " ").split()
    if not options.targets or set(options.targets) - set(TARGETS):
        parser.error(f"--targets takes some of {','.join(TARGETS)}")
    cases = [*model_cases(options.root), *torch_cases(options.root)]
    if options.quick:
        missing = QUICK_TORCH - {case.name[6:] for case in cases}
        if missing:
            parser.error("cases.txt has lost " + " ".join(sorted(missing)))
        cases = [case for case in cases if case.quick]
    for pattern in options.models.replace(",", " ").split():
        if not any(fnmatch.fnmatch(case.name, pattern) for case in cases):
            parser.error(f"no case {pattern}")
    if options.models:
        patterns = options.models.replace(",", " ").split()
        cases = [c for c in cases if any(fnmatch.fnmatch(c.name, p) for p in patterns)]
    return options, cases


def main():
    options, cases = read_options()
    old = {}
    if options.against:
        with open(options.against) as file:
            old = json.load(file)["runs"]
    began = time.perf_counter()
    if not options.quiet:
        print(f"{'':38}{'compiling, s':>14}\n{'model':30} {'target':8}{'before':>7}{'now':>7}")
    with tempfile.TemporaryDirectory(prefix="same-bits-") as folder:
        runs, bad, absent = check(options, cases, old, folder)
    if options.record:
        with open(options.record + ".part", "w") as file:
            json.dump({"netc": options.netc, "threads": options.threads, "runs": runs}, file)
            file.write("\n")
        os.replace(options.record + ".part", options.record)
    known = [key for key in runs if key in old and "compile_s" in runs[key]
             and "compile_s" in old[key]]
    if known:
        before, now = (sum(of[key]["compile_s"] for key in known) for of in (old, runs))
        print(f"compiling: {before:.1f} s of processor time before, {now:.1f} now "
              f"({now / before:.3f})")
    fresh = [] if options.record else [key for key in runs if key not in old]
    good = len(set(runs) - set(bad) - (set(fresh) if old else set()))
    print(f"{good} {'as before' if old else 'trained'}, {len(bad)} not"
          + (f", {len(fresh)} not in the baseline" if old and fresh else "")
          + (f", {len(absent)} models without data" if absent else "")
          + f"; {time.perf_counter() - began:.0f} s")
    if bad and not options.quiet:
        print("not the same:" if old else "failed:", " ".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
