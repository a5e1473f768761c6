"""Counting what somebody's data stand in and stay: names, signed texts, material of contracts.

Each place is read page by page in the order of its key, so many rows and bytes at once, each page
in a transaction of its own. What is added behind the place that was reached is not counted.
"""
