"""Networks of series: sound, heartbeats, electrodes, hours."""

import torch
import torch.nn.functional as F
from torch import nn

from .layers import Call, bounded


def anomaly_ecg():
    layers, before = [], 140
    for units in 32, 16, 8, 16, 32:
        layers += [nn.Linear(before, units), nn.ReLU()]
        before = units
    return nn.Sequential(*layers, nn.Linear(32, 140), nn.Sigmoid()), F.l1_loss


class DeepAr(nn.Module):
    def __init__(self):
        super().__init__()
        self.household = nn.Embedding(370, 20)
        self.recurrent = nn.ModuleList(nn.LSTM(inputs, 40, batch_first=True)
                                       for inputs in (25, 40, 40))
        self.drop, self.out = nn.Dropout(0.1), nn.Linear(120, 2)

    def forward(self, before, calendar, household):
        past = torch.cat([before[:, :, :-1], calendar], 1)
        x = torch.cat([past.transpose(1, 2), self.household(household)], 2)
        states = []
        for lstm in self.recurrent:
            x, _ = lstm(self.drop(x) if states else x)
            states.append(x)
        return self.out(torch.cat(states, 2)).transpose(1, 2)


def deepar():
    def likelihood(out, use):
        mean, deviation = out[:, :1], F.softplus(out[:, 1:])
        return F.gaussian_nll_loss(mean, use, deviation.square())
    return DeepAr(), likelihood


class Heartbeat(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(32, 32, 5, padding=2), nn.ReLU(),
                                  nn.Conv1d(32, 32, 5, padding=2))

    def forward(self, x):
        return F.max_pool1d(F.relu(x + self.body(x)), 5, 2)


def ecg():
    return nn.Sequential(Call(lambda x: x.unsqueeze(1)), nn.Conv1d(1, 32, 5),
                         *[Heartbeat() for _ in range(5)], nn.Flatten(), nn.Linear(64, 32),
                         nn.ReLU(), nn.Linear(32, 5)), F.cross_entropy


def eegnet():
    return nn.Sequential(
        nn.Conv2d(1, 8, (1, 32), padding="same", bias=False), nn.BatchNorm2d(8),
        bounded(nn.Conv2d(8, 16, (22, 1), groups=8, bias=False), 1), nn.BatchNorm2d(16), nn.ELU(),
        nn.AvgPool2d((1, 4)), nn.Dropout(0.5),
        nn.Conv2d(16, 16, (1, 16), padding="same", groups=16, bias=False),
        nn.Conv2d(16, 16, 1, bias=False), nn.BatchNorm2d(16), nn.ELU(), nn.AvgPool2d((1, 8)),
        nn.Dropout(0.5), nn.Flatten(), bounded(nn.Linear(128, 4), 0.25)), F.cross_entropy


def forecast_cnn():
    return nn.Sequential(Call(lambda x: x[:, :, -3:]), nn.Conv1d(19, 256, 3), nn.ReLU(),
                         nn.Flatten(), nn.Linear(256, 456), nn.Unflatten(1, (19, 24))), F.mse_loss


def m5_audio():
    layers, before = [], 1
    for channels, kernel, stride in (32, 80, 16), (32, 3, 1), (64, 3, 1), (64, 3, 1):
        layers += [nn.Conv1d(before, channels, kernel, stride), nn.BatchNorm1d(channels), nn.ReLU(),
                   nn.MaxPool1d(4)]
        before = channels
    return nn.Sequential(*layers, Call(lambda x: x.mean(2)), nn.Linear(64, 35)), F.cross_entropy


class LastState(nn.LSTM):
    """Of [batch, channels, length]."""

    def forward(self, x):
        return super().forward(x.transpose(1, 2))[1][0][0]


def weather_lstm():
    return nn.Sequential(LastState(7, 32, batch_first=True), nn.Linear(32, 1)), F.mse_loss


class NBeats(nn.Module):
    def __init__(self, past=90, horizon=18):
        super().__init__()
        self.past = past
        self.blocks = nn.ModuleList()
        for _ in range(30):
            layers = []
            for inputs in past, 512, 512, 512:
                layers += [nn.Linear(inputs, 512), nn.ReLU()]
            self.blocks.append(nn.Sequential(*layers, nn.Linear(512, past + horizon)))

    def forward(self, seen):
        forecast = 0
        for block in self.blocks:
            y = block(seen)
            seen = seen - y[:, :self.past]
            forecast = forecast + y[:, self.past:]
        return forecast


def nbeats():
    def smape(forecast, ahead):
        return (200 * (forecast - ahead).abs() / (forecast.abs() + ahead.abs() + 1e-6)).mean()
    return NBeats(), smape


class Causal(nn.Conv1d):
    """As long as its input, of what was before."""

    def forward(self, x):
        return super().forward(F.pad(x, ((self.kernel_size[0] - 1) * self.dilation[0], 0)))


class Temporal(nn.Module):
    def __init__(self, inputs, channels, dilation, p):
        super().__init__()
        layers = []
        for before in inputs, channels:
            layers += [Causal(before, channels, 7, dilation=dilation), nn.ReLU(), nn.Dropout(p)]
        self.body = nn.Sequential(*layers)
        self.skip = nn.Conv1d(inputs, channels, 1) if inputs != channels else nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x))


def tcn_mnist():
    layers = [Temporal(25 if i else 1, 25, 2 ** i, 0.05) for i in range(8)]
    return nn.Sequential(nn.Flatten(2), Call(lambda x: x.flatten(1).unsqueeze(1)), *layers,
                         Call(lambda x: x[:, :, -1]), nn.Linear(25, 10)), F.cross_entropy


class Gated(nn.Module):
    def __init__(self, channels, dilation, last):
        super().__init__()
        self.signal = Causal(channels, channels, 2, dilation=dilation, bias=False)
        self.gate = Causal(channels, channels, 2, dilation=dilation, bias=False)
        self.skip = nn.Conv1d(channels, 256, 1, bias=False)
        self.back = None if last else nn.Conv1d(channels, channels, 1, bias=False)

    def forward(self, x):
        z = torch.tanh(self.signal(x)) * torch.sigmoid(self.gate(x))
        return self.skip(z), x + self.back(z) if self.back else None


class WaveNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.steps = nn.Embedding(256, 32)
        self.layers = nn.ModuleList(Gated(32, 2 ** (i % 10), i == 39) for i in range(40))
        self.head = nn.Sequential(nn.ReLU(), nn.Conv1d(256, 256, 1), nn.ReLU(),
                                  nn.Conv1d(256, 256, 1))

    def forward(self, wave):
        x, skips = self.steps(wave).transpose(1, 2), 0
        for layer in self.layers:
            skip, x = layer(x)
            skips = skips + skip
        return self.head(skips)


def wavenet():
    return WaveNet(), F.cross_entropy
