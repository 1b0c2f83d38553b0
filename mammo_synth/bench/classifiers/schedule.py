"""How long a network trains, and the settings that say so."""

from __future__ import annotations

from dataclasses import dataclass

from mammo_synth.bench.recipes import CommonSettings, setting


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How a training goes through its images, and when it ends.

    Attributes:
        batch_size: Images per step; the last one of an epoch has what is left.
        epochs: At most.
        shuffle: A new order every epoch, by seed and epoch alone.
        early_stopping: End after ``patience`` epochs without a new best.
        monitor: ``val_loss`` or ``val_accuracy``: what makes an epoch the best.
        patience: Epochs; 0 is as 1.
        min_delta: By how much a new best exceeds the old one.
        restore_best: Return to the weights of the best epoch.
    """

    batch_size: int
    epochs: int
    shuffle: bool
    early_stopping: bool
    monitor: str
    patience: int
    min_delta: float
    restore_best: bool


@dataclass(frozen=True, kw_only=True)
class EpochSettings(CommonSettings):
    """Settings of training by epochs. Stopping watches val_loss, and the best weights return.

    Attributes:
        learning_rate, weight_decay: Of the optimiser.
        batch_size: Images per step; shuffled every epoch.
        epochs: At most.
        patience: Epochs without a new best val_loss.
    """

    learning_rate: float = setting(low=1e-9, high=1.0)
    weight_decay: float = setting(low=0.0, high=10.0)
    batch_size: int = setting(low=1)
    epochs: int = setting(low=1)
    patience: int = setting(low=0)

    @property
    def schedule(self) -> Schedule:
        """What these settings say, and what holds for all of this kind."""
        return Schedule(
            batch_size=self.batch_size,
            epochs=self.epochs,
            shuffle=True,
            early_stopping=True,
            monitor="val_loss",
            patience=self.patience,
            min_delta=0.0,
            restore_best=True,
        )
