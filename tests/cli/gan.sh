#!/usr/bin/env bash
# gan.sh -- two train sections in turn, inputs that are drawn and targets that are numbers.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

cp "$root/tests/cli/gan.net" .
build gan gan.net

weights() { tail -c 3000 "$1/model.safetensors" | cksum; }

check "a run" ./gan --out run --quiet
check "history.csv has both losses" \
    grep -qE "^epoch,train_loss,train_loss_discriminator,train_loss_generator," run/history.csv
check "the loss is their sum" awk -v a="$(final run validation loss_discriminator)" \
    -v b="$(final run validation loss_generator)" -v c="$(final run validation loss)" \
    'BEGIN { d = a + b - c; exit d * d > 1e-18 }'
check "the last weights are kept" grep -q '"keep": "last"' run/run.json
check "on 3 threads" ./gan --out threads --threads 3 --quiet
check "the same bits" [ "$(weights run)" = "$(weights threads)" ]
check "stopped within an epoch" ./gan --out stopped --max-steps 13 --quiet
check "and resumed" ./gan --resume stopped --quiet
check "the same bits" [ "$(weights run)" = "$(weights stopped)" ]
check "and history" cmp <(cut -d, -f1-7 run/history.csv) <(cut -d, -f1-7 stopped/history.csv)
check "eval draws as validation did" \
    [ "$(./gan eval --weights run --part validation --json | grep -o '"loss": [0-9.]*')" = \
    "\"loss\": $(final run validation loss)" ]
check "the page has what was made" grep -q 'id="made"' run/report.html
check "which is a picture of the report too" sh -c './gan report run --svg figures &&
    grep -q "<image width=\"[1-9][0-9]*\" .*data:image/png;base64,[^\"]*\"/>" figures/made.svg'
check "and predict" bash -c '[ "$(./gan predict --weights run --part validation |
    awk "NF == 784" | wc -l)" = 100 ]'
check "a rate of the second section is a flag" ./gan --rate 1e-9 --out still --quiet
check "which trains as little" awk -v a="$(final still train loss_generator)" \
    -v b="$(final run train loss_generator)" 'BEGIN { exit a <= b }'
exits "which diverges" 3 "Try smaller rates in the train sections" ./gan --rate 1e30 --out diverged
exits "one that would be of all is none" 2 "several train sections" ./gan --lr 0.1 --out none
exits "no rate is looked for" 2 "2 train sections, whose losses" ./gan find_lr
check "gradcheck, each by its section's loss" ./gan gradcheck --synthetic g.dense_1
check "of the other one" ./gan gradcheck d.dense


# ---- what a section does not train ---------------------------------------------------------------

cat >memory.net <<'END'
data {
    train = digits(rows=100)
    input image[1, 28, 28] = image -> scale(1/255)
    input digit            = label -> classes(10)
    input z[8]             = normal
}
network d(image, digit) {
    lines = image -> reshape(28, 28) -> conv1d(16, 1)
    a = attention(lines, image -> reshape(28, 28) -> conv1d(16, 1), heads=2)
    concat(digit -> embedding(8, frozen=true), a -> mean(axis=length)) -> dense(1)
}
network g(z) { z -> dense(784) -> tanh -> reshape(1, 28, 28) }
train first {
    loss       = mse(d(image, digit), 1) + mse(d(g(z), digit), 0)
    parameters = [d]
    optimizer  = adam(lr=1e-3)
}
train second {
    loss       = mse(d(g(z), digit), 1)
    parameters = [g]
    optimizer  = adam(lr=1e-3)
}
END
check "through parts of weights that a section before has trained" "$netc" memory.net --emit-c \
    -o memory.c
check "a frozen embedding" sh -c '"$1" memory.net --summary | grep -q "Non-trainable params: 80 "' \
    sh "$netc"
finish
