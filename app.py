"""Start the demo: `python app.py [--host HOST] [--port PORT] [--model MODEL]`. Hugging Face Spaces run this too."""

import sys

from colpali_demo.__main__ import run


def main() -> None:
    """Run the command `serve` with the arguments of this program."""
    run(["serve", *sys.argv[1:]])


if __name__ == "__main__":
    main()
