"""The Python MCP SDK's client, driven line by line: commands come in as JSON on stdin, answers go out on stdout.

It does nothing but use the SDK as its documentation says; what must come out is judged by python-sdk.test.mjs, which
also plays the person at the authorization page.
"""

import asyncio
import json
import sys
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata


class Storage:
    """Keeps what the SDK asks it to keep."""

    def __init__(self):
        self.tokens = None
        self.client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


async def read_line():
    return json.loads(await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline))


def say(**what):
    print(json.dumps(what), flush=True)


async def redirect(url):
    say(open=url)


async def callback():
    landed = (await read_line())["landed"]
    query = parse_qs(urlsplit(landed).query)
    one = lambda name: query.get(name, [None])[0]
    return AuthorizationCodeResult(code=one("code"), state=one("state"), iss=one("iss"))


async def main(resource, redirect_uri, document):
    storage = Storage()
    provider = OAuthClientProvider(
        server_url=resource,
        client_metadata=OAuthClientMetadata(
            client_name="Python SDK",
            redirect_uris=[redirect_uri],
            grant_types=["authorization_code", "refresh_token"],
        ),
        storage=storage,
        redirect_handler=redirect,
        callback_handler=callback,
        client_metadata_url=document or None,
    )
    async with httpx2.AsyncClient(auth=provider, timeout=30) as http:
        async with Client(streamable_http_client(resource, http_client=http)) as client:
            say(client=storage.client.model_dump(mode="json"))
            while (command := await read_line())["do"] != "end":
                try:
                    say(result=await act(client, provider, storage, command))
                except Exception as error:  # judged on the other side
                    say(error=f"{type(error).__name__}: {error}")


async def act(client, provider, storage, command):
    match command["do"]:
        case "list":
            return [tool.name for tool in (await client.list_tools()).tools]
        case "call":
            answer = await client.call_tool(command["name"], command["arguments"])
            return {"isError": answer.is_error, "structured": answer.structured_content}
        case "expire":
            # The SDK refreshes by its own clock only: what it believes of the token's life is all that is changed.
            provider.context.token_expiry_time = 1
            return None
        case "tokens":
            return storage.tokens.model_dump(mode="json")
    raise ValueError(command)


asyncio.run(main(*sys.argv[1:4]))
