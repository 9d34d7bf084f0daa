"""turns.py -- processes that are measured in turns: while one works, all others stand still.

A process that only waits may still use the machine: OpenMP's threads spin for a while after their
work, and a compiler's helpers start up in the background. So a variant is stopped by a signal when
its turn ends and continued when the next begins; the trainer, which is started anew for each turn,
ends with it. A process that is stopped never ends by itself: whoever starts one closes it."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MOST_LOAD = 0.3


class Others:
    """Processes that are not of this table: they make its times longer, and unequally so. The load
    before it is the system's of a minute; what they use meanwhile is in cores, by /proc/stat."""

    def __init__(self):
        self.load, self.began, self.used = os.getloadavg()[0], time.time(), self.seconds()

    def before(self):
        if self.load <= MOST_LOAD:
            return f"load {self.load:.2f}"
        return (f"load {self.load:.2f}\nwarning: above {MOST_LOAD} others take part in these "
                "times: ratios are rough")

    def after(self):
        cores = (self.seconds() - self.used) / (time.time() - self.began)
        return f"Others used {max(cores, 0):.2f} of {os.cpu_count()} cores meanwhile."

    @staticmethod
    def seconds():
        """Of all processors since the start, but idle ones and those that wait for a disk, less
        those of this process and its children that have ended."""
        with open("/proc/stat") as file:
            user, nice, system, _, _, *more = map(int, file.readline().split()[1:9])
        own = os.times()
        return ((user + nice + system + sum(more)) / os.sysconf("SC_CLK_TCK")
                - own.user - own.system - own.children_user - own.children_system)


class Torch:
    """A PyTorch variant: a torch_step.py that is kept from turn to turn. `fault` says why it ended
    before it was closed; it takes no more turns then."""

    worker = os.path.join(HERE, "torch_step.py")

    def __init__(self, model_name, variant, batch, threads):
        self.answers, self.first, self.fault = [], None, None
        self.errors = tempfile.TemporaryFile("w+")      # a pipe that nobody reads would fill
        self.process = subprocess.Popen(
            self.command(model_name, variant, batch, threads), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors, text=True)
        try:
            answer = self.read()
        except BaseException:
            self.close()
            raise
        if answer:
            self.first = answer["first_step_s"]

    def command(self, model_name, variant, batch, threads):
        return [sys.executable, self.worker, model_name, variant, str(batch), str(threads),
                str(time.time())]

    def read(self):
        """An answer, after which it stands still; None where it ended."""
        line = self.process.stdout.readline()
        if line:
            self.process.send_signal(signal.SIGSTOP)
            return json.loads(line)
        self.errors.seek(0)
        lines = [x for x in self.errors.read().splitlines() if x.strip()]
        self.fault = lines[-1][:120] if lines else f"exit {self.process.wait()}"
        return None

    def turn(self, seconds):
        if self.fault:
            return
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass                    # read() says why
        answer = self.read()
        if answer:
            self.answers.append(answer)

    def median(self, key):
        return statistics.median(a[key] for a in self.answers)

    def close(self):
        self.process.kill()         # a stopped one too
        self.process.wait()         # its pipes may be held by helpers of its own
        for file in (self.process.stdout, self.errors):
            file.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


class Trainer:
    """One of netc's trainers: `bench` runs once a turn, for as many steps as fill it."""

    def __init__(self, path, compiling, batch, threads):
        self.path, self.compiling, self.batch, self.threads = path, compiling, batch, threads
        self.answers, self.steps = [], None

    def bench(self, steps, *flags):
        return run_bench(self.path, "--steps", steps, "--batch", self.batch, "--threads",
                         self.threads, *flags)

    def turn(self, seconds):
        if not self.steps:
            self.steps = int(min(max(1e3 * seconds / self.bench(1)["step_ms"], 4), 5000))
        self.answers.append(self.bench(self.steps))

    def median(self, key):
        return statistics.median(a[key] for a in self.answers)


def run_bench(trainer, *flags):
    command = [trainer, "bench", "--json", *map(str, flags)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def compile_trainer(netc, path, output, *flags, conv=None):
    """Gives the seconds that it took. conv: the train section's, for models that do not say."""
    if conv:
        with open(path) as file:
            text = file.read()
        path = output + ".net"
        with open(path, "w") as file:
            file.write(text.replace("\ntrain {\n", f"\ntrain {{\n    conv = {conv}\n", 1))
    began = time.perf_counter()
    done = subprocess.run([netc, path, "-o", output, *map(str, flags)], capture_output=True,
                          text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return time.perf_counter() - began
