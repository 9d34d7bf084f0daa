"""A .net file as it is compared with PyTorch: what its text says of data and training, rows that
are drawn for it, and a copy of it that reads them.

In the copy nothing is drawn (dropout, drop_path, noise, augmentation), words have no pairs, there
is one part of rows and no schedule, initial zeros are drawn, so that every layer has a gradient,
and fields that are not of texts lie prepared in rows.npz: both sides read the same bits."""

import csv
import os
import re

import numpy as np
import torch

import models
from data import frequent, numbered

DRAWN = [(r" -> (dropout|dropout2d|drop_path|noise|gaussian_noise)\([^()]*\)", ""),
         (r", dropout=[\w.]+", ""), (r" -> reparameterize\(\w+\)", ""),
         (r"\bngrams=\d+, ", ""),                # words alone
         (r"init=zeros", "init=normal(0.02)"), (r"^    (schedule|stop|metrics) .*\n", "")]

# fields of whole numbers that no step tells of: ranks from 1, others from 0; below what they are
BELOW = {"rank": 6, "failed": 2, "survived": 2, "object": 2, "kind": 2,
         "assigned": 2, "fraud": 2, "claims": 2}


def whole_lines(text):
    """With a statement's lines joined where a bracket is open or an arrow begins the next."""
    lines = []
    for line in text.splitlines():
        if lines and (lines[-1].count("(") + lines[-1].count("[")
                      > lines[-1].count(")") + lines[-1].count("]")
                      or line.strip().startswith("->")):
            lines[-1] += " " + line.strip()
        else:
            lines.append(re.sub(r"\s+#.*", "", line))
    return lines


class Field:
    """An input or a target: its name, shape, and the steps from its source."""

    def __init__(self, line, lets):
        self.role, self.name, shape, steps = re.fullmatch(
            r"    (input|target) +(\w+)(\[.*?\])? *= (.*)", line).groups()
        self.source, *self.steps = steps.split(" -> ")
        calls = {name: int(eval(number, {}, lets)) for name, number in re.findall(
            r"(classes|one_hot|vocabulary|length|bag_of_words|characters|window|ahead)(?:\(|=)"
            r"(?:1\.\.)?([\w +-]+)", steps)}
        self.classes = calls.get("classes", calls.get("characters"))
        self.one_hot = calls.get("one_hot")
        self.words, self.length = calls.get("vocabulary"), calls.get("length")
        self.begin, self.end = "begin=true" in steps, "end=true" in steps
        self.bag = calls.get("bag_of_words")
        self.shape = eval(shape, {}, lets) if shape else []
        if not shape and self.role == "input" and "normalize" in steps:     # of CIFAR's files
            self.shape = [3, 32, 32]
        if not shape and ("window" in calls or "ahead" in calls):
            self.shape = [*self.columns(lets), calls.get("window", calls.get("ahead"))]
        self.spread = "normalize" in steps or "standardize" in steps

    def columns(self, lets):
        """[how many] where the source is more than one column."""
        several = re.fullmatch(r"columns\((?:\[(.*)\]|(\w+)\.\.(\w+))\)", self.source)
        if not several:
            return []
        names, first, last = several.groups()
        return [names.count(",") + 1 if names else eval(last, {}, lets) - eval(first, {}, lets) + 1]

    def draw(self, draw, rows, binary):
        """What comes out of the steps; `binary`: a target of 0 and 1."""
        size = [rows, *self.shape]
        if self.classes and self.one_hot is None:
            return draw.integers(0, self.classes, size)
        if self.one_hot:
            return np.eye(self.one_hot, dtype=np.float32)[draw.integers(0, self.one_hot, rows)]
        if self.name in BELOW:
            return draw.integers(BELOW[self.name] > 2, BELOW[self.name], size).astype(np.float32)
        if binary:
            return draw.integers(0, 2, size).astype(np.float32)
        return (draw.standard_normal(size) if self.spread else draw.random(size)).astype(np.float32)

    def line(self):
        """Of the copy."""
        shape = [self.one_hot] if self.one_hot else self.shape
        shape = f"[{', '.join(map(str, shape))}]" if shape else ""
        kind = f" -> classes({self.classes})" if self.classes else ""
        return f"    {self.role} {self.name}{shape} = {self.name}{kind}\n"


