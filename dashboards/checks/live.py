"""The boards and rules against a real Prometheus, and an alert through a real Alertmanager.

Without a URL, the plugin is driven by traffic.py, and what `qpc-metrics prometheus` prints is served to Prometheus; at the
end the server is stopped, and the counters and the alert that follows are looked at. With a URL, that exporter is scraped,
and only the questions of boards and rules are asked. Everything is on loopback and in a temporary directory.
"""

import contextlib
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import promql
import rules
from catalogue import ROOT

PATIENCE = 90


class Failed(Exception):
    pass


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Handler(http.server.BaseHTTPRequestHandler):
    """GET /metrics: the exposition. POST: what Alertmanager tells, kept."""

    def do_GET(self):
        command = [self.server.command, "prometheus", "--dir", self.server.directory]
        made = subprocess.run(command, capture_output=True)
        self.send_response(200 if made.returncode == 0 else 500)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.end_headers()
        self.wfile.write(made.stdout)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append((self.path, json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Prometheus:
    def __init__(self, url):
        self.url = url

    def get(self, path, **parameters):
        query = urllib.parse.urlencode(parameters, doseq=True)
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise Failed(f"{path} {parameters}: {error.read().decode()}") from None

    def values(self, expression):
        """The numbers that an instant query gives, without NaN."""
        found = self.get("query", query=expression)["result"]
        return [value for value in (float(one["value"][1]) for one in found) if value == value]

    def one(self, expression):
        values = self.values(expression)
        return values[0] if len(values) == 1 else None


@contextlib.contextmanager
def process(arguments, log, **options):
    """Ends it, and only it; it also ends when this program is killed."""
    if shutil.which("setpriv"):
        arguments = ["setpriv", "--pdeathsig", "KILL", *arguments]
    with open(log, "wb") as output:
        child = subprocess.Popen(arguments, stderr=output, stdout=options.pop("stdout", output), **options)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def wait_for(what, ask, seconds=PATIENCE):
    """Asks again and again, until the answer is neither None nor False."""
    end = time.monotonic() + seconds
    while True:
        try:
            if answer := ask():
                return answer
        except (OSError, Failed):
            pass
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(0.5)


def questions(boards, recorded, alerts):
    """(what, expression, how) for everything that should find data."""
    for name, board in boards.items():
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                expression = target["expr"]
                for variable, value in (
                    ("$__rate_interval", "15s"), ("$__range", "30s"), ("$job", ".+"), ("$instance", ".+"),
                ):
                    expression = expression.replace(variable, value)
                yield f"{name}, panel '{panel['title']}', {target['refId']}", expression
    for rule in recorded:
        yield f"rule {rule['record']}", rule["record"]
    for rule in alerts:
        # An alert that finds nothing is content. What it looks at must be there all the same, and now: a day has not
        # passed since the beginning.
        asked = set()
        for node, _ in promql.selectors(promql.parse(rule["expr"])):
            if not node.name.startswith("node_"):
                asked.add(re.sub(r" offset \S+$", "", str(node)))
        for selector in sorted(asked):
            yield f"alert {rule['alert']} looks at", selector


def prepare(place, yaml, target, alertmanager_port, hook_port):
    """The example configurations, hurried: Prometheus each second, alerts without waiting, Alertmanager at once."""
    config = yaml.safe_load((rules.PLACE / "scrape.example.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0] |= {
        "scheme": target.scheme, "metrics_path": target.path or "/metrics",
        "static_configs": [{"targets": [target.netloc]}]}
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{alertmanager_port}"]
    (place / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    shutil.copy(rules.PLACE / "rules.yml", place)
    hurried = yaml.safe_load((rules.PLACE / "alerts.yml").read_text("utf-8"))
    for group in hurried["groups"]:
        for rule in group["rules"]:
            if rule["alert"] == "QpcPluginDown":
                rule["for"] = "2s"
    (place / "alerts.yml").write_text(yaml.safe_dump(hurried), "utf-8")
    routes = (ROOT / "dashboards/alertmanager/alertmanager.example.yml").read_text("utf-8")
    routes = routes.replace("127.0.0.1:9099", f"127.0.0.1:{hook_port}").replace("group_wait: 10s", "group_wait: 1s")
    (place / "alertmanager.yml").write_text(routes, "utf-8")


def run(url, boards, yaml, say):
    """Says each step by `say`; raises Failed."""
    if shutil.which("prometheus") is None:
        return say("skipped", "a real Prometheus", "prometheus is not installed")
    products = pathlib.Path(os.environ.get("QPC_TEST_PRODUCTS", ROOT / ".build/release"))
    command, plugin = products / "qpc-metrics", products / "libMetricsPlugin.so"
    if url is None and not (command.exists() and plugin.exists()):
        return say("skipped", "a real Prometheus", f"{products} has no build; scripts/build makes one")
    recorded, alerts = rules.load(yaml)
    # Some who start this program have signals blocked, and a child that inherits that never hears of its end.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    with contextlib.ExitStack() as stack:
        place = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qpc-live-")))
        hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        hook.command, hook.directory, hook.told = str(command), str(place / "data"), []
        threading.Thread(target=hook.serve_forever, daemon=True).start()
        stack.callback(hook.shutdown)
        hook_port, alertmanager_port, port = hook.server_address[1], free_port(), free_port()
        target = urllib.parse.urlsplit(url or f"http://127.0.0.1:{hook_port}/metrics")
        prepare(place, yaml, target, alertmanager_port, hook_port)

        server = None
        if url is None:
            server = stack.enter_context(process(
                [sys.executable, str(ROOT / "dashboards/checks/traffic.py"), str(plugin), "2000"], place / "traffic.log",
                stdout=subprocess.PIPE, env=os.environ | {"QPC_METRICS_PLUGIN_DIR": hook.directory}))
        with_alertmanager = shutil.which("prometheus-alertmanager")
        if with_alertmanager:
            stack.enter_context(process(
                [with_alertmanager, f"--config.file={place}/alertmanager.yml", f"--storage.path={place}/alertmanager",
                 f"--web.listen-address=127.0.0.1:{alertmanager_port}", "--cluster.listen-address="],
                place / "alertmanager.log"))
        stack.enter_context(process(
            ["prometheus", f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/tsdb",
             f"--web.listen-address=127.0.0.1:{port}"],
            place / "prometheus.log"))
        prometheus = Prometheus(f"http://127.0.0.1:{port}")
        try:
            ask(prometheus, boards, recorded, alerts, say)
            if server is not None:
                stop(prometheus, server, say)
                if with_alertmanager:
                    tell(hook, say)
                else:
                    say("skipped", "an alert that reaches Alertmanager", "prometheus-alertmanager is not installed")
        except Failed as error:
            logs = "".join(f"\n{log.name}: {log.read_text('utf-8', 'replace')[-1500:]}" for log in place.glob("*.log"))
            raise Failed(f"{error}{logs if 'not within' in str(error) else ''}") from None


def ask(prometheus, boards, recorded, alerts, say):
    wait_for("the target is up", lambda: prometheus.one('up{job="qpc-metrics"}') == 1)
    wait_for("a plugin beats", lambda: prometheus.one("qpc_up") == 1)
    open_questions = list(questions(boards, recorded, alerts))
    count = len(open_questions)

    def all_answered():
        open_questions[:] = [one for one in open_questions if not prometheus.values(one[1])]
        return not open_questions

    begin = time.monotonic()
    try:
        wait_for("data for every question", all_answered)
    except Failed:
        raise Failed("no data for:\n" + "\n".join(f"    {what}: {query}" for what, query in open_questions)) from None
    say("ok", "every panel and rule has data", f"{count} questions, {time.monotonic() - begin:.0f} s")

    variables = {name: prometheus.get(f"label/{name}/values", **{"match[]": "qpc_up"}) for name in ("job", "instance")}
    if variables["job"] != ["qpc-metrics"] or len(variables["instance"]) != 1:
        raise Failed(f"the boards' variables would offer {variables}")
    unwell = [
        f"{rule['name']}: {rule.get('lastError')}"
        for group in prometheus.get("rules")["groups"] for rule in group["rules"] if rule["health"] != "ok"]
    if unwell:
        raise Failed("rules that Prometheus cannot evaluate: " + "; ".join(unwell))
    say("ok", "Prometheus evaluates every rule", f"{len(recorded) + len(alerts)} rules")


def stop(prometheus, server, say):
    """The server is stopped: what it counted is what Prometheus has."""
    server.send_signal(signal.SIGTERM)
    try:
        calls = json.loads(server.communicate(timeout=PATIENCE)[0])
    except subprocess.TimeoutExpired:
        raise Failed(f"the server did not end within {PATIENCE} s of SIGTERM") from None
    wait_for("qpc_up 0 after the end", lambda: prometheus.one("qpc_up") == 0)
    for hook, count in calls.items():
        seen = prometheus.one(f'qpc_hook_calls_total{{hook="{hook}"}}')
        if seen != count:
            raise Failed(f"{count} calls of {hook} were made, and Prometheus has {seen}")
    say("ok", "Prometheus has the server's own counts", f"{sum(calls.values())} calls, to the unit")


def tell(hook, say):
    def told():
        return [
            path for path, body in hook.told for alert in body["alerts"]
            if alert["labels"]["alertname"] == "QpcPluginDown" and alert["status"] == "firing"]

    paths = wait_for("QpcPluginDown reaches the receiver through Alertmanager", told)
    if paths[0] != "/pager":
        raise Failed(f"QpcPluginDown is critical, and went to {paths[0]}")
    say("ok", "an alert reaches the pager through Alertmanager", "QpcPluginDown, after the server's end")
