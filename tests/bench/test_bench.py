"""test_bench.py CASE -- what bench.py makes of answers, without PyTorch: scripts work."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
import types

import bench
import turns
import zoo

WORKER = """
import json, os, sys
_, model, variant, *_ = sys.argv
if variant == "compile":
    sys.exit("no compiler here")
with open(model, "a") as file:
    print(os.getpid(), file=file)
print(json.dumps({"first_step_s": 2.5}), flush=True)
for turn, line in enumerate(sys.stdin):
    if variant == "channels_last" and turn == 1:
        sys.exit("out of memory")
    print(json.dumps({"step_ms": 10.0, "forward_ms": 4.0, "backward_ms": 5.0, "update_ms": 1.0,
                      "peak_mb": 300.0}), flush=True)
"""


class Answers:
    """Stands for a Trainer or a Torch after its turns."""

    def __init__(self, **answers):
        self.answers = answers
        self.batch, self.threads, self.compiling, self.first = 64, 2, 0.5, 3.0

    def median(self, key):
        return self.answers[key]


def netc_answers():
    return Answers(step_ms=2.0, forward_ms=0.5, backward_ms=1.25, update_ms=0.25, peak_share=0.8,
                   peak_mb=20.0, gflops=90.0, first_step_s=0.1, peak_gflops=236.0,
                   bandwidth_gbs=42.0)


def torch_answers(step, memory):
    return Answers(step_ms=step, forward_ms=step / 4, backward_ms=step / 2, update_ms=step / 4,
                   peak_mb=memory)


def row_of_the_best():
    row = bench.make_row("m", netc_answers(), {"eager": torch_answers(8.0, 300.0),
                                               "compile": torch_answers(5.0, 700.0)},
                         {"channels_last": "no images"})
    assert row["ratio"] == 2.5 and row["ratio_eager"] == 4.0, row
    assert row["torch_eager_ms"] == 8.0 and row["torch_compile_ms"] == 5.0, row
    assert row["torch_channels_last_ms"] is None, row
    assert row["torch_peak_mb"] == 700.0 and row["torch_forward_ms"] == 1.25, row
    assert row["samples_per_second"] == 32000 and row["netc_first_step_s"] == 0.6, row
    assert row["note"] == "channels_last: no images", row


def row_without_torch():
    reasons = {v: "PyTorch is not installed" for v in bench.VARIANTS}
    row = bench.make_row("m", netc_answers(), {}, reasons)
    assert all(row[f"torch_{v}_ms"] is None for v in bench.VARIANTS), row
    assert row["ratio"] is None and row["ratio_eager"] is None, row
    assert row["torch_peak_mb"] is None and row["torch_update_ms"] is None, row
    assert row["note"].count("PyTorch is not installed") == 3, row


def reasons():
    def reason(*asked):
        return bench.reason_without(*asked)
    assert reason("eager", "cnet", ["compile"], True) == "not asked for"
    assert reason("eager", "cnet", ["eager"], False) == "PyTorch is not installed"
    assert reason("channels_last", "cnet", ["channels_last"], True) == "no images"
    assert reason("channels_last", "lenet5", ["channels_last"], True) is None
    assert reason("eager", "cnet", ["eager"], True) is None


def table():
    row = bench.make_row("imdb_embedding_conv", netc_answers(),
                         {"eager": torch_answers(122.0, 300.0)}, {})
    with contextlib.redirect_stdout(io.StringIO()) as text:
        bench.print_heads()
        bench.print_row(row)
    heads, cells = [line.split() for line in text.getvalue().splitlines()[1:]]
    assert cells[:7] == ["imdb_embedding_conv", "64", "2", "2.00", "0.500", "1.25", "0.250"], cells
    assert cells[heads.index("eager")] == "122" and cells[heads.index("chlast")] == "-", cells
    assert len(heads) == len(cells) and cells[heads.index("best")] == "61.00", cells
    assert all(len(line) <= 130 for line in text.getvalue().splitlines()), text.getvalue()
    assert [bench.three_digits(x) for x in (0, 0.0123, 0.3279, 1.484, 22.71, 445.6, 1220.4)] == [
        "0", "0.012", "0.328", "1.48", "22.7", "446", "1220"]


def tables():
    options = types.SimpleNamespace(threads=[], variants=None)
    made = bench.with_defaults(options, [2], ["eager"])
    assert made.threads == [2] and made.variants == ["eager"], made
    options = types.SimpleNamespace(threads=[1], variants=[])
    made = bench.with_defaults(options, [2], ["eager"])
    assert made.threads == [1] and made.variants == [], made
    assert bench.defines_of("imdb_transformer length=128") == ["--define", "length=128"]
    for name, path, *_ in bench.CASES + bench.NETWORKS:
        assert os.path.exists(os.path.join(bench.ROOT, path)), (name, path)


def zoo_rows():
    field = types.SimpleNamespace(shape=[3, 224, 224])
    net = types.SimpleNamespace(inputs=[field], batch=256)
    assert zoo.batches("resnet18", net) == (2, 8) and zoo.batches("vgg16", net) == (1, 8)
    field.shape = [13]
    assert zoo.batches("quantiles_boston", net) == (8, 256)
    assert abs(zoo.loss_distance([2.0, 3.03], [2.0, 3.0]) - 0.01) < 1e-12
    assert zoo.table_line(["`a`", 8, "1e-07"]) == "| `a` | 8 | 1e-07 |"
    assert zoo.winograd_shapes("  6  conv2d winograd 4x4 weights -> [16, 8, 9]  net.conv2d\n"
                               "  7  conv2d_dx winograd 4x4 weights -> [3, 4, 5]  net.conv2d\n"
                               "  8  conv2d relu -> [8, 8, 9]  net.first\n") == {(16, 8, 9)}
    ours, theirs = ({name for name in os.listdir(os.path.join(bench.ROOT, "tests", folder))
                     if name.endswith(".py")} for folder in ("bench", "pytorch"))
    assert not ours & theirs, ours & theirs         # zoo.py imports from both
    assert set(zoo.BATCHES) <= {name[:-4] for name in os.listdir(
        os.path.join(bench.ROOT, "models", "zoo"))}, zoo.BATCHES


def decisions():
    """Layers that decide are PyTorch's; a near decision that was taken otherwise is found."""
    import torch
    from torch import nn
    from networks.decisions import Decisions, explain
    from networks.layers import Call
    torch.manual_seed(1)
    x = torch.randn(2, 4, 9, 10, dtype=torch.float64)
    conv = nn.Conv2d(4, 5, 3).double()
    for layer in [nn.ReLU(), nn.LeakyReLU(0.1), Call(torch.abs), nn.ReLU6(), nn.Hardswish(),
                  nn.Hardsigmoid(), nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(2, ceil_mode=True),
                  nn.MaxPool2d((2, 3), 3),
                  nn.Sequential(nn.Flatten(2), nn.MaxPool1d(3, 2, 1), nn.AdaptiveMaxPool1d(1))]:
        def loss():
            return (3 * layer(2 * conv(x))).sin().sum()
        right = loss(), *torch.autograd.grad(loss(), [conv.weight, conv.bias])
        with Decisions():
            value = loss()
        for a, b in zip(right, [value, *torch.autograd.grad(value, [conv.weight, conv.bias])]):
            assert torch.allclose(a, b, rtol=1e-7), layer   # PyTorch's hardsigmoid has a float 1/6
    scores = torch.tensor([[1, 5, 5 + 1e-7, 2]], dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        conv.bias[3] += 1e-7 - conv(x)[1, 3, 6, 7]

    def both():
        return conv(x).relu().sum() + 3 * scores.max(1).values.sum()
    parameters, near = [conv.weight, conv.bias, scores], {(0, (1 * 5 + 3) * 56 + 6 * 8 + 7), (1, 0)}
    with Decisions(near):
        wanted = torch.autograd.grad(both(), parameters)
    turned, margin = explain(both, parameters, wanted, [1, 1, 1])
    assert wanted[2].tolist() == [[0, 3, 0, 0]] and turned == near, (wanted[2], turned)
    assert 1e-9 < margin < 1e-6, margin
    few, _ = explain(both, parameters, wanted, [1, 1, 1], 1)
    assert len(few) == 1 and few < near, few


def sections():
    """A step of two train sections changes what each of them trains, one behind the other."""
    import torch
    from torch import nn
    from torch_step import network_parts, step_of
    model, parts, inputs, targets = network_parts("dcgan_mnist size=1", 2)
    before = [p.detach().clone() for p in model.parameters()]
    times = step_of(model, parts, inputs, targets, None)()
    assert len(parts) == 2 and not targets and all(t > 0 for t in times), (parts, times)
    assert abs(times[3] - sum(times[:3])) < 1e-9, times
    assert not any(torch.equal(a, b) for a, b in zip(before, model.parameters()))
    both = nn.ParameterDict({"a": torch.ones(()), "b": torch.ones(())})
    turns_of = [(lambda out: out.a * out.b, torch.optim.SGD([both["a"]], 0.5)),
                (lambda out: out.a * out.b, torch.optim.SGD([both["b"]], 1.0))]
    step_of(lambda: both, turns_of, [], [], None)()
    assert both["a"].item() == 0.5 and both["b"].item() == 0.5, both    # by the a that was learnt


def is_there(pid):
    return os.path.exists(f"/proc/{pid}")


def measure_fakes(folder, rounds, step):
    """The rows of a model whose workers write their ids to the file `model`, and the ids."""
    turns.Torch.worker = os.path.join(folder, "worker.py")
    with open(turns.Torch.worker, "w") as file:
        file.write(WORKER)
    model = os.path.join(folder, "model")
    bench.IMAGES.add(model)
    bench.Trainer = lambda path, compiling, batch, threads: step
    options = types.SimpleNamespace(variants=bench.VARIANTS, rounds=rounds, turn=0.01)
    try:
        return bench.measure({"m": ("trainer", 0.5)}, model, 64, 2, options, True)[0]
    finally:
        with open(model) as file:
            ids = file.read().split()
        assert len(ids) == 2 and not any(is_there(pid) for pid in ids), ids


def others():
    """A process that is waited for is no other; one that is not, is."""
    spin = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    before = turns.Others()
    subprocess.run([sys.executable, "-c", spin])
    own = turns.Others.seconds() - before.used
    with subprocess.Popen([sys.executable, "-c", spin]) as other:
        while os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT) is None:
            pass
        strange = turns.Others.seconds() - before.used - own
    assert strange > 0.4, (own, strange)
    before.load = 0.25
    assert before.before() == "load 0.25", before.before()
    before.load = 1.5
    assert before.before().startswith("load 1.50\nwarning:"), before.before()
    assert before.after().startswith("Others used "), before.after()


