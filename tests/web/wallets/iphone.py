"""A till with wallets set up, and an iPhone that uses them."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from daemon.app.running import App
from tests.support.till import lay_out
from tests.web.authority import PASS_TYPE, TEAM, Authority, Party, key_pem, new_key
from tests.web.conftest import HIDDEN, Answer, answer_of

ADDRESS = "https://card.example"
WALLETS = f"""
[web.apple]
pass_type = "{PASS_TYPE}"
team = "{TEAM}"
certificate = "pass.pem"
key = "pass.key"
intermediate = "wwdr.pem"

[web.google]
issuer_id = "3388000000012345678"
class_id = "card"
account = "google.json"
"""
GOOGLE_KEY = new_key()


def lay_out_wallets(home: Path, authority: Authority, party: Party) -> None:
    """Write a till's configuration with both wallets, and the keys it names."""
    public = f'port = 0\nrequests_per_s = 100_000\npublic_url = "{ADDRESS}"'
    lay_out(home, **{"port = 0": public})
    authority.write(home, party)
    account = {"client_email": "w@x.iam", "private_key": key_pem(GOOGLE_KEY).decode()}
    (home / "google.json").touch(0o600)
    (home / "google.json").write_text(json.dumps(account))
    with (home / "tillcard.toml").open("a") as file:
        file.write(WALLETS)


class Phone:
    """An iPhone: it joins, adds the pass, and speaks to the web service that the pass names."""

    def __init__(self, till: App, client: ClientSession) -> None:
        self._till = till
        self._client = client
        self.card = ""
        self.content: dict[str, Any] = {}

    async def join(self) -> None:
        url = f"{self._till.web_url}/join"
        async with self._client.get(url) as form:
            fields = dict(HIDDEN.findall(await form.text()))
        fields |= {"name": "Ольга", "personal_data": "yes"}
        async with self._client.post(url, data=fields, allow_redirects=False) as joined:
            self.card = joined.headers["Location"]

    async def add(self) -> Answer:
        answer = await self.call("GET", f"{self.card}/apple")
        self.content = json.loads(unpacked(answer.body)["pass.json"])
        return answer

    @property
    def number(self) -> str:
        return str(self.content["barcodes"][0]["message"])

    def held(self, device: str = "d1", *, serial: bool = True) -> str:
        path = f"/passes/v1/devices/{device}/registrations/{PASS_TYPE}"
        return f"{path}/{self.content['serialNumber']}" if serial else path

    @property
    def mine(self) -> str:
        return f"/passes/v1/passes/{PASS_TYPE}/{self.content['serialNumber']}"

    async def call(
        self, method: str, path: str, body: object = None, *, token: str = "", **headers: str
    ) -> Answer:
        if token:
            headers["Authorization"] = f"ApplePass {token}"
        url = self._till.web_url + path
        async with self._client.request(
            method, url, json=body, headers=headers, allow_redirects=False
        ) as response:
            return await answer_of(response)

    async def authorised(self, method: str, path: str, body: object = None, **h: str) -> Answer:
        token = self.content["authenticationToken"]
        return await self.call(method, path, body, token=token, **h)


def unpacked(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
