"""The whole workspace on one page: tools, rules, work under way, drift and who runs it."""
