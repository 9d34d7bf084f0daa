#!/usr/bin/env bash
# report.sh -- report.html of a run: what it shows of classes and of values, while it runs and how
# it ended; one file that stands alone.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

# shows NAME FILE PATTERN...: each is in the file
shows() {
    local name=$1 file=$2 pattern
    shift 2
    for pattern in "$@"; do
        check "$name: $pattern" grep -qE -e "$pattern" "$file"
    done
}

# stands_alone FILE: elements are closed, and nothing is fetched
cat >stands_alone.py <<'END'
import base64, html.parser, re, struct, sys, zlib

VOID = {"meta", "img"}
OPTIONAL = {"td", "th", "tr"}   # may end where the next begins

class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []
    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            assert (name not in ("src", "href") or
                    value.startswith("data:image/png;base64,")), (tag, name)
            assert "://" not in (value or "") or name == "xmlns", (tag, name, value)
        assert tag != "script" and len(dict(attributes)) == len(attributes), (tag, attributes)
        if tag not in VOID:
            self.open.append(tag)
    def handle_startendtag(self, tag, attributes):
        pass
    def handle_endtag(self, tag):
        while self.open[-1] != tag:
            assert self.open.pop() in OPTIONAL, (tag, self.open, self.getpos())
        self.open.pop()

text = open(sys.argv[1], encoding="utf-8").read()
page = Page()
page.feed(text)
for png in re.findall(r'src="data:image/png;base64,([^"]*)"', text):
    png = base64.b64decode(png, validate=True)
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and png.count(b"IDAT") == 1 and png[-8:-4] == b"IEND"
    width, height = struct.unpack(">II", png[16:24])
    lines = zlib.decompress(png[png.index(b"IDAT") + 4:-16])
    assert len(lines) == height * (1 + width * (3 if png[25] == 2 else 1)), (width, height)
assert not page.open and text.startswith("<!DOCTYPE html>") and len(text) < 1e6
text = re.sub('base64,[^"]*', '', text)
assert "nan" not in text.lower().split("</style>")[1] and "url(" not in text
END
stands_alone() {
    if command -v python3 >/dev/null; then
        check "$1 stands alone" python3 stands_alone.py "$1"
    else
        skip "$1 as HTML: python3 is missing"
    fi
}

# ---- classes -------------------------------------------------------------------------------------

sed 's/digits([^)]*)/digits(rows=400)/' "$root/models/digits.net" >digits.net
printf '%s' '# "é" ??/ \n %d <b>' >>digits.net
build digits digits.net
check "a run" ./digits --epochs 4 --out "a <b> & \"c\"" --quiet
mv "a <b> & \"c\"" run
shows "classes" run/report.html "<h1>cnn</h1>" "finished after 4 of 4 epochs" \
    '<tr><th scope="row">validation<td>[0-9.]+<td>[0-9.]+</tr>' 'class="title"[^>]*>accuracy<' \
    "<title>epoch 4, validation: " "The test rows" '<table class="map" id="confusion_matrix">' \
    '--out .a &lt;b&gt; &amp; &quot;c&quot;' '<tr><th scope="row">lr<td class="text">0.001' \
    '<th scope="row">cnn.conv2d_1<td class="text">conv2d' "4 epochs as a table"
holds "a cell for each pair of classes" "$(grep -oE '<td class="(right|wrong)[^>]*>[0-9]+' \
    run/report.html | wc -l)" "==" 100
holds "that count the rows" "$(grep -oE '<td class="(right|wrong)[^>]*>[0-9]+' run/report.html |
    sed 's/.*>//' | paste -sd+ | xargs -I{} echo '{}' | awk -F+ '{
        for (i = 1; i <= NF; i++) sum += $i; print sum }')" "==" 400
