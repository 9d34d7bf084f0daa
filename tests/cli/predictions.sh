#!/usr/bin/env bash
# predictions.sh -- predictions as text, csv, JSON and arrays: the same numbers in each, names of
# classes whatever is in them, the likeliest first.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1
if ! command -v python3 >/dev/null; then
    skip "formats of predictions: python3 is missing"
    finish
    exit
fi

python3 - <<'END'
import csv, math
names = ["New York, NY", 'say "hi"', "\tbl\ra\x1bnk", " blank", "zażółć"]
with open("odd.csv", "w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    writer.writerow(["a", "b", "city", "size"])
    for i in range(400):
        writer.writerow([math.sin(i), math.cos(3 * i), names[i * 7 % 5], 100 + 10 * math.sin(i)])
END
cat >odd.net <<'END'
data {
    train      = csv("odd.csv")
    validation = holdout(0.2)
    input  x[2] = columns("a", "b")
    target city = column("city") -> classes(5)
}
network net(x) { x -> dense(5) }
train {
    loss      = cross_entropy(net(x), city)
    optimizer = adam(lr=0.01)
    batch     = 32
    epochs    = 2
}
END
sed -e 's/target city.*/target size = column("size") -> standardize/' -e 's/dense(5)/dense(1)/' \
    -e 's/cross_entropy(net(x), city)/mse(net(x), size)/' odd.net >values.net
for model in odd values; do
    build $model $model.net
    check "train $model" bash -c './$0 --out $0.run --quiet 2>$0.log' $model
    for format in text csv json npy; do
        check "$model as $format" ./$model predict --weights $model.run --part validation \
            --format $format -o $model.${format/csv/table}
    done
done
check "a name with blanks is told" grep -q 'a class of city is " blank", with its blanks' odd.log
check "top" ./odd predict --weights odd.run --part validation --format csv --top 2 -o top.csv
check "top as JSON" ./odd predict --weights odd.run --part validation --format json --top 2 \
    -o top.json
check "top as text" ./odd predict --weights odd.run --part validation --top 1 -o top.text
check "digits" ./values predict --weights values.run --part validation --digits 2 -o digits.text

check "all formats say the same" python3 - <<'END'
import ast, csv, json, struct

def visible(name):
    return name.translate(str.maketrans({"\t": r"\t", "\r": r"\r", "\x1b": r"\u001b"}))

def rows_of(name):
    return list(csv.reader(open(name, newline="", encoding="utf-8")))

def array(name):
    data = open(name, "rb").read()
    assert data[:8] == b"\x93NUMPY\x01\x00"
    size = struct.unpack("<H", data[8:10])[0]
    assert (10 + size) % 64 == 0
    head = ast.literal_eval(data[10:10 + size].decode())
    assert head["descr"] == "<f4" and not head["fortran_order"]
    count = 1
    for side in head["shape"]:
        count *= side
    return head["shape"], struct.unpack(f"<{count}f", data[10 + size:])

header, *rows = rows_of("odd.table")
shape, numbers = array("odd.npy")
objects = [json.loads(line) for line in open("odd.json", encoding="utf-8")]
text = list(csv.reader(open("odd.text", newline="", encoding="utf-8"), delimiter=" "))
assert shape == (80, 5) and len(rows) == len(objects) == len(text) == 80
names = [name.removeprefix("probability_") for name in header[1:]]
assert set(names) == {"New York, NY", 'say "hi"', "\tbl\ra\x1bnk", " blank", "zażółć"}
top, top_objects = rows_of("top.csv")[1:], [json.loads(line) for line in open("top.json")]
first = list(csv.reader(open("top.text", newline="", encoding="utf-8"), delimiter=" "))
for i, (row, words, thing) in enumerate(zip(rows, text, objects)):
    shares = numbers[5 * i:5 * i + 5]
    shown = visible(row[0])
    assert words == [shown] + row[1:]
    assert thing["class"] == row[0] == names[shares.index(max(shares))]
    assert all(abs(float(cell) - share) < 1e-6 for cell, share in zip(row[1:], shares))
    assert [thing["probabilities"][name] for name in names] == [float(cell) for cell in row[1:]]
    best = sorted(range(5), key=lambda c: -shares[c])[:2]
    assert top[i][::2] == [names[c] for c in best] and first[i] == [shown, top[i][1]]
    assert [pair["class"] for pair in top_objects[i]["top"]] == top[i][::2]
shape, numbers = array("values.npy")
values = [float(row[0]) for row in rows_of("values.table")[1:]]
assert shape == (80,) and rows_of("values.table")[0] == ["value"]
assert all(abs(a - b) < 1e-4 and 50 < a < 150 for a, b in zip(values, numbers))
assert [json.loads(line)["values"][0] for line in open("values.json")] == values
assert [float(line) for line in open("values.text")] == values
assert all(len(line.split(".")[1]) == 3 for line in open("digits.text"))
END
./odd eval --weights odd.run --part validation --json >classes.json
check "a table in which a name stays on its line" grep -qE '^ *\\tbl\\ra\\u001bnk +[01]' <(
    ./odd eval --weights odd.run --part validation)
./values eval --weights values.run --part validation --json >in_units.json
check "errors in the units of the data, areas that metrics did not ask for" python3 - <<'END'
import json, math
classes, values = json.load(open("classes.json")), json.load(open("in_units.json"))
assert 0 < classes["auc"] < 1 and 0 < classes["pr_auc"] < 1
assert abs(classes["log_loss"] - classes["loss"]) < 1e-5 and "in_units" not in classes
units = values["in_units"]
assert set(units) == {"mse", "rmse", "mae", "r2", "mape"} and values["mape"] == units["mape"]
assert abs(units["rmse"] / values["rmse"] - 10 / math.sqrt(2)) < .3 and "exact_match" not in values
END
exits "top of values" 2 "top does not apply" ./values predict --weights values.run \
    --part validation --top 2
exits "digits of an array" 2 "digits does not apply to --format npy" ./odd predict \
    --weights odd.run --part validation --format npy --digits 3

# ---- beside what the data say --------------------------------------------------------------------

{ head -1 odd.csv; tail -50 odd.csv; } >new.csv
cut -d, -f1,2 new.csv >bare.csv
mkdir elsewhere
cp odd.csv elsewhere
(cd elsewhere && ../odd --data . --out ../far.run --quiet)
./odd eval --weights odd.run new.csv --json >new.json
./odd eval --weights odd.run/model.safetensors --part validation --json >part.json
for model in odd values; do
    for format in csv json text; do
        check "$model: truth as $format" ./$model predict --weights $model.run new.csv \
            --with-truth --format $format -o $model.truth.$format
    done
done
check "truth of a part" ./values predict --weights values.run --part validation --with-truth \
    --format csv -o part.csv
check "truths, losses and numbers of rows are those of eval" python3 - <<'END'
import csv, json

def table(name):
    return list(csv.DictReader(open(name, newline="", encoding="utf-8")))

rows, new = table("odd.truth.csv"), table("new.csv")
found = json.load(open("new.json"))
assert [row["truth"] for row in rows] == [row["city"] for row in new] and len(rows) == 50
assert [int(row["row"]) for row in rows] == list(range(50)) and found["rows"] == 50
assert abs(sum(float(row["loss"]) for row in rows) / 50 - found["loss"]) < 1e-5
assert found["file"] == "new.csv" and found["accuracy"] == \
    sum(row["truth"] == row["class"] for row in rows) / 50
for i, one in enumerate(found["classes"]):
    assert one["support"] == sum(found["confusion"][i]) == \
        sum(row["truth"] == one["name"] for row in rows)
    assert abs(one["recall"] * one["support"] - found["confusion"][i][i]) < 1e-9
for line, row in zip(open("odd.truth.json", encoding="utf-8"), rows):
    thing = json.loads(line)
    assert [thing["truth"], str(thing["row"])] == [row["truth"], row["row"]]
text = list(csv.reader(open("odd.truth.text", newline="", encoding="utf-8"), delimiter=" "))
visible = {"\t": r"\t", "\r": r"\r", "\x1b": r"\u001b"}
assert text == [[cell.translate(str.maketrans(visible)) for cell in row.values()] for row in rows]
for row, wanted in zip(table("values.truth.csv"), new):
    assert abs(float(row["truth"]) - float(wanted["size"])) < 1e-4 and len(row) == 4
whole = table("odd.csv")
part = table("part.csv")
assert len(part) == 80 and len({row["row"] for row in part}) == 80
for row in part:
    assert abs(float(row["truth"]) - float(whole[int(row["row"])]["size"])) < 1e-4
assert all("truth" in json.loads(line) for line in open("values.truth.json"))
END
exits "truth that a file does not have" 1 "city" ./odd predict --weights odd.run bare.csv \
    --with-truth
exits "eval of it" 1 "city" ./odd eval --weights odd.run bare.csv
exits "truth in an array" 2 "with-truth does not apply to --format npy" ./odd predict \
    --weights odd.run new.csv --with-truth --format npy
exits "a file and a part" 2 "eval takes a FILE or --part, not both" ./odd eval --weights odd.run \
    new.csv --part test
exits "two tables" 2 "new.csv\" is the second" ./odd eval --weights odd.run new.csv new.csv
mv odd.csv hidden.csv
check "the run's own data" ./odd eval --weights far.run --part validation
mv elsewhere moved
exits "that are gone" 1 "were in .*/elsewhere, which is not there any more: --data" ./odd eval \
    --weights far.run --part validation
check "and come back" ./odd predict --weights far.run --part validation --data moved -o back
mv hidden.csv odd.csv
rm -r far.run

# ---- of rows that overflow in the network --------------------------------------------------------

for model in odd values; do
    sed -e 's/net(x) { x/net(x) { x * x/' -e 's/holdout(0.2)/csv("far.csv")/' $model.net >far.net
    sed '5s/^[^,]*,[^,]*/1e30,1e30/' odd.csv >far.csv
    build far far.net
    ./far --out far.run --force --quiet --epochs 3 --keep best 2>far.log
    check "far: trains" [ $? = 0 ]
    check "far: it is told once" [ "$(grep -c "loss of validation is not finite" far.log)" = 1 ]
    check "far: and why no epoch is the best" grep -q "warning: no epoch is the best" far.log
    for file in far.csv "--part validation"; do
        exits "$model: predict $file" 1 "far.csv: row 3 (from 0): the network's output is not fin" \
            ./far predict --weights far.run $file -o far.text
    done
    check "nothing is left of it" [ ! -e far.text ]
    exits "$model: eval" 0 "warning: outputs of 1 of 400 rows are not finite" \
        ./far eval --weights far.run --part validation
done

# ---- where they go -------------------------------------------------------------------------------

mkdir parts
cp odd.csv parts/part1.csv
cp odd.csv parts/part2.csv
exits "over one of its files" 2 "part1.csv is the file of rows, which would be lost" ./odd predict \
    --weights odd.run 'parts/part*.csv' -o parts/part1.csv
gzip -k parts/part2.csv && rm parts/part2.csv
exits "over its packed file" 2 "is the file of rows" ./odd predict --weights odd.run \
    parts/part2.csv -o parts/part2.csv.gz
cp odd.csv 'what?.csv'
cp odd.csv what1.csv
check "a name with a question mark" ./odd predict --weights odd.run 'what?.csv' -o what.text
holds "is that file alone" "$(wc -l <what.text)" "==" 400
echo old >target
ln -s target link
check "behind a link" ./odd predict --weights odd.run odd.csv -o link
check "is the file that it names" bash -c '[ -L link ] && [ "$(wc -l <target)" = 400 ]'
check "to a pipe" bash -c '[ "$(./odd predict --weights odd.run odd.csv -o /dev/stdout |
    wc -l)" = 400 ]'

