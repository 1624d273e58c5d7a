"""`python -m submitter.cli` is the `proofhook` command."""

from submitter.cli import main

main()
