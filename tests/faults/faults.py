#!/usr/bin/env python3
"""Faults of the system, one at a time, at every moment of a short run; prints a table.

    faults.py [--short] [COMMAND ...]   BUILD: where netc was built; commands.py lists COMMANDs

Right is: exit 0 and the same bits; or exit 1 or 2, an error that is told, nothing half written
under a final name, nothing left in the making, and a run that then goes on, or begins again, to the
same bits. --short takes some moments of each kind, spread evenly, and the long form all but of the
calls in curl and clang (CHILDREN in commands.py).
"""

import argparse
import concurrent.futures
import errno
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from commands import CC, CHILDREN, COMMANDS, COSTLY, OF_NETC, WHOLE, goes_on, \
    is_made_good, judge_train, run
from small_run import MODEL, npy

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get('BUILD', ROOT / 'build'))
NETC = Path(os.environ.get('NETC', BUILD / 'netc')).resolve()
ERRORS = {'read': errno.EIO, 'write': errno.ENOSPC, 'fsync': errno.EIO, 'rename': errno.EIO,
          'link': errno.EIO, 'open': errno.EMFILE, 'close': errno.EIO, 'mmap': errno.ENOMEM,
          'mkdir': errno.ENOSPC, 'flock': errno.ENOLCK, 'unlink': errno.EIO, 'clone': errno.EAGAIN,
          'say': errno.EIO}
WARNING = b'warning: '
WRITING = ('write', 'fsync', 'rename', 'link')
CHANGING = ('write', 'fsync', 'rename', 'link', 'open', 'mkdir', 'unlink')
WRAPPED = [f'-Wl,--wrap={f}' for f in ('malloc', 'calloc', 'realloc', 'aligned_alloc')]
TINY = '''data {
    train = logistic_map(rows=8)
    input  x = x
    target y = y
}
network net(x) { x -> dense(1) }
train {
    loss      = mse(net(x), y)
    optimizer = sgd(lr=0.1)
    epochs    = 1
}
'''


