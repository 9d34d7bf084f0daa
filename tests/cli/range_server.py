#!/usr/bin/env python3
"""A small file server for get_data.sh: range_server.py FOLDER PORTFILE [CUT].

It honours ranges, as servers of large files do, and with CUT breaks every answer off after that
many bytes. Requests are written to FOLDER/requests: a line each, the path and its range.
"""

import http.server
import os
import re
import sys

folder, portfile = sys.argv[1], sys.argv[2]
cut = int(sys.argv[3]) if len(sys.argv) > 3 else None


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = self.headers.get("Range", "")
        with open(os.path.join(folder, "requests"), "a") as log:
            log.write(f"{self.path} {wanted}\n")
        path = os.path.join(folder, os.path.basename(self.path))
        if not os.path.exists(path):
            return self.send_error(404)
        with open(path, "rb") as file:
            data = file.read()
        match = re.fullmatch(r"bytes=(\d+)-", wanted)
        begin = int(match.group(1)) if match else 0
        if begin and begin >= len(data):
            return self.send_error(416)
        self.send_response(206 if match else 200)
        if match:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        self.wfile.write(data[begin:][:cut])

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
with open(portfile + ".part", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(portfile + ".part", portfile)
server.serve_forever()
