"""A batchnorm behind reshape, dropout and flatten, of which evaluation has another layout."""

from batchnorms import batchnorm, check, dense


def network(w, rows, training):
    h = batchnorm(w, 'net.batchnorm', dense(w, 'net.dense_1', rows['x']), training)
    return dense(w, 'net.dense_2', h)


check('m.net', network, dropout=True)
