"""The commands of `python -m core`, one file each: `add_to` adds its parser and functions."""

OK, SOME_FAILED, WRONG_CONFIGURATION = 0, 1, 2  # exit codes
