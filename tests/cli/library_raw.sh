#!/usr/bin/env bash
# library_raw.sh -- libraries that take rows of the data as they are: texts, cells of a table,
# windows of a series. What they say is what `predict` says.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1
. "$root/tests/support/hosts.sh"

# ---- A text in, a probability out ---------------------------------------------------------------
cat >reviews.net <<'END'
data {
    train           = csv("reviews.csv")
    input  review   = column("text") -> tokens(vocabulary=20, length=6, min_letters=2, end=true,
                                               strip=[tags, punctuation, digits],
                                               stopwords="stop.txt")
    target positive = column("label")
}
network reviews(review) { review -> embedding(5) -> flatten -> dense(1) }
train {
    loss      = binary_cross_entropy(reviews(review), positive)
    optimizer = adam(lr=0.1)
    batch     = 16
    epochs    = 1
}
END
python3 - <<'END'
words = ["Best", "w\u00c9RST", "film<br />of", "year!", "4x4s", "\u0130stanbul", "a", "<b", "it's",
         "\u4e2d\u6587\u3002", "\u023a\u023a", "the", "w" * 300]
with open("reviews.csv", "w") as table, open("reviews.txt", "w") as lines:
    table.write("text,label\n")
    for i in range(60):
        text = " ".join(words[i * k % len(words)] for k in range(1, 2 + i % 9))
        table.write('"%s",%d\n' % (text, i % 2))
        lines.write(text + "\n")
    text = b"caf\xe9 \xff\xc3 film".decode("latin-1") # as bytes: no UTF-8
    table.flush(), table.buffer.write(b'"' + text.encode("latin-1") + b'",1\n')
    lines.flush(), lines.buffer.write(text.encode("latin-1") + b"\n")
open("stop.txt", "w").write("the\nIT\n")
END
build reviews reviews.net
check "reviews" ./reviews --out reviews-run --force --quiet
check "predicts" ./reviews predict --weights reviews-run --part train --format npy -o reviews.npy
check "as a library" "$netc" reviews.net --library --weights reviews-run -o reviews-lib
block "c review.c" >review.c
# shellcheck disable=SC2086
check "a host of texts" "$cc" -std=c11 -Wall -Wextra -Werror $sanitize review.c -Ireviews-lib \
    reviews-lib/libreviews.a -o review
check "it runs" sh -c './review <reviews.txt >said.reviews'
check "it says what predict says" close reviews.npy said.reviews
cat >known.c <<'END'
#include "reviews.h"

static _Alignas(64) char arena[1 << 16];

int main(void)
{
    return reviews_size() > sizeof arena || reviews_review_known(NULL, arena) != -1 ||
           reviews_review_known("best", arena + 1) != -1 ||
           reviews_review_known("xyzzy plugh", arena) != 0 ||
           reviews_review_known("Best xyzzy, the <b>YEAR!</b> best", arena) != 3;
}
END
# shellcheck disable=SC2086
check "a host that counts words" "$cc" -std=c11 -Wall -Wextra -Werror $sanitize known.c \
    -Ireviews-lib reviews-lib/libreviews.a -o known
check "words that the run knows, without those that are left out" ./known
[ -n "$sanitize" ] || check "and wants memcpy and memset alone" \
    sh -c '! nm -u reviews-lib/libreviews.a | grep -vE "^$|:$| U mem(cpy|set)$"'

