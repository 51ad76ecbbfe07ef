"""Measures a published folder as a Lambda function: its size, the time from the start of the process to its first answer, and that of the answers after it.

    python3 lambda_cold_start.py PUBLISHED [--path /health/live] [--runs 5]

Stands in for the runtime API on a socket; the process is killed after its answers.
"""
import argparse
import http.server
import json
import os
import queue
import statistics
import subprocess
import tempfile
import threading
import time
import zipfile

parser = argparse.ArgumentParser()
parser.add_argument("published")
parser.add_argument("--path", default="/health/live")
parser.add_argument("--runs", type=int, default=5)
options = parser.parse_args()

given, told = queue.Queue(), queue.Queue()


class Runtime(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = given.get().encode()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        told.put((time.perf_counter(), self.path, body))

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A killed process leaves its connections."""


server = Server(("127.0.0.1", 0), Runtime)
threading.Thread(target=server.serve_forever, daemon=True).start()
event = json.dumps({
    "version": "2.0", "rawPath": options.path, "rawQueryString": "", "headers": {"host": "x.lambda-url.eu-central-1.on.aws"},
    "requestContext": {"stage": "$default", "http": {"method": "GET", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}},
})

with tempfile.TemporaryDirectory() as folder:
    package = os.path.join(folder, "package.zip")
    size = 0
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for root, _, files in os.walk(options.published):
            for name in files:
                path = os.path.join(root, name)
                size += os.path.getsize(path)
                archive.write(path, os.path.relpath(path, options.published))
    print(f"package: {size / 1e6:.0f} MB, {os.path.getsize(package) / 1e6:.0f} MB as a zip (Lambda takes 250 MB unpacked)")

    cold, warm = [], []
    for run in range(options.runs):
        environment = dict(os.environ, AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{server.server_port}", DataPlatform__Data=os.path.join(folder, "data"), DataPlatform__Stream__Kind="None")
        environment.pop("OTEL_EXPORTER_OTLP_ENDPOINT", None)
        given.put(event)
        started = time.perf_counter()
        process = subprocess.Popen([os.path.join(options.published, "Write.DataPlatform.Api"), "serve", "--role", "api"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            at, path, body = told.get(timeout=120)
            answer = json.loads(body)
            if not path.endswith("/response") or answer["statusCode"] != 200:
                raise SystemExit(f"the first answer is wrong: {path} {body[:300]!r}")
            cold.append(at - started)
            for _ in range(20):
                asked = time.perf_counter()
                given.put(event)
                warm.append(told.get(timeout=60)[0] - asked)
        finally:
            process.kill()
            process.wait()
            while not given.empty():
                given.get()
    print(f"cold start to the first answer: {statistics.median(cold) * 1000:.0f} ms (median of {len(cold)}, {min(cold) * 1000:.0f} to {max(cold) * 1000:.0f})")
    print(f"an answer after it: {statistics.median(warm) * 1000:.1f} ms (median of {len(warm)})")
