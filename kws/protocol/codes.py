"""Paths of the websockets, and the codes that close them beside those of RFC 6455.

See docs/protocol.md.
"""

from websockets.frames import CloseCode

EVENTS_PATH = "/events"
SCORES_PATH = "/scores"
AUDIO_PATH = "/audio"

TOO_SLOW = 4008
WRONG_TOKEN = 4401
NAME_TAKEN = 4409
TOO_FAST = 4429

FINAL = frozenset((CloseCode.POLICY_VIOLATION, CloseCode.MESSAGE_TOO_BIG, WRONG_TOKEN, TOO_FAST))
"""After these, trying again would end the same way."""
