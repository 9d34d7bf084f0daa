"""zoo_gradcheck.py -- `gradcheck --synthetic` of a network of models/zoo, with smaller inputs.

The copy keeps every layer: pictures, sequences, vocabularies, classes and the widest dense layers
are smaller, and what DEFINES and NARROWER have of channels."""

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
           (r"size=224\b", "size=64"), (r"size=128\b", "size=32"), (r"\b242\b", "82"),
           (r"\b448, 448\]", "128, 128]"),
           (r"\b7, 7\b", "2, 2"), (r"dense\(1470\)", "dense(120)"),
           (r"\b(dense|conv2d)\(4096\b", r"\1(64"), (r"\bdense\(512\b", "dense(64"),
           (r"\bmlp\(2048\b", "mlp(64"), (r"\blength=\d+", "length=24"),
           (r"vocabulary=\d+", "vocabulary=200"), (r"bag_of_words\(25000", "bag_of_words(200"),
           (r"\[8192\]", "[512]"), (r"\bclasses\(1000\)", "classes(20)"),
           (r"\b(dense|conv2d)\(1000\b", r"\1(20")]

DEFINES = {"dcgan_mnist": ["size=8"], "deepar": ["hours=24", "households=40"],
           "deepfm": ["features=500"], "densenet121": ["growth=4"], "dpcnn": ["channels=16"],
           "imdb_encoder": ["length=24"], "imdb_transformer": ["length=24", "width=32"],
           "neural_lm": ["words=60"], "sasrec": ["films=50", "length=20"],
           "seq2seq_gru": ["words=50", "units=16", "length=6"], "tcn_mnist": ["channels=6"],
           "transformer_translate": ["words=50", "width=32"], "unet": ["width=4"],
           "unet_binary": ["width=4"], "vit_cifar10": ["width=24"],
           "vit_tiny": ["width=24"], "wavenet": ["channels=8", "steps=32"],
           "wide_resnet_28_10": ["wider=1"]}

# Of networks whose channels no let has: words of the file, and those instead. A scale that begins
# as 1e-6 would hide what is behind it.
VGG = {"[64, 2], [128, 2], [256, 3], [512, 3], [512, 3]":
       "[4, 2], [8, 2], [12, 3], [16, 3], [16, 3]"}
RESNET = {"(64, 7, stride=2": "(8, 7, stride=2",
          "[64, 3, 1], [128, 4, 2], [256, 6, 2], [512, 3, 2]":
          "[8, 3, 1], [12, 4, 2], [16, 6, 2], [24, 3, 2]"}
