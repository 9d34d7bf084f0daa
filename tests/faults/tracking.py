"""tracking.py -- what of MLflow's server a trainer asks for, in this process, in memory."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RUNS = {}  # by id: metrics by (name, step), params, the names of files, status


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, json_object):
        text = json.dumps(json_object).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def body(self):
        return self.rfile.read(int(self.headers['Content-Length']))

    def do_GET(self):  # experiments/get-by-name
        self.answer({'experiment': {'experiment_id': '1'}})

    def do_PUT(self):
        self.body()
        run, _, name = self.path.split('/')[-3:]
        RUNS[run]['files'].add(name)
        self.answer({})

    def do_POST(self):
        asked = json.loads(self.body())
        run = RUNS.get(asked.get('run_id'))
        if self.path.endswith('/runs/create'):
            name = f'run{len(RUNS)}'
            RUNS[name] = {'metrics': {}, 'params': {}, 'files': set(), 'status': None}
            place = f'mlflow-artifacts:/1/{name}/artifacts'
            self.answer({'run': {'info': {'run_id': name, 'artifact_uri': place}}})
            return
        for metric in asked.get('metrics', ()):
            run['metrics'][metric['key'], metric['step']] = metric['value']
        for param in asked.get('params', ()):
            run['params'][param['key']] = param['value']
        if 'status' in asked:
            run['status'] = asked['status']
        self.answer({'experiment_id': '1'})

    def log_message(self, *_):
        pass


SERVER = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
URL = f'http://127.0.0.1:{SERVER.server_port}'
threading.Thread(target=SERVER.serve_forever, daemon=True).start()
