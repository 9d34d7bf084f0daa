#!/usr/bin/env python3
"""Unicode's simple lower case as rows of lower_case.def: runs of capitals, each `step` behind the
one before, whose small letters are `distance` behind them.

    python3 runtime/core/lower_case.py >runtime/core/lower_case.def
"""

import sys
import unicodedata

LAST = 0x10FFFF


def small(code):
    """UnicodeData.txt's simple mapping; str.lower() has the full one, longer for U+0130."""
    text = chr(code).lower()
    return ord(text[0]) if len(text) == 1 or code == 0x130 else code


def runs():
    """(first, last, step, distance) of all that is no small letter."""
    made = []
    for code in range(LAST + 1):
        distance = small(code) - code
        if not distance:
            continue
        if made:
            first, last, step, same = made[-1]
            if distance == same and code - last in ((step,) if last > first else (1, 2)):
                made[-1] = (first, code, code - last, distance)
                continue
        made.append((code, code, 1, distance))
    return made


def main():
    print(f"/* lower_case.def -- Unicode {unicodedata.unidata_version}, made by lower_case.py: "
          "LOWER(first, last, step, distance) */\n")
    for first, last, step, distance in runs():
        print(f"LOWER(0x{first:X}, 0x{last:X}, {step}, {distance})")


if __name__ == "__main__":
    sys.exit(main())
