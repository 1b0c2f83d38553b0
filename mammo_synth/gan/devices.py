"""Names of devices: where a generator is trained or draws."""

from __future__ import annotations

import torch

from mammo_synth.errors import BadInput


def resolve_device(name: str) -> torch.device:
    """``auto`` (an accelerator if there is one), ``cpu`` or ``cuda``.

    Raises:
        BadInput: An unknown name, or ``cuda`` where there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    if name.split(":")[0] != "cuda":
        raise BadInput(
            f"There is no device '{name}'; auto, cpu or cuda was expected.",
            hint="Leave --device away to let mammo-synth choose.",
        )
    if not torch.cuda.is_available():
        raise BadInput(
            "Torch sees no CUDA accelerator on this machine.",
            hint="Use --device cpu, or install a CUDA build of torch.",
        )
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadInput(
            f"'{name}' is not the name of a device; cuda or cuda:0 was expected.",
            hint="Leave --device away to let mammo-synth choose.",
        ) from error
    count = torch.cuda.device_count()
    if device.index is not None and device.index >= count:
        raise BadInput(
            f"There is no device '{name}': this machine has {count} CUDA accelerators.",
            hint=f"They are cuda:0 to cuda:{count - 1}.",
        )
    return device


def resolve_devices(names: str) -> tuple[torch.device, ...]:
    """One device, or several accelerators: ``cuda:0,cuda:1``.

    Raises:
        BadInput: As :func:`resolve_device`; a device twice; the processor among accelerators.
    """
    devices = tuple(resolve_device(name.strip()) for name in names.split(","))
    if len(set(devices)) != len(devices):
        raise BadInput(f"The devices '{names}' name one twice.", hint="Name each device once.")
    if len(devices) > 1 and any(device.type == "cpu" for device in devices):
        raise BadInput(
            f"The devices '{names}' mix the processor with accelerators; their images may differ "
            "by a grey level.",
            hint="Name accelerators only, or cpu alone.",
        )
    return devices
