"""Results leave the app: a table of the worklist, and files a hospital can keep.

`formats` holds one writer a kind of file, each from a card and the `Case` of every film. What may
leave at all, without names and without a refused film's numbers, is settled in `release`, in one
place for all of them. No torch, no Streamlit; the libraries that write are loaded when used.
"""
