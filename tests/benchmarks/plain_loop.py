"""What a script of a few lines does: PIL, torchvision's transforms, one film at a time, eager.

python -m tests.benchmarks.plain_loop FOLDER OUT.csv
"""

import csv
import sys
from pathlib import Path

import torch
import torchvision
from PIL import Image
from torchvision import transforms


@torch.no_grad()
def main(folder: Path, out: Path) -> None:
    """Score every file of the folder with a DenseNet121 whose weights are random."""
    network = torchvision.models.densenet121(num_classes=2).eval()
    prepare = transforms.Compose(
        [
            transforms.Resize((224, 224)),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    with out.open("w", newline="") as file:
        writer = csv.writer(file)
        for path in sorted(folder.iterdir()):
            film = prepare(Image.open(path).convert("RGB"))
            writer.writerow([path.name, *network(film[None])[0].sigmoid().tolist()])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