def workers():
    """Two of three fail: one at once, one in its second turn."""
    step = netc_answers()
    step.turn = lambda seconds: None
    with tempfile.TemporaryDirectory() as folder:
        row = measure_fakes(folder, 2, step)
    assert row["torch_eager_ms"] == 10.0 and row["ratio"] == 5.0, row
    assert row["torch_channels_last_ms"] is None and row["torch_compile_ms"] is None, row
    assert row["note"] == ("channels_last: failed: out of memory; "
                           "compile: failed: no compiler here"), row


def workers_end_with_a_failure():
    """The trainer fails, as run_bench says it, while the workers stand still."""
    step = netc_answers()
    step.turn = lambda seconds: sys.exit("the trainer failed")
    with tempfile.TemporaryDirectory() as folder:
        try:
            measure_fakes(folder, 1, step)
        except SystemExit as end:
            assert str(end) == "the trainer failed", end
            return
    raise AssertionError("it went on")


def workers_end_with_a_signal():
    """A bench.py that is terminated between two turns leaves no worker behind."""
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.Popen([sys.executable, __file__, "until_terminated", folder])
        model, end = os.path.join(folder, "model"), time.time() + 30
        while not os.path.exists(os.path.join(folder, "turn")) and time.time() < end:
            time.sleep(0.02)
        ended.terminate()
        assert ended.wait(30) == 143, ended.returncode
        with open(model) as file:
            ids = file.read().split()
        assert len(ids) == 2 and not any(is_there(pid) for pid in ids), ids


def until_terminated(folder):
    def turn(seconds):
        open(os.path.join(folder, "turn"), "w").close()
        time.sleep(60)
    step = netc_answers()
    step.turn = turn
    bench.end_on_signal()
    measure_fakes(folder, 1, step)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
