#!/usr/bin/env bash
# sweep.sh -- lets of the model as flags: the same bits as a trainer that was compiled with them;
# sweeps over them and other settings.
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
    grep -qE "^half +0 +flag"'
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

# ---- every combination ---------------------------------------------------------------------------

# column SWEEP NAME: of its csv, a line a point, the best first
column() {
    awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next }
        { print $c }' "$1/sweep.csv"
}
same_points() { # of two sweeps: the weights of each
    local point
    for point in "$1"/point_*; do
        cmp "$point/model.safetensors" "$2/${point##*/}/model.safetensors" || return 1
    done
}

check "a sweep" bash -c './lets sweep speed=0.01,0.05,1e6 momentum=0.5,0.9 --out grid >grid.txt \
    2>grid.log'
check "its csv" [ "$(head -n 1 grid/sweep.csv)" = "speed,momentum,validation_loss,\
validation_accuracy,train_loss,train_accuracy,epochs,best_epoch,seconds,folder,status" ] ||
    head -n 1 grid/sweep.csv
check "has a line a point" [ "$(wc -l <grid/sweep.csv)" = 7 ]
check "the best first" sort -cg <(column grid validation_loss | head -n 4)
check "diverged points are rows" [ "$(column grid status | sort | uniq -c | tr -s ' \n' ' ')" = \
    " 2 diverged 4 finished " ]
check "the table is on stdout" [ "$(grep -c point_ grid.txt)" = 6 ]
check "a line a point on stderr" [ "$(grep -cE '^[1-6] of 6  speed=.* momentum=' grid.log)" = 6 ]
check "the page compares them" grep -q "ranked by validation_loss" grid/report.html
check "and says what points are" \
    grep -q '>point_1: lr 0.01, momentum 0.5, speed 0.01<' grid/report.html
check "the test part is not among them" bash -c '! grep -q test grid/sweep.csv'
check "a point is a run" ./lets --speed 0.05 --momentum 0.9 --out alone --quiet
check "with the same bits" cmp alone/model.safetensors grid/point_4/model.safetensors
read -r -a command < <(sed -n 's/^  "command": "\(.*\)",$/\1/p' grid/point_4/run.json)
check "its command makes it again" ./lets "${command[@]}" --out again --quiet
check "to the bit" cmp again/model.safetensors grid/point_4/model.safetensors

# ---- points that are spelled out, draws, halving -------------------------------------------------

check "points" bash -c './lets sweep --points "speed=.05 momentum=.9; rate=0" --out spelled --json \
    --quiet >spelled.jsonl'
check "as objects what sweep.csv has" python3 - <<'PYTHON'
import csv, json
with open("spelled/sweep.csv") as rows, open("spelled.jsonl") as lines:
    for row, line in zip(csv.DictReader(rows), lines, strict=True):
        told = json.loads(line)
        assert list(told) == list(row), (told, row)
        for name, cell in row.items():
            is_text = name in ("folder", "status")
            assert told[name] == (cell if is_text else float(cell) if cell else None), (told, row)
        with open("spelled/" + told["folder"] + "/run.json") as run:
            final = json.load(run)["final"]
        for part in ("validation", "train"):
            for name, number in final[part].items():
                assert abs(told[part + "_" + name] - number) <= 5e-9 * abs(number), (told, final)
PYTHON
./lets sweep epochs=0,1 --out numbered --quiet >numbered.txt
check "no column twice" grep -q '^epochs,valid.*,run_epochs,best_epoch,sec' numbered/sweep.csv
check "what a point does not say is the model's" cmp spelled/point_1/model.safetensors \
    alone/model.safetensors
drawn=('speed=log(1e-3,0.5)' 'rate=uniform(0,0.5)' 'batch=uniform(8,32)' momentum=0,0.9)
check "draws" ./lets sweep "${drawn[@]}" --trials 5 --epochs 1 --out drawn --quiet
check "the same ones by the same seed" ./lets sweep "${drawn[@]}" --trials 5 --epochs 1 \
    --out twice --quiet
check "each" cmp <(cut -d, -f1-8 drawn/sweep.csv) <(cut -d, -f1-8 twice/sweep.csv)
check "other ones by another" ./lets sweep "${drawn[@]}" --trials 5 --epochs 1 --seed 1 \
    --out twice --force --quiet
