#!/usr/bin/env bash
# sweep.sh -- lets of the model as flags: the same bits as a trainer that was compiled with them.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

cp "$root/tests/cli/lets.net" .
build lets lets.net

# ---- lets as flags -------------------------------------------------------------------------------

# what is behind the header, which knows the model
weights() { tail -c 20000 "$1/model.safetensors" | cksum; }

check "a run with lets" ./lets --rate 0.5 --l2 0.01 --smooth 0 --rare 1 --speed 0.1 --first 1 \
    --out flags --quiet
build other lets.net --define rate=0.5 --define l2=0.01 --define smooth=0 --define rare=1 \
    --define speed=0.1 --define first=1
check "a trainer that was compiled with them" ./other --out defined --quiet
check "has the same bits" [ "$(weights flags)" = "$(weights defined)" ]
check "and losses" cmp <(cut -d, -f1-6 flags/history.csv) <(cut -d, -f1-6 defined/history.csv)
sed 's/(half)/(0.1)/; s/(rate)/(0.2)/; s/l2=l2/l2=1e-3/; s|l1=l2 / 100|l1=1e-5|; s/=smooth/=0.1/
    s/=speed/=0.05/; s/\[rare/[2/; s/\[first/[2/' lets.net >literals.net
build literals literals.net
check "lets that are not set" ./lets --out unset --quiet
check "literals in their place" ./literals --out written --quiet
check "are the same bits" [ "$(weights unset)" = "$(weights written)" ]
check "and not those of others" [ "$(weights unset)" != "$(weights flags)" ]
exits "literals are no flags" 2 "compiled into this trainer" ./literals --rate 0.5

check "a let that another makes" bash -c './lets config --rate 0.5 |
    grep -qE "^half +0.25 +let, lets.net:4"'
check "is its own where it is given" bash -c './lets config --rate 0.5 --half 0 |
    grep -qE "^half +0 +given"'
check "help has them" bash -c './lets train --help |
    grep -qE -- "--rate X .*lets.net:3 +.0.2.$"'
check "run.json has them" grep -q '"rate": 0.5, "half": 0.25, "l2": 0.01, "smooth": 0' \
    flags/run.json
exits "one that makes a shape" 2 "units. is compiled into this trainer (lets.net:22); netc" \
    ./lets --units 3
exits "one that is a layer" 2 "netc --define act=VALUE" ./lets --act 3
exits "a typo" 2 "do you mean --rate?" ./lets --ratee 0.5
exits "out of range" 2 "rate wants a number from 0 to 0.99999988, not \"1\"" ./lets --rate 1
exits "a part of one" 2 "first wants a whole number from 1" ./lets --first 1.5

check "a run that is stopped" ./lets --rate 0.5 --l2 0.01 --smooth 0 --rare 1 --speed 0.1 \
    --first 1 --out stopped --max-steps 13 --quiet
check "goes on with its lets" ./lets --resume stopped --quiet
check "to the same bits" [ "$(weights flags)" = "$(weights stopped)" ]
exits "another let" 2 "rate differs: .* was trained with 0.5" ./lets --resume stopped --rate 0.4
check "eval has the loss of the run" bash -c './lets eval --weights flags --part validation --json |
    tr -d " \n" | grep -q "\"loss\":$0[,}]"' "$(final flags validation loss)"

finish
