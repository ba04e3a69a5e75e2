"""Partners of a home: opened, measured, played with by code, made quicker where nothing is lost by it."""
