"""Every check of dashboards/. See scripts/check-dashboards."""

import copy
import json
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from catalogue import OTHERS, ROOT, families, samples  # noqa: E402

PLACE = ROOT / "dashboards"
BOARDS = ("overview", "plugin-health", "fleet")
# What Grafana knows but the SDK does not; everything else must survive.
UNMODELLED = re.compile(
    r"\.annotations\.list\[\d+\]\.(step|titleFormat|textFormat)|\.templating\.list\[\d+\]\.definition")

failed = skipped = 0


def say(result, what, detail=""):
    global failed, skipped
    failed += result == "FAILED"
    skipped += result == "skipped"
    print(f"{result}: {what}" + (f": {detail}" if detail else ""), flush=True)


def verdict(what, findings, detail=""):
    """`findings` are lines, or (rule, message)."""
    lines = [one if isinstance(one, str) else " ".join(map(str, one)) for one in findings]
    say("FAILED" if lines else "ok", what, "\n" + "\n".join("    " + line for line in lines) if lines else detail)


def command(what, arguments, directory=PLACE, detail=""):
    if shutil.which(arguments[0]) is None:
        return say("skipped", what, f"{arguments[0]} is not installed")
    made = subprocess.run(arguments, cwd=directory, capture_output=True, text=True)
    verdict(what, (made.stdout + made.stderr).splitlines() if made.returncode else [], detail)


def imported(what, *names):
    """The modules, or None after saying which is missing."""
    try:
        return [__import__(name) for name in names]
    except ImportError as error:
        say("skipped", what, f"Python has no {error.name}")
        return None


def ask_live(url):
    """Only what takes a running exporter."""
    modules = imported("a real Prometheus", "promql_parser", "yaml")
    if modules:
        import live

        boards = {name: json.loads((PLACE / f"grafana/{name}.json").read_text("utf-8")) for name in BOARDS}
        try:
            live.run(url, boards, modules[1], say)
        except live.Failed as error:
            say("FAILED", "a real Prometheus", str(error))


