#!/usr/bin/env python3
"""Networks of models/zoo trained on real data, beside PyTorch where a network is short there.

    real_data.py [--netc build/netc] [--data NETC_DATA] [--threads 2] [--epochs N] [ROW...]

Prints a table: what is measured on the test rows, what netc and PyTorch reach, and their seconds
of training. Pairs, triplets and masks are drawn from MNIST here. A row without PyTorch is to reach
the figure of the last column; beside a series and a table stand a naive forecast and scikit-learn.
"""

import argparse
import os
import tempfile

import torch

from real_pictures import siamese_mnist, triplet_mnist, unet, vae_mnist
from real_tables import cars, weather
from real_texts import reviews

ROWS = {"vae_mnist": vae_mnist, "siamese_mnist": siamese_mnist, "triplet_mnist": triplet_mnist,
        "unet": unet, "imdb_lstm": reviews("imdb_lstm", 5),
        "imdb_transformer": reviews("imdb_transformer", 8), "weather": weather, "cars": cars}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--data", default=os.environ.get("NETC_DATA"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, help="of each row, in place of its own")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    options = parser.parse_args()
    if not options.data:
        parser.error("--data or NETC_DATA names the folder of the data sets")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(f"{'network':18} {'measured':28} {'netc':>9} {'PyTorch':>9} {'netc s':>8} "
          f"{'PyTorch s':>9}")
    for name in options.rows or ROWS:
        with tempfile.TemporaryDirectory() as folder:
            what, reached, beside, seconds, torch_seconds = ROWS[name](options, folder)
        wanted = f"{beside:9.4f}" if torch_seconds else f">={beside:7.2f}"
        print(f"{name:18} {what:28} {reached:9.4f} {wanted} {seconds:8.1f} "
              f"{torch_seconds or float('nan'):9.1f}", flush=True)


if __name__ == "__main__":
    main()
