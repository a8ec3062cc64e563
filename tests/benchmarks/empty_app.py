"""The least a Streamlit page with a slider can be."""

import streamlit as st

st.text(st.slider("Threshold", 0.001, 0.999))
