"""The plugin in OpenVoiceOS's own plugin manager: `make test-integration`.

Run by a Python with kws and ovos-plugin-manager, with a recording of 16 kHz, 16 bit, mono. Prints a
line of JSON.
"""

import json
import sys
import wave
from importlib.metadata import version

from ovos_plugin_manager.wakewords import OVOSWakeWordFactory, find_wake_word_plugins

PLUGIN = "ovos-ww-plugin-kws"
BLOCK_S = 0.128


def heard(word: str, recording: bytes, **settings: object) -> int:
    """How often the plugin that the factory makes finds a word."""
    config = {"hotwords": {word: {"module": PLUGIN, **settings}}}
    engine = OVOSWakeWordFactory.create_hotword(word, config)
    engine.update(recording[: len(recording) // 20])
    engine.reset()
    assert not engine.found_wake_word()
    step, count = 2 * round(BLOCK_S * 16_000), 0
    for begin in range(0, len(recording), step):
        engine.update(recording[begin : begin + step])
        count += engine.found_wake_word()
        assert not engine.found_wake_word(), "it is said once"
    engine.shutdown()
    return count


def main(path: str) -> None:
    """Find the plugin, load it, and let it hear the recording."""
    with wave.open(path) as demo:
        recording = demo.readframes(demo.getnframes())
    assert PLUGIN in find_wake_word_plugins()
    try:
        heard("alexa", recording)
    except Exception as error:
        refused = str(error)
    seen = {
        "version": version("ovos-plugin-manager"),
        "yes": heard("yes", recording),
        "hey house": heard("hey house", recording, keyword="no"),
        "strict": heard("yes", recording, trigger={"verifier_threshold": 1}),
        "alexa": refused,
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1])
