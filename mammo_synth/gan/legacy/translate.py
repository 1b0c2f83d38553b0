"""The reference's constructor keywords as our :class:`NetworkSettings`.

What a keyword's absence means are the reference's defaults: 8 mapping layers, channel base 32768,
at most 512 channels, ``skip`` synthesis, ``resnet`` discriminator, no clamp, groups of 4.
"""

from __future__ import annotations

from typing import Any

from ..networks.synthesis import ARCHITECTURES
from ..settings import MAX_BATCH, MAX_RESOLUTION, MIN_RESOLUTION, NetworkSettings
from .parts import Keywords, walk
from .records import StoredModule, Unreadable

FILTER = [1, 3, 3, 1]
_FILTERS = (FILTER, [float(tap) for tap in FILTER])


def _keywords(module: StoredModule, what: str) -> Keywords:
    if module.class_name != what:
        raise Unreadable(f"has a '{module.class_name[:60]}' where a {what} was expected")
    positional = module.state.get("_init_args", ())
    if type(positional) not in (tuple, list) or len(positional) > 0:
        raise Unreadable(
            f"has a {what} made with arguments by position, which mammo-synth does not read",
            "The reference's train.py makes its networks with keywords.",
        )
    return Keywords(f"a {what}", module.state.get("_init_kwargs"))


def _common(words: Keywords) -> dict[str, Any]:
    resolution = words.whole("img_resolution", None, MIN_RESOLUTION, MAX_RESOLUTION)
    if resolution & (resolution - 1):
        raise Unreadable(f"has networks of {resolution} px, which is no power of two")
    return {
        "resolution": resolution,
        "image_channels": words.whole("img_channels", None, 1, 3),
        "c_dim": words.whole("c_dim", None, 0, 4096),
    }


def _channels(words: Keywords) -> dict[str, Any]:
    words.ignore("num_fp16_res")  # how it computes, not what
    return {
        "channel_base": words.whole("channel_base", 32768, 8, 1 << 20),
        "channel_max": words.whole("channel_max", 512, 1, 8192),
        "conv_clamp": words.clamp("conv_clamp"),
    }


def _mapping(words: Keywords, width: int, labels: int) -> int:
    layers = words.whole("num_layers", 8, 1, 64)
    if labels:
        words.must("embed_features", width, None)
    words.must("layer_features", width, None)
    words.must("activation", "lrelu")
    words.must("lr_multiplier", 0.01)
    # Without labels there is no embedding; the decay moves the average in training only.
    words.ignore("embed_features", "w_avg_beta")
    words.end()
    return layers


def generator_settings(module: StoredModule) -> dict[str, Any]:
    """What a generator says about the architecture, by the names of our settings.

    Raises:
        Unreadable: It has something that our networks do not.
    """
    words = _keywords(module, "Generator")
    found = _common(words)
    found["z_dim"] = words.whole("z_dim", None, 1, 8192)
    found["w_dim"] = words.whole("w_dim", None, 1, 8192)
    found["mapping_layers"] = _mapping(
        words.inner("mapping_kwargs"), found["w_dim"], found["c_dim"]
    )
    synthesis = words.inner("synthesis_kwargs")
    found |= _channels(synthesis)
    found["g_architecture"] = synthesis.choice("architecture", "skip", ARCHITECTURES)
    synthesis.must("resample_filter", *_FILTERS)
    synthesis.must("activation", "lrelu")
    synthesis.must("use_noise", True)
    synthesis.must("kernel_size", 3)
    synthesis.ignore("fp16_channels_last", "channels_last")
    synthesis.end()
    words.end()
    _check_attributes(module, found, "generator")
    return found


def discriminator_settings(module: StoredModule) -> dict[str, Any]:
    """What a discriminator says about the architecture, by the names of our settings.

    Raises:
        Unreadable: It has something that our networks do not.
    """
    words = _keywords(module, "Discriminator")
    found = _common(words) | _channels(words)
    found["d_architecture"] = words.choice("architecture", "resnet", ARCHITECTURES)
    if found["c_dim"]:
        last = min(found["channel_base"] // 4, found["channel_max"])
        words.must("cmap_dim", last, None)
        found["d_mapping_layers"] = _mapping(words.inner("mapping_kwargs"), last, found["c_dim"])
    else:  # it maps no labels, whatever they say
        words.ignore("cmap_dim", "mapping_kwargs")
    block = words.inner("block_kwargs")
    block.must("activation", "lrelu")
    block.must("resample_filter", *_FILTERS)
    block.ignore("fp16_channels_last", "freeze_layers")
    block.end()
    epilogue = words.inner("epilogue_kwargs")
    # "None" compares the whole batch: a group is at most the batch, and that is at most the limit.
    found["mbstd_group"] = epilogue.whole("mbstd_group_size", 4, 1, MAX_BATCH, none=MAX_BATCH)
    epilogue.must("mbstd_num_channels", 1)
    epilogue.must("activation", "lrelu")
    epilogue.end()
    words.end()
    _check_attributes(module, found, "discriminator")
    return found


def _check_attributes(module: StoredModule, found: dict[str, Any], what: str) -> None:
    """A part's own attributes decide what the reference computes: they must agree with the
    keywords, for a network may have been changed after it was made."""
    for name, part in walk(module, what):
        words = Keywords(f"a {what} part {name[:60] or what}", part.state)
        words.must("activation", "lrelu", "linear")
        words.must("use_noise", True)
        words.must("num_channels" if "group_size" in part.state else "-", 1)
        clamp, expected = words.clamp("conv_clamp"), found["conv_clamp"]
        if clamp is not None and clamp != expected:
            raise Unreadable(
                f"has a {what} clamped at {clamp:g} in {name} and {expected} elsewhere"
            )


def combine(generator: dict[str, Any], discriminator: dict[str, Any] | None) -> NetworkSettings:
    """One description of both networks.

    Raises:
        Unreadable: They do not belong together.
    """
    for key, value in (discriminator or {}).items():
        if generator.setdefault(key, value) != value:
            raise Unreadable(
                f"has a generator with {key} {generator[key]} and a discriminator with {value}; "
                "mammo-synth has one value for both",
                "The generator alone can be imported: use --ema-only.",
            )
    return NetworkSettings(**generator)
