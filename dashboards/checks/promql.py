"""What is asked of one PromQL expression, whether a panel or a rule holds it."""

import re

import promql_parser

from catalogue import TARGET_LABELS

# Grafana's variables, as durations that nobody would write, so that a window can be recognised.
VARIABLES = {"$__rate_interval": "11m11s", "$__range": "23m23s", "$__interval": "13m13s"}
RATE_INTERVAL, RANGE = 671, 1403
COUNTER_FUNCTIONS = {"rate", "irate", "increase", "resets"}
GAUGE_FUNCTIONS = {"deriv", "delta", "idelta", "predict_linear"}


def parse(expression):
    for variable, stands_for in VARIABLES.items():
        expression = expression.replace(variable, stands_for)
    return promql_parser.parse(expression)


def children(node):
    name = type(node).__name__
    if name == "Call":
        return list(node.args)
    if name == "MatrixSelector":
        return [node.vector_selector]
    if name == "BinaryExpr":
        return [node.lhs, node.rhs]
    if name == "AggregateExpr":
        return [node.expr] + ([node.param] if node.param is not None else [])
    return [node.expr] if hasattr(node, "expr") else []


def walk(node, parents=()):
    yield node, parents
    for child in children(node):
        yield from walk(child, (*parents, node))


def kind_of(node):
    return type(node).__name__


def selectors(tree):
    """Every vector selector, with its parents from the outermost in."""
    return [(node, parents) for node, parents in walk(tree) if kind_of(node) == "VectorSelector"]


def labels_within(tree, metrics):
    """Every label that a series of the tree may have."""
    found = set(TARGET_LABELS)
    for node, _ in walk(tree):
        if kind_of(node) == "VectorSelector" and node.name in metrics:
            found |= set(metrics[node.name].labels)
        if kind_of(node) == "Call" and node.func.name == "label_replace":
            found.add(node.args[1].val)
    return found


def findings(tree, metrics):
    """(rule, message) for each thing wrong with names, labels and functions."""
    for node, parents in selectors(tree):
        metric = metrics.get(node.name)
        if metric is None:
            yield "metric-exists", f"there is no metric {node.name}"
            continue
        known = metric.labels
        for matcher in node.matchers.matchers:
            if matcher.name in TARGET_LABELS:
                continue
            if matcher.name not in known:
                yield "label-exists", f"{node.name} has no label {matcher.name}"
            elif known[matcher.name]:
                regular = matcher.op in (promql_parser.MatchOp.Re, promql_parser.MatchOp.NotRe)
                wanted = matcher.value.split("|") if regular else [matcher.value]
                for value in wanted:
                    if not any(re.fullmatch(value, one) if regular else value == one for one in known[matcher.name]):
                        yield "label-value-exists", f"{node.name} has no {matcher.name}={value!r}"
        function = next((p.func.name for p in reversed(parents) if kind_of(p) == "Call"), None)
        ranged = bool(parents) and kind_of(parents[-1]) == "MatrixSelector"
        if metric.kind in ("counter", "bucket") and not (ranged and function in COUNTER_FUNCTIONS):
            yield "target-counter-agg-rule", f"{node.name} is a counter, and outside rate and increase"
        if metric.kind == "gauge" and ranged and function in COUNTER_FUNCTIONS:
            yield "rate-of-gauge", f"{node.name} is a gauge, and inside {function}"
        if metric.kind != "gauge" and function in GAUGE_FUNCTIONS:
            yield "rate-of-gauge", f"{node.name} is no gauge, and inside {function}"
    for node, _ in walk(tree):
        labels = []
        if kind_of(node) == "AggregateExpr" and node.modifier is not None:
            labels = node.modifier.labels
        if kind_of(node) == "BinaryExpr" and node.modifier is not None and node.modifier.matching is not None:
            labels = node.modifier.matching.labels
        for label in labels:
            if label not in labels_within(node, metrics):
                yield "label-exists", f"no series below has the label {label} that is grouped or matched by"
