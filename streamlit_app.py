"""cxrapp, the screening app: `make app`, which is python run_app.py"""

import streamlit as st

from cxrapp.panels.style import LOGO, style

st.set_page_config("cxrapp", page_icon="🩻", layout="wide")
st.html(style())
st.logo(LOGO)
# The page stands before PyTorch does: importing it takes seconds, once after the start.
with st.spinner("Starting: the network is being loaded, which takes some seconds."):
    from cxrapp.pages import compare, model, screen, sign_in, site
    from cxrapp.panels.tab import keep_over_reload
    from cxrapp.server.bundles import show_faults
    from cxrapp.server.startup import start_service

start_service()
account = sign_in.let_in()
keep_over_reload()
show_faults()
st.navigation(
    [
        st.Page(screen.show, title="Screen films", url_path="screen", default=True),
        st.Page(compare.show, title="Compare models", url_path="compare"),
        st.Page(site.show, title="Your own films", url_path="site"),
        st.Page(model.show, title="About the model", url_path="model"),
        *account,
    ],
    position="top",
).run()
