"""The program: films in, a trained, measured and exported lung network out."""

from pathlib import Path

from cxrapp.statistics.bootstrap import Rate
from train.files import load_checkpoint, save_atomically
from train.lungs.adult import fit_adult
from train.lungs.export import export_lungs
from train.lungs.films import CHILDREN, Pool, load_others, load_pool, read_lung_table, stamp_pool
from train.lungs.fit import SIZES, fit, load_network
from train.lungs.network import ExportedLungs
from train.machines import group_machines


def train_lungs(root: Path, out: Path, weights: Path | None = None, *, test: bool = False) -> None:
    """Train in `out`, or go on there.

    Args:
        weights: Where to write the network and its card, limits set and goals measured.
        test: Measure on the children's official test as well, which is counted in `out`.

    Raises:
        ValueError: `out` holds a run on other films or by other settings, or as `export_lungs`.
    """
    out.mkdir(parents=True, exist_ok=True)
    pool = load_training_pool(root, out)
    # Where all epochs are done it returns at once, and only the export is made anew.
    fit(pool, out)
    # Only where asked: a network may be trained in several sittings before it is measured.
    if weights:
        network, table = load_network(out), read_lung_table(root)
        # The pool's chest films in their order, since answers and pixels are matched by place.
        rows = table[table["role"] == "train"]
        machine = group_machines(rows[rows["source"] == CHILDREN], root)
        adult, held_out = fit_adult(network, pool, rows.assign(machine=machine))
        exported = ExportedLungs(network, adult)
        card = export_lungs(exported, held_out, root, weights, out, test=test)
        for group, rates in card.measured.items():
            for name, rate in rates.items():
                print(f"{group}, {name}: {Rate(**rate)}, {rate['n']} films")


def load_training_pool(root: Path, out: Path) -> Pool:
    """Every training film; kept in `out`/pool.pt, because decoding takes a minute or more."""
    # At the last size: `fit` makes the smaller ones from it.
    path, size = out / "pool.pt", SIZES[-1][0]
    table = read_lung_table(root)
    rows = table[table["role"] == "train"]
    # By its place alone a pool of other films, or of a mask drawn anew since, would be taken for
    # this one.
    stamp = stamp_pool(rows, root, size)
    kept = load_checkpoint(path) if path.exists() else {}
    if kept.pop("stamp", None) == stamp:
        return Pool(**kept)
    # What kind of picture it is matters where it is measured; here all are no chest film.
    others, _ = load_others(root, "train", size)
    pool = load_pool(rows, others, root, size)
    # Whole or not there: a run may be stopped while it is written.
    save_atomically(path, {"stamp": stamp, **vars(pool)})
    return pool
