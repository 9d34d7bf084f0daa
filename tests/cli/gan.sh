#!/usr/bin/env bash
# gan.sh -- inputs that are drawn and targets that are numbers.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

cp "$root/tests/cli/gan.net" .
build gan gan.net

weights() { tail -c 3000 "$1/model.safetensors" | cksum; }

check "a run" ./gan --out run --quiet
check "on 3 threads" ./gan --out threads --threads 3 --quiet
check "the same bits" [ "$(weights run)" = "$(weights threads)" ]
check "stopped within an epoch" ./gan --out stopped --max-steps 13 --quiet
check "and resumed" ./gan --resume stopped --quiet
check "the same bits" [ "$(weights run)" = "$(weights stopped)" ]
check "and history" cmp <(cut -d, -f1-7 run/history.csv) <(cut -d, -f1-7 stopped/history.csv)
check "eval draws as validation did" \
    [ "$(./gan eval --weights run --part validation --json | grep -o '"loss": [0-9.]*')" = \
    "\"loss\": $(final run validation loss)" ]
check "gradcheck" ./gan gradcheck g.dense_2.bias
check "of rows that need no data" ./gan gradcheck --synthetic d.dense

finish
