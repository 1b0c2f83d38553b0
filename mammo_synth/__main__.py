"""``python -m mammo_synth``: the same as the command ``mammo-synth``."""

from mammo_synth.cli.main import main

if __name__ == "__main__":
    main()