def check():
    """All that needs no running server."""
    found, source = families()
    metrics = samples(found) | OTHERS

    command("promtool check rules", ["promtool", "check", "rules", "rules.yml", "alerts.yml"], PLACE / "prometheus")
    # A missing rule file is not an error for promtool, so the files are where the configurations look for them.
    command("promtool check config", ["promtool", "check", "config", "scrape.example.yml"], PLACE / "prometheus")
    tests = sorted((PLACE / "prometheus/tests").glob("*.yml"))
    command("promtool test rules", ["promtool", "test", "rules", *map(str, tests)], PLACE / "prometheus/tests")
    for name in ("alertmanager/alertmanager.example.yml", "compose/alertmanager.yml"):
        command(f"amtool check-config {name}", ["amtool", "check-config", name])

    boards, errors = {}, []
    for name in BOARDS:
        try:
            boards[name] = json.loads((PLACE / f"grafana/{name}.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            errors.append(f"{name}.json: {error}")
    verdict("boards are JSON", errors)
    command("boards are what generate.py writes", [sys.executable, "grafana/generate.py", "--check"])

    modules = imported("the linter's rules, metric names, runbooks", "promql_parser", "yaml")
    if modules:
        import boards as linter
        import rules

        yaml = modules[1]
        for name, board in boards.items():
            count = sum(len(panel.get("targets", [])) for panel in board["panels"])
            verdict(f"{name}: the linter's rules, names and labels of {source}", linter.lint(board, metrics),
                    f"{sum(panel['type'] != 'row' for panel in board['panels'])} panels, {count} queries")
        uids = [board["uid"] for board in boards.values()]
        verdict("uids differ", [] if len(set(uids)) == len(uids) else [str(uids)])

        recorded, alerts = rules.load(yaml)
        verdict("panels lead to the runbook of every alert", linter.lint_links(boards, {one["alert"] for one in alerts}))
        groups = [group for test in tests for group in yaml.safe_load(test.read_text("utf-8"))["tests"]]
        page = ROOT / "docs/RUNBOOKS.md"
        runbooks = page.read_text("utf-8") if page.exists() else ""
        verdict(f"rules: names and labels of {source}, severities, tests, runbooks",
                list(rules.lint(recorded, alerts, metrics, runbooks, groups)),
                f"{len(recorded)} recording rules, {len(alerts)} alerts, {len(groups)} tests")
        if "overview" in boards:
            verdict("the checks see what is broken on purpose",
                    blind_spots(linter, rules, boards, recorded, alerts, metrics, runbooks, groups))
        verdict("examples are YAML, and agree", examples(yaml))
        verdict("the examples' check sees what is broken on purpose", blind_spots_of_services(yaml))

    if imported("boards through Grafana's SDK and back", "grafana_foundation_sdk"):
        import roundtrip

        for name, board in boards.items():
            lost = [one for one in roundtrip.differences(board) if not UNMODELLED.fullmatch(one[0])]
            verdict(f"{name}: through Grafana's SDK and back", lost)


def main(arguments):
    arguments = list(arguments)
    is_strict = "--strict" in arguments
    if is_strict:
        arguments.remove("--strict")
    if len(arguments) == 2 and arguments[0] == "--live":
        ask_live(arguments[1])
    elif not arguments:
        check()
    else:
        print(f"check-dashboards: {' '.join(arguments)} is not understood; --strict and --live URL are", file=sys.stderr)
        return 64
    if failed:
        return 1
    return 3 if skipped and is_strict else 0


def examples(yaml):
    """What compose mounts is there, its Prometheus has the example's jobs, and its Grafana finds data source and boards."""
    def load(name):
        return yaml.safe_load((PLACE / name).read_text("utf-8"))

    compose = load("docker-compose.yml")
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            place = volume.split(":")[0]
            if place.startswith(".") and ".build/" not in place and not (PLACE / place).exists():
                yield f"docker-compose.yml: {name} mounts {place}, which is not there"
            if not place.startswith(".") and place not in compose["volumes"]:
                yield f"docker-compose.yml: there is no volume {place}"
        for other in service.get("depends_on", []):
            if other not in compose["services"]:
                yield f"docker-compose.yml: {name} depends on {other}"
        for port in service.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                yield f"docker-compose.yml: {name} listens beyond this host: {port}"
    yield from services(compose["services"], load("compose/alertmanager.yml"))
    here, there = load("prometheus/scrape.example.yml"), load("compose/prometheus.yml")
    if [job["job_name"] for job in here["scrape_configs"]] != [job["job_name"] for job in there["scrape_configs"]]:
        yield "compose/prometheus.yml has other jobs than prometheus/scrape.example.yml"
    for source in load("grafana/provisioning/datasources/prometheus.yml")["datasources"]:
        if source["type"] != "prometheus" or not source["isDefault"]:
            yield "provisioning: the data source is no default Prometheus"
    mounted = " ".join(compose["services"]["grafana"]["volumes"])
    for provider in load("grafana/provisioning/dashboards/qpc-metrics.yml")["providers"]:
        if f":{provider['options']['path']}" not in mounted:
            yield f"provisioning: nothing is mounted at {provider['options']['path']}"


def services(made, alertmanager):
    """What compose starts: nobody is root, everyone says whether they are well, and whoever is notified is there."""
    for name, service in made.items():
        # It gives the volume to the others' user, and ends.
        ends = service.get("restart") == "no"
        if not ends and str(service.get("user", "0")).split(":")[0] in ("0", "root"):
            yield f"docker-compose.yml: {name} runs as root"
        if not ends and not service.get("healthcheck", {}).get("test"):
            yield f"docker-compose.yml: {name} has no health check"
        for other, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if made.get(other, {}).get("restart") == "no" else "service_healthy"
            if how.get("condition") != wanted:
                yield f"docker-compose.yml: {name} does not wait for {other} to be {wanted}"
    for receiver in alertmanager["receivers"]:
        for hook in receiver["webhook_configs"]:
            host = re.fullmatch(r"http://([a-z]+):(\d+)/\w+", hook["url"])
            if host is None or host[1] not in made or host[2] not in made[host[1]]["command"]:
                yield f"compose/alertmanager.yml: nobody listens at {hook['url']}"


def blind_spots_of_services(yaml):
    made = [yaml.safe_load((PLACE / name).read_text("utf-8")) for name in ("docker-compose.yml", "compose/alertmanager.yml")]
    if list(services(made[0]["services"], made[1])):
        yield "there is something to see before anything is broken"
    for number, change in enumerate((
            lambda all, _: all["exporter"].update(user="0:0"), lambda all, _: all["grafana"].pop("user"),
            lambda all, _: all["server"].pop("healthcheck"),
            lambda all, _: all["grafana"]["depends_on"]["prometheus"].update(condition="service_started"),
            lambda all, _: all.pop("receiver"), lambda all, _: all["receiver"].update(command=["9098"]),
            lambda _, config: config["receivers"][0]["webhook_configs"][0].update(url="http://127.0.0.1:9099/mail"))):
        broken = copy.deepcopy(made)
        change(broken[0]["services"], broken[1])
        if not list(services(broken[0]["services"], broken[1])):
            yield f"break {number} of the compose file went unseen"


def blind_spots(linter, rules, boards, recorded, alerts, metrics, runbooks, groups):
    """Breaks each thing once, in memory; says which break nobody noticed."""
    def first(board, kind):
        return next(panel for panel in board["panels"] if panel["type"] == kind)

    def replaced(old, new):
        def change(board):
            for panel in board["panels"]:
                for target in panel.get("targets", []):
                    if old in target["expr"]:
                        target["expr"] = target["expr"].replace(old, new, 1)
                        return
            raise AssertionError(f"no panel has {old}")
        return change

    def variable(number, **values):
        return lambda board: board["templating"]["list"][number].update(values)

    breaks = {
        "template-datasource-rule": [variable(0, name="prom"), variable(0, label="Prometheus")],
        "template-job-rule": [variable(1, name="jobs"), variable(1, multi=False), variable(1, datasource="Prometheus")],
        "template-instance-rule": [variable(2, allValue=""), variable(2, label="instance")],
        "template-label-promql-rule": [variable(2, query="label_values(qpc_up{, job)"), variable(2, query="qpc_up")],
        "template-on-time-change-reload-rule": [variable(1, refresh=1)],
        "panel-datasource-rule": [
            lambda board: first(board, "stat").update(datasource={"type": "prometheus", "uid": "PBFA97CFB590B2093"}),
            lambda board: first(board, "heatmap")["targets"][0].update(datasource=None)],
        "panel-title-description-rule": [
            lambda board: first(board, "stat").update(title=""), lambda board: first(board, "heatmap").pop("description")],
        "panel-units-rule": [lambda board: first(board, "timeseries")["fieldConfig"]["defaults"].update(unit="bananas")],
        "panel-no-targets-rule": [lambda board: first(board, "stat").update(targets=[])],
        "panel-type": [lambda board: first(board, "stat").update(type="graph")],
        "target-promql-rule": [replaced("sum", "summ"), replaced(")", "")],
        "target-rate-interval-rule": [replaced("$__rate_interval", "5m")],
        "target-job-rule": [replaced('job=~"$job", ', ""), replaced('job=~"$job"', 'job="$job"')],
        "target-instance-rule": [replaced(', instance=~"$instance"', "")],
        "target-counter-agg-rule": [replaced("rate(qpc_hook_calls_total", "avg_over_time(qpc_hook_calls_total")],
        "target-histogram-rule": [lambda board: first(board, "heatmap")["targets"][0].update(format="time_series")],
        "rate-of-gauge": [replaced("qpc_hook_calls_total", "qpc_plugin_pending_events")],
        "metric-exists": [replaced("qpc_hook_calls_total", "qpc_hook_call_total"), replaced("qpc_up", "up2")],
        "label-exists": [replaced("by (hook)", "by (kind)"), replaced('path="single"', 'hook="single"')],
        "label-value-exists": [replaced('path="single"', 'path="one"')],
        "legend-label-exists": [lambda board: first(board, "stat")["targets"][0].update(legendFormat="{{host}}")],
        "import-as-it-is": [
            lambda board: board.update(__inputs=[]), lambda board: board.update(id=7),
            lambda board: first(board, "stat").update(datasource={"type": "prometheus", "uid": "${DS_PROMETHEUS}"})],
        "stable-uid": [lambda board: board.pop("uid")],
        "schema-version": [lambda board: board.update(schemaVersion=16)],
        "board-title-description": [lambda board: board.update(description="")],
        "thresholds-rise": [lambda board: first(board, "stat")["fieldConfig"]["defaults"]["thresholds"]["steps"].append(
            {"color": "red", "value": -1})],
        "ref-ids": [lambda board: first(board, "stat")["targets"].append(first(board, "stat")["targets"][0])],
        "layout": [
            lambda board: board["panels"].pop(0), lambda board: board["panels"][2]["gridPos"].update(x=0),
            lambda board: board["panels"][2].update(id=1), lambda board: board["panels"][1]["gridPos"].update(w=25)],
    }
    for rule, changes in breaks.items():
        for number, change in enumerate(changes):
            board = copy.deepcopy(boards["overview"])
            change(board)
            if rule not in {name for name, _ in linter.lint(board, metrics)}:
                yield f"{rule}: break {number} of overview went unseen"

    def linked(boards):
        return next(panel["links"][0] for panel in boards["overview"]["panels"] if panel.get("links"))

    names = {one["alert"] for one in alerts}
    for number, change in enumerate((
            lambda boards: linked(boards).update(url="${runbooks}#qpcnothing"), lambda boards: linked(boards).update(title="Help"),
            lambda boards: [panel.pop("links", None) for board in boards.values() for panel in board["panels"]],
            lambda boards: boards["fleet"]["templating"]["list"].pop())):
        broken = copy.deepcopy(boards)
        change(broken)
        if not list(linter.lint_links(broken, names)):
            yield f"runbook-links: break {number} went unseen"

    def alert(name, **values):
        def change(recorded, alerts, runbooks, groups):
            next(one for one in alerts if one["alert"] == name).update(values)
            return runbooks, groups
        return change

    breaks = {
        "metric-exists": [alert("QpcPluginDown", expr="qpc_upp == 0")],
        "label-value-exists": [alert("QpcEventsDropped", expr='increase(qpc_plugin_events_dropped_total{cause="x"}[5m]) > 0')],
        "target-counter-agg-rule": [alert("QpcEventsDropped", expr="qpc_plugin_events_dropped_total > 0")],
        "alert-severity": [alert("QpcPluginDown", labels={"severity": "page"})],
        "alert-annotations": [
            alert("QpcPluginDown", annotations={"summary": "{{ $labels.host }}"}), alert("QpcPluginDown", annotations={})],
        "alert-runbook": [
            alert("QpcPluginDown", alert="QpcPluginGone"),
            lambda recorded, alerts, runbooks, groups: (runbooks.replace("## QpcPluginDown", "## QpcPluginAway"), groups),
            lambda recorded, alerts, runbooks, groups: (runbooks.replace("**Impact.**", ""), groups)],
        "alert-tested": [lambda recorded, alerts, runbooks, groups: (runbooks, groups[1:])],
        "record-name": [
            lambda recorded, alerts, runbooks, groups: (recorded[0].update(record="qpc_rate"), (runbooks, groups))[1],
            lambda recorded, alerts, runbooks, groups: (recorded[0].update(record="host:qpc_x:rate5m"), (runbooks, groups))[1]],
    }
    for rule, changes in breaks.items():
        for number, change in enumerate(changes):
            broken = copy.deepcopy((recorded, alerts))
            page, tests = change(*broken, runbooks, list(groups))
            if rule not in {name for name, _ in rules.lint(*broken, metrics, page, tests)}:
                yield f"{rule}: break {number} of the rules went unseen"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
