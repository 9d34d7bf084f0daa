"""server.py PORT: MLflow's own server, with its runs and files in the current folder."""

import os
import sys

os.environ.update({
    "_MLFLOW_SERVER_FILE_STORE": "sqlite:///runs.db",       # as `mlflow server` tells its workers
    "_MLFLOW_SERVER_REGISTRY_STORE": "sqlite:///runs.db",
    "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
    "_MLFLOW_SERVER_ARTIFACT_DESTINATION": os.path.abspath("files"),
    "DO_NOT_TRACK": "true",
})

from mlflow.server import app

app.run(host="127.0.0.1", port=int(sys.argv[1]), threaded=True)
