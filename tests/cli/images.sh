#!/usr/bin/env bash
# images.sh -- pictures from files: the bytes that are trained on are those that were written,
# folders are classes by name, `predict` and `eval` take pictures as shells name them; what is
# broken, or no picture, is named.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1
if ! command -v python3 >/dev/null; then
    skip "pictures from files: python3 is missing"
    finish
    exit
fi

# 60 PNGs of 8 x 8 in three folders, their bytes in the order of the rows, and other ones.
python3 - <<'END'
import os, random, struct, zlib

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

def png(width, height, color, rows):
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
            + chunk(b"IEND", b""))

draw, planes = random.Random(1), b""
for place, name in enumerate(["ant", "bee", "new cat"]):
    for part in "train", "test":
        os.makedirs(f"data/{part}/{name}")
        for i in range(20 if part == "train" else 4):
            pixels = [[min(255, draw.randrange(60) + 190 * (c == place)) for c in range(3)]
                      for _ in range(64)]
            rows = [bytes(sum(pixels[y * 8:y * 8 + 8], [])) for y in range(8)]
            with open(f"data/{part}/{name}/{i:02}.png", "wb") as file:
                file.write(png(8, 8, 2, rows))
            if part == "train":
                planes += bytes(p[c] for c in range(3) for p in pixels)
open("data/test/ant/is a bee.png", "wb").write(open("data/test/bee/00.png", "rb").read())
open("wanted", "w").write(f"{zlib.crc32(planes):08x}")
whole = open("data/test/bee/00.png", "rb").read()
os.makedirs("odd")
open("odd/cut.png", "wb").write(whole[:-30])
open("odd/text.png", "w").write("no picture\n")
open("odd/gif.png", "wb").write(b"GIF89a...")
open("odd/wide.png", "wb").write(png(60000, 60000, 2, [b""]))
END
cat >shades.net <<'END'
data {
    train      = images("train/*/*.png", size=8)
    validation = holdout(0.2)
    test       = images("test/*/*.png", size=[8, 8])
    input  image = image -> scale(1/255)
    target label = label -> classes(3)
    augment image = random_flip
}
network net(image) { image -> flatten -> dense(3) }
train {
    loss      = cross_entropy(net(image), label)
    optimizer = adam(lr=0.03)
    batch     = 16
    epochs    = 20
    metrics   = [accuracy]
}
END
build shades shades.net
check "training" ./shades --data data --out run --quiet
check "the bytes that were written" grep -q "\"image\": \"$(cat wanted)\"" run/preparation.json
check "names of classes" grep -q '"ant", "bee", "new cat"' run/preparation.json
check "a picture of the row that is wrong" grep -q '<td class="picture"><img' run/report.html
holds "accuracy" "$(final run test accuracy)" '>=' 0.9
check "the same by one core" taskset -c 0 ./shades --data data --out alone --quiet
check "preparation" diff run/preparation.json alone/preparation.json

./shades predict --weights run data/test/ant/00.png data/test/bee/0[01].png \
    "data/test/new cat/00.png" >answers 2>answers.log
check "an answer a picture" diff <(sed 's/ [01]\..*//' answers) \
    <(printf '%s\n' ant bee bee '"new cat"')
check "a pattern" bash -c \
    '[ "$(./shades predict --weights run "data/test/*/0?.png" | wc -l)" = 12 ]'
check "a pipe" bash -c './shades predict --weights run - <data/test/bee/00.png | grep -q bee'
check "eval of pictures, by their folders" bash -c \
    './shades eval --weights run data/test/bee/*.png | grep -qi accuracy'

# The same pictures by a table of their names, beside which they lie.
{
    echo file,kind
    (cd data/train && for file in */*.png; do echo "\"$file\",${file%%/*}"; done)
} >data/train/names.csv
sed -e 's/images("train.*/csv("train\/names.csv")/' -e '/test  *=/d' \
    -e 's/= image -> /= column("file") -> image(size=8) -> /' \
    -e 's/= label -> /= column("kind") -> /' shades.net >named.net
build named named.net
check "pictures that a table names" ./named --data data --out named_run --epochs 1 --quiet
check "the same bytes" grep -q "\"image\": \"$(cat wanted)\"" named_run/preparation.json
check "an answer a row" bash -c \
    '[ "$(./named predict --weights named_run data/train/names.csv | wc -l)" = 60 ]'

exits "a cut file" 1 'odd/cut.png: this PNG is broken: the file ends in its middle; fetch or' \
    ./shades predict --weights run data/test/bee/00.png odd/cut.png
exits "a text" 1 'odd/text.png: expected a PNG or a JPEG, found no picture' \
    ./shades predict --weights run odd/text.png
exits "the first of several" 1 'odd/cut.png: ' ./shades predict --weights run 'odd/*'
exits "a GIF" 1 'found a GIF; write' ./shades predict --weights run odd/gif.png
exits "a promise" 1 'cannot hold 60000 x 60000 pixels' ./shades predict --weights run odd/wide.png
exits "a missing picture" 1 'odd/none.png' ./shades predict --weights run odd/none.png
exits "a folder that is missing" 1 'cannot list the folder elsewhere/train of "train/\*/\*.png"' \
    ./shades --data elsewhere
mkdir -p elsewhere/train/empty
exits "a folder of none" 1 'no file matches "\*/\*.png" in elsewhere/train' \
    ./shades --data elsewhere --out none
cp data/test/bee/00.png odd
exits "a class that training has not" 1 'to be a class of the training data, found "odd"' \
    ./shades eval --weights run odd/00.png
cp odd/cut.png data/train/bee/zz.png
exits "data that are not the run's" 1 'data/train/bee/zz.png: this PNG is broken' \
    ./shades train --data data --resume run --epochs 21

# The same training by records of CIFAR-10 and by their pictures.
batch=${NETC_DATA:-}/cifar-10-batches-bin/data_batch_1.bin
if [ -z "${LONG:-}" ] || [ ! -e "$batch" ]; then
    skip "CIFAR-10 as pictures: make test-long, with NETC_DATA"
    finish
    exit
fi
mkdir cifar
check "pictures of CIFAR-10" python3 "$root/tests/support/cifar_pictures.py" cifar "$batch"
sed -e 's/images(.*/cifar10("sorted.bin")/; /test /d' -e 's/classes(3)/classes(10)/' \
    -e 's/dense(3)/dense(10)/' shades.net >records.net
sed -e 's/cifar10(.*/images("*\/*.png", size=32)/' records.net >pictures.net
for model in records pictures; do
    build $model $model.net
    check "$model train" ./$model --data cifar --epochs 2 --out $model.run --quiet
done
losses() { cut -d , -f 1-5 $1.run/history.csv; }
check "the same losses" diff <(losses records) <(losses pictures)
check "the same bytes" diff <(grep -o '"image": "[0-9a-f]*"' records.run/preparation.json) \
    <(grep -o '"image": "[0-9a-f]*"' pictures.run/preparation.json)
finish