check "the model's text" cmp digits.net <(sed -n '/<pre>$/,/<\/pre>/p' run/report.html | sed '1d
    s/<\/pre>.*//; s/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&amp;/\&/g' | head -c -1)
stands_alone run/report.html
shows "rows that were wrong" run/report.html "taken for another class" \
    '<img width="64" height="64" alt="given" src="data:image/png;base64,'
shows "the time of a step" run/report.html "Time by layer" "medians of 20 steps" \
    '<tr><th scope="row">cnn.maxpool2d_2<td>[0-9.]+<td>[0-9.]+<td>[0-9.]+%'
holds "shares of it" "$(grep -oE '<td>[0-9.]+%<td class="bar">' run/report.html | tr -dc '0-9.\n' |
    awk '{ sum += $1 } END { print sum }')" ">" 99
check "it does not load itself again" bash -c '! grep -q http-equiv run/report.html'
check "a run that goes on" ./digits --resume run --epochs 6 --quiet
shows "earlier epochs" run/report.html "<title>epoch 1, train: " "<title>epoch 6, train: "

# ---- its results for a document ------------------------------------------------------------------

check "figures and tables of a run" bash -c './digits report run --svg one --tex one/ --md one.md \
    >/dev/null'
check "only what the page has" bash -c '[ "$(ls one)" = "calibration.svg
classification_report.tex
confusion_matrix.svg
confusion_matrix.tex
parts.tex
pictures.svg
results.tex
train_accuracy.svg
train_loss.svg
validation_accuracy.svg
validation_loss.svg" ]'
check "decimals of all tables" bash -c './digits report run --digits 3 --md three.md >/dev/null &&
    grep -qE "^\| macro avg \| [01][.][0-9]{3} \|.* \| 400 \|" three.md &&
    grep -qE "^\| true / predicted \| 0 \| 1 \|" three.md'
accuracy=$(./digits eval --weights run --digits 6 | awk '$1 == "accuracy" { print $2 }' | tail -1)
shows "as LaTeX" one/classification_report.tex '^class & precision & recall & F1 & rows' \
    "^accuracy &  &  & $(printf %.4f "$accuracy") & 400" '^weighted avg & 0'
shows "the parts" one/parts.tex '^rows & loss & accuracy' '^validation & [0-9.]+ & [0-9.]+ '
holds "the matrix" "$(grep -E '^[0-9] &' one/confusion_matrix.tex | tr '&' '\n' |
    awk 'NR % 11 != 1 { sum += $1 } END { print sum }')" "==" 400
holds "and its picture" "$(grep -oE 'px[^>]*>[0-9]+<' one/confusion_matrix.svg |
    sed 's/.*>//' | awk '{ sum += $1 } END { print sum }')" "==" 400
shows "a picture of its own" one/calibration.svg "<style>" "share that was true"
shows "as Markdown" one.md '^\| macro avg \| 0'
cp -r run damaged
printf '<figure id="../x"><svg \n</svg></figure><figure id="y"><svg ></figure>' >damaged/report.html
printf '<table id="z"><tr><th>a<th>b</tr><tr><td>c</tr></table><table id="z' >>damaged/report.html
check "a page of something else" ./digits report damaged --svg other --tex other/
check "has nothing to take" bash -c '! ls other x.svg | grep -qE "^(x|y|z)[.]"'
rm -r damaged

# ---- while it runs, and how it ended -------------------------------------------------------------

./digits --epochs 1000000 --out long --quiet &
long=$!
for _ in $(seq 200); do
    grep -qs "<title>epoch\|running after [1-9]" long/report.html && break
    sleep 0.1
done
shows "running" long/report.html "running after [1-9][0-9]* of 1000000 epochs" \
    'http-equiv="refresh" content="5"'
kill -TERM $long
wait $long
./digits --epochs 1000000 --out "long 2" >/dev/null 2>quoted.txt &
long=$!
for _ in $(seq 200); do [ -e "long 2/report.html" ] && break; sleep 0.1; done
kill -TERM $long
wait $long
check "how to go on can be typed" grep -q -e "--resume 'long 2'" quoted.txt
shows "stopped" long/report.html "interrupted after .*--resume"
stands_alone long/report.html
exits "a run that diverges" 3 "" ./digits --epochs 3 --lr 1e30 --out diverged --quiet
shows "diverged" diverged/report.html "diverged after [0-3] of 3 epochs.*learning rate"
stands_alone diverged/report.html

