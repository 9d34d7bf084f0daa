"""commands.py -- what is run while the system fails: words, and what has to be right behind them.

A command is its words, and a function that says what is wrong (None: nothing) after exit 0 (ok), or
after a fault that was told. After a fault it goes on, or is begun again, to what it makes without.
"""

import csv
import io
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tracking import RUNS, URL

CLANGS = ['clang', *(f'clang-{version}' for version in range(14, 20))]
CC = next((clang for clang in CLANGS if shutil.which(clang)), 'cc')


def run(words, cwd, **more):
    return subprocess.run([str(w) for w in words], cwd=cwd, capture_output=True, timeout=60,
                          stdin=subprocess.DEVNULL, **more)


def left_over(place):
    return [str(p.relative_to(place)) for p in place.rglob('*') if p.name.endswith('.netc-part')]


def goes_on(bench, place, folder='r'):
    """A run that ended anywhere goes on, or begins again, to the bits of one that did not."""
    resume = (place / folder / 'checkpoint.safetensors').exists()
    words = ['--resume', folder] if resume else ['--out', folder, '--force']
    done = run([bench.trainer, 'train', *words, '--quiet'], place)
    if done.returncode:
        return f'{words}: exit {done.returncode}: {done.stderr.decode()}'
    if (place / folder / 'model.safetensors').read_bytes() != bench.bits:
        return f'{words}: other bits'
    if len((place / folder / 'history.csv').read_text().splitlines()) != 4:
        return f'{words}: the history has other epochs'
    return f'{words}: left: {left_over(place)}' if left_over(place) else None


def judge_train(bench, place, ok, _warned=False):
    if ok and (place / 'r/model.safetensors').read_bytes() != bench.bits:
        return 'other bits'
    return goes_on(bench, place)


def judge_resume(bench, place, ok, _warned=False):
    if ok and (place / 'stopped/model.safetensors').read_bytes() != bench.bits:
        return 'other bits'
    return goes_on(bench, place, 'stopped')


def judge_file(name, wanted):
    def judge(bench, place, ok, _warned=False):
        found = (place / name).read_bytes()
        if found != getattr(bench, wanted) and (ok or found != b'old'):
            return f'{name} is half written, or lost'
        return f'left: {left_over(place)}' if left_over(place) else None
    return judge


def trained(trainer):
    """By it, to the bit. ld takes a script that cannot be read for none: a larger trainer is
    right too."""
    with tempfile.TemporaryDirectory() as folder:
        run([trainer, 'train', '--out', 'r', '--quiet'], folder)
        weights = Path(folder) / 'r/model.safetensors'
        return weights.read_bytes() if weights.exists() else None


def meaning(path):
    """A file's bytes; of tables without times, of numbers that are tracked the values alone, of a
    trainer what it trains."""
    if not path.is_file():
        return None
    if path.name == 'tiny':
        return trained(path)
    if path.suffix == '.csv':
        rows = list(csv.DictReader(io.StringIO(path.read_text())))
        return [{k: v for k, v in row.items() if 'second' not in k} for row in rows]
    if path.parent.name == 'metrics':
        return [line.split()[1:] for line in path.read_text().splitlines()]
    return len(path.read_bytes()) if 'tfevents' in path.name else path.read_bytes()


def name_of(path, place):
    if 'tfevents' in path.name:
        path = path.parent
    parts = path.relative_to(place).parts
    return '/'.join(parts[-2:] if parts[0] == 'ml' else parts)


def results(place, patterns):
    """By path; what trackers write by its end, since a time, or a drawn number, names it."""
    return {name_of(path, place): meaning(path) for p in patterns for path in place.glob(p)}


def judge_results(command, patterns, again=None, tracked=()):
    """The files of these patterns are what they are without a fault. `again`: a folder, what is in
    it when it has begun, and the words that go on with it; without, or before that, the command is
    given again. What trackers lost before a fault is told, and stays lost."""
    def judge(bench, place, ok, warned=False):
        found = results(place, (*patterns, *tracked))
        wanted = bench.results.setdefault(command, found)
        if ok and warned:
            wanted, found = ({name: text for name, text in files.items()
                              if name in results(place, patterns)} for files in (wanted, found))
        if ok and found != wanted:
            return f'other results: {[k for k in {**wanted, **found} if differ(wanted, found, k)]}'
        if ok:
            return f'left: {left_over(place)}' if left_over(place) else None
        words = COMMANDS[command][0]
        if again and (place / again[0]).exists():
            words = again[1]
        elif again:
            words = [*words, '--force']
        done = run([bench.program(command), *words], place)
        if done.returncode:
            return f'{words}: exit {done.returncode}: {done.stderr.decode()}'
        found = results(place, patterns)
        if any(differ(wanted, found, name) for name in found):
            return f'{words}: other results'
        return f'left: {left_over(place)}' if left_over(place) else None
    return judge


