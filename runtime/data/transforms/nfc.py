#!/usr/bin/env python3
"""What Unicode's normalization form C knows of characters, as lists of nfc.def; Hangul is computed.

    python3 runtime/data/transforms/nfc.py >runtime/data/transforms/nfc.def
"""

import sys
import unicodedata

CODES = range(0x110000)


def decompositions():
    """The canonical mappings by code: one character or two."""
    made = {}
    for code in CODES:
        mapping = unicodedata.decomposition(chr(code))
        if mapping and mapping[0] != "<":
            made[code] = [int(part, 16) for part in mapping.split()]
    return made


def classes():
    """(first, last, combining class) of all whose class is not 0."""
    made = []
    for code in CODES:
        of_code = unicodedata.combining(chr(code))
        if not of_code:
            continue
        if made and made[-1][1:] == (code - 1, of_code):
            made[-1] = (made[-1][0], code, of_code)
        else:
            made.append((code, code, of_code))
    return made


def print_list(name, text, numbers, form="0x{:X}"):
    print(f"\n/* {text} */\n{name}(")
    line = ""
    words = [form.format(number) for number in numbers]
    for i, word in enumerate(words):
        word += "," if i + 1 < len(words) else ")"
        if len(line) + len(word) > 99:
            print(line)
            line = ""
        line += word
    print(line)


def main():
    mappings = decompositions()
    pairs = [(code, *to) for code, to in mappings.items() if len(to) == 2]
    composed = [i for i, (code, *to) in enumerate(pairs)
                if unicodedata.normalize("NFC", "".join(map(chr, to))) == chr(code)]
    composed.sort(key=lambda i: pairs[i][1:])
    print(f"/* nfc.def -- Unicode {unicodedata.unidata_version}, made by nfc.py */")
    print_list("SINGLES", "code, the character that it is", [
        n for code, to in mappings.items() if len(to) == 1 for n in (code, *to)])
    print_list("PAIRS", "code, the two characters that it is made of", [
        n for pair in pairs for n in pair])
    print_list("COMPOSED", "which pairs are put together again, by number, in order of the two",
               composed, "{}")
    print_list("CLASSES", "first, last, combining class", [n for run in classes() for n in run])


if __name__ == "__main__":
    sys.exit(main())