check "a loss that grows" bash -c './digits --epochs 1 --lr 500 --out grown --quiet 2>grown.txt'
shows "it is told" grown.txt "warning: the loss of train is .*was 2.* nothing was learnt. Try"
check "a few steps" ./digits --epochs 3 --max-steps 9 --out "few steps" --quiet
shows "a few steps" "few steps/report.html" "finished after 1 of 3 epochs, stopped by --max-steps"
exits "a run without a flag" 2 "eval takes no name of a run; --weights run" ./digits eval run

# ---- runs side by side ---------------------------------------------------------------------------

for b in 16 64; do
    for lr in 0.001 0.01; do
        check "a run of many" ./digits --epochs 2 --batch $b --lr $lr --out "many/b$b lr$lr" --quiet
    done
done
exits "one of them diverges" 3 "" ./digits --epochs 2 --lr 1e30 --out many/diverged --quiet
check "they are compared" bash -c './digits report many -o many.html --svg figures --tex t_b.tex \
    --md tables/ >compared.txt'
shows "compared" many.html "4 of 5 finished, 1 diverged; ranked by validation_loss" "What differs" \
    "validation accuracy by lr" "<title>lr 0.01, batch 16: 0" "<title>epoch 2, b16 lr0.001: 0" \
    '<th scope="row" class="text">diverged<td class="text">diverged<td>0<td>–'
stands_alone many.html
best=$(for run in many/b*; do
    sed -n 's/.*"validation": {"loss": \([^,]*\),.*/\1/p' "$run/run.json" | tr '\n' ' '
    echo "${run#many/}"
done | sort -g | head -1 | cut -d' ' -f2-)
check "the best comes first" bash -c 'sed -n 2p compared.txt | grep -q "^$0  "' "$best"
check "a run that diverged comes last" bash -c 'sed -n 6p compared.txt | grep -q "^diverged"'
check "a picture stands alone" bash -c '
    ! grep -q "var(" figures/validation_loss.svg && grep -q "<style>" figures/validation_loss.svg'
check "as many decimals in a column" awk -F ' (&|\\\\\\\\)' 'NF > 4 {
    for (i = 4; i < NF; i++)
        if ($i ~ /^ *[0-9]+[.][0-9]+$/) {
            places = length($i) - index($i, ".")
            if (i in all && all[i] != places) exit 1
            all[i] = places
            found++
        }
    } END { if (!found) exit 1 }' t_b.tex
shows "for LaTeX" t_b.tex '^\\begin\{tabular\}\{llr+\}$' '^b64 lr0.01 & finished & 2 & [0-9]' \
    'validation accuracy'
mkdir odd && cp -r "many/b64 lr0.01" 'odd/[a|b]' && cp -r "many/b64 lr0.01" $'odd/*c\nd'
check "names that LaTeX takes for its own" ./digits report odd --tex odd.tex
shows "as LaTeX" odd.tex '^\{\}\[a\$\|\$b\] & ' '^\{\}\*c\\textbackslash\{\}nd & '
shows "as Markdown" tables/settings.md '^\| run \| lr \| batch \|' \
    '^\| b64 lr0.001 \| 0.001 \| 64 \|'
check "runs by name stay in their order" bash -c '
    ./digits report "many/b64 lr0.01" run "many/b16 lr0.01" | cut -c 1-8 | head -4 | tail -3 |
        tr "\n" " " | grep -q "^many/b64 run      many/b16"'
for activation in relu tanh; do
    printf "let words = $activation\nlet noted = 0\nlet title = \"x\"\n" |
        cat - "$root/models/digits.net" >both.net
    check "compiled: $activation" "$netc" both.net --define noted=1 --define title=x -o both
    check "trained: $activation" ./both --max-steps 2 --out "compiled/$activation" --quiet
