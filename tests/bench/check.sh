#!/usr/bin/env bash
# check.sh -- `make bench` for a moment and without PyTorch: a row for each number of threads, and
# every key in bench.json; null, and why, where there is nothing to say. What is made of PyTorch's
# answers: tests/bench/test_bench.py.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"

if ! command -v python3 >/dev/null; then
    skip "bench: there is no python3"
    finish
    exit
fi
check "bench" python3 "$root/tests/bench/bench.py" --netc "$netc" --out "$scratch/bench.json" \
    --models cnet --rounds 1 --turn 0.01 --variants ""
check "bench.json" python3 - "$scratch/bench.json" <<'END'
import json, sys
rows = json.load(open(sys.argv[1]))
keys = """model batch threads netc_ms torch_eager_ms torch_channels_last_ms torch_compile_ms ratio
          peak_share netc_peak_mb torch_peak_mb note""".split()
assert [(r["batch"], r["threads"]) for r in rows] == [(64, 1), (64, 2), (128, 1), (128, 2)], rows
for row in rows:
    for key in keys:
        assert key in row, key
    assert row["model"] == "cnet" and row["netc_ms"] > 0 and row["netc_peak_mb"] > 0, row
    assert row["peak_share"] > 0, row
    assert row["torch_eager_ms"] is None and row["ratio"] is None, row
    assert row["note"] == "eager: not asked for; channels_last: not asked for; " \
                          "compile: not asked for", row
END
for case in row_of_the_best row_without_torch reasons table tables others zoo_rows workers \
            workers_end_with_a_failure workers_end_with_a_signal; do
    check "bench: $case" python3 "$root/tests/bench/test_bench.py" "$case"
done
check "inference.py" sh -c 'python3 "$1/tests/bench/inference.py" --netc "$2" --variants "" \
    --rounds 1 --turn 0.01 --batches 2 --threads 1 cnet | grep "^| .cnet. | 2 | 1 | [0-9]"' \
    - "$root" "$netc"
if python3 -c 'import torch, numpy' 2>/dev/null; then
    check "bench: decisions" python3 "$root/tests/bench/test_bench.py" decisions
    check "bench: sections" python3 "$root/tests/bench/test_bench.py" sections
    check "zoo.py" python3 "$root/tests/bench/zoo.py" --netc "$netc" --no-steps --gradcheck 20 \
        mixture_density
fi
finish
