#!/usr/bin/env bash
# losses.sh -- a loss of several terms, with a target each: what a run tells of them, what is
# watched, how it goes on, evaluates and predicts.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

awk 'BEGIN {
    print "a,b,c,d,kind,u,v"
    for (i = 0; i < 300; i++) {
        for (j = 0; j < 4; j++) {
            s = (s * 16807 + 11) % 2147483647
            x[j] = s / 1073741823.5 - 1
        }
        kind = x[0] > 0.4 ? "three" : x[1] > 0 ? "two" : "one"
        printf "%.5f,%.5f,%.5f,%.5f,%s,%.5f,%.5f\n", x[0], x[1], x[2], x[3], kind,
            x[0] + x[2], 2 * x[1] - x[3]
    }
}' >heads.csv
cp "$root/tests/cli/heads.net" .
build heads heads.net

weights() { tail -c 3000 "$1/model.safetensors" | cksum; }

check "a run" ./heads --out run --quiet
columns=epoch
for part in train validation; do
    for name in loss accuracy mae_place loss_kind loss_place; do columns+=,${part}_$name; done
done
check "history.csv has the terms" grep -q "^$columns," run/history.csv
for part in train validation test; do
    sum=$(awk -v a="$(final run $part loss_kind)" -v b="$(final run $part loss_place)" \
        'BEGIN { printf "%.12g", a + 0.3 * b }')
    off=$(awk -v a="$sum" -v b="$(final run $part loss)" \
        'BEGIN { d = a - b; print d < 0 ? -d : d }')
    holds "the loss of $part is their sum, off by" "$off" "<" 1e-9
done
check "report.html tells of them" grep -q loss_place run/report.html
check "on 3 threads" ./heads --out threads --threads 3 --quiet
check "the same bits" [ "$(weights run)" = "$(weights threads)" ]
check "stopped within an epoch" ./heads --out stopped --max-steps 17 --quiet
check "and resumed" ./heads --resume stopped --quiet
check "the same bits" [ "$(weights run)" = "$(weights stopped)" ]
check "and history" cmp <(cut -d, -f1-11 run/history.csv) <(cut -d, -f1-11 stopped/history.csv)

check "another factor is a flag" ./heads --share 0 --out none --quiet
check "nothing of a term is trained on" \
    [ "$(final none test loss)" = "$(final none test loss_kind)" ]
check "a factor in the text" bash -c "sed 's/share \*/0.5 */' heads.net >half.net"
build half half.net
check "a run of it" ./half --out half.run --quiet
check "a flag of the same" ./heads --share 0.5 --out flag.run --quiet
check "has the same bits" [ "$(weights half.run)" = "$(weights flag.run)" ]

check "a term is watched" ./heads --monitor loss_place --out watched --quiet
check "and named" grep -q '"monitor": "loss_place"' watched/run.json
sed 's/monitor=mae_place/monitor=loss_plce/' heads.net >typo.net
exits "one that is not there" 1 "did you mean .loss_place" "$netc" --check typo.net

check "gradcheck" ./heads gradcheck
check "mae(place) is kept by" grep -q '"monitor": "mae_place"' run/run.json
./heads eval --weights run --json >eval.json
check "a metric of another target" grep -q "\"mae_place\": $(final run test mae_place)," eval.json
check "in the units of its data" grep -qE '"targets": \{"place": \{"mse": .*"in_units": \{"mse"' \
    eval.json
check "which is its loss" awk -v a="$(final run test loss_place)" \
    -v b="$(sed 's/.*"place": {"mse": \([^,]*\).*/\1/' eval.json)" \
    'BEGIN { exit !(a > 0.001 && a - b < 1e-6 && b - a < 1e-6) }'
./heads eval --weights run >eval.txt
check "and its report" grep -q "^Of place:" eval.txt
check "in report.html too" grep -q 'id="predicted_place"' run/report.html
check "eval of a file" bash -c './heads eval heads.csv --weights run --json |
    grep -q "\"loss_place\": "'
cut -d, -f1-4 heads.csv >inputs.csv
check "ONNX has a result of each" bash -c './heads export --weights run -o heads.onnx &&
    [ "$(grep -aoE "prediction(_[0-9])?" heads.onnx | sort -u | wc -l)" = 2 ]'
check "predict needs no targets" bash -c './heads predict --weights run inputs.csv >predicted &&
    [ "$(grep -cE "^kind: (one|two|three)( [0-9.]+){3}; place:( [0-9.e-]+){2}$" predicted)" = 300 ]'
