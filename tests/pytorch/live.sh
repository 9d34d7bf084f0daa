#!/usr/bin/env bash
# live.sh -- the losses of tests/pytorch/cases.txt against the PyTorch that is installed, if one is.
# BUILD: where netc is.
set -euo pipefail
cd "$(dirname "$0")/../.."
if python3 -c 'import torch, numpy' 2>/dev/null; then
    exec python3 tests/pytorch/losses.py compare --netc "${BUILD:-build}/netc"
fi
echo "python3 has no torch (pip install torch numpy)"
echo "0 passed, 0 failed, 1 skipped"
