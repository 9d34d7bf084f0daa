"""What tests/pytorch/cases.txt says, in PyTorch: layers, networks, losses, optimizers, schedules.
The networks of models/ are in published.py.

The definitions of a case (part=conv2d(7,3), optimizing=adam(lr=0.01)) are Python too: they are
evaluated here with functions of the same names. A layer is a function of a run, its path and its
input; a run holds the weights, and the penalties that a layer adds to the loss.
"""

import collections
import os

import torch
import torch.nn.functional as F

from data import arrays, bags, pixels, tokens
from optimizers import OPTIMIZERS, SCHEDULES, warmup_and


class Run:
    """One training run: the weights by name, and what the layers said."""

    def __init__(self, weights, folder):
        self.weights = weights
        self.folder = folder        # of the data
        self.penalties, self.frozen = [], set() # terms of the loss; weights that are not trained
        self.bounds = {}                        # of weights: the most norm of what an output reads

    def __call__(self, path, leaf):
        return self.weights.get(f"{path}.{leaf}")

    def penalize(self, path, l1, l2, max_norm=0):
        if max_norm:
            self.bounds[path + ".weight"] = max_norm
        weight = self(path, "weight")
        self.penalties.append(l1 * weight.abs().sum() + l2 * weight.square().sum())


# ---- layers --------------------------------------------------------------------------------------


def dense(units, bias=True, l1=0, l2=0, max_norm=0):
    def layer(m, path, x):
        m.penalize(path, l1, l2, max_norm)
        return F.linear(x, m(path, "weight"), m(path, "bias"))
    return layer


def convolution(function):
    def make(channels, kernel, l1=0, l2=0, max_norm=0, bias=True, **options):
        def layer(m, path, x):
            m.penalize(path, l1, l2, max_norm)
            return function(x, m(path, "weight"), m(path, "bias"), **options)
        return layer
    return make


def conv1d(channels, kernel, padding=0, dilation=1, **options):
    """padding is also causal, or [before, after]."""
    ends = [(kernel - 1) * dilation, 0] if padding == "causal" else padding
    if not isinstance(ends, list):
        return convolution(F.conv1d)(channels, kernel, padding=ends, dilation=dilation, **options)
    inner = convolution(F.conv1d)(channels, kernel, dilation=dilation, **options)
    return lambda m, path, x: inner(m, path, F.pad(x, ends))


def pool(function):
    def make(size, stride=None, padding=0, ceil=False):
        return lambda m, path, x: function(x, size, stride, padding, ceil_mode=ceil)
    return make


def plain(function):
    return lambda m, path, x: function(x)


def batchnorm(momentum=0.1, eps=1e-5):
    def layer(m, path, x):
        return F.batch_norm(x, m(path, "running_mean"), m(path, "running_var"), m(path, "weight"),
                            m(path, "bias"), training=True, momentum=momentum, eps=eps)
    return layer


def layernorm(eps=1e-5):
    def layer(m, path, x):
        last = x.movedim(1, -1)         # over the channels of each place
        return F.layer_norm(last, last.shape[-1:], m(path, "weight"), m(path, "bias"),
                            eps).movedim(-1, 1)
    return layer


def groupnorm(groups, eps=1e-5):
    return lambda m, path, x: F.group_norm(x, groups, m(path, "weight"), m(path, "bias"), eps)


def rmsnorm(eps=2**-23):
    def layer(m, path, x):
        last = x.movedim(1, -1)
        return F.rms_norm(last, last.shape[-1:], m(path, "weight"), eps).movedim(-1, 1)
    return layer


def prelu(per_channel=False):
    return lambda m, path, x: F.prelu(x, m(path, "weight"))


def embedding(width, padding_row=None, pretrained=None, frozen=False, l1=0, l2=0):
    def layer(m, path, x):
        weight = m(path, "weight")
        if frozen:
            m.frozen.add(path + ".weight")
        if pretrained:
            check_pretrained(m, weight)
        m.penalize(path, l1, l2)
        m.words = x
        return F.embedding(x, weight, padding_idx=padding_row).movedim(1, 2)
    return layer


