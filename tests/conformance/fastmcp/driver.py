"""FastMCP's client, driven line by line: commands come in as JSON on stdin, answers go out on stdout.

It does nothing but use FastMCP as its documentation says; the browser it opens is the program in BROWSER.
"""

import asyncio
import json
import sys
import warnings

from fastmcp import Client
from fastmcp.client.auth import OAuth
from key_value.aio.stores.memory import MemoryStore


async def read_line():
    return json.loads(await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline))


def say(**what):
    print(json.dumps(what), flush=True)


async def main(resource):
    # What a restart of the program would find: FastMCP warns that this store is of memory only, which is the point.
    warnings.simplefilter("ignore")
    store = MemoryStore()
    while True:
        provider = OAuth(token_storage=store)
        async with Client(resource, auth=provider) as client:
            kept = await provider.token_storage_adapter.get_client_info()
            say(client=kept.model_dump(mode="json"))
            while (command := await read_line())["do"] not in ("end", "restart"):
                try:
                    say(result=await act(client, provider, command))
                except Exception as error:  # judged on the other side
                    say(error=f"{type(error).__name__}: {error}")
        if command["do"] == "end":
            return


async def act(client, provider, command):
    match command["do"]:
        case "list":
            return [tool.name for tool in await client.list_tools()]
        case "call":
            answer = await client.call_tool(command["name"], command["arguments"])
            return {"isError": answer.is_error, "structured": answer.structured_content}
        case "expire":
            # It refreshes by its own clock: what it believes of the token's life, in hand and kept, is all that changes.
            provider.context.token_expiry_time = 1
            adapter = provider.token_storage_adapter
            key, collection = adapter._get_token_expiry_cache_key(), "mcp-oauth-token-expiry"
            await adapter._key_value_store.put(key=key, value={"expires_at": 1.0}, collection=collection)
            return None
        case "tokens":
            return (await provider.token_storage_adapter.get_tokens()).model_dump(mode="json")
    raise ValueError(command)


asyncio.run(main(sys.argv[1]))
