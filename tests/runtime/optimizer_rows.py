"""optimizer_rows.py -- the weights that training.c holds optimizers to: three of them after nine
steps whose gradients are there too, by torch.optim in double.

    optimizer_rows.py --optimizer adam --lr 0.01     a row for the table
    optimizer_rows.py                                every row of it again; 1: one differs

A new optimizer is a row of OPTIMIZERS in tests/pytorch/optimizers.py first."""
import pathlib
import re
import sys

import torch

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "pytorch"))
from optimizers import OPTIMIZERS  # noqa: E402

STEPS = 9


def weights(flags):
    """After all steps; flags as a trainer takes them, --nesterov and --centered without a value."""
    words = flags.split()
    options = {}
    while words:
        name = words.pop(0).removeprefix("--").replace("-", "_")
        has_value = words and not words[0].startswith("--")
        options[name] = words.pop(0) if has_value else True
    make = OPTIMIZERS[options.pop("optimizer", "sgd")]
    options = {name: value if value is True else float(value) for name, value in options.items()}
    if ("beta1" in options) != ("beta2" in options):
        options = {"beta1": 0.9, "beta2": 0.999, **options}
    w = torch.tensor([0.5, -1.25, 2.0], dtype=torch.float64, requires_grad=True)
    optimizer = make(**options)([w])
    for t in range(STEPS):
        w.grad = torch.tensor([0.3 * (t + 1), -0.7 + 0.2 * t, 0.01 * t], dtype=torch.float64)
        optimizer.step()
    return w.tolist()


def rows():
    """(flags, numbers) of training.c's table."""
    text = (here / "training.c").read_text()
    table = text[text.index("} torch[] = {"):text.index("START_TEST(optimizers_agree")]
    for flags, numbers in re.findall(r'\{((?:\s*"[^"]*")+),\s*\{([^}]*)\}\}', table):
        yield "".join(re.findall('"([^"]*)"', flags)), [float(x) for x in numbers.split(",")]


if sys.argv[1:]:
    flags = " ".join(sys.argv[1:])
    print(f'    {{"{flags}", {{{", ".join(f"{x:.9f}".rstrip("0") for x in weights(flags))}}}}},')
else:
    differ = 0
    for flags, numbers in rows():
        found = weights(flags)
        right = all(abs(a - b) < 1e-9 for a, b in zip(found, numbers))
        differ += not right
        print("ok   " if right else "OTHER", flags, "" if right else found)
    sys.exit(differ > 0)