done
check "lets that were compiled are told" bash -c './both report compiled/relu compiled/tanh \
    --md compiled.md >/dev/null; grep -q "^| run | words | validation" compiled.md &&
    grep -q "^| tanh | tanh | 0" compiled.md'
check "in the settings of a run" bash -c './both config | grep -q "^noted  *1  *compiled$" &&
    grep -q "\"words\": \"tanh\", \"noted\": 1, \"title\": \"x\"}" compiled/tanh/run.json'
shows "on its page" compiled/tanh/report.html \
    '<th scope="row">words<td class="text">tanh<td class="text">compiled'
check "an edited file" bash -c 'sed -i "s/dense(64)/dense(32)/" both.net &&
    "$0" both.net --define noted=1 -o both &&
    ./both --max-steps 2 --out compiled/third --quiet' "$netc"
check "is told by its hash alone" bash -c './both report compiled/tanh compiled/third |
    grep -q "^run .* model_hash"'
for wide in "0.001 16 1" "0.01 16 2" "0.001 64 2" "0.00101 64 1"; do
    read -r lr b seed <<<"$wide"
    check "three settings" ./digits --max-steps 9 --batch $b --lr $lr --seed $seed \
        --out "wide/s$seed b$b" --quiet
done
check "they are compared" ./digits report wide -o wide.html --svg figures
shows "on parallel axes" wide.html ">parallel coordinates<" "<title>s1 b16: 0" "<title>s2 b64: 0"
check "as a picture" grep -q "<style>" figures/parallel.svg
check "without a number that would lie on another" sh -c \
    'grep -q "paint-order.*>0.001<" wide.html && ! grep -q "paint-order.*>0.00101<" wide.html'
stands_alone wide.html
exits "report of nothing" 2 "report wants folders of runs" ./digits report
mkdir later
sed 's/"monitor": "[a-z_]*"/"monitor": "kappa"/' run/run.json >later/run.json
exits "a metric of a later netc" 1 "later/run.json: this trainer has no metric .kappa." \
    ./digits report later
exits "report of no run" 1 "figures: neither a run's folder" ./digits report figures
mkdir harmed && cp -r run harmed/a && cp -r run harmed/b
head -c 200 run/run.json >harmed/a/run.json
truncate -s -4 harmed/b/history.csv
cp -r run harmed/c && echo 3 >harmed/c/run.json
check "a damaged run among others" bash -c './digits report harmed >harmed.out 2>&1'
shows "is left out" harmed.out "warning: harmed/a/run.json is left out: " \
    "harmed/c/run.json is left out: it is no object" \
    "harmed/b/history.csv: 1 damaged line is left out" "^harmed/b  *finished"
exits "one that was named is not" 1 "error: harmed/a/run.json: .*: ask for the others" \
    ./digits report harmed/b harmed/a
exits "a page is not written over a run's" 2 "is a file of a run" \
    ./digits report run -o run/report.html

# ---- values, and many classes --------------------------------------------------------------------

awk 'BEGIN { print "x,y,c,b"; for (i = 0; i < 3000; i++)
                 printf "%.4f,%.4f,%d,%d\n",
                     sin(i), 3 * sin(i) + cos(7 * i), i % 60,
                     (sin(i) + cos(i * i) / 2 > 0) }' >values.csv