# ---- Cells, classes and a series ----------------------------------------------------------------
cat >cells.net <<'END'
data {
    train               = csv("cells.csv")
    input  kind         = column("kind") -> classes(6, unknown=row, missing=row, min_count=2)
    input  year         = column("year") -> one_hot(4, unknown=zeros)
    input  day          = column("day") -> classes(7)
    input  mode         = column("mode") -> classes(3, missing=mode)
    input  amount[2, 3] = columns(["amount", "price"])
                          -> impute(missing, median, except="price") -> log1p -> standardize
                          -> window(3)
    input  size         = column("amount") -> impute(missing, mean) -> quantiles(5) -> one_hot(5)
    input  again[2]     = columns(["amount", "price"])
                          -> impute(missing, mean) -> impute(zeros, median, except=[2])
                          -> scale(0.01) -> permute_pixels(3) -> robust
    input  word         = column("mode") -> tokens(vocabulary=4, length=2, lower=false)
    input  note         = column("note") -> bag_of_words(vocabulary=9, ngrams=3,
                                                          stopwords="stop.txt") -> tfidf
    target cost         = column("cost") -> log1p -> standardize -> ahead([1, 2])
}
network cells(kind, year, day, mode, amount, size, again, word, note) {
    concat(amount -> flatten -> dense(3), kind -> embedding(3) -> flatten,
           day -> embedding(2) -> flatten,
           mode -> embedding(2) -> flatten, year, size, again,
           word -> embedding(2) -> flatten, note -> dense(3))
        -> dense(4) -> tanh -> dense(2)
}
train {
    loss      = mse(cells(kind, year, day, mode, amount, size, again, word, note), cost)
    optimizer = adam(lr=0.1)
    batch     = 16
    epochs    = 2
}
END
python3 - <<'END'
kinds, years = ["red", "gr\u00fcn", "blue", 'a"b'], ["2007", "2008.0", "1e3", "7"]
written = {"2008.0": "2008", "7": "0.07e2"} # numbers are the same however they are written
rows = []
for i in range(60):
    kind = "" if i % 11 == 5 else "once" if i == 3 else kinds[i % 4]
    mode = "" if i % 9 == 2 else "xyz"[i % 5 % 3]
    note = " ".join(["hot", "cold", "the", "wet", "dry"][i * k % 5] for k in range(1, 1 + i % 7))
    amount = "" if i % 6 == 1 else "1e-310" if i == 8 else i * i * 7.25 # 0 to the trainer
    rows.append([kind, years[i * 7 % 4], i % 7, mode, amount, 0 if i == 10 else i * .37,
                 i % 13 * 0.1, note])
def quoted(text): return '"%s"' % text.replace('"', '""')
with open("cells.csv", "w") as table:
    table.write("kind,year,day,mode,amount,price,cost,note\n")
    for kind, *rest in rows:
        table.write(",".join(map(str, [quoted(kind), *rest])) + "\n")
def text(cell): return '"%s"' % cell.replace('"', '\\"')
def number(cell): return str(cell) if cell != "" else "NAN"
with open("rows.h", "w") as file:
    for i in range(2, len(rows) - 2):
        kind, year, day, mode, amount, price, _, note = rows[i]
        kind = "never" if kind == "once" else kind
        window = ", ".join(number(x) for row in rows[i - 2:i + 1] for x in row[4:6])
        file.write('{%s, "%s", {%d}, "%s", {%s}, {%s}, {%s, %s}, %s},\n' % (
            text(kind), written.get(year, year), day, mode, window, number(amount), number(amount),
            number(price), text(note)))
END
cat >cells_host.c <<'END'
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"

static const struct row {
    const char *kind, *year;
    double day[1];
    const char *mode;
    double amount[6], size[1], again[2];
    const char *note;
} rows[] = {
#include "rows.h"
};

static float values[cells_values_size];

static int run(const struct row *r, void *arena)
{
    return cells_run_raw(NULL, r->kind, r->year, r->day, r->mode, r->amount, r->size, r->again,
                         r->mode, r->note, values, arena);
}

int main(void)
{
    void *arena = aligned_alloc(64, (cells_size() + 63) / 64 * 64);

    memset(arena, 0xff, cells_size());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (run(&rows[i], arena))
            return 1;
        printf("%.9g %.9g\n", (double)values[0], (double)values[1]);
    }
    struct row wrong[5] = {rows[0], rows[0], rows[0], rows[0], rows[0]};

    wrong[0].mode = "q", wrong[1].year = "", wrong[2].day[0] = 2.5;
    wrong[3].amount[5] = NAN, wrong[4].amount[4] = -1;
    for (int i = 0; i < 5; i++)
        if (run(&wrong[i], arena) != (i < 3 ? cells_WRONG_CLASS : cells_WRONG_NUMBER))
            return 2 + i;
    free(arena);
    return 0;
}
END
build cells cells.net
check "cells" ./cells --out cells-run --force --quiet
check "predicts" ./cells predict --weights cells-run --part train --format npy -o cells.npy
exits "a window behind other steps" 1 "window of amount is not said in ONNX" \
    ./cells export --weights cells-run --with-preparations -o none.onnx
check "as a library" "$netc" cells.net --library --weights cells-run -o cells-lib
# shellcheck disable=SC2086
check "a host of cells" "$cc" -std=c11 -Wall -Wextra -Werror $sanitize cells_host.c -Icells-lib \
    cells-lib/libcells.a -o cells-host
check "it runs, and refuses what is of no class and no number" sh -c './cells-host >said.cells'
check "it says what predict says" close cells.npy said.cells
exits "a run of other bins" 1 "has another quantiles of size" \
    sh -c 'sed "s/quantiles(5)/quantiles(4)/" "$2" >bins.net
           "$1" bins.net --library --weights cells-run -o other-lib' - "$netc" cells.net

finish