def check_pretrained(m, weight):
    """The rows of words that have a vector are that vector, at the first step at least."""
    if hasattr(m, "looked"):
        return
    m.looked = True
    with open(os.path.join(m.folder, "words.vec")) as file:
        vectors = dict(line.rstrip().split(" ", 1) for line in list(file)[1:])
    rows = frequent(texts(m.folder)[0], 30)
    for row, word in enumerate(rows):
        if word in vectors:
            want = torch.tensor([float(number) for number in vectors[word].split()])
            assert torch.equal(weight[row + 2].detach().float(), want), f"the vector of {word}"
    assert not weight[0].any(), "the padding row"


def mean(skip_padding=False):
    def layer(m, path, x):
        if not skip_padding:
            return x.mean(2)
        real = (m.words != 0).unsqueeze(1)
        return (x * real).sum(2) / real.sum(2).clamp(min=1)
    return layer


def attention(heads, causal=False, skip_padding=False, bias=True):
    def layer(m, path, x, memory=None):
        mask = None if not causal else torch.ones(x.shape[2], x.shape[2]).triu(1).bool()
        keys = (x if memory is None else memory).movedim(2, 0)
        padding = F.pad(m.words == 0, (len(keys) - m.words.shape[1], 0)) if skip_padding else None
        y, _ = F.multi_head_attention_forward(
            x.movedim(2, 0), keys, keys, x.shape[1], heads, m(path, "in_proj_weight"),
            m(path, "in_proj_bias"), None, None, False, 0, m(path, "out_proj.weight"),
            m(path, "out_proj.bias"), key_padding_mask=padding, attn_mask=mask, need_weights=False)
        return y.movedim(0, 2)
    return layer


def recurrent(module):
    """torch.nn's, with the layer's weights; where there are words, rows end with the last one."""
    def make(units, keep="all", reverse=False, skip_padding=True, layers=1):
        def layer(m, path, x):
            inner = module(x.shape[1], units, layers, batch_first=True).to(x.dtype)
            weights = {name: m(path, name) for name, _ in inner.named_parameters()}
            words = getattr(m, "words", None) if skip_padding else None
            place = torch.arange(x.shape[2]).expand(len(x), -1)
            count = torch.full((len(x),), x.shape[2]) if words is None else (words != 0).sum(1)
            ends = count.unsqueeze(1)
            order = torch.where(place < ends, ends - 1 - place, place) if reverse else place
            walked = x.movedim(1, 2).gather(1, order.unsqueeze(2).expand(-1, -1, x.shape[1]))
            packed = torch.nn.utils.rnn.pack_padded_sequence(walked, count, True, False)
            packed, _ = torch.func.functional_call(inner, weights, (packed,))
            h, _ = torch.nn.utils.rnn.pad_packed_sequence(packed, True, 0, x.shape[2])
            if not reverse:
                order = torch.minimum(place, ends - 1)      # the state is carried on
            h = h.gather(1, order.unsqueeze(2).expand(-1, -1, units)).movedim(1, 2)
            return h if keep == "all" else h[:, :, 0 if reverse else -1]
        return layer
    return make


def upsample2d(factor, mode="nearest"):
    factor = tuple(factor) if isinstance(factor, list) else factor
    return lambda m, path, x: F.interpolate(x, scale_factor=factor, mode=mode)


