"""jax_step.py -- a training step of a model by JAX's jit, in a process that works in turns, as
torch_step.py: forward, backward and update in one compiled function, whose weights are given back
to it. Layers, initial values but for their numbers, and optimizers are torch_models.py's."""

import json
import os
import resource
import statistics
import sys
import time

# name: (shape of a row, layers, weight decay, adam)
MODELS = {
    "cnet": ((1, 28, 28), [("flatten",), ("dense", 784, 256), ("relu",), ("dense", 256, 128),
                           ("relu",), ("dense", 128, 10)], 0.0, False),
    "mnist_conv": ((1, 28, 28), [("conv", 1, 32, 3, 1), ("relu",), ("pool",), ("batchnorm", 32),
                                 ("conv", 32, 16, 3, 1), ("relu",), ("pool",), ("batchnorm", 16),
                                 ("flatten",), ("dense", 784, 10)], 0.0, True),
    "lenet5": ((3, 32, 32), [("conv", 3, 6, 5, 0), ("relu",), ("pool",), ("conv", 6, 16, 5, 0),
                             ("relu",), ("pool",), ("conv", 16, 120, 5, 0), ("relu",),
                             ("flatten",), ("dense", 120, 84), ("relu",), ("dense", 84, 10)],
               1e-4, False),
}


def initial(layers, draw):
    """Of each layer the arrays that are trained, and those that are not."""
    import jax.numpy as jnp
    trained, running = [], []
    for kind, *sizes in layers:
        scale = (sizes[0] * (sizes[2] ** 2 if kind == "conv" else 1)) ** -0.5 if sizes else 0
        shape = (sizes[1], sizes[0], *([sizes[2]] * 2 if kind == "conv" else [])) \
            if kind in ("dense", "conv") else None
        if shape:
            trained.append([jnp.array(draw.uniform(-scale, scale, s), jnp.float32)
                            for s in (shape, sizes[1])])
        elif kind == "batchnorm":
            trained.append([jnp.ones(sizes[0]), jnp.zeros(sizes[0])])
        else:
            trained.append([])
        running.append([jnp.zeros(sizes[0]), jnp.ones(sizes[0])] if kind == "batchnorm" else [])
    return trained, running


def forward(layers, trained, running, x):
    """The result, and the running statistics after it."""
    import jax
    import jax.numpy as jnp
    after = []
    for (kind, *sizes), weights, statistics_before in zip(layers, trained, running):
        now = []
        if kind == "flatten":
            x = x.reshape(x.shape[0], -1)
        elif kind == "relu":
            x = jax.nn.relu(x)
        elif kind == "dense":
            x = x @ weights[0].T + weights[1]
        elif kind == "conv":
            x = jax.lax.conv_general_dilated(x, weights[0], (1, 1), [(sizes[3],) * 2] * 2,
                                             dimension_numbers=("NCHW", "OIHW", "NCHW"))
            x = x + weights[1][:, None, None]
        elif kind == "pool":
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
        else:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
            now = [0.99 * a + 0.01 * b for a, b in zip(statistics_before, (mean, var))]
            scale = weights[0] / jnp.sqrt(var + 1e-3)
            x = (x - mean[:, None, None]) * scale[:, None, None] + weights[1][:, None, None]
        after.append(now)
    return x, after


def make_step(name, batch):
    import jax
    import jax.numpy as jnp
    import numpy
    shape, layers, decay, adam = MODELS[name]
    draw = numpy.random.default_rng(0)
    trained, running = initial(layers, draw)
    x = jnp.array(draw.random((batch, *shape)), jnp.float32)
    y = jnp.array(draw.integers(0, 10, batch))

    def loss_of(trained, running, x, y):
        z, after = forward(layers, trained, running, x)
        return -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1).mean(), after

    def update(w, g, moments, step):
        g = g + decay * w
        if not adam:
            v = 0.9 * moments[0] + g
            return w - 0.01 * v, (v,)
        m, v = 0.9 * moments[0] + 0.1 * g, 0.999 * moments[1] + 0.001 * g * g
        rate = 1e-3 * jnp.sqrt(1 - 0.999 ** step) / (1 - 0.9 ** step)
        return w - rate * m / (jnp.sqrt(v) + 1e-8), (m, v)

    def step(state, x, y):
        trained, running, moments, count = state
        (loss, running), grads = jax.value_and_grad(loss_of, has_aux=True)(trained, running, x, y)
        flat, tree = jax.tree.flatten(trained)
        made = [update(w, g, m, count + 1)
                for w, g, m in zip(flat, jax.tree.leaves(grads), moments)]
        return (tree.unflatten([w for w, _ in made]), running, [m for _, m in made],
                count + 1), loss

    compiled = jax.jit(step, donate_argnums=0)
    zeros = [tuple(jnp.zeros_like(w) for _ in range(1 + adam)) for w in jax.tree.leaves(trained)]
    state = [(trained, running, zeros, jnp.array(0.0))]

    def run():
        state[0], loss = compiled(state[0], x, y)
        loss.block_until_ready()
        return float(loss)
    return run


def main(name, _, batch, threads, began):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:int(threads)])     # XLA takes all
    step = make_step(name, int(batch))
    losses = [step()]
    first = time.time() - float(began)
    losses += [step() for _ in range(20)]
    if not losses[-1] < losses[0]:
        sys.exit(f"the loss of one batch does not fall: {losses}")
    print(json.dumps({"first_step_s": first}), flush=True)
    for line in sys.stdin:
        step()
        times, end = [], time.perf_counter() + float(line)
        while len(times) < 3 or time.perf_counter() < end:
            start = time.perf_counter()
            step()
            times.append(1e3 * (time.perf_counter() - start))
        print(json.dumps({"step_ms": statistics.median(times), "peak_mb":
                          resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