NARROWER = {
    "convnext_tiny": {"[96, 3], [192, 3], [384, 9], [768, 3]": "[8, 3], [12, 3], [16, 9], [24, 3]",
                      "constant(1e-6)": "constant(0.5)"},
    "densenet121": {"channels = 64\n": "channels = 16\n", "channels > 64": "channels > 16"},
    "efficientnet_b0": {"3, 1, 32, 16, 1]": "3, 1, 8, 4, 1]", "2, 16, 24, 2]": "2, 4, 4, 2]",
                        "2, 24, 40, 2]": "2, 4, 8, 2]", "2, 40, 80, 3]": "2, 8, 8, 3]",
                        "1, 80, 112, 3]": "1, 8, 12, 3]", "2, 112, 192, 4]": "2, 12, 16, 4]",
                        "1, 192, 320, 1]": "1, 16, 20, 1]", "conv2d(32, 3": "conv2d(8, 3",
                        "conv2d(1280, 1": "conv2d(40, 1"},
    "fcn32s": VGG,
    "googlenet": {"[64, 96, 128, 16, 32, 32], [128, 128, 192, 32, 96, 64]":
                  "[8, 6, 8, 2, 4, 4], [8, 8, 12, 4, 6, 6]",
                  "[192, 96, 208, 16, 48, 64], [160, 112, 224, 24, 64, 64], "
                  "[128, 128, 256, 24, 64, 64]":
                  "[12, 6, 12, 2, 4, 4], [10, 7, 14, 3, 4, 4], [8, 8, 16, 3, 4, 4]",
                  "[112, 144, 288, 32, 64, 64], [256, 160, 320, 32, 128, 128]]":
                  "[7, 9, 18, 2, 4, 4], [16, 10, 20, 2, 8, 8]]",
                  "[256, 160, 320, 32, 128, 128], [384, 192, 384, 48, 128, 128]":
                  "[16, 10, 20, 2, 8, 8], [24, 12, 24, 3, 8, 8]",
                  "conv(64, 7": "conv(8, 7", "conv(64, 1)": "conv(8, 1)",
                  "conv(192, 3": "conv(12, 3"},
    "mixer_s16": {"512": "48"},
    "mobilenet_v1": {"[64, 1, 1], [128, 2, 1], [128, 1, 1], [256, 2, 1]":
                     "[8, 1, 1], [12, 2, 1], [12, 1, 1], [16, 2, 1]",
                     "[256, 1, 1], [512, 2, 1], [512, 1, 5], [1024, 2, 1]":
                     "[16, 1, 1], [24, 2, 1], [24, 1, 5], [32, 2, 1]",
                     "[1024, 1, 1]": "[32, 1, 1]", "inputs = 32": "inputs = 8"},
    "mobilenet_v2": {"[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1]":
                     "[1, 4, 1, 1], [6, 4, 2, 2], [6, 6, 3, 2], [6, 6, 4, 2], [6, 8, 3, 1]",
                     "[6, 160, 3, 2], [6, 320, 1, 1]": "[6, 8, 3, 2], [6, 12, 1, 1]",
                     "conv2d(32, 3": "conv2d(8, 3", "inputs = 32": "inputs = 8",
                     "conv2d(1280, 1": "conv2d(40, 1"},
    "mobilenet_v3_small": {"[16, 3, 16, 8, 16,": "[8, 3, 8, 4, 8,",
                           "[16, 3, 72, 0, 24,": "[8, 3, 16, 0, 8,",
                           "[24, 3, 88, 0, 24,": "[8, 3, 20, 0, 8,",
                           "[24, 5, 96, 24, 40,": "[8, 5, 20, 6, 12,",
                           "[40, 5, 240, 64, 40,": "[12, 5, 24, 8, 12,",
                           "[40, 5, 120, 32, 48,": "[12, 5, 24, 6, 16,",
                           "[48, 5, 144, 40, 48,": "[16, 5, 24, 8, 16,",
                           "[48, 5, 288, 72, 96,": "[16, 5, 32, 8, 20,",
                           "[96, 5, 576, 144, 96,": "[20, 5, 40, 8, 20,",
                           "conv2d(16, 3": "conv2d(8, 3", "conv2d(576, 1": "conv2d(40, 1",
                           "dense(1024)": "dense(48)"},
    "nin": {"mlpconv(96, 11, 96": "mlpconv(12, 11, 12", "mlpconv(256, 5, 256": "mlpconv(16, 5, 16",
            "mlpconv(384, 3, 384": "mlpconv(24, 3, 24",
            "mlpconv(1024, 3, 1000": "mlpconv(32, 3, 20"},
    "resnet18": {"(64, 7, stride=2": "(8, 7, stride=2",
                 "[64, 1], [128, 2], [256, 2], [512, 2]": "[8, 1], [12, 2], [16, 2], [24, 2]"},
    "resnet50": RESNET,
    "resnext50": {**RESNET, "groups=32": "groups=4"},
    "shufflenet_v1": {"[24, 240, 4, 1], [240, 480, 8, 3], [480, 960, 4, 3]":
                      "[12, 24, 4, 1], [24, 48, 8, 3], [48, 96, 4, 3]",
                      "conv2d(24, 3": "conv2d(12, 3"},
    "shufflenet_v2": {"[24, 116, 4], [116, 232, 8], [232, 464, 4]":
                      "[8, 16, 4], [16, 24, 8], [24, 32, 4]", "conv2d(24, 3": "conv2d(8, 3",
                      "conv2d(1024, 1": "conv2d(48, 1"},
    "siamese_omniglot": {"conv2d(64, 10": "conv2d(8, 10", "conv2d(128, 7": "conv2d(12, 7",
                         "conv2d(128, 4": "conv2d(12, 4", "conv2d(256, 4": "conv2d(16, 4",
                         "105, 105]": "65, 65]"},
    "simclr_cifar10": {"(128": "(16"},
    "squeezenet": {"conv2d(64, 3": "conv2d(8, 3", "fire(16, 64)": "fire(4, 8)",
                   "fire(32, 128)": "fire(6, 12)", "fire(48, 192)": "fire(8, 16)",
                   "fire(64, 256)": "fire(8, 20)"},
    "tiny_ssd": {"half(16)": "half(4)", "half(32)": "half(6)", "half(64)": "half(8)",
                 "half(128)": "half(12)", "reshape(128, 1, 1)": "reshape(12, 1, 1)",
                 "256, 256]": "64,64]", "[16, 8, 4, 1]": "[4, 2, 1, 1]",
                 "1024": "64", "5444": "344"},
    "vgg11": {"[64, 1], [128, 1], [256, 2], [512, 2], [512, 2]":
              "[4, 1], [8, 1], [12, 2], [16, 2], [16, 2]"},
    "vgg16": VGG,
    "voxnet": {"conv3d(32, 5": "conv3d(6, 5", "conv3d(32, 3": "conv3d(8, 3"},
    "wavenet": {"conv1d(256, 1": "conv1d(16, 1"},
    "wide_resnet_28_10": {"conv2d(16, 3": "conv2d(4, 3",
                          "[16, 1], [32, 2], [64, 2]": "[4, 1], [6, 2], [8, 2]"},
    "yolo_tiny": {"[16, 32, 64, 128, 256, 512]": "[4, 4, 6, 8, 12, 16]",
                  "conv(1024) -> conv(256)": "conv(24) -> conv(12)"},
}


def smaller(name, text):
    for words, instead in NARROWER.get(name, {}).items():
        if words not in text:
            raise RuntimeError(f"smaller: the file has no `{words}`")
        text = text.replace(words, instead)
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
        text = smaller(name, file.read())
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