NAMES = {
    "true": True, "false": False, "same": "same", "causal": "causal", "all": "all", "last": "last",
    "bilinear": "bilinear", "dense": dense, "conv1d": conv1d, "conv2d": convolution(F.conv2d),
    "conv1d_transpose": convolution(F.conv_transpose1d),
    "conv2d_transpose": convolution(F.conv_transpose2d),
    "maxpool1d": pool(F.max_pool1d), "maxpool2d": pool(F.max_pool2d),
    "avgpool1d": pool(F.avg_pool1d), "avgpool2d": pool(F.avg_pool2d),
    "global_maxpool1d": plain(lambda x: x.amax(2)), "max": plain(lambda x: x.max(2).values),
    "global_maxpool2d": plain(lambda x: x.flatten(2).max(2).values),
    "global_avgpool1d": plain(lambda x: x.mean(2)),
    "global_avgpool2d": plain(lambda x: x.mean((2, 3))),
    "attention": attention, "mean": mean, "upsample2d": upsample2d,
    "batchnorm": batchnorm, "layernorm": layernorm, "groupnorm": groupnorm, "rmsnorm": rmsnorm,
    "instancenorm": plain(F.instance_norm), "prelu": prelu,
    "glu": plain(lambda x: F.glu(x, 1)), "transpose": plain(lambda x: x.transpose(1, 2)),
    "rnn": recurrent(torch.nn.RNN), "lstm": recurrent(torch.nn.LSTM),
    "gru": recurrent(torch.nn.GRU), "embedding": embedding,
    "flatten": plain(lambda x: x.flatten(1)), "softmax": plain(lambda x: F.softmax(x, 1)),
    "relu": plain(F.relu), "relu6": plain(F.relu6), "selu": plain(F.selu), "gelu": plain(F.gelu),
    "silu": plain(F.silu), "tanh": plain(torch.tanh), "sigmoid": plain(torch.sigmoid),
    "softplus": plain(F.softplus), "mish": plain(F.mish), "softsign": plain(F.softsign),
    "hardswish": plain(F.hardswish), "hardsigmoid": plain(F.hardsigmoid),
    "leaky_relu": lambda slope=0.01: plain(lambda x: F.leaky_relu(x, slope)),
    "elu": lambda alpha=1: plain(lambda x: F.elu(x, alpha)),
}
WITHOUT_BRACKETS = {"batchnorm", "layernorm", "rmsnorm", "prelu", "elu", "leaky_relu"}

def evaluate(text):
    names = {**NAMES, **OPTIMIZERS, **SCHEDULES}
    value = eval(text, {"__builtins__": {}}, names)         # cases.txt is ours
    return value() if text in {*WITHOUT_BRACKETS, *OPTIMIZERS, "cosine", "onecycle"} else value


# ---- the files of tests/pytorch: inputs, targets, network, loss ----------------------------------

def layer(m, path, x, kind=dense(0)):
    return kind(m, "ops." + path, x)


CONV = convolution(F.conv2d)
Case = collections.namedtuple("Case", "x y network loss")


def classes_case(data, network, loss=F.cross_entropy):
    return Case(*data, network, loss)


def file_image(folder, part, width=6):
    def network(m, x):
        x = layer(m, "middle", layer(m, "first", x, CONV(width, 3, padding=1)), part)
        return layer(m, "last", x.flatten(1))
    return classes_case(arrays(folder), network)


def file_volume(folder):
    conv, back = convolution(F.conv3d), convolution(F.conv_transpose3d)

    def network(m, x):
        x = layer(m, "norm", layer(m, "first", x.unsqueeze(1), conv(6, 3, padding=1)), batchnorm())
        x = layer(m, "deep", F.relu(x), conv(8, [2, 3, 3], stride=(1, 2, 1), padding=(1, 0, 1),
                                             dilation=(2, 1, 1), groups=2))
        x = layer(m, "up", F.max_pool3d(x, (1, 2, 3), (1, 1, 2)), back(5, 2, stride=2))
        return layer(m, "last", F.relu(F.avg_pool3d(x, 2)).flatten(1))
    return classes_case(arrays(folder), network)


def file_sequence(folder, part):
    def network(m, x):
        x = layer(m, "first", x, CONV(6, 3, padding=1)).flatten(2)
        return layer(m, "last", layer(m, "middle", x, part).flatten(1))
    return classes_case(arrays(folder), network)


