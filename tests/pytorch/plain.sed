# A model of models/ as it is compared: without what is drawn and without splits; drawn
# digits are read from a file.
/^ +(augment|validation|test) /,/^ *$|^}|^ +(input|target) /{
    /^ +(input|target) |^}|^ *$/!d
}
s/ -> dropout\([^)]*\)//
s/ -> noise\([^)]*\)//
s/digits\([^)]*\)/idx(image="train-images-idx3-ubyte.gz", label="train-labels-idx1-ubyte.gz")/
