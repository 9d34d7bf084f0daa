"""batchnorms.py -- what netc trains and evaluates with batchnorms, beside numpy in double.

The first loss is that of the initial weights with the statistics of its batch; the loss of `eval`
that of the run's weights with the running ones.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy

EPS = 1e-5
BATCH = 16


def run(*words):
    done = subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True)
    return done.stdout


def dense(weights, name, x):
    return x @ weights[name + '.weight'].T + weights[name + '.bias']


def batchnorm(weights, name, x, training):
    mean, variance = weights[name + '.running_mean'], weights[name + '.running_var']
    if training:
        mean, variance = x.mean(axis=0), x.var(axis=0)
    return (x - mean) / numpy.sqrt(variance + EPS) * weights[name + '.weight'] + \
        weights[name + '.bias']


def weights_of(trainer, path):
    run(trainer, 'export', '--weights', path, '-o', 'w.npz')
    return {name: value.astype(float) for name, value in numpy.load('w.npz').items()}


def check(file, network, dropout=False):
    """network(weights, arrays, training) gives what the target is compared with by mse."""
    with tempfile.TemporaryDirectory() as folder:
        for path in Path(sys.argv[1]).iterdir():
            shutil.copy(path, folder)
        os.chdir(folder)
        run(os.environ['NETC'], file, '-o', 'trainer')
        arrays = {p.stem: numpy.load(p).astype(float) for p in Path('.').glob('*.npy')}
        run('./trainer', 'train', '--out', 'r', '--no-shuffle', '--quiet', '--log-steps', 's.csv')
        run('./trainer', 'init', '-o', 'i.safetensors')
        said = json.loads(run('./trainer', 'eval', '--weights', 'r', '--part', 'train', '--json'))
        first = {name: a[:BATCH] for name, a in arrays.items()}
        pairs = [('eval', said['loss'], weights_of('./trainer', 'r'), arrays, False)]
        if not dropout:
            steps = Path('s.csv').read_text().splitlines()
            pairs.append(('step 1', float(steps[1].split(',')[1]),
                          weights_of('./trainer', 'i.safetensors'), first, True))
        bad = 0
        for what, found, weights, rows, training in pairs:
            right = ((network(weights, rows, training) - rows['y']) ** 2).mean()
            print(f'{what}: {found}, right: {right}')
            bad += not abs(found - right) < 1e-5 * right
        sys.exit(bad > 0)
