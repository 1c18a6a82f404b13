"""The rule files, their tests and their runbooks."""

import re

import promql
from catalogue import ROOT, Metric

SEVERITIES = {"critical", "warning"}
PLACE = ROOT / "dashboards/prometheus"


def load(yaml):
    """(recording rules, alerts), of both files, in order."""
    recorded, alerts = [], []
    for name in ("rules.yml", "alerts.yml"):
        for group in yaml.safe_load((PLACE / name).read_text("utf-8"))["groups"]:
            for rule in group["rules"]:
                (alerts if "alert" in rule else recorded).append(rule)
    return recorded, alerts


def anchors(markdown):
    """Of each heading, as GitHub makes them."""
    return {
        re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-"): title
        for title in re.findall(r"^#+ (.+)$", markdown, re.M)
    }


def sections(markdown):
    """Anchor to the text below its heading of the second level."""
    parts = re.split(r"^## (.+)$", markdown, flags=re.M)
    return {next(iter(anchors("## " + title))): text for title, text in zip(parts[1::2], parts[2::2])}


def lint(recorded, alerts, metrics, runbooks, tests):
    """(rule, message) for each finding. `tests` is the list of the test files' groups."""
    metrics = dict(metrics)
    for rule in recorded:
        name = rule["record"]
        parts = re.fullmatch(r"([a-z_]+):([a-z0-9_]+):([a-z0-9_]+)", name)
        if parts is None:
            yield "record-name", f"{name} is not level:metric:operation"
            continue
        tree = promql.parse(rule["expr"])
        for kind, message in promql.findings(tree, metrics):
            yield kind, f"{name}: {message}"
        level = set(parts[1].split("_"))
        for label in level - promql.labels_within(tree, metrics):
            yield "record-name", f"{name}: no series has the label {label}"
        metrics[name] = Metric("gauge", {label: values for label, values in labels_of(tree, metrics).items()
                                         if label in level})

    text = sections(runbooks)
    for rule in alerts:
        name, annotations = rule["alert"], rule.get("annotations", {})
        tree = promql.parse(rule["expr"])
        for kind, message in promql.findings(tree, metrics):
            yield kind, f"{name}: {message}"
        if rule.get("labels", {}).get("severity") not in SEVERITIES:
            yield "alert-severity", f"{name} has no severity of {SEVERITIES}"
        for key in ("summary", "description", "runbook_url"):
            if not annotations.get(key):
                yield "alert-annotations", f"{name} has no {key}"
        for label in set(re.findall(r"\$labels\.(\w+)", " ".join(annotations.values()))):
            if label not in promql.labels_within(tree, metrics):
                yield "alert-annotations", f"{name}: no series has the label {label}"
        file, _, anchor = annotations.get("runbook_url", "").partition("#")
        if file != "docs/RUNBOOKS.md" or anchor != name.lower():
            yield "alert-runbook", f"{name}: runbook_url is not docs/RUNBOOKS.md#{name.lower()}"
        elif anchor not in text:
            yield "alert-runbook", f"{name}: docs/RUNBOOKS.md has no such section"
        else:
            for word in ("**Meaning.**", "**Impact.**", "**Diagnosis.**", "**Mitigation.**", "qpc-metrics "):
                if word not in text[anchor]:
                    yield "alert-runbook", f"{name}: its runbook lacks {word}"
        key = (name, rule["labels"].get("severity"))
        cases = [case for group in tests for case in group.get("alert_rule_test", []) if case["alertname"] == name]
        fires = any(
            expected["exp_labels"].get("severity") == key[1]
            for case in cases for expected in case.get("exp_alerts") or [])
        if not fires:
            yield "alert-tested", f"no test in which {name} ({key[1]}) fires"
        if not any(not case.get("exp_alerts") for case in cases):
            yield "alert-tested", f"no test in which {name} stays silent"
    for anchor in set(text) - {rule["alert"].lower() for rule in alerts}:
        if anchor.startswith("qpc"):
            yield "alert-runbook", f"docs/RUNBOOKS.md#{anchor} is about no alert"


def labels_of(tree, metrics):
    found = {}
    for node, _ in promql.selectors(tree):
        found |= metrics[node.name].labels if node.name in metrics else {}
    return found
