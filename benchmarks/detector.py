"""How well the detector ranks and calibrates on tables of patients, beside its peers at defaults.

    python benchmarks/detector.py FOLDER... [--mode supervised] [--folds 5] [--seeds 1]
        [--cache peers.json] [--ablation] [--only medchain,catboost] [--tables pima,stroke]

A folder holds CSV tables with a label column ``anomaly`` (1 is anomalous) and, maybe, an identifier
``patient_id``. Every model is trained on the same folds and judged on rows that it never saw, on
one thread; peers get one-hot categories, medians for missing cells and scaling where they need it.
Without labels, models are trained on all rows of the training folds; in the mode ``normal-only`` on
those labelled normal. `--cache` names a file for the peers' figures, which do not change. Needs
``pip install catboost xgboost lightgbm pyod pandas``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scoring import processor
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

LABEL, IDENTIFIER = "anomaly", "patient_id"
MODES = ("supervised", "unlabelled", "normal-only")
FIGURES = ("ap", "auc", "brier", "calibration", "seconds")
ABLATIONS: dict[str, dict[str, Any]] = {
    "without convolution": {"convolution": False},
    "without bins": {"bins": False},
    "without linear path": {"linear": False},
    "without trees": {"forest": False},
    "one member": {"averaged": 1},
}
Split = tuple[pd.DataFrame, np.ndarray, pd.DataFrame]
Model = Callable[[Split, int], np.ndarray]


def main() -> None:
    """Measure every model on every table, and print the tables of results."""
    options = arguments()
    warnings.simplefilter("ignore")
    threadpool_limits(1)
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, "1")
    cache = Path(options.cache) if options.cache else None
    known = json.loads(cache.read_text()) if cache and cache.exists() else {}
    models = chosen(options)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for path in tables(options):
        found[path.stem] = {}
        for name, model in models.items():
            key = f"{options.mode}/{path.stem}/{name}/{options.folds}x{options.seeds}"
            if name.startswith("medchain") or key not in known:
                known[key] = measure(path, model, options)
                if cache:
                    cache.write_text(json.dumps(known, indent=1, sort_keys=True))
            found[path.stem][name] = known[key]
        print(
            path.stem,
            {n: round(f["ap"], 4) for n, f in found[path.stem].items()},
            file=sys.stderr,
            flush=True,
        )
    print(
        f"{processor()}, one thread, {datetime.date.today()}; {options.mode}, "
        f"{options.folds} folds, {options.seeds} seed(s), {len(found)} tables\n"
    )
    print(by_table(found, "ap"))
    print(summary(found, options.mode == "supervised"))


def arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--mode", choices=MODES, default=MODES[0])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--cache")
    parser.add_argument("--ablation", action="store_true")
    parser.add_argument("--only", help="names of models, by commas")
    parser.add_argument("--tables", help="names of tables, by commas")
    return parser.parse_args()


def tables(options: argparse.Namespace) -> list[Path]:
    """The tables asked for, in alphabetical order."""
    wanted = options.tables and options.tables.split(",")
    paths = [path for folder in options.folders for path in folder.glob("*.csv")]
    return sorted((p for p in paths if not wanted or p.stem in wanted), key=lambda p: p.stem)


def chosen(options: argparse.Namespace) -> dict[str, Model]:
    """The models to measure, ours first."""
    models: dict[str, Model] = {"medchain": ours(options.mode)}
    if options.ablation:
        models |= {f"medchain {k}": ours(options.mode, v) for k, v in ABLATIONS.items()}
    models |= supervised() if options.mode == "supervised" else outliers(options.mode)
    wanted = options.only and options.only.split(",")
    return {name: model for name, model in models.items() if not wanted or name in wanted}


def measure(path: Path, model: Model, options: argparse.Namespace) -> dict[str, float]:
    """The mean figures of a model over all folds of a table."""
    text = pd.read_csv(path, dtype=str, keep_default_na=False)
    labels = text[LABEL].astype(float).astype(int).to_numpy()
    features = text.drop(columns=[LABEL, IDENTIFIER], errors="ignore")
    figures, scores = [], np.zeros((options.seeds, len(labels)))
    for seed in range(options.seeds):
        folds = StratifiedKFold(options.folds, shuffle=True, random_state=seed)
        for train, test in folds.split(features, labels):
            start = time.process_time()
            said = model((features.iloc[train], labels[train], features.iloc[test]), seed)
            spent = time.process_time() - start
            scores[seed, test] = said
            figures.append((*ranking(said, labels[test]), spent))
    ap, auc, seconds = np.mean(figures, axis=0)
    brier = float(np.mean(np.square(scores - labels)))
    calibration = float(np.mean([calibration_error(row, labels) for row in scores]))
    return dict(zip(FIGURES, (ap, auc, brier, calibration, seconds), strict=True))


def ranking(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Average precision and the area under the ROC curve."""
    scores = np.nan_to_num(scores, nan=-1e300, posinf=1e300, neginf=-1e300)
    return average_precision_score(labels, scores), roc_auc_score(labels, scores)


