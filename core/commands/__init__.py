"""What `python -m core` can do, one file per command. Each gives its parser and what it calls."""

OK, SOME_FAILED, WRONG_CONFIGURATION = 0, 1, 2  # exit codes
