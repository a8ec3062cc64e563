"""What one reader has open: films, settings, saved points, first reads. No Streamlit."""
