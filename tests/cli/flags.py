"""flags.py NETC TRAINER: do --help, the man pages and docs/trainer.md tell of the same flags, and
of the same commands that take them?"""

import re
import subprocess
import sys

FLAG = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def of_man(path):
    text = re.sub(r"\\f.", "", open(path).read().replace("\\-", "-"))
    return {flag for line in text.splitlines() for flag in FLAG.findall(line)}


def of_help(text):
    return set(FLAG.findall(text))


def same(what, a, b):
    if a != b:
        print(f"{what}: only in the first {sorted(a - b)}, only in the second {sorted(b - a)}")
        return 1
    return 0


def main(netc, trainer):
    faults = same("netc --help and netc.1", of_help(run(netc, "--help")) | {"-h"},
                  of_man("docs/man/netc.1"))
    whole = run(trainer, "--help")
    page = open("docs/man/netc-trainer.1").read()
    faults += same("trainer --help and netc-trainer.1",
                   of_help(whole) | {"-h", "--help", "--version", "-o"},
                   of_man("docs/man/netc-trainer.1") | {"--no-shuffle"})
    commands = re.findall(r"^  (\w+) ", whole.split("COMMAND --help")[0], re.M)
    head, program = "Flags of the program:", whole.index("Flags of the program:")
    takes = {flag: set(names.split()) for flag, names in
             re.findall(r"^  (--[a-z-]+) .*\(([a-z_ ]+)\)$", whole[program:], re.M)}
    for command in commands:
        told = run(trainer, command, "--help").partition(head)[2]
        faults += same(f"{command} --help and the flags of --help that name it",
                       set(re.findall(r"^  (--[a-z-]+) ", told, re.M)),
                       {flag for flag in takes if command in takes[flag] or
                        command == "config" and "train" in takes[flag]})
        if not re.search(rf"^\.B[RI]? {command}\b", page, re.M):
            print(f"netc-trainer.1 does not tell of {command}")
            faults += 1
    table = open("docs/trainer.md").read().split(head)[1].split("## Data")[0]
    for flags, names in re.findall(r"^\| ((?:`[^`]*` ?)+)\| ([^|]*) \|", table, re.M):
        names = set(names.split())
        if "all" in names:
            continue
        for flag in re.findall(r"--[a-z-]+", flags):
            faults += same(f"{flag} in docs/trainer.md and in --help", names,
                           takes.get(flag, set()))
    return faults


sys.exit(main(*sys.argv[1:]) > 0)
