"""Parts of the pytest plugin, imported when they are used."""
