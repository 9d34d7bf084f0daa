#!/usr/bin/env python3
"""Networks of models/zoo trained on real data, beside PyTorch where a network is short there.

    real_data.py [--netc build/netc] [--data NETC_DATA] [--threads 2] [--epochs N] [ROW...]

Prints a table in Markdown: what is measured on the test rows, what netc reaches, what stands beside
it and reaches what, and both's seconds of training. Beside it are PyTorch or scikit-learn, trained
here on the same rows, a naive forecast, or the figure that is wanted. Pairs, triplets and masks are
drawn from MNIST here, folders of pictures written of CIFAR-10 (Pillow).
"""

import argparse
import os
import tempfile

import torch

from real_finetune import finetune
from real_folders import pictures
from real_made import dcgan_mnist
from real_pictures import siamese_mnist, triplet_mnist, unet, vae_mnist
from real_tables import cars, weather
from real_texts import gpt_nano, reviews

ROWS = {"vae_mnist": vae_mnist, "siamese_mnist": siamese_mnist, "triplet_mnist": triplet_mnist,
        "unet": unet, "dcgan_mnist": dcgan_mnist, "pictures": pictures, "finetune": finetune,
        "imdb_lstm_mean": reviews("imdb_lstm_mean", 2),
        "imdb_encoder": reviews("imdb_encoder", 2), "gpt_nano": gpt_nano, "weather": weather,
        "cars": cars}


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
    print("| network | measured | netc | beside it | reaches | netc s | its s |\n"
          "| --- | --- | ---: | --- | ---: | ---: | ---: |")
    for name in options.rows or ROWS:
        with tempfile.TemporaryDirectory() as folder:
            rows = ROWS[name](options, folder)
            for row in rows if isinstance(rows, list) else [rows]:
                its_seconds = "" if row.its_seconds is None else f"{row.its_seconds:.1f}"
                print(f"| `{name}` | {row.measured} | {row.netc:.4f} | {row.beside} | "
                      f"{row.reaches:.4f} | {row.seconds:.1f} | {its_seconds} |", flush=True)


if __name__ == "__main__":
    main()
