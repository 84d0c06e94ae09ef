"""Codes that our websockets are closed with, beside those of RFC 6455: see docs/protocol.md."""

from websockets.frames import CloseCode

TOO_SLOW = 4008
WRONG_TOKEN = 4401
NAME_TAKEN = 4409
TOO_FAST = 4429

FINAL = frozenset((CloseCode.POLICY_VIOLATION, CloseCode.MESSAGE_TOO_BIG, WRONG_TOKEN, TOO_FAST))
"""After these, trying again would end the same way."""
