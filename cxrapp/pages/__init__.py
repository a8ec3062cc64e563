"""The pages of the app, exactly those on its menu, one file each."""