# ---- weights that another program wrote ----------------------------------------------------------

# plain FILE NUMBER: odd.run's weights without metadata, the first number another
cat >plain.py <<'END'
import json, struct, sys
data = open("odd.run/model.safetensors", "rb").read()
size = struct.unpack("<Q", data[:8])[0]
head = json.loads(data[8:8 + size])
head.pop("__metadata__")
body = bytearray(data[8 + size:])
if sys.argv[2] != "same":
    body[:4] = struct.pack("<f", float(sys.argv[2]))
head = json.dumps(head).encode()
open(sys.argv[1], "wb").write(struct.pack("<Q", len(head)) + head + body)
END
python3 plain.py odd.run/nan.safetensors nan
python3 plain.py odd.run/plain.safetensors same
for command in "eval --part validation" "predict odd.csv" train; do
    exits "$command: weights that are not finite" 1 "weight is not finite" \
        ./odd $command --weights odd.run/nan.safetensors
done
exits "weights without a checksum" 0 "bears no checksum of a run: .* city, is not known" \
    ./odd predict --weights odd.run/plain.safetensors odd.csv

exits "a format that there is none of" 2 "text, csv, json\|text csv json" ./odd predict \
    --weights odd.run --part validation --format xml
# ---- thousands of classes ------------------------------------------------------------------------

