"""Hands over to the command line."""

from placet.cli.main import main

main()
