# flowers.sh -- a small table of three classes and a model of it, in the current folder: flowers.csv
# of 90 rows, flowers.net. Sourced by scripts.
# shellcheck shell=bash

# rows COUNT: of three classes
rows() {
    awk -v n="$1" 'BEGIN {
        print "x,y,kind"
        for (i = 0; i < n; i++)
            printf "%.4f,%.4f,%s\n", sin(i * i) + i % 3, cos(i), substr("abc", i % 3 + 1, 1)
    }'
}
rows 90 >flowers.csv
cat >flowers.net <<'END'
data {
    train      = csv("flowers.csv")
    validation = holdout(0.2)

    input  x[2] = columns("x".."y") -> standardize
    target kind = column("kind") -> classes(3)
}

network net(x) { x -> dense(8) -> relu -> dense(3) }

train {
    loss      = cross_entropy(net(x), kind)
    optimizer = adam(lr=0.01)
    batch     = 16
    epochs    = 2
}
END
