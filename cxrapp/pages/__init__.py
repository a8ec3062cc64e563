"""The app's pages: the only place besides streamlit_app.py that imports Streamlit."""
