"""`mlagents-tf schema`: JSON Schema of the configuration, for editors."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mlagents_tf.errors import StorageError


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("schema", help="JSON Schema of the configuration, for editors")
    parser.add_argument(
        "--output", type=Path, default=argparse.SUPPRESS, help="file to write instead of printing"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the schema or write it to a file."""
    from mlagents_tf.settings.schema import configuration_schema

    text = json.dumps(configuration_schema(), indent=2)
    output: Path | None = getattr(args, "output", None)
    if output is None:
        print(text)
        return 0
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{output}: cannot be written: {error.strerror}.") from None
    print(f"wrote {output}")
    return 0
