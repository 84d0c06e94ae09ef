"""Turn slides by voice: "down" is the next one, "up" the one before.

Beside `kws run`: `python examples/slides.py`. It presses keys with xdotool (X11); under Wayland
`KEYS` can be those of another program, such as ydotool.
"""

import asyncio
import os
import subprocess

import kws

URL = os.environ.get("KWS_URL", "ws://127.0.0.1:8000")
KEYS = {"down": "Next", "up": "Prior"}


async def main() -> None:
    """Press a key for each word, for ever."""
    listener = kws.listen(URL, token=os.environ.get("KWS_TOKEN", ""), keywords=KEYS)
    async for event in listener:
        if isinstance(event.body, kws.Detected):
            subprocess.run(["xdotool", "key", KEYS[event.body.keyword]], check=True)


if __name__ == "__main__":
    asyncio.run(main())
