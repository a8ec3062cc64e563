"""cxrapp, the screening app: streamlit run streamlit_app.py"""

import streamlit as st

from cxrapp.pages import compare, model, screen, sign_in, site
from cxrapp.panels.style import style
from cxrapp.server.bundles import show_faults
from cxrapp.server.startup import start_service

st.set_page_config("cxrapp", page_icon="🩻", layout="wide")
st.html(style())
start_service()
account = sign_in.let_in()
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
