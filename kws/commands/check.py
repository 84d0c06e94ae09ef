"""`kws check`: whether configuration and model are in order."""

import argparse

from kws.commands.options import add_config_arguments, naming_the_file, read_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_config_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    config = read_config(options)

    import os

    from kws.listener import make_spotter, warn_of_other_hop
    from kws.serving.access import read_access
    from kws.spotting.model_file import load_model

    model = load_model(config.model.path)
    with naming_the_file(options):
        read_access(config.server, os.environ)
        spotter = make_spotter(config, model)
    warn_of_other_hop(spotter)
    print(f"configuration: {options.config or 'the defaults'}: in order")
    print(
        f"model: {model.header.name}, {model.header.architecture}, "
        f"{model.parameters:,} parameters, {model.sample_rate} Hz, hop {spotter.hop_s:g} s"
    )
    for keyword, settings in spotter.trigger.items():
        print(
            f"keyword: {keyword}, threshold {settings.threshold:g}, "
            f"smoothing {settings.smoothing_s:g} s, patience {settings.patience_s:g} s, "
            f"refractory {settings.refractory_s:g} s, release {settings.release:g}"
        )
    return 0
