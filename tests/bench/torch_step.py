"""torch_step.py -- one PyTorch variant of one model, in a process of its own that works in turns.

Each line of standard input is how many seconds to measure for; the answer is a line of JSON with
the median times of a step, in ms. Between two turns it is stopped (see turns.py)."""

import json
import os
import resource
import statistics
import sys
import time

MIN_STEPS = 3
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def network_parts(model_name, batch):
    """(module, [(loss, optimizer)] of its train sections, inputs, targets) of a network of
    tests/pytorch/networks; behind its name values of its file's lets may stand, such as
    length=128."""
    sys.path.insert(0, os.path.join(ROOT, "tests", "pytorch"))
    import networks
    from networks.net_file import NetFile
    name, *lets = model_name.split()
    lets = {key: int(value) for key, value in (let.split("=") for let in lets)}
    net = NetFile(os.path.join(ROOT, "models", "zoo", name + ".net"), lets)
    model, losses = networks.find(name)(**lets)
    sections = [(loss_of, net.optimizer(learning, section))
                for section, (loss_of, learning) in enumerate(net.in_turn(model, losses))]
    rows = net.draw(batch, full=True)
    return model, sections, net.tensors(rows, net.inputs), net.tensors(rows, net.targets)


def parts(model_name, batch):
    import torch_models
    if not hasattr(torch_models, model_name):
        return network_parts(model_name, batch)
    model, optimizer, loss_of, make_batch = getattr(torch_models, model_name)()
    x, y = make_batch(batch)
    return model, [(loss_of, optimizer)], [x], [y]


def make_step(model_name, variant, batch):
    import torch
    torch.manual_seed(0)
    model, sections, inputs, targets = parts(model_name, batch)
    if variant == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        inputs = [x.to(memory_format=torch.channels_last) if x.dim() == 4 else x for x in inputs]

    def forward(inputs, targets):
        return sections[0][0](model(*inputs), *targets)
    if variant == "compile":
        if len(sections) > 1:
            sys.exit("of several train sections eager steps alone")
        forward = torch.compile(forward)
    return step_of(model, sections, inputs, targets, forward)


def step_of(model, sections, inputs, targets, forward):
    """A step; `forward` is that of one section. Several go in turn on from what the network gave:
    the loss of one is computed behind the update of the one before."""
    def losses():
        if len(sections) == 1:
            yield forward(inputs, targets)
            return
        outputs = model(*inputs)
        for loss_of, _ in sections:
            yield loss_of(outputs, *targets)

    def step():
        laps, coming = [0.0, 0.0, 0.0], losses()
        for _, optimizer in sections:
            times = [time.perf_counter()]
            optimizer.zero_grad()
            loss = next(coming)
            times.append(time.perf_counter())
            loss.backward()
            times.append(time.perf_counter())
            optimizer.step()
            times.append(time.perf_counter())
            laps = [lap + 1e3 * (b - a) for lap, a, b in zip(laps, times, times[1:])]
        return [*laps, sum(laps)]
    return step


def measure(step, seconds):
    step()                          # caches and clock after a pause
    times, end = [], time.perf_counter() + seconds
    while len(times) < MIN_STEPS or time.perf_counter() < end:
        began = time.process_time()
        times.append([*step(), 1e3 * (time.process_time() - began)])
    names = ["forward_ms", "backward_ms", "update_ms", "step_ms", "process_ms"]
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