# their names are numbers, in the test split with a point; a row with --top names all of them
awk 'BEGIN { print "x,y" >"many.csv"; print "x,y" >"points.csv"
    for (i = 0; i < 10000; i++) {
        printf "%g,%d\n", i / 10000, 3 * i + 7 >"many.csv"
        printf "%g,%d.0\n", i / 10000, 3 * i + 7 >"points.csv"
    } }'
cat >many.net <<'END'
data {
    train = csv("many.csv")
    test  = csv("points.csv")
    input  x[1] = column("x")
    target y    = column("y") -> classes(10000)
}
network net(x) { x -> dense(10000) }
train {
    loss      = cross_entropy(net(x), y)
    optimizer = sgd(lr=0.1)
    batch     = 32
    epochs    = 1
}
END
build many many.net
check "initial weights" ./many init -o many.safetensors
check "names that are written otherwise" \
    bash -c 'ulimit -t 10; ./many eval --weights many.safetensors' # seconds of a core
head -n 4 points.csv | sed 's/,y//; s/,.*//' >few.csv
check "all classes, the likeliest first" bash -c "ulimit -t 10; ./many predict few.csv \
    --weights many.safetensors --top 10000 --format csv | awk -F, 'NR > 1 {
        for (i = 2; i + 2 <= NF; i += 2) if (\$i < \$(i + 2)) exit 1
        rows += NF == 20000 } END { exit rows != 3 }'"