def calibration_error(scores: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Mean distance of score and share of anomalies over `bins` groups of equally many rows."""
    groups = np.array_split(np.argsort(scores, kind="stable"), bins)
    gaps = [len(g) * abs(scores[g].mean() - labels[g].mean()) for g in groups if len(g)]
    return float(sum(gaps) / len(scores))


def ours(mode: str, changes: dict[str, Any] | None = None) -> Model:
    """medchain, trained without held-out rows and scoring through its converted network."""

    def run(split: Split, seed: int) -> np.ndarray:
        from medchain.detect.plan import Plan
        from medchain.detect.scoring import Scorer
        from medchain.detect.train import fit

        train, labels, test = split
        keep = labels < 1 if mode == "normal-only" else np.ones(len(labels), bool)
        rows, columns = train[keep].to_numpy().tolist(), list(train.columns)
        more: dict[str, Any] = {"plan": Plan(**changes or {})}
        if mode == "supervised":
            columns.append(LABEL)
            rows = [[*row, str(label)] for row, label in zip(rows, labels[keep], strict=True)]
            more["label"] = LABEL
        scorer = Scorer(fit(columns, rows, seed=seed, mode=mode, held_out=0.0, **more).bundle)
        scorer.bind(list(test.columns))
        return scorer.score(test.to_numpy().tolist())[0]

    return run


def supervised() -> dict[str, Model]:
    """The supervised peers, at their libraries' defaults."""
    from catboost import CatBoostClassifier
    from lightgbm import LGBMClassifier
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
    )
    from sklearn.linear_model import LogisticRegression
    from xgboost import XGBClassifier

    def peer(make: Callable[[int], Any], **how: bool) -> Model:
        def run(split: Split, seed: int) -> np.ndarray:
            train, labels, test = split
            x, z = design(train, test, **how)
            return make(seed).fit(x, labels).predict_proba(z)[:, 1]

        return run

    return {
        "catboost": native_catboost(CatBoostClassifier),
        "random forest": peer(lambda s: RandomForestClassifier(random_state=s), filled=True),
        "extra trees": peer(lambda s: ExtraTreesClassifier(random_state=s), filled=True),
        "lightgbm": peer(lambda s: LGBMClassifier(random_state=s, verbose=-1, n_jobs=1)),
        "xgboost": peer(lambda s: XGBClassifier(random_state=s, n_jobs=1)),
        "hist boosting": peer(lambda s: HistGradientBoostingClassifier(random_state=s)),
        "logistic": peer(lambda _: LogisticRegression(max_iter=2000), filled=True, scaled=True),
    }


def native_catboost(kind: Any) -> Model:
    """CatBoost with its own treatment of categories and missing values."""

    def run(split: Split, seed: int) -> np.ndarray:
        train, labels, test = split
        words = words_of(train)
        x, z = (as_numbers(frame, words, one_hot=False) for frame in (train, test))
        model = kind(random_seed=seed, verbose=0, thread_count=1, allow_writing_files=False)
        return model.fit(x, labels, cat_features=words).predict_proba(z)[:, 1]

    return run


def outliers(mode: str) -> dict[str, Model]:
    """PyOD's detectors at their defaults, which know no labels."""
    from pyod.models.copod import COPOD
    from pyod.models.ecod import ECOD
    from pyod.models.hbos import HBOS
    from pyod.models.iforest import IForest
    from pyod.models.inne import INNE
    from pyod.models.knn import KNN
    from pyod.models.ocsvm import OCSVM

    def peer(make: Callable[[int], Any]) -> Model:
        def run(split: Split, seed: int) -> np.ndarray:
            train, labels, test = split
            keep = labels < 1 if mode == "normal-only" else np.ones(len(labels), bool)
            x, z = design(train[keep], test, filled=True, scaled=True)
            return make(seed).fit(x).decision_function(z)

        return run

    return {
        "IForest": peer(lambda s: IForest(random_state=s)),
        "ECOD": peer(lambda _: ECOD()),
        "COPOD": peer(lambda _: COPOD()),
        "KNN": peer(lambda _: KNN()),
        "OCSVM": peer(lambda _: OCSVM()),
        "INNE": peer(lambda s: INNE(random_state=s)),
        "HBOS": peer(lambda _: HBOS()),
        "sum of squares": squares(mode),
    }