class Bench:
    """A scratch folder with trainers, reference results, and what happened so far."""

    def __init__(self, folder, short, commands):
        self.folder, self.short, self.commands = folder, short, commands
        self.kinds, self.wrong = {}, []
        draw = random.Random(1)
        rows = [[draw.gauss(0, 1) for _ in range(8)] for _ in range(200)]
        npy(folder / 'x.npy', '<f4', '(200, 8)', b''.join(struct.pack('<8f', *r) for r in rows))
        npy(folder / 'y.npy', '|u1', '(200,)', bytes(r[0] + r[1] > 0 for r in rows))
        (folder / 'm.net').write_text(MODEL)
        (folder / 'tiny.net').write_text(TINY)
        here = Path(__file__).parent
        self.inject = folder / 'inject'
        for words in ['-o', self.inject, here / 'inject.c'], \
                ['-c', '-o', folder / 'allocate.o', here / 'allocate.c']:
            subprocess.run([CC, '-std=c11', '-O1', *words], check=True)
        self.build_netc()
        cc = folder / 'cc'
        cc.write_text(f'#!/bin/sh\ncase " $* " in *" -c "*) exec {CC} "$@" ;; esac\n'
                      f'exec {CC} "$@" {folder}/allocate.o {" ".join(WRAPPED)}\n')
        cc.chmod(0o755)
        self.trainer, self.wrapped = folder / 'm', folder / 'wrapped'
        for trainer, more in (self.trainer, []), (self.wrapped, ['--cc', cc]):
            subprocess.run([NETC, 'm.net', '-o', trainer, *more], cwd=folder, check=True)
        self.go(folder, 'train', '--out', 'whole', '--quiet')
        self.go(folder, 'train', '--out', 'stopped', '--quiet', '--max-steps', '7')
        self.bits = (folder / 'whole/model.safetensors').read_bytes()
        self.scores = self.go(folder, 'eval', '--weights', 'whole').stdout
        self.go(folder, 'predict', '--weights', 'whole', '--part', 'train', '-o', 'rows.txt')
        self.rows = (folder / 'rows.txt').read_bytes()
        (folder / 'other').mkdir()
        rows[3][3] = 7.0
        npy(folder / 'other/x.npy', '<f4', '(200, 8)',
            b''.join(struct.pack('<8f', *r) for r in rows))
        (folder / 'other/y.npy').symlink_to(folder / 'y.npy')
        self.code = run([NETC, 'm.net', '--target', 'generic', '--emit-c'], folder).stdout
        self.results, self.warnings = {}, {}
        for command, (words, look) in COMMANDS.items():
            place = self.place()
            done = self.go(place, *words, program=self.program(command))
            self.warnings[command] = done.stderr.count(WARNING)
            if look and (fault := look(self, place, True)):
                raise RuntimeError(f'{command}: {fault}')
            shutil.rmtree(place)

    def go(self, cwd, *words, program=None):
        done = run([program or self.trainer, *words], cwd)
        if done.returncode:
            raise RuntimeError(f'{words}: {done.stderr.decode()}')
        return done

    def build_netc(self):
        """netc without the loader, whose faults are its own, and one with allocations that fail: of
        the objects of its build."""
        sources = [source.relative_to(ROOT) for source in ROOT.glob('compiler/**/*.c')]
        objects = [NETC.parent / source.with_suffix('.o') for source in sources]
        objects += [NETC.parent / n for n in ('lexer.o', 'parser.o', 'libnetrt.a')]
        for netc, more in ('netc', []), ('wrapped_netc', [self.folder / 'allocate.o', *WRAPPED]):
            subprocess.run([CC, '-static', '-o', self.folder / netc, *objects, *more, '-lm'],
                           check=True)
        for name in ('include', *(p.name for p in NETC.parent.glob('*.a'))):
            (self.folder / name).symlink_to(NETC.parent / name)

    def program(self, command, wrapped=False):
        if command in OF_NETC:
            return self.folder / ('wrapped_netc' if wrapped else 'netc')
        return self.wrapped if wrapped else self.trainer

    def place(self):
        """A folder of its own for one moment."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        for file in ('x.npy', 'y.npy', 'm.net', 'tiny.net', 'other'):
            (place / file).symlink_to(self.folder / file)
        for name in 'whole', 'stopped':
            shutil.copytree(self.folder / name, place / name)
        (place / 'p.txt').write_text('old')
        (place / 'out.c').write_text('old')
        return place

    def count(self, kind, verdict, what):
        self.kinds.setdefault(kind, Counter())[verdict] += 1
        if verdict == 'wrong':
            self.wrong.append(what)
            print('FAILED:', what, file=sys.stderr)

    def moments(self, most, some=12, longest=None):
        some = some if self.short else longest or most
        if most <= some:
            return range(1, most + 1)
        return sorted({1 + i * (most - 1) // (some - 1) for i in range(some)})


def is_told(done, command=''):
    """netc ends with 3 where clang failed."""
    codes = (1, 2, 3) if command == 'build' else (1, 2)
    return done.returncode in codes and b'error: ' in done.stderr


def warned(bench, command, done):
    """Of more than it warns of without a fault."""
    return done.stderr.count(WARNING) > bench.warnings.get(command, 0)


def judge(bench, command, place, done):
    """survived, told or wrong; and what."""
    words, look = COMMANDS[command]
    ok = done.returncode == 0
    if not ok and not is_told(done, command):
        return 'wrong', f'exit {done.returncode}: {done.stderr.decode()[-300:]}'
    if command == 'eval':
        fault = 'other scores' if ok and done.stdout != bench.scores else None
    else:
        fault = look(bench, place, ok, warned(bench, command, done))
    return ('wrong', fault) if fault else ('survived' if ok else 'told', None)


def judge_killed(bench, command, place):
    """The next of its kind clears up: a file's part has a name between two system calls."""
    words, look = COMMANDS[command]
    fault = None
    if command in ('predict', 'netc'):
        name, wanted = ('p.txt', bench.rows) if command == 'predict' else ('out.c', bench.code)
        if (place / name).read_bytes() not in (b'old', wanted):
            return 'wrong', f'{name} is half written'
        run([bench.program(command), *words], place)
    if look:
        fault = look(bench, place, command in ('predict', 'netc'))
    return ('wrong', fault) if fault else ('survived', None)


def one_call(bench, command, kind, number, error):
    place = bench.place()
    words = [bench.inject, place / 'counts', kind, number, error, bench.program(command),
             *COMMANDS[command][0]]
    of_child, call = kind.startswith('child-'), kind.removeprefix('child-')
    try:
        done = run(words, place)
        if error or of_child:
            verdict, fault = judge(bench, command, place, done)
            if verdict == 'survived' and warned(bench, command, done):
                verdict = 'told'
            if verdict == 'survived' and error and call in WRITING and \
                    calls(place)[kind] >= number and not is_made_good(command, kind, number):
                verdict, fault = 'wrong', 'not told'
        else:  # it is killed: what is left goes on
            verdict, fault = judge_killed(bench, command, place)
    except subprocess.TimeoutExpired:
        verdict, fault = 'wrong', 'it hangs'
    shutil.rmtree(place)
    name = f'{kind} fails' if error else f'{"a child " * of_child}killed at {call}'
    return f'{command}: {name}', verdict, f'{command}: {name} {number}: {fault}'


