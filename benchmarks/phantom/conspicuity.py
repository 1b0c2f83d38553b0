"""How hard the phantom task is: malignant or normal, for a weak, a fair and a good observer.

    python benchmarks/phantom/conspicuity.py --sizes 64 128 --train 2000 --test 500

Patients are drawn balanced (every second one has cancer); one breast of each, two views; train
and test patients differ. Observers:

  statistics  mean, spread, percentiles, histogram and area of the image; logistic regression
  pixels-32   logistic regression on the image averaged to 32 x 32
  pixels-64   the same at 64 x 64
  blobs       maxima of Laplacian-of-Gaussian responses inside the breast, plain and divided
              by the local spread; gradient boosting
  network     a small convolutional network with a maximum over places, trained with flips and
              shifts

AUROC of single films with a 95 % interval from a bootstrap over patients. Chance is 0.5.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mammo_synth.films.phantom import PhantomSettings, plan_patient, render_film

Images = npt.NDArray[np.uint8]
Vector = npt.NDArray[np.float64]


def draw(
    seed: int, first: int, count: int, size: int, conspicuity: float
) -> tuple[Images, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Films [N, size, size] with the chest wall on the left, labels and patients."""
    settings = PhantomSettings(
        height=size, conspicuity=conspicuity, cancer_patients=0.5, benign_patients=0.0
    )
    images, labels, patients = [], [], []
    for patient in range(first, first + count):
        plan = plan_patient(seed, patient, settings)
        side = "L" if plan.finding_left == "malignant" else "R"
        if "malignant" not in (plan.finding_left, plan.finding_right):
            side = "LR"[np.random.default_rng([seed, patient]).integers(2)]
        for view in ("CC", "MLO"):
            film = render_film(seed, patient, view, side, settings)
            image = film.image if side == "L" else film.image[:, ::-1]
            images.append(np.pad(image, ((0, 0), (0, size - image.shape[1]))))
            labels.append(int(film.finding == "malignant"))
            patients.append(patient)
    return np.stack(images), np.array(labels), np.array(patients)


