#!/usr/bin/env python3
"""Faults in a run of several processes (netc --mpi), one at a time; prints a table.

    faults/ranks.py [--short] [PART ...]    NETC: the netc that makes the trainer

One rank is killed, halts or is told to stop before one of its messages (messages.c), mpirun is told
to stop or is killed, rank 0's disk is full, data of one rank are others, the loss is not finite.
Right is: mpirun ends in time with the code that is documented, nobody is left running, the trainers
have said at most one thing where all is told, and the run goes on, or begins again, to the bits of
one that nothing happened to. --short takes a few moments of each kind. A run of more than a minute
hangs; on a machine that others use one may take so long, and does under nice.
"""

import argparse
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from small_run import MODEL, npy

ROOT = Path(__file__).resolve().parents[2]
NETC = Path(os.environ.get('NETC', ROOT / 'build/netc')).resolve()
LIMIT = 2       # seconds that a rank waits for another, where one halts
HANG = 60       # seconds after which a run hangs
HEARD = re.compile(r'^(?:rank \d+: )?m: error: (.*)', re.M)


class Bench:
    def __init__(self, folder):
        self.folder, self.trainer = folder, folder / 'm'
        self.kinds, self.wrong, self.number = {}, [], 0
        self.train = [str(self.trainer), 'train', '--checkpoint-every', '1', '--quiet',
                      '--threads', '1']
        draw = random.Random(1)
        rows = [[draw.gauss(0, 1) for _ in range(8)] for _ in range(400)]
        labels = [r[0] + r[1] > 0 for r in rows]
        for name in '', 'labels', 'other':
            place = folder / name
            place.mkdir(exist_ok=True)
            npy(place / 'x.npy', '<f4', '(400, 8)',
                b''.join(struct.pack('<8f', *r) for r in rows))
            npy(place / 'y.npy', '|u1', '(400,)', bytes(labels))
            labels[5] = not labels[5]
            if name == 'labels':
                rows[3][3] = 7.0
        model = MODEL.replace('= 32', '= 64').replace('= 3\n', '= 8\n')
        (folder / 'm.net').write_text(model.replace('train {', 'train {\n    shards    = 4'))
        self.do(NETC, '--mpi', 'm.net', '-o', 'm')
        self.do('mpicc', '-shared', '-fPIC', '-o', 'messages.so',
                Path(__file__).parent / 'messages.c')
        self.do('./m', 'train', '--out', 'whole', '--quiet')
        self.bits = (folder / 'whole/model.safetensors').read_bytes()
        done = self.start(2, SENT='sent').wait_for()
        if done.fault or done.code:
            raise RuntimeError(f'without a fault: {done.fault} {done.said}')
        lines = (folder / 'sent.0').read_text().splitlines()
        self.messages = sum(int(line.split()[1]) for line in lines)
        if not self.goes_on(done.out, resume=False):
            raise RuntimeError('two ranks have other bits')

    def do(self, *words):
        subprocess.run([str(w) for w in words], cwd=self.folder, check=True)

    def start(self, ranks, *words, **more):
        self.number += 1
        return Run(self, ranks, f'run{self.number}', words, more)

    def goes_on(self, out, resume=True):
        folder = self.folder / out
        if resume:
            words = ['--resume', out] if (folder / 'checkpoint.safetensors').exists() else \
                ['--out', out, '--force']
            self.do('./m', 'train', *words, '--quiet')
        return (folder / 'model.safetensors').read_bytes() == self.bits

    def running(self):
        left = []
        for process in Path('/proc').glob('[0-9]*'):
            try:
                if process.joinpath('exe').readlink() == self.trainer:
                    left.append(int(process.name))
            except OSError:
                pass            # it has ended, or is another's
        return left

    def count(self, kind, verdict, what):
        self.kinds.setdefault(kind, Counter())[verdict] += 1
        if verdict == 'wrong':
            self.wrong.append(what)
            print('FAILED:', what, file=sys.stderr)


