"""Any image-classification checkpoint of Hugging Face, fine-tuned with plain PyTorch.

Weights are read from safetensors only, and no code of a checkpoint is run. Images are brought to
the input size here and normalised by the checkpoint's ``preprocessor_config.json``, so torchvision
is not needed.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_synth.bench.classifiers.base import History, Images, Options, Part
from mammo_synth.bench.classifiers.checkpoint import Arrays
from mammo_synth.bench.classifiers.epochs import (
    Batch,
    Inputs,
    counts_at_half,
    parts_digest,
    run_digest,
    train_epochs,
)
from mammo_synth.bench.classifiers.hugging_face_folder import (
    HuggingFaceSettings,
    board_name,
    checked_digest,
    fetched,
)
from mammo_synth.bench.classifiers.images import resize
from mammo_synth.bench.record import Weights
from mammo_synth.bench.resampling import Floats, Integers
from mammo_synth.checkpoints import normalisation
from mammo_synth.errors import BadInput, CheckFailed
from mammo_synth.keras_backend import memory_errors
from mammo_synth.progress import Progress

_ADAM = ("step", "exp_avg", "exp_avg_sq")
"""What AdamW remembers of each parameter."""


class HuggingFace:
    """A checkpoint with a head of two classes in place of its own; output p_cancer.

    Args:
        settings: Which checkpoint and how it is trained.
        options: Device.
        files: ``checkpoint``: its folder, as `hugging_face_folder.locate` gives it; without it the
            checkpoint comes from the Hub.

    Raises:
        BadInput: transformers is not installed.
    """

    features_cached: bool | None = None
    resumable = True
    backend: str | None = "torch"
    packages: tuple[str, ...] = ("numpy", "pillow", "torch", "transformers")

    def __init__(
        self, settings: HuggingFaceSettings, options: Options, files: Mapping[str, Path]
    ) -> None:
        if importlib.util.find_spec("transformers") is None:
            raise BadInput(
                "Checkpoints of Hugging Face need the package transformers, which is not "
                "installed.",
                hint="pip install 'mammo-synth[transformers]'",
            )
        self._settings, self._options, self._files = settings, options, files
        self._digest: str | None = None
        self._model: Any = None
        self._optimizer: Any = None
        self._mean = self._std = np.ones(1, np.float32)
        self._fitted = False
        self.device = options.device

    @property
    def weights(self) -> Weights:
        """The checkpoint's weights; their digest once they are there."""
        return {"origin": "file", "sha256": self._digest}

    @property
    def parameters(self) -> int | None:
        """Of the whole network, once it is loaded."""
        return sum(p.numel() for p in self._model.parameters()) if self._model else None

    def fit(
        self,
        train: Part,
        validation: Part,
        *,
        seed: int,
        progress: Progress,
        checkpoint: Path | None = None,
    ) -> History:
        """Load the checkpoint, train until early stopping or the last epoch.

        Raises:
            BadInput: No such checkpoint, it does not fit, or the device's memory is too small.
            CheckFailed: The loss became NaN.
        """
        torch: Any = importlib.import_module("torch")
        s = self._settings
        self.device = _device(torch, self._options.device)
        cuda = [torch.cuda.current_device()] if self.device == "cuda" else []
        # The head and the dropout draw from torch's own generator: it is put back afterwards.
        with torch.random.fork_rng(devices=cuda):
            torch.manual_seed(seed)
            with memory_errors(self.device, None, training=False):
                self._load(torch)
            learning = [p for p in self._model.parameters() if p.requires_grad]
            self._optimizer = torch.optim.AdamW(
                learning, lr=s.learning_rate, weight_decay=s.weight_decay
            )
            history = train_epochs(
                self,
                Inputs(self._small(train.images), train.label),
                Inputs(self._small(validation.images), validation.label),
                s.schedule,
                seed=seed,
                what=board_name(s),
                device=self.device,
                progress=progress,
                checkpoint=checkpoint,
                digest=run_digest(
                    s, seed, self._digest, self.device, parts_digest([train, validation])
                ),
            )
        self._fitted = True
        return history

    def predict_proba(self, images: Images) -> Floats:
        """Probability of cancer, float64 [N]."""
        if not self._fitted:
            raise CheckFailed("predict_proba was called before fit.")
        with memory_errors(self.device, self._settings.batch_size, training=True):
            return self.scores(self._small(images))

    def step(self, x: npt.NDArray[Any], label: Integers) -> Batch:
        """Learn from one batch."""
        torch: Any = importlib.import_module("torch")
        self._model.train()
        logits = self._logits(torch, x)
        target = torch.from_numpy(np.asarray(label, np.int64)).to(self.device)
        loss = torch.nn.functional.cross_entropy(logits, target)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        p = torch.softmax(logits.detach().double(), 1)[:, 1].cpu().numpy()
        return Batch(float(loss.detach()), *counts_at_half(p, label))

    def scores(self, x: npt.NDArray[Any]) -> Floats:
        """Probability of cancer, float64 [N]."""
        torch: Any = importlib.import_module("torch")
        self._model.eval()
        parts = []
        with torch.inference_mode():
            for i in range(0, len(x), self._settings.batch_size):
                logits = self._logits(torch, x[i : i + self._settings.batch_size])
                parts.append(torch.softmax(logits.double(), 1)[:, 1].cpu().numpy())
        return np.concatenate(parts)

    def weights_now(self) -> Arrays:
        """A copy of all weights."""
        # Not Tensor.numpy() alone: on the CPU that is the very memory that goes on learning.
        return [np.array(v.detach().cpu().numpy()) for v in self._model.state_dict().values()]

    def put_weights(self, weights: Arrays) -> None:
        """Return to a copy of them."""
        torch: Any = importlib.import_module("torch")
        names = self._model.state_dict().keys()
        arrays = {k: torch.from_numpy(np.array(a)) for k, a in zip(names, weights, strict=True)}
        self._model.load_state_dict(arrays)

    def memory_now(self) -> tuple[Arrays, Arrays]:
        """Copies of the optimiser's variables and of the state of the random generators."""
        torch: Any = importlib.import_module("torch")
        state = self._optimizer.state_dict()["state"]
        optimizer = [
            np.array(state[i][key].detach().cpu().numpy()) for i in sorted(state) for key in _ADAM
        ]
        random = [torch.random.get_rng_state().numpy()]
        if self.device == "cuda":
            random.append(torch.cuda.get_rng_state().numpy())
        return optimizer, [np.array(array) for array in random]

    def put_memory(self, optimizer: Arrays, random: Arrays) -> None:
        """Return to copies of them."""
        torch: Any = importlib.import_module("torch")
        said = self._optimizer.state_dict()
        values = iter([torch.from_numpy(np.array(array)) for array in optimizer])
        said["state"] = {
            i: {key: next(values) for key in _ADAM} for i in range(len(optimizer) // len(_ADAM))
        }
        self._optimizer.load_state_dict(said)
        torch.random.set_rng_state(torch.from_numpy(np.array(random[0])))
        if self.device == "cuda" and len(random) > 1:
            torch.cuda.set_rng_state(torch.from_numpy(np.array(random[1])))

    def _small(self, images: Images) -> Images:
        return resize(images, self._settings.input_size, self._settings.resize_filter)

    def _logits(self, torch: Any, images: Images) -> Any:
        """float32 [n, 2] for uint8 [n, s, s]."""
        x = images[:, None].astype(np.float32) / 255
        x = (x - self._mean[:, None, None]) / self._std[:, None, None]
        try:
            return self._model(pixel_values=torch.from_numpy(x).to(self.device)).logits
        except ValueError as error:  # a transformer has one size only
            raise BadInput(
                f"{self._settings.checkpoint} does not take images of "
                f"{self._settings.input_size} px ({error}).",
                hint="Set its own size: --set input_size=384, for example.",
            ) from error

    def _load(self, torch: Any) -> None:
        """The checkpoint with a new head of two classes, on the device."""
        transformers: Any = importlib.import_module("transformers")
        folder = self._files.get("checkpoint") or fetched(self._settings)
        self._digest = checked_digest(folder, self._settings.weights_sha256)
        transformers.logging.set_verbosity_error()  # it reports the new head as a problem
        transformers.utils.logging.disable_progress_bar()
        try:
            model = transformers.AutoModelForImageClassification.from_pretrained(
                folder,
                num_labels=2,
                ignore_mismatched_sizes=True,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                dtype=torch.float32,
            )
        except Exception as error:  # transformers raises many kinds for what it cannot build
            first = (str(error).strip().splitlines() or ["no details"])[0][:300]
            raise BadInput(
                f"'{self._settings.checkpoint}' cannot be loaded as an image classifier "
                f"({type(error).__name__}: {first}).",
                hint="Choose a checkpoint that AutoModelForImageClassification knows.",
            ) from error
        channels = int(getattr(model.config, "num_channels", 3) or 3)
        self._mean, self._std = normalisation(folder, channels)
        if self._settings.trainable == "head":
            for parameter in model.base_model.parameters():
                parameter.requires_grad = False
            if not any(parameter.requires_grad for parameter in model.parameters()):
                raise BadInput(
                    f"'{self._settings.checkpoint}' has no head apart from its network.",
                    hint="Use --set trainable=all.",
                )
        self._model = model.to(self.device)


def _device(torch: Any, device: str) -> str:
    """``cpu`` or ``cuda``."""
    if device not in ("auto", "cpu", "cuda"):
        raise BadInput(
            f"There is no device '{device}'; auto, cpu or cuda was expected.",
            hint="Leave --device out to use a GPU where there is one.",
        )
    if device == "cuda" and not torch.cuda.is_available():
        raise BadInput("PyTorch sees no CUDA device.", hint="Use --device cpu.")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
