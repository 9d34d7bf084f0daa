"""Networks of tables: numbers, categories, users and what they chose."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from .layers import Positions, binary, causal_mask


def relu_dense(*widths):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class DeepFm(nn.Module):
    def __init__(self, features=1000000, fields=39):
        super().__init__()
        self.vectors, self.first = nn.Embedding(features, 10), nn.Embedding(features, 1)
        layers, before = [], 10 * fields
        for _ in range(3):
            layers += [nn.Linear(before, 400), nn.ReLU(), nn.Dropout(0.5)]
            before = 400
        self.deep = nn.Sequential(*layers, nn.Linear(400, 1))

    def forward(self, ids):
        v = self.vectors(ids)                       # [batch, field, 10]
        second = 0.5 * (v.sum(1).square() - v.square().sum(1)).sum(1, keepdim=True)
        deep = self.deep(v.transpose(1, 2).flatten(1))
        return self.first(ids).sum(1) + second + deep


def deepfm():
    return DeepFm(), binary


class Sales(nn.Module):
    def __init__(self):
        super().__init__()
        self.store, self.weekday = nn.Embedding(1115, 10), nn.Embedding(7, 6)
        self.promo = nn.Linear(1, 1)
        self.others = nn.ModuleList(nn.Embedding(*sizes) for sizes in
                                    ((3, 2), (12, 6), (31, 10), (12, 6)))
        self.head = nn.Sequential(relu_dense(41, 1000, 500), nn.Linear(500, 1), nn.Sigmoid())

    def forward(self, store, weekday, promo, *others):
        return self.head(torch.cat([self.store(store), self.weekday(weekday), self.promo(promo),
                                    *[e(x) for e, x in zip(self.others, others)]], 1))


def entity_embeddings():
    return Sales(), lambda out, sales: F.l1_loss(out.flatten(), sales)


def credit_fraud():
    def focal(logit, fraud, alpha=0.75, gamma=2):
        logit = logit.flatten()
        p = torch.where(fraud == 1, logit, -logit).sigmoid()        # of what is right
        weight = torch.where(fraud == 1, alpha, 1 - alpha) * (1 - p) ** gamma
        return (weight * F.binary_cross_entropy_with_logits(logit, fraud, reduction="none")).mean()
    layers = [nn.Linear(30, 256), nn.ReLU()]
    for _ in range(2):
        layers += [nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.3)]
    return nn.Sequential(*layers, nn.Linear(256, 1)), focal


class Rate(nn.Linear):
    """Of Poisson's distribution: a linear model's exp."""

    def forward(self, *inputs):
        return super().forward(torch.cat(inputs, 1)).exp().flatten()


def claims_poisson():
    return Rate(75, 1), lambda rate, claims: F.poisson_nll_loss(rate, claims, log_input=False)


class Factors(nn.Module):
    def __init__(self):
        super().__init__()
        self.user, self.film = nn.Embedding(943, 30), nn.Embedding(1682, 30)
        self.user_bias, self.film_bias = nn.Embedding(943, 1), nn.Embedding(1682, 1)

    def forward(self, user, film):
        product = (self.user(user) * self.film(film)).sum(1, keepdim=True)
        return product + self.user_bias(user) + self.film_bias(film)


def matrix_factorization():
    network = Factors()

    def loss(out, rating):
        size = network.user.weight.square().sum() + network.film.weight.square().sum()
        return F.mse_loss(out.flatten(), rating) + 1e-6 * size
    return network, loss


class NeuMf(nn.Module):
    def __init__(self):
        super().__init__()
        self.user, self.film = nn.Embedding(943, 16), nn.Embedding(1682, 16)
        self.deep_user, self.deep_film = nn.Embedding(943, 48), nn.Embedding(1682, 48)
        self.deep, self.out = relu_dense(96, 48, 24, 16), nn.Linear(32, 1)

    def forward(self, user, film):
        deep = self.deep(torch.cat([self.deep_user(user), self.deep_film(film)], 1))
        return self.out(torch.cat([self.user(user) * self.film(film), deep], 1))


def neumf():
    return NeuMf(), binary


def mixture_density():
    def density(out, x):
        logits, mu, log_deviation = out.chunk(3, 1)
        z = (x.unsqueeze(1) - mu) / log_deviation.exp()
        return (logits.logsumexp(1)
                - (logits - log_deviation - 0.5 * z.square()).logsumexp(1)).mean()
    return nn.Sequential(nn.Linear(1, 20), nn.Tanh(), nn.Linear(20, 9)), density


class Experts(nn.Module):
    def __init__(self, experts=8, units=4):
        super().__init__()
        self.units = units
        gates, heads = ([make() for _ in range(2)] for make in (
            lambda: nn.Linear(499, experts),
            lambda: nn.Sequential(nn.Linear(units, 8), nn.ReLU(), nn.Linear(8, 2))))
        self.first_gate, self.experts = gates[0], nn.Linear(499, experts * units)
        self.first_head, self.second_gate, self.second_head = heads[0], gates[1], heads[1]

    def forward(self, person):
        experts = F.relu(self.experts(person)).unflatten(1, (self.units, -1))
        return [head((experts @ gate(person).softmax(1).unsqueeze(2)).flatten(1))
                for gate, head in ((self.first_gate, self.first_head),
                                   (self.second_gate, self.second_head))]


def mmoe_census():
    return Experts(), lambda out, income, married: (F.cross_entropy(out[0], income)
                                                    + F.cross_entropy(out[1], married))


class Quantiles(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(13, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh())
        self.heads = nn.ModuleList(nn.Linear(24, 1) for _ in range(3))

    def forward(self, features):
        y = self.body(features)
        return torch.cat([head(y) for head in self.heads], 1)


def quantiles_boston():
    def loss(out, price):
        e, q = price.unsqueeze(1) - out, out.new_tensor([0.5, 0.1, 0.9])
        return torch.maximum(q * e, (q - 1) * e).mean(0).sum()
    return Quantiles(), loss


class History(nn.Module):
    """A block of SASRec: a skip round the attention and one round two dense layers."""

    def __init__(self, width, p):
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-8)
        self.attention = nn.MultiheadAttention(width, 1, p, batch_first=True)
        self.mlp_norm = nn.LayerNorm(width, eps=1e-8)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.Dropout(p), nn.ReLU(),
                                 nn.Linear(width, width), nn.Dropout(p))

    def forward(self, x, causal):
        y = self.norm(x)
        y, _ = self.attention(y, y, y, None, False, causal, is_causal=True)
        x = x + y
        return x + self.mlp(self.mlp_norm(x))


class SasRec(nn.Module):
    def __init__(self, films=3416, width=50, length=200, p=0.2):
        super().__init__()
        self.table = nn.Embedding(films + 1, width, padding_idx=0)
        self.positions = Positions(length, width)
        self.drop = nn.Dropout(p)
        self.layers = nn.ModuleList(History(width, p) for _ in range(2))
        self.norm = nn.LayerNorm(width, eps=1e-8)
        self.register_buffer("causal", causal_mask(length))

    def forward(self, seen, liked, unknown, mask):
        mask = mask.transpose(1, 2)
        x = self.drop(self.positions(self.table(seen) * math.sqrt(50))) * mask
        for layer in self.layers:
            x = layer(x, self.causal) * mask
        taste = self.norm(x)
        return [(taste * self.table(films)).sum(2) for films in (liked, unknown)]


def sasrec():
    def loss(out, real):
        liked, unknown = out
        real = real.squeeze(1)
        return (real * F.softplus(-liked)).mean() + (real * F.softplus(unknown)).mean()
    return SasRec(), loss


class WideDeep(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = nn.Linear(49, 1)
        self.crosses = nn.ModuleList(nn.Embedding(1000, 1) for _ in range(3))
        self.job = nn.Embedding(1000, 8)
        self.deep = nn.Sequential(relu_dense(51, 100, 75, 50, 25), nn.Linear(25, 1))

    def forward(self, numbers, work, education, marital, relationship, ages, *hashed):
        kinds = torch.cat([work, education, marital, relationship], 1)
        wide = self.wide(torch.cat([kinds, ages], 1))
        for table, ids in zip(self.crosses, hashed):
            wide = wide + table(ids)
        return wide + self.deep(torch.cat([numbers, kinds, self.job(hashed[0])], 1))


def wide_deep():
    return WideDeep(), binary


def ordinal_cement():
    def loss(out, rank):
        above = (rank.unsqueeze(1) > torch.arange(1.5, 5)).to(out.dtype)
        return F.binary_cross_entropy_with_logits(out, above, reduction="sum") / len(out)
    return nn.Sequential(nn.Linear(8, 24), nn.LeakyReLU(), nn.Linear(24, 16), nn.LeakyReLU(),
                         nn.Linear(16, 1, bias=False), Positions(1, 4)), loss


def survival_metabric():
    def loss(out, failed, survived):
        return -(failed * F.logsigmoid(out) + survived * F.logsigmoid(-out)).sum(1).mean()
    layers = []
    for inputs in 9, 32:
        layers += [nn.Linear(inputs, 32), nn.ReLU(), nn.BatchNorm1d(32), nn.Dropout(0.1)]
    return nn.Sequential(*layers, nn.Linear(32, 10)), loss
