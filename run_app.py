"""Start the app: python run_app.py [options of `streamlit run`]

The server answers at once. PyTorch, the pages and the models load beside it, and not only when the
first reader comes, who would wait for all of it.
"""

import logging
import os
import sys
import threading
import time
from pathlib import Path

from streamlit import runtime
from streamlit.web import cli

from cxrapp.runtime.memory import limit_heaps

APP = Path(__file__).with_name("streamlit_app.py")


def load_ahead() -> None:
    """What every session shares; what fails here, the first session tells its reader."""
    # Streamlit's caches miss a session here, which they do not need. Its levels are set anew as it
    # starts, its filters stay.
    loading = threading.get_ident()
    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").addFilter(
        lambda record: record.thread != loading
    )
    try:
        from cxrapp.pages import compare, model, screen, site  # noqa: F401
        from cxrapp.server import bundles
        from cxrapp.server.startup import start_service

        while not runtime.exists():  # its sessions are looked after
            time.sleep(0.05)
        start_service()  # a server that nobody has used yet is watched too
        bundles.load_ahead()
    except Exception:
        logging.getLogger(__name__).exception("not loaded ahead")


def main() -> None:
    """Serve until stopped."""
    limit_heaps()  # before there are threads to have heaps of their own
    threading.Thread(target=load_ahead, daemon=True).start()
    try:
        cli.main(["run", str(APP), *sys.argv[1:]], prog_name="streamlit")
    except SystemExit as stopped:
        sys.stdout.flush()
        # At the interpreter's end PyTorch's libraries print pages of leaks, and abort while they
        # still load.
        os._exit(int(stopped.code or 0))


if __name__ == "__main__":
    main()
