"""cxrapp, the screening app: streamlit run streamlit_app.py"""

import streamlit as st

from cxrapp.pages import model, screen

st.set_page_config("cxrapp", page_icon="🩻", layout="wide")
# Streamlit leaves a hand's breadth above every page; the film needs it more.
st.html("<style>.block-container {padding-top: 4rem; padding-bottom: 2rem}</style>")
st.navigation(
    [
        st.Page(screen.show, title="Screen films", url_path="screen", default=True),
        st.Page(model.show, title="About the model", url_path="model"),
    ],
    position="top",
).run()