# ---- a class a pixel: x and mask of 4 x 3 pixels, the first of them ignored ---------------------

python3 - <<'END'
import random, struct
random.seed(1)
def npy(name, shape, data):
    shape = ", ".join(map(str, shape))
    head = "{'descr': '|u1', 'fortran_order': False, 'shape': (%s), }" % shape
    head += " " * (-(len(head) + 11) % 64) + "\n"
    with open(name, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
        file.write(bytes(data))
pixels = [random.randrange(256) for _ in range(200 * 12)]
npy("x.npy", (200, 1, 4, 3), pixels)
npy("mask.npy", (200, 4, 3), [255 if i % 12 == 0 else x // 86 for i, x in enumerate(pixels)])
END
cat >pixels.net <<'END'
data {
    train      = npy(x="x.npy", mask="mask.npy")
    validation = holdout(0.2)
    input  x[1, 4, 3]  = x -> scale(1/64)
    target mask[4, 3]  = mask -> classes(3)
}
network net(x) { x -> conv2d(8, 1) -> relu -> conv2d(3, 1) }
train {
    loss      = cross_entropy(net(x), mask, ignore=255)
    optimizer = adam(lr=0.02)
    batch     = 32
    epochs    = 20
    metrics   = [accuracy, iou, dice]
}
END
build pixels pixels.net
check "a class a pixel" ./pixels --out pixels_run --quiet
check "whose report counts pixels" grep -q '<th>F1<th>pixels</tr>' pixels_run/report.html
check "and tells classes by their colors" grep -qF \
    'rgb(128 0 0)"></span>&nbsp;1&nbsp; <span class="key" style="background:rgb(0 128 0)"' \
    pixels_run/report.html
./pixels eval --weights pixels_run --part validation --json >eval.json
for format in text csv json; do
    ./pixels predict --weights pixels_run --part validation --with-truth --format $format \
        >pixels.$format
done
./pixels predict --weights pixels_run --part validation --format npy -o pixels.npy
check "is the same in each format, and what eval counts" python3 - <<'END'
import csv, json, math, struct
with open("pixels.npy", "rb") as file:
    assert file.read(8) == b"\x93NUMPY\x01\x00"
    head = eval(file.read(struct.unpack("<H", file.read(2))[0]))
    values = file.read()
assert head["shape"] == (40, 3, 4, 3), head
rows = [json.loads(line) for line in open("pixels.json")]
told = list(csv.reader(open("pixels.csv")))
names = [f"{of}_{i + 1}" for of in ("class", "truth") for i in range(12)]
assert told[0] == names + ["loss", "row"]
counts = [[0] * 3 for _ in range(3)]
for i, (row, cells, line) in enumerate(zip(rows, told[1:], open("pixels.text"), strict=True)):
    p = struct.unpack("<36f", values[144 * i : 144 * i + 144])
    classes, truth = sum(row["classes"], []), sum(row["truth"], [])
    assert len(row["classes"]) == 4 and truth[0] is None
    told = ["" if c is None else str(c) for c in classes + truth]
    assert cells[:24] == told and cells[:12] == line.split()[:12] and type(classes[0]) is int
    loss = 0
    for k in range(12):
        scores = p[k::12]
        assert abs(sum(scores) - 1) < 1e-5 and max(scores) == scores[classes[k]]
        if truth[k] is not None:
            loss -= math.log(scores[truth[k]]) / 11
            counts[truth[k]][classes[k]] += 1
    assert abs(loss - row["loss"]) < 1e-5 * (1 + loss), (loss, row["loss"])
told, of = json.load(open("eval.json")), range(3)
either = [sum(counts[c]) + sum(row[c] for row in counts) for c in of]
for name, mine in (("accuracy", sum(counts[c][c] for c in of) / 440),
                   ("iou", sum(counts[c][c] / (either[c] - counts[c][c]) for c in of) / 3),
                   ("dice", sum(2 * counts[c][c] / either[c] for c in of) / 3)):
    assert abs(told[name] - mine) < 1e-9 and mine > 0.8, (name, told[name], mine)
assert told["confusion"] == counts, (told["confusion"], counts)
END
python3 - <<'END'
data = open("mask.npy", "rb").read()
open("none.npy", "wb").write(data[:-2400] + b"\xff" * 2400)
END
mkdir none
cp x.npy none
cp none.npy none/mask.npy
exits "no label that counts" 1 "no label of mask counts in the training part" \
    ./pixels --data none --out none_run
exits "as a file, which is named" 1 "error: none.npy: no row has a class of mask" \
    ./pixels eval x.npy none.npy --weights pixels_run
python3 - <<'END'
data = open("mask.npy", "rb").read()
open("nine.npy", "wb").write(data[:-1] + b"\t")
END
exits "a label that is no class and not ignored" 1 \
    "a whole number from 0 to 2, or 255, which is ignored, found 9$" \
    ./pixels eval x.npy nine.npy --weights pixels_run
exits "--top of a class a pixel" 2 "predicts a class at each position" \
    ./pixels predict --weights pixels_run --part validation --top 2

finish
