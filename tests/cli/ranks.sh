#!/usr/bin/env bash
# ranks.sh -- `shards`: a batch in parts has the whole one's loss, and leaves the same bits on one
# thread and two, in one go or resumed.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

# 367 training rows: the last of each epoch's four batches has 79, so that shards differ and some
# are empty. Classes weigh differently, the rows of a shard too.
cat >parts.net <<'END'
let drop = 0.2

data {
    train      = digits(rows=408, seed=3)
    validation = holdout(0.1)

    input  image[1, 28, 28] = image -> scale(1/255)
    target label            = label -> classes(10)
    augment image           = image -> pad(2) -> random_crop(28, 28)
}

network net(image) {
    image -> conv2d(5, 5, stride=3, l2=1e-4) -> relu -> flatten
          -> dropout(drop) -> dense(19) -> relu -> dense(10)
}

train {
    loss      = cross_entropy(net(image), label, class_weights=[1, 2, 1, 1, 3, 1, 1, 0, 1, 1])
    optimizer = sgd(lr=0.05, momentum=0.9)
    clip      = norm(1)
    shards    = 8
    ema       = 0.9
    batch     = 96
    epochs    = 3
    metrics   = [accuracy]
}
END
build parts parts.net
parts() { # NAME OPTIONS...
    local name=$1
    shift
    ./parts train --out "$name" --force --quiet "$@"
}

for shards in 1 2 8 256; do
    check "$shards shards" parts mean --shards $shards --drop 0 --max-steps 9 \
        --log-steps $shards.csv
done
check "have the loss of the whole batch" python3 - <<'END'
whole, *others = ([float(line.split(",")[1]) for line in list(open(f"{n}.csv"))[1:]]
                  for n in (1, 2, 8, 256))
for losses in others:
    assert len(losses) == 9, losses
    assert all(abs(a - b) <= 1e-5 * b for a, b in zip(losses, whole)), (losses, whole)
END
check "on one thread" parts one --threads 1
check "on two" parts two --threads 2
check "the same bits" cmp one/model.safetensors two/model.safetensors
check "of whole epochs and a part" parts resumed --max-steps 6
check "resumed" ./parts train --resume resumed --quiet --max-steps 0
check "the same bits, resumed" cmp one/model.safetensors resumed/model.safetensors
exits "diverged in a shard" 3 "in step 2 .* it began in the result of net.dense_1 (line 14)" \
    ./parts train --lr 1e30 --clip 0 --out spoilt
exits "shards that make no tree" 2 "shards are a power of two" ./parts train --shards 6 --out odd
finish
