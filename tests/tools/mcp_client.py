"""A real MCP client for the end-to-end tests: the official Python SDK, driven by steps.

Usage: mcp_client.py [--mode auto|legacy|VERSION] (--url URL [--token TOKEN] | -- COMMAND ARGUMENT...)

Standard input: a JSON array of steps, `{"list": {}}` or `{"call": {"name": ..., "arguments": {...}}}`, done in order;
steps with `"together": true` are started at the same time as the one before. Standard output: one JSON object, with the
protocol version and the result of each step.
"""

import argparse
import asyncio
import json
import os
import sys

import httpx2 as httpx
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client


async def step(client, what):
    try:
        if "list" in what:
            tools, cursor = [], None
            while True:
                page = await client.list_tools(cursor=cursor)
                tools += [tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in page.tools]
                cursor = page.next_cursor
                if not cursor:
                    return {"tools": tools}
        call = what["call"]
        result = await client.call_tool(call["name"], call.get("arguments"))
        return result.model_dump(by_alias=True, exclude_none=True, mode="json")
    except MCPError as error:
        return {"error": {"code": error.error.code, "message": error.error.message}}


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", default="auto")
    parser.add_argument("--url")
    parser.add_argument("--token")
    parser.add_argument("command", nargs="*")
    given = parser.parse_args()
    steps = json.load(sys.stdin)
    if given.url:
        headers = {"Authorization": f"Bearer {given.token}"} if given.token else {}
        http = httpx.AsyncClient(headers=headers, timeout=60)
        server = streamable_http_client(given.url, http_client=http)
    else:
        server = StdioServerParameters(command=given.command[0], args=given.command[1:], env=dict(os.environ))
    results = []
    async with Client(server, mode=given.mode, read_timeout_seconds=60) as client:
        running = []
        for what in steps:
            if not what.get("together"):
                for task in running:
                    results.append(await task)
                running = []
            running.append(asyncio.create_task(step(client, what)))
        for task in running:
            results.append(await task)
        answer = {"protocol": client.protocol_version, "results": results}
    print(json.dumps(answer))


asyncio.run(main())