for format in csv json; do
    ./heads predict --weights run inputs.csv --format $format >predicted.$format
    ./heads predict --weights run heads.csv --format $format --with-truth >truth.$format
done
check "columns by target" grep -qx "kind_class,kind_probability_one,kind_probability_three,$(:
    )kind_probability_two,place_value_1,place_value_2" predicted.csv
check "the same with truths" cmp predicted.csv <(cut -d, -f1-4,6-7 truth.csv)
./heads eval heads.csv --weights run --json >whole.json
check "which metrics count" awk -F, \
    -v mae="$(sed 's/.*"in_units": {[^}]*"mae": \([^,}]*\).*/\1/' whole.json)" '
    function away(d) { return d < 0 ? -d : d }
    NR > 1 { sum += away($6 - $8) + away($7 - $9) }
    END { exit away(sum / 600 - mae) > 1e-6 * mae }' truth.csv
check "an object of each" [ "$(grep -cE \
    '^\{"kind": \{"class": .*\}\}, "place": \{"values": \[.*\]\}\}$' predicted.json)" = 300 ]
check "its truth in it" grep -qE \
    '"truth": "one"\}, "place": .*, "truth": .*\}, "loss": .*, "row": 0\}$' truth.json
check "the likeliest of classes alone" grep -qx \
    "kind_class_1,kind_probability_1,place_value_1,place_value_2" \
    <(./heads predict --weights run inputs.csv --format csv --top 1)
exits "an array is one" 2 "predicts 2 targets: --format npz" ./heads predict --weights run \
    inputs.csv --format npy
check "arrays by target" ./heads predict --weights run inputs.csv --format npz -o heads.npz
check "which zip reads" python3 - <<'PY'
import array, csv, zipfile
found = zipfile.ZipFile("heads.npz")
rows = list(csv.reader(open("predicted.csv")))[1:]
for name, first, width in ("kind", 1, 3), ("place", 4, 2):
    bytes = found.read(name + ".npy")
    assert f"'shape': (300, {width})".encode() in bytes
    numbers = array.array("f", bytes[-300 * width * 4:])
    wanted = [float(x) for row in rows for x in row[first:first + width]]
    assert all(abs(a - b) < 1e-6 for a, b in zip(numbers, wanted))
PY
cut -d, -f1-5 heads.csv >half.csv
awk -F, -v OFS=, 'NR == 6 { $5 = "zero" } NR == 9 { $5 = "four" } { print }' heads.csv >other.csv
exits "the first row of no class" 1 "row 4 (from 0): .*found \"zero\"" ./heads eval --weights run \
    other.csv
exits "eval needs all" 1 "expected a column u" ./heads eval half.csv --weights run

# Rows that count two or three times are rows that stand there as often; one that counts 0 is none.
awk -F, -v OFS=, '{ print $0, NR == 1 ? "w" : NR * 7 % 4 }' heads.csv >weighted.csv
mkdir repeated
awk -F, -v OFS=, 'NR == 1 { print; next }
    { n = $NF; $NF = 1; while (n-- > 0) print }' weighted.csv >repeated/weighted.csv
cat >weighted.net <<'NET'
data {
    train = csv("weighted.csv")

    input  x[4]     = columns("a".."d")
    target kind     = column("kind") -> classes(3)
    target place[2] = columns("u".."v")
    weight w        = column("w")
}

network body(x) { x -> dense(8) -> tanh }

network which(x) { body(x) -> dense(3) }

network where(x) { body(x) -> dense(2) }

train {
    loss = cross_entropy(which(x), kind) + mse(where(x), place) + mean(abs(where(x) - place)) +
           cross_entropy(which(x), kind, class_weights=[1, 2, 0.5], smoothing=0.1)
    optimizer = sgd(lr=0.2)
    batch     = 512
    epochs    = 4
}
NET
build weighted weighted.net
check "weights" ./weighted --out weights.run --quiet
check "repeated rows" ./weighted --data repeated --out repeated.run --quiet
check "are the same, in each term" awk -F, 'FNR == 1 { next }
    NR == FNR { for (i = 2; i < 7; i++) x[FNR, i] = $i; next }
    { for (i = 2; i < 7; i++) { d = $i / x[FNR, i] - 1; n += d < 2e-6 && d > -2e-6 } }
    END { exit n != 20 }' \
    weights.run/history.csv repeated.run/history.csv
