"""Each board through Grafana's own models: what the SDK reads and writes again must be all that was there."""


def differences(board):
    """(path, was, is) for what did not survive; ("", None, "…") if the SDK cannot read it."""
    import json

    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    made = json.loads(JSONEncoder().encode(Dashboard.from_json(json.loads(json.dumps(board)))))
    return list(missing("", board, made))


def missing(path, was, now):
    # The SDK adds defaults, and omits null where that is the default.
    if isinstance(was, dict) and isinstance(now, dict):
        for key, value in was.items():
            if key in now:
                yield from missing(f"{path}.{key}", value, now[key])
            elif value is not None:
                yield f"{path}.{key}", value, "(nothing)"
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, (left, right) in enumerate(zip(was, now)):
            yield from missing(f"{path}[{number}]", left, right)
    elif was != now or isinstance(was, bool) != isinstance(now, bool):
        yield path, was, now
