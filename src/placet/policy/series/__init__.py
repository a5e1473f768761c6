"""Committed values in the order of their times, so that any later part of them is known at once.

- `timed`: entries that leave when a window has passed.
- `sums`: numbers that add up; `extremes`: the largest or the smallest; `distincts`: how many
  different values there are.
- `bounds`: a bound on what they come to, and until when it is kept.
"""
