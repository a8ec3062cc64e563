"""Bad inputs, made from real films, the same at every call."""

from functools import cache

from tests.hostile.archives import archives
from tests.hostile.dicoms import dicoms
from tests.hostile.names import names
from tests.hostile.pictures import pictures
from tests.hostile.specimen import Specimen


@cache
def corpus() -> tuple[Specimen, ...]:
    """All specimens; no two have the same name."""
    return (*pictures(), *dicoms(), *archives(), *names())
