"""The OpenAPI document, and a stranger's fuzzer that reads it."""

import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from daemon.app.running import App
from tests.support.processes import output_of
from tests.web.wallets.iphone import Phone

EXAMPLES = 25
PATIENCE_S = 300.0
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance")


@pytest.fixture
async def described(till: App) -> Any:
    async with ClientSession() as client, client.get(f"{till.web_url}/openapi.json") as answer:
        return json.loads(await answer.read())


def operations(described: Any) -> list[tuple[str, str, Any]]:
    return [
        (path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


async def test_every_address_says_what_it_answers_and_names_its_parameters(described: Any) -> None:
    all_of_them = operations(described)
    addresses = {(path, method) for path, method, _ in all_of_them}
    assert ("/c/{token}/code.{image}", "get") in addresses
    assert ("/passes/v1/log", "post") in addresses
    for path, _, operation in all_of_them:
        assert operation["summary"]
        assert all(status.isdigit() for status in operation["responses"])
        named = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
        assert named == re.findall(r"{(\w+)}", path)
    assert len({operation["operationId"] for _, _, operation in all_of_them}) == len(all_of_them)


async def test_schemathesis_finds_no_server_error_with_a_real_card(
    till: App, phone: Phone, described: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await phone.add()
    real = {"token": phone.card.rpartition("/")[2], "serial": phone.content["serialNumber"]}
    for _, _, operation in operations(described):
        for parameter in operation["parameters"]:
            if parameter["name"] in real:
                known, shape = real[parameter["name"]], parameter["schema"]
                parameter["schema"] = {"anyOf": [{"const": known}, shape]}
    (tmp_path / "openapi.json").write_text(json.dumps(described))
    token = phone.content["authenticationToken"]
    words = ["-m", "schemathesis.cli", "run", "openapi.json", "--url", till.web_url]
    words += ["--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES), "--seed", "1"]
    words += ["--header", f"Authorization: ApplePass {token}", "--no-color"]
    status, said = await output_of(sys.executable, *words, patience_s=PATIENCE_S, cwd=tmp_path)
    assert status == 0, said
    passed = re.search(r"(\d+) generated, (\d+) passed", said)
    assert passed is not None, said
    assert passed[1] == passed[2]
    assert int(passed[1]) > 10 * len(operations(described))
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
