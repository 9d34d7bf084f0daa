"""sklearn_metrics.py -- the numbers of scikit-learn that scores.c and metrics_test.c
hold metrics to: python3 tests/runtime/sklearn_metrics.py"""
import numpy as np
from sklearn import metrics

ROWS = 97


def outputs(classes):
    """Quarters from -2 to 2, so that many are equal."""
    i, c = np.mgrid[:ROWS, :classes]
    return ((i * 37 + c * 101 + i * i * 7) % 17 - 8) / 4


def truth(classes):
    i = np.arange(ROWS)
    return (i * i + i // 3) % classes


def softmax(z):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


for classes in (1, 2, 5):
    z, y = outputs(classes), truth(max(classes, 2))
    p = 1 / (1 + np.exp(-z[:, 0])) if classes == 1 else softmax(z)
    one = p if classes < 5 else None
    if classes == 2:
        one = p[:, 1]
    print(classes,
          metrics.roc_auc_score(y, p if one is None else one, multi_class="ovr"),
          metrics.average_precision_score(y, p if one is None else one),
          metrics.log_loss(y, p))
z = outputs(3)
labels = np.stack([truth(2), truth(3) > 0, truth(5) > 3], axis=1)
print(metrics.accuracy_score(labels, z >= 0), 1 - metrics.hamming_loss(labels, z >= 0),
      metrics.f1_score(labels, z >= 0, average="macro", zero_division=0))
y, p = np.array([[20., 7], [30, 8], [65, 11]]), np.array([[25., 7.5], [27, 8], [70, 10]])
print(metrics.mean_absolute_percentage_error(y, p), metrics.root_mean_squared_error(y, p),
      np.sqrt(metrics.mean_squared_error(y, p)), metrics.mean_absolute_error(y, p),
      metrics.r2_score(y, p))
