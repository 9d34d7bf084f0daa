"""zoo_gradcheck.py -- `gradcheck --synthetic` of a network of models/zoo, with smaller inputs.

The copy keeps every layer: pictures, sequences, vocabularies, and the widest dense layers alone are
smaller, and what DEFINES has."""

import collections
import os
import re
import resource
import signal
import subprocess
import tempfile

ROWS = 3
ATTEMPTS, WANTED = 4, 2  # gradcheck's: right for two batches of at most four

SMALLER = [(r"\b128, 128\]", "32, 32]"), (r"\b224, 224\b", "64, 64"), (r"\b196\b", "16"),
           (r"size=224\b", "size=64"), (r"\b242\b", "82"), (r"\b448, 448\]", "128, 128]"),
           (r"\b7, 7\b", "2, 2"), (r"dense\(1470\)", "dense(120)"),
           (r"\b(dense|conv2d)\(4096\b", r"\1(64"), (r"\bdense\(512\b", "dense(64"),
           (r"\bmlp\(2048\b", "mlp(64"), (r"\blength=\d+", "length=24"),
           (r"vocabulary=\d+", "vocabulary=200"), (r"bag_of_words\(25000", "bag_of_words(200"),
           (r"\[8192\]", "[512]")]

DEFINES = {"dcgan_mnist": ["size=8"], "deepar": ["hours=24", "households=40"],
           "deepfm": ["features=500"], "densenet121": ["growth=8"], "dpcnn": ["channels=16"],
           "imdb_encoder": ["length=24"], "imdb_transformer": ["length=24", "width=32"],
           "sasrec": ["films=50", "length=20"], "transformer_translate": ["words=50", "width=32"],
           "unet": ["width=8"], "vit_cifar10": ["width=48"], "vit_tiny": ["width=48"],
           "wide_resnet_28_10": ["wider=1"]}


def smaller(text):
    for pattern, instead in SMALLER:
        text = re.sub(pattern, instead, text)
    return text


def result(said, code, error):
    """What run() gives, of the words that gradcheck said of each tensor, in their order."""
    wrong = [tensor for tensor, words in said.items()
             if "WRONG" in words or (len(words) == ATTEMPTS and words.count("ok") < WANTED)]
    never = [tensor for tensor, words in said.items() if "ok" not in words and tensor not in wrong]
    count = f"{len(said) - len(wrong) - len(never)} of {len(said)} right"
    told = [f"gradcheck found {tensor} wrong" for tensor in wrong]
    told += [f"gradcheck did not find {tensor} right before the limit" for tensor in never]
    if code == -signal.SIGXCPU:
        return f"{count}, then the limit", told, bool(wrong)
    if code:
        told.append(f"gradcheck: exit {code} {error}".rstrip())
    return count, told, bool(wrong or code)


def run(netc, name, path, seconds):
    """A cell, lines about tensors that were not found right, and whether there is a fault.
    `seconds`: of the processor, at the most; behind them a tensor counts as right that was so for
    one batch, and those that were not reached count nowhere."""
    with open(path) as file:
        text = smaller(file.read())
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        trainer = os.path.join(folder, "trainer")
        with open(trainer + ".net", "w") as file:
            file.write(text)
        defines = [word for define in DEFINES.get(name, ()) for word in ("--define", define)]
        made = subprocess.run([netc, trainer + ".net", "-o", trainer, "--batch", str(ROWS),
                               *defines], capture_output=True, text=True)
        if made.returncode:
            raise RuntimeError(f"smaller: exit {made.returncode}\n{made.stderr.rstrip()}")
        done = subprocess.run(
            [trainer, "gradcheck", "--synthetic", "--threads", "1", "--batch", str(ROWS)],
            capture_output=True, text=True, cwd=folder,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5)))
    lines = [line.split() for line in done.stdout.splitlines()]
    said = collections.defaultdict(list)
    for line in lines:
        if line and line[0] in ("ok", "again", "WRONG"):
            said[line[1]].append(line[0])
    return result(said, done.returncode, done.stderr.rstrip())