def judge_sent(bench, place, ok, warned=False):
    """A server has in the end all of a run, sent with it, or later where that is told."""
    words, sent = COMMANDS['sent'][0], place / 'r/mlflow.sent'
    if not ok:
        words = GO_ON + SENT if (place / RUN).exists() else [*words, '--force']
    for again in ([words] if not ok else []) + ([SEND] if not ok or warned else []):
        done = run([bench.trainer, *again], place)
        if done.returncode:
            return f'{again}: exit {done.returncode}: {done.stderr.decode()}'
    if (place / 'r/model.safetensors').read_bytes() != bench.bits:
        return 'other bits'
    found = RUNS[json.loads(sent.read_text())['run']]
    wanted = bench.results.setdefault('sent', found)
    if found != wanted:
        return f'the server has not the whole run: {[k for k in found if differ(found, wanted, k)]}'
    return f'left: {left_over(place)}' if left_over(place) else None


def differ(one, other, name):
    return one.get(name) != other.get(name)


RUN = 'r/checkpoint.safetensors'
GO_ON = ['train', '--resume', 'r', '--quiet']
STEPS = ['--log-steps', 's.csv']
TRACK = ['--tensorboard', 'tb', '--mlflow', 'ml', '--track-every', '3']
CHANGED = ['train', '--resume', 'stopped', '--data', 'other', '--data-changed', '--quiet']
LONGER = ['train', '--resume', 'whole', '--epochs', '5', '--quiet']
SENT = ['--mlflow', URL, '--track-every', '3']
SEND = ['report', 'r', '--mlflow', URL]
MODELS = ['*_[123]/model.safetensors'.replace('*', f) for f in ('k/fold', 'w/point')]
TRACKED = ('tb/**/*tfevents*', 'ml/*/*/metrics/*', 'ml/*/*/params/*',
           'ml/*/*/artifacts/model.safetensors')
COMMANDS = {
    'train': (['train', '--out', 'r', '--quiet'], judge_train),
    'resume': (['train', '--resume', 'stopped', '--quiet'], judge_resume),
    'longer': (LONGER, judge_results('longer', ['whole/model.safetensors'],
                                     ('whole/run.json', LONGER))),
    'changed': (CHANGED, judge_results('changed', ['stopped/model.safetensors'],
                                       ('stopped/run.json', CHANGED))),
    'weights': (['train', '--weights', 'whole', '--out', 'r', '--quiet'],
                judge_results('weights', ['r/model.safetensors'], (RUN, GO_ON))),
    'steps': (['train', '--out', 'r', '--quiet', *STEPS],
              judge_results('steps', ['r/model.safetensors', 's.csv'], (RUN, GO_ON + STEPS))),
    'tracked': (['train', '--out', 'r', '--quiet', *TRACK],
                judge_results('tracked', ['r/model.safetensors'], (RUN, GO_ON + TRACK), TRACKED)),
    'sent': (['train', '--out', 'r', '--quiet', *SENT], judge_sent),
    'kfold': (['kfold', '3', '--epochs', '1', '--out', 'k', '--quiet'],
              judge_results('kfold', [MODELS[0], 'k/*.csv', 'k/kfold.json'],
                            ('k/kfold.json', ['kfold', '3', '--resume', 'k', '--quiet']))),
    'sweep': (['sweep', 'lr=0.1,0.01', '--epochs', '1', '--out', 'w', '--quiet'],
              judge_results('sweep', [MODELS[1], 'w/sweep.csv', 'w/sweep.json'],
                            ('w/sweep.json', ['sweep', '--resume', 'w', '--quiet']))),
    'eval': (['eval', '--weights', 'whole'], None),
    'predict': (['predict', '--weights', 'whole', '--part', 'train', '-o', 'p.txt'],
                judge_file('p.txt', 'rows')),
    'init': (['init', '--seed', '3', '-o', 'p.safetensors'],
             judge_results('init', ['p.safetensors'])),
    'export': (['export', '--weights', 'whole', '-o', 'p.npz'], judge_results('export', ['p.npz'])),
    'report': (['report', 'whole', 'stopped', '-o', 'p.html', '--svg', 'd', '--md', 'd.md', '--tex',
                'd.tex'], judge_results('report', ['p.html', 'd/*.svg', 'd.md', 'd.tex'])),
    'netc': (['m.net', '--target', 'generic', '--emit-c', '-o', 'out.c'],
             judge_file('out.c', 'code')),
    'build': (['tiny.net', '--target', 'generic', '--cc', os.environ.get('CLANG', CC),
               '-o', 'tiny'],
              judge_results('build', ['tiny'])),
}
if not shutil.which('curl'):
    print('skipped: calls that fail in sent: there is no curl')
    del COMMANDS['sent']
OF_NETC = ('netc', 'build')


def is_made_good(command, kind, number):
    """What `curl --version` says is not read. Where clang fails netc calls it again."""
    return (command, kind, number) == ('sent', 'child-write', 1) or \
        (command == 'build' and kind.startswith('child-'))


COSTLY = {'build': 12, 'sent': 8, 'sweep': 2}  # the short form takes one of so many moments
# of their many calls, which are curl's and clang's for the most part, the long form takes so many
CHILDREN = {'sent': 600, 'build': 150}
WHOLE = [('steps', 'write')]  # few, each of another file: the short form takes all
