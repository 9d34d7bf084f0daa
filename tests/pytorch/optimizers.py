"""Optimizers and schedules of netc's names in PyTorch."""

import torch


def optimizer(make, **renamed):
    """A call with netc's names as a function of the parameters."""
    def call(**options):
        if options.keys() & {"beta1", "beta2"}:
            options["betas"] = options.pop("beta1", 0.9), options.pop("beta2", 0.999)
        options = {renamed.get(key, key): value for key, value in options.items()}
        return lambda parameters: make(parameters, **options)
    return call


OPTIMIZERS = {
    "sgd": optimizer(torch.optim.SGD), "adam": optimizer(torch.optim.Adam),
    "adamw": optimizer(torch.optim.AdamW), "nadam": optimizer(torch.optim.NAdam),
    "radam": optimizer(torch.optim.RAdam),
    "adamax": optimizer(torch.optim.Adamax), "rmsprop": optimizer(torch.optim.RMSprop),
    "adadelta": optimizer(torch.optim.Adadelta),
    "adagrad": optimizer(torch.optim.Adagrad, initial_accumulator="initial_accumulator_value"),
}

rates = torch.optim.lr_scheduler
SCHEDULES = {        # functions of the optimizer and the epochs that are left, or all steps
    "constant": lambda o, n: rates.ConstantLR(o, 1),
    "step": lambda size, gamma: lambda o, n: rates.StepLR(o, size, gamma),
    "multistep": lambda epochs, gamma: lambda o, n: rates.MultiStepLR(o, epochs, gamma),
    "exponential": lambda gamma: lambda o, n: rates.ExponentialLR(o, gamma),
    "cosine": lambda minimum=0, by="epoch": lambda o, n: rates.CosineAnnealingLR(o, n, minimum),
    "warmup": lambda epochs=0, steps=0: lambda o, n: rates.LinearLR(
        o, 1 / (epochs + steps), 1, epochs + steps - 1),
    "onecycle": lambda **options: lambda o, n: rates.OneCycleLR(
        o, [group["lr"] for group in o.param_groups], n, **options),
    "plateau": lambda factor, patience: lambda o, n: rates.ReduceLROnPlateau(
        o, factor=factor, patience=patience),
}


def warmup_and(o, n, first, epochs, then):
    return rates.SequentialLR(o, [first(o, n), then(o, n - epochs)], [epochs])
