"""The command line: one file per group of commands.

`main` knows the names and one line about each, and imports a file when its command runs, so that
`placet --help` starts fast. A file imports click and the standard library; what is heavy is
imported inside the command that needs it. Each ends in `command`.

Data go to stdout, and everything said to a person to stderr. Every command takes `--json` and then
prints one JSON object or list. What goes wrong is one sentence and its remedy, and an exit code of
`exits`; a traceback is a mistake of ours.
"""
