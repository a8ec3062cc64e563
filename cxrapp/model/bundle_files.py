"""Opening the two files of a bundle: nothing but ordinary files of bounded size in their folder."""

from pathlib import Path

from cxrapp.errors import InvalidBundle


def read_part(path: Path, what: str, limit: int) -> bytes:
    """The whole content of one file of a bundle.

    A link is followed only within its folder, as where a container mounts one: what lies
    elsewhere was not put there for this program.

    Args:
        what: What the file is, for the message.
        limit: The most bytes it may have.

    Raises:
        InvalidBundle: It is missing, elsewhere, no ordinary file, too large or unreadable.
    """
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(path.parent.resolve()):
            raise InvalidBundle(
                f"{path.name}: {what} is a link to a file outside its folder; copy the file itself."
            )
        if not real.is_file():  # a pipe would never end
            raise InvalidBundle(f"{path.name}: {what} is not an ordinary file.")
        with real.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise InvalidBundle(f"{path.name}: {what} is missing.") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: links that go round in a circle
        reason = getattr(error, "strerror", None) or error
        raise InvalidBundle(f"{path.name}: {what} cannot be opened ({reason}).") from None
    if len(data) > limit:
        raise InvalidBundle(f"{path.name}: {what} is larger than {limit // 2**20} MB.")
    return data
