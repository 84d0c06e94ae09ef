"""The loop of one rival, as its README has it. Runs in the rival's own environment.

`python rival_loop.py NAME RECORDING`: for each line on standard input the recording, raw 16-bit
samples at 16 kHz, goes through the loop once, and a JSON line tells what that cost.
`python rival_loop.py NAME -`: the samples come on standard input, in real time, until its end.
In both, {"event": "ready"} on standard error: the loop waits for samples.

Imports nothing of this project but, where kws is the rival, kws as it is installed.
"""

import inspect
import json
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
WARM_UP_S = 2
_BYTES_PER_S = 2 * 16_000


class Loop(Protocol):
    """What is done with each block of samples.

    Attributes:
        block: samples that it is given at once.
    """

    block: int

    def push(self, audio: bytes) -> int:
        """Take the next samples, 16-bit; returns how many detections came of them."""
        ...


class Kws:
    """kws, ten words; docs/programs.md: any number of samples at a time, here one hop.

    Args:
        engine: as `model.engine`; a kws that has no choice of engines has torch only.
    """

    block = 1_600

    def __init__(self, engine: str) -> None:
        self._numpy: Any = import_module("numpy")
        kws: Any = import_module("kws")
        if "engine" in inspect.signature(kws.load_model).parameters:
            model = kws.load_model("commands-10", engine=engine)
        elif engine == "torch":
            model = kws.load_model("commands-10")
        else:
            raise SystemExit(f"this kws has no engine {engine!r}")
        self._spotter = kws.Spotter(model)

    def push(self, audio: bytes) -> int:
        samples = self._numpy.frombuffer(audio, self._numpy.int16) / self._numpy.float32(32_768)
        return len(self._spotter.push(samples))


class PyMicroWakeWord:
    """One phrase; the README's blocks of 10 ms."""

    block = 160

    def __init__(self) -> None:
        library: Any = import_module("pymicro_wakeword")
        self._word = library.MicroWakeWord.from_builtin(library.Model.OKAY_NABU)
        self._features = library.MicroWakeWordFeatures()

    def push(self, audio: bytes) -> int:
        return sum(
            bool(self._word.process_streaming(each))
            for each in self._features.process_streaming(audio)
        )


class PyOpenWakeWord:
    """One phrase; the README's blocks of 10 ms."""

    block = 160

    def __init__(self) -> None:
        library: Any = import_module("pyopen_wakeword")
        self._word = library.OpenWakeWord.from_builtin(library.Model.OKAY_NABU)
        self._features = library.OpenWakeWordFeatures.from_builtin()

    def push(self, audio: bytes) -> int:
        return sum(
            bool(probability > 0.5)
            for each in self._features.process_streaming(audio)
            for probability in self._word.process_streaming(each)
        )


class OpenWakeWord:
    """One phrase; the README's blocks of 80 ms.

    Args:
        models: folder of its released model files.
    """

    block = 1_280

    def __init__(self, models: Path) -> None:
        self._numpy: Any = import_module("numpy")
        self._model = import_module("openwakeword.model").Model(
            wakeword_models=[str(models / "okay_nabu.tflite")],
            melspec_model_path=str(models / "melspectrogram.tflite"),
            embedding_model_path=str(models / "embedding_model.tflite"),
            inference_framework="tflite",
        )

    def push(self, audio: bytes) -> int:
        scores = self._model.predict(self._numpy.frombuffer(audio, self._numpy.int16))
        return sum(bool(score > 0.5) for score in scores.values())


class PocketSphinx:
    """Ten words in its keyword mode, at the README's threshold and its own blocks of 2048 bytes.

    As in its examples, an utterance ends with each detection.
    """

    block = 1_024

    def __init__(self) -> None:
        library: Any = import_module("pocketsphinx")
        library.set_loglevel("FATAL")
        self._decoder = library.Decoder(lm=None)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "words.list"
            path.write_text("".join(f"{word} /1e-20/\n" for word in WORDS))
            self._decoder.add_kws("words", str(path))
        self._decoder.activate_search("words")
        self._decoder.start_utt()

    def push(self, audio: bytes) -> int:
        self._decoder.process_raw(audio)
        if self._decoder.hyp() is None:
            return 0
        self._decoder.end_utt()
        self._decoder.start_utt()
        return 1


def make_loop(name: str, models: Path) -> Loop:
    """The loop of a rival, by the name that `bench.rivals` gives it."""
    match name:
        case "kws-onnx" | "kws-torch":
            return Kws(name.removeprefix("kws-"))
        case "pymicro-wakeword":
            return PyMicroWakeWord()
        case "pyopen-wakeword":
            return PyOpenWakeWord()
        case "openwakeword":
            return OpenWakeWord(models)
        case "pocketsphinx":
            return PocketSphinx()
        case _:
            raise SystemExit(f"no rival {name!r}")


def from_memory(loop: Loop, audio: bytes) -> tuple[float, int]:
    """CPU seconds of all threads for the audio, and detections in it."""
    step = 2 * loop.block
    whole = len(audio) - len(audio) % step
    begun = time.process_time()
    found = sum(loop.push(audio[at : at + step]) for at in range(0, whole, step))
    return time.process_time() - begun, found


def main(name: str, source: str, models: str) -> None:
    """Run until the end of standard input."""
    loop = make_loop(name, Path(models))
    # The first calls take longer; one rival begins with seconds of silence of its own.
    from_memory(loop, bytes(WARM_UP_S * _BYTES_PER_S))
    audio = b"" if source == "-" else Path(source).read_bytes()
    print(json.dumps({"event": "ready"}), file=sys.stderr, flush=True)
    if source == "-":
        while len(block := sys.stdin.buffer.read(2 * loop.block)) == 2 * loop.block:
            if loop.push(block):
                print("detected", flush=True)
        return
    for _ in sys.stdin:
        seconds, found = from_memory(loop, audio)
        print(json.dumps({"cpu_s": seconds, "detections": found}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
