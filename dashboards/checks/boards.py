"""The boards' rules. Those named template-…, panel-… and target-…-rule are the rules of Grafana's dashboard-linter, and
as strict; the others are ours."""

import re

import promql

# Units that the boards use, from Grafana's list (packages/grafana-data/src/valueFormats/categories.ts).
UNITS = {"none", "short", "percentunit", "bytes", "cps", "ops", "cpm", "s", "dtdurations"}
QUERY_PANELS = {"stat", "timeseries", "heatmap", "bargauge", "gauge", "table"}
# 39 is Grafana 11.0, 41 is 11.5 to 12.0; an older Grafana would reject a newer schema, a newer one migrates an older schema.
SCHEMA_VERSIONS = range(39, 43)


def lint(board, metrics):
    """(rule, message) for each finding of one board."""
    found = []

    def say(rule, message):
        found.append((rule, message))

    variables = {one["name"]: one for one in board.get("templating", {}).get("list", [])}
    check_board(board, say)
    check_variables(variables, metrics, say)
    panels = [one for one in board["panels"] if one["type"] != "row"]
    for panel in panels:
        check_panel(panel, metrics, lambda rule, message: say(rule, f"panel '{panel.get('title', '')}': {message}"))
    check_layout(board["panels"], say)
    for note in board.get("annotations", {}).get("list", []):
        if "expr" in note:
            check_datasource(note, "panel-datasource-rule", lambda rule, m: say(rule, f"annotation {note['name']}: {m}"))
            check_expression(note["expr"], metrics, say)
    return found


def lint_links(boards, alerts):
    """(rule, message): a panel's link must lead to an alert's runbook, and some panel to each alert's."""
    linked = set()
    for name, board in boards.items():
        for panel in board["panels"]:
            for link in panel.get("links", []):
                alert = next((one for one in alerts if link["url"] == "${runbooks}#" + one.lower()), None)
                if alert is None or link["title"] != f"Runbook: {alert}":
                    yield "runbook-links", f"{name}, panel '{panel['title']}': {link['title']}, {link['url']}"
                linked.add(alert)
        if not any(one["name"] == "runbooks" for one in board["templating"]["list"]):
            yield "runbook-links", f"{name} has no variable runbooks"
    for alert in sorted(alerts - linked):
        yield "runbook-links", f"no panel leads to the runbook of {alert}"


def check_board(board, say):
    if not re.fullmatch(r"[a-z0-9-]{1,40}", board.get("uid") or ""):
        say("stable-uid", "no uid of small letters, digits and dashes")
    if board.get("id") is not None:
        say("import-as-it-is", "has an id, which belongs to one Grafana")
    if board.get("schemaVersion") not in SCHEMA_VERSIONS:
        say("schema-version", f"schemaVersion {board.get('schemaVersion')}")
    for key in ("__inputs", "__requires", "__elements"):
        if key in board:
            say("import-as-it-is", f"has {key}")
    for text in re.findall(r"\$\{DS_\w+\}", str(board)):
        say("import-as-it-is", f"{text} is unresolved")
    if not board.get("title") or not board.get("description"):
        say("board-title-description", "no title or description")


def check_variables(variables, metrics, say):
    source = variables.get("datasource")
    if source is None or source["type"] != "datasource" or source.get("query") != "prometheus":
        say("template-datasource-rule", "no variable 'datasource' of type datasource for prometheus")
    elif source.get("label") != "Data source":
        say("template-datasource-rule", f"labelled {source.get('label')!r}")
    for name in ("job", "instance"):
        rule, one = f"template-{name}-rule", variables.get(name)
        if one is None:
            say(rule, f"no variable {name}")
            continue
        for key, wanted in (
            ("type", "query"), ("label", name.capitalize()), ("multi", True), ("includeAll", True), ("allValue", ".+"),
        ):
            if one.get(key) != wanted:
                say(rule, f"{name}: {key} is {one.get(key)!r}, not {wanted!r}")
        check_datasource(one, rule, say)
    for one in variables.values():
        if one["type"] != "query":
            continue
        if one.get("refresh") != 2:
            say("template-on-time-change-reload-rule", f"{one['name']} is not refreshed when the time range changes")
        match = re.fullmatch(r"(label_names|label_values|metrics|query_result)\((.+?)(?:,\s*(\w+))?\)", one["query"])
        if match is None:
            say("template-label-promql-rule", f"{one['name']}: {one['query']}")
            continue
        try:
            for rule, message in promql.findings(promql.parse(match[2]), metrics):
                say(rule, f"variable {one['name']}: {message}")
        except ValueError as error:
            say("template-label-promql-rule", f"{one['name']}: {error}")


