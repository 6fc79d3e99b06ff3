"""Every reader of byhand against inputs that nobody would write: nothing but a ByhandError may come out.

`python -m tests.fuzz --inputs 1000000` is the long run, coverage-guided where Atheris is installed; `test_fuzz.py` is a short one
with fixed seeds. What a run finds is saved in `found/`, and tried again by every test run.
"""
