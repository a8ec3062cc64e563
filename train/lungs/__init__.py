"""A small network that finds the lungs, and with them tells what is no frontal chest film.

python -m train lungs --data DIR --out runs/lungs            train
python -m train lungs --data DIR --out runs/lungs --export weights/lungs.pt [--test]

`films` reads masks and films and sets patients apart, `batches` makes a training batch hard,
`network` is the network, `fit` trains it, `adult` adds the head that tells adults, `limits` sets
what is plausible from films the network has not seen, `measure` says how it does on films kept
apart, photographs among them that `phone` makes, `sheet` shows twenty of them, `export` writes the
file and its card.
"""
