"""convolutions.py -- the 3x3 convolutions of ResNet-18, direct and by Winograd, on 1 and 2 threads.

A part (forward, dx, dw) is all kernels that it needs: weights transposed or transformed before,
slices added after, the bias and ReLU or the optimizer's update inside. The share is of the
multiply-adds that a core can do, for direct ones; a speedup of Winograd is the direct time
by its own."""

import os

from turns import compile_trainer, run_bench

HERE = os.path.dirname(os.path.abspath(__file__))
LAYERS = [("64 at 32 x 32", "cnn.conv2d_2"), ("128 at 16 x 16", "cnn.conv2d_4"),
          ("256 at 8 x 8", "cnn.conv2d_6"), ("512 at 4 x 4", "cnn.conv2d_8")]
PARTS = {"forward": "forward", "backward-data": "dx", "backward-weights": "dw"}
STEPS = 9


def part_of(kernel):
    """forward, dx or dw; None: a bias's sum."""
    if kernel["kind"] == "transpose":
        forward = kernel["kernel"].startswith("winograd") and "transposed" not in kernel["kernel"]
        return "forward" if forward else "dx"
    return PARTS.get(kernel["kind"])


def add_up(result):
    """{(layer, part): [microseconds, useful GFLOP]}"""
    sums = {}
    for kernel in result["kernels"]:
        sum = sums.setdefault((kernel["layer"], part_of(kernel)), [0.0, 0.0])
        sum[0] += kernel["us"]
        sum[1] += 1e-6 * kernel["us"] * kernel["gflops"]
    return sums


def show(options, folder):
    sums, peak = {}, 0.0
    trainers = {conv: os.path.join(folder, f"conv_{conv}") for conv in ("direct", "winograd")}
    for conv, trainer in trainers.items():
        compile_trainer(options.netc, os.path.join(HERE, "conv.net"), trainer, conv=conv)
    for threads in (1, 2):
        for conv, trainer in trainers.items():
            result = run_bench(trainer, "--per-kernel", "--steps", STEPS, "--threads", threads)
            sums[conv, threads] = add_up(result)
            if threads == 1:
                peak = max(peak, result["peak_gflops"])
    print(f"\n3x3 convolutions of ResNet-18, batch 64; a core does {peak:.0f} GFLOP/s")
    print(f"{'channels':16} {'part':8} {'direct ms':>9} {'GF/s':>6} {'peak':>5} {'2 thr':>6} "
          f"{'winograd ms':>12} {'speedup':>8} {'2 thr':>6} {'speedup':>8}")
    for name, layer in LAYERS:
        for part in PARTS.values():
            (direct, gflop), (direct_2, _) = (sums["direct", t][layer, part] for t in (1, 2))
            (ours, _), (ours_2, _) = (sums["winograd", t][layer, part] for t in (1, 2))
            rate = 1e6 * gflop / direct
            print(f"{name:16} {part:8} {1e-3 * direct:9.2f} {rate:6.1f} {100 * rate / peak:4.0f}% "
                  f"{direct / direct_2:5.2f}x {1e-3 * ours:12.2f} {direct / ours:7.2f}x "
                  f"{ours / ours_2:5.2f}x {direct_2 / ours_2:7.2f}x")
    print("2 thr: one thread's time by the slower one's of two", flush=True)