cat >values.net <<'END'
data {
    train      = csv("values.csv")
    validation = holdout(0.4)
    input  x[1] = column("x")
    target y    = column("y")
}
network line(x) { x -> dense(1) }
train {
    loss      = mse(line(x), y)
    optimizer = sgd(lr=0.1)
    batch     = 100
    epochs    = 3
    metrics   = [mae]
}
END
build values values.net
check "values" ./values --out values_run --quiet
shows "values" values_run/report.html "predicted against true" "residuals" "The validation rows"
points=$(grep -c '<circle class="dot"' values_run/report.html)
holds "points of two pictures, some of 1,200 rows" "$points" ">=" 1024
holds "not all" "$points" "<=" 2048
stands_alone values_run/report.html
worst=$(./values predict --weights values_run --part validation --with-truth --format csv |
    awk -F, 'NR > 1 { e = $1 - $2; e = e < 0 ? -e : e; if (e > most) { most = e; row = $4 } }
        END { print row }')
shows "the largest error" values_run/report.html "the largest errors.*</caption>"
first=$(sed -n '/the largest errors/{n;p}' values_run/report.html)
holds "comes first" "$(sed 's/<tr><th scope="row">\([0-9]*\)<.*/\1/' <<<"$first")" "==" "$worst"
holds "with its cell as in the file" "$(sed 's/.*class="text">x \([^<]*\)<.*/\1/' <<<"$first")" \
    "==" "$(sed -n "$((worst + 2))p" values.csv | cut -d, -f1)"
check "a k-fold" ./values kfold 3 --out folds --quiet
shows "k-fold" folds/report.html "line: 3 folds" "3 of 3 finished" 'class="band a"' \
    "<title>epoch 3, mean ± sd of the folds: " "<title>epoch 3, fold_2: " \
    '<tr><th scope="row" class="text">sd<td'
stands_alone folds/report.html
mean=$(./values report folds --digits 4 | awk '$1 == "mean" { print $NF }')
holds "mean of the folds' validation metric" "$mean" "==" "$(sed -n 's/.*"mean": {//p' \
    folds/kfold.json | grep -o '"validation_mae": [^,}]*' | awk '{ printf "%.4f", $2 }')"
check "another k-fold" ./values kfold 3 --epochs 2 --lr 0.02 --out folds_b --quiet
check "they are compared" bash -c './values report folds folds_b values_run -o folds.html \
    --digits 4 --tex folds.tex >folds.txt'
check "each is one run" bash -c 'awk "NR > 1 { print \$1 } !NF { exit }" folds.txt | tr "\n" " " |
    grep -q "^folds folds_b values_run "'
sd=$(sed -n 's/.*"sample_standard_deviation": {//p' folds/kfold.json |
    grep -o '"validation_mae": [^,}]*' | awk '{ printf "%.4f", $2 }')
check "mean and deviation" grep -qE "^folds .* $mean ± $sd( |$)" folds.txt
check "in LaTeX" grep -qF "$mean \$\\pm\$ $sd" folds.tex
shows "their bands" folds.html 'class="band a"' 'class="band b"' "<title>epoch 2, folds_b: "
check "a single run has none" bash -c '! grep -q "band c" folds.html'
stands_alone folds.html
cut -d, -f1-3 folds_b/fold_2/history.csv >short.csv
cp short.csv folds_b/fold_2/history.csv
check "a fold without some columns" ./values report folds folds_b -o folds.html
shows "is drawn as far as it goes" folds.html "<title>epoch 2, folds_b: "
sed -e 's/target y .*/target y = column("c") -> classes(60)/' -e 's/dense(1)/dense(60)/' \
    -e 's/mse/cross_entropy/' -e 's/mae/accuracy/' values.net >classes.net
build classes classes.net
check "sixty classes" ./classes --out classes_run --quiet
shows "sixty classes" classes_run/report.html "confused most" '<figure id="calibration">' \
    "<details><summary>Classes"
check "their pairs" bash -c './classes report classes_run --md pairs/ >/dev/null &&
    grep -q "^| true | predicted | rows |" pairs/confused_pairs.md'
stands_alone classes_run/report.html

# ---- two classes ---------------------------------------------------------------------------------

sed -e 's/"y"/"b"/' -e 's/mse/binary_cross_entropy/' -e 's/mae/auc, pr_auc/' values.net >two.net
build two two.net
check "two classes" ./two --out two_run --quiet
area() {
    grep '^    "validation"' two_run/run.json | grep -o "\"$1\": [^,}]*" |
        awk '{ printf "%.4f", $2 }'
}
shows "two classes" two_run/report.html '<figure id="roc">' ">ROC, area $(area auc)<" \
    ">precision and recall, area $(area pr_auc)<" "what the network said of class 1<"
holds "rows of the table of calibration" "$(sed -n '/calibration: what/,/<\/table>/p' \
    two_run/report.html | grep -o '<td>[0-9]*<td>' | tr -dc '0-9\n' |
    awk '{ sum += $1 } END { print sum }')" "==" 1200
