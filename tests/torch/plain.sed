# A model of models/ as it is compared: without what is drawn and without splits.
/^ *(augment|validation|test) /d
s/ -> dropout\([^)]*\)//
