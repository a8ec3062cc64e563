"""Who may see the pages: Streamlit's own OpenID Connect, off until secrets.toml has [auth]."""

import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from cxrapp.words import escape_markdown

NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
SHORTEST_SECRET = 32  # characters; whoever guesses it can sign in as anybody
PACKAGES = ("authlib", "httpx2")  # httpx2: Authlib's way to the provider, which it does not declare
LONGEST = 12 * 3600  # seconds of a long shift; Streamlit's own cookie lasts 30 days


def let_in() -> list[StreamlitPage]:
    """Stop the script before a stranger sees anything.

    Returns:
        The page by which a reader signs out; none where sign-in is off.
    """
    section = _read_section()
    if section is None:
        return []
    if problem := _problem(section):
        _close(problem)
    if not st.user.get("is_logged_in"):
        st.markdown("#### cxrapp\n\nThis app is for people who sign in.")
        st.button("Sign in", type="primary", on_click=st.login)
        st.stop()
    if refusal := _refusal(st.user, section.get("allowed"), time.time()):
        st.warning(escape_markdown(refusal))
        st.button("Sign in again", type="primary", on_click=st.login)
        st.button("Sign out", on_click=st.logout)
        st.stop()
    return [st.Page(_show_account, title="Sign out", url_path="sign-out")]


def _read_section() -> Mapping[str, Any] | None:
    """A file that is there and cannot be read closes the app: sign-in may be what it asks for."""
    try:
        return st.secrets.get("auth")
    except (OSError, ValueError) as error:
        there = [path for path in st.get_option("secrets.files") if Path(path).exists()]
        if there or isinstance(error, PermissionError):
            _close("secrets.toml cannot be read; it must be valid TOML that this user may read")
    return None


def _problem(section: Any) -> str:
    """Why nobody can sign in; empty where they can."""
    if not isinstance(section, Mapping):
        return "auth in secrets.toml is not a section"
    if missing := [key for key in NEEDED if not section.get(key)]:
        return f"[auth] in secrets.toml lacks {' and '.join(missing)}"
    if len(str(section["cookie_secret"])) < SHORTEST_SECRET:
        return f"cookie_secret in secrets.toml is shorter than {SHORTEST_SECRET} characters"
    allowed = section.get("allowed", [])
    if not isinstance(allowed, list) or not all("@" in str(entry) for entry in allowed):
        return "allowed in secrets.toml is not a list of e-mail addresses and @domains"
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        return f"the Python package {' and '.join(missing)} is not installed"
    return ""


def _refusal(user: Mapping[str, Any], allowed: list[str] | None, now: float) -> str:
    """Why someone with an account may not go on; empty where they may.

    Args:
        user: The claims of their identity token.
        allowed: Addresses, and domains with their @; None for everyone whom the provider knows.
        now: Seconds since 1970.
    """
    if now - user.get("iat", 0) > LONGEST:
        return f"You signed in more than {LONGEST // 3600} hours ago."
    if allowed is None:
        return ""
    address = str(user.get("email") or "").casefold()
    domain = address[address.rfind("@") :]
    if {address, domain}.isdisjoint(entry.casefold() for entry in allowed):
        return f"{address or 'An account without an e-mail address'} may not use this app."
    if user.get("email_verified") is False:
        return f"The provider has not verified that {address} is yours."
    return ""


def _close(problem: str) -> None:
    st.error(escape_markdown(f"The app is closed because {problem}."))
    st.stop()


def _show_account() -> None:
    who = st.user.get("email") or st.user.get("name") or "somebody without a name"
    st.markdown(
        f"You are signed in as **{escape_markdown(str(who))}**. Signing out closes this session, "
        "its films and its worklist."
    )
    st.button("Sign out", type="primary", on_click=st.logout)