def file_vector(folder, part=plain(F.relu)):
    def network(m, x):
        return layer(m, "last", layer(m, "middle", layer(m, "first", x.flatten(1)), part))
    return classes_case(arrays(folder), network)


def file_pair(folder, how):
    def network(m, x):
        def conv(name, channels, value, **options):
            return layer(m, name, value, CONV(channels, 3, **options))

        a = conv("a", 7, x)
        if how == "add":
            x = a + conv("b", 7, x)
        elif how == "multiply":
            x = a * conv("b", 7, x)
        elif how == "square":
            x = a * a
        elif how == "gate":
            b = conv("b", 7, x)
            gate = F.relu(layer(m, "dense_1", b.mean((2, 3)), dense(3)))
            gate = torch.sigmoid(layer(m, "dense_2", gate, dense(7)))
            x = a * gate[:, :, None, None] + b.amax((2, 3))[:, :, None, None]
        elif how == "arithmetic":
            b = conv("b", 7, x)
            x = (torch.maximum(a, b) / (1 + torch.exp(-b)) - a.clamp(max=0.1) * b.clamp(-0.3, 0.2)
                 + (a > b) * torch.sqrt(1 + a * a))
        elif how == "functions":
            b = conv("b", 7, x)
            x = (torch.log(1.5 + torch.tanh(a)) * torch.sin(3 * b)
                 - torch.cos(a) / (2 + torch.square(b)) + torch.pow(abs(a) + 1, 2.5) / 10
                 - torch.pow(abs(b) + 0.5, -1) + torch.pow(abs(b) + 1, 0.7))
        elif how == "parts":
            b = conv("b", 7, x)
            wide = torch.cat([a, a[:, :, 2:4], F.pad(b, (0, 0, 0, 1))], 2)
            x = torch.cat([wide[:, :, :7], F.pad(b[:, 4:5], (1, 1, 1, 1))[:, :, 1:8, 2:9]], 1)
        elif how == "shuffles":
            wide = torch.channel_shuffle(conv("wide", 12, a, padding=1), 3)
            x = torch.cat([F.pixel_unshuffle(torch.tanh(F.pixel_shuffle(wide, 2)), 2), a], 1)
        elif how == "axes":
            b = conv("b", 7, x)
            x = torch.cat([a * torch.sigmoid(a.mean(1, True)) + a.amax(1, True),
                           b - b.mean((1, 2, 3), True), a.sum(2)[:, None],
                           b.amin(3)[:, None], torch.softmax(3 * a, 2), (b - b.logsumexp(1, True))
                           / torch.sqrt(a.var(1, keepdim=True) + 0.1)], 1)
            x = x * b.amax((1, 2, 3), True) * a.var((1, 2, 3), correction=0, keepdim=True)
        elif how == "splits":
            p, q = conv("wide", 12, a, padding=1).chunk(2, 1)
            r, t = F.pad(conv("b", 7, x), (0, 1)).chunk(2, 3)
            share = torch.softmax(20 * q.flatten(2), 2).view_as(q)
            deviation = torch.sqrt(p.var((2, 3), keepdim=True) + 0.1)
            x = torch.cat([p * share - q.mean((2, 3), True),
                           p / deviation.detach() + q.amax((2, 3), True), F.pad(r - t, (0, 3))], 1)
        elif how == "concat":
            x = torch.cat([a, conv("b", 7, x), conv("c", 19, F.relu(a), padding=1)], 1)
        else:
            x = torch.cat([a, a], 1)
        return layer(m, "last", F.max_pool2d(x, 3, 2).flatten(1))
    return classes_case(arrays(folder), network)


def two_convolutions(channels):
    return lambda m, x: layer(m, "last", F.relu(layer(m, "first", x, CONV(7, 3, padding=1))),
                              CONV(channels, 3, padding=1))


def two_dense(m, x):
    return layer(m, "last", F.relu(layer(m, "first", x.flatten(1))))