def squares(mode: str) -> Model:
    """The plain sum of squared z-scores."""

    def run(split: Split, seed: int) -> np.ndarray:
        del seed
        train, labels, test = split
        keep = labels < 1 if mode == "normal-only" else np.ones(len(labels), bool)
        _, z = design(train[keep], test, filled=True, scaled=True)
        return np.square(z).sum(axis=1)

    return run


def design(
    train: pd.DataFrame, test: pd.DataFrame, *, filled: bool = False, scaled: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers for both frames: one-hot categories, and medians and scaling from `train`."""
    words = words_of(train)
    x, z = (as_numbers(frame, words, one_hot=True) for frame in (train, test))
    z = z.reindex(columns=x.columns, fill_value=0.0)
    if filled:
        medians = x.median().fillna(0.0)
        x, z = x.fillna(medians), z.fillna(medians)
    if scaled:
        mean, spread = x.mean(), x.std().replace(0, 1).fillna(1)
        x, z = (x - mean) / spread, (z - mean) / spread
    return x.to_numpy(float), z.to_numpy(float)


def words_of(frame: pd.DataFrame) -> list[str]:
    """The columns that hold anything but numbers."""
    return [
        name
        for name in frame
        if pd.to_numeric(frame[name].replace("", None), errors="coerce").isna().sum()
        > (frame[name] == "").sum()
    ]


def as_numbers(frame: pd.DataFrame, words: list[str], *, one_hot: bool) -> pd.DataFrame:
    """Numbers as numbers, words as columns of 0 and 1 or as they are."""
    numbers = frame.drop(columns=words).apply(pd.to_numeric, errors="coerce")
    if not words or not one_hot:
        return pd.concat([numbers, frame[words]], axis=1)
    return pd.concat([numbers, pd.get_dummies(frame[words], dtype=float)], axis=1)


def by_table(found: dict[str, dict[str, dict[str, float]]], figure: str) -> str:
    """One line for each table, one column for each model."""
    names = list(next(iter(found.values())))
    lines = ["| table | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for table, models in found.items():
        best = max(models[name][figure] for name in names)
        cells = [f"{models[name][figure]:.3f}" for name in names]
        marked = [
            f"**{c}**" if models[n][figure] == best else c
            for n, c in zip(names, cells, strict=True)
        ]
        lines.append(f"| {table} | " + " | ".join(marked) + " |")
    return "\n".join(lines) + "\n"


def summary(found: dict[str, dict[str, dict[str, float]]], probable: bool) -> str:
    """Means over the tables, and mean ranks; Brier score and calibration of probabilities alone."""
    names = list(next(iter(found.values())))
    ranks = {figure: mean_ranks(found, names, figure) for figure in ("ap", "auc")}
    head = "| model | mean AP | mean AUC | rank by AP | rank by AUC | Brier | calibration | s |"
    lines = [head, "|---" * 8 + "|"]
    for place in np.argsort(ranks["ap"], kind="stable"):
        name = names[place]
        mean = {f: np.mean([models[name][f] for models in found.values()]) for f in FIGURES}
        chances = f"{mean['brier']:.4f} | {mean['calibration']:.4f}" if probable else "- | -"
        lines.append(
            f"| {name} | {mean['ap']:.4f} | {mean['auc']:.4f} | {ranks['ap'][place]:.2f} "
            f"| {ranks['auc'][place]:.2f} | {chances} | {mean['seconds']:.1f} |"
        )
    return "\n".join(lines)


def mean_ranks(found: dict[str, Any], names: list[str], figure: str) -> np.ndarray:
    """The mean place of every model, 1 the best; equals share theirs."""
    from scipy.stats import rankdata

    values = np.array([[models[name][figure] for name in names] for models in found.values()])
    ranks: np.ndarray = rankdata(-values.round(9), axis=1).mean(axis=0)
    return ranks


if __name__ == "__main__":
    main()
