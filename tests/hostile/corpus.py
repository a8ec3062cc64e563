"""Bad inputs, made from real films, the same at every call."""

from functools import cache

from archives import archives
from dicoms import dicoms
from names import names
from pictures import pictures
from specimen import Specimen


@cache
def corpus() -> tuple[Specimen, ...]:
    """All specimens; no two have the same name."""
    return (*pictures(), *dicoms(), *archives(), *names())
