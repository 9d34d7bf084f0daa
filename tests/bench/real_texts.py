"""Rows of real_data.py that read texts."""

import os

from real_common import Netc


def reviews(name, epochs):
    def row(options, folder):
        data, netc = os.path.join(options.data, "imdb"), Netc(options, name, folder)
        seconds = netc.train(data, options.epochs or epochs)
        return ("accuracy", netc.eval(data)["accuracy"], 0.86, seconds, None)
    return row
