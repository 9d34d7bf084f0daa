# A model of models/ as it is compared: without what is drawn and without splits.
/^ +(augment|validation|test) /,/^ *$|^}|^ +(input|target) /{
    /^ +(input|target) |^}|^ *$/!d
}
s/ -> dropout\([^)]*\)//
