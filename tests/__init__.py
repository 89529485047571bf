from hypothesis import settings

# How fast an example runs says nothing on a machine that runs four tests at once.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")