check "weights on 3 threads" ./weighted --out weights.3 --threads 3 --quiet
check "the same bits" [ "$(weights weights.run)" = "$(weights weights.3)" ]
check "in batches of 7" ./weighted --out weights.7 --batch 7 --max-steps 50 --quiet
check "and resumed" ./weighted --resume weights.7 --quiet
check "and at once" ./weighted --out weights.whole --batch 7 --quiet
check "the same bits" [ "$(weights weights.7)" = "$(weights weights.whole)" ]
check "gradients by weights" ./weighted gradcheck
check "a row's own loss is not weighted" [ \
    "$(./weighted predict --with-truth --weights weights.run weighted.csv --format csv |
        awk -F, '$NF == 1 { print $(NF - 1) }')" = \
    "$(./weighted predict --with-truth --weights weights.run repeated/weighted.csv --format csv |
        awk -F, '$NF == 2 { print $(NF - 1) }')" ]
check "predict needs no weight" ./weighted predict --weights weights.run heads.csv
exits "eval does" 1 "expected a column w" ./weighted eval heads.csv --weights weights.run
mkdir below nothing
sed '5s/[0-9]$/-1/' weighted.csv >below/weighted.csv
exits "below 0" 1 "row 3 .*expected 0 to 1e+30 for a weight, found -1$" ./weighted --data below
mkdir above
sed '5s/[0-9]$/1e38/' weighted.csv >above/weighted.csv
exits "whose sum is no float" 1 "row 3 .*expected 0 to 1e+30 for a weight, found 9.99999968e+37$" \
    ./weighted --data above
sed 's/,[0-9]$/,0/' weighted.csv >nothing/weighted.csv
exits "none above 0" 1 "w is 0 in all rows to train on" ./weighted --data nothing
exits "nor in a file" 1 "w is 0 in all rows of the file" ./weighted eval nothing/weighted.csv \
    --weights weights.run

# Rows have weights where there is no target too.
sed '/^    target /d; s/^    loss = .*/    loss = mean(square(which(x)))/; /^           cross/d' \
    weighted.net >alone.net
build alone alone.net
check "weights without a target" ./alone --out alone.run --quiet
check "and repeated rows" ./alone --data repeated --out alone.repeated --quiet
check "are the same" awk -F, 'FNR == 1 { next }
    NR == FNR { x[FNR] = $2; next } { d = $2 / x[FNR] - 1; n += d < 2e-6 && d > -2e-6 }
    END { exit n != 4 }' alone.run/history.csv alone.repeated/history.csv

# A loss over the pairs of a batch is one of batches of the run's size, of validation too.
cat >pairs.net <<'NET'
data {
    train      = csv("heads.csv")
    validation = holdout(0.2)

    input x[2] = columns("a".."b")
    input y[2] = columns("c".."d")
}

network one(x) { x -> dense(3) }
network two(y) { y -> dense(3) }

train {
    loss      = nt_xent(one(x), two(y))
    optimizer = sgd(lr=0.1)
    batch     = 32
    epochs    = 2
}
NET
build pairs pairs.net
build pairs.8 pairs.net --batch 8
exits "one row is no pair" 2 "batch 1: nt_xent of pairs.net compares the rows" ./pairs --batch 1
check "pairs of 8 rows" ./pairs --batch 8 --out pairs.run --quiet
check "by a trainer of 8" ./pairs.8 --out pairs.8.run --quiet
check "have one loss" [ "$(final pairs.run validation loss | cut -c1-7)" = \
    "$(final pairs.8.run validation loss | cut -c1-7)" ]
check "in eval too" bash -c "./pairs eval --part validation --weights pairs.run --json |
    grep -q '\"loss\": $(final pairs.run validation loss)'"
head -2 heads.csv >row.csv
exits "of one row there is none" 1 "row.csv has one row, and nt_xent compares rows" \
    ./pairs eval --weights pairs.run row.csv

# What stands behind a detach has no gradient, and differences of the loss are none of it.
cat >hidden.net <<'NET'
data {
    train = csv("heads.csv")

    input  x[2] = columns("a".."b")
    target y[2] = columns("u".."v")
}

network fast(x) { x -> dense(2) }
network slow(x) { x -> dense(3) -> tanh -> dense(2) }

