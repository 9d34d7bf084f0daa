"""torch_step.py -- one PyTorch variant of one model, in a process of its own that works in turns.

Each line of standard input is how many seconds to measure for; the answer is a line of JSON with
the median times of a step, in ms. Between two turns it is stopped (see turns.py)."""

import json
import resource
import statistics
import sys
import time

MIN_STEPS = 3


def make_step(model_name, variant, batch):
    import torch
    import torch_models
    torch.manual_seed(0)
    model, optimizer, loss_of, make_batch = getattr(torch_models, model_name)()
    x, y = make_batch(batch)
    if variant == "channels_last":
        model, x = model.to(memory_format=torch.channels_last), x.to(
            memory_format=torch.channels_last)

    def forward(x, y):
        return loss_of(model(x), y)
    if variant == "compile":
        forward = torch.compile(forward)

    def step():
        times = [time.perf_counter()]
        optimizer.zero_grad()
        loss = forward(x, y)
        times.append(time.perf_counter())
        loss.backward()
        times.append(time.perf_counter())
        optimizer.step()
        times.append(time.perf_counter())
        return [1e3 * (b - a) for a, b in zip(times, times[1:])] + [1e3 * (times[-1] - times[0])]
    return step


def measure(step, seconds):
    step()                          # caches and clock after a pause
    times, end = [], time.perf_counter() + seconds
    while len(times) < MIN_STEPS or time.perf_counter() < end:
        times.append(step())
    names = ["forward_ms", "backward_ms", "update_ms", "step_ms"]
    answer = {n: statistics.median(t) for n, t in zip(names, zip(*times))}
    answer["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return answer


def main(model_name, variant, batch, threads, began):
    import torch
    torch.set_num_threads(int(threads))
    step = make_step(model_name, variant, int(batch))
    step()
    first = time.time() - float(began)
    if variant == "compile":        # its helpers would go on starting up while others are measured
        from torch._inductor.async_compile import shutdown_compile_workers
        shutdown_compile_workers()
    for _ in range(3):
        step()
    print(json.dumps({"first_step_s": first}), flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(step, float(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
