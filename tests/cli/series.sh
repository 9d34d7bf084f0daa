#!/usr/bin/env bash
# series.sh -- series, from files to a prediction: windows of rows, and what is ahead of them.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

# two files; the next value is that of the day four rows before
days() {
    awk -v first="$1" -v rows="$2" 'BEGIN {
        kind[0] = "low"; kind[1] = "mid"; kind[2] = "high"; kind[3] = "mid"
        print "when,value,other,kind"
        for (i = first; i < first + rows; i++)
            printf "2024-02-%02d %02d:00,%g,%g,%s\n", i / 6 + 1, i * 4 % 24, i % 4 * 10 + 5,
                (i * 7) % 5, kind[i % 4]
    }'
}
days 0 80 >part_1.csv
days 80 40 >part_2.csv
cat >days.net <<'END'
data {
    train      = csv("part_*.csv")
    test       = holdout(0.25)
    validation = holdout(0.25)

    input  past[2, 4] = columns(["value", "other"]) -> standardize -> window(4)
    input  kinds      = column("kind") -> classes(3) -> window(4)
    input  when[2, 3] = column("when") -> date(day, hour) -> standardize -> window(3)
    input  day        = column("when") -> date(weekday) -> classes(7)
    input  bin        = column("value") -> clip(most=40) -> quantiles(3) -> classes(3)
    input  known      = column("kind") -> one_hot(3) -> ahead(1)
    target next       = column("value") -> standardize -> ahead(1..3)
}

network days(past, kinds, when, day, bin, known) {
    concat(past -> flatten, kinds -> embedding(2) -> flatten, when -> flatten, day -> embedding(2),
           bin -> embedding(2), known) -> dense(3)
}

train {
    loss      = mse(days(past, kinds, when, day, bin, known), next)
    optimizer = adam(lr=0.05)
    batch     = 16
    epochs    = 40
    metrics   = [mae]
}
END
build days days.net
check "days trains" ./days train --out run --quiet --threads 1
holds "days: what comes is known" "$(final run test mae)" "<" 1e-2
check "days: gradcheck" ./days gradcheck
sed "s/day, hour) -> standardize -> window(3)/& -> noise(1)/" days.net >noisy.net
"$netc" noisy.net --emit-c | sed -n '/field_3_steps\[\]/,/;$/p' | grep -o '"date"\|"noise"' >steps
check "noise behind a date is the last step, where it is looked for" \
    [ "$(tr '\n' ' ' <steps)" = '"date" "noise" ' ]
check "days: a library" "$netc" days.net --library -o lib
check "whose header has the steps as they were written" bash -c 'sed -n \
    "/from when:/,/^ \*   [a-z]/s/^ \*       \([a-z]*\)[(:].*/\1/p" lib/days.h | tr "\n" " " |
    grep -qx "date standardize window date classes "'
for rows in "train 55" "validation 11" "test 18"; do
    check "days: $rows windows" grep -q "\"${rows% *}\": {\"rows\": ${rows#* }," \
        run/preparation.json
done
check "days: half of a run" ./days train --out half --quiet --threads 2 --epochs 20
check "days: the other half" ./days train --resume half --quiet --threads 2 --epochs 40
check "days: the same weights" cmp run/model.safetensors half/model.safetensors

# the rows behind a file's last are what is asked for: the file needs none of them but the input's
days 3 10 >new.csv
check "days: rows of a file" bash -c \
    './days predict new.csv --weights run --format csv --digits 0 >new.txt'
check "days: each window and the row that it ends at" diff - new.txt <<'END'
value_1,value_2,value_3,row
35,5,15,3
5,15,25,4
15,25,35,5
25,35,5,6
35,5,15,7
5,15,25,8
END
check "days: rows of a pipe" bash -c \
    './days predict - --weights run --format csv --digits 0 <new.csv | cmp - new.txt'
check "days: objects" grep -q '^{"values": \[.*\], "row": 8}$' <(
    ./days predict new.csv --weights run --format json)
check "days: with truth" grep -q '^value_1,.*,truth_3,loss,row$' <(
    ./days predict new.csv --weights run --format csv --with-truth)
head -4 new.csv >short.csv
exits "days: a file without a window" 1 "error: short.csv has 3 rows, and no 5 that " \
    ./days predict short.csv --weights run
sed -i '3s/2024-02-01/2023-02-29/' new.csv
exits "days: a day that there is not" 1 "line 3 (row 1), column when: there is no such date as" \
    ./days predict new.csv --weights run
exits "days: folds" 2 "positions in time" ./days kfold 3 --out folds

finish