def one_allocation(bench, command, number):
    place = bench.place()
    more = dict(os.environ, FAULT_ALLOCATION=str(number), FAULT_COUNT=str(place / 'count'))
    done = run([bench.program(command, True), *COMMANDS[command][0]], place, env=more)
    verdict, fault = judge(bench, command, place, done)
    shutil.rmtree(place)
    return f'{command}: malloc fails', verdict, f'{command}: malloc fails {number}: {fault}'


def one_kill(bench, number):
    """At a moment that is drawn; then it goes on."""
    place, draw = bench.place(), random.Random(number)
    words = [bench.trainer, 'train', '--out', 'r', '--quiet', '--checkpoint-every', '1']
    with subprocess.Popen(words, cwd=place) as process:
        time.sleep(draw.uniform(0, 0.03))
        process.send_signal(signal.SIGKILL)
    fault = goes_on(bench, place)
    shutil.rmtree(place)
    return 'train: killed at random', 'wrong' if fault else 'survived', f'killed {number}: {fault}'


DAMAGED = [('checkpoint.safetensors', 'resume'), ('preparation.json', 'resume'),
           ('history.csv', 'resume'), ('run.json', 'resume'), ('model.safetensors', 'eval'),
           ('preparation.json', 'eval'), ('x.npy', 'resume'), ('x.npy', 'eval')]


def one_damage(bench, file, command, how, number):
    """A file that is cut, or has another bit, somewhere that is drawn."""
    place, draw = bench.place(), random.Random(f'{file} {command} {how} {number}')
    folder = place / ('stopped' if command == 'resume' else 'whole')
    path = place / file if file == 'x.npy' else folder / file
    data = bytearray((bench.folder / path.relative_to(place)).read_bytes())
    at = draw.randrange(len(data))
    if how == 'cut':
        data = data[:at]
    else:
        data[at] ^= 1 << draw.randrange(8)
    path.unlink()
    path.write_bytes(data)
    words = list(COMMANDS[command][0])
    if file == 'x.npy' and command == 'eval':
        words += ['--part', 'train']
    done = run([bench.trainer, *words], place)
    fault = None
    if done.returncode:
        fault = None if is_told(done) else f'exit {done.returncode}: {done.stderr.decode()[-300:]}'
    elif command == 'resume' and (folder / 'model.safetensors').read_bytes() != bench.bits:
        fault = 'other bits'
    elif command == 'eval' and file != 'x.npy' and done.stdout != bench.scores:
        fault = 'other scores'
    elif command == 'eval' and file == 'x.npy':
        fault = 'data that changed are taken'
    verdict = 'wrong' if fault else 'told' if done.returncode else 'survived'
    if verdict == 'survived' and b'warning: ' in done.stderr:
        verdict = 'told'
    shutil.rmtree(place)
    return f'{command}: {file} {how}', verdict, f'{command}: {file} {how} at {at}: {fault}'


