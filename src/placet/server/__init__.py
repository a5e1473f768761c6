"""The HTTP application: one door, behind which `routes` files of the parts do the work.

- `app` puts it together; `state` builds what it keeps and closes it again; `routes` lists the
  handlers of every part; `run` serves it with uvicorn.
- `edge` stands around everything: request ids, security headers, the access log, the count of
  requests, the time that a body may take. `connections` guards what comes before a request.
- `auth` is the one guard: it asks who a key speaks for and whether the key may do this.
- `problems` turns a refusal, a fault of the framework, or a mistake of ours into the one form of
  answer, and is the only file that knows status numbers.
- `limits` holds every limit; `health` and `metrics` tell operators how it goes; `openapi` and
  `reference` tell everybody what can be asked, and `docs` writes both down; `logs` writes one line
  per request.

Invariants
- A route that does not say which scope it needs is refused to everybody.
- What cannot be answered is `application/problem+json` with a code, and a 503 always says when to
  come back. No fault's text, no SQL, no secret is in an answer or in a log line.
- An answer to a stranger is the same whether a thing is somebody else's or nobody's.
- A request, its body and its answer are bounded in size, depth and time.

Failures: no database, `governance_unavailable`; a mistake of ours, `internal_error` with the
request's id and nothing else; a request that is cut short is dropped, and what it began is undone
with its transaction.
"""