def statistics(images: Images) -> Vector:
    """Simple statistics of each image, [N, 32]."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    breast = images[:, :, :] > 30
    histogram = np.stack([np.bincount(i.ravel() // 16, minlength=16) for i in images])
    rows = [flat.mean(1), flat.std(1), breast.mean((1, 2))]
    rows += list(np.percentile(flat, [50, 75, 90, 95, 98, 99, 99.5, 99.9, 100], axis=1))
    inside = [flat[n][breast[n].ravel()] for n in range(len(images))]
    rows += [np.array([f(i) for i in inside]) for f in (np.mean, np.std, np.median)]
    return np.concatenate([np.stack(rows, axis=1), histogram], axis=1)


def shrink(images: Images, size: int) -> Vector:
    """Images averaged to size x size and flattened."""
    step = images.shape[1] // size
    cells = images.reshape(len(images), size, step, size, step).mean((2, 4))
    return np.asarray(cells.reshape(len(images), -1), dtype=np.float64)


def blobs(images: Images) -> Vector:
    """For each scale: the largest blob and speck responses inside the breast."""
    rows = []
    height = images.shape[1]
    for image in images.astype(np.float32):
        smooth = ndimage.gaussian_filter(image, 0.01 * height)
        inside = ndimage.binary_erosion(smooth > 60, iterations=max(1, int(0.03 * height)))
        high = image - ndimage.gaussian_filter(image, 0.05 * height)
        spread = np.sqrt(ndimage.gaussian_filter(high**2, 0.08 * height)) + 2.0
        features: list[float] = []
        for scale in (0.006, 0.010, 0.016, 0.024, 0.034):
            if scale * height < 0.5:
                continue
            response = -ndimage.gaussian_laplace(image, scale * height) * (scale * height) ** 2
            for map_ in (response, response / spread):
                values = map_[inside] if inside.any() else np.zeros(10)
                top = np.sort(values)[-max(4, len(values) // 200) :]
                features += [float(top[-1]), float(top[len(top) // 2]), float(values.std())]
        rows.append(features)
    return np.array(rows)


def network(
    images: Images, labels: npt.NDArray[np.int64], test: Images, epochs: int, device: str
) -> Vector:
    """Scores of the test images by a small convolutional network."""
    import torch
    from torch import nn
    from torch.nn import functional as fn

    torch.manual_seed(0)

    def block(i: int, o: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
            nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
        )  # fmt: skip

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            early = [block(2, 16), nn.MaxPool2d(2)] if images.shape[1] >= 128 else []
            first = 16 if early else 2
            self.body = nn.Sequential(
                *early, block(first, 24), nn.MaxPool2d(2), block(24, 48), nn.MaxPool2d(2),
                block(48, 64), nn.Dropout2d(0.2),
            )  # fmt: skip
            self.place = nn.Conv2d(64, 4, 1)
            self.head = nn.Linear(64 + 4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            maps = self.body(x)
            peak = self.place(maps).flatten(2)
            top = (torch.logsumexp(3.0 * peak, 2) - np.log(peak.shape[2])) / 3.0
            return self.head(torch.cat([maps.mean((2, 3)), top], 1))[:, 0]

    def channels(batch: torch.Tensor) -> torch.Tensor:
        x = batch.to(device, torch.float32)[:, None] / 255.0
        wide = max(3, round(0.06 * x.shape[-1]) * 2 + 1)
        local = fn.avg_pool2d(x, wide, 1, wide // 2, count_include_pad=False)
        return torch.cat([2.0 * x - 1.0, 6.0 * (x - local)], 1)

    net = Net().to(device).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.02)
    data, target = torch.from_numpy(images), torch.from_numpy(labels).float()
    batches = len(data) // 64
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, epochs * batches)
    rng = np.random.default_rng(0)
    for _ in range(epochs):
        order = torch.from_numpy(rng.permutation(len(data)))
        for step in range(batches):
            pick = order[64 * step : 64 * step + 64]
            batch = data[pick]
            if rng.random() < 0.5:
                batch = batch.flip(1)
            shift = tuple(int(s) for s in rng.integers(-4, 5, 2))
            batch = torch.roll(batch, shift, (1, 2))
            loss = fn.binary_cross_entropy_with_logits(
                net(channels(batch)), target[pick].to(device)
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        out = []
        for batch in torch.from_numpy(test).split(128):
            out.append((net(channels(batch)) + net(channels(batch.flip(1)))).cpu().numpy())
    return np.asarray(np.concatenate(out), dtype=np.float64)


def interval(
    labels: npt.NDArray[np.int64], scores: Vector, patients: npt.NDArray[np.int64]
) -> tuple[float, float, float]:
    """AUROC and its 95 % interval from 500 resamples of patients."""
    rng = np.random.default_rng(0)
    names = np.unique(patients)
    rows = {name: np.flatnonzero(patients == name) for name in names}
    values = []
    for _ in range(500):
        pick = np.concatenate([rows[n] for n in rng.choice(names, len(names))])
        if 0 < labels[pick].sum() < len(pick):
            values.append(roc_auc_score(labels[pick], scores[pick]))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(roc_auc_score(labels, scores)), float(low), float(high)


def main() -> None:
    """Print one line per size and observer."""
    parser = argparse.ArgumentParser(description="Difficulty of the phantom task")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--train", type=int, default=2000, help="patients")
    parser.add_argument("--test", type=int, default=500, help="patients")
    parser.add_argument("--conspicuity", type=float, default=1.0)
    parser.add_argument("--epochs", type=int, default=12, help="of the network; 0 leaves it out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    for size in arguments.sizes:
        begin = time.perf_counter()
        args = (arguments.seed, 0, arguments.train, size, arguments.conspicuity)
        images, labels, _ = draw(*args)
        args = (arguments.seed, arguments.train, arguments.test, size, arguments.conspicuity)
        test, truth, patients = draw(*args)
        drawn = time.perf_counter() - begin
        scores: dict[str, Vector] = {}
        for name, features, strength in (
            ("statistics", statistics, 1.0),
            ("pixels-32", lambda i: shrink(i, 32), 1e-3),
            ("pixels-64", lambda i: shrink(i, 64), 1e-4),
        ):
            model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500))
            scores[name] = model.fit(features(images), labels).decision_function(features(test))
        boost = HistGradientBoostingClassifier(
            max_iter=150, learning_rate=0.05, max_leaf_nodes=8, random_state=0
        ).fit(blobs(images), labels)
        scores["blobs"] = boost.predict_proba(blobs(test))[:, 1]
        if arguments.epochs:
            args_net = (images, labels, test, arguments.epochs, arguments.device)
            scores["network"] = network(*args_net)
        for name, score in scores.items():
            value, low, high = interval(truth, score, patients)
            row = {
                "size": size,
                "conspicuity": arguments.conspicuity,
                "observer": name,
                "auroc": round(value, 3),
                "low": round(low, 3),
                "high": round(high, 3),
            }
            print(json.dumps(row), flush=True)
        print(
            json.dumps(
                {
                    "size": size,
                    "train_films": len(labels),
                    "test_films": len(truth),
                    "drawing_seconds": round(drawn, 1),
                    "seconds": round(time.perf_counter() - begin, 1),
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
