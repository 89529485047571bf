"""Backups: one encrypted file with everything an installation needs, and the way back.

create   a copy of the database, profiles, certificates, keys and settings, encrypted to public keys
restore  put all of it back, or nothing; what was there is kept aside
drill    restore into a scratch place, compare with the manifest, run the queries of every page
"""