check "all other" [ -z "$(comm -12 <(column drawn speed | sort) <(column twice speed | sort))" ]
check "in their range" awk '$1 < 1e-3 || $1 > 0.5 { exit 1 }' <(column drawn speed)
check "whole ones whole" bash -c '! grep -q "[.]" <<<"$0"' "$(column drawn batch)"
check "halving" ./lets sweep "${drawn[@]}" --trials 6 --epochs 8 --halving --out halves --quiet
check "of 6 points 3 go on, 2, and 1" [ "$(column halves epochs | sort -n | tr '\n' ' ')" = \
    "1 1 1 2 4 8 " ]

# ---- stopped, killed, out of time ----------------------------------------------------------------

long=(speed=0.01,0.05 momentum=0.5,0.9 --epochs 60)
check "a whole sweep" ./lets sweep "${long[@]}" --out whole --quiet
for signal in KILL TERM; do
    rm -rf cut
    ./lets sweep "${long[@]}" --out cut --quiet 2>cut.log &
    until [ -s cut/point_2/run.json ] || ! kill -0 $!; do sleep 0.01; done
    kill -$signal $! 2>/dev/null
    wait $! 2>/dev/null
    check "SIG$signal ends it before its end" [ ! -s cut/point_4/model.safetensors ]
    for ((i = 0; i < 100; i++)); do # the point that ran saves, and lets go of the folder
        ./lets sweep --resume cut --quiet >resumed.txt 2>resumed.log && break
        grep -q "another process trains" resumed.log || break
        sleep 0.05
    done
    check "SIG$signal: it goes on to the same bits" same_points whole cut
    check "and the same table" cmp <(cut -d, -f1-8 whole/sweep.csv) <(cut -d, -f1-8 cut/sweep.csv)
done
check "how to go on is said" grep -q "sweep --resume cut" cut.log
exits "no time at all" 0 "go on with: .* sweep --resume short" ./lets sweep "${long[@]}" \
    --out short --time 0.001s
check "its points are rows" [ "$(column short status | sort -u)" = "not begun" ]
check "it goes on" ./lets sweep --resume short --quiet
check "to the same bits, too" same_points whole short

check "time that is up in the middle" ./lets sweep "${long[@]}" --out middle --time 0.1s --quiet
check "and more of it" ./lets sweep --resume middle --time 1h --quiet
check "no bit is another" same_points whole middle
exits "a disk that is full" 1 "point_1: lets: error: .*cut short/point_1" \
    bash -c 'ulimit -f 40; ./lets sweep "$@" --out "cut short"' - "${long[@]}"
exits "is no harm to what is there" 0 "The sweep is in cut short" ./lets sweep --resume "cut short"
check "it ends with the same bits" same_points whole "cut short"

# ---- what is refused, before anything runs -------------------------------------------------------

exits "a folder with a sweep" 2 "cut is a run already: --resume cut" ./lets sweep lr=0.1 --out cut
exits "a folder with a run" 2 "alone is a run already" ./lets sweep lr=0.1 --out alone
exits "other points" 2 "keeps its points" ./lets sweep --resume cut lr=0.1
exits "other settings" 2 "epochs: a sweep that is resumed keeps" \
    ./lets sweep --resume cut --epochs 3
exits "a run as a sweep" 1 "there is no sweep.json" ./lets sweep --resume alone
refuses() { # refuses PATTERN WORD...
    local pattern=$1
    shift
    exits "$*" 2 "$pattern" ./lets sweep "$@" --out none
}
refuses "do you mean momentum?" momentun=0.1
refuses "do you mean rate?" ratee=0.1
refuses "netc --define units=VALUE" units=3,4
refuses "rate wants a number from 0 to 0.99999988" rate=0.5,1
refuses "0.1 stands there twice" lr=0.1,0.1
refuses "lr is varied, and --lr" lr=0.1 --lr 3
refuses "rate is drawn: --trials" "rate=uniform(0,0.5)"
refuses "expected log(LOW, HIGH)" "rate=log(0,0.5)" --trials 3
refuses "momentum does not apply to adagrad" optimizer=sgd,adagrad momentum=0.5,0.9 --lr 0.1
refuses "wants what to vary" --epochs 3
refuses "90s, 10m or 2h" lr=0.1 --time 3x
refuses "expected NAME=VALUE" --points "lr 0.1"
check "no folder is made" [ ! -e none ]
sed '/validation *=/d' lets.net >blind.net
build blind blind.net
exits "no validation part" 2 "has none: .validation = holdout(0.1)" ./blind sweep lr=0.1 --out none

finish
