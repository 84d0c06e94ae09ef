"""A running core of Home Assistant whose wake word is detected by kws: `make test-integration`.

Run by Home Assistant's own Python, with the port of the service, a folder for its configuration and
a recording of 16 kHz, 16 bit, mono. Prints a line of JSON: what Home Assistant has seen.
"""

import asyncio
import json
import sys
import wave
from collections.abc import AsyncIterator
from typing import Any

from homeassistant import bootstrap, config_entries, core, runner
from homeassistant.const import __version__
from wyoming.asr import Transcript
from wyoming.audio import AudioStop
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info
from wyoming.server import AsyncEventHandler, AsyncTcpServer

WAKE_WORD = "yes"
RATE = 16_000
CHUNK_S = 0.064
PATIENCE_S = 60.0


async def played(recording: bytes) -> AsyncIterator[bytes]:
    """A recording in real time, as a microphone would deliver it."""
    step = 2 * round(CHUNK_S * RATE)
    for begin in range(0, len(recording), step):
        yield recording[begin : begin + step]
        await asyncio.sleep(CHUNK_S)


class Recogniser(AsyncEventHandler):
    """Stands for the recogniser without which Home Assistant runs no pipeline."""

    async def handle_event(self, event: Event) -> bool:
        if Describe.is_type(event.type):
            common: dict[str, Any] = {
                "name": "recogniser",
                "description": "recogniser",
                "attribution": Attribution("", ""),
                "installed": True,
                "version": None,
            }
            models = [AsrModel(**common, languages=["en"])]
            await self.write_event(Info(asr=[AsrProgram(**common, models=models)]).event())
        elif AudioStop.is_type(event.type):
            await self.write_event(Transcript(text="light").event())
        return True


async def connect(hass: core.HomeAssistant, port: int) -> None:
    """Add a service as a user does."""
    flow = await hass.config_entries.flow.async_init(
        "wyoming",
        context={"source": config_entries.SOURCE_USER},
        data={"host": "127.0.0.1", "port": port},
    )
    assert flow["type"] == "create_entry", flow
    await hass.async_block_till_done()


async def detect(
    hass: core.HomeAssistant, entity: str, recogniser: str, recording: bytes
) -> list[dict[str, Any]]:
    """Stream the recording into a pipeline that waits for the wake word; its events."""
    # They need what Home Assistant has installed by now.
    from homeassistant.components import assist_pipeline, stt

    pipeline = assist_pipeline.async_get_pipeline(hass)
    await assist_pipeline.async_update_pipeline(
        hass,
        pipeline,
        wake_word_entity=entity,
        wake_word_id=WAKE_WORD,
        stt_engine=recogniser,
        stt_language="en",
    )
    events: list[dict[str, Any]] = []
    await assist_pipeline.async_pipeline_from_audio_stream(
        hass,
        context=core.Context(),
        event_callback=lambda event: events.append({"type": str(event.type), **(event.data or {})}),
        stt_metadata=stt.SpeechMetadata(
            language="en",
            format=stt.AudioFormats.WAV,
            codec=stt.AudioCodecs.PCM,
            bit_rate=stt.AudioBitRates.BITRATE_16,
            sample_rate=stt.AudioSampleRates.SAMPLERATE_16000,
            channel=stt.AudioChannels.CHANNEL_MONO,
        ),
        stt_stream=played(recording),
        start_stage=assist_pipeline.PipelineStage.WAKE_WORD,
        end_stage=assist_pipeline.PipelineStage.STT,
    )
    return events


async def main(port: int, folder: str, recording: bytes) -> None:
    """Start a core, connect it, and let it hear the recording."""
    hass = await bootstrap.async_setup_hass(runner.RuntimeConfig(config_dir=folder))
    assert hass is not None
    await hass.async_start()
    server = AsyncTcpServer("127.0.0.1", 0)
    await server.start(Recogniser)
    try:
        await connect(hass, port)
        listening = server._server
        assert isinstance(listening, asyncio.Server)
        await connect(hass, listening.sockets[0].getsockname()[1])
        (entity,) = hass.states.async_entity_ids("wake_word")
        (recogniser,) = hass.states.async_entity_ids("stt")
        words = await hass.data["wake_word"].get_entity(entity).get_supported_wake_words()
        async with asyncio.timeout(PATIENCE_S):
            events = await detect(hass, entity, recogniser, recording)
    finally:
        await server.stop()
        await hass.async_stop()
    found = [each["wake_word_output"] for each in events if each["type"] == "wake_word-end"]
    types = [each["type"] for each in events]
    seen = {"version": __version__, "entity": entity, "words": [each.id for each in words]}
    print(json.dumps({**seen, "detected": found, "events": types}, default=str))


if __name__ == "__main__":
    with wave.open(sys.argv[3]) as demo:
        samples = demo.readframes(demo.getnframes())
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], samples))
