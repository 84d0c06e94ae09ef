"""Run a program, such as a robot's, until somebody says "stop".

`kws run --set model.path=commands-10`, and beside it `python examples/robot_stop.py PROGRAM ...`.
It ends the program too where nobody would hear the word any more: the microphone is lost or muted.
A word is no emergency stop: it may be missed, and so may a connection that breaks.
"""

import asyncio
import os
import sys

import kws
from kws.protocol.events import AudioLost, Muted

URL = os.environ.get("KWS_URL", "ws://127.0.0.1:8000")
STOP = os.environ.get("KWS_STOP", "stop")


async def wait_for_stop() -> str:
    """Why to stop, once there is a reason."""
    listener = kws.listen(URL, token=os.environ.get("KWS_TOKEN", ""), keywords=[STOP])
    async for event in listener:
        match event.body:
            case kws.Detected(keyword=word):
                return f"somebody has said {word!r}"
            case AudioLost(reason=reason):
                return f"nobody listens: {reason}"
            case Muted():
                return "nobody listens: kws is muted"
    raise AssertionError("it goes on for ever")


async def main(*command: str) -> int:
    """Run the program; its exit code."""
    program = await asyncio.create_subprocess_exec(*command)
    stopping, ending = asyncio.create_task(wait_for_stop()), asyncio.create_task(program.wait())
    await asyncio.wait((stopping, ending), return_when=asyncio.FIRST_COMPLETED)
    if not ending.done():
        program.terminate()
    if stopping.done():
        print(stopping.result(), file=sys.stderr)
    stopping.cancel()
    return await ending


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