class NetFile:
    """lets: values in place of the file's own; rate: times which its optimizers' lr are taken."""

    def __init__(self, path, lets=None, rate=1.0):
        with open(path) as file:
            self.text = file.read()
        if rate != 1.0:
            self.text, count = re.subn(r"\blr=([\d.e-]+)",
                                       lambda match: f"lr={rate * float(match[1]):g}", self.text)
            if not count:
                raise RuntimeError(f"{path} has no lr=NUMBER that --rate could change")
        lines = whole_lines(self.text)
        self.lets = {}
        for name, value in re.findall(r"^let (\w+) *= *(.*?) *(?:#.*)?$", self.text, re.M):
            try:
                self.lets[name] = eval(value, {"__builtins__": {}}, self.lets)
            except (NameError, SyntaxError, TypeError):
                pass                                # a list of layers
        self.lets.update(lets or {})
        self.fields = [Field(line, self.lets) for line in lines
                       if re.match(r"    (input|target) ", line)]
        self.inputs = [field for field in self.fields if field.role == "input"]
        self.targets = [field for field in self.fields if field.role == "target"]
        self.sections = []                          # of training, in turn
        for line in lines:
            if re.match(r"train\b.*{$", line):
                self.sections.append({})
            elif self.sections and (match := re.match(r"    (\w+) *= *(.*)", line)):
                self.sections[-1][match[1]] = match[2]
        self.train = self.sections[0]
        self.batch = int(self.train["batch"])

    def optimizer(self, parameters, section=0):
        return models.evaluate(self.sections[section]["optimizer"])(parameters)

    def in_turn(self, network, losses):
        """[(loss, the parameters that learn)] of train sections; `losses`: of one, or a list."""
        found = []
        for loss, section in zip(losses if isinstance(losses, list) else [losses], self.sections):
            names = re.findall(r"\w+", section.get("parameters", ""))
            modules = [getattr(network, name) for name in names] or [network]
            found.append((loss, [p for module in modules for p in module.parameters()
                                 if p.requires_grad]))
        return found

    def clip(self, parameters):
        """The gradients of a step, bounded as the file says."""
        how, limit = re.fullmatch(r"(\w+)\((.*)\)", self.train.get("clip", "none(0)")).groups()
        if how == "norm":
            torch.nn.utils.clip_grad_norm_(parameters, float(limit))
        elif how == "value":
            torch.nn.utils.clip_grad_value_(parameters, float(limit))

    @property
    def of_texts(self):
        return any(field.words or field.bag for field in self.fields)

    def copy(self):
        text = self.text
        for pattern, instead in DRAWN:
            text = re.sub(pattern, instead, text, flags=re.M)
        if self.of_texts:
            text = re.sub(r"^    (test|validation) .*\n", "", text, flags=re.M)
            return re.sub(r"csv\(.*?\)", 'csv("rows.csv")', text)
        data = "".join(field.line() for field in self.fields)
        data = f'data {{\n    train = npz("rows.npz")\n{data}}}\n'
        return re.sub(r"^data \{\n.*?^\}\n", lambda _: data, text, flags=re.M | re.S)

    def draw(self, rows, seed=1, full=False):
        """{field: its rows}; texts as lists of words, of all lengths or of the longest."""
        draw, drawn, by_source = np.random.default_rng(seed), {}, {}
        sources = [field.source for field in self.fields]
        for field in self.fields:
            count = field.words or field.bag
            if count:
                length = field.length or 100
                if field.source not in by_source:
                    lengths = draw.integers(length if full else length // 2, length + 1, rows)
                    by_source[field.source] = [[f"w{w}" for w in draw.integers(0, count, n)]
                                               for n in lengths]
                drawn[field.name] = by_source[field.source]
                continue
            binary = (field.role == "target" and sources.count(field.source) == 1
                      and self.train["loss"].startswith("binary_cross_entropy"))
            key = field.source, *field.steps        # an input may be its own target, two are views
            if key not in by_source or field.role == "input":
                by_source[key] = field.draw(draw, rows, binary)
            drawn[field.name] = by_source[key]
        return drawn

    def write(self, drawn, folder):
        """As the copy reads them."""
        if not self.of_texts:
            kept = {name: rows.astype(np.int32) if rows.dtype == np.int64 else rows
                    for name, rows in drawn.items()}
            np.savez(os.path.join(folder, "rows.npz"), **kept)
            return
        cells = {}                                  # by the columns' names, or from column 2 on
        for field in self.fields:
            name = re.findall(r'"(\w+)"', field.source)
            if field.words or field.bag:
                cells[name[0]] = [[" ".join(text)] for text in drawn[field.name]]
            else:
                wide = (*name,) if name else range(2, 2 + field.shape[0])
                cells[wide] = [[*map(int, np.atleast_1d(row))] for row in drawn[field.name]]
        with open(os.path.join(folder, "rows.csv"), "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(np.hstack([*cells]))
            table.writerows(sum(row, []) for row in zip(*cells.values()))

    def tensors(self, drawn, fields):
        """As PyTorch takes them: ids of words, counts of words, and what lies prepared."""
        found = []
        for field in fields:
            rows = drawn[field.name]
            if field.words:
                found.append(numbered(rows, frequent(rows, field.words), field.length,
                                      field.begin, field.end))
            elif field.bag:
                columns = {w: i for i, w in enumerate(frequent(rows, field.bag))}
                table = torch.zeros(len(rows), field.bag)
                for row, text in enumerate(rows):
                    for word in text:
                        table[row, columns[word]] += 1
                found.append(table)
            else:
                found.append(torch.from_numpy(rows))
        return found
