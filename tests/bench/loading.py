"""loading.py -- what reading real data costs a step: its time with batches that are there, what
preparing one costs the helper thread, the step's time meanwhile, and the share of it spent waiting.
"""

import os

from turns import compile_trainer, run_bench

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# the .net file, the folder of its data
CASES = [("mnist_conv", "mnist"), ("mnist_denoise", "mnist"),
         ("cifar10_lenet5", "cifar-10-batches-bin"), ("cifar10_resnet18", "cifar-10-batches-bin"),
         ("imdb_embedding_conv", "imdb"), ("imdb_bow_l2", "imdb")]
STEPS = {"cifar10_resnet18": 10}
MANY_STEPS = 400


def show(options, folder):
    found = [(name, os.path.join(options.data, data)) for name, data in CASES
             if os.path.isdir(os.path.join(options.data, data))]
    if not found:
        print(f"\nWaiting for data: none of the data sets is in {options.data} (--data, or "
              "NETC_DATA)")
        return
    print(f"\n{'real rows':24} {'thr':>3} {'ready ms':>9} {'helper ms':>9} "
          f"{'step ms':>9} {'waiting':>8}")
    for name, data in found:
        trainer = os.path.join(folder, name)
        compile_trainer(options.netc, os.path.join(ROOT, "models", name + ".net"), trainer)
        for threads in options.threads:
            result = run_bench(trainer, "--data", data, "--threads", threads, "--steps",
                               STEPS.get(name, MANY_STEPS))
            print(f"{name:24} {threads:3} {result['step_ms']:9.3f} {result['preparing_ms']:9.3f} "
                  f"{result['loaded_step_ms']:9.3f} {100 * result['waiting_share']:7.2f}%",
                  flush=True)
        os.remove(trainer)
