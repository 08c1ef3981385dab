#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test: services timeout=400
# `shadowctl metrics` prints what Prometheus reads: from a file of prometheus-node-exporter, and over
# HTTP in OpenMetrics. Prometheus answers queries with the numbers of `shadowctl stat --json`, and
# has values for each query of the dashboard.
command -v prometheus >/dev/null || { echo "this guest has no prometheus"; exit 77; }
ip link set lo up
PYTHONPATH=${0%/*}/lib exec python3 - <<'END'
import json
import os
import re
import signal
import stat
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client.openmetrics import parser

from check import ctl, finish, is_, run

FOLDER = "/var/lib/prometheus/node-exporter"
FILE = FOLDER + "/shadowk.prom"
DASHBOARD = "/usr/lib/shadowk/examples/grafana-dashboard.json"
API = "http://127.0.0.1:9090"


def promtool(what):
    """Reads the file as promtool does, which also complains about names and missing texts."""
    with open(FILE) as file:
        done = subprocess.run(["promtool", "check", "metrics"], stdin=file, capture_output=True,
                              text=True, check=False)
    is_("promtool, " + what, (done.returncode, done.stdout + done.stderr), (0, ""))


def families(text):
    """Reads OpenMetrics as its strict parser for Python does."""
    return {f.name: f for f in parser.text_string_to_metric_families(text)}


def write():
    is_("written", run("metrics", "--output", FILE), "")
    is_("files", os.listdir(FOLDER), ["shadowk.prom"])
    is_("mode", stat.S_IMODE(os.stat(FILE).st_mode), 0o644)


os.makedirs(FOLDER, exist_ok=True)
is_("no shadows", {name: [s.value for s in f.samples] for name, f in families(run("metrics")).items()
                   if f.samples},
    {"shadowk_module_loaded": [1], "shadowk_module": [1], "shadowk_shadows": [0],
     "shadowk_processes": [0], "shadowk_memory_bytes": [0]})
write()
promtool("no shadows")

for name in ("web", "other"):
    run("create", name)
run("probe", "add", "web", "vfs_read", "--kind", "latency", "--name", "reads")
run("probe", "add", "web", "vfs_write", "--name", "writes")
run("probe", "add", "other", "vfs_read", "--kind", "latency", "--name", "reads")
subprocess.run(["shadowctl", "run", "web", "--", "dd", "if=/dev/zero", "of=/dev/null", "bs=64",
                "count=2000"], stderr=subprocess.DEVNULL, check=True)
inside = subprocess.Popen(["shadowctl", "run", "other", "--", "sleep", "1000"])
while ctl("show", "other")["nr_processes"] != 1 or \
        open(f"/proc/{inside.pid}/comm").read() != "sleep\n":
    time.sleep(0.1)
# A shadow without a name, as commands have it. The process in it makes no others.
watched = subprocess.Popen(["sleep", "1000"])
looking = subprocess.Popen(["shadowctl", "count", "--pid", str(watched.pid), "ksys_lseek"],
                           stdout=subprocess.DEVNULL)
while [s["nr_processes"] for s in ctl("list")] != [0, 1, 1]:
    time.sleep(0.1)

text = run("metrics")
is_("the same again", run("metrics"), text)
got = families(text)
is_("types", {f.type for f in got.values()}, {"gauge", "counter", "histogram", "info"})
is_("units", {f.unit for f in got.values()}, {"", "bytes", "seconds"})
is_("texts", [f.name for f in got.values() if not f.documentation], [])
is_("shadows", [s.labels["shadow"] for s in got["shadowk_shadow_processes"].samples],
    ["web", "other", ""])
is_("probes", [(s.labels["shadow"], s.labels["probe"], s.labels["function"])
               for s in got["shadowk_probe_hits"].samples],
    [("web", "reads", "vfs_read"), ("web", "writes", "vfs_write"), ("other", "reads", "vfs_read")])
write()
promtool("with shadows")
inode = os.stat(FILE).st_ino
write()
is_("the file is replaced, not changed", os.stat(FILE).st_ino != inode, True)
with open(FILE) as file:
    is_("format of the file", file.read(), run("metrics", "--format", "prometheus"))
is_("a device", "/dev/stdout" in run("metrics", "--output", "/dev/stdout", status=1), True)
is_("no folder", "/none/x" in run("metrics", "--output", "/none/x", status=1), True)
is_("no format", "openmetrics or prometheus" in run("metrics", "--format", "text", status=2), True)


class Answer(BaseHTTPRequestHandler):
    """Gives the metrics in OpenMetrics, so that Prometheus reads them by its own parser."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type",
                         "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.end_headers()
        self.wfile.write(run("metrics").encode())

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 9200), Answer)
Thread(target=server.serve_forever, daemon=True).start()
with open("/tmp/prometheus.yml", "w") as file:
    file.write("""
global: { scrape_interval: 5s, scrape_timeout: 5s }
scrape_configs:
  - { job_name: file, static_configs: [ { targets: [ "127.0.0.1:9100" ] } ] }
  - { job_name: http, static_configs: [ { targets: [ "127.0.0.1:9200" ] } ] }
""")
log = open("/tmp/prometheus.log", "w")
exporter = subprocess.Popen(
    ["prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
     "--collector.textfile.directory=" + FOLDER, "--web.listen-address=127.0.0.1:9100"],
    stdout=log, stderr=log)
prometheus = subprocess.Popen(
    ["prometheus", "--config.file=/tmp/prometheus.yml", "--storage.tsdb.path=/tmp/prometheus",
     "--web.listen-address=127.0.0.1:9090"], stdout=log, stderr=log)


def query(expression):
    """Returns the results: pairs of labels and a value."""
    url = API + "/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(url, timeout=30) as answer:
        return [(r["metric"], float(r["value"][1])) for r in json.load(answer)["data"]["result"]]


def results(expression, enough=1):
    """Returns the results once there are enough of them: after a slow scrape there are none."""
    for _ in range(60):
        try:
            found = query(expression)
            if len(found) >= enough:
                return found
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            pass        # it starts
        time.sleep(1)
    return []


def value(expression):
    values = [v for _, v in results(expression)]
    return values[0] if len(values) == 1 else values


is_("series", len(results("shadowk_probe_hits_total", 6)), 6)
is_("series with two samples", len(results("rate(shadowk_probe_hits_total[1m])", 6)), 6)

for job in ("file", "http"):
    where = f'job="{job}"'
    is_(f"{job}: up", len(results(f'up{{{where}}} == 1')), 1)
    is_(f"{job}: module", value(f'shadowk_module_loaded{{{where}}}'), 1)
    is_(f"{job}: processes", value(f'shadowk_shadow_processes{{shadow="other",{where}}}'), 1)
    for name in ("web", "other"):
        shadow = ctl("stat", name)
        of = f'{{shadow="{name}",id="{shadow["id"]}",{where}'
        is_(f"{job}: memory of {name}", value(f'shadowk_shadow_memory_bytes{of}}}'),
            shadow["memory"])
        is_(f"{job}: pages of {name}", value(f'shadowk_shadow_private_pages{of}}}'),
            shadow["private_pages"])
        for probe in shadow["probes"]:
            what = f"{job}: {name} {probe['name']}"
            one = f'{of},probe="{probe["name"]}",function="{probe["symbol"]}"'
            is_(f"{what}: hits", value(f'shadowk_probe_hits_total{one}}}'), probe["hits"])
            is_(f"{what}: missed", value(f'shadowk_probe_missed_total{one}}}'), probe["missed"])
            is_(f"{what}: unreturned", value(f'shadowk_probe_unreturned{one}}}'),
                probe["unreturned"])
            if probe["kind"] != "latency":
                continue
            series = "shadowk_probe_latency_seconds"
            is_(f"{what}: sum", round(value(f'{series}_sum{one}}}') * 1e9), probe["latency_sum"])
            is_(f"{what}: count", value(f'{series}_count{one}}}'), probe["hits"])
            buckets = results(f'{series}_bucket{one}}}')
            is_(f"{what}: buckets", len(buckets), 32)
            for labels, count in buckets:
                bound = float(labels["le"]) * 1e9
                is_(f"{what}: le {labels['le']}", count,
                    sum(s["count"] for s in probe["histogram"] if s["hi"] - 1 <= bound * (1 + 1e-9)))
is_("hits", ctl("stat", "web")["probes"][0]["hits"] >= 2000, True)
is_("errors of node-exporter", value("node_textfile_scrape_error"), 0)

with open(DASHBOARD) as file:
    dashboard = json.load(file)
expressions = [t["expr"] for p in dashboard["panels"] for t in p["targets"]]
is_("expressions", len(expressions) > 10, True)
samples = {s.name for f in got.values() for s in f.samples}
for name in set(re.findall(r"\bshadowk_\w+", json.dumps(dashboard))):
    is_(f"metric {name} of the dashboard", name in samples, True)
is_("metrics that the dashboard lacks",
    samples - set(re.findall(r"\bshadowk_\w+", json.dumps(dashboard))), set())
for expression in expressions:
    filled = expression.replace("$__rate_interval", "1m").replace("$shadow", ".*")
    is_(filled, len(results(filled)) > 0, True)

prometheus.terminate()
exporter.terminate()
for process in (prometheus, exporter):
    process.wait()
server.shutdown()
looking.send_signal(signal.SIGINT)
looking.wait()
for process in (inside, watched):
    process.kill()
    process.wait()
run("destroy", "web")
run("destroy", "other")
while ctl("list"):
    time.sleep(0.1)
subprocess.run(["rmmod", "shadowk"], check=True)
done = subprocess.run(["shadowctl", "metrics"], capture_output=True, text=True, check=False)
is_("without the module", (done.returncode, "the module is not loaded" in done.stderr), (0, True))
is_("metrics without the module", [s for f in families(done.stdout).values() for s in f.samples],
    [("shadowk_module_loaded", {}, 0.0, None, None)])
write()
promtool("without the module")
finish()
END
