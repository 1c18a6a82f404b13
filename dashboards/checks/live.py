"""Every question of boards and rules, asked of a real Prometheus that scrapes a running exporter.

Everything is on loopback and in a temporary directory.
"""

import contextlib
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import promql
import rules

PATIENCE = 90


class Failed(Exception):
    pass


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


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
def process(arguments, log):
    """Ends it, and only it; it also ends when this program is killed."""
    if shutil.which("setpriv"):
        arguments = ["setpriv", "--pdeathsig", "KILL", *arguments]
    with open(log, "wb") as output:
        child = subprocess.Popen(arguments, stderr=output, stdout=output)
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
                # Nothing should fire, and no week has passed since the start.
                # A shipper has a port of its own.
                if "ALERTS{" in expression or "qpc_ship_" in expression:
                    continue
                expression = expression.replace(" offset 1w", "")
                yield f"{name}, panel '{panel['title']}', {target['refId']}", expression
    for rule in recorded:
        yield f"rule {rule['record']}", rule["record"]
    for rule in alerts:
        # An alert that finds nothing is fine. But what it looks at must exist, and exist now: a day has not passed since the
        # start.
        asked = set()
        for node, _ in promql.selectors(promql.parse(rule["expr"])):
            if not node.name.startswith(("node_", "qpc_ship_")) and "qpc-metrics-ship" not in str(node):
                asked.add(re.sub(r" offset \S+$", "", str(node)))
        for selector in sorted(asked):
            yield f"alert {rule['alert']} looks at", selector


def prepare(place, yaml, target):
    """The example's configuration, hurried."""
    config = yaml.safe_load((rules.PLACE / "scrape.example.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0] |= {
        "scheme": target.scheme, "metrics_path": target.path or "/metrics",
        "static_configs": [{"targets": [target.netloc]}]}
    # Whether an alert arrives is for another test to check, and must not involve a real Alertmanager on this machine.
    del config["alerting"]
    (place / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    for name in ("rules.yml", "alerts.yml"):
        shutil.copy(rules.PLACE / name, place)


def run(url, boards, yaml, say):
    """Says each step by `say`; raises Failed."""
    if shutil.which("prometheus") is None:
        return say("skipped", "a real Prometheus", "prometheus is not installed")
    recorded, alerts = rules.load(yaml)
    # Some callers of this program have signals blocked, and a child that inherits the mask never sees the signal to end.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    with contextlib.ExitStack() as stack:
        place = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qpc-live-")))
        port = free_port()
        prepare(place, yaml, urllib.parse.urlsplit(url))
        stack.enter_context(process(
            ["prometheus", f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/tsdb",
             f"--web.listen-address=127.0.0.1:{port}"],
            place / "prometheus.log"))
        try:
            ask(Prometheus(f"http://127.0.0.1:{port}"), boards, recorded, alerts, say)
        except Failed as error:
            log = (place / "prometheus.log").read_text("utf-8", "replace")[-1500:]
            raise Failed(f"{error}\n{log if 'not within' in str(error) else ''}") from None


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
