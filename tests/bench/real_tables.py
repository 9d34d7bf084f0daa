"""Rows of real_data.py that read tables: a series, and one of categories, dates and missing cells.

Their files are those of the package vega_datasets (`pip install vega_datasets`): the weather of
Seattle from 2012 to 2015 (NOAA), and cars of 1970 to 1982 (StatLib's of 1983).
"""

import csv
import importlib.util
import json
import os
import shutil
import time

import numpy as np

from real_common import Netc, Row

HERE = os.path.dirname(os.path.abspath(__file__))


def file_of_vega(name):
    package = importlib.util.find_spec("vega_datasets")
    if not package:
        raise SystemExit("this row reads a file of the package vega_datasets: pip install it")
    return os.path.join(package.submodule_search_locations[0], "_data", name)


def weather(options, folder):
    """Tomorrow's highest temperature; beside it today's, the naive forecast."""
    shutil.copy(file_of_vega("seattle-weather.csv"), os.path.join(folder, "weather.csv"))
    netc = Netc(options, os.path.join(HERE, "weather"), folder)
    seconds = netc.train(folder, options.epochs or 60)
    reached = netc.eval(folder)["in_units"]["mae"]
    with open(os.path.join(folder, "weather.csv"), encoding="utf-8") as file:
        highest = np.array([float(row["temp_max"]) for row in csv.DictReader(file)])
    test = highest[-int(0.2*len(highest) + 0.5):]
    return Row("MAE in C", reached, "today's", np.abs(np.diff(test[13:])).mean(), seconds)


def write_cars(folder):
    """The files of both parts, each fifth row in test.csv; rows without a target are left out."""
    with open(file_of_vega("cars.json"), encoding="utf-8") as file:
        rows = [row for row in json.load(file) if row["Miles_per_Gallon"] is not None]
    parts = {"test": rows[::5], "train": [row for i, row in enumerate(rows) if i % 5]}
    for part, chosen in parts.items():
        with open(os.path.join(folder, part + ".csv"), "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(chosen)
    return parts


def scikit_learn(parts, epochs):
    """MAE and seconds of a pipeline of the same features, split and network."""
    from sklearn.compose import ColumnTransformer
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    def table(rows):
        numbers = ("Displacement", "Horsepower", "Weight_in_lbs", "Acceleration")
        return np.array([[np.nan if row[name] is None else float(row[name]) for name in numbers]
                         + [float(row["Year"][:4]), float(row["Cylinders"]),
                            float(("Europe", "Japan", "USA").index(row["Origin"]))]
                         for row in rows])

    def target(rows):
        return np.array([row["Miles_per_Gallon"] for row in rows], float)

    features = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
         [0, 1, 2, 3]),
        ("year", StandardScaler(), [4]),
        ("classes", OneHotEncoder(), [5, 6])])
    network = MLPRegressor(hidden_layer_sizes=(64, 32), alpha=1e-4, batch_size=32,
                           max_iter=epochs, n_iter_no_change=epochs, random_state=0)
    model = TransformedTargetRegressor(make_pipeline(features, network),
                                       transformer=StandardScaler())
    began = time.perf_counter()
    model.fit(table(parts["train"]), target(parts["train"]))
    seconds = time.perf_counter() - began
    return np.abs(model.predict(table(parts["test"])) - target(parts["test"])).mean(), seconds


def cars(options, folder):
    """Miles per gallon, beside scikit-learn's pipeline with its MLPRegressor."""
    parts, netc = write_cars(folder), Netc(options, os.path.join(HERE, "cars"), folder)
    seconds = netc.train(folder, options.epochs or 100)
    beside, its_seconds = scikit_learn(parts, options.epochs or 100)
    return Row("MAE in mpg", netc.eval(folder)["in_units"]["mae"], "scikit-learn", beside, seconds,
               its_seconds)
