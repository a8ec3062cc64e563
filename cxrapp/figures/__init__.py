"""Films, heat maps and curves as pictures and Plotly figures."""
