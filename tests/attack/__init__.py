"""Attacks on the running product, one function each; `python -m tests.attack` runs them all and prints a table.

stage       the product as a stranger meets it, and an honest user whose answer times are taken all the while
raw         HTTP and sockets as no browser makes them
finding     what an attack has found, and what is left of the log
strangers   attacks without a session
insiders    attacks of somebody who has signed in, mostly as viewer
leaks       what must not come out
attacks     all of them, with their sizes
"""
