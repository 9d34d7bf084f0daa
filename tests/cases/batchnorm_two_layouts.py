"""One batchnorm that is called with a value of one run of channels and with a concat of two."""

import numpy
from batchnorms import batchnorm, check, dense


def network(w, rows, training):
    a = dense(w, 'net.a', rows['x'])
    b = numpy.concatenate([rows['x'], rows['z']], axis=1)
    both = sum(batchnorm(w, 'norm.batchnorm', v, training) for v in (a, b))
    return dense(w, 'net.dense', both)


check('small.net', network)
