"""`mlagents-tf plugins`: what is found by entry points, who brings it, and whether it loads."""

from __future__ import annotations

import argparse
from typing import Any

from mlagents_tf.quiet import import_tensorflow


def add_parser(subparsers: Any) -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "plugins", help="list what this and other packages bring, and whether it loads"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints one line for each entry, under its group; 2 if one of them cannot be used."""
    import_tensorflow()
    from mlagents_tf.run.plugins import list_plugins

    rows = list_plugins()
    widths = [max(len(row.plugin[k]) for row in rows) for k in (1, 2, 3)]
    group = ""
    for plugin, problem in rows:
        if plugin.group != group:
            group = plugin.group
            print(group)
        columns = zip((plugin.name, plugin.value, plugin.package), widths, strict=True)
        line = "  ".join(f"{text:{width}}" for text, width in columns)
        print(f"  {line}  {problem or 'ok'}")
    return 2 if any(row.problem for row in rows) else 0