def one_limit(bench, size):
    """No file may be larger: a full disk, nearly."""
    place = bench.place()
    done = run([bench.trainer, *COMMANDS['train'][0]], place,
               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    verdict, fault = judge(bench, 'train', place, done)
    shutil.rmtree(place)
    return 'train: files of limited size', verdict, f'files of {size} bytes: {fault}'


def one_tmpfs(bench, size):
    """A disk of so many KB."""
    place = bench.place()
    (place / 'r').mkdir()
    disk = ['mount', '-t', 'tmpfs', '-o', f'size={size}k', 'tmpfs', place / 'r']
    if run(disk, place).returncode:
        shutil.rmtree(place)
        return None
    done = run([bench.trainer, *COMMANDS['train'][0]], place)
    fault = None
    if done.returncode:
        fault = None if is_told(done) else f'exit {done.returncode}'
    run(['mount', '-o', 'remount,size=10m', place / 'r'], place)
    fault = fault or goes_on(bench, place)
    run(['umount', place / 'r'], place)
    shutil.rmtree(place)
    return ('train: a full disk', 'wrong' if fault else 'told' if done.returncode else 'survived',
            f'a disk of {size} KB: {fault}')


def one_closed(bench, number):
    place = bench.place()
    files = [d for d in range(3) if number >> d & 1]
    closing = ' '.join(f'{d}>&-' for d in files)
    done = run(['sh', '-c', f'exec "{bench.trainer}" train --out r {closing}'], place)
    fault = judge_train(bench, place, True) if done.returncode == 0 else f'exit {done.returncode}'
    shutil.rmtree(place)
    return 'train: closed descriptors', 'wrong' if fault else 'survived', f'{files} closed: {fault}'


def one_pair(bench, _number):
    """Two trainers in one folder: one of them is refused."""
    place = bench.place()
    words = [str(bench.trainer), 'train', '--out', 'r', '--quiet', '--force']
    pair = [subprocess.Popen(words, cwd=place, stderr=subprocess.PIPE) for _ in range(2)]
    told = [p.communicate(timeout=60)[1] for p in pair]
    codes = [p.returncode for p in pair]
    fault = goes_on(bench, place)
    if sorted(codes) not in ([0, 0], [0, 2]) or any(c and b'error: ' not in t
                                                    for c, t in zip(codes, told)):
        fault = f'exits {codes}: {told}'
    shutil.rmtree(place)
    return ('train: two in one folder', 'wrong' if fault else 'told' if 2 in codes else 'survived',
            f'two trainers: {fault}')


def calls(place):
    """How many system calls of each kind there were."""
    lines = (place / 'counts').read_text().splitlines()
    return {kind: int(n) for kind, n in map(str.split, lines)}


def count_calls(bench, command):
    place = bench.place()
    done = run([bench.inject, place / 'counts', 'none', 0, 1, bench.program(command),
                *COMMANDS[command][0]], place)
    if done.returncode == 125:
        print(f'skipped: calls that fail in {command}: programs cannot be traced here')
        return {}
    counts = calls(place)
    shutil.rmtree(place)
    return counts


def count_allocations(bench, command):
    place = bench.place()
    run([bench.program(command, True), *COMMANDS[command][0]], place,
        env=dict(os.environ, FAULT_COUNT=str(place / 'count')))
    count = int((place / 'count').read_text())
    shutil.rmtree(place)
    return count


def jobs_of_command(bench, command):
    some = 12 if not bench.short else 5
    for kind, most in count_calls(bench, command).items():
        call = kind.removeprefix('child-')
        longest = CHILDREN.get(command) if kind != call else None
        for number in bench.moments(most, most if (command, kind) in WHOLE else some, longest):
            yield one_call, command, kind, number, ERRORS[call]
        for number in bench.moments(most, some, longest) if call in CHANGING else []:
            yield one_call, command, kind, number, 0
    for number in bench.moments(count_allocations(bench, command), 3 * some):
        yield one_allocation, command, number


def jobs_of(bench):
    some = 12 if not bench.short else 5
    for command in bench.commands:
        every = COSTLY.get(command, 1) if bench.short else 1
        yield from list(jobs_of_command(bench, command))[::every]
    if len(bench.commands) < len(COMMANDS):
        return
    for number in range(10 if bench.short else 200):
        yield one_kill, number
    for file, command in DAMAGED:
        for how in 'cut', 'flipped':
            for number in range(4 if bench.short else 100):
                yield one_damage, file, command, how, number
    for size in bench.moments(6000, some):
        if size % 50 == 1 or bench.short:
            yield one_limit, size
    for size in range(4, 60, 16 if bench.short else 4):
        if os.geteuid() == 0:
            yield one_tmpfs, size
    for number in range(1, 8):
        yield one_closed, number
    for number in range(2 if bench.short else 20):
        yield one_pair, number


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--short', action='store_true')
    parser.add_argument('commands', nargs='*', metavar='COMMAND', help=' '.join(COMMANDS))
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault('XDG_CACHE_HOME', f'{folder}/cache')
        bench = Bench(Path(folder), given.short, given.commands or list(COMMANDS))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            jobs = list(jobs_of(bench))
            for n, done in enumerate(pool.map(lambda job: job[0](bench, *job[1:]), jobs), 1):
                if done:
                    bench.count(*done)
                if n % 500 == 0:
                    print(f'{n} of {len(jobs)} moments, {len(bench.wrong)} wrong, '
                          f'{time.monotonic() - began:.0f} s', file=sys.stderr)
    print(f'{"":36} {"moments":>8} {"survived":>8} {"told":>8} {"wrong":>8}')
    total = Counter()
    for kind, counts in bench.kinds.items():
        total += counts
        print(f'{kind:36} {sum(counts.values()):8} ' +
              ' '.join(f'{counts[v]:8}' for v in ('survived', 'told', 'wrong')))
    print(f'{"all":36} {sum(total.values()):8} ' +
          ' '.join(f'{total[v]:8}' for v in ('survived', 'told', 'wrong')) +
          f'   {time.monotonic() - began:.0f} s')
    for what in bench.wrong[:40]:
        print('FAILED:', what)
    if os.environ.get('TOTALS'):
        with open(os.environ['TOTALS'], 'a', encoding='utf-8') as totals:
            totals.write(f'{sum(total.values()) - total["wrong"]} {total["wrong"]} 0\n')
    return total['wrong'] > 0


sys.exit(main())
