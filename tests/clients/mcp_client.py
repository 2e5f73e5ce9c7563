"""Drives a conversation and an audit by the official client of the Model Context Protocol: PROGRAM MOCK RECEIVER."""
import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

PROGRAM, MOCK, RECEIVER = sys.argv[1:4]


async def main():
    server = StdioServerParameters(command=PROGRAM, args=["mcp", "--url", MOCK])
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        started = await session.initialize()
        assert started.server_info.name == "airudder-mock", started

        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert len(tools) <= 20 and "callback" in tools["wait_for"].input_schema["properties"], tools

        async def call(tool, **fields):
            result = await session.call_tool(tool, fields)
            text = result.content[0].text
            return result.is_error, text if result.is_error or tool == "audit" else json.loads(text)

        async def ok(tool, **fields):
            failed, answer = await call(tool, **fields)
            assert not failed, answer
            return answer

        # Who waits keeps nobody else from acting.
        waiting = asyncio.create_task(ok("wait_for", callback="session.transfer", within="60s"))
        chat = await ok("start_chat", write="hello")
        await ok("user", conversation=chat["conversation"], ask_for_agent=True)
        came = await waiting
        body = json.loads(came["entries"][0]["body"])
        assert body["transfer"]["call_id"] == chat["conversation"], came
        await ok("settle", within="60s")
        out = await ok("journal", direction="out", event="session.transfer")
        assert len(out["entries"]) >= 1, out
        assert (await ok("reference", id="session.transfer"))["entry"]["id"] == "session.transfer"
        assert any(entry["id"] == "task.create" for entry in (await ok("catalog"))["entries"])
        history = await ok("chat_history", conversation=chat["conversation"])
        assert history["messages"][0]["text"] == "hello", history
        same = await ok("wait_for", callback="session.transfer", where={"user.id": body["user"]["id"]})
        assert same["met"], same
        assert (await ok("settings"))["base_url"] == MOCK
        fault = (await ok("add_fault", fault="503 of task.create"))["fault"]
        assert len((await ok("faults"))["faults"]) == 1
        await ok("remove_fault", fault=fault)
        story = await ok("start_story", text='name = "short"\n[[steps]]\npause = "1s"\n')
        await ok("wait_for", story=story["stories"][0]["story"])

        failed, why = await call("wait_for", callback="task.finished", within="0s")
        assert failed and "task.finished" in why, why
        failed, why = await call("user", conversation="nobody", write="x")
        assert failed and "nobody" in why, why

        report = await ok("audit", callback_url=RECEIVER, only="answer-accepted")
        assert "answer-accepted" in report or "1 passed" in report, report
        print("driven")


asyncio.run(main())
