"""What a contract would have said to calls that were recorded.

    bytes --lines--> Line --run--> CallLine, ... and at last SummaryLine

A recording is one session: each line is one step, its calls one response, its `at` the time. What
the recorded calls led to stands beside them and is folded into the facts where this contract
granted the call; where it did not, the result is ignored and counted.

- `lines`: the form of the input, and where a line that is none of it is wrong.
- `late`: results that a recording tells after the line of their call, gathered beforehand.
- `run`: one line after the other, in the order of `step`; `register` knows which ids were seen,
  `waiting` the steps that wait for people, `rows` what may still change before it is printed.
- `unjudged`, `candidates`, `contribution`, `shortfall`, `imagined`: denials that stand only because
  an earlier call did not happen here, though it happened where the calls were recorded.
- `report`: the form of the output.

Order within a line: what has run out; labels; results of earlier calls; asks of earlier lines that
are approved, and their results; the line's calls as one response; its own asks that are approved;
its own results, the costs last.

Invariants
- The same policy and the same lines give the same output, byte for byte.
- A line is wrong as a whole or taken as a whole; what is wrong names its field.
- What is kept grows with the ids of the calls, with what waits, and with what rules name of outputs
  that are told late: not with arguments, nor with whole outputs.
- A denial that cannot be judged is still a denial.
"""