def file_schedule(folder):
    return classes_case(arrays(folder), two_dense)


file_clip = file_schedule


def file_tuned(folder, every=1, ema=0, plan=None):
    def network(m, x):
        m.frozen |= {"ops.still.weight", "ops.still.bias"}
        x = F.relu(layer(m, "first", x.flatten(1)))
        x = F.relu(layer(m, "middle", x, dense(24, l2=1e-3)))
        x = F.relu(layer(m, "still", x))
        return layer(m, "last", x, dense(5, l1=1e-3))
    return classes_case(arrays(folder), network)


def class_loss(smooth, weights):
    def loss(y, target):
        weight = None if weights is None else torch.tensor(weights, dtype=y.dtype)
        return F.cross_entropy(y, target, weight=weight, label_smoothing=smooth, ignore_index=255)
    return loss


def file_classes(folder, smooth=0, weights=None, softmaxed=False):
    return classes_case(arrays(folder), two_dense, class_loss(smooth, weights))


def file_pixels(folder, smooth=0, weights=None):
    return Case(arrays(folder)[0], pixels(folder), two_convolutions(5), class_loss(smooth, weights))


def regression_loss(how, beyond):
    return {"mse": F.mse_loss, "mae": F.l1_loss,
            "smooth_l1": lambda y, target: F.smooth_l1_loss(y, target, beta=beyond),
            "huber": lambda y, target: F.huber_loss(y, target, delta=beyond)}[how]


def file_regression(folder, how, beyond=1):
    images, labels = arrays(folder)
    return Case(images, labels.float().unsqueeze(1) / 2, two_dense, regression_loss(how, beyond))


def file_picture(folder, how, beyond=1):
    images, _ = arrays(folder)
    return Case(images, images, two_convolutions(3), regression_loss(how, beyond))


def file_one_hot(folder, how):
    images, labels = arrays(folder)
    network = two_dense
    if how == "mse":
        def network(m, x):
            return torch.sigmoid(two_dense(m, x))
    loss = F.mse_loss if how == "mse" else F.binary_cross_entropy_with_logits
    return Case(images, F.one_hot(labels, 5).float(), network, loss)


def file_text(folder, part=embedding(7), after=plain(lambda x: x.flatten(1))):
    def network(m, x):
        return layer(m, "last", layer(m, "middle", layer(m, "first", x, part), after))
    return classes_case(tokens(folder, 30, 9), network)


def file_titles(folder):
    conv = convolution(F.conv1d)

    def network(m, x):
        x = layer(m, "first", x, embedding(19))
        a = F.relu(layer(m, "a", x, conv(17, 2)))
        b = layer(m, "b", x, conv(5, 3, padding=1))
        c = F.leaky_relu(layer(m, "c", x, conv(33, 4, padding=2, bias=False)), 0.1)
        a, b, c = (F.max_pool1d(v, v.shape[2]).flatten(1) for v in (a, b, c))
        return layer(m, "last", torch.cat([a, torch.tanh(b), c], 1))
    return classes_case(tokens(folder, 30, 9), network)


def file_bag(folder, how="dense", part=dense(17)):
    def network(m, words):
        x = F.relu(layer(m, "first", words, part))
        return layer(m, "last", torch.cat([words, x], 1) if how == "concat" else x)
    return classes_case(bags(folder, 30), network)


def file_dense(folder):
    def network(m, x):
        x = F.relu(dense(37)(m, "mlp.dense_1", x.flatten(1)))
        return dense(5)(m, "mlp.dense_3", torch.tanh(dense(19)(m, "mlp.dense_2", x)))
    return classes_case(arrays(folder), network)


def file_conv(folder):
    def network(m, x):
        x = F.max_pool2d(F.relu(CONV(7, 3, padding=1)(m, "cnn.conv2d_1", x)), 2)
        x = F.leaky_relu(CONV(17, 3, stride=2, padding=1)(m, "cnn.conv2d_2", x), 0.1)
        return dense(5)(m, "cnn.dense", x.flatten(1))
    return classes_case(arrays(folder), network)


