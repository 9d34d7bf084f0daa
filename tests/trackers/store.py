"""store.py: what MLflow's own package finds in a folder or on a server, as JSON by run."""

import json
import os
import sys

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"

from mlflow.tracking import MlflowClient


def main(place):
    client = MlflowClient(place if "://" in place else f"file://{os.path.realpath(place)}")
    runs = {}
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id]):
            found = client.list_artifacts(run.info.run_id)
            runs[run.info.run_name] = {
                "experiment": experiment.name,
                "status": run.info.status,
                "seconds": (run.info.end_time or 0) / 1e3 - run.info.start_time / 1e3,
                "params": run.data.params,
                "tags": run.data.tags,
                "artifacts": [f.path for f in found if f.file_size],
                "metrics": {name: [[m.step, m.value]
                                   for m in client.get_metric_history(run.info.run_id, name)]
                            for name in run.data.metrics},
            }
    json.dump(runs, sys.stdout, indent=1)


main(sys.argv[1])
