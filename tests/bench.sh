#!/usr/bin/env bash
# bench.sh -- `make bench` for a moment and without PyTorch: a row for each number of threads, and
# every key in bench.json; null where there is nothing to say.
set -uo pipefail
. "$(dirname "$0")/shell.sh"

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
END
finish