train {
    loss = mse(fast(x), y) + mean(square(fast(x) - (slow(x) -> detach))) + mse(slow(x), y)
    optimizer = sgd(lr=0.1)
}
NET
build hidden hidden.net
check "gradcheck beside a detach" ./hidden gradcheck
./hidden gradcheck >checked
check "checks what no detach hides" grep -q "^ok  *fast.dense.weight" checked
check "and says so" grep -q "^2 gradients are right; 4 are not known: .*behind a detach" checked
check "and names the rest" test "$(grep -cE "^- +slow.dense_[12]" checked)" = 4
sed 's/mse(slow(x), y)$/mean(square(slow(x) - (fast(x) -> detach)))/' hidden.net >hides.net
build hides hides.net
./hides gradcheck >checked
check "nothing is left" test "$? $(grep -c "^0 gradients are right; 6 are not" checked)" = "1 1"

# A loss that compares with no target, and one whose target has not the prediction's shape.
cat >three.net <<'NET'
data {
    train      = csv("heads.csv")
    validation = holdout(0.2)

    input anchor[2]   = columns("a".."b")
    input positive[2] = columns("c".."d")
    input negative[2] = columns("u".."v")
}

network embed(x) { x -> dense(8) -> relu -> dense(3) }

train {
    loss      = triplet(embed(anchor), embed(positive), embed(negative))
    optimizer = adam(lr=1e-2)
    epochs    = 4
}
NET
cat >spread.net <<'NET'
data {
    train      = csv("heads.csv")
    validation = holdout(0.2)

    input  x[4] = columns("a".."d")
    target y[2] = columns("u".."v")
}

network both(x) {
    h = x -> dense(8) -> tanh
    return h -> dense(2), h -> dense(1) -> softplus
}

network four(x) {
    middle, spread = both(x)
    return concat(middle, spread, spread)
}

loss spread(out, y) { return gaussian_nll(slice(out, 0..1), y, slice(out, 2..3)) - 9 }

train {
    loss      = spread(four(x), y)
    optimizer = adam(lr=1e-2)
    schedule  = cosine(by=step)
    epochs    = 4
}
NET
for name in three spread; do
    build $name $name.net
    check "$name" ./$name --out $name.run --quiet
    head -1 $name.run/history.csv | tr ',' '\n' | grep -E "^(train|validation)" >columns
    check "$name: no more than losses are told" \
        [ "$(tr '\n' ' ' <columns)" = "train_loss validation_loss " ]
    check "$name: eval is the run's" bash -c "[ \"\$(./$name eval --part validation --weights \
        $name.run --json | tr -d '{}' | sed 's/.*\"loss\": //')\" = \
        $(final $name.run validation loss) ]"
    check "$name: gradcheck" ./$name gradcheck
    ./$name predict --part validation --weights $name.run --format csv >predicted 2>&1
    check "$name: predictions" \
        [ "$(sed -n 1p predicted | tr -d '[:alnum:]_' | wc -c),$(wc -l <predicted)" = \
        "$([ $name = three ] && echo 3 || echo 4),61" ]
    exits "$name: no truth" 2 "has nothing to tell" ./$name predict --with-truth \
        --part validation --weights $name.run
    check "$name: stopped" ./$name --out $name.stop --max-steps 9 --quiet
    check "$name: and resumed" ./$name --resume $name.stop --quiet
    check "$name: the same bits" [ "$(weights $name.run)" = "$(weights $name.stop)" ]
done
check "the rate of a loss below 0" sh -c './spread find_lr --steps 60 >found &&
    grep -q "^it falls fastest at lr " found && grep -q "^the least loss, -" found'
check "it lies before the least" sh -c 'awk "/^the least/ { least = \$NF } /^it falls/ { at = \$NF }
    END { exit !(0 < at && at < least) }" found'
check "config says what no flag changes" sh -c './spread config |
    grep -cE "^(schedule +cosine\(by=step\)|compiled from +[0-9a-f]{16}) +spread.net$" | grep -qx 2'
exits "rates of the last step and the next" 0 "was 2.41e-05 there, and is 0.005 from here on" \
    ./spread --resume spread.run --epochs 8 --quiet
exits "why a file cannot be written" 1 "cannot write p: File too large" bash -c \
    "trap '' XFSZ; ulimit -f 1
    ./spread predict --weights spread.run --part train --format csv -o p"
exits "a part that there is" 2 "or --part validation" ./spread predict --weights spread.run
check "of what was trained there is none" sh -c './heads find_lr --weights run >found &&
    grep -q "^no rate makes it fall clearly" found && ! grep -q "steepest" found'

finish
