"""The networks of models/zoo as a user of PyTorch would write them: a function a network, named
like its file, gives the module and the loss of its output and the targets. Inputs and targets are
those of the file, in their order. Layers are registered in the order in which the file's network
has them, so that the weights of one are those of the other."""

from . import light_pictures, pictures, pixels, series, tables, texts

FAMILIES = [pictures, light_pictures, pixels, texts, series, tables]


def find(name):
    """The function, or None."""
    return next((getattr(family, name) for family in FAMILIES if hasattr(family, name)), None)