stands_alone two_run/report.html

# ---- words, and pictures that are predicted ------------------------------------------------------

awk 'BEGIN { print "t,b"; for (i = 0; i < 300; i++)
                 printf "w%d <b>%d</b> end,%d\n", i % 7, i % 3, (i * i % 5 > 1) }' >words.csv
sed -e 's/values.csv/words.csv/' -e 's/"y"/"b"/' -e 's/mse/binary_cross_entropy/' \
    -e 's/input .*/input x = column("t") -> tokens(vocabulary=30, length=6)/' -e 's/mae/accuracy/' \
    -e 's/x -> dense/x -> embedding(4) -> flatten -> dense/' values.net >words.net
build words words.net
check "words" ./words --out words_run --quiet
shows "words" words_run/report.html '<td class="text">w[0-6] ' 'true<th>its probability'
stands_alone words_run/report.html
cat >restore.net <<'END'
data {
    train      = digits(rows=200)
    validation = holdout(0.2)
    input  noisy[1, 28, 28] = image -> scale(1/255) -> noise(0.5)
    target clean[1, 28, 28] = image -> scale(1/255)
}
network restore(x) { x -> conv2d(2, 3, padding=same) -> relu -> conv2d(1, 3, padding=same) }
train {
    loss      = mse(restore(noisy), clean)
    optimizer = adam(lr=0.01)
    batch     = 20
    epochs    = 1
}
END
build restore restore.net
check "pictures that are predicted" ./restore --out restore_run --quiet
shows "pictures" restore_run/report.html "the first ones, then the largest errors" 'alt="wanted"'
python3 - <<'END'
import struct
head = "{'descr': '<f4', 'fortran_order': False, 'shape': (40, 1, 2, 1000), }"
head += " " * (63 - (len(head) + 10) % 64) + "\n"
open("narrow.npy", "wb").write(b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head.encode() +
    b"".join(struct.pack("<f", i % 7) for i in range(80000)))
END
sed -e 's/digits(rows=200)/npy(image="narrow.npy")/' -e 's/1, 28, 28/1, 2, 1000/' \
    restore.net >narrow.net
build narrow narrow.net
check "narrow pictures" ./narrow --out narrow_run --quiet
shows "narrow pictures" narrow_run/report.html 'width="64" height="1" alt="given"'
stands_alone narrow_run/report.html
check "figures of values" ./values report values_run --svg values_figures
shows "figures of values" values_figures/residuals.svg "<style>" 'class="dot"'
check "pictures as a figure" ./restore report restore_run --svg restored
holds "three of each of twelve rows" "$(grep -c '<image .*href="data:image/png;base64,' \
    restored/pictures.svg)" "==" 36
shows "pictures as a figure" restored/pictures.svg ">given<" ">restored<" ">row [0-9]+<" "<style>"
check "which is XML" python3 -c 'import sys, xml.dom.minidom as dom; dom.parse(sys.argv[1])' \
    restored/pictures.svg
holds "twelve of each" "$(grep -o 'alt="restored"' restore_run/report.html | wc -l)" "==" 12
stands_alone restore_run/report.html

# ---- by the HTML checker of the W3C --------------------------------------------------------------

# It comes from npm, once, and wants Java.
checker=$(realpath -m "${BUILD:-$root/build}")/vnu
jar=$checker/node_modules/vnu-jar/build/dist/vnu.jar
if command -v java >/dev/null && { [ -e "$jar" ] || { command -v npm >/dev/null &&
    timeout 120 npm install --ignore-scripts --prefix "$checker" vnu-jar; }; } >npm.log 2>&1; then
    check "valid HTML" java -jar "$jar" --errors-only *.html */report.html
else
    skip "valid HTML: java, or npm's package vnu-jar, is missing"
fi
finish
