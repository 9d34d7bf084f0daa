# A model of models/ as it is compared: without what is drawn and without splits.
/^ +(augment|validation|test) /,/^ *$|^}|^ +(input|target) /{
    /^ +(input|target) |^}|^ *$/!d
}
s/ -> dropout\([^)]*\)//
# the same products as PyTorch's: minimal filtering rounds otherwise, and kinks make more of it
s/^( *)batch( *)= /\1conv = direct\n&/