def file_residual(folder):
    norm = batchnorm()

    def network(m, x):
        p = "residual."
        x = F.relu(norm(m, p + "batchnorm_1", CONV(8, 3, padding=1)(m, p + "conv2d_1", x)))
        body = CONV(18, 3, padding=1, stride=2)(m, p + "conv2d_2", x)
        body = F.relu(norm(m, p + "batchnorm_2", body))
        body = norm(m, p + "batchnorm_3", CONV(18, 3, padding=1)(m, p + "conv2d_3", body))
        skip = norm(m, p + "batchnorm_4", CONV(18, 1, stride=2)(m, p + "conv2d_4", x))
        return dense(5)(m, p + "dense", F.silu(body + skip).mean((2, 3)))
    return classes_case(arrays(folder), network)


def file_attention(folder):
    conv = convolution(F.conv1d)

    def network(m, x):
        p = "attention."
        x = F.relu(conv(16, 3, padding="same")(m, p + "x", x.flatten(2)))
        q, k, v = (conv(0, 1)(m, p + name, x) for name in "qkv")
        q, k, v = (y.movedim(1, 2) for y in (q, k, v))  # positions by channels
        weights = F.softmax(q @ k.mT, 2)
        parts = weights @ v, q.mT @ v, v.mT @ weights.mT
        return dense(5)(m, p + "dense", torch.cat([y.mean(1) for y in parts], 1))
    return classes_case(arrays(folder), network)


def file_transformer(folder):
    conv = convolution(F.conv1d)

    def network(m, words):
        p = "transformer."
        x = embedding(12)(m, p + "embedding", words) + m(p + "positions", "weight")
        y = x + attention(3, skip_padding=True)(m, p + "mixed", x)
        wide = F.gelu(conv(20, 1)(m, p + "wide", y))
        y = y + conv(12, 1)(m, p + "back", wide)
        z = F.pad(y, (1, 0))                        # a class token in front
        z = z + attention(2, skip_padding=True)(m, p + "top", z)
        z = attention(3, skip_padding=True)(m, p + "again", torch.cat([z[:, :, :1], y], 2))
        return dense(3)(m, p + "last", mean(skip_padding=True)(m, None, z[:, :, 1:]))
    return classes_case(tokens(folder, 30, 9), network)


def file_memory(folder):
    def network(m, words):
        p = "memory."
        x = embedding(12)(m, p + "embedding", words) + m(p + "positions", "weight")
        steps = convolution(F.conv1d)(12, 3, stride=2)(m, p + "steps", x)
        looks = attention(3, skip_padding=True)(m, p + "looks", steps, x)
        back = attention(2)(m, p + "back", x, torch.tanh(steps + looks))
        return dense(3)(m, p + "last", mean(skip_padding=True)(m, None, x + back))
    return classes_case(tokens(folder, 30, 9), network)


def file_concat(folder):
    def network(m, x):
        p = "branches."
        a = F.relu6(CONV(5, 3)(m, p + "a", x))
        b = torch.sigmoid(CONV(1, 3)(m, p + "b", x))
        c = torch.tanh(dense(10)(m, p + "c", x.flatten(1)))
        d = F.max_pool2d(torch.cat([a, b], 1), 3, stride=2).flatten(1)
        d = F.silu(dense(20)(m, p + "d", d))
        return dense(5)(m, p + "dense", torch.cat([c, d], 1))
    return classes_case(arrays(folder), network)


def file_far(folder):
    images, labels = arrays(folder)

    def network(m, x):
        x = batchnorm()(m, "far.batchnorm_1", x)
        x = batchnorm()(m, "far.batchnorm_2", CONV(6, 3)(m, "far.conv2d", x))
        return dense(5)(m, "far.dense", F.relu(x).flatten(1))
    return classes_case(((images * 255).round() + 20000, labels), network)
