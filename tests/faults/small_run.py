"""The model and the arrays of the short runs that faults.py and ranks.py disturb."""

import struct

MODEL = '''data {
    train      = npy(x="x.npy", y="y.npy")
    validation = holdout(0.2)
    input  x[8] = x -> standardize
    target y    = y -> classes(2)
}
network net(x) { x -> dense(8) -> relu -> dropout(0.2) -> dense(2) }
train {
    loss      = cross_entropy(net(x), y)
    optimizer = adam(lr=0.01)
    batch     = 32
    epochs    = 3
    metrics   = [accuracy]
}
'''


def npy(path, kind, shape, numbers):
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + '\n'
    path.write_bytes(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head.encode() + numbers)