def check_datasource(holder, rule, say):
    source = holder.get("datasource")
    if not isinstance(source, dict) or source.get("uid") not in ("$datasource", "${datasource}"):
        say(rule, f"takes the data source {source!r}, not the variable's")


def check_panel(panel, metrics, say):
    if panel["type"] not in QUERY_PANELS:
        say("panel-type", f"{panel['type']} is not among {', '.join(sorted(QUERY_PANELS))}")
    if not panel.get("title") or not panel.get("description"):
        say("panel-title-description-rule", "no title or description")
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    if defaults.get("unit") not in UNITS:
        say("panel-units-rule", f"unit {defaults.get('unit')!r}")
    check_datasource(panel, "panel-datasource-rule", say)
    if not panel.get("targets"):
        say("panel-no-targets-rule", "asks nothing")
    steps = [one["value"] for one in defaults.get("thresholds", {}).get("steps", [])]
    if steps and (steps[0] is not None or steps[1:] != sorted(steps[1:])):
        say("thresholds-rise", f"thresholds {steps}")
    references = [target["refId"] for target in panel.get("targets", [])]
    if len(set(references)) != len(references):
        say("ref-ids", f"refIds {references}")
    for target in panel.get("targets", []):
        check_datasource(target, "panel-datasource-rule", say)
        tree = check_expression(target["expr"], metrics, say)
        if tree is None:
            continue
        for label in re.findall(r"\{\{\s*(\w+)\s*\}\}", target.get("legendFormat", "")):
            if label not in promql.labels_within(tree, metrics):
                say("legend-label-exists", f"legend {target['legendFormat']}")
        for node, parents in promql.selectors(tree):
            if not (node.name or "").endswith("_bucket"):
                continue
            within = [p.func.name for p in parents if promql.kind_of(p) == "Call"]
            if "histogram_quantile" not in within and target.get("format") != "heatmap":
                say("target-histogram-rule", f"{node.name} is in neither a quantile nor a heatmap")


def check_expression(expression, metrics, say):
    try:
        tree = promql.parse(expression)
    except ValueError as error:
        say("target-promql-rule", f"{expression}: {error}")
        return None
    for rule, message in promql.findings(tree, metrics):
        say(rule, message)
    for node, parents in promql.selectors(tree):
        for name in ("job", "instance"):
            if not any(str(matcher) == f'{name}=~"${name}"' for matcher in node.matchers.matchers):
                say(f"target-{name}-rule", f'{node.name} has no {name}=~"${name}"')
    for node, parents in promql.walk(tree):
        if promql.kind_of(node) != "MatrixSelector":
            continue
        function = parents[-1].func.name if parents and promql.kind_of(parents[-1]) == "Call" else ""
        window = node.range.total_seconds()
        if function in ("rate", "irate") and window != promql.RATE_INTERVAL:
            say("target-rate-interval-rule", f"{expression}: {function} without $__rate_interval")
        if function == "increase" and window not in (promql.RATE_INTERVAL, promql.RANGE):
            say("target-rate-interval-rule", f"{expression}: increase without $__rate_interval or $__range")
    return tree


def check_layout(panels, say):
    ids = [panel.get("id") for panel in panels]
    if None in ids or len(set(ids)) != len(ids):
        say("layout", "panels without an id of their own")
    titles = [panel.get("title") for panel in panels]
    for title in {title for title in titles if titles.count(title) > 1}:
        say("layout", f"two panels are called {title}")
    if not panels or panels[0]["type"] != "row":
        say("layout", "does not begin with a row")
    taken = {}
    for panel in panels:
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24:
            say("layout", f"panel '{panel['title']}' is wider than the board")
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if (x, y) in taken:
                    say("layout", f"panels '{panel['title']}' and '{taken[x, y]}' overlap")
                    return
                taken[x, y] = panel["title"]
