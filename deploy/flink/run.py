"""Runs a file of Flink SQL in one process and prints the rows of its last SELECT, one JSON object a line.

It belongs to an environment of its own (requirements/flink.txt), not to the project's: see `./forecourt compare-flink`.
"""

# pyright: reportMissingImports=false

import json
import os
import sys
from string import Template

from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment


def main(sql_file: str, connector: str) -> None:
    """The connection is in the environment: FLINK_BOOTSTRAP, FLINK_USERNAME, FLINK_PASSWORD."""
    names = ("bootstrap", "username", "password")
    with open(sql_file, encoding="utf-8") as file:
        text = Template(file.read()).substitute({name: os.environ[f"FLINK_{name.upper()}"] for name in names})
    configuration = Configuration()
    configuration.set_string("pipeline.jars", f"file://{connector}")
    configuration.set_string("parallelism.default", "1")
    settings = EnvironmentSettings.new_instance().in_batch_mode().with_configuration(configuration).build()
    tables = TableEnvironment.create(settings)
    *definitions, select = statements(text)
    for definition in definitions:
        tables.execute_sql(definition)
    result = tables.execute_sql(select)
    columns = result.get_table_schema().get_field_names()
    with result.collect() as rows:
        for row in rows:
            sys.stdout.write(json.dumps(dict(zip(columns, row, strict=True))) + "\n")


def statements(text: str) -> list[str]:
    """The statements, without comments; a line that ends in a semicolon ends one."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    found = "\n".join(lines).split(";\n")
    return [one.strip().removesuffix(";") for one in found if one.strip()]


if __name__ == "__main__":
    main(*sys.argv[1:])
