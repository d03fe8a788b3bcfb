"""What leaves the demo: figures, files, and the scripts that draw them in a browser."""