class Run:
    """A run by mpirun; `more` is its environment's."""

    def __init__(self, bench, ranks, out, words, more):
        self.bench, self.out, self.fault = bench, out, None
        environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT='1',
                           OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1',
                           OMPI_MCA_rmaps_base_oversubscribe='1', **more)
        if more:
            environment['LD_PRELOAD'] = str(bench.folder / 'messages.so')
        one = [*bench.train, '--out', out]
        self.process = subprocess.Popen(
            ['mpirun', '-n', str(ranks), *one, *words], cwd=bench.folder, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def wait_for(self):
        try:
            said = self.process.communicate(timeout=HANG)[1]
        except subprocess.TimeoutExpired:
            self.fault = 'it hangs'
            self.process.terminate()
            said = self.process.communicate()[1]
        self.code, self.said = self.process.returncode, said
        ends = time.monotonic() + 10
        while self.bench.running() and time.monotonic() < ends:
            time.sleep(0.05)
        for process in self.bench.running():
            self.fault = self.fault or 'a rank is left running'
            os.kill(process, signal.SIGKILL)
        return self

    def judge(self, kind, what, codes, message=None, ends=False):
        """`codes`: of mpirun; `message`: the one that the trainers say, None: they say nothing;
        `ends`: it may be over before."""
        heard = HEARD.findall(self.said)
        fault = self.fault
        if fault is None and not (ends and self.code == 0):
            if self.code not in codes:
                fault = f'exit {self.code}, wanted {codes}: {self.said[-600:]}'
            elif message is None and heard:
                fault = f'said {heard}'
            elif message and (len(heard) != 1 or not re.search(message, heard[0])):
                fault = f'said {heard}, wanted "{message}" once'
        try:
            if not self.bench.goes_on(self.out):
                fault = fault or 'other bits'
        except (subprocess.CalledProcessError, OSError) as error:
            fault = fault or f'it does not go on: {error}'
        shutil.rmtree(self.bench.folder / self.out, ignore_errors=True)
        self.bench.count(kind, 'wrong' if fault else 'told' if self.code else 'survived',
                         f'{kind}, {what}: {fault}')


def moments(bench, some):
    most = bench.messages
    return [1 + i * (most - 1) // max(some - 1, 1) for i in range(some)]


def signal_ranks(bench, short):
    def at(kind, number, some, codes, message, **more):
        for i, moment in enumerate(moments(bench, some)):
            rank = i % 2
            run = bench.start(2, FAULT=f'{rank} {moment} {int(number)}', **more).wait_for()
            said = message.format(rank=rank, other=1 - rank) if message else None
            run.judge(kind, f'rank {rank}, message {moment}', codes, said,
                      ends=number == signal.SIGTERM)      # of the last evaluation

    at('a rank is killed', signal.SIGKILL, 2 if short else 30, [137], None)
    if short:           # tests/cli/ranks.sh has these
        return
    at('a rank halts', signal.SIGSTOP, 6, [1],
       'rank {other} has waited 2 s for rank {rank}', NETC_RANK_LIMIT=str(LIMIT))
    at('SIGTERM to a rank', signal.SIGTERM, 10, [143], None)


def signal_mpirun(bench, short):
    for number, codes, some in (signal.SIGTERM, [1, 143], 1 if short else 8), \
            (signal.SIGKILL, [-9], 1 if short else 8):
        draw = random.Random(int(number))
        for i in range(some):
            wait = 1 + 3 * draw.random()
            run = bench.start(2, '--epochs', '100000')
            began = time.monotonic()
            while not (bench.folder / run.out / 'checkpoint.safetensors').exists() and \
                    time.monotonic() - began < HANG:
                time.sleep(0.01)
            time.sleep(wait * 0.1)
            run.process.send_signal(number)
            run.wait_for()
            kind = f'{signal.Signals(number).name} to mpirun'
            folder = bench.folder / run.out
            fault = run.fault or (None if run.code in codes else f'exit {run.code}: {run.said}')
            done = subprocess.run([bench.trainer, 'train', '--resume', run.out, '--quiet',
                                   '--max-steps', '1'], cwd=bench.folder, capture_output=True,
                                  text=True)
            if done.returncode:
                fault = fault or f'it does not go on: {done.stderr}'
            if HEARD.findall(run.said):
                fault = fault or f'said {run.said}'
            shutil.rmtree(folder)
            bench.count(kind, 'wrong' if fault else 'told', f'{kind} {i}: {fault}')


def full_disk(bench, short):
    """Rank 0 writes to a disk of so many KB."""
    for size in (8,) if short else range(4, 64, 4):
        place = bench.folder / f'run{bench.number + 1}'
        place.mkdir()
        disk = ['mount', '-t', 'tmpfs', '-o', f'size={size}k', 'tmpfs', str(place)]
        if subprocess.run(disk, capture_output=True).returncode:
            place.rmdir()
            print('skipped: a full disk: none can be mounted here')
            return
        try:
            run = bench.start(2).wait_for()
            subprocess.run(['mount', '-o', 'remount,size=10m', str(place)], check=True)
            run.judge('a full disk', f'{size} KB', [1], 'space', ends=True)
        finally:
            subprocess.run(['umount', str(place)], check=True)
            shutil.rmtree(place)


def wrong_from_the_start(bench, short):
    for ranks in [2] if short else [2, 4]:
        for what in ['labels'] if short else ['other', 'labels']:       # of one row; a number too
            run = bench.start(ranks - 1, ':', '-n', '1', *bench.train, '--out', 'none', '--data',
                              what).wait_for()
            run.judge('other data', f'{ranks} ranks, {what}', [1],
                      'other trainers or other data')
    for ranks in [] if short else [2, 4]:       # tests/cli/ranks.sh has it
        run = bench.start(ranks, '--lr', '1e30').wait_for()
        shutil.rmtree(bench.folder / run.out)       # its settings are not those of the others
        run.judge('a loss that is not finite', f'{ranks} ranks', [3], 'the loss is|not finite')


PARTS = {'ranks': signal_ranks, 'mpirun': signal_mpirun, 'disk': full_disk,
         'start': wrong_from_the_start}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--short', action='store_true')
    parser.add_argument('parts', nargs='*', metavar='PART', help=', '.join(PARTS))
    options = parser.parse_args()
    short = options.short
    for part in options.parts:
        if part not in PARTS:
            parser.error(f'there is no {part}')
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder).resolve())
        for name, part in PARTS.items():
            if not options.parts or name in options.parts:
                part(bench, short)
        print(f'{"":32}{"survived":>10}{"told":>10}{"wrong":>10}')
        for kind, counts in bench.kinds.items():
            print(f'{kind:32}' + ''.join(f'{counts[v]:10}' for v in ('survived', 'told', 'wrong')))
        print(f'{time.monotonic() - began:.0f} s')
    return bool(bench.wrong)


if __name__ == '__main__':
    sys.exit(main())
