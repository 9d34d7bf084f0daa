"""Networks of words and letters: recurrent, convolutional, attentive, and of counts."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from .layers import Call, Encoder, Positions, binary, causal_mask, padding_of


class Reader(nn.Module):
    """The last states of a recurrent layer over the words, without the padding."""

    def __init__(self, kind, bidirectional=False):
        super().__init__()
        self.words = nn.Embedding(10000, 64, padding_idx=0)
        self.recurrent = kind(64, 128, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(256 if bidirectional else 128, 128),
                                  nn.ReLU(), nn.Linear(128, 1))

    def forward(self, review):
        x = self.words(review)
        padding = padding_of(review)
        if padding is not None:
            x = pack_padded_sequence(x, (~padding).sum(1), True, enforce_sorted=False)
        _, state = self.recurrent(x)
        last = state[0] if isinstance(state, tuple) else state
        return self.head(torch.cat(list(last), 1))


def imdb_lstm():
    return Reader(nn.LSTM), binary


def imdb_gru():
    return Reader(nn.GRU), binary


def imdb_bilstm():
    return Reader(nn.LSTM, bidirectional=True), binary


def mean_of_words(x, padding):
    """Over the length of [batch, length, width]."""
    if padding is None:
        return x.mean(1)
    return x.masked_fill(padding.unsqueeze(2), 0).sum(1) / (~padding).sum(1, keepdim=True)


class MeanReader(nn.Module):
    """The mean of the states of an lstm over the words, without the padding behind them."""

    def __init__(self):
        super().__init__()
        self.words, self.recurrent = nn.Embedding(10000, 32), nn.LSTM(32, 64, batch_first=True)
        self.drop, self.head = nn.Dropout(0.3), nn.Sequential(nn.Dropout(0.5), nn.Linear(64, 1))

    def forward(self, review):
        states, _ = self.recurrent(self.drop(self.words(review)))
        return self.head(mean_of_words(states, padding_of(review)))


def imdb_lstm_mean():
    return MeanReader(), binary


class Reviewer(nn.Module):
    def __init__(self, length):
        super().__init__()
        self.words = nn.Embedding(10000, 128, padding_idx=0)
        self.positions = Positions(length, 128)
        self.drop = nn.Dropout(0.1)
        self.encoder = nn.ModuleList(Encoder(128, 4, p=0.1) for _ in range(4))
        self.norm, self.out = nn.LayerNorm(128), nn.Linear(128, 1)

    def forward(self, review):
        padding = padding_of(review)
        x = self.drop(self.positions(self.words(review)))
        for block in self.encoder:
            x = block(x, padding)
        return self.out(mean_of_words(self.norm(x), padding))


def imdb_transformer(length=512):
    return Reviewer(length), binary


class WideHead(nn.Module):
    """A head of attention that is as wide as its input."""

    def __init__(self, width):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x):
        return F.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x))


class SmallReviewer(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.words, self.positions = nn.Embedding(20000, width), Positions(200, width)
        self.heads = nn.ModuleList(WideHead(width) for _ in range(2))
        self.mix, self.norm = nn.Linear(2 * width, width), nn.LayerNorm(width, 1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, width))
        self.mlp_norm, self.drop = nn.LayerNorm(width, 1e-6), nn.Dropout(0.1)
        self.out = nn.Sequential(nn.Dropout(0.1), nn.Linear(width, 20), nn.ReLU(), nn.Dropout(0.1),
                                 nn.Linear(20, 2))

    def forward(self, review):
        x = self.positions(self.words(review))
        x = self.norm(x + self.drop(self.mix(torch.cat([head(x) for head in self.heads], 2))))
        return self.out(self.mlp_norm(x + self.drop(self.mlp(x))).mean(1))


def imdb_encoder():
    return SmallReviewer(), F.cross_entropy


class FastText(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(200002, 10, padding_idx=0)
        self.out = nn.Linear(10, 2, bias=False)

    def forward(self, review):
        return self.out(mean_of_words(self.words(review), padding_of(review)))


def fasttext():
    return FastText(), F.cross_entropy


class TextCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(20002, 300)
        self.windows = nn.ModuleList(nn.Conv1d(300, 100, k) for k in (3, 4, 5))
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(300, 2))

    def forward(self, review):
        x = self.words(review).transpose(1, 2)
        return self.head(torch.cat([F.relu(w(x)).max(2).values for w in self.windows], 1))


def textcnn():
    return TextCnn(), F.cross_entropy


class PyramidPair(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.ReLU(), nn.Conv1d(250, 250, 3, padding=1),
                                  nn.ReLU(), nn.Conv1d(250, 250, 3, padding=1))

    def forward(self, x):
        return x + self.body(x)


def dpcnn():
    layers = [nn.Embedding(20002, 300), Call(lambda x: x.transpose(1, 2)),
              nn.Conv1d(300, 250, 3, padding=1), PyramidPair()]
    for _ in range(5):
        layers += [nn.MaxPool1d(3, 2, 1), PyramidPair()]
    return nn.Sequential(*layers, nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Dropout(0.5),
                         nn.Linear(250, 2)), F.cross_entropy


class NGrams(nn.Module):
    """The word behind some others, by a hidden layer and directly."""

    def __init__(self, words=16383, before=4, width=30):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.direct = nn.Linear(before * width, words, bias=False)
        self.hidden = nn.Sequential(nn.Linear(before * width, 100), nn.Tanh(),
                                    nn.Linear(100, words))

    def forward(self, before):
        x = self.words(before).transpose(1, 2).flatten(1)
        return self.direct(x) + self.hidden(x)


def neural_lm():
    return NGrams(), F.cross_entropy


class CharRnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.letters = nn.Embedding.from_pretrained(torch.eye(65))
        self.lstm, self.out = nn.LSTM(65, 128, 2, batch_first=True), nn.Linear(128, 65)

    def forward(self, letters):
        states, _ = self.lstm(self.letters(letters))
        return self.out(states).transpose(1, 2)     # [batch, class, position], as cross_entropy's


def char_rnn():
    return CharRnn(), F.cross_entropy


class Gpt(nn.Module):
    def __init__(self, letters=66, length=128, width=48, p=0.1):
        super().__init__()
        self.letters = nn.Embedding(letters, width)
        self.positions = Positions(length, width)
        self.drop = nn.Dropout(p)
        self.decoder = nn.ModuleList(Encoder(width, 3, p, p, gelu="tanh") for _ in range(3))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, letters, bias=False)
        self.register_buffer("mask", causal_mask(length))

    def forward(self, letters):
        x = self.drop(self.positions(self.letters(letters)))
        for block in self.decoder:
            x = block(x, causal=self.mask)
        return self.out(self.norm(x)).transpose(1, 2)


def gpt_nano():
    return Gpt(), F.cross_entropy


def waves(length, width):
    """[length, width]: sines of the position, and cosines beside them."""
    angles = torch.arange(length).unsqueeze(1) / 10000 ** (torch.arange(0, width, 2) / width)
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)


class PostNorm(nn.Module):
    """Attention, in a decoder over a memory too, and dense layers, each normalized at its end."""

    def __init__(self, of_decoder, width=256, heads=4, p=0.2):
        super().__init__()
        self.looks = nn.ModuleList()        # attention and its norm, again over the memory
        for _ in range(1 + of_decoder):
            self.looks.append(nn.MultiheadAttention(width, heads, p, bias=False, batch_first=True))
            self.looks.append(nn.LayerNorm(width))
        self.wide = nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, width))
        self.last, self.drop = nn.LayerNorm(width), nn.Dropout(p)

    def forward(self, x, padding, memory=None, causal=None):
        for look, norm, own in zip(self.looks[::2], self.looks[1::2], (True, False)):
            seen, mask = (x, causal) if own else (memory, None)
            skipped = None if mask is not None else padding     # a decoder's words have no padding
            y, _ = look(x, seen, seen, skipped, False, mask, is_causal=mask is not None)
            x = norm(x + self.drop(y))
        return self.last(x + self.drop(self.wide(x)))


class Half(nn.Module):
    """The encoder, or the decoder up to its words."""

    def __init__(self, of_decoder, words=10000, length=20, width=256):
        super().__init__()
        self.words = nn.Embedding(words, width, padding_idx=0)
        self.positions = Positions(length, width)
        self.positions.weight = nn.Parameter(waves(length, width), requires_grad=False)
        self.layers = nn.ModuleList(PostNorm(of_decoder) for _ in range(2))
        self.drop = nn.Dropout(0.2)

    def forward(self, words, padding, *others):
        x = self.drop(self.positions(16 * self.words(words)))
        for layer in self.layers:
            x = layer(x, padding, *others)
        return x


class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder, self.out = Half(False), Half(True), nn.Linear(256, 10000)
        self.register_buffer("causal", causal_mask(20))

    def forward(self, sentence, late):
        padding = padding_of(sentence)
        y = self.decoder(late, padding, self.encoder(sentence, padding), self.causal)
        return self.out(y).transpose(1, 2)


def transformer_translate():
    return Translator(), lambda out, words: F.cross_entropy(out, words, ignore_index=0)


class GruCell(nn.Module):
    """nn.GRUCell with the weights of a layer's input, and its bias, before those of its state."""

    def __init__(self, inputs, units):
        super().__init__()
        self.of_x, self.of_h = nn.Linear(inputs, 3 * units), nn.Linear(units, 3 * units)

    def forward(self, x, h):
        return torch.gru_cell(x, h, self.of_x.weight, self.of_h.weight, self.of_x.bias,
                              self.of_h.bias)


class GruTranslator(nn.Module):
    def __init__(self, units=128):
        super().__init__()
        self.sentence, self.drop = nn.Embedding(4601, units), nn.Dropout(0.1)
        self.encoder = nn.GRU(units, units, batch_first=True)
        self.late, self.decoder = nn.Embedding(2991, units), GruCell(units, units)
        self.out = nn.Linear(units, 2991)

    def forward(self, sentence, late):
        x, count = self.drop(self.sentence(sentence)), (sentence != 0).sum(1)
        _, state = self.encoder(pack_padded_sequence(x, count, True, enforce_sorted=False))
        h, states = state[0], []
        for x in F.relu(self.late(late)).unbind(1):
            h = self.decoder(x, h)
            states.append(h)
        return self.out(torch.stack(states, 1)).transpose(1, 2)


def seq2seq_gru():
    return GruTranslator(), lambda out, words: F.cross_entropy(out, words, ignore_index=0)


def multilabel_news():
    return nn.Sequential(nn.Linear(25000, 1000), nn.ReLU(), nn.Dropout(0.5),
                         nn.Linear(1000, 103)), F.binary_cross_entropy_with_logits
